//! Tests of the study file as a whole.

mod accepted;
mod changes;
mod datasets;
mod guide;
mod mistakes;
mod robust;
mod space_mistakes;
mod trial_mistakes;

use super::{Diagnostic, parse};
use crate::spec::StudySpec;

/// A file that uses most keys once.
const STUDY: &str = r#"name = "digits-mlp"
[objective]
metric = "val_accuracy"
direction = "maximize"
[search]
sampler = "tpe"
seed = 7
max_trials = 60
parallel = 2
pruner = { kind = "asha", min_steps = 2, reduction = 3 }
[space]
learning_rate = { float = [1e-4, 1e-1], scale = "log" }
hidden = { int = [16, 256], scale = "log" }
optimizer = { choice = ["sgd", "adam"] }
momentum = { float = [0.0, 0.99], when = { optimizer = "sgd" } }
[trial]
command = ["digits-trainer", "--epochs", "20"]
resources = { cpus = 1 }
timeout = "5m"
retries = 2
"#;

/// Replaces a piece of [`STUDY`], which must be there.
fn edited(from: &str, to: &str) -> String {
    assert!(STUDY.contains(from), "{from}");
    STUDY.replace(from, to)
}

fn spec(text: &str) -> StudySpec {
    parse(text, "study.toml").unwrap_or_else(|mistakes| panic!("{}", shown(&mistakes)))
}

fn shown(mistakes: &[Diagnostic]) -> String {
    let lines: Vec<String> = mistakes.iter().map(Diagnostic::to_string).collect();
    lines.join("\n")
}

/// Checks what is said after each edit (from, to) of [`STUDY`].
fn check(cases: &[(&str, &str, &str)]) {
    for (from, to, expected) in cases {
        let mistakes = parse(&edited(from, to), "study.toml").expect_err(to);
        assert_eq!(shown(&mistakes), *expected, "after {to}");
    }
}
