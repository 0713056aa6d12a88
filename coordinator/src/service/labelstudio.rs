//! What users see of label projects in Label Studio, and how they have it looked at.

use hone_proto::v1::{LabelProject as ProjectMessage, LabelStudio, SyncLabelsRequest, SyncLabelsResponse};
use hone_studies::{LabelProjectId, label::LabelProject};
use tonic::{Code, Response, Status};

use super::Services;
use crate::{
    convert::{client::label_project_to_proto, status::status},
    labelstudio::{Synced, Wish},
};

impl Services {
    /// A project as a message, with how it is in Label Studio.
    pub(super) fn label_project_message(&self, project: &LabelProject, full: bool) -> ProjectMessage {
        let mut message = label_project_to_proto(project, full);
        if let Some(there) = &mut message.label_studio {
            *there = self.label_studio_message(project.id);
        }
        message
    }

    fn label_studio_message(&self, project: LabelProjectId) -> LabelStudio {
        let Some(connector) = &self.label_studio else { return LabelStudio::default() };
        let found = connector.project(project).unwrap_or_default();
        let url = format!("{}/projects/{}", connector.server(), found.project);
        LabelStudio {
            server: connector.server().to_owned(),
            project: found.project,
            url: if found.project == 0 { String::new() } else { url },
            tasks: found.tasks,
            waiting: found.waiting,
            complaints: found.complaints,
            trouble: connector.trouble().unwrap_or(found.trouble),
            hook_trouble: found.hook,
            looked_at_us: found.pulled,
        }
    }

    pub(super) async fn sync(&self, request: SyncLabelsRequest) -> Result<Response<SyncLabelsResponse>, Status> {
        let SyncLabelsRequest { project, anew, accept_deletions } = request;
        let found = self.labels.project(&project).await?;
        let name = &found.spec.name;
        let wrong = |message: String, hint: &str| status(Code::FailedPrecondition, message, Some(hint.to_owned()));
        if found.spec.label_studio.is_none() {
            let message = format!("the annotators of label project `{name}` do not work in Label Studio");
            return Err(wrong(message, "add a table `[label_studio]` to its file"));
        }
        let Some(connector) = &self.label_studio else {
            let message = "this coordinator speaks to no Label Studio".to_owned();
            return Err(wrong(message, "start it with `hone serve --label-studio URL`"));
        };
        let wish = Wish { project: found.id, anew, accept_deletions };
        drop(found);
        let synced = connector.sync(wish).await.map_err(|why| status(Code::FailedPrecondition, why, None))?;
        let Synced { answers, revised, skipped, taken_back, withdrawn, imported } = synced;
        let label_studio = Some(self.label_studio_message(wish.project));
        Ok(Response::new(SyncLabelsResponse { answers, revised, skipped, taken_back, withdrawn, imported, label_studio }))
    }
}
