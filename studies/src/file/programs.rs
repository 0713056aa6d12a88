//! Checks the templates of `[trial]` against what will be there to fill them, and the names of parameters against those
//! that programs can be given.

use std::collections::BTreeMap;

use hone_search::{Condition, Value};

use super::convert::wrong;
use super::diagnostic::{listed, shown};
use super::document::{Node, Problem, Section};
use super::space::{Found, ReadSpace};
use super::template::{Placeholder, Template};
use crate::spec::Source;

/// What fills the templates of one key.
struct Surroundings<'a> {
    space: &'a ReadSpace,
    source: &'a Source,
    /// `None`: they could not be read.
    datasets: Option<&'a BTreeMap<String, String>>,
    /// Runs once per worker, so nothing of a trial exists.
    shared: bool,
    /// An element may stand for several arguments.
    lists: bool,
}

/// Checks every text of `[trial]` that may hold placeholders.
pub(super) fn check(root: &Section, space: &ReadSpace, source: &Source, datasets: Option<&BTreeMap<String, String>>) {
    let Some(trial) = root.get("trial") else { return };
    for (key, node) in trial.named() {
        let nodes = match key.as_str() {
            "command" | "environment" | "working_directory" | "setup" => texts(&node),
            "metrics_from" => paths(&node),
            _ => continue,
        };
        let surroundings = Surroundings { space, source, datasets, shared: key == "setup", lists: key == "command" };
        nodes.iter().enumerate().for_each(|(at, node)| surroundings.check(at, node));
    }
}

/// The value itself, the elements of an array, or the values of a table.
fn texts<'a>(node: &Node<'a>) -> Vec<Node<'a>> {
    let named = node.named().into_iter().map(|(_, node)| node);
    std::iter::once(node.clone()).chain(node.elements()).chain(named).filter(|node| node.value.is_str()).collect()
}

/// The patterns of `metrics_from`, which is one table or an array of them.
fn paths<'a>(node: &Node<'a>) -> Vec<Node<'a>> {
    let tables = std::iter::once(node.clone()).chain(node.elements());
    let paths = tables.flat_map(|table| [table.child("tensorboard"), table.child("csv")]);
    paths.flatten().filter(|node| node.value.is_str()).collect()
}

impl Surroundings<'_> {
    fn check(&self, at: usize, node: &Node) {
        let Some(text) = node.value.as_str() else {
            return node.complain(wrong(node, "text"));
        };
        if text.contains('\0') {
            return node.complain(Problem::new("holds a zero byte, which no program can be given"));
        }
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => return node.complain(Problem::new(error.to_string()).hint(error.hint())),
        };
        let is_list = template.is_list() && self.lists && at > 0;
        for placeholder in template.placeholders() {
            if placeholder.is_list() && !is_list && !self.shared {
                node.complain(no_list(placeholder));
            }
            self.problem(placeholder).into_iter().for_each(|problem| node.complain(problem));
        }
    }

    fn problem(&self, placeholder: &Placeholder) -> Option<Problem> {
        if self.shared && placeholder.depends_on_trial() {
            let message = format!("`{placeholder}` does not exist in `setup`, which trials share");
            return Some(Problem::new(message).hint("use it in `command`; `setup` knows `{study}`, `{source}` and `{seed}`"));
        }
        match placeholder {
            Placeholder::Param { name, default } => self.parameter(name, default.is_some()),
            Placeholder::Source => self.unpacked(),
            Placeholder::Dataset { name } => self.dataset(name),
            Placeholder::Overrides { .. } => self.unwritable(placeholder, is_override),
            Placeholder::Flags => self.unwritable(placeholder, is_flag),
            Placeholder::Params
            | Placeholder::Trial
            | Placeholder::Study
            | Placeholder::Output
            | Placeholder::Checkpoint
            | Placeholder::Seed => None,
        }
    }

    /// A parameter whose name cannot be written as the placeholder would.
    fn unwritable(&self, placeholder: &Placeholder, is_name: fn(&str) -> bool) -> Option<Problem> {
        let parameter = self.space.space.parameters.iter().find(|parameter| !is_name(&parameter.name))?;
        let message = format!("`{placeholder}` cannot write the parameter `{}`", shown(&parameter.name));
        Some(Problem::new(message).hint("rename it; names are words of letters, digits, `_` and `-`, joined by `.`"))
    }

    fn unpacked(&self) -> Option<Problem> {
        match self.source {
            Source::Path { .. } => None,
            Source::None => Some(
                Problem::new("`{source}` does not exist with `source = \"none\"`: nothing is unpacked")
                    .hint("write the path itself, or pack a folder with `[source]`"),
            ),
        }
    }

    fn dataset(&self, name: &str) -> Option<Problem> {
        let datasets = self.datasets?;
        if datasets.contains_key(name) {
            return None;
        }
        let known: Vec<&String> = datasets.keys().collect();
        let hint = match known.as_slice() {
            [] => format!("name it: `datasets = [\"{}\"]`", shown(name)),
            known => format!("`datasets` has {}", listed(known)),
        };
        Some(Problem::new(format!("`{{dataset.{}}}` names no dataset of the trial", shown(name))).hint(hint))
    }

    fn parameter(&self, name: &str, has_default: bool) -> Option<Problem> {
        let parameter = match self.space.find(name) {
            Found::Parameter(parameter) => parameter,
            Found::Broken => return None,
            Found::Nothing => {
                let message = format!("`{{params.{}}}` names no parameter", shown(name));
                return Some(Problem::new(message).hint(self.space.hint(name)));
            }
        };
        let condition = parameter.when.first().filter(|_| !has_default)?;
        Some(needs_default(&shown(name), condition))
    }
}

