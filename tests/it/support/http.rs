//! A caller of the page's API: one connection for each call, and nothing that the page does not need.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.head, self.body))
    }
}

/// Somebody's browser, as far as HTTP goes.
#[derive(Clone, Debug)]
pub struct Caller {
    address: String,
    cookie: String,
    token: String,
}

impl Caller {
    /// Nobody yet.
    pub fn new(address: &str) -> Caller {
        Caller { address: address.to_owned(), cookie: String::new(), token: String::new() }
    }

    /// A program with a token.
    pub fn with_token(address: &str, token: &str) -> Caller {
        Caller { token: token.to_owned(), ..Caller::new(address) }
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Presses the button behind a link.
    pub fn enter(&mut self, link: &str) -> Answer {
        let invite = link.trim().split_once('#').expect("a link").1;
        let answer = self.call("POST", "/session", &serde_json::json!({"invite": invite})).expect("an answer");
        let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        self.cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
        answer
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null).expect("an answer")
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, body).expect("an answer")
    }

    /// Makes a call; fails while nobody listens.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Answer> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let address = &self.address;
        let credential = match (self.token.as_str(), self.cookie.as_str()) {
            ("", cookie) => format!("Origin: http://{address}\r\nHone-Page: 1\r\nCookie: {cookie}\r\n"),
            (token, _) => format!("Authorization: Bearer {token}\r\n"),
        };
        let length = body.len();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{credential}Content-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(40)))?;
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other("the answer broke off"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("the answer has no status"))?;
        Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }
}
