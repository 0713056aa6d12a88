//! Finds every mistake in a space at once, and tells whether a point belongs to it.

use super::{Choice, Condition, Distribution, Parameter, Plan, Space, ValueError};

/// A mistake in the definition of a space. `parameter` names where it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpaceError {
    /// A parameter has no name.
    #[error("parameter number {position} has an empty name; give it one")]
    EmptyName {
        /// Position in order of definition, from 1.
        position: usize,
    },
    /// Two parameters share a name.
    #[error("parameter `{parameter}` is defined twice; rename or remove one")]
    Duplicate {
        /// The name.
        parameter: String,
    },
    /// A bound or a step is NaN or infinite.
    #[error("parameter `{parameter}` has a bound or step that is not a finite number")]
    NotFinite {
        /// The name.
        parameter: String,
    },
    /// The lower bound lies above the upper one.
    #[error("parameter `{parameter}` has low `{low}` above high `{high}`; swap them")]
    Reversed {
        /// The name.
        parameter: String,
        /// The lower bound.
        low: Choice,
        /// The upper bound.
        high: Choice,
    },
    /// The distance of the bounds exceeds the largest double.
    #[error("parameter `{parameter}` spans more than a double can hold; narrow its bounds")]
    TooWide {
        /// The name.
        parameter: String,
    },
    /// A logarithmic scale with a bound that has no logarithm.
    #[error("parameter `{parameter}` is logarithmic, so low must be above 0, not `{low}`")]
    LogOfNonPositive {
        /// The name.
        parameter: String,
        /// The lower bound.
        low: Choice,
    },
    /// A logarithmic scale with steps.
    #[error("parameter `{parameter}` is logarithmic and cannot have a step; drop one of the two")]
    LogWithStep {
        /// The name.
        parameter: String,
    },
    /// A step of zero or less.
    #[error("parameter `{parameter}` has step `{step}`; a step must be above 0")]
    BadStep {
        /// The name.
        parameter: String,
        /// The step.
        step: Choice,
    },
    /// A step so small that neighbouring values cannot be told apart.
    #[error("parameter `{parameter}` has step `{step}`, too small for its range; enlarge or drop it")]
    StepTooSmall {
        /// The name.
        parameter: String,
        /// The step.
        step: Choice,
    },
    /// A categorical parameter without options.
    #[error("parameter `{parameter}` has no choices; list at least one")]
    NoChoices {
        /// The name.
        parameter: String,
    },
    /// An option listed twice.
    #[error("parameter `{parameter}` lists choice `{choice}` twice")]
    DuplicateChoice {
        /// The name.
        parameter: String,
        /// The option.
        choice: Choice,
    },
    /// An option that is NaN or infinite.
    #[error("parameter `{parameter}` lists choice `{choice}`, which is not a finite number")]
    ChoiceNotFinite {
        /// The name.
        parameter: String,
        /// The option.
        choice: Choice,
    },
    /// A condition names a parameter that does not exist.
    #[error("parameter `{parameter}` depends on `{parent}`, which is not in the space")]
    UnknownParent {
        /// The child.
        parameter: String,
        /// The name that was not found.
        parent: String,
    },
    /// A condition lists no values, so it can never hold.
    #[error("parameter `{parameter}` depends on `{parent}` but lists no values; list at least one")]
    EmptyCondition {
        /// The child.
        parameter: String,
        /// The parent.
        parent: String,
    },
    /// A condition lists a value that the parent cannot take.
    #[error("parameter `{parameter}` depends on `{parent}`: {source}")]
    ImpossibleValue {
        /// The child.
        parameter: String,
        /// The parent.
        parent: String,
        /// Why the parent cannot take it.
        source: ValueError,
    },
    /// Parameters that depend on each other.
    #[error("parameters `{}` depend on each other; remove one of the conditions", .parameters.join("`, `"))]
    Cycle {
        /// All names on a cycle, in order of definition.
        parameters: Vec<String>,
    },
}

/// Why a point does not belong to a space.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// The number of values differs from the number of parameters.
    #[error("{given} values for {wanted} parameters")]
    WrongLength {
        /// Values given.
        given: usize,
        /// Parameters in the space.
        wanted: usize,
    },
    /// A parameter whose conditions hold has no value.
    #[error("parameter `{parameter}` needs a value because its conditions hold")]
    Missing {
        /// The name.
        parameter: String,
    },
    /// A parameter whose conditions do not hold has a value.
    #[error("parameter `{parameter}` must have no value because its conditions do not hold")]
    Unwanted {
        /// The name.
        parameter: String,
    },
    /// A number that is not allowed.
    #[error("parameter `{parameter}` cannot be `{internal}`")]
    NotAllowed {
        /// The name.
        parameter: String,
        /// The internal number.
        internal: f64,
    },
}

impl Space {
    /// Returns all mistakes, in order of definition; empty if the space can be searched.
    pub fn validate(&self) -> Vec<SpaceError> {
        let mut errors = Vec::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            check_name(self, index, &mut errors);
            check_distribution(parameter, &mut errors);
            for condition in &parameter.when {
                check_condition(self, parameter, condition, &mut errors);
            }
        }
        let plan = Plan::new(self);
        if !plan.circular().is_empty() {
            let names = plan.circular().iter().map(|&index| self.parameters[index].name.clone());
            errors.push(SpaceError::Cycle { parameters: names.collect() });
        }
        errors
    }

    /// Tells whether `params` is a point of this space: right length, values allowed, conditions honoured.
    ///
    /// # Errors
    /// The first parameter that is wrong, in order of definition.
    pub fn contains(&self, params: &[f64]) -> Result<(), ParamsError> {
        if params.len() != self.len() {
            return Err(ParamsError::WrongLength { given: params.len(), wanted: self.len() });
        }
        let active = self.active(params);
        for (index, parameter) in self.parameters.iter().enumerate() {
            check_value(parameter, params[index], active[index])?;
        }
        Ok(())
    }
}

