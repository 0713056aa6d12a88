//! Pareto fronts and their hypervolumes, as clients are shown them.

use hone_proto::v1;
use hone_search::{
    Direction, History,
    analysis::{
        hypervolume::{hypervolume, reference_point},
        pareto::{self, FrontTrial},
    },
};
use hone_studies::Study;

/// Up to so many objectives a hypervolume takes `n log n`.
const EASY_OBJECTIVES: usize = 3;
/// With more objectives the time grows exponentially: fronts and objectives up to these end within seconds.
const HARD_OBJECTIVES: usize = 6;
const HARD_TRIALS: usize = 100;

/// Numbers of the trials on the front, at most `count` unless that is 0, best in the first objective first; and the
/// front as a whole, if the study has several objectives. Not for an async thread.
///
/// # Errors
/// `reference` does not fit the study, in words.
pub fn front(study: &Study, count: usize, reference: Vec<f64>) -> Result<(Vec<u32>, Option<v1::Front>), String> {
    let trials = trials(study);
    let whole = of_trials(study, &trials, reference)?;
    let numbers = trials.into_iter().map(|trial| trial.number);
    Ok((numbers.take(if count == 0 { usize::MAX } else { count }).collect(), whole))
}

/// The front as a whole, if the study has several objectives.
///
/// # Errors
/// As for [`front`].
pub fn whole_front(study: &Study, reference: Vec<f64>) -> Result<Option<v1::Front>, String> {
    let is_single = directions(study).len() == 1;
    if is_single { of_trials(study, &[], reference) } else { of_trials(study, &trials(study), reference) }
}

fn directions(study: &Study) -> Vec<Direction> {
    study.spec.objectives.iter().map(|objective| objective.direction).collect()
}

fn trials(study: &Study) -> Vec<FrontTrial> {
    let chunks = study.finished.columns();
    pareto::front(History { chunks: &chunks, tail: None }, &directions(study))
}

fn of_trials(study: &Study, trials: &[FrontTrial], reference: Vec<f64>) -> Result<Option<v1::Front>, String> {
    let directions = directions(study);
    let objectives = directions.len();
    if !reference.is_empty() && (reference.len() != objectives || reference.iter().any(|value| !value.is_finite())) {
        return Err(format!("a reference has one finite number per objective, and the study has {objectives}"));
    }
    if objectives == 1 {
        return Ok(None);
    }
    let to_losses = |values: &[f64]| -> Vec<f64> {
        directions.iter().zip(values).map(|(direction, value)| direction.to_loss(*value)).collect()
    };
    let losses: Vec<Vec<f64>> = trials.iter().map(|trial| to_losses(&trial.values)).collect();
    let reference = if reference.is_empty() { reference_point(&losses) } else { Some(to_losses(&reference)) };
    let is_feasible = objectives <= EASY_OBJECTIVES || (objectives <= HARD_OBJECTIVES && losses.len() <= HARD_TRIALS);
    let volume = reference.as_ref().filter(|_| is_feasible).map(|reference| hypervolume(&losses, reference));
    Ok(Some(v1::Front {
        trials: trials.len() as u64,
        hypervolume: volume,
        // Turned round twice, a loss is its value again.
        reference: reference.map(|reference| to_losses(&reference)).unwrap_or_default(),
    }))
}
