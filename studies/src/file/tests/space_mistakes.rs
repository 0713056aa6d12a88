//! What is said of mistakes in `[space]` and `[[enqueue]]`.

use super::check;

#[test]
fn a_grid_needs_finitely_many_values() {
    check(&[(
        r#"sampler = "tpe""#,
        r#"sampler = "grid""#,
        "study.toml:6:11: search.sampler: a grid needs finitely many values, and `learning_rate` is continuous\nhint: give `learning_rate` a `step`, make it an `int` or a `choice`, or take another sampler\nstudy.toml:6:11: search.sampler: a grid needs finitely many values, and `momentum` is continuous\nhint: give `momentum` a `step`, make it an `int` or a `choice`, or take another sampler",
    )]);
}

#[test]
fn bounds_are_in_order_and_finite() {
    check(&[
        (
            "[1e-4, 1e-1], scale",
            "[0.1, 0.001], scale",
            "study.toml:12:17: space.learning_rate: lower bound 0.1 is above upper bound 0.001\nhint: swap them: `[0.001, 0.1]`",
        ),
        (
            "[16, 256]",
            "[256, 16]",
            "study.toml:13:10: space.hidden: lower bound 256 is above upper bound 16\nhint: swap them: `[16, 256]`",
        ),
        (
            r#"[1e-4, 1e-1], scale = "log""#,
            "[0, inf]",
            "study.toml:12:27: space.learning_rate.float: `inf` is not a finite number",
        ),
        (
            r#"[1e-4, 1e-1], scale = "log""#,
            "[-1e308, 1e308]",
            "study.toml:12:17: space.learning_rate: the range is wider than a double can hold\nhint: narrow the bounds",
        ),
        (
            "float = [1e-4, 1e-1]",
            "float = [0]",
            "study.toml:12:27: space.learning_rate.float: expected two bounds\nhint: write `[low, high]`",
        ),
        ("[16, 256]", "[1.5, 256]", "study.toml:13:18: space.hidden.int: expected a whole number, found the number `1.5`"),
    ]);
}

#[test]
fn a_logarithmic_scale_starts_above_zero_and_has_no_steps() {
    check(&[
        (
            "[1e-4, 1e-1], scale",
            "[0, 1], scale",
            r#"study.toml:12:17: space.learning_rate: lower bound 0.0 has no place on a logarithmic scale
hint: raise it above 0, or write `scale = "linear"`"#,
        ),
        (
            "[16, 256]",
            "[-4, 256]",
            r#"study.toml:13:10: space.hidden: lower bound -4 has no place on a logarithmic scale
hint: raise it above 0, or write `scale = "linear"`"#,
        ),
        (
            r#"scale = "log" }
hidden"#,
            r#"scale = "log", step = 0.1 }
hidden"#,
            "study.toml:12:17: space.learning_rate: a logarithmic scale has no steps\nhint: leave out `step` or `scale`",
        ),
        (
            r#"[1e-4, 1e-1], scale = "log""#,
            r#"[0, 1], scale = "logarithmic""#,
            "study.toml:12:43: space.learning_rate.scale: unknown value `logarithmic`\nhint: did you mean `log`? there are `linear` and `log`",
        ),
    ]);
}

#[test]
fn steps_fit_into_the_range() {
    check(&[
        (
            r#"[1e-4, 1e-1], scale = "log""#,
            "[0, 1], step = 3",
            "study.toml:12:17: space.learning_rate: step 3 is larger than the range from 0 to 1\nhint: make the step smaller, or leave it out",
        ),
        (
            r#"[16, 256], scale = "log""#,
            "[16, 256], step = 500",
            "study.toml:13:10: space.hidden: step 500 is larger than the range from 16 to 256\nhint: make the step smaller, or leave it out",
        ),
        (
            r#"[16, 256], scale = "log""#,
            "[16, 256], step = 0",
            "study.toml:13:10: space.hidden: step 0 is not above 0\nhint: write a step above 0, or leave it out",
        ),
        (
            r#"[1e-4, 1e-1], scale = "log""#,
            "[0, 1], step = 1e-300",
            "study.toml:12:17: space.learning_rate: step 1e-300 is too small to tell neighbours apart\nhint: enlarge the step, or leave it out",
        ),
    ]);
}

