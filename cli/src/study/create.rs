//! `hone study create`.

use hone_proto::v1;

use crate::{
    args::{CreateArgs, Shape},
    connect::Client,
    errors::Result,
    output::{self, StudyDocument, json_text, print, print_line},
    source,
    studyfile::{Overrides, StudyFile},
};

/// Sends the study and its source; an existing one is refused.
///
/// # Errors
/// A mistake in the file, a source that cannot be packed, a study of that name.
pub async fn create(client: &Client, args: &CreateArgs) -> Result<()> {
    let overrides = Overrides { name: args.name.clone(), ..Overrides::default() };
    let file = StudyFile::load(&args.study, &overrides)?;
    let source = source::upload(client, &file).await?;
    let request = v1::CreateStudyRequest { paused: args.paused, ..file.request(source, false) };
    let study = client.studies().create_study(request).await?.into_inner().study.unwrap_or_default();
    match args.format.output {
        Shape::Json => print(&json_text(&StudyDocument::from(&study))?),
        Shape::Text => print_line(&format!("created {} (study {}, {})", output::visible(&study.name), study.id, study.state)),
    }
}
