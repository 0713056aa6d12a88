//! The page for annotators, as `hone serve --page` serves it: links of the command line, sessions over kills, labels by HTTP.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::{Hone, Place, Running, http::Caller, until, wait::LONG};

const REVIEWS: &str = "name = \"reviews\"\n[form]\nkind = \"classes\"\nclasses = [\"odd\", \"even\"]\n[show]\ntext = \"text\"\n";

/// An address of this host that no other test has, so that its port can be the same again after a kill.
fn own_address() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("127.{}.{}.{}:{}", 128 + process / 65_536 % 64, process / 256 % 256, process % 256, 7_172 + number)
}

/// A coordinator with a page and a project of `count` samples.
struct Site {
    coordinator: Running,
    address: String,
    hone: Hone,
    place: Place,
}

impl Site {
    fn new(count: usize) -> Site {
        let place = Place::new();
        let hone = Hone::new(&place);
        let address = own_address();
        let coordinator = hone.serve_with(&["--listen", "127.0.0.1:0", "--page", &address]);
        let samples: String = (0..count).map(|at| format!("{{\"id\": \"s{at:03}\", \"text\": \"{at}\"}}\n")).collect();
        place.write("project.toml", REVIEWS);
        place.write("samples.jsonl", samples);
        hone.run(&["label", "create", "project.toml"]).ok();
        hone.run(&["label", "ask", "reviews", "samples.jsonl"]).ok();
        Site { coordinator, address, hone, place }
    }

    fn kill_and_start_again(&mut self) -> String {
        let said = self.coordinator.all_output();
        self.coordinator.kill();
        self.coordinator = self.hone.serve_with(&["--listen", "127.0.0.1:0", "--page", &self.address]);
        said
    }

    fn enter(&self, name: &str) -> (String, Caller) {
        let link = self.hone.run(&["label", "invite", name, "--project", "reviews"]).ok();
        assert!(link.starts_with(&format!("http://{}/invite#", self.address)), "{link}");
        let mut caller = Caller::new(&self.address);
        assert_eq!(caller.enter(&link).status, 200);
        (link, caller)
    }
}

fn class_of(number: u64) -> &'static str {
    if number.is_multiple_of(2) { "even" } else { "odd" }
}

/// Labels one sample as it should be; nothing: none is left.
fn label(caller: &Caller) -> Option<Value> {
    let task = caller.post("/projects/reviews/next", &json!({})).json()["task"].clone();
    let number: u64 = task["data"]["text"].as_str()?.parse().expect("a number");
    let class = class_of(number);
    let answer = caller.post(&format!("/requests/{}/submit", task["request"]), &json!({"label": class, "took_ms": 10}));
    assert_eq!(answer.json()["state"], "resolved", "{}", answer.body);
    Some(task)
}

#[test]
fn annotators_come_in_by_link_and_go_on_after_the_coordinator_was_killed() {
    let mut site = Site::new(20);
    let (link, ada) = site.enter("ada");
    let (_, bob) = site.enter("bob");
    for _ in 0..4 {
        label(&ada).expect("a sample");
        label(&bob).expect("a sample");
    }
    // One is before each of them when it happens.
    let before = ada.post("/projects/reviews/next", &json!({})).json()["task"]["request"].clone();
    let said = site.kill_and_start_again();
    assert_eq!(ada.post("/projects/reviews/next", &json!({})).json()["task"]["request"], before);
    while label(&ada).is_some() | label(&bob).is_some() {}
    let answers = site.hone.run(&["label", "export", "reviews", "--answers"]).ok();
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), 20);
    for answer in &answers {
        let number: u64 =
            answer["id"].as_str().and_then(|id| id.strip_prefix('s')).and_then(|id| id.parse().ok()).expect("a number");
        assert_eq!(answer["label"], class_of(number), "{answer}");
    }
    let sessions = site.hone.run(&["label", "sessions", "--output", "json"]).json();
    let named: Vec<&str> = sessions.as_array().expect("a list").iter().filter_map(|one| one["annotator"].as_str()).collect();
    assert_eq!(named, ["ada", "bob"]);
    assert_eq!((&sessions[0]["kind"], &sessions[0]["projects"]), (&json!("session"), &json!(["reviews"])));
    site.hone.run(&["label", "revoke", "ada"]).ok();
    assert_eq!((ada.get("/me").status, bob.get("/me").status), (401, 200));
    site.hone.run(&["label", "revoke", "ada"]).fails(3);
    // What lets people in is in nobody's log and on no disk.
    let secrets = [link.trim().rsplit('.').next().expect("a secret"), ada.cookie().rsplit('.').next().expect("a secret")];
    let said = said + &site.coordinator.all_output();
    assert!(secrets.iter().all(|secret| secret.len() == 52 && !said.contains(secret)), "{said}");
    assert!(said.contains("annotator=\"ada\""), "{said}");
    for entry in std::fs::read_dir(site.hone.data().join("tls")).expect("a folder").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{}", entry.path().display());
    }
}

#[test]
fn programs_label_with_a_token_and_everything_ends_with_the_coordinator() {
    let mut site = Site::new(3);
    let token = site.hone.run(&["label", "invite", "robot", "--token", "--output", "json"]).json()["token"].clone();
    let robot = Caller::with_token(&site.address, token.as_str().expect("a token"));
    assert_eq!(robot.get("/projects").json()["projects"][0]["counts"], json!({"total": 3, "done": 0, "waiting": 3}));
    while label(&robot).is_some() {}
    assert_eq!(robot.get("/me").json()["answers"], 3);
    site.coordinator.signal(libc::SIGTERM);
    assert_eq!(site.coordinator.wait(LONG).code, 0);
    assert!(robot.call("GET", "/me", &Value::Null).is_err());
    until("nothing is left", LONG, || (!site.place.path("data/coordinator.json").exists()).then_some(()));
}

#[test]
fn what_is_wrong_with_the_options_is_said_before_anything_is_served() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("key.pem", "no key");
    let said = |options: &[&str], code| {
        let all = [&["serve", "--listen", "127.0.0.1:0"], options].concat();
        hone.run(&all).fails(code)
    };
    let page = ["--page", "127.0.0.1:0"];
    let with = |more: &[&'static str]| [&page[..], more].concat();
    let error = said(&with(&["--page-url", "labels.example.org"]), 2);
    assert!(error.contains("`labels.example.org` is no address of a page; write it as `https://labels.example.org`"), "{error}");
    let error = said(&with(&["--page-url", "http://labels.example.org"]), 2);
    assert!(error.contains("without encryption; use https, or type `--insecure-page`"), "{error}");
    let error = said(&with(&["--page-certificate", "cert.pem", "--page-key", "key.pem"]), 1);
    assert!(error.contains("`cert.pem` cannot be used as a certificate"), "{error}");
    let error = said(&with(&["--page-images", "*"]), 2);
    assert!(error.contains("`*` is no site"), "{error}");
    let error = said(&["--page-url", "https://labels.example.org"], 2);
    assert!(error.contains("--page"), "{error}");
    let error = hone.run(&["label", "invite", "ada"]).fails(4);
    assert!(error.contains("serves no page") && error.contains("hone serve --page"), "{error}");
}
