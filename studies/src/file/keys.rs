//! Every key that a study file knows, table by table. The guide is tested against these lists.

use super::diagnostic::{listed, nearest};

/// One table of the file and its keys, in the order in which the guide explains them.
#[derive(Debug)]
pub(super) struct Table {
    /// How messages call it.
    pub(super) place: &'static str,
    pub(super) keys: &'static [&'static str],
}

pub(super) static ROOT: Table = Table {
    place: "the top of the file",
    keys: &[
        "name",
        "description",
        "priority",
        "weight",
        "source",
        "objective",
        "constraint",
        "search",
        "stop",
        "space",
        "trial",
        "enqueue",
    ],
};
/// A label project's file.
pub(super) static LABELS: Table = Table {
    place: "the top of the file",
    keys: &["name", "instructions", "dataset", "seed", "form", "show", "answers", "label_studio"],
};
pub(super) static FORM: Table = Table { place: "`[form]`", keys: &["kind", "classes", "min", "max"] };
pub(super) static SHOW: Table = Table { place: "`[show]`", keys: &["text", "image", "row", "pair"] };
pub(super) static ANSWERS: Table = Table {
    place: "`[answers]`",
    keys: &["overlap", "until", "lease", "expire", "skips", "blind", "gold", "consensus", "iou", "tolerance"],
};
pub(super) static LABEL_STUDIO: Table = Table { place: "`[label_studio]`", keys: &["project", "ahead"] };
pub(super) static OBJECTIVE: Table = Table { place: "`[objective]`", keys: &["metric", "direction", "summary", "target"] };
pub(super) static CONSTRAINT: Table = Table { place: "`[[constraint]]`", keys: &["metric", "min", "max"] };
pub(super) static SEARCH: Table =
    Table { place: "`[search]`", keys: &["sampler", "seed", "max_trials", "parallel", "pruner", "warm_start"] };
pub(super) static STOP: Table = Table {
    place: "`[stop]`",
    keys: &["no_improvement", "min_delta", "regret_bound", "confidence", "time", "cost", "cost_metric"],
};
pub(super) static SAMPLER: Table = Table { place: "this sampler", keys: &["kind"] };
pub(super) static TPE: Table = Table {
    place: "the sampler `tpe`",
    keys: &["kind", "startup_trials", "startup", "candidates", "multivariate", "constant_liar"],
};
pub(super) static GP: Table = Table { place: "the sampler `gp`", keys: &["kind", "startup_trials", "max_points"] };
pub(super) static CMAES: Table = Table { place: "the sampler `cmaes`", keys: &["kind", "population", "restarts"] };
pub(super) static NSGA2: Table = Table { place: "the sampler `nsga2`", keys: &["kind", "population", "crossover"] };
pub(super) static NO_PRUNER: Table = Table { place: "the pruner `none`", keys: &["kind"] };
pub(super) static MEDIAN: Table =
    Table { place: "the pruner `median`", keys: &["kind", "startup_trials", "warmup_steps", "interval"] };
pub(super) static ASHA: Table = Table {
    place: "the pruner `asha`",
    keys: &["kind", "min_steps", "reduction", "max_steps", "early_stopping_rate", "promotion"],
};
pub(super) static PERCENTILE: Table =
    Table { place: "the pruner `percentile`", keys: &["kind", "percentile", "startup_trials", "warmup_steps", "interval"] };
pub(super) static HALVING: Table = Table {
    place: "the pruner `halving`",
    keys: &["kind", "min_steps", "reduction", "max_steps", "early_stopping_rate", "cohort", "promotion"],
};
pub(super) static HYPERBAND: Table =
    Table { place: "the pruner `hyperband`", keys: &["kind", "min_steps", "reduction", "max_steps", "brackets", "promotion"] };
pub(super) static THRESHOLD: Table =
    Table { place: "the pruner `threshold`", keys: &["kind", "lower", "upper", "warmup_steps", "interval"] };
pub(super) static PATIENCE: Table = Table { place: "the pruner `patience`", keys: &["kind", "patience", "min_delta", "pruner"] };
pub(super) static WILCOXON: Table = Table { place: "the pruner `wilcoxon`", keys: &["kind", "p_threshold", "startup_steps"] };
pub(super) static LEARNING_CURVE: Table =
    Table { place: "the pruner `learning_curve`", keys: &["kind", "error_rate", "startup_trials", "control", "min_steps"] };
