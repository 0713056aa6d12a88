//! The calls that the connector needs. Most may be repeated; what may not is said.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use super::{
    http::{CallError, Carried, Client},
    server::{Server, ServerError},
};

/// What is not changed in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Projects on one page, where one is searched for.
const PROJECTS: usize = 100;
/// What a list of tasks tells of each. Their data, which may be large, is not among it.
const TASK_FIELDS: &str = "id,meta,overlap,is_labeled,total_annotations,cancelled_annotations,updated_at";

/// A project there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub id: u64,
    pub title: String,
    pub description: String,
    /// As the server writes it. With the id it tells a project from another one that got its id.
    pub created: String,
    pub config: String,
    pub model_version: String,
}

/// A task as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    pub id: u64,
    pub meta: Json,
    pub overlap: u32,
    pub labeled: bool,
    /// Answers to it, without skips.
    pub answers: u32,
    pub skips: u32,
    /// Microseconds since 1970, by the server's clock.
    pub updated: i64,
}

/// A person there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub email: String,
}

/// A webhook there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hook {
    pub id: u64,
    pub url: String,
    pub body: Json,
}

/// Which tasks are listed.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// In the order of their ids, those after this one.
    Id(u64),
    /// In the order of their changes, those that changed after this moment.
    Update(i64),
}

/// Label Studio, as the connector speaks to it.
#[derive(Clone, Debug)]
pub(super) struct LabelStudio {
    http: Client,
}

impl LabelStudio {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(server: &Server) -> Result<LabelStudio, ServerError> {
        Ok(LabelStudio { http: Client::new(server)? })
    }

    // ------------------------------------------------------------ projects

    /// A project by its id, if it is there.
    pub async fn project(&self, id: u64) -> Result<Option<Found>, CallError> {
        match self.http.get(&format!("/api/projects/{id}/")).await {
            Err(CallError::Missing(_)) => Ok(None),
            found => project_from_json(&found?).map(Some),
        }
    }

    /// The oldest project whose description holds a mark.
    pub async fn find_project(&self, mark: &str) -> Result<Option<u64>, CallError> {
        let (mut page, mut found) = (1, None);
        loop {
            let path = format!("/api/projects/?page_size={PROJECTS}&page={page}&include=id,description");
            let answer = match self.http.get(&path).await {
                Err(CallError::Missing(_)) => return Ok(found),
                answer => answer?,
            };
            let results = answer["results"].as_array().ok_or_else(unexpected)?;
            let marked = results.iter().filter(|one| one["description"].as_str().is_some_and(|text| text.contains(mark)));
            found = found.into_iter().chain(marked.filter_map(|one| one["id"].as_u64())).min();
            if results.len() < PROJECTS {
                return Ok(found);
            }
            page += 1;
        }
    }

    /// Creates a project. Done twice, there are two.
    pub async fn create_project(&self, body: &Json) -> Result<Found, CallError> {
        project_from_json(&self.http.post("/api/projects/", body).await?)
    }

    pub async fn change_project(&self, id: u64, body: &Json) -> Result<(), CallError> {
        self.http.patch(&format!("/api/projects/{id}/"), body).await.map(drop)
    }

    /// Whether a labelling configuration is one, and fits what is in the project.
    pub async fn check_config(&self, project: Option<u64>, config: &str) -> Result<(), CallError> {
        let body = json!({"label_config": config});
        let path = project.map_or("/api/projects/validate/".to_owned(), |id| format!("/api/projects/{id}/validate/"));
        self.http.post(&path, &body).await.map(drop)
    }

    // ------------------------------------------------------------ tasks

    /// Tasks of a project, `size` at most.
    pub async fn tasks(&self, project: u64, after: After, size: usize) -> Result<Vec<Listed>, CallError> {
        let (filter, kind, value, order) = match after {
            After::Id(id) => ("id", "Number", json!(id), "id"),
            After::Update(at) => ("updated_at", "Datetime", json!(time_to_text(at)), "updated_at"),
        };
        let query = json!({
            "filters": {"conjunction": "and", "items": [
                {"filter": format!("filter:tasks:{filter}"), "operator": "greater", "type": kind, "value": value},
            ]},
            "ordering": [format!("tasks:{order}")],
        });
        let query = query.to_string();
        let query = utf8_percent_encode(&query, QUERY);
        let path = format!("/api/tasks?project={project}&page=1&page_size={size}&include={TASK_FIELDS}&query={query}");
        let answer = self.http.get(&path).await?;
        answer["tasks"].as_array().ok_or_else(unexpected)?.iter().map(listed_from_json).collect()
    }