fn check_value(parameter: &Parameter, internal: f64, active: bool) -> Result<(), ParamsError> {
    let name = || parameter.name.clone();
    match (active, internal.is_nan()) {
        (false, true) => Ok(()),
        (false, false) => Err(ParamsError::Unwanted { parameter: name() }),
        (true, true) => Err(ParamsError::Missing { parameter: name() }),
        (true, false) if parameter.distribution.contains(internal) => Ok(()),
        (true, false) => Err(ParamsError::NotAllowed { parameter: name(), internal }),
    }
}

fn check_name(space: &Space, index: usize, errors: &mut Vec<SpaceError>) {
    let name = &space.parameters[index].name;
    if name.is_empty() {
        errors.push(SpaceError::EmptyName { position: index + 1 });
    } else if space.index_of(name) != Some(index) {
        errors.push(SpaceError::Duplicate { parameter: name.clone() });
    }
}

fn check_distribution(parameter: &Parameter, errors: &mut Vec<SpaceError>) {
    let name = &parameter.name;
    match &parameter.distribution {
        Distribution::Float { low, high, log, step } => {
            check_float(name, (*low, *high), *log, *step, errors);
        }
        Distribution::Int { low, high, log, step } => check_int(name, (*low, *high), *log, *step, errors),
        Distribution::Categorical { choices } => check_choices(name, choices, errors),
    }
}

fn check_float(name: &str, bounds: (f64, f64), log: bool, step: Option<f64>, errors: &mut Vec<SpaceError>) {
    let (low, high) = bounds;
    let finite = low.is_finite() && high.is_finite() && step.is_none_or(f64::is_finite);
    if !finite {
        errors.push(SpaceError::NotFinite { parameter: name.to_owned() });
        return;
    }
    check_bounds(name, (Choice::Float(low), Choice::Float(high)), log, errors);
    if !(high - low).is_finite() {
        errors.push(SpaceError::TooWide { parameter: name.to_owned() });
    }
    let Some(step) = step else { return };
    check_step(name, step > 0.0, Choice::Float(step), log, errors);
    // Beyond 2^53 steps, or where adding one changes nothing, neighbours are the same double.
    let largest = low.abs().max(high.abs());
    if step > 0.0 && ((high - low) / step >= 9e15 || largest + step == largest) {
        errors.push(SpaceError::StepTooSmall { parameter: name.to_owned(), step: Choice::Float(step) });
    }
}

fn check_int(name: &str, bounds: (i64, i64), log: bool, step: i64, errors: &mut Vec<SpaceError>) {
    check_bounds(name, (Choice::Int(bounds.0), Choice::Int(bounds.1)), log, errors);
    check_step(name, step > 0, Choice::Int(step), log && step != 1, errors);
}

fn check_bounds(name: &str, bounds: (Choice, Choice), log: bool, errors: &mut Vec<SpaceError>) {
    let (low, high) = bounds;
    let parameter = name.to_owned();
    if log && low.as_number().is_some_and(|low| low <= 0.0) {
        errors.push(SpaceError::LogOfNonPositive { parameter: parameter.clone(), low: low.clone() });
    }
    let reversed = match (&low, &high) {
        (Choice::Int(low), Choice::Int(high)) => low > high,
        (low, high) => low.as_number() > high.as_number(),
    };
    if reversed {
        errors.push(SpaceError::Reversed { parameter, low, high });
    }
}

fn check_step(name: &str, positive: bool, step: Choice, log: bool, errors: &mut Vec<SpaceError>) {
    if !positive {
        errors.push(SpaceError::BadStep { parameter: name.to_owned(), step });
    } else if log {
        errors.push(SpaceError::LogWithStep { parameter: name.to_owned() });
    }
}

fn check_choices(name: &str, choices: &[Choice], errors: &mut Vec<SpaceError>) {
    if choices.is_empty() {
        errors.push(SpaceError::NoChoices { parameter: name.to_owned() });
    }
    for (index, choice) in choices.iter().enumerate() {
        let (parameter, choice_given) = (name.to_owned(), choice.clone());
        if choice.as_number().is_some_and(|number| !number.is_finite()) {
            errors.push(SpaceError::ChoiceNotFinite { parameter, choice: choice_given });
        } else if choices[..index].iter().any(|earlier| earlier.same_as(choice)) {
            errors.push(SpaceError::DuplicateChoice { parameter, choice: choice_given });
        }
    }
}

fn check_condition(space: &Space, child: &Parameter, condition: &Condition, errors: &mut Vec<SpaceError>) {
    let (parameter, parent) = (child.name.clone(), condition.parameter.clone());
    let Some(index) = space.index_of(&parent) else {
        errors.push(SpaceError::UnknownParent { parameter, parent });
        return;
    };
    if condition.values.is_empty() {
        errors.push(SpaceError::EmptyCondition { parameter, parent });
        return;
    }
    let distribution = &space.parameters[index].distribution;
    for value in &condition.values {
        if let Err(source) = distribution.to_internal(value) {
            let (parameter, parent) = (parameter.clone(), parent.clone());
            errors.push(SpaceError::ImpossibleValue { parameter, parent, source });
        }
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
