//! `source`: what a trial's program is unpacked from.

use super::convert::{filled_text, size, unknown_name, wrong};
use super::document::{Node, Problem, Section};
use super::keys;
use crate::spec::Source;

const DEFAULT_MAX_BYTES: u64 = 64 << 20;

/// Reads `source = "none"` or `[source]`; the study's own folder when there is neither.
pub(super) fn read(root: &Section) -> Source {
    let default = || Source::Path { path: ".".to_owned(), max_bytes: DEFAULT_MAX_BYTES };
    root.read("source", source).flatten().unwrap_or_else(default)
}

fn source(node: &Node) -> Result<Option<Source>, Problem> {
    match node.value.as_str() {
        Some("none") => return Ok(Some(Source::None)),
        Some(other) => {
            let problem = unknown_name(other, &["none"]);
            return Err(problem.hint("write `source = \"none\"`, or `[source]` with `path = \".\"` for a folder"));
        }
        None => {}
    }
    let Some(section) = node.section(&keys::SOURCE) else {
        return Err(wrong(node, "`\"none\"` or a table"));
    };
    let path = section.get("path").map_or(Some(".".to_owned()), |node| node.read(filled_text));
    let max_bytes = section.get("max_size").map_or(Some(DEFAULT_MAX_BYTES), |node| node.read(size));
    Ok(path.zip(max_bytes).map(|(path, max_bytes)| Source::Path { path, max_bytes }))
}
