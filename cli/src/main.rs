//! The `hone` binary: parses the command line, runs one command, and ends with its exit code.

mod args;
mod connect;
mod context;
mod dataset;
mod embed;
mod errors;
mod fleet;
mod import;
mod init;
mod inside;
mod label;
mod labelstudio;
mod mlflow;
mod outputs;
mod pages;
mod progress;
mod proxy;
mod run;
mod serve;
mod signals;
mod source;
mod store;
mod study;
mod studyfile;
mod trial;
mod watch;
mod worker;

mod output;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tokio::runtime;
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Cli, ColorChoice, Command},
    context::{Context, Environment},
    errors::{Failure, Kind, Result},
    output::{colours, no_color, remark},
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let color = cli.common.color;
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report(&failure, color);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// Commands inside a trial and those that only write text start no runtime: they run thousands of times, or anywhere.
fn dispatch(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::Report(args) => return inside::report(&args),
        Command::Checkpoint(args) => inside::checkpoint(&args)?,
        Command::Guard => hone_worker::guard_main(),
        Command::Init(args) => init::command(&args)?,
        Command::Completion(args) => pages::completion(&args)?,
        Command::Man(args) => pages::man(&args)?,
        command => {
            log(&cli.common, default_level(&command));
            let context = Context::resolve(&cli.common, &Environment::read())?;
            let runtime = runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Failure::new(Kind::Internal, format!("cannot start: {error}")))?;
            runtime.block_on(connected(&context, command))?;
        }
    }
    Ok(0)
}

/// Commands that speak to a coordinator, or are one.
async fn connected(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Run(args) => run::command(context, &args).await,
        Command::Serve(args) => serve::command(context, *args).await,
        Command::OptunaProxy(args) => proxy::command(context, args).await,
        Command::Worker(args) => match args.command {
            Some(command) => fleet::command(context, command).await,
            None => worker::command(context, args.join).await,
        },
        Command::Study(command) => study::command(context, command).await,
        Command::Trial(command) => trial::command(context, command).await,
        Command::Dataset(command) => dataset::command(context, command).await,
        Command::Label(command) => label::command(context, command).await,
        Command::Store(command) => store::command(context, command).await,
        Command::Token(command) => store::token(context, command).await,
        Command::Report(_)
        | Command::Checkpoint(_)
        | Command::Guard
        | Command::Init(_)
        | Command::Completion(_)
        | Command::Man(_) => Ok(()),
    }
}

/// Programs that stay say what they do; commands say only what is wrong.
fn default_level(command: &Command) -> &'static str {
    match command {
        Command::Serve(_) | Command::OptunaProxy(_) | Command::Worker(args::WorkerArgs { command: None, .. }) => "info",
        Command::Run(_)
        | Command::Worker(_)
        | Command::Study(_)
        | Command::Trial(_)
        | Command::Dataset(_)
        | Command::Label(_)
        | Command::Store(_)
        | Command::Token(_)
        | Command::Report(_)
        | Command::Checkpoint(_)
        | Command::Init(_)
        | Command::Completion(_)
        | Command::Man(_)
        | Command::Guard => "error",
    }
}

/// Logs go to standard error; `HONE_LOG` chooses them in detail.
fn log(common: &args::Common, default: &str) {
    let level = match common.verbose {
        0 => default,
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("HONE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let ansi = colours(common.color, std::io::stderr().is_terminal(), no_color());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).with_target(false).init();
}

fn report(failure: &Failure, color: ColorChoice) {
    let (red, cyan, plain) = match colours(color, std::io::stderr().is_terminal(), no_color()) {
        true => ("\u{1b}[1;31m", "\u{1b}[36m", "\u{1b}[0m"),
        false => ("", "", ""),
    };
    match failure.kind {
        Kind::OutputClosed => return,
        Kind::Interrupted => remark(&failure.message),
        Kind::Internal
        | Kind::Usage
        | Kind::NotFound
        | Kind::Refused
        | Kind::NoResult
        | Kind::Unreachable
        | Kind::Permission
        | Kind::Storage => remark(&format!("{red}error{plain}: {}", failure.message)),
    }
    for hint in &failure.hints {
        remark(&format!("{cyan}hint{plain}: {hint}"));
    }
}
