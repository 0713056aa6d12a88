//! What a correct file means.

use hone_search::{Distribution, PrunerConfig, SamplerConfig, TpeConfig, Value};

use super::*;
use crate::file::{parse_named, spec_to_toml};
use crate::ids::SECOND;
use crate::spec::{Keep, KeepOutputs, MetricsFormat, Resources, Search, Source, Summary, TrialSpec};

const SHORTEST: &str = "[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n[space]\nx = { float = [0, 1] }\n\
                        [trial]\ncommand = [\"./train\"]\n";

/// A file with every key, and every kind of value.
pub(super) const FULLEST: &str = r#"
name = "ünïcode \"name\"\n"
description = "what and why"
priority = -3
weight = 0.25
[source]
path = "../code"
max_size = "500MB"
[[objective]]
metric = "loss"
direction = "minimize"
summary = "best"
target = 0.01
[[objective]]
metric = "seconds"
direction = "minimize"
[search]
sampler = { kind = "tpe", startup_trials = 5, startup = "random", candidates = 48, multivariate = false, constant_liar = false }
seed = 18446744073709551615
max_trials = 1_000
parallel = 8
pruner = "none"
[space]
zeta = { float = [0, 1], step = 0.25 }
"model.lr" = { float = [1e-7, 1], scale = "log" }
layers = { int = [1, 9], step = 2 }
deep = { bool = true, when = { layers = [5, 7, 9], kind = "a" } }
kind = { choice = ["a", 1, 0.5, true] }
[trial]
command = ["{source}/train", "--lr={params.model.lr}", "{params.deep:-false}", "{{}}", "{params}", "{trial}{output}{checkpoint}", "{overrides:+}", "{flags}"]
setup = ["make", "{source}", "{study}", "{seed}"]
setup_timeout = "1h30m"
working_directory = "{source}/sub"
timeout = "90s"
grace = "0s"
retries = 3
crash_limit = 2
metrics = "step {step}: {name}={value}"
metrics_from = [{ tensorboard = "{output}/logs/**" }, { csv = "m.csv", step = "epoch", names = { "val/loss" = "loss" } }]
max_log = "1MiB"
max_checkpoint = "2GiB"
[trial.environment]
OMP_NUM_THREADS = "1"
"odd name" = "{params.zeta}"
[trial.resources]
cpus = 0.5
memory = "2GiB"
gpus = 0.25
gpu_memory = "20GiB"
labels = { zone = "a", "the rack" = "" }
[trial.keep]
outputs = "best:5"
max = "10MB"
[[enqueue]]
"model.lr" = 0.001
layers = 5.0
kind = "a"
deep = true
[[enqueue]]
zeta = 0.5
"#;

#[test]
fn the_shortest_file_gets_every_default() {
    let spec = spec(SHORTEST);
    assert_eq!((spec.name.as_str(), spec.description.as_str()), ("study", ""));
    assert_eq!((spec.priority, spec.weight), (0, 1.0));
    assert_eq!(spec.source, Source::Path { path: ".".to_owned(), max_bytes: 64 << 20 });
    assert_eq!((spec.objectives[0].summary, spec.objectives[0].target), (Summary::Last, None));
    assert_eq!(
        spec.search,
        Search {
            sampler: SamplerConfig::Tpe(TpeConfig::default()),
            pruner: PrunerConfig::None,
            seed: spec.search.seed,
            max_trials: None,
            parallel: None,
            warm_start: Vec::new(),
        }
    );
    assert_eq!(
        spec.trial,
        TrialSpec {
            command: vec!["./train".to_owned()],
            setup: Vec::new(),
            setup_timeout: 1_800 * SECOND,
            environment: Default::default(),
            working_directory: String::new(),
            resources: Resources::default(),
            timeout: None,
            grace: 10 * SECOND,
            retries: 0,
            crash_limit: 5,
            metrics: None,
            datasets: Default::default(),
            metrics_from: Vec::new(),
            keep: Keep { outputs: KeepOutputs::All, max_bytes: 1 << 30 },
            max_log_bytes: 16 << 20,
            max_checkpoint_bytes: 4 << 30,
        }
    );
}

#[test]
fn every_key_arrives() {
    let spec = spec(FULLEST);
    assert_eq!(spec.name, "ünïcode \"name\"\n");
    assert_eq!((spec.priority, spec.weight), (-3, 0.25));
    assert_eq!(spec.source, Source::Path { path: "../code".to_owned(), max_bytes: 500_000_000 });
    assert_eq!((spec.objectives[0].summary, spec.objectives[0].target), (Summary::Best, Some(0.01)));
    assert_eq!((spec.search.seed, spec.search.max_trials, spec.search.parallel), (u64::MAX, Some(1_000), Some(8)));
    assert_eq!((spec.trial.setup_timeout, spec.trial.timeout, spec.trial.grace), (5_400 * SECOND, Some(90 * SECOND), 0));
    assert_eq!((spec.trial.retries, spec.trial.crash_limit), (3, 2));
    assert_eq!(spec.trial.keep, Keep { outputs: KeepOutputs::Best(5), max_bytes: 10_000_000 });
    assert_eq!((spec.trial.resources.cpus_milli, spec.trial.resources.gpus_milli), (500, 250));
    assert_eq!(spec.trial.resources.labels["zone"], "a");
    assert_eq!(spec.trial.environment["OMP_NUM_THREADS"], "1");
    let files = &spec.trial.metrics_from;
    assert_eq!((files.len(), &files[0].format, files[0].path.as_str()), (2, &MetricsFormat::Tensorboard, "{output}/logs/**"));
    assert_eq!(
        (&files[1].format, files[1].names["val/loss"].as_str()),
        (&MetricsFormat::Csv { step: Some("epoch".to_owned()) }, "loss")
    );
    assert_eq!(spec.enqueue[0]["layers"], Value::Int(5));
    assert_eq!(spec.enqueue[1]["zeta"], Value::Float(0.5));
}

