//! `hone run --dry-run`.

use hone_proto::v1;
use hone_studies::file::spec_to_toml;

use crate::{
    connect::{Client, with_client},
    context::Context,
    errors::{Failure, Result},
    output::{Cell, Column, Listing, parameter_text, print, remark},
    studyfile::StudyFile,
};

/// Suggestions that are shown.
const SUGGESTIONS: u32 = 5;

/// Shows what the file comes to and the first suggestions. Leaves nothing behind.
///
/// # Errors
/// The coordinator finds a mistake that is not in the file alone.
pub async fn show(context: &Context, file: &StudyFile) -> Result<()> {
    let nowhere = tempfile::tempdir().map_err(|error| Failure::file("make", &std::env::temp_dir(), &error))?;
    // A store of its own, unless a coordinator is named: the real one need not exist yet, and may be in use.
    let scratch = Context {
        data: nowhere.path().to_owned(),
        server: context.server.clone(),
        credentials: context.credentials.clone(),
        look: context.look,
        typed_place: String::new(),
    };
    // The studies to start from and the datasets are in the real one.
    let needs_store = !file.spec.search.warm_start.is_empty() || !file.spec.trial.datasets.is_empty();
    let context = if needs_store { context } else { &scratch };
    let trials = with_client(context, async |client| preview(client, file).await).await?;
    print(&spec_to_toml(&file.spec))?;
    print(&format!("\nfirst suggestions\n{}", suggestions(file, &trials).table(context.look)))?;
    remark("nothing was run");
    Ok(())
}

async fn preview(client: &Client, file: &StudyFile) -> Result<Vec<v1::Trial>> {
    let (text, shown, name) = (file.text.clone(), file.shown.clone(), Some(file.spec.name.clone()));
    let request = v1::PreviewStudyRequest { text, file: shown, count: SUGGESTIONS, name };
    Ok(client.studies().preview_study(request).await?.into_inner().trials)
}

fn suggestions(file: &StudyFile, trials: &[v1::Trial]) -> Listing {
    let names: Vec<&str> = file.spec.space.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let mut columns = vec![Column::new("number", "TRIAL")];
    columns.extend(names.iter().map(|name| Column::named(format!("params.{name}"), name)));
    let mut listing = Listing::new(columns, "none");
    for trial in trials {
        let mut row = vec![Cell::Whole(trial.number)];
        row.extend(names.iter().map(|name| match trial.params.iter().find(|parameter| parameter.name == *name) {
            Some(v1::Parameter { value: Some(v1::parameter::Value::Float(value)), .. }) => Cell::Number(*value),
            Some(parameter) => Cell::Text(parameter_text(parameter)),
            None => Cell::Nothing,
        }));
        listing.push(row);
    }
    listing
}
