//! Which pruner a study uses, and its settings.

use serde::{Deserialize, Serialize};

/// What becomes of a trial that a ladder does not let go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promotion {
    /// It ends there. Verdicts are final, so a trial that was among the best when it came goes on for good.
    #[default]
    Stop,
    /// It waits with its checkpoint, and goes on from there when later results put it among the best.
    Resume,
}

/// A pruner with its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrunerConfig {
    /// Never stops a trial.
    #[default]
    None,
    /// Stops a trial whose best value is worse than the median of completed trials at the same step.
    Median {
        /// Completed trials needed before any is stopped.
        #[serde(default = "defaults::startup_trials")]
        startup_trials: u32,
        /// Steps before which no trial is stopped.
        #[serde(default)]
        warmup_steps: i64,
        /// Steps between two verdicts on one trial, counted from the warm-up.
        #[serde(default = "defaults::interval")]
        interval: i64,
    },
    /// Asynchronous successive halving: at each rung the best `1 / reduction` go on (Li et al. 2020).
    Asha {
        /// Step of the first rung; by default the `reduction²`-th part of `max_steps`, or 1 without it.
        #[serde(default)]
        min_steps: Option<i64>,
        /// Factor between rungs, and the share that is stopped.
        #[serde(default = "defaults::reduction")]
        reduction: u32,
        /// Step at which trials end anyway: there is no rung there or later.
        #[serde(default)]
        max_steps: Option<i64>,
        /// Number of rungs left out at the start.
        #[serde(default)]
        early_stopping_rate: u32,
        /// What becomes of the others.
        #[serde(default)]
        promotion: Promotion,
    },
    /// Stops a trial whose best value is not within the best `percentile` percent of completed trials.
    Percentile {
        /// The share that goes on, in percent, above 0 and below 100.
        #[serde(default = "defaults::percentile")]
        percentile: f64,
        /// As for the median.
        #[serde(default = "defaults::startup_trials")]
        startup_trials: u32,
        /// As for the median.
        #[serde(default)]
        warmup_steps: i64,
        /// As for the median.
        #[serde(default = "defaults::interval")]
        interval: i64,
    },
    /// Successive halving by cohorts of consecutive trials (Jamieson and Talwalkar 2016), without waiting.
    Halving {
        /// As for ASHA.
        #[serde(default)]
        min_steps: Option<i64>,
        /// Factor between rungs; one in so many of the cohort goes on.
        #[serde(default = "defaults::reduction")]
        reduction: u32,
        /// As for ASHA.
        #[serde(default)]
        max_steps: Option<i64>,
        /// As for ASHA.
        #[serde(default)]
        early_stopping_rate: u32,
        /// Trials of a cohort: numbers 0 to `cohort - 1` are the first one.
        #[serde(default = "defaults::cohort")]
        cohort: u32,
        /// What becomes of a trial of which it is not known yet whether it survives.
        #[serde(default)]
        promotion: Promotion,
    },
    /// ASHA in several brackets that start at later and later rungs (Li et al. 2018 and 2020).
    Hyperband {
        /// Step of the first bracket's first rung.
        #[serde(default = "defaults::min_steps")]
        min_steps: i64,
        /// As for ASHA.
        #[serde(default = "defaults::reduction")]
        reduction: u32,
        /// As for ASHA.
        #[serde(default)]
        max_steps: Option<i64>,
        /// Number of brackets; by default as many as fit below `max_steps` and one without rungs, or 3 without it.
        #[serde(default)]
        brackets: Option<u32>,
        /// As for ASHA.
        #[serde(default)]
        promotion: Promotion,
    },
    /// Stops a trial that reports a value outside bounds, or none that is a number.
    Threshold {
        /// The smallest value allowed.
        #[serde(default)]
        lower: Option<f64>,
        /// The largest value allowed.
        #[serde(default)]
        upper: Option<f64>,
        /// Steps before which no trial is stopped.
        #[serde(default)]
        warmup_steps: i64,
        /// Steps between two verdicts on one trial, counted from the warm-up.
        #[serde(default = "defaults::interval")]
        interval: i64,
    },
    /// Stops a trial that has not improved for some steps, if another pruner agrees or there is none.
    Patience {
        /// Steps that a trial may go without improving.
        #[serde(default = "defaults::patience")]
        patience: i64,
        /// What counts as an improvement at least, in units of the objective.
        #[serde(default)]
        min_delta: f64,
        /// Who must agree.
        #[serde(default)]
        pruner: Option<Box<PrunerConfig>>,
    },
    /// Stops a trial that is significantly worse than the best one at the steps they share (Wilcoxon 1945).
    ///
    /// For steps that are alike and independent: folds, instances, episodes; not for a learning curve.
    Wilcoxon {
        /// Probability of an equal trial's looking this much worse, below which it is stopped.
        #[serde(default = "defaults::p_threshold")]
        p_threshold: f64,
        /// Shared steps needed.
        #[serde(default = "defaults::startup_steps")]
        startup_steps: u32,
    },
    /// Stops a trial whose curve can no longer be expected to beat the best, with a stated rate of errors.
    LearningCurve {
        /// Of the trials that would have beaten the best, the share that may be stopped.
        #[serde(default = "defaults::error_rate")]
        error_rate: f64,
        /// Trials, from number 0, that are never stopped.
        #[serde(default = "defaults::curve_startup_trials")]
        startup_trials: u32,
        /// Share of the later trials that are never stopped, so that errors are measured on a fair sample.
        #[serde(default = "defaults::control")]
        control: f64,
        /// Steps before which no trial is stopped.
        #[serde(default = "defaults::min_steps")]
        min_steps: i64,
    },
}

