//! From here to there: tasks for open requests, how many answers each shall have, predictions.

use std::collections::BTreeSet;

use hone_studies::{LabelRequestId, label::SampleData};
use serde_json::{Map, Value as Json, json};

use super::{
    http::CallError,
    plan::{self, Push},
    project::{Context, Project, SavePlace, Stop},
    status::Synced,
    task::{ImageBlob, data_of, images_of, prediction_of, task_of, version_name},
};

/// Tasks in one import: it is done again as a whole after a crash.
const IMPORT: usize = 100;
/// Bytes of their data together, after which an import is closed.
const IMPORT_BYTES: usize = 2 << 20;
/// Predictions in one call.
const PREDICT: usize = 500;

impl Project {
    /// Brings the tasks there to what the requests are. Whether something was imported.
    ///
    /// `tidy`: all tasks have just been listed.
    pub(super) async fn push(
        &mut self,
        context: &Context,
        tidy: bool,
        synced: &mut Synced,
        save: SavePlace<'_>,
    ) -> Result<bool, Stop> {
        let viewed = self.view(context).await?;
        let Some(place) = &self.place else { return Ok(false) };
        let mut closed = place.asked.clone();
        closed.extend(&self.refused);
        let plan = plan::push(viewed.project()?, &self.tasks, &closed, tidy);
        self.waiting = plan.waiting;
        self.seen = std::sync::Arc::downgrade(viewed.project()?);
        drop(viewed);
        self.change(context, &plan).await?;
        self.delete(context, &plan).await?;
        self.rescore(context, save).await?;
        let imported = self.import(context, &plan.import, save).await?;
        synced.imported += imported;
        self.order(context).await?;
        self.save(save)?;
        Ok(imported > 0)
    }

    async fn change(&mut self, context: &Context, plan: &Push) -> Result<(), Stop> {
        for change in &plan.change {
            context.api.change_task(change.task, change.overlap, change.labeled).await?;
            let tasks = self.tasks.get_mut(&change.request).into_iter().flatten();
            for task in tasks.filter(|task| task.id == change.task) {
                (task.overlap, task.labeled) = (change.overlap, change.labeled);
            }
        }
        Ok(())
    }

    /// Deletes tasks that nobody has touched: that is looked at once more, since somebody may have, just now.
    async fn delete(&mut self, context: &Context, plan: &Push) -> Result<(), Stop> {
        for (request, id) in &plan.delete {
            let Some(tasks) = self.tasks.get_mut(request) else { continue };
            match context.api.task(*id).await? {
                Some(task) if task.answers + task.skips > 0 => {
                    self.dirty.insert(*request);
                }
                Some(_) => {
                    context.api.delete_task(*id).await?;
                    tasks.retain(|task| task.id != *id);
                }
                None => tasks.retain(|task| task.id != *id),
            }
            if self.tasks.get(request).is_some_and(Vec::is_empty) {
                self.tasks.remove(request);
            }
        }
        Ok(())
    }

    // ------------------------------------------------------------ new tasks

    async fn import(&mut self, context: &Context, requests: &[LabelRequestId], save: SavePlace<'_>) -> Result<u64, Stop> {
        let mut imported = 0;
        for requests in requests.chunks(IMPORT) {
            let mut batch: Vec<(LabelRequestId, Json)> = Vec::new();
            let mut bytes = 0;
            for (request, task, size) in self.tasks_for(context, requests).await? {
                if bytes + size > IMPORT_BYTES && !batch.is_empty() {
                    imported += self.import_batch(context, std::mem::take(&mut batch), save).await?;
                    bytes = 0;
                }
                bytes += size;
                batch.push((request, task));
            }
            imported += self.import_batch(context, batch, save).await?;
        }
        Ok(imported)
    }