pub(super) static SOURCE: Table = Table { place: "`[source]`", keys: &["path", "max_size"] };
pub(super) static TRIAL: Table = Table {
    place: "`[trial]`",
    keys: &[
        "command",
        "setup",
        "setup_timeout",
        "working_directory",
        "environment",
        "resources",
        "timeout",
        "grace",
        "retries",
        "crash_limit",
        "metrics",
        "metrics_from",
        "datasets",
        "keep",
        "max_log",
        "max_checkpoint",
    ],
};
pub(super) static RESOURCES: Table = Table { place: "`resources`", keys: &["cpus", "memory", "gpus", "gpu_memory", "labels"] };
pub(super) static METRICS_FROM: Table = Table { place: "`metrics_from`", keys: &["tensorboard", "csv", "step", "names"] };
pub(super) static KEEP: Table = Table { place: "`keep`", keys: &["outputs", "max"] };
pub(super) static PARAMETER: Table =
    Table { place: "a parameter", keys: &["float", "int", "choice", "bool", "scale", "step", "when"] };

/// All tables, for the search of a key's right place and for the test of the guide.
pub(super) static TABLES: &[&Table] = &[
    &ROOT,
    &OBJECTIVE,
    &CONSTRAINT,
    &SEARCH,
    &STOP,
    &SOURCE,
    &TRIAL,
    &RESOURCES,
    &METRICS_FROM,
    &KEEP,
    &PARAMETER,
    &TPE,
    &GP,
    &CMAES,
    &NSGA2,
    &MEDIAN,
    &ASHA,
    &PERCENTILE,
    &HALVING,
    &HYPERBAND,
    &THRESHOLD,
    &PATIENCE,
    &WILCOXON,
    &LEARNING_CURVE,
];

/// What other tools call a key, and what it is called here.
const ALIASES: &[(&str, &str)] = &[
    ("env", "environment"),
    ("cmd", "command"),
    ("cwd", "working_directory"),
    ("workdir", "working_directory"),
    ("algorithm", "sampler"),
    ("trials", "max_trials"),
    ("n_trials", "max_trials"),
    ("budget", "max_trials"),
    ("jobs", "parallel"),
    ("n_jobs", "parallel"),
    ("workers", "parallel"),
    ("concurrency", "parallel"),
    ("max_time", "time"),
    ("early_stopping", "no_improvement"),
    ("goal", "direction"),
    ("mode", "direction"),
    ("choices", "choice"),
    ("categorical", "choice"),
    ("values", "choice"),
    ("uniform", "float"),
    ("range", "float"),
    ("integer", "int"),
    ("boolean", "bool"),
    ("log", "scale"),
    ("ram", "memory"),
    ("type", "kind"),
    ("random_seed", "seed"),
    ("max_retries", "retries"),
    ("time_limit", "timeout"),
    ("parameters", "space"),
    ("objectives", "objective"),
    ("constraints", "constraint"),
    ("at_most", "max"),
    ("at_least", "min"),
    ("params", "space"),
    ("transfer", "warm_start"),
    ("start_from", "warm_start"),
    ("tags", "names"),
    ("columns", "names"),
    ("rename", "names"),
    ("tfevents", "tensorboard"),
    ("data", "datasets"),
    ("inputs", "datasets"),
];

/// Says what an unknown key was probably meant to be and what there is instead.
pub(super) fn hint(unknown: &str, table: &Table) -> String {
    let rest = format!("{} knows {}", table.place, listed(table.keys));
    if let Some(name) = meant(unknown, table) {
        return format!("did you mean `{name}`? {rest}");
    }
    match TABLES.iter().find(|other| other.keys.contains(&unknown)) {
        Some(other) => format!("`{unknown}` belongs in {}; {rest}", other.place),
        None => rest,
    }
}

fn meant(unknown: &str, table: &Table) -> Option<&'static str> {
    let elsewhere = TABLES.iter().any(|other| other.keys.contains(&unknown));
    let alias = ALIASES.iter().find(|(other, name)| *other == unknown && table.keys.contains(name));
    let near = || nearest(unknown, table.keys.iter().copied()).filter(|_| !elsewhere);
    alias.map(|(_, name)| *name).or_else(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_stands_for_a_key_and_is_none() {
        for (alias, name) in ALIASES {
            assert!(TABLES.iter().any(|table| table.keys.contains(name)), "{name}");
            assert!(TABLES.iter().all(|table| !table.keys.contains(alias)), "{alias}");
        }
    }

    #[test]
    fn a_key_of_another_table_is_sent_there() {
        assert_eq!(hint("outputs", &SOURCE), "`outputs` belongs in `keep`; `[source]` knows `path` and `max_size`");
    }
}
