//! Decisions about datasets: what becomes a version, and what may be removed.

use super::labels;
use crate::{
    command::{Effect, Now, Reject, Reply},
    core::{Core, Outcome},
    dataset::{
        Dataset, DatasetCommand, DatasetEvent, DatasetReject, DatasetReply, DatasetUse, Datasets, Found, NewVersion, Reference,
        VersionRef, is_dataset_name,
    },
    event::Event,
    ids::{DatasetId, StudyId},
};

type Answer = Result<DatasetReply, DatasetReject>;

pub(super) fn handle(core: &mut Core, now: Now, out: &mut Outcome, command: DatasetCommand) -> Result<Reply, Reject> {
    dispatch(core, now, out, command).map(Reply::Dataset).map_err(Reject::Dataset)
}

fn dispatch(core: &mut Core, now: Now, out: &mut Outcome, command: DatasetCommand) -> Answer {
    match command {
        DatasetCommand::Add(new) => add(core, now, out, *new),
        DatasetCommand::Pin { of, by } => pin(core, now, out, of, by),
        DatasetCommand::Release { of, by } => release(core, now, out, of, by),
        DatasetCommand::Mark { of, by, reason } => mark(core, now, out, of, by, reason),
        DatasetCommand::RemoveVersion { of, force } => remove_version(core, now, out, of, force),
        DatasetCommand::Remove { dataset, force } => remove(core, now, out, dataset, force),
    }
}

fn add(core: &mut Core, now: Now, out: &mut Outcome, new: NewVersion) -> Answer {
    if !is_dataset_name(&new.name) {
        return Err(DatasetReject::BadName(new.name.chars().take(120).collect()));
    }
    let datasets = &core.state.datasets;
    for of in &new.made_from {
        version(datasets, *of)?;
    }
    if let Some(used) = &new.labels {
        labels::publishing::check(core, used).map_err(DatasetReject::NoLabels)?;
    }
    let known = datasets.dataset_named(&new.name);
    let latest = known.and_then(|dataset| dataset.latest().map(|version| Found { dataset, version }));
    if let Some(latest) = latest
        && new.asked_by.is_some()
        && latest.version.asked_by == new.asked_by
    {
        return Ok(DatasetReply::Added { of: latest.reference(), new: true, reordered: false });
    }
    let found = latest.map_or(0, |latest| latest.version.number);
    if let Some(expected) = new.expected.filter(|expected| *expected != found) {
        return Err(DatasetReject::Overtaken { name: new.name, expected, found });
    }
    if let Some(latest) = latest.filter(|latest| !new.again && is_same(latest, &new)) {
        let reordered = latest.version.snapshot.manifest != new.snapshot.manifest;
        return Ok(DatasetReply::Added { of: latest.reference(), new: false, reordered });
    }
    let dataset = known.map_or_else(|| datasets.next_dataset(), |known| known.id);
    let number = known.map_or(0, |known| known.last_version) + 1;
    let parent = latest.map(|latest| latest.version.number);
    let NewVersion { name, snapshot, made_from, lineage, labels: used, asked_by, .. } = new;
    let added =
        DatasetEvent::Added { dataset, at: now.wall, name, version: number, snapshot, parent, made_from, lineage, asked_by };
    emit(core, out, added);
    let of = VersionRef { dataset, version: number };
    if let Some(used) = used {
        labels::publishing::publish(core, now, out, of, &used);
    }
    Ok(DatasetReply::Added { of, new: true, reordered: false })
}

/// Whether the newest version has this data already, and nothing else of it is new.
fn is_same(latest: &Found<'_>, new: &NewVersion) -> bool {
    let (old, snapshot) = (&latest.version.snapshot, &new.snapshot);
    let described = old.contract == snapshot.contract && old.key == snapshot.key;
    let made = latest.version.lineage == new.lineage && latest.version.made_from == new.made_from;
    described && made && (old.manifest == snapshot.manifest || old.digest == snapshot.digest)
}

fn pin(core: &mut Core, now: Now, out: &mut Outcome, of: VersionRef, by: Reference) -> Answer {
    if !version(&core.state.datasets, of)?.version.pins.contains_key(&by) {
        emit(core, out, DatasetEvent::Pinned { of, at: now.wall, by });
    }
    Ok(DatasetReply::Done)
}

fn release(core: &mut Core, now: Now, out: &mut Outcome, of: VersionRef, by: Reference) -> Answer {
    if version(&core.state.datasets, of)?.version.pins.contains_key(&by) {
        emit(core, out, DatasetEvent::Released { of, at: now.wall, by });
    }
    Ok(DatasetReply::Done)
}

