//! `hone trial`.

use std::collections::HashMap;

use hone_proto::v1;

use crate::{
    args::{EnqueueArgs, LogsArgs, OutputsArgs, Shape, TrialArgs, TrialCommand, TrialListArgs},
    connect::{Client, with_client},
    context::Context,
    errors::{Failure, Kind, Result},
    output::{self, TrialDocument, json_text, list_text, print, print_bytes, print_line, remark},
    outputs,
    study::{fetch as fetch_study, parameter_names},
};

/// Trials of one page of `--all`.
const PAGE: u32 = 1_000;

/// Runs one of the commands.
///
/// # Errors
/// Whatever the coordinator answers.
pub async fn command(context: &Context, command: TrialCommand) -> Result<()> {
    with_client(context, async |client| dispatch(context, client, command).await).await
}

async fn dispatch(context: &Context, client: &Client, command: TrialCommand) -> Result<()> {
    match command {
        TrialCommand::Ls(args) => list(context, client, &args).await,
        TrialCommand::Show { trial, format } => show(client, &trial, format.output).await,
        TrialCommand::Logs(args) => logs(client, &args).await,
        TrialCommand::Retry(trial) => {
            let trial = client.trials().retry_trial(request(&trial)?).await?.into_inner();
            print_line(&format!("trial {} runs these parameters again", trial.number))
        }
        TrialCommand::Cancel(trial) => {
            let trial = client.trials().cancel_trial(request(&trial)?).await?.into_inner();
            print_line(&format!("trial {} is {}", trial.number, trial.state))
        }
        TrialCommand::Pause(trial) => {
            let trial = client.trials().pause_trial(request(&trial)?).await?.into_inner();
            print_line(&format!("trial {} is {}", trial.number, trial.state))
        }
        TrialCommand::Resume(trial) => {
            let trial = client.trials().resume_trial(request(&trial)?).await?.into_inner();
            print_line(&format!("trial {} is {}", trial.number, trial.state))
        }
        TrialCommand::Enqueue(args) => enqueue(client, args).await,
        TrialCommand::Explain { trial, format } => explain(client, &trial, format.output).await,
        TrialCommand::Tag { trial, tags, remove } => tag(client, &trial, tags, remove).await,
        TrialCommand::Note { trial, text } => note(client, &trial, text).await,
        TrialCommand::Outputs(args) => fetch_outputs(context, client, &args).await,
    }
}

fn request(trial: &TrialArgs) -> Result<v1::GetTrialRequest> {
    let selector = trial.selector()?;
    Ok(v1::GetTrialRequest { study: selector.study, trial: selector.trial })
}

async fn fetch(client: &Client, trial: &TrialArgs) -> Result<v1::Trial> {
    Ok(client.trials().get_trial(request(trial)?).await?.into_inner())
}

async fn list(context: &Context, client: &Client, args: &TrialListArgs) -> Result<()> {
    let (study, trials, more) = pages(client, args).await?;
    let names = parameter_names(&study, &trials);
    let listing = output::trials_listing(&study.objectives, &names, &trials);
    print(&list_text(args.format.output, context.look, &output::trial_documents(&trials), &listing)?)?;
    if more {
        remark(&format!("there are more than these {}; `--all` lists them all", trials.len()));
    }
    Ok(())
}

/// One page, or all of them with `--all`; the flag says whether there are more.
async fn pages(client: &Client, args: &TrialListArgs) -> Result<(v1::Study, Vec<v1::Trial>, bool)> {
    let mut trials: Vec<v1::Trial> = Vec::new();
    let mut study = args.study.clone();
    loop {
        let request = v1::ListTrialsRequest {
            study,
            limit: if args.all { PAGE } else { args.limit },
            after_number: trials.last().map(|trial| trial.number),
            oldest_first: args.oldest_first,
            states: args.state.clone(),
        };
        let page = client.trials().list_trials(request).await?.into_inner();
        let progressed = !page.trials.is_empty();
        trials.extend(page.trials);
        let found = page.study.unwrap_or_default();
        if !args.all || !page.more || !progressed {
            return Ok((found, trials, page.more && !args.all));
        }
        // By id from now on: `last` may come to mean another study meanwhile.
        study = found.id.to_string();
    }
}

async fn show(client: &Client, trial: &TrialArgs, shape: Shape) -> Result<()> {
    let trial = fetch(client, trial).await?;
    match shape {
        Shape::Json => print(&json_text(&TrialDocument::from(&trial))?),
        Shape::Text => {
            let study = fetch_study(client, trial.study.to_string()).await?;
            print(&output::trial_text(&trial, &study))
        }
    }
}

async fn logs(client: &Client, args: &LogsArgs) -> Result<()> {
    let selector = args.trial.selector()?;
    let request = v1::TrialLogRequest {
        study: selector.study,
        trial: selector.trial,
        attempt: args.attempt.unwrap_or(0),
        follow: args.follow,
    };
    let mut pieces = client.trials().trial_log(request).await?.into_inner();
    while let Some(piece) = pieces.message().await? {
        if !piece.remark.is_empty() {
            remark(&format!("[{}]", output::visible(&piece.remark)));
        }
        print_bytes(&piece.data)?;
    }
    Ok(())
}