mod defaults {
    pub fn startup_trials() -> u32 {
        5
    }
    pub fn interval() -> i64 {
        1
    }
    pub fn min_steps() -> i64 {
        1
    }
    pub fn reduction() -> u32 {
        3
    }
    pub fn percentile() -> f64 {
        25.0
    }
    pub fn cohort() -> u32 {
        27
    }
    pub fn patience() -> i64 {
        10
    }
    pub fn p_threshold() -> f64 {
        0.1
    }
    pub fn startup_steps() -> u32 {
        2
    }
    pub fn error_rate() -> f64 {
        0.1
    }
    pub fn curve_startup_trials() -> u32 {
        10
    }
    pub fn control() -> f64 {
        0.1
    }
}

/// A mistake in a pruner's settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PrunerError {
    /// A whole number is too small.
    #[error("pruner setting `{setting}` must be at least {least}, not `{given}`")]
    TooSmall {
        /// Name of the setting.
        setting: &'static str,
        /// The smallest value allowed.
        least: i64,
        /// What was given.
        given: i64,
    },
    /// A number is not inside its bounds.
    #[error("pruner setting `{setting}` must be {allowed}, not `{given}`")]
    NotAllowed {
        /// Name of the setting.
        setting: &'static str,
        /// What is allowed.
        allowed: &'static str,
        /// What was given.
        given: f64,
    },
}

impl PrunerError {
    /// Returns the name of the wrong setting.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::TooSmall { setting, .. } | Self::NotAllowed { setting, .. } => setting,
        }
    }
}

impl PrunerConfig {
    /// The names of all pruners, as in study files.
    pub const KINDS: &[&str] =
        &["none", "median", "percentile", "asha", "halving", "hyperband", "threshold", "patience", "wilcoxon", "learning_curve"];

    /// Returns the pruner called `kind` with its default settings.
    pub fn from_kind(kind: &str) -> Option<Self> {
        let (startup_trials, warmup_steps, interval) = (defaults::startup_trials(), 0, defaults::interval());
        let (min_steps, reduction, max_steps, promotion) =
            (defaults::min_steps(), defaults::reduction(), None, Promotion::default());
        Some(match kind {
            "none" => Self::None,
            "median" => Self::Median { startup_trials, warmup_steps, interval },
            "percentile" => Self::Percentile { percentile: defaults::percentile(), startup_trials, warmup_steps, interval },
            "asha" => Self::Asha { min_steps: None, reduction, max_steps, early_stopping_rate: 0, promotion },
            "halving" => {
                let cohort = defaults::cohort();
                Self::Halving { min_steps: None, reduction, max_steps, early_stopping_rate: 0, cohort, promotion }
            }
            "hyperband" => Self::Hyperband { min_steps, reduction, max_steps, brackets: None, promotion },
            "threshold" => Self::Threshold { lower: None, upper: None, warmup_steps, interval },
            "patience" => Self::Patience { patience: defaults::patience(), min_delta: 0.0, pruner: None },
            "wilcoxon" => Self::Wilcoxon { p_threshold: defaults::p_threshold(), startup_steps: defaults::startup_steps() },
            "learning_curve" => Self::LearningCurve {
                error_rate: defaults::error_rate(),
                startup_trials: defaults::curve_startup_trials(),
                control: defaults::control(),
                min_steps,
            },
            _ => return None,
        })
    }

