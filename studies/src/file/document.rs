//! Walks the parsed text: where each value stands, and what is wrong with it. Collects every mistake.

use std::cell::RefCell;
use std::fmt::Write;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, harmless, shown};
use super::keys::{self, Table};

/// Mistakes beyond this number are only counted.
const MOST_MISTAKES: usize = 50;

/// What is wrong with one value, before it is known where the value stands. Holds no control characters.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Problem { message: harmless(&message.into()), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Problem { hint: Some(harmless(&hint.into())), ..self }
    }
}

/// Collects the mistakes of one text.
pub(super) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    /// Offset of the first byte of each line.
    lines: Vec<usize>,
    found: RefCell<Vec<Diagnostic>>,
}

impl<'t> Report<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Report { file, text, lines, found: RefCell::default() }
    }

    /// Notes a mistake at a byte offset of the text.
    pub(super) fn add(&self, offset: usize, key: &str, problem: Problem) {
        let (line, column) = self.position(offset);
        self.found.borrow_mut().push(Diagnostic {
            file: self.file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            message: problem.message,
            hint: problem.hint,
        });
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line - 1];
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// Returns the line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.position(offset).0
    }

    pub(super) fn is_clean(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// Returns the mistakes in the order of the text.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        found.dedup();
        let more = found.len().saturating_sub(MOST_MISTAKES);
        found.truncate(MOST_MISTAKES);
        if let Some(last) = found.last_mut().filter(|_| more > 0) {
            let note = format!("{more} more mistakes follow");
            last.hint = Some(last.hint.take().map_or(note.clone(), |hint| format!("{hint}; {note}")));
        }
        found
    }
}

/// A value in its place.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) path: String,
    pub(super) value: &'a DeValue<'a>,
    offset: usize,
    report: &'a Report<'a>,
}

impl<'a> Node<'a> {
    fn new(path: String, value: &'a Spanned<DeValue<'a>>, report: &'a Report<'a>) -> Self {
        Node { path, value: value.get_ref(), offset: value.span().start, report }
    }

    pub(super) fn complain(&self, problem: Problem) {
        self.report.add(self.offset, &self.path, problem);
    }

    /// Converts the value, or notes why not.
    pub(super) fn read<T>(&self, convert: impl Fn(&Node<'a>) -> Result<T, Problem>) -> Option<T> {
        convert(self).map_err(|problem| self.complain(problem)).ok()
    }

    /// Returns the elements of an array; nothing for another value.
    pub(super) fn elements(&self) -> Vec<Node<'a>> {
        let array = self.value.as_array().into_iter().flat_map(|array| array.iter());
        let named = array.enumerate();
        named.map(|(at, value)| Node::new(format!("{}[{at}]", self.path), value, self.report)).collect()
    }

    /// Returns the entries of a table in the order of the text, with the offset of their key.
    fn entries(&self) -> Vec<(String, usize, Node<'a>)> {
        self.value.as_table().map(|table| entries(&self.path, table, self.report)).unwrap_or_default()
    }

    /// Returns names and values of a table whose keys are the user's own.
    pub(super) fn named(&self) -> Vec<(String, Node<'a>)> {
        self.entries().into_iter().map(|(name, _, node)| (name, node)).collect()
    }

    /// Returns the value of a key, if this is a table and has it.
    pub(super) fn child(&self, name: &str) -> Option<Node<'a>> {
        let value = self.value.as_table()?.get(name)?;
        Some(Node::new(joined(&self.path, name), value, self.report))
    }

    /// Takes the value for a table with the keys of `table`; other keys are mistakes. `None` if it is no table.
    pub(super) fn section(&self, table: &'static Table) -> Option<Section<'a>> {
        let values = self.value.as_table()?;
        let section = Section { path: self.path.clone(), offset: self.offset, values, report: self.report, known: true };
        Some(section.checked(table))
    }
}

fn entries<'a>(path: &str, table: &'a DeTable<'a>, report: &'a Report<'a>) -> Vec<(String, usize, Node<'a>)> {
    let named = table.iter().map(|(key, value)| {
        let name = key.get_ref().to_string();
        let node = Node::new(joined(path, &name), value, report);
        (name, key.span().start, node)
    });
    let mut all: Vec<_> = named.collect();
    all.sort_by_key(|(_, offset, _)| *offset);
    all
}

/// A table with known keys.
pub(super) struct Section<'a> {
    path: String,
    offset: usize,
    values: &'a DeTable<'a>,
    report: &'a Report<'a>,
    /// No unknown key was found.
    pub(super) known: bool,
}

impl<'a> Section<'a> {
    pub(super) fn root(values: &'a DeTable<'a>, report: &'a Report<'a>) -> Self {
        Section::root_of(values, report, &keys::ROOT)
    }

    /// As [`Section::root`], of a file with other keys.
    pub(super) fn root_of(values: &'a DeTable<'a>, report: &'a Report<'a>, table: &'static Table) -> Self {
        let section = Section { path: String::new(), offset: 0, values, report, known: true };
        section.checked(table)
    }

    fn checked(mut self, table: &'static Table) -> Self {
        for (name, offset, node) in entries(&self.path, self.values, self.report) {
            if !table.keys.contains(&name.as_str()) {
                self.known = false;
                let problem = Problem::new(format!("unknown key `{}`", shown(&name)));
                self.report.add(offset, &node.path, problem.hint(keys::hint(&name, table)));
            }
        }
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.values.get(name)?;
        Some(Node::new(joined(&self.path, name), value, self.report))
    }

    /// Converts the value of a key; `None` if it is absent, or wrong and noted.
    pub(super) fn read<T>(&self, name: &str, convert: impl Fn(&Node<'a>) -> Result<T, Problem>) -> Option<T> {
        self.get(name)?.read(convert)
    }

    /// As [`Section::read`], for a key that must be there.
    pub(super) fn require<T>(&self, name: &str, convert: impl Fn(&Node<'a>) -> Result<T, Problem>, hint: &str) -> Option<T> {
        if !self.values.contains_key(name) {
            self.missing(name, hint);
        }
        self.read(name, convert)
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&self, name: &str, hint: &str) {
        self.complain(name, Problem::new("is missing").hint(hint));
    }

    /// Notes a mistake at a key, or at the table when the key is absent.
    pub(super) fn complain(&self, name: &str, problem: Problem) {
        let offset = self.get(name).map_or(self.offset, |node| node.offset);
        self.report.add(offset, &joined(&self.path, name), problem);
    }
}

/// Reads one value from outside a file. `None` if it is not TOML.
pub(super) fn with_value<T>(text: &str, read: impl Fn(&Node) -> T) -> Option<T> {
    let value = DeValue::parse(text).ok()?;
    let report = Report::new("", text);
    Some(read(&Node::new(String::new(), &value, &report)))
}

/// Appends a key to a path, quoted where TOML wants it.
pub(super) fn joined(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{}", key_text(key))
}

/// Writes a key as in a file.
pub(super) fn key_text(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

/// Writes a text as in a file, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