    /// One task, if it is there.
    pub async fn task(&self, id: u64) -> Result<Option<Listed>, CallError> {
        match self.http.get(&format!("/api/tasks/{id}/?include={TASK_FIELDS}")).await {
            Err(CallError::Missing(_)) => Ok(None),
            found => listed_from_json(&found?).map(Some),
        }
    }

    /// Some tasks with their annotations and predictions.
    pub async fn details(&self, project: u64, tasks: &[u64]) -> Result<Vec<Json>, CallError> {
        let query = json!({"selectedItems": {"all": false, "included": tasks}}).to_string();
        let (query, size) = (utf8_percent_encode(&query, QUERY), tasks.len());
        // What is named counts for annotations too.
        let fields =
            "fields=all&include=id,annotations,predictions,result,completed_by,was_cancelled,created_at,updated_at,lead_time";
        let path = format!("/api/tasks?project={project}&page=1&page_size={size}&{fields}&query={query}");
        match self.http.get(&path).await?["tasks"].take() {
            Json::Array(tasks) => Ok(tasks),
            _ => Err(unexpected()),
        }
    }

    /// Everything about some tasks: the only call that tells which predictions annotations were begun from. Label Studio
    /// keeps a file of each export for ever, so it is not for every day.
    pub async fn export(&self, project: u64, tasks: &[u64]) -> Result<Vec<Json>, CallError> {
        let ids: String = tasks.iter().map(|id| format!("&ids[]={id}")).collect();
        let path = format!("/api/projects/{project}/export?exportType=JSON&download_all_tasks=true{ids}");
        match self.http.get(&path).await? {
            Json::Array(tasks) => Ok(tasks),
            _ => Err(unexpected()),
        }
    }

    /// Imports tasks. Done twice, there are two of each.
    pub async fn import(&self, project: u64, tasks: &[Json]) -> Result<u64, CallError> {
        let path = format!("/api/projects/{project}/import?return_task_ids=true");
        let answer = self.http.post(&path, &Json::Array(tasks.to_vec())).await?;
        answer["task_count"].as_u64().ok_or_else(unexpected)
    }

    /// How many answers a task shall have, and whether it counts as done. Label Studio does not look again by itself.
    pub async fn change_task(&self, id: u64, overlap: u32, labeled: bool) -> Result<(), CallError> {
        let body = json!({"overlap": overlap, "is_labeled": labeled});
        gone_is_fine(self.http.patch(&format!("/api/tasks/{id}/"), &body).await)
    }

    pub async fn delete_task(&self, id: u64) -> Result<(), CallError> {
        gone_is_fine(self.http.call(Method::DELETE, &format!("/api/tasks/{id}/"), Carried::Nothing).await)
    }

    // ------------------------------------------------------------ predictions

    /// Adds predictions; answers how many were taken. Done twice, there are two of each.
    pub async fn predict(&self, project: u64, predictions: &[Json]) -> Result<u64, CallError> {
        let path = format!("/api/projects/{project}/import/predictions");
        let answer = self.http.post(&path, &Json::Array(predictions.to_vec())).await?;
        answer["created"].as_u64().ok_or_else(unexpected)
    }

    /// Removes the predictions of a version.
    pub async fn delete_version(&self, project: u64, version: &str) -> Result<(), CallError> {
        let body = json!({"model_version": version});
        let path = format!("/api/projects/{project}/model-versions/");
        self.http.call(Method::DELETE, &path, Carried::Json(&body)).await.map(drop)
    }

    // ------------------------------------------------------------ files

    /// Names of uploaded files by where they are.
    pub async fn uploads(&self, project: u64) -> Result<Vec<String>, CallError> {
        let answer = self.http.get(&format!("/api/projects/{project}/file-uploads?all=true")).await?;
        let files = answer.as_array().ok_or_else(unexpected)?;
        files.iter().map(|file| file["file"].as_str().map(str::to_owned).ok_or_else(unexpected)).collect()
    }

