//! From there to here: which tasks have changed, and what people said of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use hone_studies::{
    LabelRequestId,
    label::{Channel, LabelCommand, LabelProject, LabelRequest, Submission},
};
use serde_json::Value as Json;

use super::{
    annotation::{Annotation, Begun, annotation_from_json, author_of, begun_from, external_of, name_of},
    api::{After, Listed},
    plan::{self, OURS, Step, Task},
    project::{Context, MAX_COMPLAINTS, Project, Reach, SETTLE, Stop, Viewed},
    status::Synced,
};

/// Tasks in one list.
const LIST: usize = 500;
/// Requests whose tasks are exported at once.
const EXPORT: usize = 100;
/// So many tasks may be gone at once, or this part of all, before somebody has to say that they were meant to go.
const FEW: usize = 20;
const PART: usize = 10;

impl Project {
    /// Brings what people said there here.
    pub(super) async fn pull(
        &mut self,
        context: &mut Context,
        reach: Reach,
        accept_deletions: bool,
        synced: &mut Synced,
    ) -> Result<(), Stop> {
        let began = Instant::now();
        let newest = match reach {
            Reach::Nothing => return Ok(()),
            Reach::Changes => self.list_changes(context).await?,
            Reach::Tasks => self.list_all(context).await?,
            Reach::Everything => {
                let newest = self.list_all(context).await?;
                self.dirty.extend(self.tasks.keys().copied());
                newest
            }
        };
        let dirty: Vec<LabelRequestId> = self.dirty.iter().copied().collect();
        for requests in dirty.chunks(EXPORT) {
            self.compare(context, requests, synced).await?;
        }
        self.settle(began, newest);
        if reach >= Reach::Tasks {
            self.listed = true;
            self.follow_deletions(context, accept_deletions, synced).await?;
        }
        Ok(())
    }

    /// Moves the moment up to which everything has been looked at. A server writes a change's time down before others
    /// see the change, so a moment is trusted when a later look has found nothing older.
    fn settle(&mut self, began: Instant, newest: i64) {
        let Some(place) = self.place.as_mut() else { return };
        if let Some((since, at)) = self.settling
            && began.duration_since(since) >= SETTLE
        {
            place.pulled = place.pulled.max(at);
            self.settling = None;
        }
        if self.settling.is_none() && newest > place.pulled {
            self.settling = Some((began, newest));
        }
    }

    // ------------------------------------------------------------ which tasks

    /// Lists what has changed since the last moment that is trusted; answers the newest one.
    async fn list_changes(&mut self, context: &Context) -> Result<i64, Stop> {
        let there = self.there()?;
        let mut after = self.place.as_ref().map_or(0, |place| place.pulled);
        loop {
            let mut page = context.api.tasks(there, After::Update(after), LIST).await?;
            let is_last = page.len() < LIST;
            let newest = page.last().map_or(after, |task| task.updated);
            if !is_last {
                // More of those that share a moment may be on the next page, which so starts before them.
                page.retain(|task| task.updated < newest);
                if page.is_empty() {
                    return self.list_all(context).await;
                }
            }
            after = page.last().map_or(after, |task| task.updated);
            for task in page {
                self.note(task);
            }
            if is_last {
                return Ok(newest);
            }
        }
    }

    /// Lists all tasks, and forgets those that are gone; answers when the newest change was. By ids, so that none is
    /// passed over when others are added or go meanwhile.
    async fn list_all(&mut self, context: &Context) -> Result<i64, Stop> {
        let there = self.there()?;
        let (mut last, mut newest, mut strangers) = (0, 0, 0);
        let mut present: BTreeSet<(LabelRequestId, u64)> = BTreeSet::new();
        loop {
            let page = context.api.tasks(there, After::Id(last), LIST).await?;
            let is_last = page.len() < LIST;
            last = page.last().map_or(last, |task| task.id);
            for task in page {
                newest = newest.max(task.updated);
                let id = task.id;
                match self.note(task) {
                    Some(request) => {
                        present.insert((request, id));
                    }
                    None => strangers += 1,
                }
            }
            if is_last {
                break;
            }
        }
        self.strangers = strangers;
        self.tasks.retain(|request, tasks| {
            tasks.retain(|task| present.contains(&(*request, task.id)));
            !tasks.is_empty()
        });
        self.dirty.retain(|request| self.tasks.contains_key(request));
        Ok(newest)
    }

