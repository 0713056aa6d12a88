//! Labels that became versions of datasets.

use std::sync::Arc;

use hone_studies::{
    AnswerId, BlobId, Command, DatasetId, LabelRequestId, Micros, Reject, Reply,
    dataset::{DatasetCommand, DatasetReject, DatasetReply, Mark, NewVersion, Reference, Snapshot, VersionRef},
    label::{Label, LabelCommand, LabelReject, LabelUse},
};

use super::{Desk, PROJECT};

fn request(at: u64) -> LabelRequestId {
    LabelRequestId(at + 1)
}

fn version(number: u32) -> VersionRef {
    VersionRef { dataset: DatasetId(1), version: number }
}

/// A version of labels whose documents are `content`.
fn made(content: u8, labels: Vec<(LabelRequestId, Micros)>) -> Command {
    let blob = BlobId([content; 32]);
    let snapshot = Snapshot {
        manifest: blob,
        profile: None,
        contract: None,
        digest: blob,
        kind: "table".to_owned(),
        files: 1,
        bytes: 9,
        rows: Some(labels.len() as u64),
        key: Some("id".to_owned()),
        source: String::new(),
        note: String::new(),
    };
    Command::Dataset(DatasetCommand::Add(Box::new(NewVersion {
        name: "labels".to_owned(),
        snapshot: Arc::new(snapshot),
        made_from: Vec::new(),
        lineage: Some(blob),
        labels: Some(LabelUse { project: PROJECT, labels }),
        again: false,
        expected: None,
        asked_by: None,
    })))
}

impl Desk {
    /// Labels of requests with when they were resolved.
    fn labels(&self, of: &[u64]) -> Vec<(LabelRequestId, Micros)> {
        let resolved = |at: &u64| (request(*at), self.found(request(*at)).resolution.as_ref().expect("a label").at);
        of.iter().map(resolved).collect()
    }

    fn publish(&mut self, content: u8, of: &[u64]) {
        let labels = self.labels(of);
        self.bench.ask(made(content, labels));
    }

    fn marks(&self, number: u32) -> Vec<Mark> {
        self.bench.core.state.datasets.version(version(number)).expect("a version").version.marks.clone()
    }

    /// Two labels of Ada's, and both in the first version.
    fn published() -> Desk {
        let mut desk = Desk::new("", 3);
        let ada = desk.ada;
        desk.submit(request(0), ada, 0);
        desk.submit(request(1), ada, 1);
        desk.publish(1, &[0, 1]);
        desk
    }
}

#[test]
fn a_version_knows_which_labels_it_is_made_of() {
    let desk = Desk::published();
    let publications = &desk.project().publications;
    assert_eq!((publications.len(), publications[0].of), (1, version(1)));
    assert_eq!(publications[0].requests.bounds(), [(1, 2)]);
    assert_eq!(desk.marks(1), []);
    desk.bench.check_replay();
}

#[test]
fn a_revised_answer_marks_the_versions_that_used_it_once() {
    let mut desk = Desk::published();
    let (ada, bob) = (desk.ada, desk.bob);
    desk.submit(request(2), bob, 0);
    desk.publish(2, &[0, 1, 2]);
    desk.submit(request(0), ada, 1);
    let mark = |marks: &[Mark]| {
        let [mark] = marks else { panic!("{marks:?}") };
        (mark.by.clone(), mark.reason.clone())
    };
    let expected = (Reference::new("label request", "1"), "sample `s0` of label project `pets`: answer 1 was revised".to_owned());
    assert_eq!(mark(&desk.marks(1)), expected);
    assert_eq!(mark(&desk.marks(2)), expected);
    desk.submit(request(0), ada, 0);
    assert_eq!(desk.marks(1).len(), 1);
    // What is made of the new answers has no mark.
    desk.publish(3, &[0, 1, 2]);
    assert_eq!(desk.marks(3), []);
    desk.bench.check_replay();
}

