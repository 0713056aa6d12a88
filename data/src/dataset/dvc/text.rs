//! Texts as DVC writes them: scalars of YAML as ruamel.yaml does, strings of JSON as Python does.

use std::fmt::Write as _;

/// Characters that mean something at the beginning of a scalar.
const INDICATORS: &str = ",[]{}#&*!|>'\"%@`";

/// Writes a scalar in one line: plain where that reads as the same text, else in quotes.
///
/// What is longer than a line DVC would fold; that reads the same.
#[must_use]
pub fn yaml(text: &str) -> String {
    let special = text.chars().any(|c| c.is_control() || c == '\u{feff}');
    if special || (text.contains('\'') && !is_plain(text)) {
        return double_quoted(text);
    }
    if is_plain(text) { text.to_owned() } else { format!("'{text}'") }
}

fn is_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let (Some(first), second) = (characters.next(), characters.next()) else { return false };
    let blank_follows = second.is_none_or(|second| second == ' ');
    let indicates = INDICATORS.contains(first) || (matches!(first, '-' | '?' | ':') && blank_follows);
    let document = text.starts_with("---") || text.starts_with("...");
    let inner = !text.contains(": ") && !text.contains(" #") && !text.ends_with(':');
    let ends = !text.starts_with(' ') && !text.ends_with(' ');
    !indicates && inner && ends && !document && !is_resolved(text)
}

/// Whether the text alone would be read as something else than text (YAML 1.2, as ruamel.yaml resolves it).
fn is_resolved(text: &str) -> bool {
    let words = ["true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "~", "<<", "="];
    words.contains(&text) || is_number(text) || is_date(text)
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&unsigned) {
        return true;
    }
    let digits = |text: &str, allowed: fn(u8) -> bool| !text.is_empty() && text.bytes().all(|byte| allowed(byte) || byte == b'_');
    for (prefix, allowed) in [
        ("0b", (|byte| matches!(byte, b'0' | b'1')) as fn(u8) -> bool),
        ("0o", |byte| matches!(byte, b'0'..=b'7')),
        ("0x", |byte| byte.is_ascii_hexdigit()),
    ] {
        if unsigned.strip_prefix(prefix).is_some_and(|rest| digits(rest, allowed)) {
            return true;
        }
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let decimal = |byte: u8| byte.is_ascii_digit();
    let whole = match mantissa.split_once('.') {
        Some((whole, part)) => {
            (whole.is_empty() || digits(whole, decimal))
                && (part.is_empty() || digits(part, decimal))
                && whole.len() + part.len() > 0
        }
        None => digits(mantissa, decimal),
    };
    whole
        && mantissa.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && exponent.is_none_or(|exponent| digits(exponent, decimal))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.get(..10).unwrap_or_default().split('-').collect();
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let date = matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2));
    date && text[10..].chars().next().is_none_or(|next| matches!(next, 'T' | 't' | ' '))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{feff}' => out.push_str("\\uFEFF"),
            // Writing to a string cannot fail.
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// Writes a string of JSON in ASCII, as `json.dumps` does.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out + "\""
}
