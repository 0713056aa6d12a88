//! Addresses, tokens, answers of the server, the cursor, webhooks.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use hone_studies::LabelRequestId;
use http::{Request, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

use super::super::{
    api::{LabelStudio, time_from_text, time_to_text},
    cursor::{Cursor, Place},
    hook::{Hints, secret_from, webhook_router},
    http::{CallError, read},
    server::{Server, ServerError},
};

const PERSONAL: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbiI6MX0.s3cret";

#[test]
fn addresses_hold_no_passwords_and_servers_show_no_token() {
    let server = Server::new("https://there/studio/", "s3cret", None).unwrap();
    assert_eq!(server.address(), "https://there/studio");
    let personal = Server::new("https://there", PERSONAL, None).unwrap();
    assert!(!format!("{server:?}{personal:?}{:?}{:?}", server.token, personal.token).contains("s3cret"));
    assert!(matches!(Server::new("http://u:secret@there", "x", None), Err(ServerError::Secret)));
    assert!(matches!(Server::new("there:8080", "x", None), Err(ServerError::Address(_))));
    for bad in ["", " ", "a b", "a\nb", "ü"] {
        let error = Server::new("http://there", bad, None).unwrap_err();
        assert!(matches!(error, ServerError::Token) && (bad.trim().is_empty() || !error.to_string().contains(bad)));
    }
}

#[test]
fn refusals_are_told_from_a_server_that_cannot_serve() {
    let said = |text: &str| read(StatusCode::BAD_REQUEST, text.as_bytes()).unwrap_err();
    let refusal = br#"{"id": "376f", "status_code": 400, "version": "1.23.2", "detail": "Validation error", "exc_info": null,
        "validation_errors": {"title": ["too short"]}}"#;
    let refused = read(StatusCode::BAD_REQUEST, refusal).unwrap_err();
    assert_eq!(
        refused,
        CallError::Refused("400 Bad Request: Validation error; validation_errors: {\"title\":[\"too short\"]}".to_owned())
    );
    assert!(matches!(said("{\"label_config\": [\"no\"]}"), CallError::Refused(why) if why.contains("label_config")));
    assert!(matches!(read(StatusCode::NOT_FOUND, refusal), Err(CallError::Missing(_))));
    assert!(read(StatusCode::NO_CONTENT, b"").is_ok());
    let away = [
        (StatusCode::INTERNAL_SERVER_ERROR, &refusal[..]),
        (StatusCode::TOO_MANY_REQUESTS, refusal),
        (StatusCode::UNAUTHORIZED, refusal),
        (StatusCode::NOT_FOUND, b"<html>nothing here</html>"),
        (StatusCode::BAD_REQUEST, b"<html>proxy</html>"),
        (StatusCode::OK, b"<html>welcome</html>"),
    ];
    for (status, body) in away {
        assert!(matches!(read(status, body), Err(CallError::Away(_))), "{status}");
    }
}

