//! Answers that are weighed by how good their annotators are.

use std::sync::Arc;

use hone_studies::{
    AnnotatorId, LabelRequestId,
    label::{Channel, Label, LabelCommand, LabelProject, LabelReject, LabelReply, LabelState, Skills},
};

use super::{Desk, PROJECT, file, predicted, sample};

const WEIGHED: &str = "consensus = \"dawid-skene\"\noverlap = [2, 3]\nuntil = 0.9\n";

/// What the coordinator does with a project that wants weighing.
pub(super) fn weigh(desk: &Desk) -> LabelCommand {
    let skills = Skills::estimate(desk.project()).expect("an estimate");
    let requests = skills.changes(desk.project());
    LabelCommand::Weigh { project: PROJECT, skills: Arc::new(skills), requests }
}

fn request(at: u64) -> LabelRequestId {
    LabelRequestId(at + 1)
}

/// A third annotator, who answers by chance.
fn with_cy(samples: u64) -> (Desk, AnnotatorId) {
    let mut desk = Desk::new(WEIGHED, samples as usize);
    match desk.ask(LabelCommand::Join { name: "Cy".to_owned(), channel: Channel::Page }) {
        LabelReply::Annotator(cy) => (desk, cy),
        other => panic!("{other:?}"),
    }
}

#[test]
fn until_annotators_are_known_two_who_agree_are_enough_and_two_who_do_not_ask_a_third() {
    let (mut desk, cy) = with_cy(2);
    let (ada, bob) = (desk.ada, desk.bob);
    assert_eq!(desk.submit(request(0), ada, 1), LabelState::Answered);
    assert_eq!(desk.submit(request(0), bob, 1), LabelState::Resolved);
    // 0.8² : 0.2² of right answers.
    let resolution = desk.found(request(0)).resolution.clone().expect("a label");
    assert!((resolution.confidence - 16.0 / 17.0).abs() < 1e-12, "{}", resolution.confidence);
    desk.submit(request(1), ada, 1);
    assert_eq!(desk.submit(request(1), bob, 0), LabelState::Answered);
    // Two against one of the same weight: 0.8, less than 0.9, but more likely than not, and nobody else may be asked.
    assert_eq!(desk.submit(request(1), cy, 0), LabelState::Resolved);
    assert_eq!(desk.label(request(1)), Some(Label::Class(0)));
    desk.bench.check_replay();
}

#[test]
fn who_is_right_more_often_counts_more() {
    let (mut desk, cy) = with_cy(42);
    let (ada, bob) = (desk.ada, desk.bob);
    // Ada and Bob agree on forty samples, and Cy, who is asked too, says what the place in the alphabet of a coin says.
    for at in 0..40 {
        let class = (at % 2) as u32;
        for (who, class) in [(cy, u32::from(at % 3 == 0)), (ada, class), (bob, class)] {
            desk.submit(request(at), who, class);
        }
    }
    // Before anything is known of them, two count more than one.
    desk.submit(request(40), ada, 1);
    desk.submit(request(40), cy, 0);
    assert_eq!(desk.found(request(40)).state, LabelState::Answered);
    assert!(desk.project().wants_weighing());
    let command = weigh(&desk);
    desk.ask(command);
    assert!(!desk.project().wants_weighing());
    let skills = desk.project().skills.clone().expect("skills");
    assert_eq!(skills.known().keys().copied().collect::<Vec<_>>(), [ada, bob, cy]);
    // Now Ada's word alone is worth more than Cy's: the open request has its label without a third answer.
    assert_eq!(desk.found(request(40)).state, LabelState::Resolved);
    assert_eq!(desk.label(request(40)), Some(Label::Class(1)));
    // And so has the next one.
    desk.submit(request(41), ada, 0);
    assert_eq!(desk.submit(request(41), cy, 1), LabelState::Resolved);
    assert_eq!(desk.label(request(41)), Some(Label::Class(0)));
    desk.bench.check_replay();
}

#[test]
fn an_older_estimate_than_the_one_there_is_changes_nothing() {
    let (mut desk, _) = with_cy(3);
    let (ada, bob) = (desk.ada, desk.bob);
    desk.submit(request(0), ada, 1);
    let old = weigh(&desk);
    desk.submit(request(0), bob, 1);
    let new = weigh(&desk);
    desk.ask(new);
    let said = desk.project().skills.as_ref().map(|skills| skills.said);
    let before = desk.bench.journal.len();
    assert_eq!(desk.ask(old), LabelReply::Done);
    assert_eq!(desk.project().skills.as_ref().map(|skills| skills.said), said);
    assert_eq!(desk.bench.journal.len(), before);
}

