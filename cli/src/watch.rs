//! Following a study until it is finished.

use std::time::Duration;

use hone_proto::v1;

use crate::{
    connect::Client,
    errors::{Failure, Kind, Result},
    output::visible,
    progress::Progress,
};

/// A wait that is shorter, as at every start, is not worth a word.
const WAITING: Duration = Duration::from_secs(3);

/// Shows the study's progress and returns it as it was at the end.
///
/// # Errors
/// The study is removed, or the coordinator goes away.
pub async fn until_finished(client: &Client, study: &v1::Study) -> Result<v1::Study> {
    let mut progress = Progress::new(study);
    // By id: a name may come to mean another study meanwhile.
    let request = v1::WatchStudyRequest { study: study.id.to_string() };
    let mut updates = client.studies().watch_study(request).await?.into_inner();
    let mut last = study.clone();
    loop {
        tokio::select! {
            update = updates.message() => {
                let Some(update) = update? else { break };
                progress.update(&update);
                last = update.study.unwrap_or(last);
            }
            () = tokio::time::sleep(WAITING), if progress.is_waiting() => progress.tell_waiting(),
        }
    }
    progress.clear();
    if last.state == "finished" {
        return Ok(last);
    }
    let message = format!("the coordinator stopped telling about `{}`", visible(&last.name));
    Err(Failure::new(Kind::Unreachable, message).hint("it may have ended; the same command goes on"))
}

/// Tells a study with a result from one without.
///
/// # Errors
/// No trial was successful.
pub fn require_success(study: &v1::Study) -> Result<()> {
    if study.counts.unwrap_or_default().complete > 0 {
        return Ok(());
    }
    let name = visible(&study.name);
    Err(Failure::new(Kind::NoResult, format!("study `{name}` ended without a successful trial"))
        .hint(format!("`hone trial ls {name} --state failed` says how they ended"))
        .hint("`hone trial logs last` shows what the last one wrote"))
}
