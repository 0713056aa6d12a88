//! A problem to be searched: its space, what a trial of it answers, and the best that can be reached.

use hone_search::{Choice, Condition, Distribution, Parameter, Params, Space};

use crate::draw::Source;

/// What a family of problems is hard for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Directions of very different curvature.
    IllConditioned,
    /// Many local optima.
    Multimodal,
    /// Flat regions and steps.
    Plateau,
    /// Mostly options without order.
    Categorical,
    /// Floats, ints, logarithmic scales and options together.
    Mixed,
    /// Parameters that exist only under conditions.
    Conditional,
    /// Values with noise; judged without it.
    Noisy,
    /// Points that are not allowed.
    Constrained,
    /// Twenty parameters and more.
    HighDimensional,
    /// A table of models that were really trained.
    Table,
    /// Several objectives.
    Several,
}

impl Family {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::IllConditioned => "ill-conditioned",
            Self::Multimodal => "multimodal",
            Self::Plateau => "plateau",
            Self::Categorical => "categorical",
            Self::Mixed => "mixed",
            Self::Conditional => "conditional",
            Self::Noisy => "noisy",
            Self::Constrained => "constrained",
            Self::HighDimensional => "high-dimensional",
            Self::Table => "table",
            Self::Several => "several objectives",
        }
    }
}

/// What an objective answers at a point, before noise.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// One value per objective; smaller is better.
    pub values: Vec<f64>,
    /// One value per constraint; it holds if the value is not positive.
    pub constraints: Vec<f64>,
    /// The value after each epoch, where there are epochs.
    pub curve: Vec<f64>,
}

impl From<f64> for Answer {
    fn from(value: f64) -> Self {
        Self { values: vec![value], ..Self::default() }
    }
}

/// An objective over internal numbers; NaN where a parameter is absent.
pub type Objective = Box<dyn Fn(&[f64]) -> Answer + Send + Sync>;

/// One instance of a problem.
pub struct Task {
    /// The problem's name.
    pub name: String,
    /// What it is hard for.
    pub family: Family,
    /// What is searched.
    pub space: Space,
    /// Number of objectives.
    pub objectives: usize,
    /// Number of constraints.
    pub constraints: usize,
    /// The best value that can be reached, or the largest hypervolume with several objectives.
    pub optimum: f64,
    /// The regret of having nothing that is allowed.
    pub worst: f64,
    /// Standard deviation of the noise.
    pub noise: f64,
    /// Where the hypervolume is measured from.
    pub reference: Vec<f64>,
    /// Number of epochs whose values are reported; 1 where there are none.
    pub epochs: usize,
    /// Seed of the instance and of its noise.
    pub seed: u64,
    /// The objective.
    pub objective: Objective,
}

/// What a trial shows, and what it is really worth.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What the sampler is told.
    pub values: Vec<f64>,
    /// Constraint values.
    pub constraints: Vec<f64>,
    /// Values without noise.
    pub clean: Vec<f64>,
    /// Values after each epoch.
    pub curve: Vec<f64>,
}

impl Shown {
    /// Whether every constraint holds.
    pub fn is_allowed(&self) -> bool {
        self.constraints.iter().all(|&value| value <= 0.0)
    }
}

impl Task {
    /// A task with one objective, without noise and constraints, whose optimum is 0.
    pub fn new(name: &str, family: Family, seed: u64, space: Space, objective: Objective) -> Self {
        Self {
            name: name.to_owned(),
            family,
            space,
            objectives: 1,
            constraints: 0,
            optimum: 0.0,
            worst: 0.0,
            noise: 0.0,
            reference: Vec::new(),
            epochs: 1,
            seed,
            objective,
        }
    }

    /// Runs trial `number` at `params`.
    pub fn run(&self, number: u32, params: &[f64]) -> Shown {
        let answer = (self.objective)(params);
        let source = Source::new(&self.name, self.seed).part("noise");
        let noisy = |value: f64| if self.noise > 0.0 { value + self.noise * source.normal(u64::from(number)) } else { value };
        Shown {
            values: answer.values.iter().map(|&value| noisy(value)).collect(),
            constraints: answer.constraints,
            clean: answer.values,
            curve: answer.curve,
        }
    }
}

