//! Labels as values, and as the JSON in which users, pages and files have them.
//!
//! | Form | JSON |
//! |---|---|
//! | classes | `"cat"` |
//! | multi | `["cat", "dog"]`, in the order of the form |
//! | boxes | `[{"class": "cat", "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}]`, as shares of the image |
//! | spans | `[{"class": "person", "start": 3, "end": 8}]`, in characters (code points), `end` excluded |
//! | number | `3.5` |
//! | pairwise | `"a"`, `"b"` or `"tie"` |

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::form::{Form, FormKind};
use crate::file::closest;

/// Boxes or spans in one answer, at most.
const MAX_PARTS: usize = 10_000;

/// One answer to a form. Two that mean the same are equal: parts are sorted and each is there once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Label {
    Class(u32),
    Classes(Vec<u32>),
    Boxes(Vec<LabelBox>),
    Spans(Vec<LabelSpan>),
    Number(f64),
    Pair(Preference),
}

/// A rectangle, as shares of the image's width and height from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct LabelBox {
    pub class: u32,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A piece of a text, in code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabelSpan {
    pub start: u32,
    /// The first code point that does not belong to it.
    pub end: u32,
    pub class: u32,
}

/// Which of two is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Preference {
    A,
    B,
    Tie,
}

impl Label {
    /// Reads a label from JSON and checks it against the form.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn from_json(form: &Form, value: &Value) -> Result<Label, String> {
        match form.kind {
            FormKind::Classes => text(value).and_then(|name| class(form, name)).map(Label::Class),
            FormKind::Multi => {
                let names = array(value, "an array of classes")?;
                let classes: Result<Vec<u32>, String> = names.iter().map(|name| class(form, text(name)?)).collect();
                Ok(Label::Classes(sorted(classes?, u32::cmp)))
            }
            FormKind::Boxes => {
                let parts = array(value, "an array of boxes")?;
                let boxes: Result<Vec<LabelBox>, String> = parts.iter().map(|part| read_box(form, part)).collect();
                boxes.map(Label::boxes)
            }
            FormKind::Spans => {
                let parts = array(value, "an array of spans")?;
                let spans: Result<Vec<LabelSpan>, String> = parts.iter().map(|part| read_span(form, part)).collect();
                spans.map(Label::spans)
            }
            FormKind::Number => number(form, value).map(Label::Number),
            FormKind::Pairwise => match value.as_str() {
                Some("a") => Ok(Label::Pair(Preference::A)),
                Some("b") => Ok(Label::Pair(Preference::B)),
                Some("tie") => Ok(Label::Pair(Preference::Tie)),
                _ => Err(format!("`{}` is not `a`, `b` or `tie`", short(value))),
            },
        }
    }

    /// Boxes in their order, each once.
    pub(super) fn boxes(boxes: Vec<LabelBox>) -> Label {
        Label::Boxes(sorted(boxes, |a, b| a.key().total_cmp(&b.key())))
    }

    /// Spans in their order, each once.
    pub(super) fn spans(spans: Vec<LabelSpan>) -> Label {
        Label::Spans(sorted(spans, LabelSpan::cmp))
    }

    /// Whether it is an answer to this form. What [`Label::from_json`] has read is.
    pub fn fits(&self, form: &Form) -> bool {
        let known = |class: &u32| (*class as usize) < form.classes.len();
        match (form.kind, self) {
            (FormKind::Classes, Label::Class(class)) => known(class),
            (FormKind::Multi, Label::Classes(classes)) => classes.iter().all(known),
            (FormKind::Boxes, Label::Boxes(boxes)) => boxes.iter().all(|one| known(&one.class)),
            (FormKind::Spans, Label::Spans(spans)) => spans.iter().all(|span| known(&span.class) && span.start < span.end),
            (FormKind::Number, Label::Number(number)) => number.is_finite(),
            (FormKind::Pairwise, Label::Pair(_)) => true,
            (FormKind::Classes | FormKind::Multi | FormKind::Boxes, _) => false,
            (FormKind::Spans | FormKind::Number | FormKind::Pairwise, _) => false,
        }
    }

    /// Writes the label as users have it.
    pub fn to_json(&self, form: &Form) -> Value {
        match self {
            Label::Class(class) => json!(form.class_name(*class)),
            Label::Classes(classes) => classes.iter().map(|class| json!(form.class_name(*class))).collect(),
            Label::Boxes(boxes) => boxes.iter().map(|one| write_box(form, one)).collect(),
            Label::Spans(spans) => {
                let write =
                    |span: &LabelSpan| json!({"class": form.class_name(span.class), "start": span.start, "end": span.end});
                spans.iter().map(write).collect()
            }
            Label::Number(number) => json!(number),
            Label::Pair(preference) => json!(match preference {
                Preference::A => "a",
                Preference::B => "b",
                Preference::Tie => "tie",
            }),
        }
    }
}

