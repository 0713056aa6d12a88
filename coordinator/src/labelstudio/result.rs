//! Labels as Label Studio's results, and back.
//!
//! | Form | `type` | `value` |
//! |---|---|---|
//! | classes, multi | `choices` | `{"choices": ["cat"]}` |
//! | boxes | `rectanglelabels` | `{"x", "y", "width", "height"` in hundredths of the image`, "rotation": 0, "rectanglelabels": ["cat"]}` |
//! | spans | `labels` | `{"start": 3, "end": 8, "labels": ["person"]}`, in code points, as Label Studio's editor counts |
//! | number | `number` | `{"number": 3.5}` |
//! | pairwise | `pairwise`, `choices` | `{"selected": "left"}`; neither: `{"choices": ["tie"]}` of the second control |
//!
//! Label Studio takes labels that its configuration does not know, so everything is checked against the form here.

use hone_studies::label::{Form, FormKind, Label, Preference};
use serde_json::{Value as Json, json};

use super::form::{CONTROL, PAIR, TIE};

/// A hundred per cent, with what arithmetic in a browser may add.
const WHOLE: f64 = 100.0;
const SLACK: f64 = 1e-6;

/// Writes a label as results for the object `target`. `confidence` (0 to 1) is shown beside each.
pub(super) fn label_to_results(form: &Form, label: &Label, target: &str, confidence: f64) -> Vec<Json> {
    let result = |from: &str, to: &str, kind: &str, value: Json| json!({"from_name": from, "to_name": to, "type": kind, "value": value, "score": confidence});
    let named = |class: u32| [form.class_name(class)];
    match label {
        Label::Class(class) => vec![result(CONTROL, target, "choices", json!({"choices": named(*class)}))],
        // Nothing chosen is no result there.
        Label::Classes(classes) if classes.is_empty() => Vec::new(),
        Label::Classes(classes) => {
            let names: Vec<&str> = classes.iter().map(|class| form.class_name(*class)).collect();
            vec![result(CONTROL, target, "choices", json!({"choices": names}))]
        }
        Label::Boxes(boxes) => boxes
            .iter()
            .map(|one| {
                let value = json!({
                    "x": one.x * WHOLE, "y": one.y * WHOLE, "width": one.width * WHOLE, "height": one.height * WHOLE,
                    "rotation": 0, "rectanglelabels": named(one.class),
                });
                result(CONTROL, target, "rectanglelabels", value)
            })
            .collect(),
        Label::Spans(spans) => spans
            .iter()
            .map(|span| {
                let value = json!({"start": span.start, "end": span.end, "labels": named(span.class)});
                result(CONTROL, target, "labels", value)
            })
            .collect(),
        Label::Number(number) => vec![result(CONTROL, target, "number", json!({"number": number}))],
        Label::Pair(Preference::Tie) => vec![result(TIE, target, "choices", json!({"choices": ["tie"]}))],
        Label::Pair(side) => {
            let selected = if *side == Preference::A { "left" } else { "right" };
            vec![result(CONTROL, &PAIR.join(","), "pairwise", json!({"selected": selected}))]
        }
    }
}

/// Reads results as a label of this form. Results of controls that are not ours are passed over.
///
/// # Errors
/// A sentence that says what does not fit.
pub(super) fn label_from_results(form: &Form, results: &[Json]) -> Result<Label, String> {
    let ours: Vec<&Json> = results.iter().filter(|result| result["from_name"] == CONTROL).collect();
    let value = match form.kind {
        FormKind::Classes => {
            let chosen = chosen(&ours)?;
            match chosen.as_slice() {
                [class] => class.clone(),
                [] => return Err("no class was chosen".to_owned()),
                more => return Err(format!("{} classes were chosen, and one is wanted", more.len())),
            }
        }
        FormKind::Multi => Json::Array(chosen(&ours)?),
        FormKind::Boxes => ours.iter().map(|result| read_box(&result["value"])).collect::<Result<Json, String>>()?,
        FormKind::Spans => ours.iter().map(|result| read_span(&result["value"])).collect::<Result<Json, String>>()?,
        FormKind::Number => match ours.as_slice() {
            [one] => one["value"]["number"].clone(),
            [] => return Err("no number was given".to_owned()),
            more => return Err(format!("{} numbers were given, and one is wanted", more.len())),
        },
        FormKind::Pairwise => pair(&ours, results)?,
    };
    Label::from_json(form, &value)
}

fn chosen(results: &[&Json]) -> Result<Vec<Json>, String> {
    let mut all = Vec::new();
    for result in results {
        let choices = result["value"]["choices"].as_array().ok_or("an answer holds no choices")?;
        all.extend(choices.iter().cloned());
    }
    Ok(all)
}

fn pair(ours: &[&Json], results: &[Json]) -> Result<Json, String> {
    let is_tie = results.iter().any(|result| result["from_name"] == TIE && result["value"]["choices"][0] == "tie");
    let selected: Vec<&Json> = ours.iter().map(|result| &result["value"]["selected"]).collect();
    match (selected.as_slice(), is_tie) {
        ([], true) => Ok(json!("tie")),
        ([side], false) if **side == "left" => Ok(json!("a")),
        ([side], false) if **side == "right" => Ok(json!("b")),
        ([], false) => Err("neither was chosen, and they were not called equal".to_owned()),
        (_, true) => Err("one was chosen, and they were called equal too".to_owned()),
        (_, false) => Err("what was chosen is neither left nor right".to_owned()),
    }
}

fn read_box(value: &Json) -> Result<Json, String> {
    if value["rotation"].as_f64().is_some_and(|turned| turned != 0.0) {
        return Err("a box is turned, and boxes have sides along those of the image".to_owned());
    }
    let share = |name: &str| -> Result<f64, String> {
        value[name].as_f64().map(|share| share / WHOLE).ok_or_else(|| format!("a box has no `{name}`"))
    };
    let (x, width) = within(share("x")?, share("width")?);
    let (y, height) = within(share("y")?, share("height")?);
    Ok(json!({"class": only(&value["rectanglelabels"], "a box")?, "x": x, "y": y, "width": width, "height": height}))
}

/// A side that reaches beyond the image by no more than a rounding ends with it.
fn within(start: f64, length: f64) -> (f64, f64) {
    let start = if (-SLACK..0.0).contains(&start) { 0.0 } else { start };
    let beyond = start + length - 1.0;
    (start, if (0.0..SLACK).contains(&beyond) { length - beyond } else { length })
}

fn read_span(value: &Json) -> Result<Json, String> {
    let class = only(&value["labels"], "a span")?;
    Ok(json!({"class": class, "start": value["start"], "end": value["end"]}))
}

fn only<'a>(classes: &'a Json, what: &str) -> Result<&'a Json, String> {
    match classes.as_array().map(Vec::as_slice) {
        Some([class]) => Ok(class),
        Some([]) | None => Err(format!("{what} has no class")),
        Some(more) => Err(format!("{what} has {} classes, and one is wanted", more.len())),
    }
}
