//! Long histories: blocks, segments, snapshots, the best trials, and what still needs its files.

use std::{collections::BTreeSet, sync::Arc};

use hone_search::Direction;
use hone_studies::{
    AttemptFiles, BLOCK_ROWS, BlobId, Driver, End, Event, FileRef, KeepOutputs, Next, Origin, Point, SEGMENT_ROWS, State,
    StudyId, StudySpec, TaskId, WorkerId, best_trials, invariants, kept_outputs,
};

use super::support::{bytes, objective, profile, spec};

const STUDY: StudyId = StudyId(1);
const WORKER: WorkerId = WorkerId(1);

fn empty(spec: StudySpec) -> State {
    let mut state = State::default();
    state.apply(&Event::WorkerRegistered { worker: WORKER, at: 0, profile: profile("a", 1) });
    let (text, source, driver) = (String::new(), None, Driver::Workers);
    state.apply(&Event::StudyCreated { study: STUDY, at: 0, spec: Arc::new(spec), text, source, driver });
    state
}

fn blob(of: u64) -> BlobId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&of.to_le_bytes());
    BlobId(id)
}

fn file(of: u64) -> FileRef {
    FileRef { path: "model".to_owned(), blob: blob(of), size: 1, executable: false, kept_by: None }
}

/// One trial from its creation to its end. Every third one has a curve, every hundredth a file.
fn finish(state: &mut State, number: u32, values: Vec<f64>) {
    let trial = TaskId(u64::from(number) + 1);
    let at = i64::from(number);
    let (params, origin, why) =
        (vec![f64::from(number)], Origin::Sampled { as_of: u64::from(number) }, format!("why {}", number % 3));
    state.apply(&Event::TrialCreated { study: STUDY, trial, number, at, params, origin, why });
    state.apply(&Event::TrialLeased { trial, attempt: 1, worker: WORKER, at, gpus: Vec::new() });
    if number.is_multiple_of(3) {
        let point = |step| Point { step: Some(step), metric: "loss".into(), value: f64::from(number) + step as f64 };
        state.apply(&Event::TrialReported { trial, attempt: 1, through: 1, points: (1..=2).map(point).collect() });
    }
    let outputs = if number.is_multiple_of(100) { vec![file(u64::from(number))] } else { Vec::new() };
    let (end, next, files) = (End::Finished { values }, Next::Complete, AttemptFiles { outputs, ..AttemptFiles::default() });
    state.apply(&Event::AttemptEnded { trial, attempt: 1, through: 2, at, end, next, files });
}

fn history(length: usize) -> State {
    let mut endless = spec("long");
    endless.search.max_trials = None;
    let mut state = empty(endless);
    for number in 0..length as u32 {
        finish(&mut state, number, vec![f64::from(number % 1_000)]);
    }
    state
}

fn check(state: &State, length: usize) {
    let finished = &state.study(STUDY).expect("there").finished;
    assert_eq!(finished.len(), length);
    for row in [0, 1, 2, 3, 100, BLOCK_ROWS - 1, BLOCK_ROWS, SEGMENT_ROWS - 1, SEGMENT_ROWS, SEGMENT_ROWS + 1, length - 1] {
        let Some(row) = Some(row).filter(|row| *row < length) else { continue };
        let number = row as u32;
        let (by_row, by_number) = (finished.by_row(row), finished.by_number(number).expect("it has finished"));
        assert_eq!((by_row.id(), by_number.id()), (TaskId(u64::from(number) + 1), by_row.id()));
        assert_eq!(by_row.segment.columns.param(0, by_row.row), f64::from(number));
        assert_eq!(by_row.segment.why(by_row.row), format!("why {}", number % 3));
        let base = f64::from(number);
        let curve = if number.is_multiple_of(3) { vec![(0, 1, base + 1.0), (0, 2, base + 2.0)] } else { vec![] };
        assert_eq!(by_row.segment.curve(by_row.row).collect::<Vec<_>>(), curve, "row {row}");
        assert_eq!(by_row.segment.detail(by_row.row).is_some(), number.is_multiple_of(100), "row {row}");
    }
    assert!(finished.by_number(length as u32).is_none());
}

#[test]
fn rows_are_found_on_both_sides_of_every_block() {
    for length in [1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 7] {
        let state = history(length);
        check(&state, length);
        assert_eq!(invariants::violations(&state, &hone_studies::Roster::default()), [], "{length}");
    }
}

#[test]
fn a_sealed_segment_holds_what_its_blocks_held_and_survives_a_snapshot() {
    let length = SEGMENT_ROWS + BLOCK_ROWS + 5;
    let state = history(length);
    let finished = &state.study(STUDY).expect("there").finished;
    assert_eq!((finished.segments().len(), finished.parts().count()), (1, 3));
    check(&state, length);

    let body = bytes(&state);
    let segments: Vec<Vec<u8>> =
        finished.segments().iter().map(|segment| rmp_serde::to_vec_named(&**segment).expect("written")).collect();
    let mut back: State = rmp_serde::from_slice(&body).expect("read");
    let read = |bytes: &Vec<u8>| Arc::new(rmp_serde::from_slice(bytes).expect("read"));
    back.restore_segments(STUDY, segments.iter().map(read).collect());
    check(&back, length);
    assert_eq!(bytes(&back), body);
    assert_eq!(invariants::violations(&back, &hone_studies::Roster::default()), []);

    let mut older = state.clone();
    let mut newer = back;
    finish(&mut older, length as u32, vec![-1.0]);
    finish(&mut newer, length as u32, vec![-1.0]);
    assert_eq!(bytes(&older), bytes(&newer), "both go on alike");
}

