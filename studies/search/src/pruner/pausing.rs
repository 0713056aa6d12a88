//! What pruners have in common that pause trials.

/// A paused trial about which something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promotable {
    /// Number within the study.
    pub number: u32,
    /// Step of the rung at which it waits.
    pub step: i64,
}

/// A rule under which trials wait at rungs.
pub(super) trait Pausing {
    /// A trial waits at the rung at `step`.
    fn pause(&mut self, number: u32, step: i64);
    /// A trial that waited goes on.
    fn resume(&mut self, number: u32);
    /// The waiting trials worth going on with, in the order in which to resume them; `closing`: no new trial starts.
    fn promotable(&self, closing: bool) -> Vec<Promotable>;
    /// The waiting trials that will never be promotable.
    fn hopeless(&self) -> Vec<Promotable>;
    /// All waiting trials.
    fn paused(&self) -> Vec<u32>;
}
