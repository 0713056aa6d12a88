//! Checks the templates of `[trial]` against what will be there to fill them.

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
    /// Runs once per worker, so nothing of a trial exists.
    shared: bool,
}

/// Checks every text of `[trial]` that may hold placeholders.
pub(super) fn check(root: &Section, space: &ReadSpace, source: &Source) {
    let Some(trial) = root.get("trial") else { return };
    for (key, node) in trial.named() {
        let shared = match key.as_str() {
            "command" | "environment" | "working_directory" => false,
            "setup" => true,
            _ => continue,
        };
        let surroundings = Surroundings { space, source, shared };
        texts(&node).iter().for_each(|node| surroundings.check(node));
    }
}

/// The value itself, the elements of an array, or the values of a table.
fn texts<'a>(node: &Node<'a>) -> Vec<Node<'a>> {
    let named = node.named().into_iter().map(|(_, node)| node);
    std::iter::once(node.clone()).chain(node.elements()).chain(named).filter(|node| node.value.is_str()).collect()
}

impl Surroundings<'_> {
    fn check(&self, node: &Node) {
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
        for placeholder in template.placeholders() {
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
            Placeholder::Params
            | Placeholder::Trial
            | Placeholder::Study
            | Placeholder::Output
            | Placeholder::Checkpoint
            | Placeholder::Seed => None,
        }
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
