//! Datasets: what becomes a version, who names it, and when it may go.

use std::sync::Arc;

use hone_studies::{
    BlobId, Command, DatasetId, Effect, Event, Reject, Reply, RequestId,
    dataset::{
        DatasetCommand, DatasetEvent, DatasetReject, DatasetReply, DatasetUse, NewVersion, Reference, Snapshot, VersionRef,
    },
};

use super::support::{Bench, START, bytes, spec};

/// Data with these bytes and these rows; rows in another order have another first byte.
fn data(manifest: u8, digest: u8) -> Snapshot {
    Snapshot {
        manifest: BlobId([manifest; 32]),
        profile: None,
        contract: None,
        digest: BlobId([digest; 32]),
        kind: "table".to_owned(),
        files: 1,
        bytes: 10,
        rows: Some(2),
        key: None,
        source: "x.csv".to_owned(),
        note: String::new(),
    }
}

fn new(name: &str, snapshot: Snapshot) -> NewVersion {
    NewVersion {
        name: name.to_owned(),
        snapshot: Arc::new(snapshot),
        made_from: Vec::new(),
        lineage: None,
        labels: None,
        again: false,
        expected: None,
        asked_by: None,
    }
}

fn of(dataset: u64, version: u32) -> VersionRef {
    VersionRef { dataset: DatasetId(dataset), version }
}

fn command(command: DatasetCommand) -> Command {
    Command::Dataset(command)
}

fn add(version: NewVersion) -> Command {
    command(DatasetCommand::Add(Box::new(version)))
}

fn refusal(bench: &mut Bench, wish: Command) -> DatasetReject {
    match bench.refused(wish) {
        Reject::Dataset(reject) => reject,
        other => panic!("{other:?}"),
    }
}

