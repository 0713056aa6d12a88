//! Samples of a pool that were rated or chosen.

use hone_data::predictions::{At, Candidate};
use serde::Serialize;

use super::{Cell, Column, Listing};

/// A rated sample as a document.
#[derive(Debug, Serialize)]
pub struct ScoreDocument {
    id: String,
    score: f64,
    /// Its line in text, its row in other files.
    place: u64,
}

/// Rated samples as documents, best first.
pub fn score_documents(best: &[(&Candidate, At)]) -> Vec<ScoreDocument> {
    let document = |(candidate, at): &(&Candidate, At)| ScoreDocument {
        id: candidate.id.clone(),
        score: candidate.score,
        place: number(*at),
    };
    best.iter().map(document).collect()
}

/// Lists rated samples, best first.
pub fn scores_listing(best: &[(&Candidate, At)]) -> Listing {
    let is_text = best.iter().any(|(_, at)| matches!(at, At::Line(_)));
    let place = Column::new("place", if is_text { "LINE" } else { "ROW" });
    let columns = vec![Column::new("id", "ID"), Column::new("score", "SCORE"), place];
    let mut listing = Listing::new(columns, "no samples; all of them are left out");
    for (candidate, at) in best {
        listing.push(vec![Cell::Text(candidate.id.clone()), Cell::Number(candidate.score), Cell::Whole(number(*at))]);
    }
    listing
}

fn number(at: At) -> u64 {
    match at {
        At::File => 0,
        At::Line(line) => line,
        At::Row(row) => row,
    }
}
