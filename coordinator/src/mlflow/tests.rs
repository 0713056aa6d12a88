//! What is sent, to the letter; and what comes back.

use std::{collections::BTreeSet, sync::Arc};

use hone_proto::v1;
use hone_search::Outcome;
use hone_studies::{BlobId, Command, Core, Driver, ImportedTrial, Now, Point, StateKind, Study, Timings};
use http::StatusCode;
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    Credentials, Server, ServerError,
    api::{Mlflow, Run},
    batch::{Metric, Values, bodies},
    cursor::{Cursor, Progress},
    http::{CallError, Client, read},
    run::{self, Record},
    values::{MAX_KEY, fitted, key, number},
};
use crate::convert::client::trial_of;

const STUDY: &str = r#"
name = "digits"
[objective]
metric = "loss"
direction = "minimize"
[space]
lr = { float = [0.0, 1.0] }
layers = { int = [1, 4] }
[trial]
command = ["train"]
"#;

/// A core with one study, into which these trials are imported.
fn study_of(trials: Vec<ImportedTrial>) -> Core {
    let now = Now { wall: 9_000_000, mono: 1 };
    let mut core = Core::recover(Default::default(), Now::default(), Timings::DEFAULT);
    let spec = Arc::new(hone_studies::file::parse(STUDY, "s.toml").unwrap());
    let (text, source) = (STUDY.to_owned(), Some(BlobId([0xab; 32])));
    core.handle(now, Command::CreateStudy { spec, text, source, driver: Driver::Workers, paused: false, request: None }).unwrap();
    let study = core.state.studies().next().unwrap().id;
    let rows = 0..trials.len() as u64;
    let trials = rows.clone().zip(trials).collect();
    core.handle(now, Command::ImportTrials { study, key: "file".to_owned(), rows, trials }).unwrap();
    core
}

fn imported(outcome: Outcome, values: &[f64], points: &[(Option<i64>, &str, f64)]) -> ImportedTrial {
    let point = |&(step, metric, value): &(Option<i64>, &str, f64)| Point { step, metric: metric.into(), value };
    ImportedTrial {
        params: vec![0.1, 2.0],
        outcome,
        values: values.to_vec(),
        started: 1_000_000,
        ended: 2_500_000,
        points: points.iter().map(point).collect(),
        why: "elsewhere".to_owned(),
    }
}

fn study(core: &Core) -> &Study {
    core.state.studies().next().unwrap()
}

fn record(core: &Core, number: u32) -> Record {
    run::record("store", &core.state, study(core), trial_of(study(core), number).unwrap())
}

fn tag<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.new.tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_run_has_the_trials_parameters_values_curve_and_times() {
    let points = [(Some(1), "loss", 0.5), (Some(2), "loss", 0.25), (None, "size", 7.0)];
    let core = study_of(vec![imported(Outcome::Complete, &[0.25], &points)]);
    let record = record(&core, 0);
    let metric = |key: &str, value: f64, step| Metric { key: key.to_owned(), value: json!(value), step };
    let (result, size) = (metric("value.loss", 0.25, 0), metric("value.size", 7.0, 0));
    assert_eq!(record.values.metrics, [result, size, metric("loss", 0.5, 1), metric("loss", 0.25, 2)]);
    let params = [("lr".to_owned(), "0.1".to_owned()), ("layers".to_owned(), "2".to_owned())];
    assert_eq!(record.values.params, params);
    assert_eq!((record.new.started, record.ended, record.values.timestamp), (1_000, 2_500, 2_500));
    assert_eq!((record.new.name.as_str(), record.status), ("trial 0", "FINISHED"));
    let identity = [tag(&record, "hone.trial_id"), tag(&record, "hone.store"), tag(&record, "hone.state")];
    assert_eq!(identity, [Some(record.trial.as_str()), Some("store"), Some("complete")]);
}

#[test]
fn mlflows_states_and_ours() {
    let outcomes = [
        (Outcome::Complete, "FINISHED", "complete"),
        (Outcome::Pruned, "FINISHED", "pruned"),
        (Outcome::Failed, "FAILED", "failed"),
    ];
    let values = |outcome| if outcome == Outcome::Complete { vec![1.0] } else { Vec::new() };
    let trials = outcomes.iter().map(|(outcome, ..)| imported(*outcome, &values(*outcome), &[])).collect();
    let core = study_of(trials);
    for (number, (_, status, state)) in (0..).zip(outcomes) {
        let record = record(&core, number);
        assert_eq!((record.status, tag(&record, "hone.state")), (status, Some(state)));
    }
    assert_eq!(run::status(StateKind::Cancelled), "KILLED");
}

