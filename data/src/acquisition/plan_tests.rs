use super::super::{Acquisition, Mixture};
use super::*;

fn read(text: &str) -> Result<Plan, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn settings_are_read_as_they_are_written() {
    for text in [
        "{}",
        r#"{"method": "bald", "diversity": "k-means++", "prefilter": 10.0}"#,
        r#"{"method": {"margin": 0.8, "random": 0.2}, "diversity": "none", "near_duplicates": 0.0, "budget": 12.5}"#,
        r#"{"method": "probcover", "space": "gradient", "metric": "cosine", "radius": 0.5, "density": 1.0}"#,
    ] {
        let plan = read(text).unwrap();
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(read(&written).unwrap(), plan, "{written}");
    }
    assert_eq!(read("{}").unwrap(), Plan::default());
    assert_eq!(read(r#"{"diversity": "k_center"}"#).unwrap(), Plan::default());
    assert_eq!(read(r#"{"method": "margin=3,random=1"}"#), read(r#"{"method": {"margin": 0.75, "random": 0.25}}"#));
}

#[test]
fn unknown_settings_and_numbers_that_cannot_be_are_refused() {
    assert!(read(r#"{"diversit": "none"}"#).unwrap_err().starts_with("unknown field `diversit`, expected one of `method`"));
    assert!(read(r#"{"control": 0.1}"#).unwrap_err().starts_with("unknown field `control`"));
    assert!(read(r#"{"method": "margn"}"#).unwrap_err().contains("did you mean `margin`?"));
    assert!(read(r#"{"diversity": "kcenter"}"#).unwrap_err().contains("`k-center`"));
    for (text, message) in [
        (r#"{"prefilter": 0.5}"#, "`prefilter` is `0.5`; write a factor of 1 or more"),
        (r#"{"density": -1.0}"#, "`density` is `-1`; write a power of 0 or more"),
        (r#"{"beta": -1.0}"#, "`beta` is `-1`; write a power of 0 or more"),
        (r#"{"near_duplicates": -0.1}"#, "`near_duplicates` is `-0.1`; write a distance of 0 or more"),
        (r#"{"budget": -3}"#, "`budget` is `-3`; write a cost of 0 or more"),
        (r#"{"radius": -3}"#, "`radius` is `-3`; write a distance of 0 or more"),
    ] {
        assert_eq!(read(text).unwrap_err(), message);
    }
    let infinite = PlanSettings { prefilter: f64::INFINITY, ..PlanSettings::default() };
    assert!(Plan::new(infinite).is_err());
    assert!(Plan::new(PlanSettings { density: f64::NAN, ..PlanSettings::default() }).is_err());
}

#[test]
fn the_default_is_margin_thinned_by_k_center() {
    let settings = Plan::default().settings().clone();
    assert_eq!(settings.method, Mixture::from(Acquisition::Margin));
    assert_eq!((settings.diversity, settings.prefilter), (Diversity::KCenter, 3.0));
}
