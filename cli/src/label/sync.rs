//! `hone label sync`: Label Studio is looked at now.

use hone_proto::v1;

use crate::{
    args::{Shape, SyncArgs},
    connect::Client,
    errors::Result,
    output::{SyncDocument, json_text, print, print_line, remark, sync_text, visible},
};

/// Looks at a project in Label Studio, and tells what that led to.
///
/// # Errors
/// It is not one of Label Studio's, or that is not reached.
pub async fn sync(client: &Client, args: SyncArgs) -> Result<()> {
    let SyncArgs { project, anew, accept_deletions, format } = args;
    let request = v1::SyncLabelsRequest { project, anew, accept_deletions };
    let synced = client.labels().sync_labels(request).await?.into_inner();
    if format.output == Shape::Json {
        return print(&json_text(&SyncDocument::from(&synced))?);
    }
    print_line(&sync_text(&synced))?;
    for complaint in synced.label_studio.iter().flat_map(|there| &there.complaints) {
        remark(&format!("no label: {}", visible(complaint)));
    }
    Ok(())
}
