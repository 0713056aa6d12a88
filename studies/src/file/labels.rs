//! Files of label projects: from text to a checked [`LabelSpec`].

use toml::de::DeTable;

use super::{
    convert::{self, count, filled_text, number, one_of, text, unsigned},
    diagnostic::Diagnostic,
    document::{Node, Problem, Report, Section},
    keys,
};
use crate::label::{AnswerSpec, Consensus, Form, FormKind, LabelSpec, LabelStudioSpec, Show};

/// Classes of one form: keys and buttons end long before.
const MAX_CLASSES: usize = 1_000;
/// Answers to one request, at most.
const MAX_ANSWERS: i64 = 100;
/// Requests in Label Studio at once, at most.
const MAX_AHEAD: i64 = 1_000_000;

/// Parses the file of a label project. `file` is how messages call it.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn parse_labels(text: &str, file: &str) -> Result<LabelSpec, Vec<Diagnostic>> {
    let report = Report::new(file, text);
    let Some(table) = super::table_of(text, &report) else { return Err(report.into_diagnostics()) };
    match project(&root(table.get_ref(), &report), file).filter(|_| report.is_clean()) {
        Some(spec) => Ok(spec),
        None => Err(report.into_diagnostics()),
    }
}

fn root<'a>(table: &'a DeTable<'a>, report: &'a Report<'a>) -> Section<'a> {
    Section::root_of(table, report, &keys::LABELS)
}

fn project(root: &Section, file: &str) -> Option<LabelSpec> {
    let form = match root.get("form") {
        Some(node) => node.section(&keys::FORM).or_else(|| table_wanted(&node)).and_then(|section| form(&section)),
        None => {
            root.missing("form", "say what is asked: [form] with kind = \"classes\" and classes = [\"yes\", \"no\"]");
            None
        }
    };
    let show = match root.get("show") {
        Some(node) => node.section(&keys::SHOW).or_else(|| table_wanted(&node)).map(|section| show(&section)).unwrap_or_default(),
        None => Show::default(),
    };
    let answers = match root.get("answers") {
        Some(node) => {
            node.section(&keys::ANSWERS).or_else(|| table_wanted(&node)).map(|section| answers(&section, form.as_ref()))?
        }
        None => AnswerSpec::default(),
    };
    let label_studio = root
        .get("label_studio")
        .and_then(|node| node.section(&keys::LABEL_STUDIO).or_else(|| table_wanted(&node)))
        .map(|section| label_studio(&section));
    let form = form?;
    if form.kind == FormKind::Pairwise && show.pair.is_none() {
        root.complain("show", Problem::new("`pair` is missing").hint("name the two columns: pair = [\"left\", \"right\"]"));
    }
    if form.kind == FormKind::Boxes && show.image.is_none() {
        root.complain("show", Problem::new("`image` is missing").hint("boxes are drawn on an image: image = \"COLUMN\""));
    }
    if form.kind == FormKind::Spans && show.text.is_none() {
        root.complain("show", Problem::new("`text` is missing").hint("spans are marked in a text: text = \"COLUMN\""));
    }
    let name = root.read("name", filled_text).unwrap_or_else(|| super::default_name_of(file, "labels"));
    Some(LabelSpec {
        name,
        instructions: root.read("instructions", text).unwrap_or_default(),
        dataset: root.read("dataset", filled_text),
        form,
        show,
        answers,
        seed: root.read("seed", unsigned).unwrap_or(0),
        label_studio,
    })
}

fn table_wanted<T>(node: &Node) -> Option<T> {
    node.complain(convert::wrong(node, "a table"));
    None
}

fn form(section: &Section) -> Option<Form> {
    let kind = section.require("kind", |node| one_of(node, &FormKind::NAMES), "write kind = \"classes\"")?;
    let classes = section.read("classes", class_names).unwrap_or_default();
    if kind.has_classes() && classes.is_empty() && section.get("classes").is_none() {
        section.missing("classes", "name them: classes = [\"yes\", \"no\"]");
    }
    if !kind.has_classes() && section.get("classes").is_some() {
        section.complain("classes", Problem::new(format!("the form `{}` has no classes", kind.name())).hint("leave the key out"));
    }
    let range = (section.read("min", number), section.read("max", number));
    for key in ["min", "max"].into_iter().filter(|key| kind != FormKind::Number && section.get(key).is_some()) {
        section.complain(key, Problem::new(format!("the form `{}` has no numbers", kind.name())).hint("leave the key out"));
    }
    if let (Some(low), Some(high)) = range
        && low >= high
    {
        section.complain("max", Problem::new(format!("`{high}` is not above min, `{low}`")));
    }
    Some(Form { kind, classes, range })
}

