//! The analytic functions: 27 problems with known optima, from 2 to 40 parameters.
//!
//! Every seed is another instance: goals, rotations, weights and costs of options are drawn from the name and the seed,
//! the same for every sampler. No goal lies at the centre or at a bound of a number, so that neither a design that
//! starts in the middle nor one that clips to the bounds is favoured.

mod conditional;
mod constrained;
mod continuous;
mod discrete;
mod multimodal;

use crate::draw::Source;
use crate::task::{Family, Task};

/// Makes the instance of a seed.
type Make = fn(&Named, u64) -> Task;

/// A function before its seed is chosen.
pub struct Named {
    /// Its name; the number at the end is that of its parameters.
    pub name: &'static str,
    /// What it is hard for.
    pub family: Family,
    /// Whether samplers that take seconds for a suggestion are measured on it too.
    pub core: bool,
    make: Make,
}

impl Named {
    /// The instance of `seed`.
    pub fn task(&self, seed: u64) -> Task {
        (self.make)(self, seed)
    }

    fn source(&self, seed: u64) -> Source {
        Source::new(self.name, seed)
    }
}

const fn named(name: &'static str, family: Family, core: bool, make: Make) -> Named {
    Named { name, family, core, make }
}

/// All functions.
pub const ALL: &[Named] = &[
    named("ellipsoid-5", Family::IllConditioned, true, continuous::ellipsoid_5),
    named("rotated-ellipsoid-8", Family::IllConditioned, false, continuous::rotated_ellipsoid_8),
    named("rosenbrock-4", Family::IllConditioned, true, continuous::rosenbrock_4),
    named("rosenbrock-10", Family::IllConditioned, false, continuous::rosenbrock_10),
    named("sharp-ridge-6", Family::IllConditioned, false, continuous::sharp_ridge_6),
    named("branin-2", Family::Multimodal, false, multimodal::branin_2),
    named("hartmann-6", Family::Multimodal, true, multimodal::hartmann_6),
    named("rastrigin-5", Family::Multimodal, true, multimodal::rastrigin_5),
    named("levy-6", Family::Multimodal, false, multimodal::levy_6),
    named("ackley-10", Family::Multimodal, true, multimodal::ackley_10),
    named("two-funnels-5", Family::Multimodal, false, multimodal::two_funnels_5),
    named("steps-5", Family::Plateau, true, discrete::steps_5),
    named("mesa-4", Family::Plateau, false, discrete::mesa_4),
    named("options-8", Family::Categorical, true, discrete::options_8),
    named("switches-10", Family::Categorical, false, discrete::switches_10),
    named("mixed-7", Family::Mixed, true, discrete::mixed_7),
    named("scales-6", Family::Mixed, false, discrete::scales_6),
    named("ints-15", Family::Mixed, false, discrete::ints_15),
    named("branches-11", Family::Conditional, true, conditional::branches_11),
    named("layers-8", Family::Conditional, false, conditional::layers_8),
    named("nested-8", Family::Conditional, false, conditional::nested_8),
    named("noisy-bowl-5", Family::Noisy, true, continuous::noisy_bowl_5),
    named("noisy-mixed-7", Family::Noisy, false, discrete::noisy_mixed_7),
    named("disk-3", Family::Constrained, false, constrained::disk_3),
    named("walls-6", Family::Constrained, true, constrained::walls_6),
    named("recipe-5", Family::Constrained, false, constrained::recipe_5),
    named("bowl-20", Family::HighDimensional, true, continuous::bowl_20),
    named("mixed-30", Family::HighDimensional, false, discrete::mixed_30),
    named("few-of-40", Family::HighDimensional, false, continuous::few_of_40),
];

#[cfg(test)]
mod tests {
    use hone_search::{Hints, History, SamplerConfig, SuggestRequest, suggest};

    use super::*;

    fn random_points(task: &Task, count: usize) -> Vec<Vec<f64>> {
        let request = SuggestRequest {
            space: &task.space,
            directions: &[],
            history: History::default(),
            pending: &[],
            seed: task.seed,
            first_number: 0,
            count,
            hints: Hints::default(),
        };
        suggest(&SamplerConfig::Random, &request).into_iter().map(|suggestion| suggestion.params).collect()
    }

    #[test]
    fn no_allowed_point_is_better_than_the_optimum_or_worse_than_the_worst() {
        for named in ALL {
            for seed in 0..4 {
                let task = named.task(seed);
                assert!(task.space.validate().is_empty(), "{}", task.name);
                for point in random_points(&task, 2_000) {
                    let shown = task.run(0, &point);
                    assert_eq!((shown.values.len(), shown.constraints.len()), (1, task.constraints), "{}", task.name);
                    let regret = shown.clean[0] - task.optimum;
                    assert!(regret.is_finite() && regret >= -1e-9 || !shown.is_allowed(), "{} {regret}", task.name);
                    assert!(task.constraints == 0 || regret <= task.worst, "{} {regret}", task.name);
                }
            }
        }
    }

    #[test]
    fn the_goal_reaches_the_optimum() {
        for named in ALL {
            if ["branin-2", "hartmann-6", "disk-3", "walls-6"].contains(&named.name) {
                continue; // Their optimum is not the goal; tests of their own.
            }
            let task = named.task(5);
            let goal = crate::task::goal(&task.space, named.source(5));
            let goal = task.space.plan().fill(|index, _| goal[index]);
            let shown = task.run(0, &goal);
            assert!(shown.clean[0].abs() < 1e-9 && shown.is_allowed(), "{} {:?}", task.name, shown);
        }
    }

    #[test]
    fn names_end_with_the_number_of_parameters() {
        for named in ALL {
            assert!(named.name.ends_with(&format!("-{}", named.task(0).space.len())), "{}", named.name);
        }
        assert_eq!(ALL.iter().filter(|named| named.core).count(), 12);
    }
}
