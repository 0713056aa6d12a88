use super::*;

#[test]
fn every_name_is_read_as_it_is_written() {
    for acquisition in Acquisition::ALL {
        assert_eq!(Acquisition::parse(acquisition.name()), Ok(acquisition));
        let json = serde_json::to_string(&acquisition).unwrap();
        assert_eq!(json, format!("\"{acquisition}\""));
        assert_eq!(serde_json::from_str::<Acquisition>(&json).unwrap(), acquisition);
    }
    let mut names = Acquisition::ALL.map(Acquisition::name);
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn other_names_of_the_field_are_known() {
    assert_eq!(Acquisition::parse("Breaking-Ties"), Ok(Acquisition::Margin));
    assert_eq!(Acquisition::parse("BatchBALD"), Ok(Acquisition::BatchBald));
    assert_eq!(Acquisition::parse(" k-center "), Ok(Acquisition::CoreSet));
}

#[test]
fn unknown_names_are_refused_with_the_nearest_one() {
    let refused = |text| Acquisition::parse(text).unwrap_err().to_string();
    assert_eq!(refused("margn"), "there is no acquisition function `margn`; did you mean `margin`?");
    assert_eq!(refused("coresett"), "there is no acquisition function `coresett`; did you mean `core_set`?");
    let all = refused("xyz");
    assert!(all.starts_with("there is no acquisition function `xyz`; there are `random`, `least_confidence`"), "{all}");
    assert!(serde_json::from_str::<Acquisition>("\"entropie\"").unwrap_err().to_string().contains("did you mean `entropy`?"));
}