#[test]
fn parameters_keep_the_order_of_the_file() {
    let spec = spec(FULLEST);
    let names: Vec<&str> = spec.space.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["zeta", "model.lr", "layers", "deep", "kind"]);
    let parents: Vec<&str> = spec.space.parameters[3].when.iter().map(|when| when.parameter.as_str()).collect();
    assert_eq!(parents, ["layers", "kind"]);
    let truth = vec![Value::Bool(false), Value::Bool(true)];
    assert_eq!(spec.space.parameters[3].distribution, Distribution::Categorical { choices: truth });
}

#[test]
fn a_name_comes_from_the_file_and_a_seed_from_the_name() {
    for (file, name) in [("a/digits/study.toml", "digits"), ("digits/fast.toml", "fast"), ("study.toml", "study"), ("", "")] {
        assert_eq!(parse(SHORTEST, file).unwrap().name, name, "{file}");
    }
    let seed = |name| parse_named(SHORTEST, "x", name).unwrap().search.seed;
    assert_eq!(seed("digits"), seed("digits"));
    assert_ne!(seed("digits"), seed("digits2"));
    assert_eq!(seed("digits"), 3_448_481_673_668_016);
}

#[test]
fn the_resolved_file_is_complete_and_readable() {
    assert_eq!(
        spec_to_toml(&spec(STUDY)),
        r#"name = "digits-mlp"
priority = 0
weight = 1.0

[source]
path = "."
max_size = "64MiB"

[objective]
metric = "val_accuracy"
direction = "maximize"
summary = "last"

[search]
sampler = { kind = "tpe", startup_trials = 10, startup = "sobol", candidates = 16, multivariate = true, constant_liar = true }
pruner = { kind = "asha", min_steps = 2, reduction = 3, early_stopping_rate = 0, promotion = "stop" }
seed = 7
max_trials = 60
parallel = 2

[trial]
command = ["digits-trainer", "--epochs", "20"]
setup_timeout = "30m"
resources.cpus = 1
timeout = "5m"
grace = "10s"
retries = 2
crash_limit = 5
keep.outputs = "all"
keep.max = "1GiB"
max_log = "16MiB"
max_checkpoint = "4GiB"

[space]
learning_rate = { float = [0.0001, 0.1], scale = "log" }
hidden = { int = [16, 256], scale = "log" }
optimizer = { choice = ["sgd", "adam"] }
momentum = { float = [0.0, 0.99], when = { optimizer = "sgd" } }
"#
    );
}

#[test]
fn the_resolved_file_is_the_same_study() {
    let sources = edited("name = \"digits-mlp\"", "name = \"\"\nsource = \"none\"");
    let median = edited("kind = \"asha\", min_steps = 2, reduction = 3", "kind = \"median\", warmup_steps = 4");
    let last = edited("reduction = 3", "reduction = 3, max_steps = 27");
    let gp = edited("sampler = \"tpe\"", "sampler = { kind = \"gp\", max_points = 300 }");
    let cmaes = edited("sampler = \"tpe\"", "sampler = { kind = \"cmaes\", population = 12, restarts = \"ipop\" }");
    let nsga2 = edited("sampler = \"tpe\"", "sampler = { kind = \"nsga2\", population = 50, crossover = 0.5 }");
    let auto = edited("sampler = \"tpe\"", "sampler = \"auto\"");
    let files = edited("retries = 2", "metrics_from = { csv = \"*.csv\", names = { \"val loss\" = \"loss\" } }");
    for text in [STUDY, SHORTEST, FULLEST, &files, &sources, &median, &last, &gp, &cmaes, &nsga2, &auto] {
        let once = spec(text);
        assert_eq!(spec(&spec_to_toml(&once)), once);
    }
}

#[test]
fn a_grid_takes_a_finite_space() {
    let text = SHORTEST.replace("[0, 1] }", "[0, 1], step = 0.1 }") + "[search]\nsampler = \"grid\"\n";
    assert_eq!(spec(&text).search.sampler, SamplerConfig::Grid);
}

#[test]
fn nothing_is_unpacked_where_there_is_no_source() {
    let text = "source = \"none\"\n".to_owned() + &SHORTEST.replace("./train", "{source}/train");
    assert_eq!(
        shown(&parse(&text, "study.toml").unwrap_err()),
        "study.toml:8:12: trial.command[0]: `{source}` does not exist with `source = \"none\"`: nothing is unpacked\n\
         hint: write the path itself, or pack a folder with `[source]`"
    );
}
