//! What is said of mistakes at the top of a file, in `[objective]` and in `[search]`.

use super::check;

#[test]
fn broken_toml_is_named_with_its_line() {
    check(&[
        (
            "max_trials = 60",
            "max_trials =",
            "study.toml:8:13: string values must be quoted, expected literal string\nhint: the file is not TOML here; texts stand in quotes",
        ),
        (
            "seed = 7",
            "seed = 7\nseed = 8",
            "study.toml:8:1: duplicate key\nhint: the file is not TOML here; texts stand in quotes",
        ),
        (
            "[trial]",
            "[trial",
            "study.toml:16:7: unclosed table, expected `]`\nhint: the file is not TOML here; texts stand in quotes",
        ),
    ]);
}

#[test]
fn unknown_keys_name_the_nearest_one_or_the_right_table() {
    check(&[
        (
            "parallel = 2",
            "paralel = 1",
            "study.toml:9:1: search.paralel: unknown key `paralel`\nhint: did you mean `parallel`? `[search]` knows `sampler`, `seed`, `max_trials`, `parallel`, `pruner` and `warm_start`",
        ),
        (
            "parallel = 2",
            r#"n_jobs = 1
timeout = "3m""#,
            "study.toml:9:1: search.n_jobs: unknown key `n_jobs`\nhint: did you mean `parallel`? `[search]` knows `sampler`, `seed`, `max_trials`, `parallel`, `pruner` and `warm_start`\nstudy.toml:10:1: search.timeout: unknown key `timeout`\nhint: `timeout` belongs in `[trial]`; `[search]` knows `sampler`, `seed`, `max_trials`, `parallel`, `pruner` and `warm_start`",
        ),
        (
            "retries = 2",
            "env = {}",
            "study.toml:20:1: trial.env: unknown key `env`\nhint: did you mean `environment`? `[trial]` knows `command`, `setup`, `setup_timeout`, `working_directory`, `environment`, `resources`, `timeout`, `grace`, `retries`, `crash_limit`, `metrics`, `metrics_from`, `datasets`, `keep`, `max_log` and `max_checkpoint`",
        ),
        (
            r#"name = "digits-mlp""#,
            "objectiv = 1",
            "study.toml:1:1: objectiv: unknown key `objectiv`\nhint: did you mean `objective`? the top of the file knows `name`, `description`, `priority`, `weight`, `source`, `objective`, `constraint`, `search`, `stop`, `space`, `trial` and `enqueue`",
        ),
        (
            r#"sampler = "tpe""#,
            r#"sampler = { kind = "tpe", candidats = 3 }"#,
            "study.toml:6:27: search.sampler.candidats: unknown key `candidats`\nhint: did you mean `candidates`? the sampler `tpe` knows `kind`, `startup_trials`, `startup`, `candidates`, `multivariate` and `constant_liar`",
        ),
        (
            "{ cpus = 1 }",
            "{ cpu = 1 }",
            "study.toml:18:15: trial.resources.cpu: unknown key `cpu`\nhint: did you mean `cpus`? `resources` knows `cpus`, `memory`, `gpus`, `gpu_memory` and `labels`",
        ),
    ]);
}

