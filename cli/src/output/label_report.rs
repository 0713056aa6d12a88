//! How far a project's labels can be trusted, for people.

use hone_proto::v1;
use serde_json::Value;

use super::{
    Cell, Column, Listing, Look,
    values::{span_text, visible},
};

/// Pairs of annotators that are shown; all are in the JSON.
const PAIRS: usize = 10;

/// Writes the report of a project.
pub fn label_report_text(project: &v1::LabelProject, report: &Value, look: Look) -> String {
    let counts = project.counts.unwrap_or_default();
    let control = &report["control"];
    let mut out = format!(
        "{}: {} labels, {} in conflict, {} answers\n",
        visible(&project.name),
        counts.resolved,
        counts.conflict,
        counts.answers
    );
    out += &format!("drawn at random: {} of {} labels\n", control["labels"], control["of"]);
    out += &agreement(&report["agreement"]);
    let annotators = report["annotators"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !annotators.is_empty() {
        out += "\nannotators\n";
        out += &annotators_listing(annotators).table(look);
    }
    if let Some(says) = report["anchoring"]["says"].as_str() {
        out += &format!("\npredictions: {says}\n");
    }
    out
}

fn agreement(found: &Value) -> String {
    let samples = found["samples"].as_u64().unwrap_or(0);
    if samples == 0 {
        return "\nagreement: no sample has two answers; `answers.overlap` asks for more\n".to_owned();
    }
    let mut out = format!("\nagreement on {samples} samples with two answers or more\n");
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            out += &format!("  {name:22} {value}\n");
        }
    };
    let number = |field: &str| found[field].as_f64();
    fact("same answer", number("percent").map(percent));
    let interval = number("alpha_low").zip(number("alpha_high"));
    let alpha = number("alpha").map(|alpha| format!("{alpha:.3}"));
    let interval = interval.map(|(low, high)| format!(" (95 %: {low:.3} to {high:.3})")).unwrap_or_default();
    fact("Krippendorff's alpha", alpha.map(|alpha| alpha + &interval));
    fact("Fleiss' kappa", number("fleiss_kappa").map(|kappa| format!("{kappa:.3}")));
    fact("likeness of two answers", number("similarity").map(|likeness| format!("{likeness:.3}")));
    for pair in found["pairs"].as_array().into_iter().flatten().take(PAIRS) {
        let name = |at: usize| visible(pair["annotators"][at].as_str().unwrap_or_default());
        let kappa = pair["kappa"].as_f64().map_or("no meaning".to_owned(), |kappa| format!("{kappa:.3}"));
        fact("Cohen's kappa", Some(format!("{kappa}  {} and {}, {} samples", name(0), name(1), pair["samples"])));
    }
    out
}

fn annotators_listing(annotators: &[Value]) -> Listing {
    let all = [
        ("name", "NAME"),
        ("answers", "ANSWERS"),
        ("gold", "GOLD RIGHT"),
        ("agree_with_others", "AS OTHERS SAY"),
        ("estimated_accuracy", "ESTIMATED"),
        ("spammer_score", "TELLING"),
        ("median", "MEDIAN"),
    ];
    let columns = all.iter().map(|(name, title)| Column::new(name, title)).collect();
    let mut listing = Listing::new(columns, "nobody has answered yet");
    for annotator in annotators {
        let share = |field: &str| annotator[field].as_f64().map_or(Cell::Nothing, |share| Cell::Text(percent(share)));
        listing.push(vec![
            Cell::Text(annotator["name"].as_str().unwrap_or_default().to_owned()),
            Cell::Whole(annotator["answers"].as_u64().unwrap_or(0)),
            scored(&annotator["gold"]),
            scored(&annotator["agree_with_others"]),
            share("estimated_accuracy"),
            share("spammer_score"),
            annotator["median_ms"].as_f64().map_or(Cell::Nothing, |ms| Cell::Text(span_text((ms * 1_000.0) as i64))),
        ]);
    }
    listing
}

/// `14 of 15 (70 to 99 %)`
fn scored(scored: &Value) -> Cell {
    let of = scored["of"].as_u64().unwrap_or(0);
    if of == 0 {
        return Cell::Nothing;
    }
    let end = |field: &str| 100.0 * scored[field].as_f64().unwrap_or(f64::NAN);
    Cell::Text(format!("{} of {of} ({:.0} to {:.0} %)", scored["right"], end("low"), end("high")))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_measured_is_left_out() {
        let project = v1::LabelProject { name: "pets".to_owned(), ..v1::LabelProject::default() };
        let report = json!({
            "agreement": {"samples": 12, "percent": 0.75, "alpha": 0.5, "alpha_low": 0.25, "alpha_high": 0.75,
                "pairs": [{"annotators": ["ada", "bob"], "samples": 12, "kappa": null}]},
            "annotators": [{"name": "ada", "answers": 12, "gold": {"of": 0},
                "agree_with_others": {"right": 9, "of": 12, "low": 0.46, "high": 0.91},
                "estimated_accuracy": 0.875, "spammer_score": null, "median_ms": 2500.0}],
            "anchoring": null,
            "control": {"labels": 1, "of": 12},
        });
        insta::assert_snapshot!(label_report_text(&project, &report, Look::default()), @r"
        pets: 0 labels, 0 in conflict, 0 answers
        drawn at random: 1 of 12 labels

        agreement on 12 samples with two answers or more
          same answer            75.0 %
          Krippendorff's alpha   0.500 (95 %: 0.250 to 0.750)
          Cohen's kappa          no meaning  ada and bob, 12 samples

        annotators
        NAME  ANSWERS  AS OTHERS SAY         ESTIMATED  MEDIAN
        ada        12  9 of 12 (46 to 91 %)  87.5 %     2.5s
        ");
        let nothing = json!({"agreement": {"samples": 0}, "annotators": [], "anchoring": {"says": "too early"},
            "control": {"labels": 0, "of": 0}});
        insta::assert_snapshot!(label_report_text(&project, &nothing, Look::default()), @r"
        pets: 0 labels, 0 in conflict, 0 answers
        drawn at random: 0 of 0 labels

        agreement: no sample has two answers; `answers.overlap` asks for more

        predictions: too early
        ");
    }
}
