//! `hone label choose --study` and `hone label rescore`: the models of a study say which samples to ask about, each file of
//! predictions read where it is.

use hone_data::{
    acquisition::Refused,
    predictions::{Chosen, Classes, Prediction},
};
use hone_proto::v1;
use serde_json::{Value, json};
use tokio_stream::iter;

use super::{
    fetch_project,
    pool::{Names, excluded, refused, settings, write},
};
use crate::{
    args::{ChooseArgs, CommitteeArgs, RescoreArgs},
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{print_line, remark, visible},
};

/// Scores of one message.
const SCORES: usize = 1_000;

/// Chooses a batch and writes it as `hone label ask` reads it.
///
/// # Errors
/// No such study, none of its trials has predictions, or a plan that they lack something for.
pub async fn choose(client: &Client, args: &ChooseArgs, study: &str) -> Result<()> {
    let plan = serde_json::to_string(&settings(args)).map_err(|error| Failure::new(Kind::Internal, error.to_string()))?;
    let request = v1::ChooseSamplesRequest {
        committee: Some(committee(&args.committee, study)),
        plan_json: plan,
        count: args.count as u64,
        candidates: args.candidates.unwrap_or(0) as u64,
        seed: args.pool.seed,
        control: args.control,
        round: args.round,
        asked: args.asked.clone().unwrap_or_default(),
        excluded: excluded(&args.pool)?.to_bytes().into(),
    };
    let (report, samples) = heard(client.labels().choose_samples(request).await?.into_inner()).await?;
    let names = names(&report, &args.classes)?;
    let model = args.model.clone().unwrap_or_else(|| model_name(study, &report));
    let chosen: Vec<Chosen> = samples.iter().map(chosen).collect();
    write(args.to.as_deref(), &chosen, &names, &model)?;
    tell(&report);
    let control = chosen.iter().filter(|chosen| chosen.is_control).count();
    remark(&format!("{} are chosen, {control} of them at random{}", chosen.len(), refused(passed_over(&report))));
    if chosen.len() < args.count {
        remark(&format!("hint: {} were wanted; the pool, the budget or `--candidates` allow no more", args.count));
    }
    Ok(())
}

/// Gives open requests the priorities and predictions of newer models.
///
/// # Errors
/// As for [`choose`]; no such project, or nothing of it is open.
pub async fn rescore(client: &Client, args: &RescoreArgs) -> Result<()> {
    let project = fetch_project(client, args.project.clone()).await?;
    let Some(study) = &args.committee.study else {
        return Err(Failure::usage("no study is named").hint("`--study STUDY` names whose models predict"));
    };
    let request = v1::RateSamplesRequest {
        committee: Some(committee(&args.committee, study)),
        method: args.method.to_string(),
        project: project.id.to_string(),
        seed: args.seed,
        beta: 1.0,
    };
    let (report, samples) = heard(client.labels().rate_samples(request).await?.into_inner()).await?;
    let of_project = project.form.as_ref().map(|form| form.classes.clone()).unwrap_or_default();
    let fits = report.class_names.is_empty() && of_project.len() == report.classes as usize;
    let names = names(&report, if args.classes.is_empty() && fits { &of_project } else { &args.classes })?;
    let source = model_name(study, &report);
    let scores: Vec<v1::LabelScore> = samples.iter().map(|sample| score(sample, &names, &source)).collect();
    tell(&report);
    let first = v1::RescoreLabelsRequest { project: project.id.to_string(), source, scores: Vec::new() };
    let mut messages = vec![first];
    messages.extend(scores.chunks(SCORES).map(|part| v1::RescoreLabelsRequest { scores: part.to_vec(), ..Default::default() }));
    let changed = client.labels().rescore_labels(iter(messages)).await?.into_inner().changed;
    print_line(&format!("{changed} open requests of {} have new priorities", visible(&project.name)))
}

fn committee(args: &CommitteeArgs, study: &str) -> v1::SampleCommittee {
    v1::SampleCommittee {
        study: study.to_owned(),
        pool: args.pool.clone().unwrap_or_default(),
        trials: args.trials.clone(),
        top: args.members,
        deadline_us: args.patience,
    }
}

/// Reads an answer to its end, telling how far it is.
async fn heard(mut answer: tonic::Streaming<v1::ChosenSamples>) -> Result<(v1::CommitteeReport, Vec<v1::ChosenSample>)> {
    let (mut report, mut samples) = (v1::CommitteeReport::default(), Vec::new());
    while let Some(part) = answer.message().await? {
        if !part.progress.is_empty() {
            remark(&part.progress);
        }
        report = part.report.unwrap_or(report);
        samples.extend(part.samples);
    }
    Ok((report, samples))
}

fn names(report: &v1::CommitteeReport, given: &[String]) -> Result<Names> {
    let classes = match (report.classes, report.class_names.as_slice()) {
        (0, _) => None,
        (count, []) => Some(Classes::Numbered(count as usize)),
        (_, named) => Some(Classes::Named(named.to_vec())),
    };
    Names::new(classes.as_ref(), given)
}

/// The study with its members, as annotators and answers know it.
fn model_name(study: &str, report: &v1::CommitteeReport) -> String {
    let present = report.members.iter().filter(|member| member.absent_because.is_empty());
    let numbers: Vec<String> = present.map(|member| member.trial.to_string()).collect();
    format!("study {study}, trial{} {}", if numbers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

fn chosen(sample: &v1::ChosenSample) -> Chosen {
    let class = sample.class.map(|class| Prediction::Class { class: class as usize, confidence: sample.confidence });
    Chosen {
        id: sample.sample.clone(),
        priority: sample.priority,
        is_control: sample.control,
        prediction: class.or(sample.number.map(Prediction::Number)),
    }
}

fn score(sample: &v1::ChosenSample, names: &Names, source: &str) -> v1::LabelScore {
    let class = sample.class.map(|class| (json!(names.of(class as usize)), sample.confidence));
    let said: Option<(Value, f64)> = class.or(sample.number.map(|number| (json!(number), 1.0)));
    let prediction = said.map(|(label, confidence)| v1::LabelPrediction {
        label_json: label.to_string(),
        confidence,
        source: source.to_owned(),
    });
    v1::LabelScore { sample: sample.sample.clone(), priority: sample.priority, prediction }
}

/// Who has spoken, who has not, and what that means.
fn tell(report: &v1::CommitteeReport) {
    let (gone, present): (Vec<_>, Vec<_>) = report.members.iter().partition(|member| !member.absent_because.is_empty());
    let one = |member: &&v1::CommitteeMember| {
        let place = if member.worker.is_empty() { String::new() } else { format!(" on {}", visible(&member.worker)) };
        format!("{} ({}{place})", member.trial, member.state)
    };
    let members: Vec<String> = present.iter().map(one).collect();
    let rows = if report.rows > 0 { format!(", {} samples", report.rows) } else { String::new() };
    remark(&format!("members: trials {}{rows}", members.join(", ")));
    for member in gone {
        remark(&format!("left out: trial {}: {}", member.trial, visible(&member.absent_because)));
    }
    if report.approximate {
        remark(
            "its members are on different hosts: only each one's best and a random sample were compared, `--candidates N` compares more",
        );
    }
}

fn passed_over(report: &v1::CommitteeReport) -> Refused {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Refused {
        unpredicted: count(report.unpredicted),
        duplicates: count(report.duplicates),
        near_duplicates: count(report.near_duplicates),
        too_dear: count(report.too_dear),
    }
}