#[test]
fn moments_are_told_as_the_server_tells_them() {
    let text = "2026-12-01T01:27:25.142676Z";
    assert_eq!(time_to_text(time_from_text(text).unwrap()), text);
    assert_eq!(time_from_text("2026-12-01T02:27:25.142676+01:00"), time_from_text(text));
    assert_eq!(time_to_text(0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(time_from_text("yesterday"), None);
}

#[test]
fn a_cursor_counts_for_its_target_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut cursor = Cursor::load(folder.path(), "http://a s").unwrap();
    let asked: BTreeSet<LabelRequestId> = [1, 2, 3, 7, 9, 10].map(LabelRequestId).into();
    let place = Place { project: 4, version: "m #2".to_owned(), pulled: 17, asked, ..Place::default() };
    cursor.places.insert(3, place);
    cursor.save(folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("label-studio.json")).unwrap();
    assert!(text.contains("[[1,3],[7,7],[9,10]]"), "{text}");
    assert_eq!(Cursor::load(folder.path(), "http://a s").unwrap(), cursor);
    assert!(Cursor::load(folder.path(), "http://b s").unwrap().places.is_empty());
    std::fs::write(folder.path().join("label-studio.json"), "{\"places\": 7").unwrap();
    assert!(Cursor::load(folder.path(), "http://a s").unwrap().places.is_empty());
}

// ------------------------------------------------------------ webhooks

async fn hook(hints: &Hints, path: &str, header: Option<&str>) -> StatusCode {
    let router = webhook_router(secret_from("key"), hints.clone());
    let mut request = Request::post(path);
    if let Some(header) = header {
        request = request.header("X-Hone-Secret", header);
    }
    router.oneshot(request.body(Body::from("{\"action\": \"ANNOTATION_CREATED\"}")).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn webhooks_are_hints_from_whoever_knows_the_secret() {
    let hints = Hints::default();
    let secret = secret_from("key");
    for wrong in [None, Some(""), Some("key"), Some(&secret.reveal()[1..])] {
        assert_eq!(hook(&hints, "/label-studio/hook/3", wrong).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(hook(&hints, "/label-studio/hook/x", Some(secret.reveal())).await, StatusCode::BAD_REQUEST);
    assert!(hints.take().is_empty());
    for _ in 0..2 {
        assert_eq!(hook(&hints, "/label-studio/hook/3", Some(secret.reveal())).await, StatusCode::OK);
    }
    hints.some().await;
    assert_eq!(hints.take(), BTreeSet::from([3]));
    assert_ne!(secret_from("other").reveal(), secret.reveal());
}

// ------------------------------------------------------------ tokens

/// Plays a server: answers each call with what comes next, and keeps what it was asked.
async fn played(answers: Vec<(&'static str, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let text = request(&mut stream).await;
            heard.lock().unwrap().push(text);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

/// One request with its body.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut bytes = vec![0; 4_096];
    loop {
        let length = stream.read(&mut bytes).await.unwrap();
        text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
        if body.len() >= wanted {
            return text;
        }
    }
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_default()
}

#[tokio::test]
async fn a_legacy_token_is_sent_as_it_is() {
    let (address, asked) = played(vec![("200 OK", "[]")]).await;
    let api = LabelStudio::new(&Server::new(&address, "0123abc", None).unwrap()).unwrap();
    api.users().await.unwrap();
    assert_eq!(line(&asked.lock().unwrap()[0], "authorization"), "authorization: Token 0123abc");
}

#[tokio::test]
async fn a_personal_token_is_exchanged_and_exchanged_again_when_it_is_refused() {
    let answers = vec![
        ("200 OK", r#"{"access": "first"}"#),
        ("200 OK", "[]"),
        ("401 Unauthorized", r#"{"detail": "Token is expired"}"#),
        ("200 OK", r#"{"access": "second"}"#),
        ("200 OK", "[]"),
    ];
    let (address, asked) = played(answers).await;
    let api = LabelStudio::new(&Server::new(&address, PERSONAL, None).unwrap()).unwrap();
    api.users().await.unwrap();
    api.users().await.unwrap();
    let asked = asked.lock().unwrap();
    let sent: Vec<&str> = asked.iter().map(|text| line(text, "authorization")).collect();
    assert_eq!(sent, ["", "authorization: Bearer first", "authorization: Bearer first", "", "authorization: Bearer second"]);
    assert!(asked[0].starts_with("POST /api/token/refresh/") && asked[0].ends_with(&json!({"refresh": PERSONAL}).to_string()));
}

#[tokio::test]
async fn a_token_that_was_revoked_is_no_reason_to_give_up() {
    let (address, _) = played(vec![("401 Unauthorized", r#"{"detail": "Token is blacklisted"}"#)]).await;
    let api = LabelStudio::new(&Server::new(&address, PERSONAL, None).unwrap()).unwrap();
    let Err(CallError::Away(why)) = api.users().await else { panic!("not away") };
    assert!(why.contains("Token is blacklisted") && why.contains("another token"), "{why}");
}