async fn enqueue(client: &Client, args: EnqueueArgs) -> Result<()> {
    let request =
        v1::EnqueueTrialRequest { study: args.study, params: assignments(&args.params)?, tags: args.tag, note: args.note };
    let trial = client.trials().enqueue_trial(request).await?.into_inner();
    print_line(&format!("trial {} is {}", trial.number, trial.state))
}

/// Reads `name=value` words; a name may stand once.
fn assignments(words: &[String]) -> Result<HashMap<String, String>> {
    let mut params = HashMap::new();
    for word in words {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::usage(format!("`{word}` sets no parameter")).hint("write for example `learning_rate=0.01`"));
        };
        if params.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("`{name}` is set twice")));
        }
    }
    Ok(params)
}

async fn explain(client: &Client, trial: &TrialArgs, shape: Shape) -> Result<()> {
    let answer = client.trials().explain_trial(request(trial)?).await?.into_inner();
    match shape {
        Shape::Json => {
            let document = serde_json::json!({"summary": answer.summary, "facts": answer.facts, "hints": answer.hints});
            print(&json_text(&document)?)
        }
        Shape::Text => print(&explanation_text(&answer)),
    }
}

fn explanation_text(answer: &v1::Explanation) -> String {
    let facts = answer.facts.iter().map(|fact| format!("    {}\n", output::visible(fact)));
    let hints = answer.hints.iter().map(|hint| format!("hint: {}\n", output::visible(hint)));
    let head = format!("{}\n", output::visible(&answer.summary));
    head + &facts.collect::<String>() + &hints.collect::<String>()
}

async fn tag(client: &Client, trial: &TrialArgs, tags: Vec<String>, remove: bool) -> Result<()> {
    let selector = trial.selector()?;
    let (add_tags, remove_tags) = if remove { (Vec::new(), tags) } else { (tags, Vec::new()) };
    let request = v1::AnnotateTrialRequest { study: selector.study, trial: selector.trial, add_tags, remove_tags, note: None };
    let trial = client.trials().annotate_trial(request).await?.into_inner();
    let tags = if trial.tags.is_empty() { "no tags".to_owned() } else { output::visible(&trial.tags.join(" ")) };
    print_line(&format!("trial {}: {tags}", trial.number))
}

async fn note(client: &Client, trial: &TrialArgs, text: String) -> Result<()> {
    let selector = trial.selector()?;
    let request = v1::AnnotateTrialRequest {
        study: selector.study,
        trial: selector.trial,
        note: Some(text),
        ..v1::AnnotateTrialRequest::default()
    };
    let trial = client.trials().annotate_trial(request).await?.into_inner();
    print_line(&format!("trial {}: {}", trial.number, output::visible(&trial.note)))
}

async fn fetch_outputs(context: &Context, client: &Client, args: &OutputsArgs) -> Result<()> {
    let trial = fetch(client, &args.trial).await?;
    let Some(directory) = &args.to else {
        let documents = TrialDocument::from(&trial).into_outputs();
        return print(&list_text(args.format.output, context.look, &documents, &output::outputs_listing(&trial.outputs))?);
    };
    if trial.outputs.is_empty() {
        let failure = Failure::new(Kind::Refused, format!("trial {} has no outputs", trial.number));
        return Err(failure.hint("`keep.outputs` in the study file says whose are kept; files go into $HONE_OUTPUT"));
    }
    let count = outputs::fetch(client, &trial, directory).await?;
    print_line(&format!("wrote {count} files into {}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn parameters_are_names_and_values() {
        let params = assignments(&words(&["lr=0.1", "text=a=b", "empty="])).unwrap();
        assert_eq!((params["lr"].as_str(), params["text"].as_str(), params["empty"].as_str()), ("0.1", "a=b", ""));
    }

    #[test]
    fn a_word_that_sets_nothing_and_a_name_set_twice_are_wrong_usage() {
        for bad in [&["lr"][..], &["=1"], &["lr=1", "lr=2"]] {
            assert_eq!(assignments(&words(bad)).unwrap_err().kind.exit_code(), 2, "{bad:?}");
        }
    }

    #[test]
    fn an_explanation_is_a_sentence_with_facts_and_hints() {
        let answer = v1::Explanation {
            summary: "trial 3 waits for a worker with a GPU".to_owned(),
            facts: vec!["it asks for 1 GPU".to_owned()],
            hints: vec!["attach a worker with a GPU".to_owned()],
        };
        let text = "trial 3 waits for a worker with a GPU\n    it asks for 1 GPU\nhint: attach a worker with a GPU\n";
        assert_eq!(explanation_text(&answer), text);
    }
}
