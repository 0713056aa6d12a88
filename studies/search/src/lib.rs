//! Search spaces, samplers and pruners: pure mathematics, usable alone.

pub mod columns;
mod draw;
pub mod pruner;
pub mod sampler;
pub mod space;

pub use columns::{Columns, History, NO_STEP, Outcome, Pending, Row, same_numbers};
pub use pruner::{PrunerConfig, PrunerError, PrunerState, Verdict};
pub use sampler::{
    Direction, ParamSuggestion, SamplerConfig, SamplerError, Startup, SuggestRequest, Suggestion,
    TpeConfig, suggest, suggest_one_param,
};
pub use space::{
    Choice, Condition, Distribution, Grid, Parameter, Params, ParamsError, Plan, Space, SpaceError,
    Value, ValueError,
};
