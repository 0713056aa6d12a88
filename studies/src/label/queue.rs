//! Who is asked next: open requests with room for another annotator, the most urgent first.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::request::LabelRequest;
use crate::ids::LabelRequestId;

/// A priority whose order is the reverse of the number's: what is asked first sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Urgency(u64);

impl Urgency {
    fn of(priority: f64) -> Urgency {
        let bits = priority.to_bits();
        // The usual trick: as a signed magnitude, negative numbers turn around.
        let ascending = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
        Urgency(!ascending)
    }
}

/// Requests that another annotator may be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Queue(BTreeSet<(Urgency, LabelRequestId)>);

impl Queue {
    /// Takes a request out as it was before a change; [`Queue::put`] puts it back as it is afterwards.
    pub(super) fn take(&mut self, request: &LabelRequest) {
        self.0.remove(&(Urgency::of(request.priority), request.id));
    }

    pub(super) fn put(&mut self, request: &LabelRequest) {
        if request.has_room() {
            self.0.insert((Urgency::of(request.priority), request.id));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = LabelRequestId> + '_ {
        self.0.iter().map(|(_, id)| *id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_priorities_sort_first() {
        let falling = [f64::INFINITY, 1e300, 2.0, 1.0, f64::MIN_POSITIVE, 0.0, -0.0, -1.0, -2.0, f64::NEG_INFINITY];
        let urgencies: Vec<Urgency> = falling.iter().map(|priority| Urgency::of(*priority)).collect();
        assert!(urgencies.is_sorted() && urgencies.first() < urgencies.last());
    }
}
