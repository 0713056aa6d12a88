//! The keys at the top of the file.

use super::convert::{integer, number};
use super::document::{Node, Problem};

/// Higher runs first.
pub(super) fn priority(node: &Node) -> Result<i32, Problem> {
    let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
    let given = integer(node, &range)?;
    i32::try_from(given).map_err(|_| Problem::new(format!("`{given}` is not within {} and {}", i32::MIN, i32::MAX)))
}

/// Share among studies of equal priority.
pub(super) fn weight(node: &Node) -> Result<f64, Problem> {
    let given = number(node)?;
    let problem = || Problem::new(format!("`{given}` is not above 0")).hint("1 is the usual share, 2 twice as much");
    if given > 0.0 { Ok(given) } else { Err(problem()) }
}