    /// Imports a batch. Where Label Studio refuses it as a whole for one task, that one is found and left out.
    async fn import_batch(
        &mut self,
        context: &Context,
        batch: Vec<(LabelRequestId, Json)>,
        save: SavePlace<'_>,
    ) -> Result<u64, Stop> {
        let there = self.there()?;
        let mut parts = vec![batch];
        let mut imported = 0;
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let tasks: Vec<Json> = part.iter().map(|(_, task)| task.clone()).collect();
            match context.api.import(there, &tasks).await {
                Ok(_) => {
                    imported += part.len() as u64;
                    self.took(part.iter().map(|(request, _)| *request));
                    self.save(save)?;
                }
                Err(CallError::Refused(why)) if part.len() == 1 => {
                    let request = part[0].0;
                    tracing::warn!(project = self.id.0, request = request.0, why, "Label Studio does not take a sample");
                    self.refused.insert(request);
                }
                Err(CallError::Refused(_)) => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                Err(error) => {
                    // It may have been imported all the same: what is there is looked at before it is done again.
                    self.listed = false;
                    return Err(error.into());
                }
            }
        }
        Ok(imported)
    }

    fn took(&mut self, requests: impl Iterator<Item = LabelRequestId>) {
        if let Some(place) = self.place.as_mut() {
            place.asked.extend(requests);
        }
    }

    /// Tasks of requests, ready to be imported, each with the size of its data.
    async fn tasks_for(
        &mut self,
        context: &Context,
        requests: &[LabelRequestId],
    ) -> Result<Vec<(LabelRequestId, Json, usize)>, Stop> {
        let viewed = self.view(context).await?;
        let project = viewed.project()?;
        let spec = project.spec.clone();
        let found: Vec<(LabelRequestId, SampleData)> =
            requests.iter().filter_map(|id| project.request(*id)).map(|request| (request.id, request.data)).collect();
        drop(viewed);
        let places = found.iter().map(|(_, data)| *data).collect();
        let texts = context.samples.read_all(places).await.map_err(|error| Stop::Project(error.message().to_owned()))?;
        let samples: Vec<Map<String, Json>> = texts.iter().map(|text| serde_json::from_str(text).unwrap_or_default()).collect();
        let images: BTreeSet<ImageBlob> = samples.iter().flat_map(|fields| images_of(&spec, fields)).collect();
        self.upload(context, images).await?;
        let viewed = self.view(context).await?;
        let project = viewed.project()?;
        let version = self.version(project);
        let mut tasks = Vec::new();
        for ((id, _), (fields, text)) in found.iter().zip(samples.iter().zip(&texts)) {
            let Some(request) = project.request(*id).filter(|request| request.state.is_open()) else { continue };
            let data = data_of(&spec, &request.sample, fields, &self.files);
            tasks.push((*id, task_of(&self.owner, project, request, data, &version), text.len()));
        }
        Ok(tasks)
    }

    /// Uploads images that are blobs here, each once: annotators' browsers do not come here.
    async fn upload(&mut self, context: &Context, images: BTreeSet<ImageBlob>) -> Result<(), Stop> {
        let there = self.there()?;
        let missing = |project: &Project, image: &ImageBlob| !project.files.contains_key(&image.hash);
        if images.iter().any(|image| missing(self, image)) && self.files.is_empty() {
            self.list_uploads(context, there).await?;
        }
        for image in images {
            if !missing(self, &image) {
                continue;
            }
            let bytes = context.samples.blob(&image.hash).await.map_err(|error| Stop::Project(error.message().to_owned()))?;
            let ending = image.media_type.trim_start_matches("image/").split('+').next().unwrap_or("png");
            let name = format!("hone-{}.{ending}", image.hash);
            match context.api.upload(there, &name, &image.media_type, &bytes).await {
                Ok(file) => drop(self.files.insert(image.hash, format!("/data/{file}"))),
                Err(error @ CallError::Refused(_)) => {
                    // It keeps the file and then refuses to make a task of it where tasks have other parts too.
                    self.list_uploads(context, there).await?;
                    if missing(self, &image) {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn list_uploads(&mut self, context: &Context, there: u64) -> Result<(), Stop> {
        for file in context.api.uploads(there).await? {
            if let Some(hash) = file.rsplit_once("hone-").and_then(|(_, name)| name.split_once('.')).map(|(hash, _)| hash) {
                self.files.insert(hash.to_owned(), format!("/data/{file}"));
            }
        }
        Ok(())
    }

    // ------------------------------------------------------------ predictions

    /// Tells the project there which predictions it orders tasks by, once there are any.
    async fn order(&mut self, context: &Context) -> Result<(), Stop> {
        let Some(place) = self.place.as_mut() else { return Ok(()) };
        if place.live || place.version.is_empty() || self.tasks.is_empty() && place.asked.is_empty() {
            return Ok(());
        }
        context.api.change_project(place.project, &json!({"model_version": place.version})).await?;
        place.live = true;
        Ok(())
    }

    /// Sends what a newer model says of open requests as a new set of predictions, and has tasks ordered by it.
    ///
    /// Only tasks with a prediction of the current set are ordered, so every open one gets one. A set that was sent in
    /// part is sent again from the start.
    async fn rescore(&mut self, context: &Context, save: SavePlace<'_>) -> Result<(), Stop> {
        let viewed = self.view(context).await?;
        let project = viewed.project()?;
        let Some(place) = &self.place else { return Ok(()) };
        let number = place.version.rsplit_once(" #").and_then(|(_, number)| number.parse().ok());
        if place.version.is_empty() || number == Some(project.rescored) {
            return Ok(());
        }
        let (there, old, version) = (place.project, place.version.clone(), version_name(project, project.rescored));
        let open = |id: &LabelRequestId| project.request(*id).is_some_and(|request| request.state.is_open());
        let open: Vec<LabelRequestId> = self.tasks.keys().copied().filter(open).collect();
        drop(viewed);
        context.api.delete_version(there, &version).await?;
        let mut sent = 0;
        for requests in open.chunks(PREDICT) {
            sent += self.predict(context, there, requests, &version).await?;
        }
        if let Some(place) = self.place.as_mut() {
            place.live = sent > 0;
            place.version.clone_from(&version);
        }
        if sent > 0 {
            context.api.change_project(there, &json!({"model_version": version})).await?;
        }
        self.save(save)?;
        context.api.delete_version(there, &old).await?;
        Ok(())
    }

    async fn predict(&self, context: &Context, there: u64, requests: &[LabelRequestId], version: &str) -> Result<u64, Stop> {
        let viewed = self.view(context).await?;
        let project = viewed.project()?;
        let mut predictions = Vec::new();
        for request in requests.iter().filter_map(|id| project.request(*id)) {
            for task in self.tasks.get(&request.id).into_iter().flatten() {
                let mut prediction = prediction_of(project, request, version);
                prediction["task"] = json!(task.id);
                predictions.push(prediction);
            }
        }
        drop(viewed);
        if predictions.is_empty() {
            return Ok(0);
        }
        let taken = context.api.predict(there, &predictions).await?;
        if taken < predictions.len() as u64 {
            let (sent, project) = (predictions.len(), self.id.0);
            tracing::warn!(project, sent, taken, "Label Studio did not take all predictions; the others' tasks come last");
        }
        Ok(taken)
    }
}
