//! The calls of MLflow's REST interface that a mirror needs. Each may be repeated, but for the creation of runs.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use super::{
    batch::{Values, bodies},
    http::{CallError, Client},
    server::{Server, ServerError},
};

const PREFIX: &str = "/api/2.0/mlflow";
const ARTIFACTS: &str = "/api/2.0/mlflow-artifacts/artifacts";
/// What artifacts are called that go through the tracking server.
const PROXIED: &str = "mlflow-artifacts:/";
/// What is not changed in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// What is not changed in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A run on the server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub id: String,
    pub artifact_uri: String,
    /// It was given an end, which is the last thing that a mirror does.
    pub ended: bool,
}

/// What a run is created with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewRun {
    pub name: String,
    /// Milliseconds since 1970.
    pub started: i64,
    pub tags: Vec<(String, String)>,
}

/// Something that a run has read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub name: String,
    pub digest: String,
    /// JSON.
    pub source: String,
    pub context: &'static str,
}

/// MLflow, as a mirror speaks to it.
#[derive(Clone, Debug)]
pub(super) struct Mlflow {
    http: Client,
}

impl Mlflow {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(server: &Server) -> Result<Mlflow, ServerError> {
        Ok(Mlflow { http: Client::new(server)? })
    }

    async fn post(&self, call: &str, body: &Json) -> Result<Json, CallError> {
        self.http.send(Method::POST, &format!("{PREFIX}/{call}"), body).await
    }

    // ------------------------------------------------------------ experiments

    /// The id of the experiment of this name, if there is one.
    pub async fn find_experiment(&self, name: &str) -> Result<Option<String>, CallError> {
        let path = format!("{PREFIX}/experiments/get-by-name?experiment_name={}", utf8_percent_encode(name, QUERY));
        let found = match self.http.get(&path).await {
            Err(CallError::Refused { code, .. }) if code == "RESOURCE_DOES_NOT_EXIST" => return Ok(None),
            found => found?,
        };
        let experiment = &found["experiment"];
        if experiment["lifecycle_stage"] == "deleted" {
            let message = format!("experiment `{name}`: restore it, or choose other names with `--mlflow-prefix`");
            return Err(CallError::Refused { code: "DELETED".to_owned(), message });
        }
        text(&experiment["experiment_id"]).map(Some)
    }

    /// Creates an experiment; one of this name that somebody else has just created is as good.
    pub async fn create_experiment(&self, name: &str) -> Result<String, CallError> {
        match self.post("experiments/create", &json!({"name": name})).await {
            Err(CallError::Refused { code, message }) if code == "RESOURCE_ALREADY_EXISTS" => {
                self.find_experiment(name).await?.ok_or(CallError::Away(message))
            }
            created => text(&created?["experiment_id"]),
        }
    }

    pub async fn tag_experiment(&self, experiment: &str, key: &str, value: &str) -> Result<(), CallError> {
        let body = json!({"experiment_id": experiment, "key": key, "value": value});
        self.post("experiments/set-experiment-tag", &body).await.map(drop)
    }

    // ------------------------------------------------------------ runs

    /// Runs of an experiment that have both tags.
    pub async fn find_runs(&self, experiment: &str, tags: [(&str, &str); 2]) -> Result<Vec<Run>, CallError> {
        let conditions = tags.map(|(key, value)| format!("tags.`{key}` = '{}'", value.replace('\'', "")));
        let body = json!({
            "experiment_ids": [experiment],
            "filter": conditions.join(" and "),
            "order_by": ["attributes.start_time ASC"],
            "max_results": 10,
        });
        let found = self.post("runs/search", &body).await?;
        found["runs"].as_array().into_iter().flatten().map(|run| run_from_json(&run["info"])).collect()
    }

    /// Creates a run. Done twice, there are two.
    pub async fn create_run(&self, experiment: &str, run: &NewRun) -> Result<Run, CallError> {
        let tags: Vec<Json> = run.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let body = json!({"experiment_id": experiment, "run_name": run.name, "start_time": run.started, "tags": tags});
        run_from_json(&self.post("runs/create", &body).await?["run"]["info"])
    }

