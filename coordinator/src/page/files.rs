//! The files of the page, part of the binary.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::Shared;

/// A file with how browsers are to take it, and a mark by which they know it again.
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($path:literal $kind:ident $name:literal),* $(,)?) => {
        [$(File { path: $path, kind: $kind, text: include_str!(concat!("static/", $name)) }),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

static FILES: [File; 21] = files![
    "/" HTML "index.html",
    "/invite" HTML "invite.html",
    "/favicon.ico" PICTURE "icon.svg",
    "/static/style.css" STYLE "style.css",
    "/static/forms.css" STYLE "forms.css",
    "/static/api.js" SCRIPT "api.js",
    "/static/boxes.js" SCRIPT "boxes.js",
    "/static/choice.js" SCRIPT "choice.js",
    "/static/desk.js" SCRIPT "desk.js",
    "/static/dialogs.js" SCRIPT "dialogs.js",
    "/static/dom.js" SCRIPT "dom.js",
    "/static/geometry.js" SCRIPT "geometry.js",
    "/static/invite.js" SCRIPT "invite.js",
    "/static/keys.js" SCRIPT "keys.js",
    "/static/main.js" SCRIPT "main.js",
    "/static/number.js" SCRIPT "number.js",
    "/static/outbox.js" SCRIPT "outbox.js",
    "/static/palette.js" SCRIPT "palette.js",
    "/static/sample.js" SCRIPT "sample.js",
    "/static/spans.js" SCRIPT "spans.js",
    "/static/work.js" SCRIPT "work.js",
];

/// Hashes of the files, in their order: what browsers ask with whether they have the newest.
static TAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| FILES.iter().map(|file| format!("\"{}\"", &blake3::hash(file.text.as_bytes()).to_hex()[..32])).collect());

pub(super) fn router() -> Router<Shared> {
    FILES.iter().enumerate().fold(Router::new(), |router, (at, file)| {
        router.route(file.path, get(move |headers: HeaderMap| async move { serve(at, &headers) }))
    })
}

fn serve(at: usize, headers: &HeaderMap) -> Response {
    let (file, tag) = (&FILES[at], &TAGS[at]);
    let tag_header = HeaderValue::from_str(tag).expect("hexadecimal digits");
    let common = [(header::ETAG, tag_header), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, file.kind)], file.text).into_response()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/static");
        let there: BTreeSet<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let served: BTreeSet<String> = FILES
            .iter()
            .map(|file| match file.path {
                "/" => "index.html".to_owned(),
                "/invite" => "invite.html".to_owned(),
                "/favicon.ico" => "icon.svg".to_owned(),
                path => path.trim_start_matches("/static/").to_owned(),
            })
            .collect();
        assert_eq!(there, served);
    }

    /// `onclick=` and the like.
    fn has_handlers(text: &str) -> bool {
        let mut attributes = text.split(" on").skip(1).filter_map(|rest| rest.split_once('='));
        attributes.any(|(name, _)| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase()))
    }

    /// The policy forbids it, and what it forbids would do nothing.
    #[test]
    fn no_document_has_scripts_or_styles_of_its_own() {
        assert!(has_handlers("<p onclick=alert(1)>") && !has_handlers("works once, on a = b"));
        for File { path, kind, text } in &FILES {
            if *kind == HTML {
                assert!(!text.contains("<style") && !text.contains(" style=") && !has_handlers(text), "{path}");
                assert_eq!(text.matches("<script").count(), text.matches("<script type=\"module\" src=").count(), "{path}");
            }
            for banned in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"] {
                assert!(!text.contains(banned), "`{path}` has `{banned}`");
            }
        }
    }
}
