//! Members' sketches and rows put together by sample.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    error::{At, PredictionError, Problem},
    file::PredictionFile,
    layout::{Kind, Layout},
    rows::Rows,
    sketch::{Candidate, Sketch},
};
use crate::acquisition::{Acquisition, AcquisitionError, Block, Noise, OrderKey, Points};

/// Members of a committee at most.
pub const MAX_MEMBERS: usize = 256;

/// The predictions of several members for the same samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Committee {
    /// What a row holds; classes in the order of the first member.
    pub layout: Layout,
    /// Samples, all different.
    pub ids: Vec<String>,
    /// The members, in the order in which they were given.
    pub members: Vec<Member>,
    /// Names of members that are gone, and whose predictions are in none of this.
    pub absent: Vec<String>,
    /// Samples × numbers of an embedding: the first member's that has embeddings at all, since those of two models are not
    /// points of one space. NaN where it lacks a sample.
    pub embeddings: Vec<f32>,
    /// One a sample: the first member's that has one for it, NaN where none has. Empty where no member has costs.
    pub costs: Vec<f64>,
}

/// One model of a committee.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What messages call it.
    pub name: String,
    /// Samples × [`Layout::width`]; NaN in the whole row of a sample that it has no prediction for.
    pub values: Vec<f64>,
}

impl Committee {
    /// Puts the rows of members together. Samples that no member has are left out.
    ///
    /// # Errors
    /// No member, too many of them, or members that predict different things.
    pub fn assemble(ids: &[String], members: Vec<(String, Rows)>) -> Result<Self, PredictionError> {
        let Some((first_name, first)) = members.first() else { return Err(none()) };
        members_limit(members.len())?;
        let (kind, first_name) = (first.layout.kind.clone(), first_name.clone());
        let orders: Vec<Vec<usize>> = members
            .iter()
            .map(|(name, rows)| {
                order(&kind, &rows.layout.kind).ok_or_else(|| strangers((name, &rows.layout.kind), &first_name, &kind))
            })
            .collect::<Result<_, _>>()?;
        let has: BTreeSet<&str> = members.iter().flat_map(|(_, rows)| rows.ids.iter().map(String::as_str)).collect();
        let ids: Vec<String> = ids.iter().filter(|id| has.contains(id.as_str())).cloned().collect();
        let places: HashMap<&str, usize> = ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
        let embedding = members.iter().find_map(|(_, rows)| Some((rows, rows.layout.embedding?)));
        let has_cost = members.iter().any(|(_, rows)| rows.layout.has_cost);
        let layout = Layout { kind, embedding: embedding.map(|(_, width)| width), has_cost };
        let embeddings = embedding.map(|(rows, width)| spread_out(&rows.embeddings, width, f32::NAN, rows, &places));
        let costs = if has_cost { costs(&members, &places) } else { Vec::new() };
        let width = layout.width();
        let members = members.iter().zip(&orders).map(|((name, rows), order)| {
            let values = reordered(&rows.values, order);
            Member { name: name.clone(), values: spread_out(&values, width, f64::NAN, rows, &places) }
        });
        let members = members.collect();
        Ok(Self { layout, members, absent: Vec::new(), embeddings: embeddings.unwrap_or_default(), costs, ids })
    }

    /// The same of those members that answered; the others are named in [`Committee::absent`].
    ///
    /// # Errors
    /// As [`Committee::assemble`], also where no member is left.
    pub fn of_present(ids: &[String], members: Vec<(String, Option<Rows>)>) -> Result<Self, PredictionError> {
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        for (name, rows) in members {
            match rows {
                Some(rows) => present.push((name, rows)),
                None => absent.push(name),
            }
        }
        if present.is_empty() && !absent.is_empty() {
            let names = absent.join("`, `");
            return Err(unfit("the committee", format!("all of its members are gone: `{names}`; name others")));
        }
        Ok(Self { absent, ..Self::assemble(ids, present)? })
    }