fn class_names(node: &Node) -> Result<Vec<String>, Problem> {
    if !node.value.is_array() {
        return Err(convert::wrong(node, "an array of names"));
    }
    let mut names: Vec<String> = Vec::new();
    for element in node.elements() {
        match element.read(filled_text) {
            Some(name) if names.contains(&name) => {
                element.complain(Problem::new(format!("`{}` is named twice", super::shown(&name))).hint("name each class once"));
            }
            Some(name) => names.push(name),
            None => {}
        }
    }
    match names.len() {
        0 => Err(Problem::new("has no names")),
        many if many > MAX_CLASSES => Err(Problem::new(format!("names {many} classes, and {MAX_CLASSES} are the most"))),
        _ => Ok(names),
    }
}

fn show(section: &Section) -> Show {
    let row = section.read("row", convert::arguments).unwrap_or_default();
    let pair = section.read("pair", |node| match convert::arguments(node)?.as_slice() {
        [a, b] => Ok((a.clone(), b.clone())),
        other => Err(Problem::new(format!("names {} columns, and a pair has two", other.len()))),
    });
    Show { text: section.read("text", filled_text), image: section.read("image", filled_text), row, pair }
}

fn answers(section: &Section, form: Option<&Form>) -> AnswerSpec {
    let default = AnswerSpec::default();
    if let Some(form) = form {
        check_consensus(section, form);
    }
    let (min, max) = section.read("overlap", overlap).unwrap_or((default.min, default.max));
    AnswerSpec {
        min,
        max,
        until: section.read("until", |node| share(node, 0.5)).unwrap_or(default.until),
        lease: section.read("lease", convert::limit_duration).unwrap_or(default.lease),
        expire: section.read("expire", convert::limit_duration),
        skips: section.read("skips", |node| count(node, &(1..=MAX_ANSWERS))).unwrap_or(default.skips),
        blind: section.read("blind", |node| share(node, 0.0)).unwrap_or(default.blind),
        gold: section.read("gold", |node| share(node, 0.0)).unwrap_or(default.gold),
        consensus: section.read("consensus", |node| one_of(node, &Consensus::NAMES)).unwrap_or_default(),
        iou: section.read("iou", iou).unwrap_or(default.iou),
        tolerance: section.read("tolerance", distance).unwrap_or(default.tolerance),
    }
}

/// Says of keys that this form does nothing with, so that nobody believes that they do something.
fn check_consensus(section: &Section, form: &Form) {
    let weighed = section.get("consensus").and_then(|node| one_of(&node, &Consensus::NAMES).ok()) == Some(Consensus::DawidSkene);
    if weighed && (form.kind != FormKind::Classes || form.classes.len() < 2) {
        let problem = Problem::new("`dawid-skene` weighs answers to the form `classes` with two classes or more");
        section.complain("consensus", problem.hint("leave the key out: the majority decides"));
    }
    let refuse = |key: &str, holds: bool, whose: &str| {
        if section.get(key).is_some() && !holds {
            let problem = Problem::new(format!("the form `{}` has no use for it: it is about {whose}", form.kind.name()));
            section.complain(key, problem.hint("leave the key out"));
        }
    };
    refuse("iou", matches!(form.kind, FormKind::Boxes | FormKind::Spans), "boxes and spans");
    refuse("tolerance", form.kind == FormKind::Number, "numbers");
}

fn iou(node: &Node) -> Result<f64, Problem> {
    match share(node, 0.0)? {
        0.0 => Err(Problem::new("`0` joins what does not touch").hint("0.5 is usual")),
        share => Ok(share),
    }
}

fn distance(node: &Node) -> Result<f64, Problem> {
    let given = number(node)?;
    if given >= 0.0 { Ok(given) } else { Err(Problem::new(format!("`{given}` is below 0"))) }
}

fn label_studio(section: &Section) -> LabelStudioSpec {
    LabelStudioSpec {
        title: section.read("project", label_studio_title),
        ahead: section.read("ahead", |node| count(node, &(1..=MAX_AHEAD))).unwrap_or(LabelStudioSpec::AHEAD),
    }
}

fn label_studio_title(node: &Node) -> Result<String, Problem> {
    let title = filled_text(node)?;
    match title.chars().count() {
        3..=50 => Ok(title),
        other => Err(Problem::new(format!("has {other} characters")).hint("titles there have 3 to 50")),
    }
}

/// A number of answers, or the least and the greatest.
fn overlap(node: &Node) -> Result<(u32, u32), Problem> {
    let range = 1..=MAX_ANSWERS;
    if !node.value.is_array() {
        let both = count(node, &range)?;
        return Ok((both, both));
    }
    let ends: Vec<u32> = node.elements().iter().filter_map(|element| element.read(|node| count(node, &range))).collect();
    match ends.as_slice() {
        [min, max] if min <= max => Ok((*min, *max)),
        [min, max] => Err(Problem::new(format!("`{min}` is more than `{max}`")).hint("write the smaller number first")),
        other => {
            Err(Problem::new(format!("has {} numbers", other.len()))
                .hint("write one number, or the least and the greatest: [1, 3]"))
        }
    }
}

fn share(node: &Node, least: f64) -> Result<f64, Problem> {
    let given = number(node)?;
    if (least..=1.0).contains(&given) { Ok(given) } else { Err(Problem::new(format!("`{given}` is not within {least} and 1"))) }
}