#[test]
fn whatever_takes_a_label_away_or_makes_it_another_one_leaves_a_mark() {
    let reason = |change: &dyn Fn(&mut Desk)| {
        let mut desk = Desk::published();
        change(&mut desk);
        desk.bench.check_replay();
        let marks = desk.marks(1);
        assert_eq!(marks.len(), 1, "{marks:?}");
        marks[0].reason.rsplit_once(": ").map(|(_, why)| why.to_owned())
    };
    let of = |why: &str| Some(why.to_owned());
    let withdrawn = reason(&|desk| {
        desk.ask(LabelCommand::WithdrawAnswer { request: request(1), answer: AnswerId(2), reason: "a slip".to_owned() });
    });
    assert_eq!(withdrawn, of("a slip"));
    let resolved = reason(&|desk| {
        let by = desk.bob;
        desk.ask(LabelCommand::Resolve { request: request(1), label: Label::Class(0), by });
    });
    assert_eq!(resolved, of("it has another label"));
    let reopened = reason(&|desk| drop(desk.ask(LabelCommand::Reopen { request: request(1) })));
    assert_eq!(reopened, of("it is asked again"));
    let gone = reason(&|desk| drop(desk.ask(LabelCommand::Withdraw { request: request(1), reason: String::new() })));
    assert_eq!(gone, of("its request was withdrawn"));
}

#[test]
fn what_changes_nothing_leaves_no_mark() {
    let mut desk = Desk::published();
    let (ada, bob) = (desk.ada, desk.bob);
    desk.submit(request(0), ada, 0);
    // A second opinion of the same kind, and a decision for what is decided.
    desk.submit(request(1), bob, 1);
    desk.ask(LabelCommand::Resolve { request: request(1), label: Label::Class(1), by: bob });
    assert_eq!(desk.marks(1), []);
}

#[test]
fn a_change_while_the_version_is_made_is_not_missed() {
    let mut desk = Desk::new("", 1);
    let (ada, bob) = (desk.ada, desk.bob);
    desk.submit(request(0), ada, 0);
    let read = desk.labels(&[0]);
    desk.bench.pass(1);
    desk.ask(LabelCommand::Resolve { request: request(0), label: Label::Class(1), by: bob });
    desk.bench.ask(made(1, read));
    assert_eq!(desk.marks(1).len(), 1);
    desk.bench.check_replay();
}

#[test]
fn the_same_labels_of_the_same_answers_are_the_same_version() {
    let mut desk = Desk::published();
    let labels = desk.labels(&[0, 1]);
    let before = desk.bench.journal.len();
    match desk.bench.ask(made(1, labels)).0 {
        Reply::Dataset(DatasetReply::Added { of, new, .. }) => assert_eq!((of, new), (version(1), false)),
        other => panic!("{other:?}"),
    }
    assert_eq!(desk.bench.journal.len(), before);
}

#[test]
fn labels_that_are_not_there_are_refused() {
    let mut desk = Desk::published();
    let refused = desk.bench.refused(made(2, vec![(LabelRequestId(99), 0)]));
    assert_eq!(refused, Reject::Dataset(DatasetReject::NoLabels(LabelReject::NoSuchRequest(LabelRequestId(99)))));
}

#[test]
fn a_version_that_was_removed_is_marked_no_more() {
    let mut desk = Desk::published();
    let ada = desk.ada;
    desk.publish(2, &[1]);
    desk.bench.ask(Command::Dataset(DatasetCommand::RemoveVersion { of: version(1), force: true }));
    desk.submit(request(1), ada, 0);
    assert_eq!(desk.marks(2).len(), 1);
    desk.bench.check_replay();
}

#[test]
fn a_removed_project_lets_go_of_the_data_that_its_samples_came_from() {
    let mut desk = Desk::published();
    let by = Reference::new("label project", "pets");
    desk.bench.ask(Command::Dataset(DatasetCommand::Pin { of: version(1), by: by.clone() }));
    let other = Reference::new("user", "paper");
    desk.bench.ask(Command::Dataset(DatasetCommand::Pin { of: version(1), by: other.clone() }));
    desk.ask(LabelCommand::RemoveProject { project: PROJECT, force: true });
    let names = desk.bench.core.state.names_of_version(version(1));
    assert_eq!(names, [other]);
    desk.bench.check_replay();
}