    pub async fn delete_run(&self, run: &str) -> Result<(), CallError> {
        self.post("runs/delete", &json!({"run_id": run})).await.map(drop)
    }

    /// Logs values, in as many requests as they need.
    pub async fn log(&self, run: &str, values: &Values) -> Result<(), CallError> {
        for body in bodies(run, values) {
            self.post("runs/log-batch", &body).await?;
        }
        Ok(())
    }

    pub async fn log_input(&self, run: &str, input: &Input) -> Result<(), CallError> {
        let dataset = json!({"name": input.name, "digest": input.digest, "source_type": "hone", "source": input.source});
        let tags = json!([{"key": "mlflow.data.context", "value": input.context}]);
        let body = json!({"run_id": run, "datasets": [{"tags": tags, "dataset": dataset}]});
        self.post("runs/log-inputs", &body).await.map(drop)
    }

    /// Gives a run its end, in milliseconds since 1970.
    pub async fn end_run(&self, run: &str, status: &str, ended: i64) -> Result<(), CallError> {
        self.post("runs/update", &json!({"run_id": run, "status": status, "end_time": ended})).await.map(drop)
    }

    /// Where a run's artifact is put; `None` where they do not go through the server.
    pub fn artifact_path(run: &Run, path: &str) -> Option<String> {
        let root = run.artifact_uri.strip_prefix(PROXIED)?.trim_start_matches('/');
        // What follows a second slash is the server's own address.
        let root = if run.artifact_uri.starts_with("mlflow-artifacts://") { root.split_once('/')?.1 } else { root };
        Some(format!("{ARTIFACTS}/{}", utf8_percent_encode(&format!("{root}/{path}"), SEGMENT)))
    }

    pub async fn put_artifact(&self, path: &str, file: std::fs::File, size: u64) -> Result<(), CallError> {
        self.http.put_file(path, file, size).await
    }

    /// Whether a run has artifacts below a path.
    pub async fn has_artifacts(&self, run: &str, path: &str) -> Result<bool, CallError> {
        let found = self.http.get(&format!("{PREFIX}/artifacts/list?run_id={run}&path={path}")).await?;
        Ok(found["files"].as_array().is_some_and(|files| !files.is_empty()))
    }

    // ------------------------------------------------------------ models

    /// Makes sure that there is a registered model of this name.
    pub async fn create_model(&self, name: &str) -> Result<(), CallError> {
        match self.post("registered-models/create", &json!({"name": name})).await {
            Err(CallError::Refused { code, .. }) if code == "RESOURCE_ALREADY_EXISTS" => Ok(()),
            created => created.map(drop),
        }
    }

    /// The version of a model that was made from a run, if there is one.
    pub async fn find_version(&self, model: &str, run: &str) -> Result<Option<String>, CallError> {
        let filter = format!("name='{model}' and run_id='{run}'");
        let path = format!("{PREFIX}/model-versions/search?max_results=1&filter={}", utf8_percent_encode(&filter, QUERY));
        let found = self.http.get(&path).await?;
        found["model_versions"].get(0).map(|version| text(&version["version"])).transpose()
    }

    pub async fn create_version(&self, body: &Json) -> Result<String, CallError> {
        text(&self.post("model-versions/create", body).await?["model_version"]["version"])
    }

    pub async fn set_alias(&self, model: &str, alias: &str, version: &str) -> Result<(), CallError> {
        let body = json!({"name": model, "alias": alias, "version": version});
        self.post("registered-models/alias", &body).await.map(drop)
    }
}

fn run_from_json(info: &Json) -> Result<Run, CallError> {
    let ended = !matches!(info["status"].as_str(), Some("RUNNING" | "SCHEDULED"));
    let artifact_uri = info["artifact_uri"].as_str().unwrap_or_default().to_owned();
    Ok(Run { id: text(&info["run_id"])?, artifact_uri, ended })
}

fn text(value: &Json) -> Result<String, CallError> {
    let unexpected = || CallError::Away("the answer is not what MLflow answers; is this an MLflow server?".to_owned());
    value.as_str().map(str::to_owned).ok_or_else(unexpected)
}
