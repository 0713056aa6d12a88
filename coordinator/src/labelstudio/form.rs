//! What annotators of Label Studio see: a project's form and the parts of a sample as a labelling configuration, XML.
//!
//! Names of ours, not of the user's columns, stand in the configuration and in the tasks' data: columns may be called
//! what they like.

use std::fmt::Write;

use hone_studies::label::{Form, FormKind, LabelSpec, Show};

/// The control that is filled in.
pub(super) const CONTROL: &str = "label";
/// The second control of a pair: neither is better.
pub(super) const TIE: &str = "tie";
pub(super) const TEXT: &str = "text";
pub(super) const IMAGE: &str = "image";
pub(super) const ROW: &str = "row";
/// The two that are compared.
pub(super) const PAIR: [&str; 2] = ["a", "b"];

/// Writes the labelling configuration of a project.
pub(super) fn config_of(spec: &LabelSpec) -> String {
    let mut xml = String::from("<View>\n");
    for part in parts(&spec.show) {
        // Long texts keep their lines.
        let _ = match part {
            TEXT => writeln!(xml, r#"  <Text name="text" value="$text" valueType="text" granularity="symbol"/>"#),
            IMAGE => writeln!(xml, r#"  <Image name="image" value="$image" zoom="true"/>"#),
            ROW => writeln!(xml, r#"  <Table name="row" value="$row"/>"#),
            side => writeln!(xml, r#"  <HyperText name="{side}" value="${side}"/>"#),
        };
    }
    control(&mut xml, &spec.form, target(spec));
    xml.push_str("</View>");
    xml
}

/// What a project is called there where its file does not say.
pub(super) fn title_of(spec: &LabelSpec) -> String {
    let given = spec.label_studio.as_ref().and_then(|there| there.title.clone());
    given.unwrap_or_else(|| format!("hone/{}", spec.name).chars().take(50).collect())
}

/// The parts of a sample that are shown, at least one.
pub(super) fn parts(show: &Show) -> Vec<&'static str> {
    let mut parts = Vec::new();
    parts.extend(show.text.as_ref().map(|_| TEXT));
    parts.extend(show.image.as_ref().map(|_| IMAGE));
    parts.extend((!show.row.is_empty()).then_some(ROW));
    parts.extend(show.pair.iter().flat_map(|_| PAIR));
    if parts.is_empty() {
        parts.push(ROW);
    }
    parts
}

/// The part that answers are about.
pub(super) fn target(spec: &LabelSpec) -> &'static str {
    match spec.form.kind {
        FormKind::Boxes => IMAGE,
        FormKind::Spans => TEXT,
        FormKind::Pairwise => PAIR[0],
        FormKind::Classes | FormKind::Multi | FormKind::Number => parts(&spec.show)[0],
    }
}

fn control(xml: &mut String, form: &Form, target: &str) {
    let _ = match form.kind {
        // Without an answer there is none, and Label Studio says so.
        FormKind::Classes => write_choices(xml, CONTROL, target, r#"choice="single" required="true""#, &form.classes),
        FormKind::Multi => write_choices(xml, CONTROL, target, r#"choice="multiple""#, &form.classes),
        FormKind::Boxes => {
            write_labels(xml, "RectangleLabels", &format!(r#"toName="{target}" canRotate="false""#), &form.classes)
        }
        FormKind::Spans => write_labels(xml, "Labels", &format!(r#"toName="{target}""#), &form.classes),
        FormKind::Number => {
            let limit = |name: &str, limit: Option<f64>| limit.map_or_else(String::new, |limit| format!(r#" {name}="{limit}""#));
            let (min, max) = (limit("min", form.range.0), limit("max", form.range.1));
            writeln!(xml, r#"  <Number name="{CONTROL}" toName="{target}"{min}{max} required="true"/>"#)
        }
        FormKind::Pairwise => writeln!(xml, r#"  <Pairwise name="{CONTROL}" toName="{},{}"/>"#, PAIR[0], PAIR[1])
            .and_then(|()| write_choices(xml, TIE, target, r#"choice="multiple""#, &["tie".to_owned()])),
    };
}

fn write_choices(xml: &mut String, name: &str, target: &str, more: &str, values: &[String]) -> std::fmt::Result {
    writeln!(xml, r#"  <Choices name="{name}" toName="{target}" {more}>"#)?;
    for value in values {
        writeln!(xml, r#"    <Choice value="{}"/>"#, escaped(value))?;
    }
    writeln!(xml, "  </Choices>")
}

fn write_labels(xml: &mut String, tag: &str, more: &str, values: &[String]) -> std::fmt::Result {
    writeln!(xml, r#"  <{tag} name="{CONTROL}" {more}>"#)?;
    for value in values {
        writeln!(xml, r#"    <Label value="{}"/>"#, escaped(value))?;
    }
    writeln!(xml, "  </{tag}>")
}

/// A text as the value of an attribute, or in HTML. What XML cannot hold becomes a question mark.
pub(super) fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            // Attributes keep these only as references.
            '\t' | '\n' | '\r' => {
                let _ = write!(written, "&#{};", u32::from(letter));
            }
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => written.push('?'),
            other => written.push(other),
        }
    }
    written
}
