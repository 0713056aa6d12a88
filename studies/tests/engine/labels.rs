//! Label requests: who gets what, what answers lead to, what survives.

mod lives;
mod publishing;
mod reporting;
mod weighing;

use std::sync::Arc;

use hone_studies::{
    AnnotatorId, BlobId, Command, Event, LabelProjectId, LabelRequestId, Outcome, Reject, Reply, RequestId, SECOND,
    file::parse_labels,
    label::{
        Channel, Handed, Label, LabelCommand, LabelEvent, LabelProject, LabelReject, LabelReply, LabelRequest, LabelState,
        NewRequest, Prediction, ProjectState, Rescore, SampleData, Submission,
    },
};

use crate::support::Bench;

const PROJECT: LabelProjectId = LabelProjectId(1);

fn file(answers: &str) -> String {
    format!("name = \"pets\"\n[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]\n[answers]\nblind = 0.0\n{answers}")
}

fn create(text: &str) -> LabelCommand {
    let spec = Arc::new(parse_labels(text, "labels.toml").expect("a correct project"));
    LabelCommand::CreateProject { spec, text: text.to_owned(), request: None }
}

fn sample(name: &str, priority: f64) -> NewRequest {
    let data = SampleData { blob: BlobId([1; 32]), offset: 0, length: 2 };
    NewRequest { sample: name.into(), data, priority, prediction: None, control: false, gold: None }
}

fn predicted(name: &str, class: u32) -> NewRequest {
    let prediction = Prediction { label: Label::Class(class), confidence: 0.5, source: "model".into() };
    NewRequest { prediction: Some(prediction), ..sample(name, 0.0) }
}

/// A project with requests, the most urgent first, and two annotators.
struct Desk {
    bench: Bench,
    ada: AnnotatorId,
    bob: AnnotatorId,
}

impl Desk {
    fn new(answers: &str, samples: usize) -> Desk {
        let samples = (0..samples).map(|at| sample(&format!("s{at}"), -(at as f64))).collect();
        Desk::with(answers, samples)
    }

    fn with(answers: &str, samples: Vec<NewRequest>) -> Desk {
        Desk::of_file(&file(answers), samples)
    }

    fn of_file(file: &str, samples: Vec<NewRequest>) -> Desk {
        let mut bench = Bench::new();
        bench.ask(Command::Label(create(file)));
        let mut desk = Desk { bench, ada: AnnotatorId(1), bob: AnnotatorId(2) };
        for name in ["Ada", "Bob"] {
            desk.ask(LabelCommand::Join { name: name.to_owned(), channel: Channel::Page });
        }
        if !samples.is_empty() {
            desk.request(samples);
        }
        desk
    }

