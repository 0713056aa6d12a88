//! The socket of a trial: JSON lines, one answer per line.
//!
//! ```text
//! {"op":"report","step":3,"metrics":{"loss":0.1}}   →  {"ok":true,"prune":false}
//! {"op":"checkpoint","step":3}                      →  {"ok":true}
//! {"op":"params"}                                   →  {"ok":true,"params":{…}}
//! anything else                                     →  {"ok":false,"error":"…"}
//! ```
//!
//! `step` may be missing: a final value. JSON has no NaN and no infinity: `"nan"`, `"inf"` and `"-inf"` stand
//! for them. A trial that reports faster than its worker can take waits for its answers.

use std::{
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use hone_proto::worker::Metric;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// The kernel's limit of a socket's path is 108 with the final zero.
const PATH_LIMIT: usize = 107;
/// A longer line is not a report.
const LINE_LIMIT: usize = 1 << 20;
/// Connections of one trial; more than a process tree of a trial needs.
const CONNECTION_LIMIT: usize = 256;
/// Metrics in one report.
const METRIC_LIMIT: usize = 1_000;

/// What a trial asks its worker.
#[derive(Debug)]
pub enum Call {
    /// It reports values.
    Report {
        /// `None`: a final value.
        step: Option<i64>,
        /// In the order of their names.
        metrics: Vec<Metric>,
        /// Whether to end early.
        answer: oneshot::Sender<bool>,
    },
    /// Its checkpoint folder is complete.
    Checkpoint {
        /// The step that it belongs to.
        step: Option<i64>,
        /// When the trial may write there again, or why the checkpoint could not be kept.
        answer: oneshot::Sender<Result<(), String>>,
    },
}

/// The folder in which the sockets of one worker are: in the worker's folder where the path is short enough.
///
/// # Errors
///
/// What the system said.
pub fn socket_folder(worker_folder: &Path, incarnation: &str) -> io::Result<PathBuf> {
    let near = worker_folder.join("run");
    // A name is `<task>-<attempt>` of at most 31 characters.
    let folder = if near.as_os_str().len() + 32 <= PATH_LIMIT {
        near
    } else {
        std::env::temp_dir().join(format!("hone-{}", &incarnation[..incarnation.len().min(12)]))
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let own = rustix::process::geteuid().as_raw();
    let metadata = std::fs::symlink_metadata(&folder)?;
    if !metadata.is_dir() || std::os::unix::fs::MetadataExt::uid(&metadata) != own {
        return Err(io::Error::other(format!("`{}` belongs to somebody else", folder.display())));
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// Opens the socket of one attempt.
///
/// # Errors
///
/// What the system said.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    UnixListener::bind(path)
}

/// Serves one trial: `params` is what `params` answers, calls go to `calls`. When `closing` is cancelled it
/// returns as soon as everything that was sent is read.
pub async fn serve(listener: UnixListener, params: String, calls: mpsc::Sender<Call>, closing: CancellationToken) {
    let params: Value = serde_json::from_str(&params).unwrap_or(Value::Null);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept(), if connections.len() < CONNECTION_LIMIT => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, params.clone(), calls.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            () = closing.cancelled() => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

/// A broken connection concerns only whoever opened it.
async fn converse(stream: UnixStream, params: Value, calls: mpsc::Sender<Call>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let (answer, goes_on) = match next_line(&mut read).await {
            Ok(Some(Ok(line))) if line.trim_ascii().is_empty() => continue,
            Ok(Some(Ok(line))) => (respond(&line, &params, &calls).await, true),
            Ok(Some(Err(TooLong))) => (refusal(&format!("a line is longer than {LINE_LIMIT} bytes")), false),
            Ok(None) | Err(_) => return,
        };
        let mut bytes = answer.to_string().into_bytes();
        bytes.push(b'\n');
        if write.write_all(&bytes).await.is_err() || !goes_on {
            return;
        }
    }
}

struct TooLong;

/// The next line without its end; `None`: there is none.
async fn next_line(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
    let mut line = Vec::new();
    loop {
        let bytes = read.fill_buf().await?;
        if bytes.is_empty() {
            return Ok((!line.is_empty()).then_some(Ok(line)));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(bytes.len());
        line.extend_from_slice(&bytes[..taken]);
        read.consume(taken + usize::from(end.is_some()));
        if line.len() > LINE_LIMIT {
            return Ok(Some(Err(TooLong)));
        }
        if end.is_some() {
            return Ok(Some(Ok(line)));
        }
    }
}

async fn respond(line: &[u8], params: &Value, calls: &mpsc::Sender<Call>) -> Value {
    match parse(line) {
        Ok(Request::Params) => json!({"ok": true, "params": params}),
        Ok(Request::Report { step, metrics }) => {
            let (answer, answered) = oneshot::channel();
            let sent = calls.send(Call::Report { step, metrics, answer }).await;
            match (sent, answered.await) {
                (Ok(()), Ok(prune)) => json!({"ok": true, "prune": prune}),
                (Ok(()) | Err(_), _) => refusal("the worker is ending this attempt"),
            }
        }
        Ok(Request::Checkpoint { step }) => {
            let (answer, answered) = oneshot::channel();
            let sent = calls.send(Call::Checkpoint { step, answer }).await;
            match (sent, answered.await) {
                (Ok(()), Ok(Ok(()))) => json!({"ok": true}),
                (Ok(()), Ok(Err(error))) => refusal(&error),
                (Ok(()) | Err(_), _) => refusal("the worker is ending this attempt"),
            }
        }
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &str) -> Value {
    json!({"ok": false, "error": error})
}

#[derive(Debug, PartialEq)]
enum Request {
    Report { step: Option<i64>, metrics: Vec<Metric> },
    Checkpoint { step: Option<i64> },
    Params,
}

fn parse(line: &[u8]) -> Result<Request, String> {
    let fields: Map<String, Value> = serde_json::from_slice(line)
        .map_err(|error| format!("not a JSON object: {error}; write `nan`, `inf` and `-inf` as strings"))?;
    let step = match fields.get("step") {
        None | Some(Value::Null) => None,
        Some(step) => Some(step.as_i64().ok_or_else(|| format!("`step` is `{step}`, not an integer"))?),
    };
    match fields.get("op").and_then(Value::as_str) {
        Some("report") => Ok(Request::Report { step, metrics: parse_metrics(fields.get("metrics"))? }),
        Some("checkpoint") => Ok(Request::Checkpoint { step }),
        Some("params") => Ok(Request::Params),
        Some(other) => Err(format!("unknown op `{other}`; there are `report`, `checkpoint` and `params`")),
        None => Err("no `op`; write for example {\"op\":\"report\",\"metrics\":{\"loss\":0.1}}".to_owned()),
    }
}

fn parse_metrics(metrics: Option<&Value>) -> Result<Vec<Metric>, String> {
    let metrics = metrics.and_then(Value::as_object).ok_or("`metrics` is not an object of numbers")?;
    if metrics.is_empty() || metrics.len() > METRIC_LIMIT {
        return Err(format!("`metrics` has {} values, not 1 to {METRIC_LIMIT}", metrics.len()));
    }
    metrics.iter().map(|(name, value)| Ok(Metric { name: name.clone(), value: parse_value(name, value)? })).collect()
}

fn parse_value(name: &str, value: &Value) -> Result<f64, String> {
    let text = value.as_str().map(str::to_ascii_lowercase);
    let number = match text.as_deref() {
        Some("nan") => Some(f64::NAN),
        Some("inf" | "+inf" | "infinity") => Some(f64::INFINITY),
        Some("-inf" | "-infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    };
    number.ok_or_else(|| format!("metric `{name}` is `{value}`, not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        parse(line.as_bytes()).expect_err(line)
    }

    #[test]
    fn requests_are_read() {
        let metric = |name: &str, value| Metric { name: name.to_owned(), value };
        assert_eq!(
            parse(br#"{"op":"report","step":3,"metrics":{"loss":0.1,"acc":1}}"#),
            Ok(Request::Report { step: Some(3), metrics: vec![metric("acc", 1.0), metric("loss", 0.1)] })
        );
        assert_eq!(
            parse(br#"{"op":"report","metrics":{"loss":"-inf"}}"#),
            Ok(Request::Report { step: None, metrics: vec![metric("loss", f64::NEG_INFINITY)] })
        );
        assert_eq!(parse(br#"{"op":"checkpoint"}"#), Ok(Request::Checkpoint { step: None }));
        assert_eq!(parse(br#"{"op":"params"}"#), Ok(Request::Params));
    }

    #[test]
    fn bad_requests_say_what_is_wrong() {
        assert!(error("{").contains("not a JSON object"));
        assert!(error(r#"{"op":"report","metrics":{"loss":NaN}}"#).contains("as strings"));
        assert!(error("{}").contains("no `op`"));
        assert!(error(r#"{"op":"dance"}"#).contains("`dance`"));
        assert!(error(r#"{"op":"report"}"#).contains("`metrics`"));
        assert!(error(r#"{"op":"report","metrics":{}}"#).contains("0 values"));
        assert!(error(r#"{"op":"report","metrics":{"loss":"low"}}"#).contains("`loss`"));
        assert!(error(r#"{"op":"report","step":1.5,"metrics":{"loss":1}}"#).contains("`step`"));
    }

    #[test]
    fn a_deep_folder_falls_back_to_a_short_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("x".repeat(120));
        let short = socket_folder(&deep, "0123456789abcdef").expect("a folder");
        assert!(short.as_os_str().len() + 32 <= PATH_LIMIT, "{short:?}");
        assert_eq!(std::fs::metadata(&short).expect("it").permissions().mode() & 0o777, 0o700);
        std::fs::remove_dir(&short).expect("removed");
    }

    #[tokio::test]
    async fn a_flood_of_reports_waits_and_none_is_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let (calls, mut received) = mpsc::channel(4);
        let closing = CancellationToken::new();
        let listener = listen(&path).expect("a socket");
        let server = tokio::spawn(serve(listener, "{\"x\":1}".to_owned(), calls, closing.clone()));
        let client = tokio::spawn(async move {
            let (read, mut write) = UnixStream::connect(&path).await.expect("a stream").into_split();
            let writer = tokio::spawn(async move {
                for step in 0..10_000 {
                    let line = format!("{{\"op\":\"report\",\"step\":{step},\"metrics\":{{\"a\":1}}}}\n");
                    write.write_all(line.as_bytes()).await.expect("a line");
                }
                write.write_all(b"{\"op\":\"params\"}\n").await.expect("a line");
                write
            });
            let mut lines = BufReader::new(read).lines();
            for _ in 0..10_000 {
                let line = lines.next_line().await.expect("no error").expect("a line");
                assert_eq!(line, "{\"ok\":true,\"prune\":false}");
            }
            let params = lines.next_line().await.expect("no error");
            drop(writer.await);
            params
        });
        for expected in 0..10_000 {
            match received.recv().await {
                Some(Call::Report { step, answer, .. }) => {
                    assert_eq!(step, Some(expected));
                    answer.send(false).expect("somebody waits");
                }
                other => panic!("{other:?}"),
            }
        }
        let params = client.await.expect("no panic").expect("a line");
        assert_eq!(params, "{\"ok\":true,\"params\":{\"x\":1}}");
        closing.cancel();
        server.await.expect("an end");
    }
}
