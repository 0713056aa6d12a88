//! From candidates to a batch, as a plan says.
//!
//! ```text
//!  Candidates ─ by key ─▶ Frame ─┬─ a function of single rows ─▶ scores ─ prefilter ─ diversity ─┐
//!                                └─ a function of sets of rows ──────────────────────────────────┴▶ Basket ─▶ Batch
//! ```
//!
//! The parts of a mixture choose one after the other, each knowing what is taken already.

use rayon::prelude::*;
use serde::Serialize;

use super::basket::{Basket, Near, Refused, Taken};
use super::batch_bald::{BatchBald, CONFIGURATIONS, batch_bald};
use super::candidates::{Candidates, Frame};
use super::committee::consensus;
use super::coverage::{prob_cover, pure_radius};
use super::density::information_density;
use super::draw::{Stream, Use};
use super::greedy::{badge, farthest_first, plus_plus};
use super::typiclust::typiclust;
use super::uncertainty::top_class;
use super::{Acquisition, Block, Diversity, Epig, Kind, Metric, Noise, Place, Plan, PlanSettings, Points, SelectError, Space};

/// A sample of a batch, and why it is there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// Its row among the candidates.
    pub row: usize,
    /// The part of the mixture that chose it.
    pub method: Acquisition,
    /// What it was chosen for: the function's score, with its chance, density and cost. Of functions that rate sets of
    /// rows it is what the row added when it was chosen: information, a distance, a number of samples, or typicality.
    pub score: f64,
    /// Its place by that score among all candidates, from 1; of functions that rate sets of rows its place among what the
    /// part chose.
    pub rank: usize,
    /// How far it was from the nearest of those that it was kept away from, where diversity chose it; `None` for the
    /// first.
    pub distance: Option<f64>,
}

/// What was chosen, part after part, in the order of choosing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Batch {
    /// The samples; fewer than were asked for where there are no more that may be chosen.
    pub choices: Vec<Choice>,
    /// What was passed over.
    pub refused: Refused,
}

impl Plan {
    /// Chooses samples from candidates: so many, or as many as there are.
    ///
    /// # Errors
    /// Candidates that lack what the plan reads, two of one id, and numbers that cannot be.
    pub fn choose(&self, candidates: &Candidates<'_>, count: usize, seed: u64) -> Result<Batch, SelectError> {
        let frame = Frame::new(candidates, seed)?;
        let slices: Vec<&[f64]> = frame.members.iter().map(Vec::as_slice).collect();
        let mut rows = Block::new(frame.kind, &slices)?;
        if let Some(embeddings) = &frame.embeddings {
            rows = rows.with_embeddings(embeddings.points())?;
        }
        let settings = self.settings();
        for (acquisition, _) in settings.method.parts() {
            frame.check(*acquisition, &rows)?;
        }
        let means = means(&rows);
        let places = Places::new(settings, &rows, &means, frame.labelled.as_ref().map(|labelled| labelled.points()))?;
        let near = near(settings, &rows, frame.labelled.as_ref().map(|labelled| labelled.points()))?;
        let mut basket = Basket::new(rows.rows());
        fit_out(&mut basket, settings, &frame, candidates.labelled_contents, &rows, &means)?;
        if let Some(near) = &near {
            basket.with_near(near);
        }
        let mut choosing = Choosing {
            settings,
            seed,
            frame: &frame,
            rows,
            targets: candidates.targets.as_ref(),
            places,
            stream: Stream::new(seed, Use::Centre),
            basket,
            choices: Vec::new(),
        };
        choosing.all(count)?;
        Ok(Batch { refused: choosing.basket.refused(), choices: choosing.choices })
    }
}

/// The members' mean for each row, for the functions that read it; zeros where there is none.
fn means(rows: &Block<'_>) -> Vec<f64> {
    let width = rows.kind().width();
    let mut means = vec![0.0; rows.rows() * width];
    means.par_chunks_mut(width).enumerate().for_each(|(row, mean)| {
        if consensus(rows.present(row), mean) == 0 {
            mean.fill(0.0);
        }
    });
    means
}

fn lacking(key: &str, what: &'static str, way_out: &'static str) -> SelectError {
    SelectError::Lacking { key: key.to_owned(), what, way_out }
}