    /// Returns the pruner's name, one of [`PrunerConfig::KINDS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Median { .. } => "median",
            Self::Percentile { .. } => "percentile",
            Self::Asha { .. } => "asha",
            Self::Halving { .. } => "halving",
            Self::Hyperband { .. } => "hyperband",
            Self::Threshold { .. } => "threshold",
            Self::Patience { .. } => "patience",
            Self::Wilcoxon { .. } => "wilcoxon",
            Self::LearningCurve { .. } => "learning_curve",
        }
    }

    /// Whether the pruner can weigh several objectives against each other. Others look at the first one alone.
    pub fn takes_several_objectives(&self) -> bool {
        match self {
            Self::None | Self::Asha { .. } | Self::Halving { .. } | Self::Hyperband { .. } => true,
            Self::Median { .. }
            | Self::Percentile { .. }
            | Self::Threshold { .. }
            | Self::Patience { .. }
            | Self::Wilcoxon { .. }
            | Self::LearningCurve { .. } => false,
        }
    }

    /// Whether trials may be paused: [`crate::Verdict::Pause`] is then among the verdicts.
    pub fn pauses(&self) -> bool {
        match self {
            Self::Asha { promotion, .. } | Self::Halving { promotion, .. } | Self::Hyperband { promotion, .. } => {
                *promotion == Promotion::Resume
            }
            Self::Patience { pruner, .. } => pruner.as_deref().is_some_and(Self::pauses),
            Self::None
            | Self::Median { .. }
            | Self::Percentile { .. }
            | Self::Threshold { .. }
            | Self::Wilcoxon { .. }
            | Self::LearningCurve { .. } => false,
        }
    }

    /// Returns all mistakes in the settings.
    pub fn validate(&self) -> Vec<PrunerError> {
        let mut errors: Vec<PrunerError> = self.too_small().collect();
        errors.extend(self.not_allowed());
        if let Self::Patience { pruner: Some(pruner), .. } = self {
            errors.extend(pruner.validate());
        }
        errors
    }

    /// Whole numbers below their least value.
    fn too_small(&self) -> impl Iterator<Item = PrunerError> + use<> {
        let settings = match *self {
            Self::None | Self::LearningCurve { .. } | Self::Wilcoxon { .. } => vec![],
            Self::Median { warmup_steps, interval, .. }
            | Self::Percentile { warmup_steps, interval, .. }
            | Self::Threshold { warmup_steps, interval, .. } => {
                vec![("warmup_steps", 0, warmup_steps), ("interval", 1, interval)]
            }
            Self::Asha { min_steps, reduction, max_steps, .. } => rungs(min_steps.unwrap_or(1), reduction, max_steps).to_vec(),
            Self::Halving { min_steps, reduction, max_steps, cohort, .. } => {
                let cohort = ("cohort", 2, i64::from(cohort));
                [&rungs(min_steps.unwrap_or(1), reduction, max_steps)[..], &[cohort]].concat()
            }
            Self::Hyperband { min_steps, reduction, max_steps, brackets, .. } => {
                let brackets = ("brackets", 1, i64::from(brackets.unwrap_or(1)));
                [&rungs(min_steps, reduction, max_steps)[..], &[brackets]].concat()
            }
            Self::Patience { patience, .. } => vec![("patience", 1, patience)],
        };
        let error = |(setting, least, given)| PrunerError::TooSmall { setting, least, given };
        settings.into_iter().filter(|(_, least, given)| given < least).map(error)
    }

    /// Fractions and bounds that make no sense.
    fn not_allowed(&self) -> Option<PrunerError> {
        let (setting, allowed, given, fits): (_, _, f64, fn(f64) -> bool) = match *self {
            Self::Percentile { percentile, .. } => {
                ("percentile", "above 0 and below 100", percentile, |given| given > 0.0 && given < 100.0)
            }
            Self::Threshold { lower: Some(lower), upper: Some(upper), .. }
                if lower.is_nan() || upper.is_nan() || lower > upper =>
            {
                ("lower", "at most `upper`", lower, |_| false)
            }
            Self::Patience { min_delta, .. } => {
                ("min_delta", "a number from 0", min_delta, |given| given >= 0.0 && given.is_finite())
            }
            Self::Wilcoxon { p_threshold, .. } => {
                ("p_threshold", "from 0 to 1", p_threshold, |given| (0.0..=1.0).contains(&given))
            }
            Self::LearningCurve { control, .. } if !(control > 0.0 && control <= 1.0) => {
                ("control", "above 0 and at most 1", control, |_| false)
            }
            Self::LearningCurve { error_rate, .. } => {
                ("error_rate", "above 0 and below 1", error_rate, |given| given > 0.0 && given < 1.0)
            }
            Self::None
            | Self::Median { .. }
            | Self::Asha { .. }
            | Self::Halving { .. }
            | Self::Hyperband { .. }
            | Self::Threshold { .. } => return None,
        };
        (!fits(given)).then_some(PrunerError::NotAllowed { setting, allowed, given })
    }
}

/// What all ladders check: (setting, least, given).
fn rungs(min_steps: i64, reduction: u32, max_steps: Option<i64>) -> [(&'static str, i64, i64); 3] {
    [("min_steps", 1, min_steps), ("reduction", 2, i64::from(reduction)), ("max_steps", 1, max_steps.unwrap_or(1))]
}