#[test]
fn what_somebody_decided_and_what_has_its_label_is_not_asked_again() {
    let (mut desk, cy) = with_cy(3);
    let (ada, bob) = (desk.ada, desk.bob);
    for who in [ada, bob] {
        desk.submit(request(0), who, 0);
    }
    desk.submit(request(1), ada, 0);
    desk.ask(LabelCommand::Resolve { request: request(1), label: Label::Class(1), by: cy });
    // An estimate by which nobody can be trusted at all.
    let doubtful = r#"{"annotators": [1, 2], "said": 9, "parameters": {"prior": [0.5, 0.5],
        "annotators": [{"one_coin": 0.5}, {"one_coin": 0.5}], "newcomer": {"one_coin": 0.5}}}"#;
    let skills: Arc<Skills> = Arc::new(serde_json::from_str(doubtful).expect("skills"));
    assert_eq!(skills.changes(desk.project()), []);
    let requests = vec![request(0), request(1), request(2), LabelRequestId(99)];
    desk.ask(LabelCommand::Weigh { project: PROJECT, skills, requests });
    let states = [0, 1, 2].map(|at| desk.found(request(at)).state);
    assert_eq!(states, [LabelState::Resolved, LabelState::Resolved, LabelState::Open]);
    assert_eq!(desk.label(request(1)), Some(Label::Class(1)));
    desk.bench.check_replay();
}

#[test]
fn an_estimate_about_strangers_is_refused() {
    let mut desk = Desk::new(WEIGHED, 1);
    let strange = r#"{"annotators": [77], "said": 1, "parameters": {"prior": [0.5, 0.5],
        "annotators": [{"one_coin": 0.5}], "newcomer": {"one_coin": 0.5}}}"#;
    let skills = Arc::new(serde_json::from_str(strange).expect("skills"));
    let refused = desk.refused(LabelCommand::Weigh { project: PROJECT, skills, requests: Vec::new() });
    assert_eq!(refused, LabelReject::NoSuchAnnotator(AnnotatorId(77)));
}

#[test]
fn a_class_that_is_added_makes_everybody_unknown_until_the_next_estimate() {
    let (mut desk, _) = with_cy(12);
    let (ada, bob) = (desk.ada, desk.bob);
    for at in 0..11 {
        desk.submit(request(at), ada, 0);
        desk.submit(request(at), bob, 0);
    }
    let command = weigh(&desk);
    desk.ask(command);
    let wider = file(WEIGHED).replace("\"dog\"]", "\"dog\", \"cow\"]");
    let spec = Arc::new(hone_studies::file::parse_labels(&wider, "labels.toml").expect("a wider form"));
    desk.ask(LabelCommand::ChangeProject { project: PROJECT, spec, text: wider });
    desk.submit(request(11), ada, 2);
    assert_eq!(desk.submit(request(11), bob, 2), LabelState::Resolved);
    let of = |project: &LabelProject| project.skills.as_ref().map(|skills| skills.classes());
    assert_eq!(of(desk.project()), Some(2));
    let command = weigh(&desk);
    desk.ask(command);
    assert_eq!(of(desk.project()), Some(3));
    desk.bench.check_replay();
}

#[test]
fn answers_that_tell_nothing_change_nobody_s_weight() {
    let (mut desk, _) = with_cy(20);
    let (ada, bob) = (desk.ada, desk.bob);
    for at in 0..20 {
        desk.submit(request(at), ada, (at % 2) as u32);
    }
    assert!(desk.project().wants_weighing());
    let command = weigh(&desk);
    desk.ask(command);
    // One answer each: nobody knows more of Ada than before, and two who agree are enough as before.
    assert!(!desk.project().has_news());
    assert_eq!(desk.submit(request(0), bob, 0), LabelState::Resolved);
    // What little is new waits for a pause.
    assert!(desk.project().has_news() && !desk.project().wants_weighing());
}

#[test]
fn gold_questions_tell_who_is_good() {
    let mut samples: Vec<_> = (0..20)
        .map(|at| hone_studies::label::NewRequest { gold: Some(Label::Class(at % 2)), ..predicted(&format!("g{at}"), 0) })
        .collect();
    samples.push(sample("s", 0.0));
    let mut desk = Desk::with(WEIGHED, samples);
    let (ada, bob) = (desk.ada, desk.bob);
    for at in 0..20 {
        let right = (at % 2) as u32;
        desk.submit(request(at), ada, right);
        desk.submit(request(at), bob, 1 - right);
    }
    let command = weigh(&desk);
    desk.ask(command);
    // Bob is wrong so reliably that two who differ say the same.
    desk.submit(request(20), ada, 1);
    assert_eq!(desk.submit(request(20), bob, 0), LabelState::Resolved);
    assert_eq!(desk.label(request(20)), Some(Label::Class(1)));
    desk.bench.check_replay();
}