    fn ask(&mut self, command: LabelCommand) -> LabelReply {
        match self.bench.ask(Command::Label(command)).0 {
            Reply::Label(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn refused(&mut self, command: LabelCommand) -> LabelReject {
        match self.bench.refused(Command::Label(command)) {
            Reject::Label(reject) => reject,
            other => panic!("{other:?}"),
        }
    }

    fn request(&mut self, samples: Vec<NewRequest>) -> LabelReply {
        let (source, blob) = ("test".to_owned(), BlobId([1; 32]));
        self.ask(LabelCommand::Ask { project: PROJECT, source, blob, files: Vec::new(), samples, request: None })
    }

    fn try_next(&mut self, annotator: AnnotatorId) -> LabelReply {
        let holding = self.of(annotator);
        self.ask(LabelCommand::Next { project: PROJECT, annotator, holding })
    }

    fn next(&mut self, annotator: AnnotatorId) -> LabelRequestId {
        match self.try_next(annotator) {
            LabelReply::Handed(Handed { request, .. }) => request,
            other => panic!("{other:?}"),
        }
    }

    /// What an annotator has.
    fn of(&self, annotator: AnnotatorId) -> Vec<LabelRequestId> {
        let mine = self.project().requests().filter(|request| request.lease_of(annotator).is_some());
        mine.map(|request| request.id).collect()
    }

    fn submission(request: LabelRequestId, annotator: AnnotatorId, class: u32) -> LabelCommand {
        LabelCommand::Submit(Box::new(Submission {
            request,
            annotator,
            label: Label::Class(class),
            took_ms: 900,
            channel: Channel::Page,
            external: String::new(),
            shown: None,
            asked_by: None,
        }))
    }

    /// Answers, and tells the state of the request afterwards.
    fn submit(&mut self, request: LabelRequestId, annotator: AnnotatorId, class: u32) -> LabelState {
        match self.ask(Desk::submission(request, annotator, class)) {
            LabelReply::Answered { state, .. } => state,
            other => panic!("{other:?}"),
        }
    }

    fn project(&self) -> &LabelProject {
        self.bench.core.state.labels.project(PROJECT).expect("the project")
    }

    fn found(&self, request: LabelRequestId) -> &LabelRequest {
        self.project().request(request).expect("the request")
    }

    fn label(&self, request: LabelRequestId) -> Option<Label> {
        self.found(request).resolution.as_ref().map(|resolution| resolution.label.clone())
    }
}

fn events(outcome: &Outcome) -> Vec<&LabelEvent> {
    fn label(event: &Event) -> Option<&LabelEvent> {
        match event {
            Event::Label(event) => Some(event),
            _ => None,
        }
    }
    outcome.events.iter().filter_map(label).collect()
}

const FIRST: LabelRequestId = LabelRequestId(1);
const SECOND_ONE: LabelRequestId = LabelRequestId(2);

#[test]
fn two_annotators_never_get_the_same_sample() {
    let mut desk = Desk::new("", 3);
    let (ada, bob) = (desk.ada, desk.bob);
    assert_eq!((desk.next(ada), desk.next(bob), desk.next(ada)), (FIRST, SECOND_ONE, LabelRequestId(3)));
    let LabelReply::Nothing { reason } = desk.try_next(bob) else { panic!("there is nothing left") };
    assert_eq!(reason, "3 open requests are before other annotators, or have this one's answer already");
}

#[test]
fn what_an_annotator_has_and_does_not_hold_is_handed_to_them_again() {
    let mut desk = Desk::new("", 3);
    let ada = desk.ada;
    let first = desk.next(ada);
    // A page that was loaded anew holds nothing.
    let again = desk.ask(LabelCommand::Next { project: PROJECT, annotator: ada, holding: Vec::new() });
    assert!(matches!(again, LabelReply::Handed(Handed { request, .. }) if request == first));
    assert_ne!(desk.next(ada), first);
}

#[test]
fn one_answer_is_a_label_where_one_is_enough() {
    let mut desk = Desk::new("", 1);
    let ada = desk.ada;
    let request = desk.next(ada);
    let (_, outcome) = desk.bench.ask(Command::Label(Desk::submission(request, ada, 1)));
    let names: Vec<&str> = events(&outcome).iter().map(|event| name(event)).collect();
    assert_eq!(names, ["answered", "found"]);
    assert_eq!((desk.found(request).state, desk.label(request)), (LabelState::Resolved, Some(Label::Class(1))));
    let LabelReply::Nothing { reason } = desk.try_next(ada) else { panic!("there is nothing left") };
    assert_eq!(reason, "everything that was asked for is done");
}

fn name(event: &LabelEvent) -> &'static str {
    match event {
        LabelEvent::Answered(_) => "answered",
        LabelEvent::Found { .. } => "found",
        LabelEvent::Revised { .. } => "revised",
        LabelEvent::AnswerWithdrawn { .. } => "answer withdrawn",
        LabelEvent::Leased { .. } => "leased",
        LabelEvent::LeaseEnded { .. } => "lease ended",
        _ => "other",
    }
}

#[test]
fn overlap_grows_until_the_answers_agree() {
    let mut desk = Desk::new("overlap = [2, 3]\nuntil = 0.6\n", 1);
    let (ada, bob) = (desk.ada, desk.bob);
    let LabelReply::Annotator(cy) = desk.ask(LabelCommand::Join { name: "Cy".to_owned(), channel: Channel::Page }) else {
        panic!("an annotator")
    };
    // Two at once, as two answers are wanted in any case.
    assert_eq!((desk.next(ada), desk.next(bob)), (FIRST, FIRST));
    assert!(matches!(desk.try_next(cy), LabelReply::Nothing { .. }));
    assert_eq!(desk.submit(FIRST, ada, 0), LabelState::Leased);
    assert_eq!(desk.submit(FIRST, bob, 1), LabelState::Answered);
    assert_eq!(desk.found(FIRST).wanted, 3);
    assert!(matches!(desk.try_next(ada), LabelReply::Nothing { .. }), "nobody answers twice");
    assert_eq!(desk.next(cy), FIRST);
    assert_eq!(desk.submit(FIRST, cy, 1), LabelState::Resolved);
    assert_eq!(desk.label(FIRST), Some(Label::Class(1)));
}

#[test]
fn answers_that_do_not_agree_are_a_conflict_until_somebody_decides() {
    let mut desk = Desk::new("overlap = 2\n", 1);
    let (ada, bob) = (desk.ada, desk.bob);
    desk.submit(FIRST, ada, 0);
    assert_eq!(desk.submit(FIRST, bob, 1), LabelState::Conflict);
    desk.ask(LabelCommand::Resolve { request: FIRST, label: Label::Class(0), by: bob });
    assert_eq!((desk.found(FIRST).state, desk.label(FIRST)), (LabelState::Resolved, Some(Label::Class(0))));
    // What was decided stands, whatever is answered afterwards.
    desk.submit(FIRST, ada, 1);
    assert_eq!(desk.label(FIRST), Some(Label::Class(0)));
}

#[test]
fn an_answer_that_is_sent_again_counts_once_and_another_one_revises_it() {
    let mut desk = Desk::new("", 1);
    let ada = desk.ada;
    desk.next(ada);
    let mut command = Desk::submission(FIRST, ada, 0);
    let LabelCommand::Submit(submission) = &mut command else { unreachable!() };
    submission.asked_by = Some(RequestId([5; 16]));
    let first = desk.ask(command.clone());
    let (second, outcome) = desk.bench.ask(Command::Label(command));
    assert_eq!((Reply::Label(first), events(&outcome).len()), (second, 0));
    desk.submit(FIRST, ada, 1);
    let found = desk.found(FIRST);
    assert_eq!((found.answers.len(), found.answers[0].former.len()), (1, 1));
    assert_eq!(desk.label(FIRST), Some(Label::Class(1)));
    desk.bench.check_replay();
}

#[test]
fn taking_an_answer_back_opens_the_request_again() {
    let mut desk = Desk::new("", 1);
    let (ada, bob) = (desk.ada, desk.bob);
    desk.next(ada);
    desk.submit(FIRST, ada, 0);
    assert!(matches!(desk.ask(LabelCommand::Undo { request: FIRST, annotator: ada }), LabelReply::Handed(_)));
    assert_eq!((desk.found(FIRST).state, desk.label(FIRST)), (LabelState::Leased, None));
    assert!(matches!(desk.try_next(bob), LabelReply::Nothing { .. }));
    assert_eq!(desk.submit(FIRST, ada, 1), LabelState::Resolved);
    let counting: Vec<_> = desk.found(FIRST).counting().map(|answer| answer.label.clone()).collect();
    assert_eq!(counting, [Label::Class(1)]);
}

#[test]
fn a_silent_annotator_loses_the_sample_and_their_late_answer_still_counts() {
    let mut desk = Desk::new("lease = \"60s\"\n", 1);
    let (ada, bob) = (desk.ada, desk.bob);
    desk.next(ada);
    desk.bench.pass(59 * SECOND);
    desk.ask(LabelCommand::Renew { annotator: ada, requests: vec![FIRST] });
    desk.bench.pass(59 * SECOND);
    assert!(matches!(desk.try_next(bob), LabelReply::Nothing { .. }), "it was renewed");
    let outcome = desk.bench.pass(SECOND);
    assert_eq!(events(&outcome).iter().map(|event| name(event)).collect::<Vec<_>>(), ["lease ended"]);
    assert_eq!(desk.next(bob), FIRST);
    assert_eq!(desk.ask(LabelCommand::Renew { annotator: ada, requests: vec![FIRST] }), LabelReply::Over(vec![FIRST]));
    assert_eq!(desk.submit(FIRST, ada, 0), LabelState::Resolved);
    // Bob had it before him all the while: his answer is a second opinion.
    desk.submit(FIRST, bob, 0);
    assert_eq!(desk.found(FIRST).counting().count(), 2);
    desk.bench.check_replay();
}

#[test]
fn leases_outlive_a_restart_with_their_whole_time() {
    let mut desk = Desk::new("lease = \"60s\"\n", 2);
    let (ada, bob) = (desk.ada, desk.bob);
    desk.next(ada);
    desk.bench.pass(50 * SECOND);
    desk.bench.restart();
    desk.bench.pass(59 * SECOND);
    assert_eq!(desk.next(bob), SECOND_ONE, "the first is before Ada still");
    desk.bench.pass(SECOND);
    assert_eq!(desk.next(bob), FIRST);
}

#[test]
fn enough_skips_give_a_request_up_and_each_skipper_sees_it_no_more() {
    let mut desk = Desk::new("skips = 2\n", 2);
    let (ada, bob) = (desk.ada, desk.bob);
    let skip = |annotator| LabelCommand::Skip { request: FIRST, annotator, reason: "too dark".to_owned() };
    desk.next(ada);
    desk.ask(skip(ada));
    assert_eq!((desk.found(FIRST).state, desk.next(ada), desk.next(bob)), (LabelState::Open, SECOND_ONE, FIRST));
    desk.ask(skip(bob));
    assert_eq!(desk.found(FIRST).state, LabelState::Skipped);
    desk.ask(LabelCommand::Reopen { request: FIRST });
    assert_eq!(desk.found(FIRST).state, LabelState::Open);
    assert!(matches!(desk.try_next(bob), LabelReply::Nothing { .. }));
}

#[test]
fn requests_expire_unless_somebody_has_them() {
    let mut desk = Desk::new("lease = \"1h\"\nexpire = \"10s\"\n", 2);
    let ada = desk.ada;
    desk.next(ada);
    desk.bench.pass(10 * SECOND);
    let states = (desk.found(FIRST).state, desk.found(SECOND_ONE).state);
    assert_eq!(states, (LabelState::Leased, LabelState::Expired));
    desk.ask(LabelCommand::Release { request: FIRST, annotator: ada });
    desk.bench.pass(SECOND);
    assert_eq!(desk.found(FIRST).state, LabelState::Expired);
    assert_eq!(desk.submit(FIRST, ada, 0), LabelState::Resolved, "a late answer counts");
}

#[test]
fn a_withdrawn_request_takes_no_answer_and_its_sample_can_be_asked_for_again() {
    let mut desk = Desk::new("", 1);
    let ada = desk.ada;
    desk.next(ada);
    desk.ask(LabelCommand::Withdraw { request: FIRST, reason: String::new() });
    assert!(matches!(desk.refused(Desk::submission(FIRST, ada, 0)), LabelReject::WrongState { state: "withdrawn", .. }));
    assert_eq!(desk.request(vec![sample("s0", 1.0)]), LabelReply::Asked { batch: 2, new: 1, known: 0 });
    desk.bench.pass(3_600 * SECOND);
    assert_eq!(desk.next(ada), SECOND_ONE);
    desk.bench.check_replay();
}

#[test]
fn what_was_withdrawn_is_handed_to_nobody_again() {
    let mut desk = Desk::new("", 2);
    let ada = desk.ada;
    desk.next(ada);
    desk.ask(LabelCommand::Withdraw { request: FIRST, reason: String::new() });
    // A page that was loaded anew holds nothing, and must not be given what cannot be answered.
    let next = desk.ask(LabelCommand::Next { project: PROJECT, annotator: ada, holding: Vec::new() });
    assert!(matches!(next, LabelReply::Handed(Handed { request: SECOND_ONE, .. })), "{next:?}");
}

#[test]
fn a_sample_that_is_handed_over_again_is_theirs_for_the_whole_time() {
    let mut desk = Desk::new("lease = \"60s\"\n", 1);
    let ada = desk.ada;
    desk.next(ada);
    desk.bench.pass(50 * SECOND);
    let wall = desk.bench.now.wall;
    let again = desk.ask(LabelCommand::Next { project: PROJECT, annotator: ada, holding: Vec::new() });
    assert!(matches!(again, LabelReply::Handed(Handed { until, .. }) if until == wall + 60 * SECOND), "{again:?}");
    desk.bench.pass(59 * SECOND);
    assert_eq!(desk.found(FIRST).state, LabelState::Leased);
}

#[test]
fn blobs_of_samples_are_reachable_until_their_project_is_removed() {
    let mut desk = Desk::new("", 0);
    let (blob, file) = (BlobId([3; 32]), BlobId([4; 32]));
    let samples = vec![sample("a", 0.0)];
    desk.ask(LabelCommand::Ask { project: PROJECT, source: String::new(), blob, files: vec![file], samples, request: None });
    let reachable = |desk: &Desk| {
        let mut found = Vec::new();
        desk.bench.core.state.reachable_blobs(&mut |blob| found.push(*blob));
        found
    };
    assert_eq!(reachable(&desk), [blob, file]);
    desk.ask(LabelCommand::RemoveProject { project: PROJECT, force: false });
    assert_eq!(reachable(&desk), []);
}

#[test]
fn a_sample_is_asked_for_once() {
    let mut desk = Desk::new("", 2);
    let again = desk.request(vec![sample("s1", 9.0), sample("new", 9.0)]);
    assert_eq!(again, LabelReply::Asked { batch: 2, new: 1, known: 1 });
    assert_eq!(desk.request(vec![sample("new", 1.0)]), LabelReply::Asked { batch: 0, new: 0, known: 1 });
    assert_eq!(desk.project().counts.open, 3);
}

#[test]
fn a_batch_that_is_sent_again_is_asked_for_once() {
    let mut desk = Desk::new("", 0);
    let command = LabelCommand::Ask {
        project: PROJECT,
        source: "test".to_owned(),
        blob: BlobId([1; 32]),
        files: Vec::new(),
        samples: vec![sample("a", 0.0)],
        request: Some(RequestId([8; 16])),
    };
    let first = desk.ask(command.clone());
    assert_eq!((desk.ask(command), desk.project().batches.len()), (first, 1));
}

#[test]
fn newer_scores_change_who_is_next() {
    let mut desk = Desk::new("", 3);
    let ada = desk.ada;
    let score = |request, priority| Rescore { request: LabelRequestId(request), priority, prediction: None };
    let scores = vec![score(3, 5.0), score(1, -9.0), score(77, 1.0)];
    let rescored = desk.ask(LabelCommand::Rescore { project: PROJECT, source: "newer".to_owned(), scores });
    assert_eq!(rescored, LabelReply::Rescored { changed: 2 });
    assert_eq!([desk.next(ada), desk.next(ada), desk.next(ada)].map(|request| request.0), [3, 2, 1]);
}

#[test]
fn predictions_are_hidden_from_a_share_of_annotators_and_kept_with_the_answer() {
    let samples = (0..400).map(|at| predicted(&format!("s{at}"), 1)).collect();
    let mut desk = Desk::of_file(&file("").replace("blind = 0.0", "blind = 0.25"), samples);
    let ada = desk.ada;
    let mut hidden = 0;
    for _ in 0..400 {
        let LabelReply::Handed(handed) = desk.try_next(ada) else { panic!("a sample") };
        hidden += usize::from(handed.shown.is_none());
        desk.submit(handed.request, ada, 0);
        assert_eq!(desk.found(handed.request).answers[0].shown, handed.shown);
    }
    assert!((70..130).contains(&hidden), "{hidden} of 400 hidden");
}

#[test]
fn gold_questions_come_now_and_then_and_never_become_labels() {
    let gold = |at: usize| NewRequest { gold: Some(Label::Class(1)), ..sample(&format!("g{at}"), 0.0) };
    let mut samples: Vec<NewRequest> = (0..200).map(|at| sample(&format!("s{at}"), 0.0)).collect();
    samples.extend((0..50).map(gold));
    let mut desk = Desk::with("gold = 0.2\n", samples);
    let ada = desk.ada;
    let mut asked = 0;
    for _ in 0..100 {
        let request = desk.next(ada);
        let is_gold = desk.found(request).gold.is_some();
        asked += usize::from(is_gold);
        let state = desk.submit(request, ada, 1);
        assert_eq!(state, if is_gold { LabelState::Answered } else { LabelState::Resolved });
    }
    assert!((8..35).contains(&asked), "{asked} of 100 were gold questions");
    assert_eq!(desk.project().counts.total(), 200);
    desk.bench.check_replay();
}

#[test]
fn a_paused_project_gives_nothing_out_and_takes_answers() {
    let mut desk = Desk::new("", 2);
    let ada = desk.ada;
    desk.next(ada);
    desk.ask(LabelCommand::MoveProject { project: PROJECT, to: ProjectState::Paused });
    let nothing = LabelReply::Nothing { reason: "the project is paused".to_owned() };
    assert_eq!(desk.try_next(ada), nothing);
    assert_eq!(desk.ask(LabelCommand::Take { request: SECOND_ONE, annotator: ada }), nothing);
    assert_eq!(desk.submit(FIRST, ada, 0), LabelState::Resolved);
    desk.ask(LabelCommand::MoveProject { project: PROJECT, to: ProjectState::Open });
    assert_eq!(desk.next(ada), SECOND_ONE);
}

#[test]
fn a_project_of_label_studio_is_asked_there_and_takes_answers_here() {
    let mut desk = Desk::of_file(&format!("{}[label_studio]\nahead = 5\n", file("")), vec![sample("s0", 0.0)]);
    let spec = desk.project().spec.label_studio.clone().unwrap();
    assert_eq!((spec.title, spec.ahead), (None, 5));
    let LabelReply::Nothing { reason } = desk.try_next(desk.ada) else { panic!("handed out") };
    assert_eq!(reason, "its annotators work in Label Studio");
    let request = LabelRequestId(1);
    desk.ask(LabelCommand::Rescore {
        project: PROJECT,
        source: "m".to_owned(),
        scores: vec![Rescore { request, priority: 1.0, prediction: None }],
    });
    assert_eq!(desk.project().rescored, 1);
    desk.ask(Desk::submission(request, desk.ada, 1));
    assert_eq!(desk.project().counts.resolved, 1);
}

#[test]
fn what_answers_mean_may_not_change() {
    let mut desk = Desk::new("", 1);
    let change = |text: String| {
        let LabelCommand::CreateProject { spec, text, .. } = create(&text) else { unreachable!() };
        LabelCommand::ChangeProject { project: PROJECT, spec, text }
    };
    desk.ask(change(file("overlap = 2\n").replace("\"dog\"]", "\"dog\", \"ox\"]")));
    let LabelReject::NotChangeable(refused) = desk.refused(change(file("").replace("\"cat\", \"dog\"", "\"dog\", \"cat\"")))
    else {
        panic!("it is refused")
    };
    assert_eq!(refused, ["form.classes: classes can only be added, after those that are there"]);
    assert!(matches!(desk.refused(create(&file(""))), LabelReject::ProjectExists(_)));
}

#[test]
fn a_removed_project_is_gone_with_its_leases() {
    let mut desk = Desk::new("", 2);
    let ada = desk.ada;
    desk.next(ada);
    desk.submit(FIRST, ada, 0);
    desk.next(ada);
    let remove = |force| LabelCommand::RemoveProject { project: PROJECT, force };
    assert_eq!(desk.refused(remove(false)), LabelReject::HasAnswers { answers: 1 });
    desk.ask(remove(true));
    assert_eq!(desk.refused(Desk::submission(FIRST, ada, 0)), LabelReject::NoSuchRequest(FIRST));
    desk.bench.check_replay();
}
