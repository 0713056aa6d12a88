//! `hone serve`: a coordinator that stays.

use std::{net::SocketAddr, time::Duration};

use hone_coordinator::{Config, Coordinator, page};
use hone_studies::file::units::parse_duration;

use crate::{
    args::{PageArgs, ServeArgs},
    context::Context,
    embed::{BUILD, failure, is_held},
    errors::{Failure, Kind, Result},
    mlflow,
    output::{print, remark, visible},
    signals::Stop,
};

/// With `--while-used`: whoever started it is given so long to say that it is needed.
const FIRST_USE: Duration = Duration::from_secs(60);

/// Serves until it is told to stop, its store fails, or, where that was asked for, nobody uses it any more.
///
/// # Errors
/// The store is in use or cannot be opened, the address is taken, the store fails.
pub async fn command(context: &Context, args: ServeArgs) -> Result<()> {
    if context.server.is_some() {
        return Err(Failure::usage("`hone serve` is the coordinator; `--server` and $HONE_SERVER name another one")
            .hint("unset it, or listen elsewhere with `--listen`"));
    }
    let stop = Stop::listen()?;
    let config = Config {
        data: context.data.clone(),
        socket: None,
        listen: (!args.while_used).then_some(args.listen),
        insecure: args.insecure_anonymous_plaintext,
        optuna: args.optuna,
        optuna_grace: grace(&args.optuna_grace)?,
        insecure_optuna: args.insecure_optuna,
        katib: args.katib,
        insecure_katib: args.insecure_katib,
        names: args.host_name.clone(),
        page: page_config(&args.page),
        mlflow: mlflow::config(&args.mlflow)?,
        build: BUILD.to_owned(),
    };
    let coordinator = Coordinator::start(config).await.map_err(|error| match is_held(&error) {
        true => failure(&error).hint("a `hone run` there takes workers and commands already; end it to serve others"),
        false => failure(&error),
    })?;
    announce(context, &args, &coordinator)?;
    let failed = tokio::select! {
        () = stop.wanted() => None,
        () = unused(&coordinator), if args.while_used => None,
        reason = coordinator.failed() => Some(reason),
    };
    remark("stopping");
    let stopped = coordinator.stop().await;
    match failed {
        Some(reason) => {
            Err(Failure::new(Kind::Storage, reason).hint("everything acknowledged is kept; `hone store verify` checks the store"))
        }
        None => stopped.map_err(|error| failure(&error)),
    }
}

/// Waits until somebody has used the coordinator and everybody has left, or nobody came.
async fn unused(coordinator: &Coordinator) {
    if tokio::time::timeout(FIRST_USE, coordinator.wait_for_users()).await.is_ok() {
        coordinator.wait_for_leavers(0).await;
    }
}

fn grace(text: &str) -> Result<Duration> {
    let grace = parse_duration(text).map_err(|problem| Failure::usage(format!("`--optuna-grace`: {problem}")))?;
    Ok(Duration::from_micros(grace.unsigned_abs()))
}

fn page_config(args: &PageArgs) -> Option<page::Config> {
    let address = args.page?;
    let certificate = args.page_certificate.clone().zip(args.page_key.clone());
    let (url, insecure, image_sites) = (args.page_url.clone(), args.insecure_page, args.page_images.clone());
    Some(page::Config { address, insecure, url, certificate, image_sites })
}

/// Says where it listens and how a worker joins.
fn announce(context: &Context, args: &ServeArgs, coordinator: &Coordinator) -> Result<()> {
    let address = coordinator.address().unwrap_or(args.listen);
    let socket = coordinator.socket().display();
    if args.while_used {
        return print(&format!("serving {} on unix:{socket} while it is used\n", context.data.display()));
    }
    let token = coordinator.join_token().map_err(|error| failure(&error))?;
    if args.insecure_anonymous_plaintext {
        remark(&format!("warning: whoever reaches {address} can run commands on every worker"));
    }
    if let Some(optuna) = coordinator.optuna() {
        remark(&format!("Optuna's storage protocol is served on {optuna}"));
    }
    if let Some(katib) = coordinator.katib() {
        remark(&format!("Katib's suggestion protocol is served on {katib}"));
    }
    if let Some(page) = coordinator.page() {
        remark(&format!("annotators label samples at {page}; `hone label invite NAME` lets them in"));
    }
    if let Some(mirror) = coordinator.mlflow() {
        remark(&format!("studies are mirrored on the MLflow server {}", visible(mirror.server())));
    }
    let token = token.filter(|_| !args.insecure_anonymous_plaintext);
    let join = join_line(args, address, token.as_deref(), &socket.to_string());
    print(&format!("serving {} on {address} and unix:{socket}\nattach a worker with\n    {join}\n", context.data.display()))
}

/// The line that attaches a worker: over the socket where only this machine can reach the address.
fn join_line(args: &ServeArgs, address: SocketAddr, token: Option<&str>, socket: &str) -> String {
    if address.ip().is_loopback() {
        return format!("hone worker --join unix:{socket}");
    }
    let host = host(args, address);
    match token {
        Some(token) => format!("HONE_TOKEN={token} hone worker --join {host}:{}", address.port()),
        None => format!("hone worker --insecure-plaintext --join {host}:{}", address.port()),
    }
}

/// What other machines call this one.
fn host(args: &ServeArgs, address: SocketAddr) -> String {
    match (args.host_name.first(), address.ip().is_unspecified()) {
        (Some(name), _) => name.clone(),
        (None, true) => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        (None, false) if address.is_ipv6() => format!("[{}]", address.ip()),
        (None, false) => address.ip().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn line(listen: &str, name: Option<&str>, token: Option<&str>) -> String {
        let mut words = vec!["serve", "--listen", listen];
        words.extend(name.into_iter().flat_map(|name| ["--host-name", name]));
        words.extend(token.is_none().then_some("--insecure-anonymous-plaintext"));
        let Command::Serve(args) = Cli::parse_from(["hone"].iter().chain(&words)).command else { panic!("not `serve`") };
        let listen = args.listen;
        join_line(&args, listen, token, "/run/s")
    }

    #[test]
    fn the_line_attaches_a_worker_over_the_shortest_way() {
        assert_eq!(line("127.0.0.1:7171", None, Some("t")), "hone worker --join unix:/run/s");
        assert_eq!(line("10.0.0.1:7171", None, Some("t")), "HONE_TOKEN=t hone worker --join 10.0.0.1:7171");
        assert_eq!(line("0.0.0.0:80", Some("trainer"), Some("t")), "HONE_TOKEN=t hone worker --join trainer:80");
        assert_eq!(line("[fe80::1]:7171", None, None), "hone worker --insecure-plaintext --join [fe80::1]:7171");
    }
}
