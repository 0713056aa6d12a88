//! Studies as clients see them.

use hone_proto::v1;
use hone_search::Direction;
use hone_studies::{Counts, Driver, State, Study, WarmStart, dataset::DatasetUse};

use super::trial::{TrialRef, trial_to_proto};

/// Writes a study with its counts and, where there is one objective, its best trial.
pub fn study_to_proto(study: &Study, state: &State) -> v1::Study {
    let spec = &study.spec;
    v1::Study {
        id: study.id.0,
        name: spec.name.clone(),
        description: spec.description.clone(),
        state: study.state.name().to_owned(),
        reason: study.reason.clone(),
        created_us: study.created,
        finished_us: study.finished_at.unwrap_or(0),
        objectives: spec.objectives.iter().map(objective_to_proto).collect(),
        spec_json: serde_json::to_string(&**spec).expect("a spec is plain data with text for keys"),
        text: study.text.to_string(),
        counts: Some(counts_to_proto(&study.counts)),
        max_trials: spec.search.max_trials.unwrap_or(0),
        parallel: spec.search.parallel.unwrap_or(0),
        priority: spec.priority,
        best: best(study, state),
        source: study.source.map(|blob| blob.0.to_vec().into()).unwrap_or_default(),
        driver: driver_name(study.driver).to_owned(),
        warm_start: study.warm_start.iter().map(warm_start_to_proto).collect(),
        datasets: study.datasets.iter().map(|used| dataset_to_proto(state, used)).collect(),
    }
}

fn dataset_to_proto(state: &State, used: &DatasetUse) -> v1::StudyDataset {
    let marks = state.datasets.version(used.of).map_or(0, |found| found.version.marks.len() as u32);
    v1::StudyDataset { alias: used.alias.clone(), version: used.label.clone(), marks }
}

fn warm_start_to_proto(warm: &WarmStart) -> v1::WarmStart {
    let (name, taken) = (warm.foreign.name.clone(), warm.foreign.columns.len() as u64);
    v1::WarmStart { study: warm.study.0, name, taken, of: warm.of }
}

fn best(study: &Study, state: &State) -> Option<v1::Trial> {
    let (_, number) = study.best?;
    let trial = study.finished.by_number(number)?;
    Some(trial_to_proto(state, study, TrialRef::Finished(trial), false))
}

fn objective_to_proto(objective: &hone_studies::Objective) -> v1::Objective {
    let direction = match objective.direction {
        Direction::Minimize => "minimize",
        Direction::Maximize => "maximize",
    };
    v1::Objective { metric: objective.metric.clone(), direction: direction.to_owned() }
}

fn driver_name(driver: Driver) -> &'static str {
    match driver {
        Driver::Workers => "workers",
        Driver::Clients => "clients",
    }
}

/// Writes how many trials are in which state.
pub fn counts_to_proto(counts: &Counts) -> v1::Counts {
    v1::Counts {
        waiting: counts.waiting,
        running: counts.running,
        paused: counts.paused,
        complete: counts.complete,
        pruned: counts.pruned,
        failed: counts.failed,
        cancelled: counts.cancelled,
        counted: counts.counted(),
        imported: counts.imported,
    }
}
