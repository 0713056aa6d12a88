//! What a study says of its parameters, its progress and its front, for people.

use hone_proto::v1;

use super::{Cell, Column, Listing, Look, counts_text, number_text, values::visible};

/// Steps of the best-so-far curve that are shown, the last ones.
const STEPS: usize = 6;

/// Describes findings: a table of parameters, then what to change, then what else stands out.
pub fn findings_text(found: &v1::StudyExplanation, look: Look) -> String {
    let study = found.study.clone().unwrap_or_default();
    let mut out = format!("{}: {}\n", visible(&study.name), counts_text(&study));
    let is_told = found.parameters.iter().any(|parameter| parameter.importance > 0.0);
    if is_told {
        out += &format!("\nwhat matters, by {} over {} trials\n", method_text(&found.method), found.judged);
        out += &indented(&parameters(found).table(look));
        if found.parameters.iter().any(|parameter| !parameter.is_clear) {
            out += "    ?: no more than chance would show\n";
        }
    }
    out += &section("how it came along", progress(found, &study).iter());
    out += &section("what depends on what", found.interactions.iter().map(|pair| &pair.sentence));
    out += &section("what to change", found.advice.iter().map(|advice| &advice.sentence));
    out + &section("what else stands out", found.remarks.iter())
}

fn method_text(method: &str) -> &str {
    match method {
        "fanova" => "fANOVA",
        "ped-anova" => "PED-ANOVA",
        other => other,
    }
}

fn parameters(found: &v1::StudyExplanation) -> Listing {
    let columns = [("name", "PARAMETER"), ("importance", "IMPORTANCE"), ("clear", ""), ("good", "GOOD TRIALS")];
    let columns = columns.map(|(name, title)| Column::new(name, if title.is_empty() { " " } else { title }));
    let mut listing = Listing::new(columns.to_vec(), "no parameters");
    for parameter in &found.parameters {
        listing.push(vec![
            Cell::Text(parameter.name.clone()),
            Cell::Text(format!("{:>8.0} %", 100.0 * parameter.importance)),
            if parameter.is_clear { Cell::Nothing } else { Cell::Text("?".to_owned()) },
            if parameter.good.is_empty() { Cell::Nothing } else { Cell::Text(parameter.good.clone()) },
        ]);
    }
    listing
}

/// The last steps of the best-so-far curve, or what the front covers.
fn progress(found: &v1::StudyExplanation, study: &v1::Study) -> Vec<String> {
    let steps = &found.progress[found.progress.len().saturating_sub(STEPS)..];
    let step =
        |step: &v1::Improvement| format!("{} after {} trials (trial {})", number_text(step.value), step.finished, step.number);
    let mut lines: Vec<String> = steps.iter().map(step).collect();
    let ended = study.counts.map_or(0, |counts| counts.complete + counts.pruned + counts.failed + counts.cancelled);
    let since = steps.last().map_or(0, |last| ended.saturating_sub(last.finished));
    if since > 0 {
        lines.push(format!("no better in the {since} trials since"));
    }
    lines.extend(
        found.front.as_ref().filter(|front| front.trials > 0).map(|front| front_text(study, front).trim_end().to_owned()),
    );
    lines
}

/// Says how much a front covers, in one line.
pub fn front_text(study: &v1::Study, front: &v1::Front) -> String {
    let Some(volume) = front.hypervolume else {
        return format!("{} trials on the front; its hypervolume would take too long\n", front.trials);
    };
    let value = |(objective, value): (&v1::Objective, &f64)| format!("{} {}", visible(&objective.metric), number_text(*value));
    let reference: Vec<String> = study.objectives.iter().zip(&front.reference).map(value).collect();
    let (trials, volume) = (front.trials, number_text(volume));
    format!("{trials} trials on the front, hypervolume {volume} up to {}\n", reference.join(", "))
}

