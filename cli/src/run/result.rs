//! What `hone run` leaves the user with: the best trials, their files, and where to go from here.

use std::path::PathBuf;

use hone_proto::v1;

use crate::{
    connect::Client,
    context::Context,
    errors::{Failure, Result},
    output::{counts_text, print, print_line, remark, trials_listing, visible},
    outputs, study, watch,
};

/// Trials in the final table.
const BEST: u32 = 5;

/// Shows the result of a finished study; fetches the files of its best trial.
///
/// # Errors
/// No trial was successful, or the coordinator goes away.
pub async fn show(context: &Context, client: &Client, study: &v1::Study) -> Result<()> {
    let reason = if study.reason.is_empty() { String::new() } else { format!(" ({})", visible(&study.reason)) };
    print_line(&format!("{} is finished{reason}: {}", visible(&study.name), counts_text(study)))?;
    watch::require_success(study)?;
    let request = v1::BestTrialsRequest { study: study.id.to_string(), count: BEST, ..Default::default() };
    let trials = client.studies().best_trials(request).await?.into_inner().trials;
    let names = study::parameter_names(study, &trials);
    print(&format!("\n{}", trials_listing(&study.objectives, &names, &trials).table(context.look)))?;
    if let Some(folder) = best_outputs(context, client, study, &trials).await {
        print_line(&format!("\noutputs of the best trial: {}", folder.display()))?;
    }
    let (id, place) = (study.id, &context.typed_place);
    print(&format!(
        "\nnext:\n    hone trial show {id}/best{place}\n    hone trial ls {id}{place}\n    \
         hone study export {id} --to trials.csv{place}\n    \
         hone study set {id} max_trials=N{place}    to search on\n"
    ))
}

/// The result stands without the files: what keeps them away is said, not failed upon.
async fn best_outputs(context: &Context, client: &Client, study: &v1::Study, trials: &[v1::Trial]) -> Option<PathBuf> {
    let best = trials.first()?;
    match fetch(context, client, study, best).await {
        Ok(folder) => folder,
        Err(failure) => {
            remark(&format!("warning: the outputs of trial {} could not be fetched: {failure}", best.number));
            None
        }
    }
}

async fn fetch(context: &Context, client: &Client, study: &v1::Study, best: &v1::Trial) -> Result<Option<PathBuf>> {
    let request = v1::GetTrialRequest { study: study.id.to_string(), trial: best.number.to_string() };
    let trial = client.trials().get_trial(request).await.map_err(Failure::from)?.into_inner();
    if trial.outputs.is_empty() {
        return Ok(None);
    }
    let folder = outputs::default_folder(&context.data, study, &trial);
    // It appears when it is complete, and a finished trial never changes.
    if !folder.is_dir() {
        outputs::fetch(client, &trial, &folder).await?;
    }
    Ok(Some(folder))
}
