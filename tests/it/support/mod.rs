//! What the tests share: real processes of `hone`, in folders of their own, that leave nothing behind.

pub mod binary;
pub mod client;
pub mod hone;
pub mod http;
pub mod manifest;
pub mod place;
pub mod process;
pub mod study;
pub mod survivors;
pub mod system;
pub mod wait;

pub use self::{hone::Hone, place::Place, process::Running, study::Study, wait::until};

/// A number that an environment variable may set.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("`{variable}` is no number: `{text}`")))
}
