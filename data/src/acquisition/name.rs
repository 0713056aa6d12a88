//! The acquisition functions by name, and what each of them reads.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::UnknownAcquisition;

/// A rule that says which unlabelled samples to ask first.
///
/// Written and read as its name in snake case, such as `margin` or `batch_bald`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Acquisition {
    /// Every sample alike; the order is that of a hash of seed and id.
    Random,
    /// 1 − max p (Lewis and Gale 1994).
    LeastConfidence,
    /// 1 − (p₁ − p₂) of the two likeliest classes (Scheffer et al. 2001). The default: entropy is often no better than
    /// random with many classes, since it also rates how the unlikely ones share what is left.
    #[default]
    Margin,
    /// −Σ p ln p, in nats (Shannon 1948, Settles 2009).
    Entropy,
    /// A regression's standard deviation.
    Spread,
    /// The number that the trainer wrote, for sequences, boxes and whatever else has no class probabilities.
    Score,
    /// 1 − the share of members that vote for the class with most votes (Freeman 1965).
    VariationRatio,
    /// The entropy of the members' votes, in nats (Engelson and Dagan 1996).
    VoteEntropy,
    /// The entropy of the members' mean, in nats.
    ConsensusEntropy,
    /// The mean divergence of members from their mean, in nats (McCallum and Nigam 1998).
    MeanKl,
    /// The mutual information of label and model, in nats (Houlsby et al. 2011, Gal et al. 2017).
    Bald,
    /// [`Acquisition::Bald`] to a power, drawn in proportion without replacement (Kirsch et al. 2021).
    PowerBald,
    /// The mutual information of the labels of a whole batch and the model (Kirsch et al. 2019).
    BatchBald,
    /// What a label tells about the labels of target samples (Bickford Smith et al. 2023).
    Epig,
    /// The variance of members' means plus the mean of their variances: the variance of a regression's mixture.
    Disagreement,
    /// The expected length of the gradient that a label gives a linear head (Settles and Craven 2008).
    ExpectedGradientLength,
    /// The sample farthest from all that are labelled or chosen (Sener and Savarese 2018).
    CoreSet,
    /// k-means++ on gradients of a linear head (Ash et al. 2020).
    Badge,
    /// The most typical sample of each uncovered cluster (Hacohen et al. 2022).
    TypiClust,
    /// Samples drawn by their squared distance from those labelled or chosen (Arthur and Vassilvitskii 2007).
    KMeansPlusPlus,
    /// The sample whose ball covers most samples that no other covers yet (Yehuda et al. 2022).
    ProbCover,
}

