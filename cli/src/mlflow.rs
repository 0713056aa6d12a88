//! What the options about MLflow come to, and `hone study mlflow-register`.

use hone_coordinator::mlflow::{
    CallError, Config, Credentials, RegisterError, Registered, Registration, Server, ServerError, register,
};
use hone_proto::v1;

use crate::{
    args::{MirrorArgs, RegisterArgs, ServerArgs, Shape, TrialSelector},
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{json_text, print, print_line, visible},
    study::fetch,
};

/// The variable that is used where it is named instead of an address.
const VARIABLE: &str = "MLFLOW_TRACKING_URI";

/// Where to mirror to; `None` where nothing was asked for.
///
/// # Errors
/// An address or a size that is none.
pub fn config(args: &MirrorArgs) -> Result<Option<Config>> {
    let Some(server) = server(&args.at, variable)? else { return Ok(None) };
    let artifact_bytes = artifact_bytes(&args.mlflow_artifacts)?;
    Ok(Some(Config { server, prefix: args.at.mlflow_prefix.clone(), artifact_bytes }))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn server(args: &ServerArgs, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Server>> {
    let Some(typed) = &args.mlflow else { return Ok(None) };
    let address = match typed == VARIABLE {
        true => variable(VARIABLE).ok_or_else(|| Failure::usage(format!("`--mlflow {VARIABLE}`: the variable is not set")))?,
        false => typed.clone(),
    };
    Server::new(&address, &Credentials::read(variable)).map(Some).map_err(|error| refused(&error))
}

fn refused(error: &ServerError) -> Failure {
    Failure::usage(format!("`--mlflow`: {error}"))
}

fn artifact_bytes(text: &str) -> Result<Option<u64>> {
    match text {
        "none" => Ok(None),
        "all" => Ok(Some(u64::MAX)),
        size => hone_studies::file::units::parse_size(size)
            .map(Some)
            .map_err(|problem| Failure::usage(format!("`--mlflow-artifacts`: {problem}")).hint("write `all`, `none` or a size")),
    }
}

/// Registers a trial's outputs as a version of a model.
///
/// # Errors
/// There is no such trial; it or its outputs are not on the server; the server cannot be reached or refuses.
pub async fn register_trial(client: &Client, args: RegisterArgs) -> Result<()> {
    let server = server(&args.at, variable)?.ok_or_else(|| {
        Failure::usage("there is no MLflow server to register at")
            .hint(format!("name it with `--mlflow URL` or `--mlflow {VARIABLE}`"))
    })?;
    let study = fetch(client, args.study.clone()).await?;
    let selector = TrialSelector::resolve(&args.trial, Some(&study.id.to_string()))?;
    let request = v1::GetTrialRequest { study: selector.study, trial: selector.trial };
    let trial = client.trials().get_trial(request).await?.into_inner();
    let store = client.store().get_store(v1::GetStoreRequest {}).await?.into_inner();
    let metrics = study.objectives.iter().map(|objective| objective.metric.clone());
    let wanted = Registration {
        model: args.model,
        alias: args.alias,
        prefix: args.at.mlflow_prefix,
        store: store.id,
        study: study.name,
        trial: trial.id,
        number: trial.number,
        values: metrics.zip(trial.values).collect(),
    };
    let registered = register(&server, &wanted).await.map_err(|error| failure(&error))?;
    show(&wanted, &registered, args.format.output)
}

fn failure(error: &RegisterError) -> Failure {
    let kind = match error {
        RegisterError::Server(_) | RegisterError::Name(_) => Kind::Usage,
        RegisterError::Call(CallError::Away(_)) => Kind::Unreachable,
        RegisterError::Call(CallError::Refused { .. }) | RegisterError::NoOutputs { .. } => Kind::Refused,
        RegisterError::NotMirrored { .. } => Kind::NotFound,
    };
    Failure::new(kind, format!("MLflow: {error}"))
}

fn show(wanted: &Registration, registered: &Registered, shape: Shape) -> Result<()> {
    let Registered { version, run, existed } = registered;
    match shape {
        Shape::Json => print(&json_text(&serde_json::json!({
            "model": wanted.model, "version": version, "alias": wanted.alias, "run": run, "trial": wanted.number, "existed": existed,
        }))?),
        Shape::Text => {
            let model = visible(&wanted.model);
            let what = if *existed { "is already" } else { "is now" };
            print_line(&format!("trial {} of `{}` {what} version {version} of `{model}`", wanted.number, visible(&wanted.study)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(typed: &str, set: &[(&str, &str)]) -> Result<Option<String>> {
        let args = ServerArgs { mlflow: Some(typed.to_owned()), mlflow_prefix: "hone/".to_owned() };
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Ok(server(&args, variable)?.map(|server| server.address().to_owned()))
    }

    #[test]
    fn the_variable_counts_only_where_it_is_named() {
        let set = [("MLFLOW_TRACKING_URI", "http://there:5000/")];
        assert_eq!(resolved("http://here:1", &set).unwrap().unwrap(), "http://here:1");
        assert_eq!(resolved("MLFLOW_TRACKING_URI", &set).unwrap().unwrap(), "http://there:5000");
        assert!(resolved("MLFLOW_TRACKING_URI", &[]).unwrap_err().message.contains("not set"));
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        let failure = resolved("https://ada:secret@there", &[]).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        assert!(failure.message.contains("MLFLOW_TRACKING_PASSWORD") && !failure.message.contains("secret"), "{failure}");
    }

    #[test]
    fn artifacts_are_all_none_or_those_up_to_a_size() {
        assert_eq!(artifact_bytes("none").unwrap(), None);
        assert_eq!(artifact_bytes("all").unwrap(), Some(u64::MAX));
        assert_eq!(artifact_bytes("2MiB").unwrap(), Some(2 << 20));
        assert_eq!(artifact_bytes("some").unwrap_err().kind.exit_code(), 2);
    }
}
