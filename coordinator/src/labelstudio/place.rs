//! The project there: found or made, and fitted to the label project's form.

use std::sync::Arc;

use hone_studies::label::LabelSpec;
use serde_json::json;

use super::{
    annotation::mark_of,
    api::Found,
    cursor::Place,
    form::{config_of, escaped, title_of},
    hook::{self, Wanted},
    http::CallError,
    plan::Tasks,
    project::{Context, Project, Reach, Stop, Task},
    task::version_name,
};

impl Project {
    /// Sees to it that there is a project there, that it fits the form, and that its changes are heard of.
    pub(super) async fn settle_place(&mut self, context: &Context, task: Task) -> Result<(), Stop> {
        let viewed = self.view(context).await?;
        let spec = viewed.project()?.spec.clone();
        drop(viewed);
        let fits = self.fitted.as_ref().is_some_and(|fitted| Arc::ptr_eq(fitted, &spec));
        if fits && self.place.is_some() && task.reach < Reach::Tasks && !task.anew {
            return Ok(());
        }
        let found = self.find_or_make(context, &spec, task.anew).await?;
        self.mark = mark_of(&context.server, &found);
        self.fit(context, &spec, &found).await?;
        self.fitted = Some(spec);
        self.hear(context, found.id).await
    }

    async fn find_or_make(&mut self, context: &Context, spec: &LabelSpec, anew: bool) -> Result<Found, Stop> {
        if let Some(place) = &self.place {
            let found = context.api.project(place.project).await?.filter(|found| found.created == place.created);
            match found {
                Some(found) => return Ok(found),
                None if anew => self.forget(),
                None => {
                    let name = &spec.name;
                    return Err(Stop::Project(format!(
                        "its project there was deleted; nothing here is taken back. `hone label sync {name} --anew` makes another"
                    )));
                }
            }
        }
        let mark = self.owner.mark();
        let known = match context.api.find_project(&mark).await? {
            Some(id) => context.api.project(id).await?,
            None => None,
        };
        let found = match known {
            Some(found) => found,
            None => self.make(context, spec, &mark).await?,
        };
        // What was made before the cursor was lost has the predictions that it says it has.
        let (version, live) = (found.model_version.clone(), !found.model_version.is_empty());
        let place = Place { project: found.id, created: found.created.clone(), version, live, ..Place::default() };
        self.place = Some(place);
        Ok(found)
    }

    async fn make(&self, context: &Context, spec: &LabelSpec, mark: &str) -> Result<Found, Stop> {
        let config = config_of(spec);
        context.api.check_config(None, &config).await?;
        let body = json!({
            "title": title_of(spec),
            "description": format!("Label requests of `{}` {mark}", spec.name),
            "label_config": config,
            "expert_instruction": instruction_of(spec),
            "show_instruction": !spec.instructions.is_empty(),
            "maximum_annotations": spec.answers.min,
            "sampling": "Uncertainty sampling",
            "show_collab_predictions": true,
        });
        let made = context.api.create_project(&body).await?;
        tracing::info!(project = spec.name, there = made.id, "a project was made in Label Studio");
        Ok(made)
    }

    /// Everything that was known of the project there.
    fn forget(&mut self) {
        self.place = None;
        self.tasks = Tasks::new();
        (self.listed, self.settling) = (false, None);
        self.dirty.clear();
        self.complaints.clear();
        self.files.clear();
        self.refused.clear();
    }

    /// Writes the form there where it has changed here; what people have changed there stays until then.
    async fn fit(&mut self, context: &Context, spec: &LabelSpec, found: &Found) -> Result<(), Stop> {
        let config = config_of(spec);
        let hash = blake3::hash(format!("{config}\n{}", spec.instructions).as_bytes()).to_hex().to_string();
        let Some(place) = self.place.as_mut() else { return Ok(()) };
        if place.config == hash {
            return Ok(());
        }
        // One that was just made, or adopted as it was left.
        if found.config != config || !place.config.is_empty() {
            let body = json!({
                "label_config": config, "expert_instruction": instruction_of(spec), "show_instruction": !spec.instructions.is_empty(),
            });
            context.api.check_config(Some(found.id), &config).await?;
            context.api.change_project(found.id, &body).await?;
        }
        place.config = hash;
        Ok(())
    }

    async fn hear(&mut self, context: &Context, there: u64) -> Result<(), Stop> {
        let wanted = Wanted { base: context.hook.as_deref(), secret: &context.secret, label_project: self.id.0 };
        match hook::register(&context.api, there, &wanted).await {
            Ok(()) => {
                self.hook.clear();
                Ok(())
            }
            Err(CallError::Away(reason)) => Err(Stop::Away(reason)),
            Err(error) => {
                let address = context.hook.as_deref().unwrap_or_default();
                let hook = format!(
                    "Label Studio refuses the webhook at {address} ({error}); changes are looked for instead. It speaks to addresses of its \
                     own network only with SSRF_PROTECTION_ENABLED=false; `--label-studio-hook-url` names another"
                );
                if self.hook != hook {
                    tracing::warn!(project = self.id.0, "{hook}");
                }
                self.hook = hook;
                Ok(())
            }
        }
    }

    /// What predictions are called that go there now.
    pub(super) fn version(&mut self, project: &hone_studies::label::LabelProject) -> String {
        let Some(place) = self.place.as_mut() else { return String::new() };
        if place.version.is_empty() {
            place.version = version_name(project, project.rescored);
        }
        place.version.clone()
    }
}

/// Shown as HTML there.
fn instruction_of(spec: &LabelSpec) -> String {
    escaped(&spec.instructions).replace("&#10;", "<br>")
}
