//! Search spaces, samplers and pruners: pure mathematics, usable alone.
//!
//! Nothing here knows a clock, a file, a thread or global randomness. The same call gives the same answer, bit
//! for bit on the same binary: draws are keyed by what they are for, and sums run in a fixed order.
//!
//! | Part | What it owns |
//! |---|---|
//! | [`space`] | parameters, their distributions, conditions between them, the points of finite spaces |
//! | [`columns`] | finished trials, 8 bytes a cell, shared without copying |
//! | [`sampler`] | random, Sobol, grid, TPE, Gaussian-process, CMA-ES and NSGA-II suggestions |
//! | [`pruner`] | rules that stop or pause trials under way |
//! | [`stop`] | rules that stop a whole study |
//! | [`transfer`] | trials of one study in the space of another, which may start from them |
//! | [`analysis`] | what finished trials say: fronts, volumes, importances |
//!
//! Inside, a parameter's value is one `f64`: a float as it is, an int converted, an option by its index, and NaN
//! where the conditions of the parameter do not hold. [`Distribution::to_external`] and
//! [`Distribution::to_internal`] convert.
//!
//! # A study in a few lines
//!
//! ```
//! use hone_search::{
//!     Columns, Condition, Direction, Distribution, Hints, History, Outcome, Parameter, Row, SamplerConfig, Space,
//!     SuggestRequest, suggest,
//! };
//!
//! let optimizer = Distribution::Categorical { choices: vec!["sgd".into(), "adam".into()] };
//! let rate = Distribution::Float { low: 1e-4, high: 1e-1, log: true, step: None };
//! let momentum = Distribution::Float { low: 0.0, high: 0.99, log: false, step: None };
//! let only_sgd = Condition { parameter: "optimizer".into(), values: vec!["sgd".into()] };
//! let parameter = |name: &str, distribution, when| Parameter { name: name.into(), distribution, when };
//! let space = Space {
//!     parameters: vec![
//!         parameter("optimizer", optimizer, vec![]),
//!         parameter("rate", rate, vec![]),
//!         parameter("momentum", momentum, vec![only_sgd]),
//!     ],
//! };
//! assert!(space.validate().is_empty());
//!
//! let mut finished = Columns::default();
//! for number in 0..30 {
//!     let request = SuggestRequest {
//!         space: &space,
//!         directions: &[Direction::Minimize],
//!         history: History { chunks: &[], tail: Some(&finished) },
//!         pending: &[],
//!         seed: 7,
//!         first_number: number,
//!         count: 1,
//!         hints: Hints::default(),
//!     };
//!     let suggestion = suggest(&SamplerConfig::default(), &request).remove(0);
//!     let [optimizer, rate, momentum] = suggestion.params[..] else { unreachable!() };
//!     assert_eq!(momentum.is_nan(), optimizer == 1.0);
//!     let loss = (rate.log10() + 2.5).abs() + optimizer;
//!     finished.push(Row {
//!         number,
//!         outcome: Outcome::Complete,
//!         params: suggestion.params,
//!         values: vec![loss],
//!         violation: 0.0,
//!         last_step: None,
//!         last_value: f64::NAN,
//!     });
//! }
//! ```

pub mod analysis;
pub mod columns;
mod draw;
mod normal;
pub mod pruner;
pub mod sampler;
pub mod space;
pub mod stop;
pub mod transfer;

pub use columns::{Columns, History, NO_STEP, Outcome, Pending, Row, same_numbers};
pub use pruner::{Promotable, Promotion, PrunerConfig, PrunerError, PrunerState, Verdict};
pub use sampler::{
    CmaEsConfig, Direction, GpConfig, Hints, Nsga2Config, ParamSuggestion, Restarts, SamplerCache, SamplerConfig, SamplerError,
    Startup, SuggestRequest, Suggestion, TpeConfig, suggest, suggest_cached, suggest_one_param, suggest_one_param_cached,
    suggest_one_param_warm, suggest_warm,
};
pub use space::{
    Choice, Condition, Distribution, Grid, Parameter, Params, ParamsError, Plan, Space, SpaceError, Value, ValueError,
};
pub use transfer::Foreign;
