//! Values of one space in another: by name, by what people see, under the conditions of the new space.

use crate::space::{Choice, Distribution, Params, Plan, Space};

/// Where a parameter's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Link {
    /// Position in the source's space.
    from: usize,
    there: Distribution,
    here: Distribution,
}

/// Returns for each parameter of `to` the one of `from` that it gets its values from.
pub(super) fn links(from: &Space, to: &Space) -> Vec<Option<Link>> {
    let link = |parameter: &crate::space::Parameter| {
        let at = from.index_of(&parameter.name)?;
        let (there, here) = (&from.parameters[at].distribution, &parameter.distribution);
        is_convertible(there, here).then(|| Link { from: at, there: there.clone(), here: here.clone() })
    };
    to.parameters.iter().map(link).collect()
}

/// Whether values of one kind can be values of the other; options and numbers only where all options are numbers.
fn is_convertible(there: &Distribution, here: &Distribution) -> bool {
    let numbers = |choices: &[Choice]| choices.iter().all(|choice| choice.as_number().is_some());
    match (there, here) {
        (Distribution::Categorical { .. }, Distribution::Categorical { .. }) => true,
        (Distribution::Categorical { choices }, Distribution::Float { .. } | Distribution::Int { .. }) => numbers(choices),
        (Distribution::Float { .. } | Distribution::Int { .. }, Distribution::Categorical { choices }) => numbers(choices),
        (Distribution::Float { .. } | Distribution::Int { .. }, Distribution::Float { .. } | Distribution::Int { .. }) => true,
    }
}

impl Link {
    /// Returns the internal number here of one there; `None` if there is no such value here.
    fn convert(&self, internal: f64) -> Option<f64> {
        let value = self.there.to_external(internal);
        if let Distribution::Categorical { .. } = self.here {
            return self.here.to_internal(&value).ok();
        }
        let number = value.as_number()?;
        let (low, high) = self.here.bounds()?;
        let within = low.as_number()? <= number && number <= high.as_number()?;
        within.then(|| self.here.snap(number))
    }
}

/// What is known of a parameter of a trial from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Value(f64),
    /// Its conditions do not hold here.
    Absent,
    /// The source does not say.
    Nothing,
}

/// Returns a trial's values in the new space, NaN where there is none; `None` if one of them does not exist there.
pub(super) fn convert(links: &[Option<Link>], plan: &Plan, internal: impl Fn(usize) -> f64) -> Option<Params> {
    let mut known = vec![Known::Nothing; links.len()];
    for &index in plan.order() {
        known[index] = if is_ruled_out(plan, index, &known) { Known::Absent } else { value(links[index].as_ref(), &internal)? };
    }
    let number = |known| match known {
        Known::Value(value) => value,
        Known::Absent | Known::Nothing => f64::NAN,
    };
    Some(known.into_iter().map(number).collect())
}

/// `None`: the value does not exist here.
fn value(link: Option<&Link>, internal: impl Fn(usize) -> f64) -> Option<Known> {
    let Some((link, there)) = link.map(|link| (link, internal(link.from))).filter(|(_, there)| !there.is_nan()) else {
        return Some(Known::Nothing);
    };
    link.convert(there).map(Known::Value)
}

/// Whether a condition is known not to hold.
fn is_ruled_out(plan: &Plan, index: usize, known: &[Known]) -> bool {
    plan.gates(index).iter().any(|gate| match gate.parent.map(|parent| known[parent]) {
        Some(Known::Value(value)) => !gate.accepted.contains(&value),
        Some(Known::Nothing) => false,
        Some(Known::Absent) | None => true,
    })
}