/// A parameter that is always there.
pub fn always(name: impl Into<String>, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

/// A parameter that is there while `parent` has one of `values`.
pub fn only(name: impl Into<String>, distribution: Distribution, parent: &str, values: Vec<Choice>) -> Parameter {
    Parameter { name: name.into(), distribution, when: vec![Condition { parameter: parent.to_owned(), values }] }
}

/// Real numbers.
pub fn float(low: f64, high: f64) -> Distribution {
    Distribution::Float { low, high, log: false, step: None }
}

/// Real numbers on a logarithmic scale.
pub fn log_float(low: f64, high: f64) -> Distribution {
    Distribution::Float { low, high, log: true, step: None }
}

/// Whole numbers.
pub fn int(low: i64, high: i64) -> Distribution {
    Distribution::Int { low, high, log: false, step: 1 }
}

/// Whole numbers on a logarithmic scale.
pub fn log_int(low: i64, high: i64) -> Distribution {
    Distribution::Int { low, high, log: true, step: 1 }
}

/// Options `o0`, `o1`, …
pub fn options(count: usize) -> Distribution {
    Distribution::Categorical { choices: (0..count).map(|index| Choice::Str(format!("o{index}"))).collect() }
}

/// `count` real numbers from -5 to 5, `x0`, `x1`, …
pub fn floats(count: usize) -> Space {
    Space { parameters: (0..count).map(|index| always(format!("x{index}"), float(-5.0, 5.0))).collect() }
}

/// Where an internal number lies between the bounds, from 0 to 1 on the parameter's own scale; an option's index.
pub fn to_unit(distribution: &Distribution, internal: f64) -> f64 {
    let between = |low: f64, high: f64, log: bool| {
        if log { libm::log(internal / low) / libm::log(high / low) } else { (internal - low) / (high - low) }
    };
    match distribution {
        Distribution::Float { low, high, log, .. } => between(*low, *high, *log),
        Distribution::Int { low, high, log, .. } => between(*low as f64, *high as f64, *log),
        Distribution::Categorical { .. } => internal,
    }
}

/// [`to_unit`] for a whole point; NaN stays NaN.
pub fn to_units(space: &Space, params: &[f64]) -> Vec<f64> {
    space.parameters.iter().zip(params).map(|(parameter, &value)| to_unit(&parameter.distribution, value)).collect()
}

/// The goal of an instance: a point that can be suggested, away from the centre and from the bounds.
pub fn goal(space: &Space, source: Source) -> Params {
    let source = source.part("goal");
    let pick = |(index, parameter): (usize, &Parameter)| match &parameter.distribution {
        Distribution::Categorical { choices } => source.below(index as u64, choices.len()) as f64,
        distribution => distribution.from_unit(off_centre(source.unit(index as u64))),
    };
    space.parameters.iter().enumerate().map(pick).collect()
}

/// Spreads `[0, 1)` over `[0.15, 0.42)` and `[0.58, 0.85)`.
fn off_centre(unit: f64) -> f64 {
    0.15 + 0.54 * unit + if unit < 0.5 { 0.0 } else { 0.16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_off_centre_and_can_be_suggested() {
        let space =
            Space { parameters: vec![always("a", float(-5.0, 5.0)), always("b", log_int(1, 1024)), always("c", options(3))] };
        for seed in 0..100 {
            let goal = goal(&space, Source::new("test", seed));
            let units = to_units(&space, &goal);
            assert!((0.14..0.86).contains(&units[0]) && (units[0] - 0.5).abs() > 0.07, "{units:?}");
            assert!((0.05..0.95).contains(&units[1]) && goal[1].fract() == 0.0, "{goal:?}");
            assert!([0.0, 1.0, 2.0].contains(&goal[2]));
        }
    }
}