impl Acquisition {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 21] = [
        Self::Random,
        Self::LeastConfidence,
        Self::Margin,
        Self::Entropy,
        Self::Spread,
        Self::Score,
        Self::VariationRatio,
        Self::VoteEntropy,
        Self::ConsensusEntropy,
        Self::MeanKl,
        Self::Bald,
        Self::PowerBald,
        Self::BatchBald,
        Self::Epig,
        Self::Disagreement,
        Self::ExpectedGradientLength,
        Self::CoreSet,
        Self::Badge,
        Self::TypiClust,
        Self::KMeansPlusPlus,
        Self::ProbCover,
    ];

    /// Its name in files, on the command line and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::LeastConfidence => "least_confidence",
            Self::Margin => "margin",
            Self::Entropy => "entropy",
            Self::Spread => "spread",
            Self::Score => "score",
            Self::VariationRatio => "variation_ratio",
            Self::VoteEntropy => "vote_entropy",
            Self::ConsensusEntropy => "consensus_entropy",
            Self::MeanKl => "mean_kl",
            Self::Bald => "bald",
            Self::PowerBald => "power_bald",
            Self::BatchBald => "batch_bald",
            Self::Epig => "epig",
            Self::Disagreement => "disagreement",
            Self::ExpectedGradientLength => "expected_gradient_length",
            Self::CoreSet => "core_set",
            Self::Badge => "badge",
            Self::TypiClust => "typiclust",
            Self::KMeansPlusPlus => "k_means_pp",
            Self::ProbCover => "probcover",
        }
    }

    /// Whether it compares the predictions of at least two models.
    #[must_use]
    pub const fn needs_committee(self) -> bool {
        match self {
            Self::VariationRatio
            | Self::VoteEntropy
            | Self::MeanKl
            | Self::Bald
            | Self::PowerBald
            | Self::BatchBald
            | Self::Epig
            | Self::Disagreement => true,
            Self::Random
            | Self::LeastConfidence
            | Self::Margin
            | Self::Entropy
            | Self::Spread
            | Self::Score
            | Self::ConsensusEntropy
            | Self::ExpectedGradientLength
            | Self::CoreSet
            | Self::Badge
            | Self::TypiClust
            | Self::KMeansPlusPlus
            | Self::ProbCover => false,
        }
    }

    /// Whether it cannot do without embeddings.
    ///
    /// The geometric ones take class probabilities for points where there are no embeddings, and so do without.
    #[must_use]
    pub const fn needs_embeddings(self) -> bool {
        matches!(self, Self::ExpectedGradientLength | Self::Badge)
    }

    /// The function by which rows are rated where each is looked at by itself, as in the first pass over a large pool.
    ///
    /// Functions of single rows are their own. [`Acquisition::BatchBald`] begins with the row of the highest
    /// [`Acquisition::Bald`] and so is rated by it. The geometric ones have no score of a single row: `None`, so that
    /// candidates for them are a uniform sample of the pool.
    #[must_use]
    pub const fn row_wise(self) -> Option<Self> {
        match self {
            Self::BatchBald => Some(Self::Bald),
            Self::CoreSet | Self::Badge | Self::TypiClust | Self::KMeansPlusPlus | Self::ProbCover => None,
            Self::Random
            | Self::LeastConfidence
            | Self::Margin
            | Self::Entropy
            | Self::Spread
            | Self::Score
            | Self::VariationRatio
            | Self::VoteEntropy
            | Self::ConsensusEntropy
            | Self::MeanKl
            | Self::Bald
            | Self::PowerBald
            | Self::Epig
            | Self::Disagreement
            | Self::ExpectedGradientLength => Some(self),
        }
    }

    /// Reads a name; case, and `-` for `_`, do not matter, and the field's other names are known.
    ///
    /// # Errors
    /// [`UnknownAcquisition`], which names the nearest one.
    pub fn parse(text: &str) -> Result<Self, UnknownAcquisition> {
        let word: String = text.chars().take(60).collect::<String>().trim().to_lowercase().replace(['-', ' '], "_");
        if let Some(found) = Self::ALL.into_iter().find(|known| known.name() == word) {
            return Ok(found);
        }
        if let Some((_, found)) = ALIASES.iter().find(|(alias, _)| *alias == word) {
            return Ok(*found);
        }
        Err(UnknownAcquisition { hint: hint(&word), name: text.chars().take(60).collect() })
    }
}

/// What the field and other libraries call them as well.
const ALIASES: [(&str, Acquisition); 16] = [
    ("uncertainty", Acquisition::LeastConfidence),
    ("certainty", Acquisition::LeastConfidence),
    ("breaking_ties", Acquisition::Margin),
    ("bvsb", Acquisition::Margin),
    ("prediction_entropy", Acquisition::Entropy),
    ("standard_deviation", Acquisition::Spread),
    ("variation_ratios", Acquisition::VariationRatio),
    ("max_disagreement", Acquisition::MeanKl),
    ("kl", Acquisition::MeanKl),
    ("batchbald", Acquisition::BatchBald),
    ("powerbald", Acquisition::PowerBald),
    ("egl", Acquisition::ExpectedGradientLength),
    ("k_center", Acquisition::CoreSet),
    ("coreset", Acquisition::CoreSet),
    ("typi_clust", Acquisition::TypiClust),
    ("prob_cover", Acquisition::ProbCover),
];

/// The nearest name, or all of them where none is near.
fn hint(word: &str) -> String {
    let known = Acquisition::ALL.into_iter().map(|known| (known.name(), known));
    let rated = known.chain(ALIASES).map(|(name, known)| (strsim::damerau_levenshtein(word, name), known));
    match rated.min_by_key(|(edits, _)| *edits) {
        Some((edits, nearest)) if edits <= (word.chars().count() / 3).max(1) => format!("did you mean `{nearest}`?"),
        Some(_) | None => format!("there are {}", Acquisition::ALL.map(|known| format!("`{known}`")).join(", ")),
    }
}

impl fmt::Display for Acquisition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Acquisition {
    type Err = UnknownAcquisition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Acquisition {
    type Error = UnknownAcquisition;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Acquisition> for String {
    fn from(acquisition: Acquisition) -> Self {
        acquisition.name().to_owned()
    }
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
