//! A space with its names resolved: who depends on whom, and in which order values are fixed.

use super::{Choice, Parameter, Space};

/// A resolved [`super::Condition`]: the parent's position and the internal numbers it accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Position of the parent; `None` if no parameter has that name, and the gate never opens.
    pub parent: Option<usize>,
    /// Internal numbers of the parent that open the gate, ascending, without duplicates.
    pub accepted: Vec<f64>,
}

impl Gate {
    fn is_open(&self, params: &[f64], active: &[bool]) -> bool {
        let Some(parent) = self.parent else {
            return false;
        };
        active[parent] && params.get(parent).is_some_and(|value| self.accepted.contains(value))
    }
}

/// Resolved conditions and the topological order of a [`Space`].
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    order: Vec<usize>,
    gates: Vec<Vec<Gate>>,
    circular: Vec<usize>,
}

impl Plan {
    /// Resolves `space`. Total: unknown parents and cycles give parameters that are never active.
    pub fn new(space: &Space) -> Self {
        let gates: Vec<Vec<Gate>> = space.parameters.iter().map(|parameter| resolve_gates(space, parameter)).collect();
        let (order, circular) = sort_topologically(&gates);
        Self { order, gates, circular }
    }

    /// Returns the positions so that parents come before their children, else in order of definition.
    ///
    /// Parameters that depend on themselves are left out.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns the conditions of the parameter at `index`.
    pub fn gates(&self, index: usize) -> &[Gate] {
        &self.gates[index]
    }

    /// Returns the positions of parameters that wait for themselves, directly or through others.
    pub fn circular(&self) -> &[usize] {
        &self.circular
    }

    /// Returns for each parameter whether its conditions hold; see [`Space::active`].
    pub fn active(&self, params: &[f64]) -> Vec<bool> {
        let mut active = vec![false; self.gates.len()];
        for &index in &self.order {
            active[index] = self.is_active(index, params, &active);
        }
        active
    }

    /// Whether the parameter at `index` is there, given its parents' values and whether they are there.
    pub fn is_active(&self, index: usize, params: &[f64], active: &[bool]) -> bool {
        self.gates[index].iter().all(|gate| gate.is_open(params, active))
    }

    /// Walks the space in topological order, asking `value` for each parameter that is there.
    pub fn fill(&self, mut value: impl FnMut(usize, &[f64]) -> f64) -> Vec<f64> {
        let mut params = vec![f64::NAN; self.gates.len()];
        let mut active = vec![false; self.gates.len()];
        for &index in &self.order {
            active[index] = self.is_active(index, &params, &active);
            if active[index] {
                params[index] = value(index, &params);
            }
        }
        params
    }
}

fn resolve_gates(space: &Space, parameter: &Parameter) -> Vec<Gate> {
    let resolve = |condition: &super::Condition| {
        let parent = space.index_of(&condition.parameter);
        let accepted = parent.map_or_else(Vec::new, |parent| accepted_numbers(&space.parameters[parent], &condition.values));
        Gate { parent, accepted }
    };
    parameter.when.iter().map(resolve).collect()
}

fn accepted_numbers(parent: &Parameter, values: &[Choice]) -> Vec<f64> {
    let to_internal = |value: &Choice| parent.distribution.to_internal(value).ok();
    let mut accepted: Vec<f64> = values.iter().filter_map(to_internal).collect();
    accepted.sort_by(f64::total_cmp);
    accepted.dedup();
    accepted
}

/// Returns the order and what is left over because of cycles. Quadratic, which spaces are small enough for.
fn sort_topologically(gates: &[Vec<Gate>]) -> (Vec<usize>, Vec<usize>) {
    let mut order = Vec::with_capacity(gates.len());
    let mut placed = vec![false; gates.len()];
    let mut left: Vec<usize> = (0..gates.len()).collect();
    loop {
        let before = left.len();
        left.retain(|&index| {
            let ready = gates[index].iter().all(|gate| gate.parent.is_none_or(|parent| placed[parent]));
            if ready {
                placed[index] = true;
                order.push(index);
            }
            !ready
        });
        if left.len() == before {
            return (order, circular_only(gates, left));
        }
    }
}

/// Keeps those that lie on a cycle, not those that merely depend on one.
fn circular_only(gates: &[Vec<Gate>], left: Vec<usize>) -> Vec<usize> {
    left.into_iter().filter(|&start| reaches_itself(gates, start)).collect()
}

fn reaches_itself(gates: &[Vec<Gate>], start: usize) -> bool {
    let mut seen = vec![false; gates.len()];
    let mut stack = vec![start];
    while let Some(index) = stack.pop() {
        for parent in gates[index].iter().filter_map(|gate| gate.parent) {
            if parent == start {
                return true;
            }
            if !std::mem::replace(&mut seen[parent], true) {
                stack.push(parent);
            }
        }
    }
    false
}
