//! The page for annotators over real HTTP: who gets in, what they see, what every answer carries.

mod web;

use hone_proto::v1;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use web::Site;

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_lets_one_browser_in_once_and_looking_at_the_link_uses_nothing_up() {
    let site = Site::new().await;
    let link = site.invite("ada", &[]).await;
    let mut browser = site.browser();
    // What a preview of the link fetches; the part behind the sign never leaves the browser.
    for path in ["/invite", "/static/invite.js", "/"] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK);
    }
    assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    let begun = browser.enter(&link).await;
    assert_eq!((begun.status, &begun.json()["annotator"]), (StatusCode::OK, &json!("ada")));
    let cookie = begun.header("set-cookie");
    assert!(cookie.starts_with("hone-") && cookie.contains("; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");
    assert_eq!(browser.get("/api/v1/me").await.json()["annotator"], "ada");
    let again = site.browser().enter(&link).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.json()["error"].as_str().is_some_and(|error| error.contains("used already")), "{}", again.text());
    assert_eq!(browser.call(Method::DELETE, "/api/v1/session", None).await.status, StatusCode::OK);
    assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_that_keep_others_out() {
    let site = Site::new().await;
    let mut browser = site.browser();
    for path in ["/", "/invite", "/static/main.js", "/api/v1/me", "/nothing", "/favicon.ico"] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "connect-src 'self'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{path}");
        let cached = answer.header("cache-control");
        assert!(if path.starts_with("/api") { cached == "no-store" } else { !cached.is_empty() }, "{path}: {cached}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_ours_is_refused_whatever_is_asked() {
    let site = Site::new().await;
    let mut browser = site.entered("ada", &[]).await;
    for host in ["evil.example", "evil.example:7172", "", "127.0.0.1.evil.example", "localhost.evil.example"] {
        browser.host = host.to_owned();
        for path in ["/", "/api/v1/me"] {
            let status = browser.get(path).await.status;
            assert!(matches!(status, StatusCode::MISDIRECTED_REQUEST | StatusCode::BAD_REQUEST), "{host} {path}: {status}");
        }
    }
    for host in ["localhost:1", "127.0.0.1", "[::1]:7172", "192.0.2.1:7172"] {
        browser.host = host.to_owned();
        assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::OK, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_act_with_the_cookie() {
    let site = Site::new().await;
    let mut browser = site.entered("ada", &[]).await;
    let project = site
        .project(
            "cats",
            r#"[form]
kind = "classes"
classes = ["cat", "dog"]"#,
        )
        .await;
    let next = format!("/api/v1/projects/{project}/next");
    let own = browser.origin.clone();
    for origin in
        [None, Some("http://evil.example"), Some("null"), Some("https://127.0.0.1.evil.example"), Some("http://127.0.0.1:1")]
    {
        browser.origin = origin.map(str::to_owned);
        let answer = browser.post(&next, json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?}");
    }
    browser.origin = own;
    browser.page = false;
    assert_eq!(
        browser.post(&next, json!({})).await.status,
        StatusCode::FORBIDDEN,
        "a form of another site cannot set the header"
    );
    browser.page = true;
    assert_eq!(browser.post(&next, json!({})).await.status, StatusCode::OK);
    // Nor can it put its own session under somebody (login CSRF).
    let link = site.invite("mallory", &[]).await;
    browser.origin = Some("http://evil.example".to_owned());
    assert_eq!(browser.enter(&link).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_closes_the_door_for_the_guesser_and_sessions_go_on() {
    let site = Site::new().await;
    let mut inside = site.entered("ada", &[]).await;
    let link = site.invite("bob", &[]).await;
    let (head, secret) = link.split_once('#').unwrap();
    let wrong = format!("{head}#{}", secret.chars().rev().collect::<String>());
    let mut browser = site.browser();
    for _ in 0..5 {
        assert_eq!(browser.enter(&wrong).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(browser.enter(&link).await.status, StatusCode::TOO_MANY_REQUESTS, "also with the right one");
    assert_eq!(inside.get("/api/v1/me").await.status, StatusCode::OK);
    // The door of gRPC is another one.
    site.labels().list_passes(v1::ListPassesRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_used_and_a_session_that_is_over_are_no_guesses() {
    let site = Site::new().await;
    let link = site.invite("ada", &[]).await;
    let mut browser = site.browser();
    browser.enter(&link).await;
    site.labels().revoke_passes(v1::RevokePassesRequest { what: "ada".to_owned() }).await.unwrap();
    for _ in 0..10 {
        assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    }
    let link = site.invite("bob", &[]).await;
    assert_eq!(browser.enter(&link).await.status, StatusCode::OK);
    let mut other = site.browser();
    for _ in 0..10 {
        assert_eq!(other.enter(&link).await.status, StatusCode::UNAUTHORIZED);
    }
    let link = site.invite("eve", &[]).await;
    assert_eq!(other.enter(&link).await.status, StatusCode::OK);
}

const TWO: &str = r#"[form]
kind = "classes"
classes = ["cat", "dog"]
[show]
image = "file""#;

#[tokio::test(flavor = "multi_thread")]
async fn an_annotator_sees_the_projects_and_samples_that_are_theirs_and_no_others() {
    let site = Site::new().await;
    let (mine, other) = (site.project("mine", TWO).await, site.project("secret", TWO).await);
    let (hash, unseen) = (site.blob(b"\x89PNG\r\n\x1a\nmine").await, site.blob(b"hidden").await);
    let sample = json!({"file": {"blob": hash}, "truth": "cat", "other": {"blob": unseen}});
    site.ask(mine, &[("a", sample.clone()), ("b", sample.clone())]).await;
    site.ask(other, &[("x", sample.clone())]).await;
    let mut ada = site.entered("ada", &["mine"]).await;
    let mut bob = site.entered("bob", &["mine"]).await;
    let names = |answer: Value| answer["projects"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(ada.get("/api/v1/projects").await.json()), ["mine"]);
    for given in [other.to_string(), "secret".to_owned(), "secre".to_owned(), "999".to_owned(), "last".to_owned()] {
        let answer = ada.get(&format!("/api/v1/projects/{given}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(!answer.text().replace(&format!("`{given}`"), "").contains("secret"), "a name of hers leaks: {}", answer.text());
        assert_eq!(ada.post(&format!("/api/v1/projects/{given}/next"), json!({})).await.status, StatusCode::NOT_FOUND);
    }
    let task = ada.post("/api/v1/projects/mine/next", json!({})).await.json()["task"].clone();
    assert_eq!(task["data"], json!({"file": {"blob": hash}}), "columns that the project does not show stay here");
    let number = task["request"].as_u64().unwrap();
    let image = ada.get(&format!("/api/v1/requests/{number}/blobs/{hash}")).await;
    assert_eq!((image.status, image.header("content-type")), (StatusCode::OK, "image/png"));
    assert!(image.header("content-security-policy").contains("sandbox"));
    let not_shown = format!("/api/v1/requests/{number}/blobs/{unseen}");
    assert_eq!(ada.get(&not_shown).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bob.get(&format!("/api/v1/requests/{number}/blobs/{hash}")).await.status, StatusCode::NOT_FOUND, "not before him");
    let foreign = (1..=3).find(|id| *id != number).unwrap();
    for request in [number, foreign, 3, 77] {
        let answer = json!({"label": "cat"});
        let who = if request == number { &mut bob } else { &mut ada };
        for call in ["submit", "skip", "undo"] {
            let body = if call == "submit" { answer.clone() } else { json!({}) };
            let refused = who.post(&format!("/api/v1/requests/{request}/{call}"), body).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{call} {request}: {}", refused.text());
        }
        let take = who.post("/api/v1/projects/mine/next", json!({"request": request})).await;
        assert_eq!(take.status, StatusCode::NOT_FOUND, "{}", take.text());
    }
    // Somebody else's ticket is of no use; one's own is, when the sample is not before one any more.
    let ticket = task["ticket"].clone();
    let stolen = bob.post(&format!("/api/v1/requests/{number}/submit"), json!({"label": "cat", "ticket": ticket})).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.post("/api/v1/release", json!({"requests": [number]})).await.status, StatusCode::OK);
    let without = ada.post(&format!("/api/v1/requests/{number}/submit"), json!({"label": "cat"})).await;
    assert_eq!(without.status, StatusCode::NOT_FOUND);
    let wrong = json!({"label": "dog", "ticket": "0".repeat(32)});
    let with = ada.post(&format!("/api/v1/requests/{number}/submit"), json!({"label": "cat", "ticket": ticket})).await;
    assert_eq!((with.status, &with.json()["state"]), (StatusCode::OK, &json!("resolved")));
    // A ticket of another store means another sample, even if this one is hers.
    assert_eq!(ada.post(&format!("/api/v1/requests/{number}/submit"), wrong).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_count_once_and_can_be_taken_back() {
    let site = Site::new().await;
    let project = site.project("cats", "[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]").await;
    site.ask(project, &[("a", json!({"text": "meow"}))]).await;
    let mut ada = site.entered("ada", &[]).await;
    let task = ada.post("/api/v1/projects/cats/next", json!({"holding": []})).await.json()["task"].clone();
    let path = format!("/api/v1/requests/{}", task["request"]);
    let answer = json!({"label": "cat", "took_ms": 1500, "request_id": "0123456789abcdef0123456789abcdef"});
    let first = ada.post(&format!("{path}/submit"), answer.clone()).await.json();
    assert_eq!(ada.post(&format!("{path}/submit"), answer).await.json(), first, "sent again");
    let figures = ada.get("/api/v1/me").await.json();
    assert_eq!((&figures["answers"], &figures["since"], &figures["median_seconds"]), (&json!(1), &json!(1), &json!(1.5)));
    assert_eq!(ada.get("/api/v1/me?since_us=9000000000000000").await.json()["since"], 0);
    assert_eq!(ada.post("/api/v1/projects/cats/next", json!({})).await.json()["reason"], "everything that was asked for is done");
    let again = ada.post(&format!("{path}/undo"), json!({})).await.json();
    assert_eq!(again["task"]["request"], task["request"]);
    assert_eq!(ada.get("/api/v1/me").await.json()["answers"], 0);
    assert_eq!(ada.post("/api/v1/renew", json!({"requests": [task["request"], 99]})).await.json(), json!({"over": [99]}));
    let channel = site.label("cats", "a").await.answers[0].channel.clone();
    assert_eq!(channel, "page");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_use_tokens_their_own_or_the_clients() {
    let site = Site::new().await;
    let project = site.project("cats", "[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]").await;
    site.ask(project, &[("a", json!({"text": "meow"})), ("b", json!({"text": "woof"}))]).await;
    let mut program = site.browser();
    (program.origin, program.page) = (None, false);
    program.token = Some(site.token("robot").await);
    let task = program.post("/api/v1/projects/cats/next", json!({})).await.json()["task"].clone();
    let submit = format!("/api/v1/requests/{}/submit", task["request"]);
    assert_eq!(program.post(&submit, json!({"label": "cat"})).await.status, StatusCode::OK);
    let label = site.label("cats", "a").await;
    assert_eq!((label.answers[0].annotator.as_str(), label.answers[0].channel.as_str()), ("robot", "program"));
    program.annotator = Some("ada".to_owned());
    assert_eq!(program.get("/api/v1/me").await.status, StatusCode::FORBIDDEN, "the token is robot's");
    program.token = Some(site.client_token());
    assert_eq!(program.get("/api/v1/me").await.json()["annotator"], "ada");
    program.annotator = None;
    assert_eq!(program.get("/api/v1/me").await.status, StatusCode::BAD_REQUEST, "nobody is named");
    assert_eq!(program.get("/api/v1/projects").await.status, StatusCode::OK);
    for token in ["", "annotator.aaaaaaaa.bbbb", "wrong"] {
        program.token = Some(token.to_owned());
        assert_eq!(program.get("/api/v1/projects").await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_call_is_said_as_json() {
    let site = Site::new().await;
    let project = site.project("cats", "[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]").await;
    site.ask(project, &[("a", json!({"text": "meow"}))]).await;
    let mut ada = site.entered("ada", &[]).await;
    let task = ada.post("/api/v1/projects/cats/next", json!({})).await.json()["task"].clone();
    let submit = format!("/api/v1/requests/{}/submit", task["request"]);
    for (path, body, part) in [
        (submit.as_str(), json!({"label": "cut"}), "did you mean `cat`?"),
        (submit.as_str(), json!({"lable": "cat"}), "unknown field `lable`"),
        (submit.as_str(), json!({"label": "cat", "request_id": "7"}), "32 hexadecimal digits"),
        ("/api/v1/renew", json!({"requests": "all"}), "expected a sequence"),
        ("/api/v1/release", json!({"requests": vec![1; 1_001]}), "at most 1000"),
    ] {
        let answer = ada.post(path, body).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::BAD_REQUEST, "application/json"));
        assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains(part)), "{part}: {}", answer.text());
    }
    let large = ada.post(&submit, json!({"label": "x".repeat(3 << 20)})).await;
    assert_eq!(large.status, StatusCode::BAD_REQUEST, "{}", large.text());
    assert_eq!(ada.get("/api/v2/me").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_the_coordinator_and_no_secret_is_on_its_disk() {
    let site = Site::new().await;
    let link = site.invite("ada", &[]).await;
    let mut browser = site.browser();
    browser.enter(&link).await;
    let cookie = browser.cookie.clone().unwrap();
    let token = site.token("robot").await;
    let site = site.restarted().await;
    let mut same = site.browser();
    same.cookie = Some(cookie.clone());
    assert_eq!(same.get("/api/v1/me").await.json()["annotator"], "ada");
    let secrets = [link.split_once('#').unwrap().1, cookie.split_once('=').unwrap().1, token.as_str()];
    let secrets = secrets.map(|secret| secret.rsplit('.').next().unwrap().to_owned());
    assert_eq!(site.files_with(&secrets), Vec::<String>::new());
    assert!(!site.files_with(&["ada".to_owned()]).is_empty(), "the search finds what is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_host_the_page_is_encrypted_and_its_cookie_is_for_that_alone() {
    let site = Site::beyond(|page| page).await;
    assert!(site.url().starts_with("https://trainer.example.org:"), "{}", site.url());
    let link = site.invite("ada", &[]).await;
    let mut browser = site.browser();
    let begun = browser.enter(&link).await;
    let cookie = begun.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-hone-")
            && cookie.contains("; Path=/; HttpOnly; SameSite=Strict;")
            && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::OK);
    assert!(browser.plainly("/").await.is_err(), "nothing is said without encryption");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_operators_own_is_shown_and_a_bad_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, chain, key] = ["authority.pem", "chain.pem", "key.pem"].map(|name| folder.path().join(name));
    web::write_certificate("labels.example.org", &authority, &chain, &key);
    let pair = Some((chain.clone(), key.clone()));
    let site = Site::with(|page| {
        page.certificate = pair.clone();
        page.url = Some("https://labels.example.org".to_owned());
    })
    .await;
    let mut browser = site.browser_that_trusts(&authority, "labels.example.org");
    let link = site.invite("ada", &[]).await;
    assert_eq!(browser.enter(&link).await.status, StatusCode::OK);
    for (certificate, private, named) in
        [(&key, &key, "key.pem"), (&chain, &chain, "chain.pem"), (&chain, &authority, "authority.pem")]
    {
        let wrong = Some((certificate.clone(), private.clone()));
        let refused = Site::try_beyond(|page| page.certificate = wrong).await.err().unwrap().to_string();
        assert!(refused.contains(named) && refused.contains("cannot be used as"), "{refused}");
    }
    // A key of another certificate.
    let [other, other_chain, other_key] = ["a.pem", "b.pem", "other.pem"].map(|name| folder.path().join(name));
    web::write_certificate("labels.example.org", &other, &other_chain, &other_key);
    let refused = Site::try_beyond(|page| page.certificate = Some((chain, other_key))).await.err().unwrap().to_string();
    assert!(refused.contains("other.pem") && refused.contains("the key of the certificate"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_send_links_in_the_clear_is_refused_unless_it_is_typed_in_full() {
    let refused = Site::try_beyond(|page| page.url = Some("http://labels.example.org".to_owned())).await.err().unwrap();
    assert!(refused.to_string().contains("--insecure-page"), "{refused}");
    for url in [
        "labels.example.org",
        "ftp://labels.example.org",
        "https://labels.example.org/path",
        "https://a@b",
        "https://x; script-src *",
    ] {
        let refused = Site::try_beyond(|page| page.url = Some(url.to_owned())).await.err().unwrap();
        assert!(refused.to_string().contains("https://labels.example.org"), "{url}: {refused}");
    }
    for image in ["*", "https://a.example/x", "https://a.example; script-src *", "'unsafe-inline'"] {
        let refused = Site::try_beyond(|page| page.image_sites = vec![image.to_owned()]).await.err().unwrap();
        assert!(refused.to_string().contains("is no site"), "{image}: {refused}");
    }
    let site = Site::beyond(|mut page| {
        page.insecure = true;
        page.image_sites = vec!["https://images.example.org".to_owned()];
        page
    })
    .await;
    assert!(site.url().starts_with("http://trainer.example.org:"));
    let answer = site.browser().get("/").await;
    assert!(answer.header("content-security-policy").contains("img-src 'self' data: https://images.example.org;"));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_links_lead_there_and_its_name_is_ours() {
    let site = Site::with(|page| page.url = Some("https://labels.example.org/".to_owned())).await;
    let link = site.invite("ada", &[]).await;
    assert!(link.starts_with("https://labels.example.org/invite#"), "{link}");
    let mut browser = site.browser();
    (browser.host, browser.origin) = ("labels.example.org".to_owned(), Some("https://labels.example.org".to_owned()));
    let begun = browser.enter(&link).await;
    assert_eq!(begun.status, StatusCode::OK);
    assert!(begun.header("set-cookie").starts_with("__Host-"));
    // Proxies may put their own idea of the name in place of it.
    browser.host = "127.0.0.1:7172".to_owned();
    assert_eq!(browser.post("/api/v1/renew", json!({"requests": []})).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_links_is_told_what_is_missing() {
    let site = Site::without_page().await;
    let request = |name: &str, project: &str| v1::InviteAnnotatorRequest {
        annotator: name.to_owned(),
        projects: if project.is_empty() { Vec::new() } else { vec![project.to_owned()] },
        ..v1::InviteAnnotatorRequest::default()
    };
    let refused = site.labels().invite_annotator(request("ada", "")).await.unwrap_err();
    assert!(refused.message().contains("hone serve --page"), "{refused}");
    let site = Site::new().await;
    for (name, project, part) in [("", "", "1 to 100 characters"), ("ada", "nothing", "nothing")] {
        let refused = site.labels().invite_annotator(request(name, project)).await.unwrap_err();
        assert!(refused.message().contains(part), "{refused}");
    }
    let refused = site.labels().revoke_passes(v1::RevokePassesRequest { what: "nobody".to_owned() }).await.unwrap_err();
    assert!(refused.message().contains("hone label sessions"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_page_are_fetched_once() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let first = browser.get("/static/main.js").await;
    assert_eq!(first.header("content-type"), "text/javascript; charset=utf-8");
    browser.known = Some(first.header("etag").to_owned());
    let again = browser.get("/static/main.js").await;
    assert_eq!((again.status, again.text().len()), (StatusCode::NOT_MODIFIED, 0));
    for path in ["/static/../main.js", "/static/nothing.js", "/static/", "/static/%2e%2e/mod.rs"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