    /// Uploads a file, and answers where it is. Done twice, there are two.
    pub async fn upload(&self, project: u64, name: &str, media_type: &str, bytes: &[u8]) -> Result<String, CallError> {
        const BOUNDARY: &str = "hone-e1f8c0f3b5a94c1d";
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media_type}\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let body = Bytes::from([head.as_bytes(), bytes, tail.as_bytes()].concat());
        let path = format!("/api/projects/{project}/import?commit_to_project=false");
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let answer = self.http.call(Method::POST, &path, Carried::Bytes(&kind, body)).await?;
        let id = answer["file_upload_ids"][0].as_u64().ok_or_else(unexpected)?;
        let file = self.http.get(&format!("/api/import/file-upload/{id}")).await?;
        file["file"].as_str().map(str::to_owned).ok_or_else(unexpected)
    }

    // ------------------------------------------------------------ people, webhooks

    pub async fn users(&self) -> Result<BTreeMap<u64, User>, CallError> {
        let answer = self.http.get("/api/users/").await?;
        let users = answer.as_array().ok_or_else(unexpected)?;
        let read = |user: &Json| {
            let email = user["email"].as_str().unwrap_or_default().to_owned();
            Ok((user["id"].as_u64().ok_or_else(unexpected)?, User { email }))
        };
        users.iter().map(read).collect()
    }

    /// Webhooks of a project.
    pub async fn hooks(&self, project: u64) -> Result<Vec<Hook>, CallError> {
        let answer = self.http.get(&format!("/api/webhooks/?project={project}")).await?;
        let hooks = answer.as_array().ok_or_else(unexpected)?;
        let read = |hook: &Json| {
            let id = hook["id"].as_u64().ok_or_else(unexpected)?;
            let url = hook["url"].as_str().unwrap_or_default().to_owned();
            Ok(Hook { id, url, body: hook.clone() })
        };
        hooks.iter().filter(|hook| hook["project"] == project).map(read).collect()
    }

    /// Creates a webhook, or changes the one of this id. Label Studio takes a change without actions as a wish for none.
    pub async fn set_hook(&self, id: Option<u64>, body: &Json) -> Result<(), CallError> {
        match id {
            None => self.http.post("/api/webhooks/", body).await.map(drop),
            Some(id) => self.http.patch(&format!("/api/webhooks/{id}/"), body).await.map(drop),
        }
    }

    pub async fn delete_hook(&self, id: u64) -> Result<(), CallError> {
        gone_is_fine(self.http.call(Method::DELETE, &format!("/api/webhooks/{id}/"), Carried::Nothing).await)
    }
}

fn gone_is_fine(done: Result<Json, CallError>) -> Result<(), CallError> {
    match done {
        Err(CallError::Missing(_)) => Ok(()),
        done => done.map(drop),
    }
}

fn project_from_json(project: &Json) -> Result<Found, CallError> {
    let text = |name: &str| project[name].as_str().unwrap_or_default().to_owned();
    Ok(Found {
        id: project["id"].as_u64().ok_or_else(unexpected)?,
        title: text("title"),
        description: text("description"),
        created: text("created_at"),
        config: text("label_config"),
        model_version: text("model_version"),
    })
}

fn listed_from_json(task: &Json) -> Result<Listed, CallError> {
    let count = |name: &str| task[name].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    Ok(Listed {
        id: task["id"].as_u64().ok_or_else(unexpected)?,
        meta: task["meta"].clone(),
        overlap: count("overlap"),
        labeled: task["is_labeled"].as_bool().unwrap_or(false),
        answers: count("total_annotations"),
        skips: count("cancelled_annotations"),
        updated: time_from_text(task["updated_at"].as_str().unwrap_or_default()).ok_or_else(unexpected)?,
    })
}

/// A moment as the server writes it, in microseconds since 1970.
pub(super) fn time_from_text(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// A moment as the server reads it: never without its six digits of a second, which it fails on.
pub(super) fn time_to_text(microseconds: i64) -> String {
    format!("{:.6}", Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn unexpected() -> CallError {
    CallError::Away("the answer is not what Label Studio answers; is this a Label Studio server?".to_owned())
}
