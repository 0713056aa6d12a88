//! The best trials so far, best first: what new points descend from.

use std::cmp::Ordering;

use crate::columns::{Columns, same_numbers};
use crate::sampler::dominance::{self, Place};
use crate::sampler::standing::{self, Kind, Standing};
use crate::sampler::{Direction, SuggestRequest};
use crate::space::Params;

/// At most so many trials as the study asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Population {
    most: usize,
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    number: u32,
    params: Params,
    standing: Standing,
    losses: Vec<f64>,
    /// Among the complete members of a study with several objectives.
    place: Place,
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
            && same_numbers(&self.params, &other.params)
            && (self.standing, &self.losses, self.place) == (other.standing, &other.losses, other.place)
    }
}

impl Population {
    pub(super) fn new(most: usize) -> Self {
        Self { most, members: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns the point of the member at `place`, the best one at 0.
    pub(super) fn params(&self, place: usize) -> &[f64] {
        &self.members[place].params
    }

    /// Returns how many members are on the first front.
    pub(super) fn on_front(&self) -> usize {
        self.members.iter().filter(|member| member.standing.kind == Kind::Complete && member.place.front == 0).count()
    }

    /// Takes in a finished trial, and drops the worst if there are too many. A point that is there already is not
    /// taken in again: it would crowd out others without adding to what is known.
    pub(super) fn insert(&mut self, request: &SuggestRequest<'_>, columns: &Columns, row: usize) {
        let Some(standing) = Standing::of(columns, row, request.directions) else { return };
        let params: Params = (0..request.space.len()).map(|index| columns.param(index, row)).collect();
        if self.members.iter().any(|member| same_numbers(&member.params, &params)) {
            return;
        }
        let mut losses = Vec::new();
        standing::push_losses(&mut losses, columns, row, request.directions);
        self.members.push(Member { number: columns.number[row], params, standing, losses, place: Place::default() });
        self.sort(request.directions);
        self.members.truncate(self.most);
    }

    /// Orders members from best to worst: complete ones by front and room, then pruned, infeasible and failed ones.
    fn sort(&mut self, directions: &[Direction]) {
        if directions.len() > 1 {
            self.place();
        }
        self.members.sort_by(|a, b| a.compare(b));
    }

    /// Finds the fronts of the complete members.
    fn place(&mut self) {
        let is_complete = |member: &Member| member.standing.kind == Kind::Complete;
        let losses: Vec<&[f64]> =
            self.members.iter().filter(|member| is_complete(member)).map(|member| member.losses.as_slice()).collect();
        let places = dominance::places(&losses);
        let complete = self.members.iter_mut().filter(|member| is_complete(member));
        complete.zip(places).for_each(|(member, place)| member.place = place);
    }
}

impl Member {
    fn compare(&self, other: &Self) -> Ordering {
        let both_complete = self.standing.kind == Kind::Complete && other.standing.kind == Kind::Complete;
        let order = if both_complete && self.losses.len() > 1 {
            self.place.compare(&other.place)
        } else {
            self.standing.compare(&other.standing)
        };
        order.then(self.number.cmp(&other.number))
    }
}
