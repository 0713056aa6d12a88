//! Which versions of datasets were made of which labels, so that who revises an answer leaves a mark on them.

use serde::{Deserialize, Serialize};

use crate::{
    dataset::VersionRef,
    ids::{LabelProjectId, LabelRequestId, Micros},
};

/// Labels that a version is made of, each with when its request was resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelUse {
    pub project: LabelProjectId,
    pub labels: Vec<(LabelRequestId, Micros)>,
}

/// A version that was made of a project's labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    pub of: VersionRef,
    pub at: Micros,
    pub requests: RequestRanges,
}

/// Ids of requests as ranges: most of a project's are resolved, so few ranges hold many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRanges(Vec<(u64, u64)>);

impl RequestRanges {
    /// First and last id of each range, ascending and apart.
    pub fn bounds(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Ranges that were written down; `None` where they are not ascending.
    pub fn from_bounds(bounds: Vec<(u64, u64)>) -> Option<RequestRanges> {
        let whole = bounds.iter().all(|(first, last)| first <= last);
        let apart = bounds.windows(2).all(|pair| pair[0].1 < pair[1].0);
        (whole && apart).then_some(RequestRanges(bounds))
    }

    pub fn contains(&self, id: LabelRequestId) -> bool {
        let at = self.0.partition_point(|(first, _)| *first <= id.0);
        at.checked_sub(1).is_some_and(|at| id.0 <= self.0[at].1)
    }

    /// How many ids there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }
}

impl FromIterator<LabelRequestId> for RequestRanges {
    fn from_iter<T: IntoIterator<Item = LabelRequestId>>(ids: T) -> RequestRanges {
        let mut ids: Vec<u64> = ids.into_iter().map(|id| id.0).collect();
        ids.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some((_, last)) if id <= last.saturating_add(1) => *last = id,
                Some(_) | None => ranges.push((id, id)),
            }
        }
        RequestRanges(ranges)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_exactly_what_they_were_made_of(ids in vec(0..60_u64, 0..40)) {
            let ranges: RequestRanges = ids.iter().map(|id| LabelRequestId(*id)).collect();
            let all: BTreeSet<u64> = ids.into_iter().collect();
            for id in 0..61 {
                prop_assert_eq!(ranges.contains(LabelRequestId(id)), all.contains(&id));
            }
            prop_assert_eq!(ranges.count(), all.len() as u64);
            prop_assert_eq!(RequestRanges::from_bounds(ranges.bounds().to_vec()), Some(ranges));
        }
    }

    #[test]
    fn ranges_that_are_none_are_told() {
        assert_eq!(RequestRanges::from_bounds(vec![(3, 2)]), None);
        assert_eq!(RequestRanges::from_bounds(vec![(1, 4), (4, 9)]), None);
    }
}
