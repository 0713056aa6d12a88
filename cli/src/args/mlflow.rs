//! Options about MLflow.

use clap::Args;

use super::ShowFormat;

/// Which server, and how experiments are called there.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "MLflow")]
pub struct ServerArgs {
    /// Tracking server, such as `http://127.0.0.1:5000`; `MLFLOW_TRACKING_URI`: the one in that variable. Credentials
    /// come from $MLFLOW_TRACKING_USERNAME and $MLFLOW_TRACKING_PASSWORD, or $MLFLOW_TRACKING_TOKEN
    #[arg(long, value_name = "URL")]
    pub mlflow: Option<String>,
    /// What the names of experiments start with
    #[arg(long, value_name = "TEXT", default_value = "hone/")]
    pub mlflow_prefix: String,
}

/// What is mirrored.
#[derive(Clone, Debug, Args)]
pub struct MirrorArgs {
    #[command(flatten)]
    pub at: ServerArgs,
    /// Outputs that become artifacts: `all`, `none`, or those up to a size
    #[arg(long, value_name = "WHICH", default_value = "100MiB", help_heading = "MLflow")]
    pub mlflow_artifacts: String,
}

#[derive(Clone, Debug, Args)]
pub struct RegisterArgs {
    /// Name or id of the study, or `last`
    #[arg(value_name = "STUDY")]
    pub study: String,
    /// Registered model; made where there is none
    #[arg(long = "name", value_name = "MODEL")]
    pub model: String,
    /// Whose outputs: a number, `best` or `last`
    #[arg(long, value_name = "TRIAL", default_value = "best")]
    pub trial: String,
    /// Alias that moves to this version
    #[arg(long, value_name = "NAME")]
    pub alias: Option<String>,
    #[command(flatten)]
    pub at: ServerArgs,
    #[command(flatten)]
    pub format: ShowFormat,
}