fn section<'a>(title: &str, sentences: impl Iterator<Item = &'a String>) -> String {
    let lines: String = sentences.map(|sentence| format!("    {}\n", visible(sentence))).collect();
    if lines.is_empty() { lines } else { format!("\n{title}\n{lines}") }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn found() -> v1::StudyExplanation {
        let range = v1::GoodRange { low: 1e-4, high: 1e-3, share: 0.25 };
        let rate = v1::ParameterFinding {
            name: "rate".to_owned(),
            importance: 0.9,
            is_clear: true,
            trials: 40,
            good: "from 0.0001 to 0.001, 25 % of its range".to_owned(),
            good_range: Some(range),
            good_options: vec![],
        };
        let option = v1::GoodOption { option: "adam".to_owned(), of_good: 1.0, of_all: 0.5, trials: 20 };
        let kind = v1::ParameterFinding {
            name: "kind".to_owned(),
            importance: 0.1,
            is_clear: false,
            trials: 40,
            good: "`adam` in 100 % (of all trials 50 %)".to_owned(),
            good_range: None,
            good_options: vec![option],
        };
        let sentence = "widen `rate`: 9 of 10 good trials lie at its lower bound 0.0001, the best may lie beyond".to_owned();
        v1::StudyExplanation {
            study: Some(v1::Study {
                name: "digits".to_owned(),
                counts: Some(v1::Counts { complete: 40, pruned: 3, ..v1::Counts::default() }),
                ..v1::Study::default()
            }),
            method: "fanova".to_owned(),
            judged: 40,
            parameters: vec![rate, kind],
            interactions: vec![],
            advice: vec![v1::Advice { kind: "widen".to_owned(), parameter: "rate".to_owned(), sentence }],
            remarks: vec!["3 of 43 trials were pruned".to_owned()],
            progress: vec![
                v1::Improvement { finished: 1, number: 0, value: 0.5 },
                v1::Improvement { finished: 7, number: 9, value: 0.25 },
            ],
            front: None,
        }
    }

    #[test]
    fn people_read_a_table_and_sentences() {
        let text = findings_text(&found(), Look::default());
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for line in [
            "what matters, by fANOVA over 40 trials",
            "what to change",
            "what else stands out",
            "3 of 43 trials were pruned",
            "0.25 after 7 trials (trial 9)",
            "no better in the 36 trials since",
        ] {
            assert!(lines.contains(&line), "`{line}` is missing in\n{text}");
        }
        let parameter = |name: &str| lines.iter().find(|line| line.starts_with(name)).copied().unwrap_or_default();
        assert!(parameter("rate").contains("90 %") && parameter("rate").ends_with("25 % of its range"), "{text}");
        assert!(parameter("kind").contains('?') && !parameter("rate").contains('?'), "{text}");
        assert!(text.contains("widen `rate`: 9 of 10 good trials") && !text.contains("what depends on what"), "{text}");
    }

    #[test]
    fn a_study_without_trials_says_only_what_stands_out() {
        let remarks = vec!["no trial has finished with a value yet, so there is nothing to explain".to_owned()];
        let study = Some(v1::Study { name: "new".to_owned(), ..v1::Study::default() });
        let text = findings_text(&v1::StudyExplanation { study, remarks, ..Default::default() }, Look::default());
        assert!(!text.contains("what matters") && text.contains("nothing to explain"), "{text}");
    }

    #[test]
    fn a_front_says_what_it_covers() {
        let objective = |metric: &str| v1::Objective { metric: metric.to_owned(), direction: "minimize".to_owned() };
        let study = v1::Study { objectives: vec![objective("loss"), objective("time")], ..v1::Study::default() };
        let front = v1::Front { trials: 3, hypervolume: Some(0.125), reference: vec![1.0, 20.0] };
        assert_eq!(front_text(&study, &front), "3 trials on the front, hypervolume 0.125 up to loss 1, time 20\n");
        assert!(front_text(&study, &v1::Front { hypervolume: None, ..front }).contains("too long"));
    }
}
