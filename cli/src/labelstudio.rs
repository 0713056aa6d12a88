//! What the options about Label Studio come to.

use std::{fs, time::Duration};

use hone_coordinator::labelstudio::{Config, Server, ServerError};
use hone_studies::file::units::parse_duration;

use crate::{
    args::LabelStudioArgs,
    errors::{Failure, Result},
};

/// The variable with the token.
const VARIABLE: &str = "LABEL_STUDIO_TOKEN";
/// A server is not asked more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// Which server to keep in step with; `None` where none was named.
///
/// # Errors
/// An address, a token or a time that is none.
pub fn config(args: &LabelStudioArgs) -> Result<Option<Config>> {
    config_with(args, |name| std::env::var(name).ok())
}

fn config_with(args: &LabelStudioArgs, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Config>> {
    let Some(address) = &args.label_studio else { return Ok(None) };
    let token = match &args.label_studio_token_file {
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("`--label-studio-token-file {}`: {error}", path.display())))?,
        None => variable(VARIABLE).filter(|token| !token.is_empty()).ok_or_else(|| {
            Failure::usage(format!("`--label-studio` needs a token: ${VARIABLE} is not set"))
                .hint("make one in Label Studio under `Account & Settings`, or name a file with `--label-studio-token-file`")
        })?,
    };
    let server = Server::new(address, &token, args.label_studio_ca.clone()).map_err(|error| refused(&error))?;
    let interval = parse_duration(&args.label_studio_interval)
        .map_err(|problem| Failure::usage(format!("`--label-studio-interval`: {problem}")))?;
    let interval = Duration::from_micros(interval.unsigned_abs()).max(SHORTEST);
    let (hook, hook_url, insecure_hook) =
        (args.label_studio_hook, args.label_studio_hook_url.clone(), args.insecure_label_studio_hook);
    Ok(Some(Config { server, interval, hook, hook_url, insecure_hook }))
}

fn refused(error: &ServerError) -> Failure {
    Failure::usage(format!("`--label-studio`: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn given(words: &[&str], token: Option<&str>) -> Result<Option<Config>> {
        let Command::Serve(args) = Cli::parse_from(["hone", "serve"].iter().chain(words)).command else { panic!("not `serve`") };
        config_with(&args.label_studio, |name| token.filter(|_| name == VARIABLE).map(str::to_owned))
    }

    #[test]
    fn a_server_needs_a_token_from_the_variable_or_a_file() {
        assert!(given(&[], None).unwrap().is_none());
        let failure = given(&["--label-studio", "http://there"], None).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        assert!(failure.message.contains("LABEL_STUDIO_TOKEN"), "{failure}");
        let config = given(&["--label-studio", "http://there/"], Some("0123")).unwrap().unwrap();
        assert_eq!((config.server.address(), config.interval), ("http://there", Duration::from_secs(30)));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc\n").unwrap();
        let path = file.path().to_str().unwrap();
        assert!(given(&["--label-studio", "http://there", "--label-studio-token-file", path], None).is_ok());
        assert!(given(&["--label-studio", "http://there", "--label-studio-token-file", "/nowhere"], None).is_err());
    }

    #[test]
    fn what_is_no_token_is_not_shown() {
        let failure = given(&["--label-studio", "http://there"], Some("s3cret word")).unwrap_err();
        assert!(!failure.message.contains("s3cret"), "{failure}");
        let failure = given(&["--label-studio", "http://ada:s3cret@there"], Some("0123")).unwrap_err();
        assert!(!failure.message.contains("s3cret"), "{failure}");
        let config = given(&["--label-studio", "http://there"], Some("5ecre7")).unwrap().unwrap();
        assert!(!format!("{config:?}").contains("5ecre7"));
    }
}
