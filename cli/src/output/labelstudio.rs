//! How label projects are in Label Studio, for people and programs.

use hone_proto::v1;
use serde::Serialize;

use super::values::{local_time, rfc3339, visible};

/// How a project is there as a document.
#[derive(Debug, Serialize)]
pub struct LabelStudioDocument {
    server: Option<String>,
    project: Option<u64>,
    url: Option<String>,
    tasks: u64,
    waiting: u64,
    complaints: Vec<String>,
    trouble: Option<String>,
    hook_trouble: Option<String>,
    looked_at: Option<String>,
}

/// What a look at Label Studio led to, as a document.
#[derive(Debug, Serialize)]
pub struct SyncDocument {
    answers: u64,
    revised: u64,
    skipped: u64,
    taken_back: u64,
    withdrawn: u64,
    imported: u64,
    label_studio: Option<LabelStudioDocument>,
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl From<&v1::LabelStudio> for LabelStudioDocument {
    fn from(there: &v1::LabelStudio) -> Self {
        Self {
            server: some(&there.server),
            project: Some(there.project).filter(|project| *project > 0),
            url: some(&there.url),
            tasks: there.tasks,
            waiting: there.waiting,
            complaints: there.complaints.clone(),
            trouble: some(&there.trouble),
            hook_trouble: some(&there.hook_trouble),
            looked_at: rfc3339(there.looked_at_us),
        }
    }
}

impl From<&v1::SyncLabelsResponse> for SyncDocument {
    fn from(synced: &v1::SyncLabelsResponse) -> Self {
        Self {
            answers: synced.answers,
            revised: synced.revised,
            skipped: synced.skipped,
            taken_back: synced.taken_back,
            withdrawn: synced.withdrawn,
            imported: synced.imported,
            label_studio: synced.label_studio.as_ref().map(LabelStudioDocument::from),
        }
    }
}

/// Says in lines how a project is there: a key and a value each.
pub fn label_studio_facts(there: &v1::LabelStudio) -> Vec<(&'static str, String)> {
    if there.server.is_empty() {
        return vec![("Label Studio", "not spoken to; start `hone serve --label-studio URL`".to_owned())];
    }
    let place = if there.url.is_empty() { visible(&there.server) } else { visible(&there.url) };
    let waiting = if there.waiting > 0 { format!(", {} requests wait for one", there.waiting) } else { String::new() };
    let looked = if there.looked_at_us > 0 { format!(", looked at {}", local_time(there.looked_at_us)) } else { String::new() };
    let mut facts = vec![("Label Studio", format!("{place}, {} tasks{waiting}{looked}", there.tasks))];
    let more = [("trouble", &there.trouble), ("webhook", &there.hook_trouble)];
    facts.extend(more.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, visible(text))));
    facts.extend(there.complaints.iter().map(|complaint| ("no label", visible(complaint))));
    facts
}

/// Says in a line what a look at Label Studio led to.
pub fn sync_text(synced: &v1::SyncLabelsResponse) -> String {
    let counts = [
        (synced.answers, "new answers"),
        (synced.revised, "revised"),
        (synced.taken_back, "taken back"),
        (synced.skipped, "skipped"),
        (synced.withdrawn, "requests withdrawn"),
        (synced.imported, "tasks made"),
    ];
    let told: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if told.is_empty() { "nothing is new".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_it_is_and_others_what_is_wrong() {
        let mut there = v1::LabelStudio { server: "http://there".to_owned(), tasks: 3, waiting: 2, ..Default::default() };
        assert_eq!(label_studio_facts(&there), [("Label Studio", "http://there, 3 tasks, 2 requests wait for one".to_owned())]);
        there.trouble = "away\u{1b}[31m".to_owned();
        there.complaints = vec!["request 1: no".to_owned()];
        let facts = label_studio_facts(&there);
        assert_eq!(facts.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["Label Studio", "trouble", "no label"]);
        assert!(!facts[1].1.contains('\u{1b}'));
        assert!(label_studio_facts(&v1::LabelStudio::default())[0].1.contains("hone serve --label-studio"));
    }

    #[test]
    fn what_was_done_is_counted_and_nothing_is_said_in_words() {
        assert_eq!(sync_text(&v1::SyncLabelsResponse::default()), "nothing is new");
        let synced = v1::SyncLabelsResponse { answers: 2, imported: 1, ..Default::default() };
        assert_eq!(sync_text(&synced), "2 new answers, 1 tasks made");
    }
}
