//! The environment of a trial: cleared to what a program needs, then the study's, then Hone's own.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use hone_proto::worker::{Assignment, Program};

use crate::{
    dataset::{Provided, variable_of},
    ledger::MARK,
    machine::AttemptKey,
    template::Values,
};

/// Variables of the worker that a trial sees; everything else (tokens, keys, sockets) stays outside.
const ALLOWED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CUDA_HOME",
    "CUDA_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// Beginnings of further allowed variables.
const ALLOWED_STARTS: [&str; 1] = ["LC_"];

/// Where a trial finds its things.
#[derive(Clone, Debug)]
pub struct Places {
    /// `HONE_OUTPUT`
    pub output: PathBuf,
    /// `HONE_CHECKPOINT`
    pub checkpoint: PathBuf,
    /// `HONE_SOCKET`
    pub socket: PathBuf,
    /// `HONE_SOURCE`; `None`: the study has none.
    pub source: Option<PathBuf>,
    /// `HONE_DATASETS`
    pub datasets: Vec<Provided>,
    /// Where `hone` itself is.
    pub hone_folder: Option<PathBuf>,
}

/// What every process for a study sees: allowed variables, the study's own, and the path to its programs.
#[must_use]
pub fn base(
    program: &Program,
    values: &Values,
    source: Option<&Path>,
    hone_folder: Option<&Path>,
) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().filter(|(name, _)| is_allowed(name)).collect();
    // A variable that depends on the trial has no value in `setup`, and is not set there.
    for (name, value) in &program.environment {
        if let Ok(value) = values.fill(value) {
            variables.insert(name.into(), value.into());
        }
    }
    let path = search_path(variables.get(OsStr::new("PATH")), source, hone_folder);
    variables.insert("PATH".into(), path);
    variables
}

/// What the placeholders of a trial's command and environment stand for.
#[must_use]
pub fn values(assignment: &Assignment, program: &Program, places: &Places) -> Values {
    let trial = assignment.trial.clone().unwrap_or_default();
    let values = Values::of_study(program).with_trial(&trial);
    let values = values.with("output", &places.output.to_string_lossy()).with("checkpoint", &places.checkpoint.to_string_lossy());
    let with =
        |values: Values, dataset: &Provided| values.with(&format!("dataset.{}", dataset.name), &dataset.folder.to_string_lossy());
    let values = places.datasets.iter().fold(values, with);
    match &places.source {
        Some(source) => values.with("source", &source.to_string_lossy()),
        None => values,
    }
}

/// The whole environment of a trial.
#[must_use]
pub fn of_trial(assignment: &Assignment, program: &Program, places: &Places, incarnation: &str) -> BTreeMap<OsString, OsString> {
    let values = values(assignment, program, places);
    let mut variables = base(program, &values, places.source.as_deref(), places.hone_folder.as_deref());
    let trial = assignment.trial.clone().unwrap_or_default();
    let mut set = |name: &str, value: OsString| variables.insert(name.into(), value);
    set("HONE_TRIAL", trial.number.to_string().into());
    set("HONE_PARAMS", trial.params_json.into());
    set("HONE_STUDY", program.study_name.clone().into());
    set("HONE_SEED", program.seed.to_string().into());
    set("HONE_ATTEMPT", assignment.attempt.to_string().into());
    set("HONE_OUTPUT", places.output.clone().into());
    set("HONE_CHECKPOINT", places.checkpoint.clone().into());
    set("HONE_SOCKET", places.socket.clone().into());
    if let Some(source) = &places.source {
        set("HONE_SOURCE", source.clone().into());
    }
    if !places.datasets.is_empty() {
        set("HONE_DATASETS", datasets_json(&places.datasets).into());
    }
    for dataset in &places.datasets {
        set(&variable_of(&dataset.name), dataset.folder.clone().into());
    }
    set(MARK, mark(assignment, incarnation).into());
    let gpus = visible_gpus(assignment);
    set("CUDA_VISIBLE_DEVICES", gpus.clone().into());
    set("CUDA_DEVICE_ORDER", "PCI_BUS_ID".into());
    // The counterparts of other makers: a trial that asks for no GPU sees none.
    set("HIP_VISIBLE_DEVICES", gpus.into());
    variables
}

