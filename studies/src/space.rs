//! Spaces that grow while their study runs, as clients choose parameters one by one.

use std::sync::Arc;

use hone_search::{Distribution, Parameter};

use crate::spec::StudySpec;

/// The position of the parameter `name` in the study's space, which has it, as wide as `distribution`, from now on.
pub(crate) fn grow(spec: &mut Arc<StudySpec>, name: &str, distribution: &Distribution) -> usize {
    let Some(index) = spec.space.index_of(name) else {
        let parameter = Parameter { name: name.to_owned(), distribution: distribution.clone(), when: Vec::new() };
        let space = &mut Arc::make_mut(spec).space;
        space.parameters.push(parameter);
        return space.parameters.len() - 1;
    };
    let wider = joined(&spec.space.parameters[index].distribution, distribution);
    if wider != spec.space.parameters[index].distribution {
        Arc::make_mut(spec).space.parameters[index].distribution = wider;
    }
    index
}

/// Why two distributions cannot be of one parameter; `None`: they can. Bounds and steps of numbers may differ, whether
/// they are on a logarithmic scale and the options of a choice may not: the rule of Optuna's storages.
pub(crate) fn conflict(known: &Distribution, new: &Distribution) -> Option<&'static str> {
    match (known, new) {
        (Distribution::Float { log: a, .. }, Distribution::Float { log: b, .. })
        | (Distribution::Int { log: a, .. }, Distribution::Int { log: b, .. }) => (a != b).then_some("another scale"),
        (Distribution::Categorical { choices: a }, Distribution::Categorical { choices: b }) => {
            (a != b).then_some("other options, or another order of them")
        }
        (Distribution::Float { .. } | Distribution::Int { .. } | Distribution::Categorical { .. }, _) => Some("another kind"),
    }
}

/// The narrowest distribution that has every value of both, which do not conflict.
fn joined(known: &Distribution, new: &Distribution) -> Distribution {
    match (known, new) {
        (
            Distribution::Float { low, high, log, step },
            Distribution::Float { low: other_low, high: other_high, step: other_step, .. },
        ) => Distribution::Float {
            low: low.min(*other_low),
            high: high.max(*other_high),
            log: *log,
            step: step.filter(|_| step == other_step && low == other_low),
        },
        (
            Distribution::Int { low, high, log, step },
            Distribution::Int { low: other_low, high: other_high, step: other_step, .. },
        ) => Distribution::Int {
            low: *low.min(other_low),
            high: *high.max(other_high),
            log: *log,
            step: if step == other_step && low == other_low { *step } else { 1 },
        },
        (Distribution::Float { .. } | Distribution::Int { .. } | Distribution::Categorical { .. }, _) => known.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(low: f64, high: f64, step: Option<f64>) -> Distribution {
        Distribution::Float { low, high, log: false, step }
    }

    #[test]
    fn bounds_widen_and_a_step_stays_only_where_it_fits_both() {
        assert_eq!(joined(&float(0.0, 1.0, None), &float(-1.0, 0.5, None)), float(-1.0, 1.0, None));
        assert_eq!(joined(&float(0.0, 1.0, Some(0.1)), &float(0.0, 2.0, Some(0.1))), float(0.0, 2.0, Some(0.1)));
        assert_eq!(joined(&float(0.0, 1.0, Some(0.1)), &float(0.05, 2.0, Some(0.1))), float(0.0, 2.0, None));
    }

    #[test]
    fn kinds_scales_and_options_conflict() {
        let choice =
            |choices: &[&str]| Distribution::Categorical { choices: choices.iter().map(|text| (*text).into()).collect() };
        let log = Distribution::Float { low: 1.0, high: 2.0, log: true, step: None };
        let int = Distribution::Int { low: 1, high: 2, log: false, step: 1 };
        assert!(conflict(&float(1.0, 2.0, None), &log).is_some());
        assert!(conflict(&float(1.0, 2.0, None), &int).is_some());
        assert!(conflict(&choice(&["a", "b"]), &choice(&["b", "a"])).is_some());
        assert!(conflict(&choice(&["a", "b"]), &choice(&["a", "b"])).is_none());
        assert!(conflict(&float(1.0, 2.0, Some(0.5)), &float(0.0, 9.0, None)).is_none());
    }
}