    /// Scores each sample, as the committee's own acquisition function does, with its chance. NaN where a sample lacks what
    /// the function reads.
    ///
    /// # Errors
    /// The function does not fit the members, or there is one left of those that it compares, or it rates no single rows.
    pub fn score(&self, acquisition: Acquisition, noise: Noise) -> Result<Vec<f64>, AcquisitionError> {
        let slices = self.slices();
        let mut block = self.block(&slices)?;
        if let Some(width) = self.layout.embedding {
            block = block.with_embeddings(Points::of_f32(&self.embeddings, width)?)?;
        }
        let mut scores = vec![0.0; self.len()];
        acquisition.score_rows(&block, &mut scores)?;
        for (score, id) in scores.iter_mut().zip(&self.ids) {
            *score = acquisition.with_noise(*score, id.as_bytes(), noise);
        }
        Ok(scores)
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether a member has a prediction for a sample.
    #[must_use]
    pub fn has(&self, member: usize, sample: usize) -> bool {
        !self.members[member].values[sample * self.layout.width()].is_nan()
    }

    /// The members' predictions, as [`Committee::block`] wants them.
    #[must_use]
    pub fn slices(&self) -> Vec<&[f64]> {
        self.members.iter().map(|member| member.values.as_slice()).collect()
    }

    /// The predictions as acquisition functions read them, without embeddings. `slices` are those of [`Committee::slices`].
    ///
    /// # Errors
    /// The slices are not those of this committee.
    pub fn block<'a>(&self, slices: &'a [&'a [f64]]) -> Result<Block<'a>, AcquisitionError> {
        Block::new(self.layout.kind.for_acquisition(), slices)
    }
}

/// What sketches of all members say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// What chance came from.
    pub noise: Noise,
    /// What rows were rated by.
    pub rated_by: Acquisition,
    /// The size of the pool, as far as it is known: the largest member's number of rows.
    pub rows: u64,
    /// Samples that are among the best of a member.
    pub candidates: BTreeSet<String>,
    /// Samples drawn at random from the pool, in the order of the draw.
    pub sample: Vec<String>,
}

impl Union {
    /// Puts sketches together that were made after the same plan.
    ///
    /// A sample that is drawn from the union of the pools is drawn in each member that has it: as many as the smallest draw
    /// that was cut off somewhere are kept, so that all samples have the same chance.
    ///
    /// # Errors
    /// No sketches, or sketches that were made after different plans or predict different things.
    pub fn of(sketches: &[(String, Sketch)]) -> Result<Self, PredictionError> {
        let Some((first_name, first)) = sketches.first() else { return Err(none()) };
        for (name, sketch) in sketches {
            if (sketch.noise, sketch.rated_by) != (first.noise, first.rated_by) {
                let message = format!("it was rated with another seed or function than `{first_name}`; rate all of them anew");
                return Err(unfit(name, message));
            }
            if order(&first.layout.kind, &sketch.layout.kind).is_none() {
                return Err(strangers((name, &sketch.layout.kind), first_name, &first.layout.kind));
            }
        }
        let ids = |of: &Vec<Candidate>| of.iter().map(|candidate| candidate.id.clone()).collect::<Vec<_>>();
        let candidates = sketches.iter().flat_map(|(_, sketch)| ids(&sketch.candidates)).collect();
        let seed = first.noise.seed;
        let drawn = sketches.iter().flat_map(|(_, sketch)| &sketch.sample);
        let drawn: BTreeMap<(OrderKey, &str), ()> =
            drawn.map(|drawn| ((OrderKey::of_control(seed, drawn.id.as_bytes()), drawn.id.as_str()), ())).collect();
        let cut_off = sketches.iter().map(|(_, sketch)| sketch).filter(|sketch| (sketch.sample.len() as u64) < sketch.rows);
        let limit = cut_off.map(|sketch| sketch.sample.len()).min().unwrap_or(usize::MAX);
        Ok(Self {
            noise: first.noise,
            rated_by: first.rated_by,
            rows: sketches.iter().map(|(_, sketch)| sketch.rows).max().unwrap_or_default(),
            candidates,
            sample: drawn.into_keys().take(limit).map(|(_, id)| id.to_owned()).collect(),
        })
    }