    /// Takes a task in as it is listed, and answers whose it is. One that has changed is to be looked at.
    fn note(&mut self, listed: Listed) -> Option<LabelRequestId> {
        let request = self.owner.request_of(&listed.meta)?;
        let place = self.place.as_mut()?;
        place.asked.insert(request);
        let Listed { id, overlap, labeled, answers, skips, updated, .. } = listed;
        let task = Task { id, overlap, labeled, answers, skips, updated };
        let tasks = self.tasks.entry(request).or_default();
        let looked_at = match tasks.iter_mut().find(|known| known.id == id) {
            Some(known) => std::mem::replace(known, task).updated == updated,
            None => {
                tasks.push(task);
                tasks.sort_by_key(|task| task.id);
                place.pulled >= updated
            }
        };
        if !looked_at {
            self.dirty.insert(request);
        }
        Some(request)
    }

    // ------------------------------------------------------------ what was said

    /// Compares some requests with the annotations of their tasks.
    async fn compare(&mut self, context: &mut Context, requests: &[LabelRequestId], synced: &mut Synced) -> Result<(), Stop> {
        let viewed = self.view(context).await?;
        let wanted = self.worth_a_look(&viewed, requests)?;
        drop(viewed);
        let tasks: Vec<u64> = wanted.iter().filter_map(|id| self.tasks.get(id)).flatten().map(|task| task.id).collect();
        if !tasks.is_empty() {
            let found = context.api.details(self.there()?, &tasks).await?;
            self.know_users(context, &found).await?;
            let begun = self.look_up_predictions(context, &wanted, &found).await?;
            let viewed = self.view(context).await?;
            let planned = self.plan(context, &viewed, &wanted, &found, &begun)?;
            drop(viewed);
            for (request, steps) in planned {
                let before = self.complaints.clone();
                self.complaints.retain(|_, (of, _)| *of != request);
                for step in steps {
                    self.take(context, request, step, synced).await?;
                }
                for (annotation, (_, complaint)) in self.complaints.iter().filter(|(_, (of, _))| *of == request) {
                    if before.get(annotation).is_none_or(|(_, known)| known != complaint) {
                        tracing::warn!(project = self.id.0, "{complaint}");
                    }
                }
            }
        }
        for request in requests {
            self.dirty.remove(request);
        }
        Ok(())
    }

    /// Those that somebody has said something about, there now or here before.
    fn worth_a_look(&self, viewed: &Viewed, requests: &[LabelRequestId]) -> Result<Vec<LabelRequestId>, Stop> {
        let project = viewed.project()?;
        let touched = |id: &LabelRequestId| self.tasks.get(id).is_some_and(|tasks| tasks.iter().any(|task| !task.is_untouched()));
        let answered = |request: &LabelRequest| request.counting().any(|answer| plan::is_from(answer, &self.mark));
        let known = requests.iter().filter_map(|id| project.request(*id));
        Ok(known.filter(|request| touched(&request.id) || answered(request)).map(|request| request.id).collect())
    }

    /// Predictions that new annotations were begun from, where their times do not tell.
    async fn look_up_predictions(&self, context: &Context, wanted: &[LabelRequestId], found: &[Json]) -> Result<Begun, Stop> {
        let viewed = self.view(context).await?;
        let project = viewed.project()?;
        let answers = wanted.iter().filter_map(|id| project.request(*id)).flat_map(|request| &request.answers);
        let known: BTreeSet<&str> = answers.map(|answer| answer.external.as_str()).collect();
        let version = self.place.as_ref().map_or("", |place| &place.version);
        let is_unclear = |task: &Json, annotation: &Json| {
            let is_new = external_of(&self.mark, annotation).is_some_and(|external| !known.contains(external.as_str()));
            is_new && begun_from(task, annotation, version).is_err()
        };
        let unclear = found.iter().filter(|task| {
            let annotations = task["annotations"].as_array();
            annotations.is_some_and(|annotations| annotations.iter().any(|annotation| is_unclear(task, annotation)))
        });
        let unclear: Vec<u64> = unclear.filter_map(|task| task["id"].as_u64()).collect();
        drop(viewed);
        if unclear.is_empty() {
            return Ok(Begun::new());
        }
        let exported = context.api.export(self.there()?, &unclear).await?;
        let annotations = exported.into_iter().flat_map(|mut task| match task["annotations"].take() {
            Json::Array(annotations) => annotations,
            _ => Vec::new(),
        });
        Ok(annotations.filter_map(|mut annotation| Some((annotation["id"].as_u64()?, annotation["prediction"].take()))).collect())
    }

    async fn know_users(&self, context: &mut Context, found: &[Json]) -> Result<(), Stop> {
        let annotations = found.iter().filter_map(|task| task["annotations"].as_array()).flatten();
        if annotations.filter_map(author_of).any(|author| !context.users.contains_key(&author)) {
            context.users = context.api.users().await?;
        }
        Ok(())
    }