/// Tells a basket what it may take.
fn fit_out<'a>(
    basket: &mut Basket<'a>,
    settings: &PlanSettings,
    frame: &'a Frame<'_>,
    labelled: &[crate::Hash],
    rows: &Block<'_>,
    means: &[f64],
) -> Result<(), SelectError> {
    for row in (0..rows.rows()).filter(|row| rows.present(*row).next().is_none()) {
        basket.close_unpredicted(row);
    }
    if let Some(contents) = &frame.contents {
        basket.with_contents(contents, labelled);
    }
    if frame.costs.is_none() && (settings.per_cost || settings.budget.is_some()) {
        let key = if settings.per_cost { "per_cost" } else { "budget" };
        return Err(lacking(key, "costs", "give what each label costs"));
    }
    if let (Some(costs), Some(budget)) = (&frame.costs, settings.budget) {
        basket.with_budget(costs, budget);
    }
    if settings.class_balanced {
        let Kind::Probabilities { classes } = rows.kind() else {
            return Err(lacking("class_balanced", "class probabilities", "leave it out"));
        };
        let of = means.chunks_exact(classes).enumerate();
        let of = of.map(|(row, mean)| rows.present(row).next().map(|_| top_class(mean))).collect();
        basket.with_classes(of, classes);
    }
    Ok(())
}

/// Says when an embedding is too near to another, if the plan asks for it.
fn near<'a>(settings: &PlanSettings, rows: &Block<'a>, labelled: Option<Points<'a>>) -> Result<Option<Near<'a>>, SelectError> {
    let Some(distance) = settings.near_duplicates else { return Ok(None) };
    let Some(points) = rows.embeddings() else {
        return Err(lacking("near_duplicates", "embeddings", "write them beside the predictions, or leave it out"));
    };
    let space = Space::new(*points, settings.metric);
    let labelled = labelled.map(|points| Space::new(points, settings.metric));
    let squared = space.squared_of(distance);
    Ok(Some(Near { space, labelled, squared }))
}

/// Where rows lie.
struct Places<'a> {
    /// What diversity, density and most geometric functions read.
    own: Option<Space<'a>>,
    /// Labelled points in the same space.
    labelled: Option<Space<'a>>,
    /// What [`Acquisition::Badge`] reads.
    gradients: Option<Space<'a>>,
}

impl<'a> Places<'a> {
    fn new(
        settings: &PlanSettings,
        rows: &Block<'a>,
        means: &'a [f64],
        labelled: Option<Points<'a>>,
    ) -> Result<Self, SelectError> {
        let metric = settings.metric;
        let embeddings = rows.embeddings().map(|points| Space::new(*points, metric));
        let classes = match rows.kind() {
            Kind::Probabilities { classes } => Some(classes),
            Kind::Spread | Kind::Score => None,
        };
        let probabilities = || match classes {
            Some(classes) => Ok(Some(Space::new(Points::of_f64(means, classes)?, Metric::Euclidean))),
            None => Ok::<_, SelectError>(None),
        };
        let gradients = || rows.embeddings().filter(|_| classes.is_some()).map(|points| Space::of_gradients(rows, *points));
        let is_embedding =
            matches!(settings.space, Place::Embedding) || matches!(settings.space, Place::Auto) && embeddings.is_some();
        let own = match settings.space {
            Place::Auto if embeddings.is_none() => probabilities()?,
            Place::Auto | Place::Embedding => embeddings,
            Place::Probabilities => probabilities()?,
            Place::Gradient => gradients(),
        };
        let uses = settings.method.parts().iter().map(|(part, _)| *part).find(|part| part.row_wise().is_none());
        let uses = uses.filter(|part| *part != Acquisition::Badge);
        if own.is_none() {
            let what = match settings.space {
                Place::Auto => "embeddings or class probabilities",
                Place::Embedding => "embeddings",
                Place::Probabilities => "class probabilities",
                Place::Gradient => "class probabilities and embeddings",
            };
            let key = uses.map(|part| part.to_string());
            let key = key.or_else(|| (settings.density > 0.0).then(|| "density".to_owned()));
            let key = key.or_else(|| (settings.space != Place::Auto).then(|| "space".to_owned()));
            if let Some(key) = key {
                return Err(lacking(&key, what, "write them beside the predictions, or leave it out"));
            }
        }
        let labelled = labelled.filter(|_| is_embedding).map(|points| Space::new(points, metric));
        if settings.away_from_labelled && !is_embedding {
            return Err(lacking("away_from_labelled", "embeddings as the space", "set `space` to `embedding`"));
        }
        let reads_gradients = settings.method.parts().iter().any(|(part, _)| *part == Acquisition::Badge);
        Ok(Self { own, labelled, gradients: if reads_gradients { gradients() } else { None } })
    }
}

/// A batch while it is chosen.
struct Choosing<'a> {
    settings: &'a PlanSettings,
    seed: u64,
    frame: &'a Frame<'a>,
    rows: Block<'a>,
    targets: Option<&'a Block<'a>>,
    places: Places<'a>,
    stream: Stream,
    basket: Basket<'a>,
    choices: Vec<Choice>,
}