#[test]
fn a_short_state_comes_back_from_its_bytes() {
    let mut state = history(10);
    let (params, origin) = (vec![f64::NAN], Origin::Sampled { as_of: 10 });
    let trial = TaskId(11);
    state.apply(&Event::TrialCreated { study: STUDY, trial, number: 10, at: 0, params, origin, why: String::new() });
    let mut back: State = rmp_serde::from_slice(&bytes(&state)).expect("read");
    back.restore_segments(STUDY, Vec::new());
    assert_eq!(bytes(&back), bytes(&state));
    check(&back, 10);
}

#[test]
fn the_best_trials_come_first_and_ties_go_to_the_older() {
    let mut state = empty(spec("best"));
    for (number, value) in [3.0, 1.0, 2.0, 1.0].into_iter().enumerate() {
        finish(&mut state, number as u32, vec![value]);
    }
    let study = state.study(STUDY).expect("there");
    assert_eq!(best_trials(study, 3), [1, 3, 2]);
    assert_eq!(best_trials(study, 0), [0_u32; 0]);
    assert_eq!(best_trials(study, 9), [1, 3, 2, 0]);
    assert_eq!(study.best, Some((1.0, 1)));
}

#[test]
fn with_several_objectives_the_front_comes_first() {
    let mut two = spec("front");
    two.objectives = vec![objective("loss", Direction::Minimize), objective("accuracy", Direction::Maximize)];
    let mut state = empty(two);
    for (number, values) in [[1.0, 0.5], [2.0, 0.4], [3.0, 0.9], [1.0, 0.5]].into_iter().enumerate() {
        finish(&mut state, number as u32, values.to_vec());
    }
    assert_eq!(best_trials(state.study(STUDY).expect("there"), 4), [0, 3, 2, 1]);
}

fn reachable(state: &State) -> BTreeSet<BlobId> {
    let mut blobs = BTreeSet::new();
    state.reachable_blobs(&mut |blob| {
        blobs.insert(*blob);
    });
    blobs
}

#[test]
fn outputs_are_kept_by_the_rule_of_their_study() {
    for (keep, expected) in
        [(KeepOutputs::All, vec![0, 100, 200]), (KeepOutputs::None, vec![]), (KeepOutputs::Best(1), vec![200])]
    {
        let mut keeps = spec("keep");
        keeps.trial.keep.outputs = keep;
        let mut state = empty(keeps);
        for number in 0..=200 {
            finish(&mut state, number, vec![-f64::from(number)]);
        }
        assert_eq!(reachable(&state), expected.into_iter().map(blob).collect(), "{keep:?}");
        assert_eq!(kept_outputs(state.study(STUDY).expect("there")).is_none(), keep == KeepOutputs::All);
    }
}

#[test]
fn a_file_that_stays_on_its_worker_is_no_blob() {
    let mut state = empty(spec("kept"));
    finish(&mut state, 0, vec![1.0]);
    let (trial, at, params) = (TaskId(2), 1, vec![0.5]);
    let (origin, why) = (Origin::Sampled { as_of: 1 }, String::new());
    state.apply(&Event::TrialCreated { study: STUDY, trial, number: 1, at, params, origin, why });
    state.apply(&Event::TrialLeased { trial, attempt: 1, worker: WORKER, at, gpus: Vec::new() });
    let outputs = vec![FileRef { kept_by: Some(WORKER), ..file(7) }];
    let (end, next) = (End::Finished { values: vec![2.0] }, Next::Complete);
    let files = AttemptFiles { outputs, ..AttemptFiles::default() };
    state.apply(&Event::AttemptEnded { trial, attempt: 1, through: 1, at, end, next, files });
    assert_eq!(reachable(&state), BTreeSet::from([blob(0)]));
}

#[test]
fn the_checkpoint_of_an_open_trial_is_kept() {
    let mut state = empty(spec("checkpoint"));
    let trial = TaskId(1);
    let (params, origin) = (vec![0.5], Origin::Sampled { as_of: 0 });
    state.apply(&Event::TrialCreated { study: STUDY, trial, number: 0, at: 0, params, origin, why: String::new() });
    state.apply(&Event::TrialLeased { trial, attempt: 1, worker: WORKER, at: 0, gpus: Vec::new() });
    state.apply(&Event::CheckpointSaved { trial, attempt: 1, through: 1, at: 0, files: vec![file(7)], step: None });
    assert_eq!(reachable(&state), [blob(7)].into());
}
