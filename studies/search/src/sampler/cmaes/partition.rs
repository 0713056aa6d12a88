//! Which parameters are searched jointly: those under the same conditions that the same trials had.
//!
//! Follows the history trial by trial, so that it never has to look at one twice.

use crate::columns::Columns;
use crate::space::{Gate, Plan};

/// A class per parameter; parameters of one class belong together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Partition {
    class: Vec<usize>,
}

impl Partition {
    /// Puts parameters with the same conditions together.
    pub(super) fn new(plan: &Plan, parameters: usize) -> Self {
        let first_alike = |index: usize| (0..index).find(|&other| same_gates(plan.gates(index), plan.gates(other)));
        Self { class: (0..parameters).map(|index| first_alike(index).unwrap_or(index)).collect() }
    }

    /// Splits classes of which the trial in `row` had some parameters and not others; returns whether it did.
    pub(super) fn refine(&mut self, columns: &Columns, row: usize) -> bool {
        let is_there = |index: usize| !columns.param(index, row).is_nan();
        let odd = |class: &[usize]| (0..class.len()).find(|&index| is_there(index) != is_there(class[index]));
        let mut is_split = false;
        // A class is called after its first member, so the first odd one names what splits off.
        while let Some(first) = odd(&self.class) {
            let class = self.class[first];
            for index in first..self.class.len() {
                if self.class[index] == class && is_there(index) == is_there(first) {
                    self.class[index] = first;
                }
            }
            is_split = true;
        }
        is_split
    }

    /// Returns the members of each class, ascending.
    pub(super) fn classes(&self) -> Vec<Vec<usize>> {
        let members = |class: usize| (0..self.class.len()).filter(|&index| self.class[index] == class).collect();
        let names = (0..self.class.len()).filter(|&index| self.class[index] == index);
        names.map(members).collect()
    }
}

/// Whether two lists hold the same conditions, in any order.
fn same_gates(a: &[Gate], b: &[Gate]) -> bool {
    a.len() == b.len() && a.iter().all(|gate| b.contains(gate)) && b.iter().all(|gate| a.contains(gate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Outcome, Row};
    use crate::space::{Condition, Distribution, Parameter, Space};

    fn parameter(name: &str, when: Option<&str>) -> Parameter {
        let condition = |value: &str| Condition { parameter: "kind".into(), values: vec![value.into()] };
        let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
        Parameter { name: name.into(), distribution, when: when.map(condition).into_iter().collect() }
    }

    #[test]
    fn parameters_part_where_conditions_or_trials_differ() {
        let mut kind = parameter("kind", None);
        kind.distribution = Distribution::Categorical { choices: vec!["a".into(), "b".into()] };
        let named = [("x", Some("a")), ("y", Some("b")), ("z", Some("a")), ("free", None), ("late", Some("a"))];
        let parameters = std::iter::once(kind).chain(named.map(|(name, when)| parameter(name, when))).collect();
        let space = Space { parameters };
        let mut partition = Partition::new(&space.plan(), space.len());
        assert_eq!(partition.classes(), [vec![0, 4], vec![1, 3, 5], vec![2]]);
        let mut columns = Columns::default();
        let nan = f64::NAN;
        for params in [vec![0.0, 0.1, nan, 0.1, 0.5, nan], vec![0.0, 0.1, nan, 0.1, 0.5, 0.2], vec![1.0]] {
            columns.push(Row {
                number: 0,
                outcome: Outcome::Complete,
                params,
                values: vec![],
                violation: 0.0,
                last_step: None,
                last_value: nan,
            });
        }
        assert!(partition.refine(&columns, 0));
        assert_eq!(partition.classes(), [vec![0, 4], vec![1, 3], vec![2], vec![5]]);
        assert!(!partition.refine(&columns, 1));
        assert!(partition.refine(&columns, 2));
        assert_eq!(partition.classes(), [vec![0], vec![1, 3], vec![2], vec![4], vec![5]]);
    }
}
