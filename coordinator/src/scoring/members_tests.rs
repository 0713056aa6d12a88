//! Who is a member, in which order, and what is said where nobody is.

use std::sync::Arc;

use hone_studies::{AttemptFiles, BlobId, Driver, End, Event, Next, Origin, Point, StudyId, TaskId, WorkerProfile, file::parse};

use super::*;

const STUDY: StudyId = StudyId(1);
const WORKER: WorkerId = WorkerId(1);

/// A study that minimises, with trials whose ends are told one by one.
struct Bench {
    state: State,
}

impl Bench {
    fn new(keep: &str) -> Bench {
        let text = format!(
            "name = \"s\"\n[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n[search]\nmax_trials = 99\n[space]\n\
             x = {{ float = [0, 1] }}\n[trial]\ncommand = [\"train\"]\nkeep = {{ outputs = \"{keep}\" }}\n"
        );
        let spec = Arc::new(parse(&text, "study.toml").expect("a study"));
        let mut state = State::default();
        let profile = WorkerProfile {
            key: "k".to_owned(),
            name: "left".to_owned(),
            host: String::new(),
            build: String::new(),
            capacity: Default::default(),
            labels: Default::default(),
        };
        state.apply(&Event::WorkerRegistered { worker: WORKER, at: 0, profile });
        let (text, source, driver) = (String::new(), None, Driver::Workers);
        state.apply(&Event::StudyCreated { study: STUDY, at: 0, spec, text, source, driver });
        Bench { state }
    }

    /// A trial that ends with this loss and these outputs; `kept` on the worker, or in the store.
    fn trial(&mut self, number: u32, loss: f64, pruned: bool, outputs: &[&str], kept: bool) {
        let (trial, at, why) = (TaskId(u64::from(number) + 1), 0, String::new());
        let (params, origin) = (vec![0.5], Origin::Sampled { as_of: 0 });
        self.state.apply(&Event::TrialCreated { study: STUDY, trial, number, at, params, origin, why });
        self.state.apply(&Event::TrialLeased { trial, attempt: 1, worker: WORKER, at, gpus: Vec::new() });
        let points = vec![Point { step: Some(1), metric: "loss".into(), value: loss }];
        self.state.apply(&Event::TrialReported { trial, attempt: 1, through: 1, points });
        let file = |path: &&str| FileRef {
            path: (*path).to_owned(),
            blob: BlobId([number as u8; 32]),
            size: 1,
            executable: false,
            kept_by: kept.then_some(WORKER),
        };
        let files = AttemptFiles { outputs: outputs.iter().map(file).collect(), ..AttemptFiles::default() };
        let (end, next) =
            if pruned { (End::Pruned, Next::Prune) } else { (End::Finished { values: vec![loss] }, Next::Complete) };
        self.state.apply(&Event::AttemptEnded { trial, attempt: 1, through: 2, at, end, next, files });
    }

    fn members(&self, wanted: &Wanted) -> Result<Vec<u32>, String> {
        let study = self.state.study(STUDY).expect("there");
        let found = members(&self.state, study, wanted).map_err(|status| status.message().to_owned())?;
        Ok(found.into_iter().map(|member| member.trial).collect())
    }
}

const POOL: &[&str] = &["predictions/pool.npy", "predictions/pool.ids.txt", "model.bin"];

fn wanted(pool: &str, trials: &[u32], top: usize) -> Wanted {
    Wanted { pool: pool.to_owned(), trials: trials.to_vec(), top }
}

#[test]
fn the_best_come_first_and_pruned_ones_after_them() {
    let mut bench = Bench::new("all");
    bench.trial(0, 3.0, false, POOL, true);
    bench.trial(1, 0.1, true, POOL, true);
    bench.trial(2, 1.0, false, POOL, false);
    bench.trial(3, 0.5, false, &["model.bin"], false);
    bench.trial(4, f64::NAN, true, POOL, true);
    bench.trial(5, 0.05, true, POOL, false);
    assert_eq!(bench.members(&Wanted::default()), Ok(vec![2, 0, 5, 1, 4]));
    assert_eq!(bench.members(&wanted("pool", &[], 3)), Ok(vec![2, 0, 5]));
    assert_eq!(bench.members(&wanted("", &[4, 0], 1)), Ok(vec![0, 4]), "who is named is not cut off");
    let error = bench.members(&wanted("", &[3], 0)).unwrap_err();
    assert!(error.contains("trial 3 of study `s` has no predictions") && error.contains("docs/predictions.md"), "{error}");
    assert!(bench.members(&wanted("", &[17], 0)).unwrap_err().contains("has no trial 17"));
}

#[test]
fn several_pools_are_told_apart_by_name() {
    let mut bench = Bench::new("all");
    bench.trial(0, 1.0, false, &["predictions/a.csv", "predictions/b.csv"], false);
    bench.trial(1, 2.0, false, &["predictions/b.csv", "predictions/b.jsonl"], false);
    let error = bench.members(&Wanted::default()).unwrap_err();
    assert!(error.contains("several pools: `a.csv`, `b.csv`, `b.jsonl`") && error.contains("`--pool`"), "{error}");
    assert_eq!(bench.members(&wanted("a", &[], 0)), Ok(vec![0]));
    assert_eq!(bench.members(&wanted("b", &[], 0)), Ok(vec![0, 1]));
    assert!(bench.members(&wanted("a", &[1, 0], 0)).unwrap_err().contains("trial 1 of study `s` has no predictions `a`"));
    assert!(bench.members(&wanted("c", &[], 0)).unwrap_err().contains("no trial has predictions `c`"));
    bench.trial(2, 3.0, false, &["predictions/pool.csv"], false);
    assert_eq!(bench.members(&Wanted::default()), Ok(vec![2]), "`pool` is what is usual");
}

#[test]
fn outputs_that_the_study_does_not_keep_are_nobodys_but_those_on_workers_are() {
    let mut bench = Bench::new("best:1");
    bench.trial(0, 3.0, false, POOL, false);
    bench.trial(1, 1.0, false, POOL, false);
    bench.trial(2, 2.0, true, POOL, true);
    assert_eq!(bench.members(&Wanted::default()), Ok(vec![1, 2]));
    let mut none = Bench::new("all");
    none.trial(0, 1.0, false, &["model.bin"], false);
    let error = none.members(&Wanted::default()).unwrap_err();
    assert!(error.contains("no finished or pruned trial of study `s` has predictions"), "{error}");
}

#[test]
fn files_in_two_places_have_no_home() {
    let mut bench = Bench::new("all");
    bench.trial(0, 1.0, false, POOL, true);
    let study = bench.state.study(STUDY).expect("there");
    let mut found = members(&bench.state, study, &Wanted::default()).expect("a member");
    assert_eq!(found[0].home(), Some(Home::Worker(WORKER)));
    found[0].pool.file.kept_by = None;
    assert_eq!(found[0].home(), None);
}
