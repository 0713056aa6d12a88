//! What must hold of label projects and requests.

use std::collections::BTreeSet;

use super::Found;
use crate::{
    ids::AnswerId,
    label::{Desk, LabelCounts, LabelProject, LabelRequest, LabelState, Labels},
    roster::Roster,
    state::State,
};

pub(super) fn check(state: &State, roster: &Roster, found: &mut Found) {
    let labels = &state.labels;
    let mut answers = BTreeSet::new();
    for project in labels.projects() {
        let place = format!("label project {}", project.id);
        check_indexes(labels, project, &place, found);
        for request in project.requests() {
            check_request(labels, project, request, found);
            check_answers(request, &mut answers, found);
        }
    }
    for annotator in labels.annotators() {
        let named = labels.annotator_named(&annotator.name).is_some_and(|known| known.id == annotator.id);
        found.check(named, "annotators", || format!("annotator {} is not found by its name", annotator.id));
    }
    check_desk(labels, &roster.desk, *roster == Roster::default(), found);
}

fn check_indexes(labels: &Labels, project: &LabelProject, place: &str, found: &mut Found) {
    let named = labels.project_named(&project.spec.name).is_some_and(|named| named.id == project.id);
    found.check(named, "label_names", || format!("{place} is not found by its name"));
    let counts = counted(project);
    found.check(counts == project.counts, "label_counts", || format!("{place} says {:?} and has {counts:?}", project.counts));
    let queue: Vec<&LabelRequest> = project.queue().collect();
    let urgent_first = queue.is_sorted_by(|a, b| a.priority.total_cmp(&b.priority).then(b.id.cmp(&a.id)).is_ge());
    found.check(urgent_first, "label_queue_order", || format!("{place}: a less urgent request stands first"));
    let with_room = project.requests().filter(|request| request.has_room()).count();
    let same = queue.len() == with_room && queue.iter().all(|request| request.has_room());
    found.check(same && project.queue_len() == with_room, "label_queue", || {
        format!("{place} has {} requests in its queue and {with_room} with room", queue.len())
    });
    let gold = project.gold().map(|request| request.id);
    let known = project.requests().filter(|request| request.gold.is_some() && request.state != LabelState::Withdrawn);
    found.check(gold.eq(known.map(|request| request.id)), "label_gold", || format!("{place}: its gold questions differ"));
}

fn counted(project: &LabelProject) -> LabelCounts {
    let mut counts = LabelCounts::default();
    project.requests().for_each(|request| counts.add(request));
    counts
}

fn check_request(labels: &Labels, project: &LabelProject, request: &LabelRequest, found: &mut Found) {
    let place = format!("label request {}", request.id);
    let owned = labels.request(request.id).is_some_and(|(owner, same)| owner.id == project.id && same.id == request.id);
    found.check(owned, "label_owners", || format!("{place} is not found in project {}", project.id));
    let by_sample = project.request_of(&request.sample).is_some_and(|same| same.id == request.id);
    let findable = by_sample || request.state == LabelState::Withdrawn;
    found.check(findable, "label_samples", || format!("{place} is not found by its sample"));
    let (leases, answers) = (request.leases.len(), request.counting().count());
    let fits = match request.state {
        LabelState::Open => leases == 0 && answers == 0,
        LabelState::Leased => leases > 0,
        LabelState::Answered => leases == 0 && answers > 0,
        LabelState::Resolved => request.resolution.is_some(),
        LabelState::Conflict | LabelState::Skipped | LabelState::Withdrawn | LabelState::Expired => true,
    };
    let state = request.state.name();
    found.check(fits, "label_state", || format!("{place} is {state} with {leases} leases and {answers} answers"));
    let decided = request.resolution.is_none() || request.state == LabelState::Resolved;
    found.check(decided, "label_resolution", || format!("{place} is {state} and has a label"));
    let labels = request.answers.iter().map(|answer| &answer.label);
    let labels = labels.chain(request.resolution.iter().map(|resolution| &resolution.label)).chain(&request.gold);
    let fitting = labels.into_iter().all(|label| label.fits(&project.spec.form));
    found.check(fitting, "label_form", || format!("{place} has a label that does not fit its form"));
}

/// Nobody's answer counts twice, and nobody has a sample twice.
fn check_answers(request: &LabelRequest, seen: &mut BTreeSet<AnswerId>, found: &mut Found) {
    let place = format!("label request {}", request.id);
    let mut by = BTreeSet::new();
    let once = request.counting().all(|answer| by.insert(answer.annotator));
    found.check(once, "answers_once", || format!("{place}: an annotator's answer counts twice"));
    let mut held = BTreeSet::new();
    let once = request.leases.iter().all(|lease| held.insert(lease.annotator));
    found.check(once, "label_leases_once", || format!("{place} is before an annotator twice"));
    let unique = request.answers.iter().all(|answer| seen.insert(answer.id));
    found.check(unique, "answer_ids", || format!("{place}: the id of an answer is used twice"));
    let withdrawn = request.answers.iter().filter_map(|answer| answer.withdrawn.as_ref());
    let explained = withdrawn.into_iter().all(|(_, reason)| !reason.is_empty());
    found.check(explained, "answers_explained", || format!("{place}: an answer was withdrawn without a reason"));
}

/// Every lease is watched, and nothing else is.
fn check_desk(labels: &Labels, desk: &Desk, unwatched: bool, found: &mut Found) {
    let requests = labels.projects().flat_map(|project| project.requests());
    let leased = requests.flat_map(|request| request.leases.iter().map(|lease| (request.id, lease.annotator)));
    let leased: BTreeSet<_> = leased.collect();
    let held: BTreeSet<_> = desk.held().collect();
    found.check(unwatched || leased == held, "label_desk", || format!("leased are {leased:?}, watched are {held:?}"));
}