    /// All samples whose rows are wanted from every member: candidates and drawn ones, in order of their ids.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let mut ids = self.candidates.clone();
        ids.extend(self.sample.iter().cloned());
        ids.into_iter().collect()
    }
}

/// For each member the [`order`] of its numbers.
pub(super) fn orders(files: &[PredictionFile]) -> Result<Vec<Vec<usize>>, PredictionError> {
    let Some(first) = files.first() else { return Err(none()) };
    members_limit(files.len())?;
    let kind = &first.layout().kind;
    let of = |file: &PredictionFile| {
        let found = &file.layout().kind;
        order(kind, found).ok_or_else(|| strangers((file.name(), found), first.name(), kind))
    };
    files.iter().map(of).collect()
}

fn none() -> PredictionError {
    unfit("the committee", "it has no members; name at least one file".to_owned())
}

fn members_limit(members: usize) -> Result<(), PredictionError> {
    if members <= MAX_MEMBERS {
        return Ok(());
    }
    Err(unfit("the committee", format!("{members} members are more than the {MAX_MEMBERS} that are supported")))
}

/// For each number of a member's row the place it has in the first member's; `None` where they predict different things.
fn order(first: &Kind, member: &Kind) -> Option<Vec<usize>> {
    match (first, member) {
        (Kind::Probabilities(here), Kind::Probabilities(there)) => here.places_of(there),
        (Kind::Spread, Kind::Spread) => Some(vec![0, 1]),
        (Kind::Score, Kind::Score) => Some(vec![0]),
        (Kind::Probabilities(_) | Kind::Spread | Kind::Score, _) => None,
    }
}

pub(super) fn reordered(values: &[f64], order: &[usize]) -> Vec<f64> {
    let mut found = vec![f64::NAN; values.len()];
    for (from, to) in values.chunks_exact(order.len()).zip(found.chunks_exact_mut(order.len())) {
        from.iter().zip(order).for_each(|(value, place)| to[*place] = *value);
    }
    found
}

/// Rows of a member at the places of their samples.
fn spread_out<T: Copy>(numbers: &[T], width: usize, none: T, rows: &Rows, places: &HashMap<&str, usize>) -> Vec<T> {
    let mut found = vec![none; places.len() * width];
    for (id, numbers) in rows.ids.iter().zip(numbers.chunks_exact(width)) {
        if let Some(place) = places.get(id.as_str()) {
            found[place * width..(place + 1) * width].copy_from_slice(numbers);
        }
    }
    found
}

fn costs(members: &[(String, Rows)], places: &HashMap<&str, usize>) -> Vec<f64> {
    let mut found = vec![f64::NAN; places.len()];
    for (_, rows) in members.iter().rev() {
        for (id, cost) in rows.ids.iter().zip(&rows.costs) {
            if let Some(place) = places.get(id.as_str()) {
                found[*place] = *cost;
            }
        }
    }
    found
}

fn strangers((name, kind): (&str, &Kind), first_name: &str, first: &Kind) -> PredictionError {
    let (found, expected) = (what(kind), what(first));
    let message = format!("it predicts {found}, and `{first_name}` {expected}; a committee's members predict the same");
    unfit(name, message)
}

fn what(kind: &Kind) -> String {
    match kind {
        Kind::Probabilities(classes) => {
            let names: Vec<String> = (0..classes.len().min(5)).map(|class| classes.name(class)).collect();
            let more = if classes.len() > names.len() { ", …" } else { "" };
            format!("{} classes ({}{more})", classes.len(), names.join(", "))
        }
        Kind::Spread => "means and spreads".to_owned(),
        Kind::Score => "single scores".to_owned(),
    }
}

fn unfit(name: &str, message: String) -> PredictionError {
    PredictionError { file: name.to_owned(), at: At::File, column: None, problem: Problem::Unfit(message) }
}