#[test]
fn the_source_is_an_input_whose_digest_mlflow_takes() {
    let core = study_of(vec![imported(Outcome::Failed, &[], &[])]);
    let record = record(&core, 0);
    let input = record.input.as_ref().unwrap();
    assert_eq!(input.digest, "ab".repeat(16));
    assert!(input.source.contains(&"ab".repeat(32)));
    assert_eq!(tag(&record, "hone.source"), Some("ab".repeat(32).as_str()));
}

#[test]
fn infinities_are_told_in_words_and_never_as_numbers() {
    let points = [(Some(1), "loss", f64::INFINITY), (Some(2), "loss", f64::NAN), (Some(3), "loss", 1.0)];
    let core = study_of(vec![imported(Outcome::Pruned, &[], &points)]);
    let record = record(&core, 0);
    let sent: Vec<(i64, Json)> = record.values.metrics.iter().map(|metric| (metric.step, metric.value.clone())).collect();
    assert_eq!(sent, [(2, json!("NaN")), (3, json!(1.0))]);
    assert_eq!(tag(&record, "hone.infinite"), Some("loss@1=inf"));
    assert_eq!((number(f64::NEG_INFINITY), number(-0.0)), (None, Some(json!(-0.0))));
}

#[test]
fn names_are_kept_where_mlflow_takes_them() {
    for name in ["loss", "val/loss", "a b:c-d.e_f", "größe", "..a", &"x".repeat(MAX_KEY)] {
        assert_eq!(key(name), name);
    }
}

#[test]
fn other_names_become_ones_that_it_takes_and_stay_apart() {
    let names = ["a(b", "a)b", "a%b", "", ".", "..", "/a", "a/", "a//b", "a/../b", "a\nb", &"x".repeat(MAX_KEY + 1)];
    let written: BTreeSet<String> = names.iter().map(|name| key(name)).collect();
    assert_eq!(written.len(), names.len(), "{written:?}");
    for name in &written {
        assert_eq!(&key(name), name, "`{name}` is not taken itself");
        assert!(name.chars().count() <= MAX_KEY);
    }
}

#[test]
fn what_is_cut_says_so_and_tells_long_texts_apart() {
    assert_eq!(fitted("short", 20), "short");
    let (a, b) = (fitted(&format!("{}a", "ü".repeat(99)), 50), fitted(&format!("{}b", "ü".repeat(99)), 50));
    assert_eq!((a.chars().count(), b.chars().count()), (50, 50));
    assert!(a.contains('…') && a != b);
}

fn pairs(count: usize, value: &str) -> Vec<(String, String)> {
    (0..count).map(|at| (format!("k{at}"), value.to_owned())).collect()
}

fn lengths(body: &Json) -> [usize; 3] {
    ["params", "tags", "metrics"].map(|kind| body[kind].as_array().unwrap().len())
}

#[test]
fn requests_keep_to_every_limit_and_lose_nothing() {
    let metrics = (0..2_500).map(|step| Metric { key: "loss".to_owned(), value: json!(0.5), step }).collect();
    let values = Values { params: pairs(250, &"x".repeat(6_000)), tags: pairs(150, "t"), metrics, timestamp: 7 };
    let bodies = bodies("r", &values);
    let mut sums = [0; 3];
    for body in &bodies {
        let found = lengths(body);
        assert!(found[0] <= 100 && found[1] <= 100 && found.iter().sum::<usize>() <= 1_000, "{found:?}");
        assert!(body.to_string().len() < 1_000_000);
        assert_eq!(body["run_id"], "r");
        sums = [sums[0] + found[0], sums[1] + found[1], sums[2] + found[2]];
    }
    assert_eq!(sums, [250, 150, 2_500]);
    let steps: Vec<i64> =
        bodies.iter().flat_map(|body| body["metrics"].as_array().unwrap()).map(|m| m["step"].as_i64().unwrap()).collect();
    assert_eq!(steps, (0..2_500).collect::<Vec<_>>());
}

#[test]
fn few_values_are_one_request_and_none_are_none() {
    let values = Values { params: pairs(100, "1"), tags: pairs(100, "1"), ..Values::default() };
    assert_eq!(bodies("r", &values).len(), 1);
    assert!(bodies("r", &Values::default()).is_empty());
}

#[test]
fn a_cursor_counts_for_its_target_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut cursor = Cursor::load(folder.path(), "http://a s hone/").unwrap();
    cursor.studies.insert(3, Progress { rows: 17, refused: 1, ..Progress::default() });
    cursor.save(folder.path()).unwrap();
    assert_eq!(Cursor::load(folder.path(), "http://a s hone/").unwrap(), cursor);
    assert!(Cursor::load(folder.path(), "http://b s hone/").unwrap().studies.is_empty());
    std::fs::write(folder.path().join("mlflow.json"), "{\"studies\": 7").unwrap();
    assert!(Cursor::load(folder.path(), "http://a s hone/").unwrap().studies.is_empty());
}

