//! `hone label invite`, `sessions`, `revoke`: who may come to the page for annotators.

use hone_proto::v1;
use hone_studies::file::units::parse_duration;

use crate::{
    args::{AccessCommand, InviteArgs, Shape},
    connect::Client,
    context::Context,
    errors::{Failure, Result},
    output::{self, Cell, Column, Listing, json_text, list_text, print, print_line, remark, rfc3339},
};

/// Runs one of the commands.
///
/// # Errors
/// A time cannot be read, or the coordinator refuses.
pub async fn command(context: &Context, client: &Client, command: AccessCommand) -> Result<()> {
    match command {
        AccessCommand::Invite(args) => invite(client, args).await,
        AccessCommand::Sessions { format } => {
            let passes = client.labels().list_passes(v1::ListPassesRequest {}).await?.into_inner().passes;
            let documents: Vec<serde_json::Value> = passes.iter().map(document).collect();
            print(&list_text(format.output, context.look, &documents, &listing(&passes))?)
        }
        AccessCommand::Revoke { what } => {
            let answer = client.labels().revoke_passes(v1::RevokePassesRequest { what }).await?.into_inner();
            let many = if answer.revoked == 1 { "it lets" } else { "they let" };
            print_line(&format!("{} revoked: {many} nobody in any more", answer.revoked))
        }
    }
}

async fn invite(client: &Client, args: InviteArgs) -> Result<()> {
    let InviteArgs { name, project, expires, session, token, format } = args;
    let request = v1::InviteAnnotatorRequest {
        annotator: name,
        projects: project,
        valid_us: expires.map_or(Ok(0), |text| time("--expires", &text))?,
        session_us: time("--session", &session)?,
        token,
    };
    let answer = client.labels().invite_annotator(request).await?.into_inner();
    let pass = answer.pass.unwrap_or_default();
    match format.output {
        Shape::Json => {
            let mut document = document(&pass);
            document[if token { "token" } else { "link" }] = answer.secret.into();
            document["page"] = answer.page.into();
            print(&json_text(&document)?)
        }
        Shape::Text => {
            let what = if token { "a token" } else { "a link that works once" };
            remark(&format!("{what}, good until {}", output::local_time(pass.expires_at_us)));
            print_line(&answer.secret)
        }
    }
}

fn time(option: &str, text: &str) -> Result<i64> {
    parse_duration(text).map_err(|problem| Failure::usage(format!("`{option}`: {problem}")))
}

fn document(pass: &v1::AnnotatorPass) -> serde_json::Value {
    let seen = (pass.seen_at_us > 0).then(|| rfc3339(pass.seen_at_us));
    serde_json::json!({
        "id": pass.id,
        "kind": pass.kind,
        "annotator": pass.annotator,
        "projects": pass.project_names,
        "created": rfc3339(pass.created_at_us),
        "expires": rfc3339(pass.expires_at_us),
        "seen": seen,
    })
}

fn listing(passes: &[v1::AnnotatorPass]) -> Listing {
    let columns = [
        ("id", "ID"),
        ("annotator", "ANNOTATOR"),
        ("kind", "KIND"),
        ("projects", "PROJECTS"),
        ("created", "CREATED"),
        ("expires", "EXPIRES"),
        ("seen", "SEEN"),
    ];
    let columns = columns.map(|(name, title)| Column::new(name, title)).to_vec();
    let mut listing = Listing::new(columns, "nobody may come to the page; `hone label invite NAME` lets somebody in");
    for pass in passes {
        // One whose projects are all gone sees nothing, and not everything.
        let projects = match (pass.projects.as_slice(), pass.project_names.as_slice()) {
            ([], _) => "all".to_owned(),
            (_, []) => "none that is there".to_owned(),
            (_, names) => names.join(", "),
        };
        listing.push(vec![
            Cell::Text(pass.id.clone()),
            Cell::Text(pass.annotator.clone()),
            Cell::Text(pass.kind.clone()),
            Cell::Text(projects),
            Cell::Time(pass.created_at_us),
            Cell::Time(pass.expires_at_us),
            Cell::Time(pass.seen_at_us),
        ]);
    }
    listing
}