fn mark(core: &mut Core, now: Now, out: &mut Outcome, of: VersionRef, by: Reference, reason: String) -> Answer {
    let found = version(&core.state.datasets, of)?;
    if !found.version.marks.iter().any(|mark| mark.by == by && mark.reason == reason) {
        emit(core, out, DatasetEvent::Marked { of, at: now.wall, by, reason });
    }
    Ok(DatasetReply::Done)
}

fn remove_version(core: &mut Core, now: Now, out: &mut Outcome, of: VersionRef, force: bool) -> Answer {
    let found = version(&core.state.datasets, of)?;
    let only = found.dataset.versions().count() == 1;
    let what = format!("`{}`", found.label());
    refuse_named(what, named_by(core, of), if force { Vec::new() } else { children_of(&core.state.datasets, of) })?;
    if only {
        emit(core, out, DatasetEvent::Removed { dataset: of.dataset, at: now.wall });
    } else {
        emit(core, out, DatasetEvent::VersionRemoved { of, at: now.wall });
    }
    out.effects.push(Effect::Sweep);
    Ok(DatasetReply::Done)
}

fn remove(core: &mut Core, now: Now, out: &mut Outcome, id: DatasetId, force: bool) -> Answer {
    let dataset = find(core, id)?;
    let versions: Vec<VersionRef> =
        dataset.versions().map(|version| VersionRef { dataset: id, version: version.number }).collect();
    let what = format!("`{}`", dataset.name);
    let names: Vec<String> = versions.iter().flat_map(|of| named_by(core, *of)).collect();
    let children = versions.iter().flat_map(|of| children_elsewhere(&core.state.datasets, *of));
    let children = if force { Vec::new() } else { children.collect() };
    refuse_named(what, names, children)?;
    emit(core, out, DatasetEvent::Removed { dataset: id, at: now.wall });
    out.effects.push(Effect::Sweep);
    Ok(DatasetReply::Done)
}

fn refuse_named(what: String, names: Vec<String>, children: Vec<String>) -> Result<(), DatasetReject> {
    let forceable = names.is_empty();
    let mut by: Vec<String> = names.into_iter().chain(children).collect();
    by.sort();
    by.dedup();
    if by.is_empty() { Ok(()) } else { Err(DatasetReject::NamedBy { what, by, forceable }) }
}

/// Who names a version and would be lost without it, in words.
fn named_by(core: &Core, of: VersionRef) -> Vec<String> {
    core.state.names_of_version(of).iter().map(ToString::to_string).collect()
}

/// Versions that come from this one, in words.
fn children_of(datasets: &Datasets, of: VersionRef) -> Vec<String> {
    let own = datasets.dataset(of.dataset).into_iter().flat_map(|dataset| {
        let children = dataset.versions().filter(move |version| version.parent == Some(of.version));
        children.map(move |version| format!("its successor `{}@{}`", dataset.name, version.number))
    });
    own.chain(children_elsewhere(datasets, of)).collect()
}

fn children_elsewhere(datasets: &Datasets, of: VersionRef) -> Vec<String> {
    let made = datasets.versions().filter(|found| found.version.made_from.contains(&of));
    made.map(|found| format!("the dataset `{}` that was made from it", found.label())).collect()
}

/// Notes what a study that has just been created uses.
pub(super) fn use_in(core: &mut Core, now: Now, out: &mut Outcome, study: StudyId, uses: Vec<DatasetUse>) {
    if !uses.is_empty() {
        emit(core, out, DatasetEvent::Used { study, at: now.wall, uses });
    }
}

fn version(datasets: &Datasets, of: VersionRef) -> Result<Found<'_>, DatasetReject> {
    datasets.version(of).ok_or_else(|| match datasets.dataset(of.dataset) {
        Some(dataset) => DatasetReject::NoSuchVersion {
            name: dataset.name.clone(),
            version: of.version,
            latest: dataset.latest().map(|version| version.number),
        },
        None => DatasetReject::NoSuchDataset { given: of.dataset.to_string(), nearest: None },
    })
}

fn find(core: &Core, id: DatasetId) -> Result<&Dataset, DatasetReject> {
    let found = core.state.datasets.dataset(id).map(|dataset| &**dataset);
    found.ok_or_else(|| DatasetReject::NoSuchDataset { given: id.to_string(), nearest: None })
}

fn emit(core: &mut Core, out: &mut Outcome, event: DatasetEvent) {
    core.emit(out, Event::Dataset(Box::new(event)));
}
