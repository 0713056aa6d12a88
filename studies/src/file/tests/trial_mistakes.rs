//! What is said of mistakes in `[trial]` and `[source]`.

use super::{check, edited, parse, shown, spec};

#[test]
fn a_command_is_an_array_of_texts() {
    check(&[
        (
            r#"command = ["digits-trainer", "--epochs", "20"]"#,
            r#"command = "digits-trainer --epochs 20""#,
            r#"study.toml:17:11: trial.command: expected an array of texts, found the text `digits-trainer --epochs 20`
hint: no shell reads it; write one text per argument: ["digits-trainer", "--epochs", "20"]"#,
        ),
        (
            r#"command = ["digits-trainer", "--epochs", "20"]"#,
            "command = []",
            r#"study.toml:17:11: trial.command: the command is empty
hint: write the program and its arguments: `command = ["./train", "--epochs", "20"]`"#,
        ),
        (
            r#"command = ["digits-trainer", "--epochs", "20"]"#,
            r#"command = [""]"#,
            r#"study.toml:17:11: trial.command: the program's name is empty
hint: write the program and its arguments: `command = ["./train", "--epochs", "20"]`"#,
        ),
        (
            r#"command = ["digits-trainer", "--epochs", "20"]
"#,
            "",
            r#"study.toml:16:1: trial.command: is missing
hint: write `command = ["./train"]`"#,
        ),
        (
            r#""20""#,
            "20",
            r#"study.toml:17:42: trial.command[2]: expected text, found the whole number `20`
hint: write it in quotes: "20""#,
        ),
        (r#""20""#, r#""\u0000""#, "study.toml:17:42: trial.command[2]: holds a zero byte, which no program can be given"),
    ]);
}

#[test]
fn templates_are_checked_against_space_and_place() {
    check(&[
        (
            r#""20""#,
            r#""{params.lerning_rate}""#,
            "study.toml:17:42: trial.command[2]: `{params.lerning_rate}` names no parameter\nhint: did you mean `learning_rate`? `[space]` defines `learning_rate`, `hidden`, `optimizer` and `momentum`",
        ),
        (
            r#""20""#,
            r#""{params.momentum}""#,
            "study.toml:17:42: trial.command[2]: `momentum` exists only while `optimizer` is `sgd`, so it needs a default\nhint: write for example `{params.momentum:-0}`",
        ),
        (
            r#""20""#,
            r#""{outptu}""#,
            "study.toml:17:42: trial.command[2]: there is no placeholder `{outptu}`\nhint: did you mean `{output}`? there are `{params.NAME}`, `{dataset.NAME}`, `{params}`, `{trial}`, `{study}`, `{source}`, `{output}`, `{checkpoint}`, `{seed}`, `{overrides}`, `{flags}`; write `{{` for a brace",
        ),
        (
            r#""20""#,
            r#""{""#,
            "study.toml:17:42: trial.command[2]: `{` opens a placeholder that is never closed\nhint: write `{{` for a brace",
        ),
        (
            r#"timeout = "5m""#,
            r#"setup = ["pip", "{trial}", "{study}"]"#,
            "study.toml:19:17: trial.setup[1]: `{trial}` does not exist in `setup`, which trials share\nhint: use it in `command`; `setup` knows `{study}`, `{source}` and `{seed}`",
        ),
        (
            r#"timeout = "5m""#,
            r#"environment = { A = "{params.nothing}" }
working_directory = "}""#,
            "study.toml:19:21: trial.environment.A: `{params.nothing}` names no parameter\nhint: `[space]` defines `learning_rate`, `hidden`, `optimizer` and `momentum`\nstudy.toml:20:21: trial.working_directory: `}` closes nothing in `}`\nhint: write `}}` for a brace",
        ),
    ]);
}

#[test]
fn durations_and_sizes_need_units() {
    check(&[
        (
            r#"timeout = "5m""#,
            "timeout = 300",
            r#"study.toml:19:11: trial.timeout: expected a duration, found the whole number `300`
hint: write it with a unit: "300s""#,
        ),
        (
            r#"timeout = "5m""#,
            r#"grace = "5 min""#,
            "study.toml:19:9: trial.grace: `5 min` is not a duration: the units are `d`, `h`, `m`, `s`, `ms` and `us`, as in `1h30m`",
        ),
        (
            r#"timeout = "5m""#,
            r#"timeout = "0s""#,
            "study.toml:19:11: trial.timeout: no time at all is left\nhint: leave the key out, or allow more than `0s`",
        ),
        (
            r#"timeout = "5m""#,
            r#"max_log = "5G""#,
            "study.toml:19:11: trial.max_log: `5G` can mean two sizes; write `5GB` (thousands) or `5GiB` (1,024s)",
        ),
        (
            r#"timeout = "5m""#,
            "max_checkpoint = 5",
            r#"study.toml:19:18: trial.max_checkpoint: expected a size, found the whole number `5`
hint: write it with a unit: "5MiB""#,
        ),
    ]);
}

#[test]
fn limits_of_a_trial_are_checked() {
    check(&[
        ("retries = 2", "retries = 100000", "study.toml:20:11: trial.retries: `100000` is not within 0 and 1000"),
        ("retries = 2", "crash_limit = 0", "study.toml:20:15: trial.crash_limit: `0` is not within 1 and 1000"),
        (
            "retries = 2",
            r#"keep = { outputs = "best", max = "1GiB" }"#,
            "study.toml:20:20: trial.keep.outputs: unknown value `best`\nhint: did you mean `best:5`? there are `all`, `none` and `best:5`",
        ),
        (
            "retries = 2",
            r#"keep = { outputs = "best:0" }"#,
            "study.toml:20:20: trial.keep.outputs: `best:0` does not say how many\nhint: write for example `best:5`",
        ),
    ]);
}

#[test]
fn the_metrics_pattern_has_a_name_and_a_value() {
    check(&[
        (
            "retries = 2",
            r#"metrics = "{nmae}={value}""#,
            "study.toml:20:11: trial.metrics: `{nmae}` is not part of a metric line\nhint: write for example `{name}={value}` or `step {step}: {name} {value}`; `{{` is a brace",
        ),
        (
            "retries = 2",
            r#"metrics = "loss={value}""#,
            "study.toml:20:11: trial.metrics: `{name}` is missing in the pattern\nhint: write for example `{name}={value}` or `step {step}: {name} {value}`; `{{` is a brace",
        ),
        (
            "retries = 2",
            r#"metrics = "{name}{value}""#,
            "study.toml:20:11: trial.metrics: two placeholders follow each other without a text between them\nhint: write for example `{name}={value}` or `step {step}: {name} {value}`; `{{` is a brace",
        ),
        (
            "retries = 2",
            r#"metrics = "{name}={value} {value}""#,
            "study.toml:20:11: trial.metrics: `{value}` occurs twice\nhint: write for example `{name}={value}` or `step {step}: {name} {value}`; `{{` is a brace",
        ),
        (
            "retries = 2",
            r#"metrics = "{name""#,
            "study.toml:20:11: trial.metrics: `{name` opens a placeholder that is never closed\nhint: write for example `{name}={value}` or `step {step}: {name} {value}`; `{{` is a brace",
        ),
    ]);
}

#[test]
fn files_of_metrics_are_checked() {
    check(&[
        (
            "retries = 2",
            r#"metrics_from = "logs""#,
            "study.toml:20:16: trial.metrics_from: expected a table, found the text `logs`\nhint: write `metrics_from = { tensorboard = \"logs\" }` or `metrics_from = { csv = \"metrics.csv\" }`",
        ),
        (
            "retries = 2",
            r#"metrics_from = { tensorboard = "logs", tags = { a = "b" } }"#,
            "study.toml:20:40: trial.metrics_from.tags: unknown key `tags`\nhint: did you mean `names`? `metrics_from` knows `tensorboard`, `csv`, `step` and `names`",
        ),
        (
            "retries = 2",
            r#"metrics_from = [{ step = "epoch" }, { csv = "a", tensorboard = "b" }]"#,
            "study.toml:20:17: trial.metrics_from[0]: names no files\nhint: write `metrics_from = { tensorboard = \"logs\" }` or `metrics_from = { csv = \"metrics.csv\" }`\nstudy.toml:20:45: trial.metrics_from[1].csv: stands beside `tensorboard`\nhint: write an array with a table for each",
        ),
        (
            "retries = 2",
            r#"metrics_from = { tensorboard = "", step = "epoch" }"#,
            "study.toml:20:32: trial.metrics_from.tensorboard: is empty\nstudy.toml:20:43: trial.metrics_from.step: belongs to `csv`: an event file has a step for each of its values\nhint: remove it",
        ),
        (
            "retries = 2",
            r#"metrics_from = { csv = "{outptu}/m.csv", names = { a = "x", b = "x" } }"#,
            "study.toml:20:24: trial.metrics_from.csv: there is no placeholder `{outptu}`\nhint: did you mean `{output}`? there are `{params.NAME}`, `{dataset.NAME}`, `{params}`, `{trial}`, `{study}`, `{source}`, `{output}`, `{checkpoint}`, `{seed}`, `{overrides}`, `{flags}`; write `{{` for a brace\nstudy.toml:20:65: trial.metrics_from.names.b: two values would be called `x`\nhint: rename one",
        ),
        (
            "retries = 2",
            r#"metrics_from = { csv = "m.csv", names = {} }"#,
            "study.toml:20:41: trial.metrics_from.names: is empty, so no value would be taken\nhint: leave it out to take all values",
        ),
    ]);
}

#[test]
fn several_arguments_stand_alone_behind_the_program() {
    let hint =
        |name: &str| format!("hint: write it alone, behind the program: `command = [\"python3\", \"train.py\", \"{{{name}}}\"]`");
    let (overrides, flags) = (hint("overrides:+"), hint("flags"));
    check(&[
        (
            r#""--epochs", "20"]"#,
            r#""a {overrides:+}"]"#,
            &format!("study.toml:17:30: trial.command[1]: `{{overrides:+}}` stands for several arguments\n{overrides}"),
        ),
        (
            r#"["digits-trainer", "--epochs", "20"]"#,
            r#"["{flags}"]"#,
            &format!("study.toml:17:12: trial.command[0]: `{{flags}}` stands for several arguments\n{flags}"),
        ),
        (
            "retries = 2",
            r#"environment = { A = "{flags}" }"#,
            &format!("study.toml:20:21: trial.environment.A: `{{flags}}` stands for several arguments\n{flags}"),
        ),
        (
            "retries = 2",
            r#"setup = ["a", "{flags}"]"#,
            "study.toml:20:15: trial.setup[1]: `{flags}` does not exist in `setup`, which trials share\nhint: use it in `command`; `setup` knows `{study}`, `{source}` and `{seed}`",
        ),
    ]);
    let renamed = edited("hidden =", "\"hidden size\" =").replace(r#""--epochs", "20"]"#, r#""{overrides}", "{flags}"]"#);
    let mistakes = shown(&parse(&renamed, "study.toml").expect_err("a name that cannot be written"));
    assert!(mistakes.contains("`{overrides}` cannot write the parameter `hidden size`"), "{mistakes}");
    assert!(mistakes.contains("`{flags}` cannot write the parameter `hidden size`"), "{mistakes}");
    spec(&edited(r#""--epochs", "20"]"#, r#""{overrides:++}", "--", "{flags}"]"#));
}

#[test]
fn resources_and_environment_are_checked() {
    check(&[
        (
            "{ cpus = 1 }",
            "{ cpus = 0, gpus = 1.5 }",
            "study.toml:18:22: trial.resources.cpus: a trial occupies some of a processor\nhint: write at least `cpus = 0.001`\nstudy.toml:18:32: trial.resources.gpus: a trial gets a part of one GPU, or whole ones\nhint: write a number below 1, or a whole number",
        ),
        (
            "{ cpus = 1 }",
            "{ cpus = 0.00001, gpus = -1 }",
            "study.toml:18:22: trial.resources.cpus: `0.00001` is finer than a thousandth\nstudy.toml:18:38: trial.resources.gpus: `-1` is not within 0 and 100000",
        ),
        (
            "{ cpus = 1 }",
            r#"{ gpu_memory = "20GiB" }"#,
            "study.toml:18:28: trial.resources.gpu_memory: asks for memory of a GPU, but for no GPU\nhint: add `gpus = 1`, or a part such as `gpus = 0.5`",
        ),
        (
            "{ cpus = 1 }",
            "{ labels = { zone = 1 } }",
            r#"study.toml:18:33: trial.resources.labels.zone: expected text, found the whole number `1`
hint: write it in quotes: "1""#,
        ),
        (
            r#"timeout = "5m""#,
            r#"environment = { HONE_X = "1", THREADS = 1 }"#,
            r#"study.toml:19:26: trial.environment.HONE_X: variables that begin with `HONE_` are set for the trial
hint: rename it
study.toml:19:41: trial.environment.THREADS: expected text, found the whole number `1`
hint: write it in quotes: "1""#,
        ),
    ]);
}

#[test]
fn sources_are_a_folder_or_none() {
    check(&[
        (
            r#"name = "digits-mlp""#,
            r#"source = "git""#,
            r#"study.toml:1:10: source: unknown value `git`
hint: write `source = "none"`, or `[source]` with `path = "."` for a folder"#,
        ),
        (
            r#"name = "digits-mlp""#,
            r#"source = { path = "", max_size = "1" }"#,
            "study.toml:1:19: source.path: is empty\nstudy.toml:1:34: source.max_size: `1` has no unit; write for example `500MB` or `1GiB`",
        ),
    ]);
}