#[test]
fn files_go_where_the_server_says_and_nowhere_else() {
    let run = |uri: &str| Run { id: "r".to_owned(), artifact_uri: uri.to_owned(), ended: false };
    let path = |uri: &str| Mlflow::artifact_path(&run(uri), "outputs/a b#.bin");
    let proxied = "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/outputs/a%20b%23.bin";
    assert_eq!(path("mlflow-artifacts:/1/r/artifacts").as_deref(), Some(proxied));
    assert_eq!(path("mlflow-artifacts://host:5000/1/r/artifacts").as_deref(), Some(proxied));
    assert_eq!(path("s3://bucket/1/r/artifacts"), None);
}

#[test]
fn refusals_of_mlflow_are_told_from_a_server_that_cannot_serve() {
    let refusal = br#"{"error_code": "INVALID_PARAMETER_VALUE", "message": "no\nmore"}"#;
    let refused = CallError::Refused { code: "INVALID_PARAMETER_VALUE".to_owned(), message: "no".to_owned() };
    assert_eq!(read(StatusCode::BAD_REQUEST, refusal), Err(refused));
    assert_eq!(read(StatusCode::OK, b""), Ok(Json::Null));
    let away = [
        (StatusCode::INTERNAL_SERVER_ERROR, &refusal[..]),
        (StatusCode::TOO_MANY_REQUESTS, refusal),
        (StatusCode::FORBIDDEN, refusal),
        (StatusCode::NOT_FOUND, b"<html>nothing here</html>"),
        (StatusCode::OK, b"<html>welcome</html>"),
    ];
    for (status, body) in away {
        assert!(matches!(read(status, body), Err(CallError::Away(_))), "{status}");
    }
}

#[test]
fn addresses_hold_no_passwords_and_servers_show_none() {
    let credentials = Credentials { token: Some("secret".to_owned()), ..Credentials::default() };
    let server = Server::new("https://there/mlflow/", &credentials).unwrap();
    assert_eq!(server.address(), "https://there/mlflow");
    assert!(!format!("{server:?}").contains("secret"));
    assert!(matches!(Server::new("http://u:secret@there", &credentials), Err(ServerError::Secret)));
    for bad in ["there:5000", "ftp://there", "http://", "http://there?x=1", "sqlite:///mlflow.db", ""] {
        assert!(matches!(Server::new(bad, &credentials), Err(ServerError::Address(_))), "{bad}");
    }
    let split = Credentials { token: Some("a\nb".to_owned()), ..Credentials::default() };
    assert!(matches!(Server::new("http://there", &split), Err(ServerError::Credentials)));
}

/// Answers one call, and returns what was asked.
async fn ask(credentials: Credentials) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new(&format!("http://{}/below", listener.local_addr().unwrap()), &credentials).unwrap();
    let client = Client::new(&server).unwrap();
    let call = tokio::spawn(async move { client.get("/version").await });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = vec![0; 4_096];
    let length = stream.read(&mut asked).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    assert_eq!(call.await.unwrap(), Ok(json!({})));
    String::from_utf8(asked[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn credentials_are_those_of_mlflows_own_variables() {
    let set = |given: &'static [(&str, &str)]| {
        Credentials::read(move |name| given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    };
    let asked = ask(set(&[("MLFLOW_TRACKING_TOKEN", "t0k")])).await;
    assert!(asked.starts_with("GET /below/version HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer t0k\r\n"), "{asked}");
    let pair = set(&[("MLFLOW_TRACKING_TOKEN", "t0k"), ("MLFLOW_TRACKING_USERNAME", "ada"), ("MLFLOW_TRACKING_PASSWORD", "p:w")]);
    assert!(ask(pair).await.contains("authorization: Basic YWRhOnA6dw==\r\n"));
    assert!(!ask(Credentials::default()).await.contains("authorization"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&Server::new(&address, &Credentials::default()).unwrap()).unwrap();
    let CallError::Away(reason) = client.get("/version").await.unwrap_err() else { panic!("refused") };
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn long_parameters_are_cut_here_rather_than_there_in_silence() {
    let parameter = |text: String| v1::Parameter { name: "path".to_owned(), value: Some(v1::parameter::Value::String(text)) };
    let mut remarks = run::Remarks::default();
    let params = run::params(&[parameter("x".repeat(6_001))], &mut remarks);
    assert_eq!(params[0].1.chars().count(), 6_000);
    assert!(params[0].1.contains('…'));
    assert_eq!(remarks.tags().collect::<Vec<_>>(), [("hone.cut", "path".to_owned())]);
}
