//! A trial's outputs as a version of a registered model.

use serde_json::json;

use super::{
    Server,
    api::Mlflow,
    experiment_name,
    http::CallError,
    run::{OUTPUTS, STORE, TRIAL},
    server::ServerError,
};

/// Which trial becomes a version of which model.
#[derive(Clone, Debug)]
pub struct Registration {
    pub model: String,
    /// A name that moves to the new version; `None`: none does.
    pub alias: Option<String>,
    /// Of experiments, as in [`super::Config`].
    pub prefix: String,
    pub store: String,
    pub study: String,
    /// Id of the trial over the whole store.
    pub trial: u64,
    /// Its number in its study.
    pub number: u64,
    pub values: Vec<(String, f64)>,
}

/// A version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub version: String,
    /// The run that it comes from.
    pub run: String,
    /// It was there before.
    pub existed: bool,
}

/// Why a trial was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("trial {number} of `{study}` is not on that server, or not whole yet; a coordinator with `--mlflow` brings it there")]
    NotMirrored { study: String, number: u64 },
    #[error("the run of trial {number} has no outputs there; `--mlflow-artifacts` says which are mirrored")]
    NoOutputs { number: u64 },
    #[error("`{0}` is no name for a model: MLflow takes no `/`, `:` or quotes in it")]
    Name(String),
}

/// Registers the outputs of a mirrored trial. Done twice, there is one version all the same.
///
/// # Errors
/// The server cannot be reached or refuses; the trial or its outputs are not there.
pub async fn register(server: &Server, wanted: &Registration) -> Result<Registered, RegisterError> {
    if wanted.model.is_empty() || wanted.model.contains(['/', ':', '\'', '"', '`']) {
        return Err(RegisterError::Name(wanted.model.clone()));
    }
    let mlflow = Mlflow::new(server)?;
    let run = find_run(&mlflow, wanted).await?;
    if !mlflow.has_artifacts(&run, OUTPUTS).await? {
        return Err(RegisterError::NoOutputs { number: wanted.number });
    }
    mlflow.create_model(&wanted.model).await?;
    let found = mlflow.find_version(&wanted.model, &run).await?;
    let existed = found.is_some();
    let version = match found {
        Some(version) => version,
        None => mlflow.create_version(&body(wanted, &run)).await?,
    };
    if let Some(alias) = &wanted.alias {
        mlflow.set_alias(&wanted.model, alias, &version).await?;
    }
    Ok(Registered { version, run, existed })
}

async fn find_run(mlflow: &Mlflow, wanted: &Registration) -> Result<String, RegisterError> {
    let missing = || RegisterError::NotMirrored { study: wanted.study.clone(), number: wanted.number };
    let experiment = mlflow.find_experiment(&experiment_name(&wanted.prefix, &wanted.study)).await?.ok_or_else(missing)?;
    let trial = wanted.trial.to_string();
    let runs = mlflow.find_runs(&experiment, [(TRIAL, &trial), (STORE, &wanted.store)]).await?;
    runs.into_iter().find(|run| run.ended).map(|run| run.id).ok_or_else(missing)
}

fn body(wanted: &Registration, run: &str) -> serde_json::Value {
    let identity = [
        (TRIAL, wanted.trial.to_string()),
        (STORE, wanted.store.clone()),
        ("hone.study", wanted.study.clone()),
        ("hone.number", wanted.number.to_string()),
    ];
    let values = wanted.values.iter().map(|(name, value)| (format!("value.{name}"), value.to_string()));
    let tags = identity.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(values);
    let tags: Vec<_> = tags.map(|(key, value)| json!({"key": super::values::key(&key), "value": value})).collect();
    json!({
        "name": wanted.model,
        "source": format!("runs:/{run}/{OUTPUTS}"),
        "run_id": run,
        "description": format!("trial {} of study `{}`", wanted.number, wanted.study),
        "tags": tags,
    })
}