/// Rows that a thread scores at once.
const CHUNK: usize = 1024;

impl Choosing<'_> {
    /// Lets each part choose its share, and then what others could not.
    fn all(&mut self, count: usize) -> Result<(), SelectError> {
        let method = &self.settings.method;
        for ((part, _), share) in method.parts().iter().zip(method.divide(count)) {
            self.part(*part, share)?;
        }
        if method.parts().len() > 1 {
            for (part, _) in method.parts() {
                self.part(*part, count - self.choices.len())?;
            }
        }
        Ok(())
    }

    /// Lets one function choose so many rows.
    fn part(&mut self, method: Acquisition, count: usize) -> Result<(), SelectError> {
        if count == 0 {
            return Ok(());
        }
        self.basket.want(count);
        let before = self.choices.len();
        match method {
            Acquisition::CoreSet | Acquisition::KMeansPlusPlus | Acquisition::TypiClust | Acquisition::ProbCover => {
                self.geometric(method);
            }
            Acquisition::Badge => self.badge(),
            Acquisition::BatchBald => {
                let batch = BatchBald::new(&self.rows, CONFIGURATIONS, self.seed)?;
                batch_bald(batch, &mut self.basket);
            }
            Acquisition::Random
            | Acquisition::LeastConfidence
            | Acquisition::Margin
            | Acquisition::Entropy
            | Acquisition::Spread
            | Acquisition::Score
            | Acquisition::VariationRatio
            | Acquisition::VoteEntropy
            | Acquisition::ConsensusEntropy
            | Acquisition::MeanKl
            | Acquisition::Bald
            | Acquisition::PowerBald
            | Acquisition::Epig
            | Acquisition::Disagreement
            | Acquisition::ExpectedGradientLength => return self.by_score(method),
        }
        for (place, taken) in self.basket.taken()[before..].iter().enumerate() {
            let row = self.frame.origins[taken.row];
            self.choices.push(Choice { row, method, score: taken.score, rank: place + 1, distance: None });
        }
        Ok(())
    }

    fn geometric(&mut self, method: Acquisition) {
        let Some(space) = &self.places.own else { return };
        let labelled = self.places.labelled.as_ref();
        let all: Vec<usize> = (0..space.rows()).collect();
        match method {
            Acquisition::TypiClust => typiclust(space, labelled, &mut self.basket, self.seed),
            Acquisition::ProbCover => {
                let classes = if self.frame.is_predicted { self.rows.kind().width() } else { 0 };
                let estimate = || pure_radius(space, classes.max(2), self.seed);
                let radius = self.settings.radius.unwrap_or_else(estimate);
                prob_cover(space, labelled, radius, &mut self.basket);
            }
            Acquisition::KMeansPlusPlus => {
                let mut nearest = centres(space, &all, labelled, self.basket.taken());
                plus_plus(space, &all, &mut nearest, &mut self.basket, &mut self.stream);
            }
            _ => {
                let mut nearest = centres(space, &all, labelled, self.basket.taken());
                farthest_first(space, &all, &mut nearest, &mut self.basket);
            }
        }
    }

    fn badge(&mut self) {
        let Some(gradients) = &self.places.gradients else { return };
        let all: Vec<usize> = (0..gradients.rows()).collect();
        let mut nearest = centres(gradients, &all, None, self.basket.taken());
        badge(gradients, &all, &mut nearest, &mut self.basket, &mut self.stream);
    }

    /// Lets a function of single rows choose.
    fn by_score(&mut self, method: Acquisition) -> Result<(), SelectError> {
        let scores = self.scores(method)?;
        let mut order: Vec<usize> = (0..scores.len()).filter(|row| !scores[*row].is_nan()).collect();
        // Stable: rows come in the order of their keys.
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut ranks = vec![0; scores.len()];
        for (place, row) in order.iter().enumerate() {
            ranks[*row] = place + 1;
        }
        let mut classes: Vec<Vec<usize>> = vec![Vec::new(); self.basket.classes()];
        for row in order {
            classes[self.basket.class(row)].push(row);
        }
        let before = self.choices.len();
        let is_thinned = self.settings.diversity != Diversity::None && !method.is_noisy() && self.places.own.is_some();
        if is_thinned {
            self.thinned(&classes, &ranks);
        } else {
            highest(&classes, &ranks, &mut self.basket);
        }
        for taken in &self.basket.taken()[before..] {
            self.choices.push(Choice {
                row: self.frame.origins[taken.row],
                method,
                score: scores[taken.row],
                rank: ranks[taken.row],
                distance: Some(taken.score).filter(|distance| is_thinned && distance.is_finite()),
            });
        }
        Ok(())
    }

    /// Fills the basket with rows far from each other, from those with the highest scores of each class.
    fn thinned(&mut self, classes: &[Vec<usize>], ranks: &[usize]) {
        let Some(space) = &self.places.own else { return };
        let labelled = self.places.labelled.as_ref().filter(|_| self.settings.away_from_labelled);
        let most = classes.iter().map(Vec::len).max().unwrap_or(0);
        let filled = classes.iter().filter(|rows| !rows.is_empty()).count().max(1);
        let mut room = (self.settings.prefilter * self.basket.wants() as f64 / filled as f64).ceil() as usize;
        loop {
            let open = |rows: &Vec<usize>| rows.iter().copied().filter(|row| self.basket.may_take(*row)).take(room).collect();
            let mut rows: Vec<usize> = classes.iter().flat_map::<Vec<usize>, _>(open).collect();
            rows.sort_unstable_by_key(|row| ranks[*row]);
            let mut nearest = centres(space, &rows, labelled, self.basket.taken());
            match self.settings.diversity {
                Diversity::KMeansPp => plus_plus(space, &rows, &mut nearest, &mut self.basket, &mut self.stream),
                Diversity::KCenter | Diversity::None => farthest_first(space, &rows, &mut nearest, &mut self.basket),
            }
            // Duplicates, classes or costs may have stood in the way.
            if self.basket.wants() == 0 || room >= most {
                return;
            }
            room *= 2;
        }
    }

    /// Scores all rows, with what is multiplied or divided by and what is left to chance.
    fn scores(&self, method: Acquisition) -> Result<Vec<f64>, SelectError> {
        let mut scores = vec![0.0; self.rows.rows()];
        let epig = match (method, self.targets) {
            (Acquisition::Epig, Some(targets)) => Some(Epig::new(targets)?),
            _ => None,
        };
        let rows = &self.rows;
        scores.par_chunks_mut(CHUNK).enumerate().try_for_each(|(chunk, out)| {
            let part = rows.part(chunk * CHUNK, out.len());
            match &epig {
                Some(epig) => epig.score_rows(&part, out),
                None => method.score_rows(&part, out),
            }
        })?;
        if method != Acquisition::Random {
            self.weigh(&mut scores)?;
        }
        let noise = Noise { seed: self.seed, beta: self.settings.beta };
        for (score, id) in scores.iter_mut().zip(&self.frame.ids) {
            *score = method.with_noise(*score, id.as_bytes(), noise);
        }
        Ok(scores)
    }

    /// Multiplies scores by density and divides them by cost, as the plan says.
    fn weigh(&self, scores: &mut [f64]) -> Result<(), SelectError> {
        let costs = self.frame.costs.as_ref().filter(|_| self.settings.per_cost);
        let space = self.places.own.as_ref().filter(|_| self.settings.density > 0.0);
        if costs.is_none() && space.is_none() {
            return Ok(());
        }
        if let Some(row) = scores.iter().position(|score| *score < 0.0) {
            let (id, way_out) = (self.frame.ids[row].to_owned(), "write scores of 0 or more for `density` and `per_cost`");
            return Err(SelectError::Unusable { what: "score", id, value: scores[row], way_out });
        }
        if let Some(space) = space {
            let density = information_density(space, self.seed);
            for (score, density) in scores.iter_mut().zip(density) {
                *score *= density.powf(self.settings.density);
            }
        }
        if let Some(costs) = costs {
            for (score, cost) in scores.iter_mut().zip(costs) {
                *score /= cost;
            }
        }
        Ok(())
    }
}

/// The squared distance of each row from the nearest labelled or taken one.
fn centres(space: &Space<'_>, rows: &[usize], labelled: Option<&Space<'_>>, taken: &[Taken]) -> Vec<f64> {
    let mut nearest = space.nearest(rows, labelled);
    for taken in taken {
        space.approach(rows, &mut nearest, taken.row);
    }
    nearest
}

/// Fills the basket with the rows of the best ranks, each class in its turn.
fn highest(classes: &[Vec<usize>], ranks: &[usize], basket: &mut Basket<'_>) {
    let mut heads = vec![0; classes.len()];
    while basket.wants() > 0 {
        let mut best: Option<usize> = None;
        for (class, rows) in classes.iter().enumerate().filter(|(class, _)| basket.is_turn(*class)) {
            while rows.get(heads[class]).is_some_and(|row| !basket.may_take(*row)) {
                heads[class] += 1;
            }
            if let Some(row) = rows.get(heads[class]) {
                best = Some(best.map_or(*row, |best| if ranks[*row] < ranks[best] { *row } else { best }));
            }
        }
        let Some(row) = best else { return };
        basket.offer(row, f64::INFINITY);
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