fn needs_default(name: &str, condition: &Condition) -> Problem {
    let values: Vec<String> = condition.values.iter().map(Value::to_string).collect();
    let parent = shown(&condition.parameter);
    let message = format!("`{name}` exists only while `{parent}` is {}, so it needs a default", listed(&values));
    Problem::new(message).hint(format!("write for example `{{params.{name}:-0}}`"))
}

fn no_list(placeholder: &Placeholder) -> Problem {
    let hint = format!("write it alone, behind the program: `command = [\"python3\", \"train.py\", \"{placeholder}\"]`");
    Problem::new(format!("`{placeholder}` stands for several arguments")).hint(hint)
}

/// Whether Hydra's grammar has this name on the left of an override: `lr`, `optimizer.lr`, `layers.0.size`,
/// `model/backbone`, `model@encoder`.
fn is_override(name: &str) -> bool {
    let (key, package) = name.split_once('@').map_or((name, None), |(key, package)| (key, Some(package)));
    let is_group = key.contains('/') && key.split('/').all(|part| is_word(part) && !part.contains('$'));
    (is_group || is_package(key)) && package.is_none_or(is_package)
}

fn is_package(text: &str) -> bool {
    let is_number = |part: &str| part == "0" || (!part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_dotted = text.contains('.');
    text.split('.').all(|part| is_word(part) || (is_dotted && !part.is_empty() && is_number(part)))
}

fn is_word(text: &str) -> bool {
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$');
    let follows = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$');
    text.as_bytes().first().is_some_and(starts) && text.bytes().all(follows)
}

/// Whether a name can stand between `--` and `=`.
fn is_flag(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphanumeric() || first == '_') && !name.contains(['=', ' ', '\t', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hydra_reads_are_told_from_others() {
        for name in ["lr", "optimizer.lr", "layers.0.size", "model/backbone", "a-b.c_d", "model@encoder", "m/b@x.y", "_a", "$a"] {
            assert!(is_override(name), "{name}");
        }
        for name in ["", "learning rate", "0", "a.01", "a..b", ".a", "é", "a/", "a=b", "a:b", "-a", "+a", "a@", "model/0", "a/$b"]
        {
            assert!(!is_override(name), "{name}");
        }
    }

    #[test]
    fn flags_have_names_without_white_space() {
        assert!(["lr", "optimizer.lr", "größe", "a/b", "_x"].into_iter().all(is_flag));
        assert!(!["", "-a", "a b", "a=b"].into_iter().any(is_flag));
    }
}