fn reply(bench: &mut Bench, wish: Command) -> DatasetReply {
    match bench.ask(wish).0 {
        Reply::Dataset(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn new_data_becomes_the_next_version_of_its_dataset() {
    let mut bench = Bench::new();
    let (first, outcome) = bench.ask(add(new("digits", data(1, 1))));
    assert_eq!(first, Reply::Dataset(DatasetReply::Added { of: of(1, 1), new: true, reordered: false }));
    let added = DatasetEvent::Added {
        dataset: DatasetId(1),
        at: START,
        name: "digits".to_owned(),
        version: 1,
        snapshot: Arc::new(data(1, 1)),
        parent: None,
        made_from: Vec::new(),
        lineage: None,
        asked_by: None,
    };
    assert_eq!(outcome.events, [Event::Dataset(Box::new(added))]);
    assert_eq!(
        reply(&mut bench, add(new("digits", data(2, 2)))),
        DatasetReply::Added { of: of(1, 2), new: true, reordered: false }
    );
    assert_eq!(
        reply(&mut bench, add(new("faces", data(2, 2)))),
        DatasetReply::Added { of: of(2, 1), new: true, reordered: false }
    );
    let digits = bench.core.state.datasets.dataset_named("digits").expect("there").clone();
    assert_eq!(digits.versions().map(|version| (version.number, version.parent)).collect::<Vec<_>>(), [(1, None), (2, Some(1))]);
    bench.check_replay();
}

#[test]
fn the_same_data_is_the_newest_version_again_also_in_another_order() {
    let mut bench = Bench::new();
    bench.ask(add(new("digits", data(1, 1))));
    let same = DatasetReply::Added { of: of(1, 1), new: false, reordered: false };
    assert_eq!(bench.ask(add(new("digits", data(1, 1)))), (Reply::Dataset(same), Default::default()));
    let reordered = DatasetReply::Added { of: of(1, 1), new: false, reordered: true };
    assert_eq!(bench.ask(add(new("digits", data(9, 1)))), (Reply::Dataset(reordered), Default::default()));
    // Whoever wants the order kept gets a version; and so does another contract or key.
    let again = NewVersion { again: true, ..new("digits", data(9, 1)) };
    assert_eq!(reply(&mut bench, add(again)), DatasetReply::Added { of: of(1, 2), new: true, reordered: false });
    let keyed = Snapshot { key: Some("id".to_owned()), ..data(9, 1) };
    assert_eq!(
        reply(&mut bench, add(new("digits", keyed.clone()))),
        DatasetReply::Added { of: of(1, 3), new: true, reordered: false }
    );
    let promised = Snapshot { contract: Some(BlobId([7; 32])), ..keyed };
    assert_eq!(
        reply(&mut bench, add(new("digits", promised))),
        DatasetReply::Added { of: of(1, 4), new: true, reordered: false }
    );
    // Data that was there before the newest version is new again.
    assert_eq!(
        reply(&mut bench, add(new("digits", data(1, 1)))),
        DatasetReply::Added { of: of(1, 5), new: true, reordered: false }
    );
}

#[test]
fn a_request_that_is_sent_again_has_its_answer_again() {
    let mut bench = Bench::new();
    let asked = NewVersion { again: true, asked_by: Some(RequestId([3; 16])), ..new("digits", data(1, 1)) };
    let first = reply(&mut bench, add(asked.clone()));
    assert_eq!(bench.ask(add(asked)), (Reply::Dataset(first), Default::default()));
}

#[test]
fn whoever_was_overtaken_is_told() {
    let mut bench = Bench::new();
    bench.ask(add(NewVersion { expected: Some(0), ..new("digits", data(1, 1)) }));
    bench.ask(add(NewVersion { expected: Some(1), ..new("digits", data(2, 2)) }));
    let late = NewVersion { expected: Some(1), ..new("digits", data(3, 3)) };
    let overtaken = DatasetReject::Overtaken { name: "digits".to_owned(), expected: 1, found: 2 };
    assert_eq!(refusal(&mut bench, add(late)), overtaken);
}

#[test]
fn bad_names_and_missing_origins_are_refused() {
    let mut bench = Bench::new();
    assert_eq!(refusal(&mut bench, add(new("a b", data(1, 1)))), DatasetReject::BadName("a b".to_owned()));
    let made = NewVersion { made_from: vec![of(1, 1)], ..new("digits", data(1, 1)) };
    assert!(matches!(refusal(&mut bench, add(made)), DatasetReject::NoSuchDataset { .. }));
}

#[test]
fn what_something_names_cannot_be_removed_before_it_lets_go() {
    let mut bench = Bench::new();
    bench.ask(add(new("digits", data(1, 1))));
    let by = Reference::new("model", "digits@1");
    let pin = DatasetCommand::Pin { of: of(1, 1), by: by.clone() };
    assert_eq!(bench.ask(command(pin.clone())).1.events.len(), 1);
    assert_eq!(bench.ask(command(pin)).1.events.len(), 0, "named once is enough");
    for wish in [
        DatasetCommand::RemoveVersion { of: of(1, 1), force: true },
        DatasetCommand::Remove { dataset: DatasetId(1), force: true },
    ] {
        let reject = refusal(&mut bench, command(wish));
        assert!(
            matches!(&reject, DatasetReject::NamedBy { by, forceable: false, .. } if *by == ["model `digits@1`"]),
            "{reject}"
        );
    }
    bench.ask(command(DatasetCommand::Release { of: of(1, 1), by: by.clone() }));
    assert_eq!(bench.ask(command(DatasetCommand::Release { of: of(1, 1), by })).1.events.len(), 0);
    let (_, removed) = bench.ask(command(DatasetCommand::RemoveVersion { of: of(1, 1), force: false }));
    assert_eq!(removed.events, [Event::Dataset(Box::new(DatasetEvent::Removed { dataset: DatasetId(1), at: START }))]);
    assert_eq!(removed.effects, [Effect::Sweep]);
    bench.check_replay();
}

#[test]
fn a_version_with_successors_goes_only_by_force() {
    let mut bench = Bench::new();
    bench.ask(add(new("digits", data(1, 1))));
    bench.ask(add(new("digits", data(2, 2))));
    bench.ask(add(NewVersion { made_from: vec![of(1, 2)], ..new("labels", data(3, 3)) }));
    let remove = |version, force| command(DatasetCommand::RemoveVersion { of: of(1, version), force });
    let by = named(&["its successor `digits@2`"]);
    assert_eq!(
        refusal(&mut bench, remove(1, false)),
        DatasetReject::NamedBy { what: "`digits@1`".to_owned(), by, forceable: true }
    );
    let by = named(&["the dataset `labels@1` that was made from it"]);
    let what = "`digits@2`".to_owned();
    assert_eq!(refusal(&mut bench, remove(2, false)), DatasetReject::NamedBy { what, by, forceable: true });
    bench.ask(remove(1, true));
    assert!(matches!(refusal(&mut bench, remove(1, true)), DatasetReject::NoSuchVersion { version: 1, latest: Some(2), .. }));
    let whole = |force| command(DatasetCommand::Remove { dataset: DatasetId(1), force });
    assert!(matches!(refusal(&mut bench, whole(false)), DatasetReject::NamedBy { forceable: true, .. }));
    bench.ask(whole(true));
    let labels = bench.core.state.datasets.find("labels").expect("there").version.made_from[0];
    assert_eq!(bench.core.state.datasets.label(labels), "a removed dataset (1)@2");
    bench.check_replay();
}

#[test]
fn marks_are_kept_once_each() {
    let mut bench = Bench::new();
    bench.ask(add(new("digits", data(1, 1))));
    let by = Reference::new("labels", "7");
    let mark = |reason: &str| command(DatasetCommand::Mark { of: of(1, 1), by: by.clone(), reason: reason.to_owned() });
    for reason in ["revised", "revised", "withdrawn"] {
        bench.ask(mark(reason));
    }
    let version = bench.core.state.datasets.find("digits").expect("there").version.clone();
    assert_eq!(version.marks.iter().map(|mark| mark.reason.as_str()).collect::<Vec<_>>(), ["revised", "withdrawn"]);
}

#[test]
fn a_study_keeps_the_versions_that_were_the_newest_when_it_was_created() {
    let mut bench = Bench::new();
    bench.ask(add(new("digits", data(1, 1))));
    let mut study = spec("uses");
    study.trial.datasets = [("train".to_owned(), "digits".to_owned())].into();
    let (id, outcome) = bench.create(study.clone());
    let uses =
        vec![DatasetUse { alias: "train".to_owned(), of: of(1, 1), label: "digits@1".to_owned(), manifest: BlobId([1; 32]) }];
    assert!(outcome.events.contains(&Event::Dataset(Box::new(DatasetEvent::Used { study: id, at: START, uses: uses.clone() }))));
    bench.ask(add(new("digits", data(2, 2))));
    assert_eq!(bench.core.state.study(id).expect("there").datasets, uses);
    let remove = command(DatasetCommand::RemoveVersion { of: of(1, 1), force: true });
    let reject = refusal(&mut bench, remove.clone());
    assert!(matches!(&reject, DatasetReject::NamedBy { by, .. } if *by == ["study `uses`"]), "{reject}");
    bench.ask(Command::RemoveStudy { study: id, force: true });
    bench.ask(remove);
    bench.check_replay();
}

#[test]
fn a_study_of_a_dataset_that_is_not_there_is_refused_whole() {
    let mut bench = Bench::new();
    let mut study = spec("uses");
    study.trial.datasets = [("train".to_owned(), "digits@3".to_owned())].into();
    let before = bytes(&bench.core.state);
    let create = Command::CreateStudy {
        spec: Arc::new(study),
        text: String::new(),
        source: None,
        driver: hone_studies::Driver::Workers,
        paused: false,
        request: None,
    };
    assert!(matches!(refusal(&mut bench, create), DatasetReject::NoSuchDataset { .. }));
    assert_eq!(bytes(&bench.core.state), before);
}