#[test]
fn a_parameter_says_its_kind_once() {
    check(&[
        (
            r#"{ float = [1e-4, 1e-1], scale = "log" }"#,
            "[0, 1]",
            r#"study.toml:12:17: space.learning_rate: expected a table, found an array
hint: write `{ float = [0, 1] }`, `{ int = [1, 9] }` or `{ choice = ["a", "b"] }`"#,
        ),
        (
            r#"{ float = [1e-4, 1e-1], scale = "log" }"#,
            "0.1",
            "study.toml:12:17: space.learning_rate: expected a table, found the number `0.1`\nhint: what is the same in every trial belongs in `command`; a range is `{ float = [0, 1] }`",
        ),
        (
            r#"{ float = [1e-4, 1e-1], scale = "log" }"#,
            "{ flaot = [0, 1] }",
            "study.toml:12:19: space.learning_rate.flaot: unknown key `flaot`\nhint: did you mean `float`? a parameter knows `float`, `int`, `choice`, `bool`, `scale`, `step` and `when`",
        ),
        (
            r#"{ float = [1e-4, 1e-1], scale = "log" }"#,
            r#"{ scale = "log" }"#,
            r#"study.toml:12:17: space.learning_rate: says nothing of its values
hint: give exactly one of `float = [low, high]`, `int = [low, high]`, `choice = ["a", "b"]` and `bool = true`"#,
        ),
        (
            r#"{ float = [1e-4, 1e-1], scale = "log" }"#,
            "{ float = [0, 1], int = [0, 1] }",
            r#"study.toml:12:17: space.learning_rate: `float` and `int` exclude each other
hint: give exactly one of `float = [low, high]`, `int = [low, high]`, `choice = ["a", "b"]` and `bool = true`"#,
        ),
        (
            "learning_rate = ",
            "model.lr = ",
            r#"study.toml:12:1: space.model: the dot makes `space.model` a table of its own
hint: for a dot in a parameter's name, quote it: `"model.lr"`"#,
        ),
        (
            "learning_rate = ",
            r#""a{b" = "#,
            r#"study.toml:12:9: space."a{b": `a{b` cannot be a parameter's name: no template could name it
hint: rename it; letters, digits, `_`, `-` and `.` are safe everywhere"#,
        ),
    ]);
}

