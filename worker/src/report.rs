//! What `hone report` and `hone checkpoint` do inside a trial: one line to the worker's socket, one back.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

/// Whether a trial should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on. Also the answer outside of a trial.
    Continue,
    /// End now: further steps are not wanted.
    Prune,
}

/// Why a report did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The worker cannot be reached.
    #[error("cannot speak with the worker through `HONE_SOCKET` (`{path}`); its process may have ended", path = .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The worker said no.
    #[error("the worker refused: {0}")]
    Refused(String),
    /// It said something else.
    #[error("the worker answered `{0}`, which is no answer; use the same version of hone on both sides")]
    Answer(String),
}

/// Reports values, at a step or as final ones, and learns whether to go on. Outside of a trial (without
/// `HONE_SOCKET`) nothing is sent, and the answer is to go on.
///
/// # Errors
///
/// [`ReportError`] when the worker cannot be reached or refuses.
pub fn report(step: Option<i64>, metrics: &[(String, f64)]) -> Result<Verdict, ReportError> {
    report_to(env::var_os("HONE_SOCKET"), step, metrics)
}

/// Says that the checkpoint folder is complete; it may be written again when this returns. Outside of a trial it
/// does nothing.
///
/// # Errors
///
/// [`ReportError`] when the worker cannot be reached or refuses.
pub fn checkpoint(step: Option<i64>) -> Result<(), ReportError> {
    let Some(socket) = env::var_os("HONE_SOCKET") else { return Ok(()) };
    ask(Path::new(&socket), &json!({"op": "checkpoint", "step": step})).map(drop)
}

fn report_to(socket: Option<OsString>, step: Option<i64>, metrics: &[(String, f64)]) -> Result<Verdict, ReportError> {
    let Some(socket) = socket else { return Ok(Verdict::Continue) };
    let metrics: Map<String, Value> = metrics.iter().map(|(name, value)| (name.clone(), number(*value))).collect();
    let answer = ask(Path::new(&socket), &json!({"op": "report", "step": step, "metrics": metrics}))?;
    match answer.get("prune").and_then(Value::as_bool) {
        Some(true) => Ok(Verdict::Prune),
        Some(false) => Ok(Verdict::Continue),
        None => Err(ReportError::Answer(answer.to_string())),
    }
}

/// JSON has no other numbers than finite ones.
fn number(value: f64) -> Value {
    if value.is_nan() {
        "nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".into() } else { "-inf".into() }
    } else {
        value.into()
    }
}

fn ask(socket: &Path, question: &Value) -> Result<Value, ReportError> {
    let line = exchange(socket, question).map_err(|source| ReportError::Socket { path: socket.to_owned(), source })?;
    let unusable = || ReportError::Answer(line.trim().to_owned());
    let answer: Value = serde_json::from_str(&line).map_err(|_| unusable())?;
    match answer.get("ok").and_then(Value::as_bool) {
        Some(true) => Ok(answer),
        Some(false) => {
            let error = answer.get("error").and_then(Value::as_str);
            Err(ReportError::Refused(error.unwrap_or("without a reason").to_owned()))
        }
        None => Err(unusable()),
    }
}

fn exchange(socket: &Path, question: &Value) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    fn asked(answer: &'static str, metrics: &[(String, f64)]) -> (Result<Verdict, ReportError>, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).expect("a socket");
        let worker = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a trial");
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("a line");
            (&stream).write_all(answer.as_bytes()).expect("sent");
            line
        });
        let verdict = report_to(Some(path.into_os_string()), Some(3), metrics);
        (verdict, worker.join().expect("a line"))
    }

    #[test]
    fn the_answer_is_the_verdict() {
        let metrics = [("a".to_owned(), 0.5), ("b".to_owned(), f64::NEG_INFINITY)];
        let (verdict, line) = asked("{\"ok\":true,\"prune\":true}\n", &metrics);
        assert_eq!(verdict.expect("a verdict"), Verdict::Prune);
        let sent: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(sent, json!({"op": "report", "step": 3, "metrics": {"a": 0.5, "b": "-inf"}}));
        let (verdict, _) = asked("{\"ok\":true,\"prune\":false}\n", &metrics);
        assert_eq!(verdict.expect("a verdict"), Verdict::Continue);
    }

    #[test]
    fn outside_of_a_trial_everything_goes_on() {
        assert_eq!(report_to(None, None, &[]).expect("a verdict"), Verdict::Continue);
    }

    #[test]
    fn refusals_and_nonsense_are_errors() {
        assert!(matches!(asked("{\"ok\":false,\"error\":\"no\"}\n", &[]).0, Err(ReportError::Refused(text)) if text == "no"));
        assert!(matches!(asked("hello\n", &[]).0, Err(ReportError::Answer(_))));
        assert!(matches!(asked("", &[]).0, Err(ReportError::Socket { .. })));
        let gone = report_to(Some("/nonexistent/socket".into()), None, &[]);
        assert!(gone.expect_err("no worker").to_string().contains("HONE_SOCKET"));
    }
}
