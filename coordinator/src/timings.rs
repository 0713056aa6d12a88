//! How long leases last. The documented times, unless a test shortens them: nobody can wait for minutes to see a
//! lease end.

use std::env;

use hone_studies::Timings;

/// For tests alone: the length of a lease in milliseconds. Workers renew three times within it.
const LEASE_MS: &str = "HONE_LEASE_MS";

/// The times of this process.
pub fn timings() -> Timings {
    let given: Option<i64> = env::var(LEASE_MS).ok().and_then(|text| text.parse().ok());
    match given.filter(|lease_ms| (1..=600_000).contains(lease_ms)) {
        None => Timings::DEFAULT,
        Some(lease_ms) => {
            tracing::warn!("leases last {lease_ms} ms, because `{LEASE_MS}` says so; it is for tests");
            Timings { lease: lease_ms * 1_000, client_window: lease_ms * 10_000, ..Timings::DEFAULT }
        }
    }
}