#[test]
fn options_are_listed_once_and_have_no_scale() {
    check(&[
        (
            r#"["sgd", "adam"]"#,
            "[]",
            r#"study.toml:14:13: space.optimizer: no option is listed
hint: write `choice = ["a", "b"]`"#,
        ),
        (r#"["sgd", "adam"]"#, r#"["sgd", "sgd"]"#, "study.toml:14:13: space.optimizer: `sgd` is listed twice\nhint: remove one"),
        (
            r#"["sgd", "adam"]"#,
            r#""sgd""#,
            r#"study.toml:14:24: space.optimizer.choice: expected an array of options, found the text `sgd`
hint: write `["a", "b"]`"#,
        ),
        (
            r#"choice = ["sgd", "adam"]"#,
            r#"choice = ["sgd", "adam"], scale = "log""#,
            "study.toml:14:49: space.optimizer.scale: only `float` and `int` have it\nhint: leave it out: options have no order",
        ),
        (
            r#"{ int = [16, 256], scale = "log" }"#,
            "{ bool = false }",
            "study.toml:13:19: space.hidden.bool: `bool` only names the kind\nhint: write `bool = true`, or leave the parameter out",
        ),
    ]);
}

#[test]
fn conditions_name_a_parent_and_what_it_can_be() {
    check(&[
        (
            r#"when = { optimizer = "sgd" }"#,
            r#"when = { optimiser = "sgd" }"#,
            "study.toml:15:12: space.momentum: `when` names `optimiser`, which is no parameter\nhint: did you mean `optimizer`? `[space]` defines `learning_rate`, `hidden`, `optimizer` and `momentum`",
        ),
        (
            r#"when = { optimizer = "sgd" }"#,
            r#"when = { optimizer = "sdg" }"#,
            "study.toml:15:12: space.momentum: `when` can never hold for `optimizer`: `sdg` is not one of the choices `sgd`, `adam`\nhint: list values that it can take",
        ),
        (
            r#"when = { optimizer = "sgd" }"#,
            "when = { optimizer = [] }",
            "study.toml:15:12: space.momentum: `when` lists no value of `optimizer`, so the parameter would never exist\nhint: list at least one value, or leave the condition out",
        ),
        (
            r#"when = { optimizer = "sgd" }"#,
            "when = { hidden = 9000 }",
            "study.toml:15:12: space.momentum: `when` can never hold for `hidden`: `9000` is not within `16` and `256`\nhint: list values that it can take",
        ),
        (
            r#"when = { optimizer = "sgd" }"#,
            r#"when = "sgd""#,
            r#"study.toml:15:42: space.momentum.when: expected a table, found the text `sgd`
hint: write `when = { optimizer = "sgd" }`"#,
        ),
        (
            r#"{ choice = ["sgd", "adam"] }"#,
            r#"{ choice = ["sgd", "adam"], when = { momentum = 0.5 } }"#,
            "study.toml:14:13: space.optimizer: `optimizer` and `momentum` depend on each other\nhint: remove one of the conditions",
        ),
    ]);
}

#[test]
fn a_broken_parameter_is_one_mistake_whoever_refers_to_it() {
    check(&[(
        r#"{ choice = ["sgd", "adam"] }"#,
        "{ choice = 3 }",
        r#"study.toml:14:24: space.optimizer.choice: expected an array of options, found the whole number `3`
hint: write `["a", "b"]`"#,
    )]);
}

#[test]
fn what_is_enqueued_fits_the_space() {
    check(&[
        (
            "retries = 2",
            "[[enqueue]]\nlearning_rate = 7\nhiden = 3",
            r#"study.toml:21:17: enqueue[0].learning_rate: `7` is not within `0.0001` and `0.1`
hint: `[space]` has learning_rate = { float = [0.0001, 0.1], scale = "log" }
study.toml:22:9: enqueue[0].hiden: `hiden` is no parameter
hint: did you mean `hidden`? `[space]` defines `learning_rate`, `hidden`, `optimizer` and `momentum`"#,
        ),
        (
            "retries = 2",
            "[[enqueue]]\nmomentum = 0.5",
            "study.toml:21:12: enqueue[0].momentum: exists only while `optimizer` is `sgd`\nhint: give `optimizer` in this entry too",
        ),
        (
            "retries = 2",
            r#"[[enqueue]]
optimizer = "adam"
momentum = 0.4"#,
            "study.toml:22:12: enqueue[0].momentum: exists only while `optimizer` is `sgd`\nhint: leave one of the two out of this entry",
        ),
        (
            "retries = 2",
            r#"[[enqueue]]
hidden = "x""#,
            r#"study.toml:21:10: enqueue[0].hidden: `x` is not a whole number
hint: `[space]` has hidden = { int = [16, 256], scale = "log" }"#,
        ),
        (
            "retries = 2",
            "[[enqueue]]",
            "study.toml:20:1: enqueue[0]: gives no parameter\nhint: write `[[enqueue]]` and below it `learning_rate = 0.01`",
        ),
        (
            r#"name = "digits-mlp""#,
            "enqueue = 3",
            "study.toml:1:11: enqueue: expected an array of tables, found the whole number `3`\nhint: write `[[enqueue]]` and below it `learning_rate = 0.01`",
        ),
    ]);
}