#[test]
fn wrong_types_say_what_was_expected_and_found() {
    check(&[
        (
            "max_trials = 60",
            r#"max_trials = "sixty""#,
            "study.toml:8:14: search.max_trials: expected a whole number, found the text `sixty`",
        ),
        (
            r#"name = "digits-mlp""#,
            "name = 3",
            r#"study.toml:1:8: name: expected text, found the whole number `3`
hint: write it in quotes: "3""#,
        ),
        (r#"sampler = "tpe""#, "sampler = []", "study.toml:6:11: search.sampler: expected text, found an array"),
        ("retries = 2", "retries = 2.5", "study.toml:20:11: trial.retries: expected a whole number, found the number `2.5`"),
        (
            "{ cpus = 1 }",
            "4",
            "study.toml:18:13: trial.resources: expected a table, found the whole number `4`\nhint: write `resources = { cpus = 2, gpus = 1 }`",
        ),
        (r#"metric = "val_accuracy""#, r#"metric = """#, "study.toml:3:10: objective.metric: is empty"),
    ]);
}

#[test]
fn samplers_and_pruners_are_checked_by_name_and_by_option() {
    check(&[
        (
            r#"sampler = "tpe""#,
            r#"sampler = "tpee""#,
            "study.toml:6:11: search.sampler: unknown value `tpee`\nhint: did you mean `tpe`? there are `auto`, `random`, `sobol`, `grid`, `tpe`, `cmaes`, `gp` and `nsga2`",
        ),
        (
            r#"sampler = "tpe""#,
            r#"sampler = { kind = "nsga2", crossover = 1.5 }"#,
            "study.toml:6:11: search.sampler: `crossover` must be between 0 and 1\nhint: it is a probability: write `crossover = 0.9`",
        ),
        (
            r#"sampler = "tpe""#,
            r#"sampler = { kind = "random", candidates = 3 }"#,
            "study.toml:6:30: search.sampler.candidates: unknown key `candidates`\nhint: `candidates` belongs in the sampler `tpe`; this sampler knows `kind`",
        ),
        (
            r#"sampler = "tpe""#,
            r#"sampler = { type = "tpe" }"#,
            "study.toml:6:11: search.sampler: does not say its `kind`\nhint: there are `auto`, `random`, `sobol`, `grid`, `tpe`, `cmaes`, `gp` and `nsga2`",
        ),
        (
            r#"sampler = "tpe""#,
            r#"sampler = { kind = "tpe", startup = "x", candidates = 0 }"#,
            "study.toml:6:37: search.sampler.startup: unknown value `x`\nhint: there are `sobol` and `random`\nstudy.toml:6:55: search.sampler.candidates: `0` is not within 1 and 10000",
        ),
        (
            r#"{ kind = "asha", min_steps = 2, reduction = 3 }"#,
            r#""racing""#,
            "study.toml:10:10: search.pruner: unknown value `racing`\nhint: there are `none`, `median`, `percentile`, `asha`, `halving`, `hyperband`, `threshold`, `patience`, `wilcoxon` and `learning_curve`",
        ),
        ("reduction = 3", "reduction = 1", "study.toml:10:54: search.pruner.reduction: `1` is not within 2 and 1000"),
        (
            "reduction = 3",
            "max_steps = 2",
            "study.toml:10:54: search.pruner.max_steps: `2` is not above `min_steps`, 2, so nothing would ever be pruned\nhint: write the step at which trials end anyway, or leave it out",
        ),
        (
            r#"kind = "asha", min_steps = 2, reduction = 3"#,
            r#"kind = "median", interval = 0"#,
            "study.toml:10:40: search.pruner.interval: `0` is not within 1 and 9007199254740992",
        ),
        (
            r#"kind = "asha", min_steps = 2, reduction = 3"#,
            r#"kind = "patience", pruner = { kind = "percentile", percentile = 100 }"#,
            "study.toml:10:76: search.pruner.pruner.percentile: `100` is not above 0 and below 100",
        ),
        (
            r#"kind = "asha", min_steps = 2, reduction = 3"#,
            r#"kind = "threshold", lower = 2, upper = 1"#,
            "study.toml:10:40: search.pruner.lower: `2` is not at most `upper`",
        ),
    ]);
}

#[test]
fn limits_of_the_search_are_checked() {
    check(&[
        (
            "max_trials = 60",
            "max_trials = 0",
            "study.toml:8:14: search.max_trials: `0` is not within 1 and 4000000000\nhint: leave the key out for a study that runs until it is stopped",
        ),
        (
            "parallel = 2",
            "parallel = 0",
            "study.toml:9:12: search.parallel: `0` is not within 1 and 1000000\nhint: leave the key out for as many as the workers can run",
        ),
        ("seed = 7", "seed = -1", "study.toml:7:8: search.seed: `-1` is not within 0 and 18446744073709551615"),
    ]);
}

#[test]
fn objectives_are_present_different_and_only_one_is_pruned_by() {
    check(&[
        (
            r#"[objective]
metric = "val_accuracy"
direction = "maximize"
"#,
            "",
            r#"study.toml:1:1: objective: the study has no objective
hint: write `[objective]` with `metric = "val_loss"` and `direction = "minimize"`"#,
        ),
        (
            "[objective]",
            r#"[[objective]]
metric = "val_accuracy"
direction = "minimize"
[[objective]]"#,
            r#"study.toml:5:1: objective[1]: metric `val_accuracy` is an objective already
hint: remove one, or name another metric"#,
        ),
        (
            r#"[objective]
metric = "val_accuracy"
direction = "maximize"
[search]
sampler = "tpe"
seed = 7
max_trials = 60
parallel = 2
pruner = { kind = "asha", min_steps = 2, reduction = 3 }"#,
            r#"[[objective]]
metric = "val_accuracy"
direction = "maximize"
[[objective]]
metric = "loss"
direction = "minimize"
[search]
pruner = "median""#,
            r#"study.toml:9:10: search.pruner: this pruner looks at one objective, and the study has 2
hint: `asha`, `halving` and `hyperband` weigh several; or write `pruner = "none"`"#,
        ),
        (
            "[search]",
            r#"[[constraint]]
metric = "latency_ms"
[[constraint]]
metric = "latency_ms"
min = 3
max = 2
[[constraint]]
max = "few"
[search]"#,
            r#"study.toml:5:1: constraint[0]: a constraint needs a bound
hint: add `max`, or `min`, or both
study.toml:7:1: constraint[1]: no value is at least 3 and at most 2
hint: swap `min` and `max`
study.toml:7:1: constraint[1]: metric `latency_ms` has a constraint already
hint: give both bounds, `min` and `max`, in one
study.toml:11:1: constraint[2].metric: is missing
hint: name the value that trials report
study.toml:12:7: constraint[2].max: expected a number, found the text `few`"#,
        ),
        (
            r#"direction = "maximize""#,
            r#"direction = "max""#,
            "study.toml:4:13: objective.direction: unknown value `max`\nhint: did you mean `maximize`? there are `minimize` and `maximize`",
        ),
        (
            r#"direction = "maximize"
"#,
            "",
            r#"study.toml:2:1: objective.direction: is missing
hint: write `direction = "minimize"` or `direction = "maximize"`"#,
        ),
        (
            r#"[objective]
metric = "val_accuracy"
direction = "maximize"
"#,
            r#"objective = "loss"
"#,
            r#"study.toml:2:13: objective: expected a table, found the text `loss`
hint: write `[objective]` with `metric = "val_loss"` and `direction = "minimize"`"#,
        ),
        (
            r#"direction = "maximize""#,
            r#"direction = "maximize"
target = nan"#,
            "study.toml:5:10: objective.target: `nan` is not a finite number",
        ),
    ]);
}

#[test]
fn priority_and_weight_are_in_range() {
    check(&[(
        r#"name = "digits-mlp""#,
        "priority = 99999999999\nweight = 0",
        "study.toml:1:12: priority: `99999999999` is not within -2147483648 and 2147483647\nstudy.toml:2:10: weight: `0` is not above 0\nhint: 1 is the usual share, 2 twice as much",
    )]);
}

#[test]
fn studies_to_start_from_are_names_each_once() {
    let hint = "hint: write the names of studies: [\"first\", \"second\"]";
    check(&[
        (
            "seed = 7",
            "warm_start = 3",
            &format!("study.toml:7:14: search.warm_start: expected an array of names, found the whole number `3`\n{hint}"),
        ),
        (
            "seed = 7",
            "warm_start = \"first\"",
            "study.toml:7:14: search.warm_start: expected an array of names, found the text `first`\nhint: write [\"first\"]",
        ),
        (
            "seed = 7",
            "warm_start = [\"a\", \"\", \"a\"]",
            "study.toml:7:20: search.warm_start[1]: is empty\nstudy.toml:7:24: search.warm_start[2]: `a` is named twice\nhint: name each study once",
        ),
    ]);
}