/// A total order over boxes, as one array of numbers.
#[derive(PartialEq)]
struct BoxKey([f64; 5]);

impl BoxKey {
    fn total_cmp(&self, other: &BoxKey) -> std::cmp::Ordering {
        let pairs = self.0.iter().zip(&other.0).map(|(a, b)| a.total_cmp(b));
        pairs.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    }
}

impl LabelBox {
    fn key(&self) -> BoxKey {
        BoxKey([f64::from(self.class), self.x, self.y, self.width, self.height])
    }
}

fn sorted<T: PartialEq>(mut parts: Vec<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
    parts.sort_by(order);
    parts.dedup();
    parts
}

fn read_box(form: &Form, value: &Value) -> Result<LabelBox, String> {
    let fields = object(value, &["class", "x", "y", "width", "height"], "a box")?;
    let share = |name: &str| -> Result<f64, String> {
        let given = field(fields, name)?.as_f64().filter(|share| (0.0..=1.0).contains(share));
        // A zero has no sign here.
        let given = given.map(|share| share + 0.0);
        given.ok_or_else(|| format!("`{name}` of a box is not within 0 and 1: it is a share of the image"))
    };
    let class = class(form, text(field(fields, "class")?)?)?;
    let read = LabelBox { class, x: share("x")?, y: share("y")?, width: share("width")?, height: share("height")? };
    // What a browser sends may be off by a rounding.
    const SLACK: f64 = 1e-9;
    if read.width <= 0.0 || read.height <= 0.0 {
        return Err("a box has no area".to_owned());
    }
    if read.x + read.width > 1.0 + SLACK || read.y + read.height > 1.0 + SLACK {
        return Err("a box reaches beyond the image".to_owned());
    }
    Ok(read)
}

fn write_box(form: &Form, one: &LabelBox) -> Value {
    json!({"class": form.class_name(one.class), "x": one.x, "y": one.y, "width": one.width, "height": one.height})
}

fn read_span(form: &Form, value: &Value) -> Result<LabelSpan, String> {
    let fields = object(value, &["class", "start", "end"], "a span")?;
    let place = |name: &str| -> Result<u32, String> {
        let given = field(fields, name)?.as_u64().and_then(|place| u32::try_from(place).ok());
        given.ok_or_else(|| format!("`{name}` of a span is not a position in the text"))
    };
    let span = LabelSpan { class: class(form, text(field(fields, "class")?)?)?, start: place("start")?, end: place("end")? };
    if span.start >= span.end {
        return Err(format!("a span ends at {} and starts at {}", span.end, span.start));
    }
    Ok(span)
}

fn number(form: &Form, value: &Value) -> Result<f64, String> {
    let given = value.as_f64().filter(|number| number.is_finite());
    let number = given.ok_or_else(|| format!("`{}` is not a number", short(value)))? + 0.0;
    match form.range {
        (Some(low), _) if number < low => Err(format!("`{number}` is below {low}")),
        (_, Some(high)) if number > high => Err(format!("`{number}` is above {high}")),
        (_, _) => Ok(number),
    }
}

fn class(form: &Form, name: &str) -> Result<u32, String> {
    form.class(name).ok_or_else(|| {
        let near = closest(name, form.classes.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("there is no class `{}`{hint}", short(&json!(name)))
    })
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("`{}` is not the name of a class", short(value)))
}

fn array<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], String> {
    let parts = value.as_array().ok_or_else(|| format!("`{}` is not {what}", short(value)))?;
    if parts.len() > MAX_PARTS {
        return Err(format!("{} parts are more than the {MAX_PARTS} that an answer may have", parts.len()));
    }
    Ok(parts)
}

fn object<'a>(value: &'a Value, known: &[&str], what: &str) -> Result<&'a Map<String, Value>, String> {
    let fields = value.as_object().ok_or_else(|| format!("`{}` is not {what}", short(value)))?;
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(format!("{what} has no `{}`; it has `{}`", short(&json!(unknown)), known.join("`, `"))),
        None => Ok(fields),
    }
}

fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    fields.get(name).ok_or_else(|| format!("`{name}` is missing"))
}

/// A value for a message: its start, harmless.
fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    crate::file::shown(&text)
}
