//! Groups of parameters that are always there together, and what was observed of each.
//!
//! Parameters with the same conditions that the same trials had share one joint model; a parameter added to
//! the space later gets a group of its own until then, so that no observation is lost.

use super::axis::Axis;
use super::split;
use crate::columns::{Columns, Outcome};
use crate::sampler::{Direction, SuggestRequest};
use crate::space::{Gate, Plan, Space};

/// Parameters modelled jointly, with the trials that had them all.
#[derive(Debug)]
pub(super) struct Group {
    /// Positions of the parameters, ascending.
    pub(super) members: Vec<usize>,
    /// The members' scales.
    pub(super) axes: Vec<Axis>,
    /// Trial numbers of the observations, ascending.
    pub(super) numbers: Vec<u32>,
    /// Whether each observation is one of the good ones.
    pub(super) good: Vec<bool>,
    /// `[member][observation]`, positions on the members' scales.
    pub(super) columns: Vec<Vec<f64>>,
}

impl Group {
    fn new(members: Vec<usize>, space: &Space, trials: &[Trial<'_>], directions: &[Direction]) -> Self {
        let axes: Vec<Axis> = members.iter().filter_map(|&member| Axis::new(&space.parameters[member].distribution)).collect();
        let has_all = |&&(columns, row): &&Trial<'_>| members.iter().all(|&member| !columns.param(member, row).is_nan());
        let rows: Vec<Trial<'_>> = trials.iter().filter(has_all).copied().collect();
        let column = |(axis, &member): (&Axis, &usize)| {
            rows.iter().map(|(columns, row)| axis.position(columns.param(member, *row))).collect()
        };
        Self {
            columns: axes.iter().zip(&members).map(column).collect(),
            numbers: rows.iter().map(|(columns, row)| columns.number[*row]).collect(),
            good: split::mark_good(&rows, directions),
            axes,
            members,
        }
    }

    /// Whether `params` has a value for every member.
    pub(super) fn is_in(&self, params: &[f64]) -> bool {
        self.members.iter().all(|&member| params.get(member).is_some_and(|value| !value.is_nan()))
    }
}

/// A finished trial: its chunk and its row there.
pub(super) type Trial<'a> = (&'a Columns, usize);

/// Returns the trials that a model learns from, by number: complete and pruned ones.
pub(super) fn learnable<'a>(request: &SuggestRequest<'a>) -> Vec<Trial<'a>> {
    let mut trials: Vec<Trial<'a>> =
        request.history.rows().filter(|(columns, row)| is_learnable(columns.outcome[*row])).collect();
    trials.sort_by_key(|(columns, row)| columns.number[*row]);
    trials
}

pub(super) fn is_learnable(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Complete | Outcome::Pruned => true,
        Outcome::Failed | Outcome::Cancelled => false,
    }
}

/// Cuts the space into groups, each parameter alone unless `joint`. Parameters with a single value are left out.
pub(super) fn groups(request: &SuggestRequest<'_>, plan: &Plan, trials: &[Trial<'_>], joint: bool) -> Vec<Group> {
    let modelled = |index: &usize| Axis::new(&request.space.parameters[*index].distribution).is_some();
    let mut sets: Vec<(u64, Vec<usize>)> = Vec::new();
    for index in (0..request.space.len()).filter(modelled) {
        let presence = if joint { presence(index, trials) } else { 0 };
        let belongs = |(other, members): &&mut (u64, Vec<usize>)| {
            joint && *other == presence && same_gates(plan.gates(index), plan.gates(members[0]))
        };
        match sets.iter_mut().find(belongs) {
            Some((_, members)) => members.push(index),
            None => sets.push((presence, vec![index])),
        }
    }
    let group = |(_, members)| Group::new(members, request.space, trials, request.directions);
    sets.into_iter().map(group).collect()
}

/// Returns one group of one parameter.
pub(super) fn single(request: &SuggestRequest<'_>, trials: &[Trial<'_>], index: usize) -> Group {
    Group::new(vec![index], request.space, trials, request.directions)
}

/// Sums up which trials had a parameter: two parameters that differ in this differ in the sum.
fn presence(parameter: usize, trials: &[Trial<'_>]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    trials.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, (columns, row)| {
        let bit = u64::from(columns.param(parameter, *row).is_nan());
        (hash.rotate_left(5) ^ bit).wrapping_mul(PRIME)
    })
}

/// Whether two lists hold the same conditions, in any order.
fn same_gates(a: &[Gate], b: &[Gate]) -> bool {
    a.len() == b.len() && a.iter().all(|gate| b.contains(gate)) && b.iter().all(|gate| a.contains(gate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{History, Row};
    use crate::space::{Condition, Distribution, Parameter};

    fn parameter(name: &str, when: Option<&str>) -> Parameter {
        let condition = |value: &str| Condition { parameter: "kind".into(), values: vec![value.into()] };
        let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
        Parameter { name: name.into(), distribution, when: when.map(condition).into_iter().collect() }
    }

    fn space() -> Space {
        let choices = vec!["a".into(), "b".into()];
        let kind = Parameter { name: "kind".into(), distribution: Distribution::Categorical { choices }, when: vec![] };
        Space {
            parameters: vec![
                kind,
                parameter("x", Some("a")),
                parameter("y", Some("b")),
                parameter("z", Some("a")),
                parameter("free", None),
            ],
        }
    }

    fn members(space: &Space, columns: &Columns, joint: bool) -> Vec<Vec<usize>> {
        let request = SuggestRequest {
            space,
            directions: &[],
            history: History { chunks: &[], tail: Some(columns) },
            pending: &[],
            seed: 0,
            first_number: 0,
            count: 1,
        };
        let groups = groups(&request, &space.plan(), &learnable(&request), joint);
        groups.into_iter().map(|group| group.members).collect()
    }

    fn push(columns: &mut Columns, params: &[f64]) {
        columns.push(Row {
            number: columns.len() as u32,
            outcome: Outcome::Complete,
            params: params.to_vec(),
            values: vec![0.0],
            violation: 0.0,
            last_step: None,
            last_value: f64::NAN,
        });
    }

    #[test]
    fn parameters_with_the_same_conditions_form_a_group() {
        let columns = Columns::default();
        assert_eq!(members(&space(), &columns, true), [vec![0, 4], vec![1, 3], vec![2]]);
        assert_eq!(members(&space(), &columns, false).len(), 5);
    }

    #[test]
    fn a_parameter_added_later_does_not_cost_the_others_their_observations() {
        let nan = f64::NAN;
        let mut columns = Columns::default();
        push(&mut columns, &[0.0, 0.5, nan, 0.5]);
        push(&mut columns, &[0.0, 0.5, nan, 0.5, 0.1]);
        assert_eq!(members(&space(), &columns, true), [vec![0], vec![1, 3], vec![2], vec![4]]);
    }
}