    fn plan(
        &self,
        context: &Context,
        viewed: &Viewed,
        wanted: &[LabelRequestId],
        found: &[Json],
        begun: &Begun,
    ) -> Result<Vec<(LabelRequestId, Vec<Step>)>, Stop> {
        let project = viewed.project()?;
        let by_id: BTreeMap<u64, &Json> = found.iter().filter_map(|task| Some((task["id"].as_u64()?, task))).collect();
        let mut planned = Vec::new();
        for request in wanted.iter().filter_map(|id| project.request(*id)) {
            let own = self.tasks.get(&request.id).into_iter().flatten().map(|task| task.id);
            // A task that went meanwhile says nothing: the next list of all tasks tells what that means.
            let Some(own) = own.map(|id| by_id.get(&id)).collect::<Option<Vec<_>>>() else { continue };
            let mut read = Vec::new();
            for task in own {
                // What cannot be read must not look as if it were not there.
                let unreadable = || Stop::Project(format!("the annotations of task {} are not as they should be", task["id"]));
                read.extend(self.read(context, project, request, task, begun).ok_or_else(unreadable)?);
            }
            planned.push((request.id, plan::pull(viewed.labels(), request, &read, &self.mark)));
        }
        Ok(planned)
    }

    /// The annotations of one task of a request.
    fn read(
        &self,
        context: &Context,
        project: &LabelProject,
        request: &LabelRequest,
        task: &Json,
        begun: &Begun,
    ) -> Option<Vec<Annotation>> {
        let version = self.place.as_ref().map_or("", |place| &place.version);
        let read = |annotation: &Json| {
            let author = author_of(annotation);
            let name = name_of(author, author.and_then(|author| context.users.get(&author)));
            let told = || annotation["id"].as_u64().and_then(|id| begun.get(&id));
            let prediction = begun_from(task, annotation, version).unwrap_or_else(|()| told());
            annotation_from_json(project, request, annotation, &self.mark, name, prediction)
        };
        task["annotations"].as_array()?.iter().map(read).collect()
    }

    async fn take(
        &mut self,
        context: &mut Context,
        request: LabelRequestId,
        step: Step,
        synced: &mut Synced,
    ) -> Result<(), Stop> {
        match step {
            Step::Submit { annotator, label, took_ms, external, shown, revises } => {
                let annotator = context.annotator(&annotator).await?;
                let channel = Channel::LabelStudio;
                let submission = Submission { request, annotator, label, took_ms, channel, external, shown, asked_by: None };
                let done = context.command(LabelCommand::Submit(Box::new(submission))).await?.is_some();
                synced.answers += u64::from(done && !revises);
                synced.revised += u64::from(done && revises);
            }
            Step::Skip { annotator } => {
                let annotator = context.annotator(&annotator).await?;
                let reason = format!("{OURS}skipped there");
                let done = context.command(LabelCommand::Skip { request, annotator, reason }).await?.is_some();
                synced.skipped += u64::from(done);
            }
            Step::TakeBack { answer, reason } => {
                let done = context.command(LabelCommand::WithdrawAnswer { request, answer, reason }).await?.is_some();
                synced.taken_back += u64::from(done);
            }
            Step::Complain { annotation, annotator, why } => {
                let complaint = format!("request {request}, annotation {annotation} of `{annotator}`: {why}");
                if self.complaints.len() < MAX_COMPLAINTS {
                    self.complaints.insert(annotation, (request, complaint));
                }
            }
        }
        Ok(())
    }

    // ------------------------------------------------------------ what is gone

    /// Withdraws requests whose tasks were deleted there. Many at once may be a mistake, or a server that was set back:
    /// somebody has to say that they were meant.
    async fn follow_deletions(&mut self, context: &Context, accept: bool, synced: &mut Synced) -> Result<(), Stop> {
        let viewed = self.view(context).await?;
        let Some(place) = &self.place else { return Ok(()) };
        let project = viewed.project()?;
        let gone = plan::vanished(project, &self.tasks, &place.asked);
        let (all, name) = (place.asked.len(), project.spec.name.clone());
        drop(viewed);
        if gone.len() > FEW.max(all / PART) && !accept {
            return Err(Stop::Project(format!(
                "{} of {all} tasks are gone there; `hone label sync {name} --accept-deletions` withdraws their requests",
                gone.len()
            )));
        }
        for request in gone {
            let reason = format!("{OURS}its task was deleted there");
            let done = context.command(LabelCommand::Withdraw { request, reason }).await?.is_some();
            synced.withdrawn += u64::from(done);
        }
        Ok(())
    }
}