/// Names and folders as a JSON object.
fn datasets_json(datasets: &[Provided]) -> String {
    let folder = |dataset: &Provided| (dataset.name.clone(), dataset.folder.to_string_lossy().into_owned());
    let all: BTreeMap<String, String> = datasets.iter().map(folder).collect();
    serde_json::to_string(&all).expect("texts are JSON")
}

/// The mark of one attempt; its beginning is the mark of the worker process.
#[must_use]
pub fn mark(assignment: &Assignment, incarnation: &str) -> String {
    let key = AttemptKey { task: assignment.task, attempt: assignment.attempt };
    format!("{incarnation}:{key}:")
}

fn visible_gpus(assignment: &Assignment) -> String {
    let indices: Vec<String> = assignment.gpus.iter().map(|gpu| gpu.index.to_string()).collect();
    indices.join(",")
}

fn is_allowed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    ALLOWED.contains(&name) || ALLOWED_STARTS.iter().any(|start| name.starts_with(start))
}

/// `bin/` of the source, the folder of `hone`, then what was there.
fn search_path(former: Option<&OsString>, source: Option<&Path>, hone_folder: Option<&Path>) -> OsString {
    let own = [source.map(|source| source.join("bin")), hone_folder.map(Path::to_owned)];
    let former = former.map_or_else(|| "/usr/local/bin:/usr/bin:/bin".into(), Clone::clone);
    let folders = own.into_iter().flatten().chain(env::split_paths(&former));
    // A folder with a colon in its name cannot be on a path at all.
    env::join_paths(folders).unwrap_or(former)
}

#[cfg(test)]
mod tests {
    use hone_proto::worker::{GpuShare, TrialWork};

    use super::*;

    fn variables(assignment: &Assignment, source: Option<&str>) -> BTreeMap<OsString, OsString> {
        let places = Places {
            output: "/w/output".into(),
            checkpoint: "/w/checkpoint".into(),
            socket: "/run/s".into(),
            source: source.map(PathBuf::from),
            datasets: Vec::new(),
            hone_folder: Some("/opt/hone".into()),
        };
        let environment = [("LR".to_owned(), "1".to_owned())].into();
        let program = Program { study_name: "digits".to_owned(), environment, ..Program::default() };
        of_trial(assignment, &program, &places, "life")
    }

    fn get<'a>(variables: &'a BTreeMap<OsString, OsString>, name: &str) -> Option<&'a str> {
        variables.get(OsStr::new(name)).and_then(|value| value.to_str())
    }

    #[test]
    fn a_trial_sees_its_own_things_and_none_of_the_workers() {
        let trial = Some(TrialWork { number: 4, params_json: "{\"a\":1}".to_owned() });
        let assignment = Assignment { task: 9, attempt: 2, trial, ..Assignment::default() };
        let variables = variables(&assignment, Some("/src"));
        assert_eq!(get(&variables, "HONE_TRIAL"), Some("4"));
        assert_eq!(get(&variables, "HONE_PARAMS"), Some("{\"a\":1}"));
        assert_eq!(get(&variables, "HONE_STUDY"), Some("digits"));
        assert_eq!(get(&variables, "HONE_ATTEMPT"), Some("2"));
        assert_eq!(get(&variables, "LR"), Some("1"));
        assert_eq!(get(&variables, MARK), Some("life:9-2:"));
        let path = get(&variables, "PATH").expect("a path");
        assert!(path.starts_with("/src/bin:/opt/hone:"), "{path}");
        // Set by cargo for every test, as a stand-in for secrets of the worker's own environment.
        assert!(env::var_os("CARGO_MANIFEST_DIR").is_some() && get(&variables, "CARGO_MANIFEST_DIR").is_none());
    }

    #[test]
    fn a_trial_sees_the_gpus_of_its_lease_and_otherwise_none() {
        let none = variables(&Assignment::default(), None);
        assert_eq!(get(&none, "CUDA_VISIBLE_DEVICES"), Some(""));
        let gpus = vec![GpuShare { index: 1, milli: 1_000 }, GpuShare { index: 3, milli: 500 }];
        let two = variables(&Assignment { gpus, ..Assignment::default() }, None);
        assert_eq!(get(&two, "CUDA_VISIBLE_DEVICES"), Some("1,3"));
        assert_eq!(get(&two, "HONE_SOURCE"), None);
    }
}
