//! Label projects, requests and annotators as messages.

use std::{collections::BTreeMap, sync::Arc};

use hone_proto::v1 as wire;
use hone_studies::{
    AnnotatorId,
    label::{Annotator, Answer, Form, Label, LabelCounts, LabelProject, LabelRequest, Labels, Prediction},
};
use serde_json::Value;

/// Writes a project; `full` adds its file.
pub fn label_project_to_proto(project: &LabelProject, full: bool) -> wire::LabelProject {
    let spec = &project.spec;
    wire::LabelProject {
        id: project.id.0,
        name: spec.name.clone(),
        state: project.state.name().to_owned(),
        reason: project.reason.clone(),
        created_at_us: project.created,
        instructions: spec.instructions.clone(),
        dataset: spec.dataset.clone().unwrap_or_default(),
        form: Some(wire::LabelForm {
            kind: spec.form.kind.name().to_owned(),
            classes: spec.form.classes.clone(),
            min: spec.form.range.0,
            max: spec.form.range.1,
        }),
        show: Some(wire::LabelShow {
            text: spec.show.text.clone().unwrap_or_default(),
            image: spec.show.image.clone().unwrap_or_default(),
            row: spec.show.row.clone(),
            pair: spec.show.pair.clone().map(|(a, b)| vec![a, b]).unwrap_or_default(),
        }),
        counts: Some(counts(project.counts)),
        text: if full { project.text.clone() } else { String::new() },
        batches: project
            .batches
            .iter()
            .filter(|_| full)
            .map(|batch| wire::LabelAsked {
                number: batch.number,
                at_us: batch.at,
                source: batch.source.clone(),
                count: batch.count,
            })
            .collect(),
        gold: project.gold().count() as u32,
    }
}

fn counts(counts: LabelCounts) -> wire::LabelCounts {
    let LabelCounts { open, leased, answered, resolved, conflict, skipped, withdrawn, expired, answers } = counts;
    wire::LabelCounts { open, leased, answered, resolved, conflict, skipped, withdrawn, expired, answers }
}

/// Writes a request with its answers; `data` is what annotators see of it, or nothing.
pub fn label_to_proto(labels: &Labels, project: &LabelProject, request: &LabelRequest, data: String) -> wire::Label {
    let form = &project.spec.form;
    let name = |id: AnnotatorId| labels.annotator(id).map_or_else(String::new, |annotator| annotator.name.clone());
    let resolution = request.resolution.as_ref();
    wire::Label {
        request: request.id.0,
        project: project.id.0,
        sample: request.sample.to_string(),
        state: request.state.name().to_owned(),
        priority: request.priority,
        wanted: request.wanted,
        batch: request.batch,
        control: request.control,
        created_at_us: request.created,
        prediction: request.prediction.as_ref().map(|prediction| prediction_to_proto(form, prediction)),
        label_json: resolution.map_or_else(String::new, |resolution| json(form, &resolution.label)),
        confidence: resolution.map_or(0.0, |resolution| resolution.confidence),
        resolved_at_us: resolution.map_or(0, |resolution| resolution.at),
        resolved_by: resolution.and_then(|resolution| resolution.by).map_or_else(String::new, name),
        answers: request.answers.iter().map(|answer| answer_to_proto(form, answer, name(answer.annotator))).collect(),
        holders: request
            .leases
            .iter()
            .map(|lease| wire::LabelHolder { annotator: name(lease.annotator), since_us: lease.since, until_us: lease.until })
            .collect(),
        skips: request
            .skips
            .iter()
            .map(|skip| wire::LabelSkip { annotator: name(skip.annotator), at_us: skip.at, reason: skip.reason.clone() })
            .collect(),
        gold_json: request.gold.as_ref().map_or_else(String::new, |label| json(form, label)),
        reason: request.reason.clone(),
        data_json: data,
    }
}

fn answer_to_proto(form: &Form, answer: &Answer, annotator: String) -> wire::LabelAnswer {
    let withdrawn = answer.withdrawn.clone();
    wire::LabelAnswer {
        id: answer.id.0,
        annotator,
        at_us: answer.at,
        label_json: json(form, &answer.label),
        took_ms: answer.took_ms,
        shown: answer.shown.as_ref().map(|shown| prediction_to_proto(form, shown)),
        channel: answer.channel.name().to_owned(),
        external: answer.external.clone(),
        withdrawn_at_us: withdrawn.as_ref().map_or(0, |(at, _)| *at),
        withdrawn_because: withdrawn.map_or_else(String::new, |(_, why)| why),
        former_json: answer.former.iter().map(|(_, label)| json(form, label)).collect(),
    }
}

/// Writes what a model says.
pub fn prediction_to_proto(form: &Form, prediction: &Prediction) -> wire::LabelPrediction {
    wire::LabelPrediction {
        label_json: json(form, &prediction.label),
        confidence: prediction.confidence,
        source: prediction.source.to_string(),
    }
}

/// Reads what a model says; `source` where it does not say by itself who it is.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn prediction_from_proto(form: &Form, message: &wire::LabelPrediction, source: &str) -> Result<Prediction, String> {
    let label: Value =
        serde_json::from_str(&message.label_json).map_err(|error| format!("the prediction is not JSON: {error}"))?;
    let label = Label::from_json(form, &label).map_err(|why| format!("the prediction: {why}"))?;
    if !(0.0..=1.0).contains(&message.confidence) {
        return Err(format!("the confidence `{}` is not within 0 and 1", message.confidence));
    }
    let source = if message.source.is_empty() { source } else { &message.source };
    Ok(Prediction { label, confidence: message.confidence, source: source.into() })
}

fn json(form: &Form, label: &Label) -> String {
    label.to_json(form).to_string()
}

/// Figures of one annotator.
#[derive(Default)]
struct Work {
    answers: u64,
    skips: u64,
    leases: u32,
    gold_answered: u64,
    gold_right: u64,
    took_ms: Vec<u32>,
}

/// Writes all annotators with what they did in these projects.
pub fn annotators_to_proto<'a>(labels: &Labels, projects: impl Iterator<Item = &'a Arc<LabelProject>>) -> Vec<wire::Annotator> {
    let mut works: BTreeMap<AnnotatorId, Work> = BTreeMap::new();
    for request in projects.flat_map(|project| project.requests()) {
        for answer in request.counting() {
            let work = works.entry(answer.annotator).or_default();
            work.answers += 1;
            work.took_ms.push(answer.took_ms);
            if let Some(gold) = &request.gold {
                work.gold_answered += 1;
                work.gold_right += u64::from(*gold == answer.label);
            }
        }
        request.skips.iter().for_each(|skip| works.entry(skip.annotator).or_default().skips += 1);
        request.leases.iter().for_each(|lease| works.entry(lease.annotator).or_default().leases += 1);
    }
    labels.annotators().map(|annotator| annotator_to_proto(annotator, works.remove(&annotator.id).unwrap_or_default())).collect()
}

fn annotator_to_proto(annotator: &Annotator, mut work: Work) -> wire::Annotator {
    work.took_ms.sort_unstable();
    wire::Annotator {
        id: annotator.id.0,
        name: annotator.name.clone(),
        channel: annotator.channel.name().to_owned(),
        joined_at_us: annotator.joined,
        answers: work.answers,
        skips: work.skips,
        leases: work.leases,
        gold_answered: work.gold_answered,
        gold_right: work.gold_right,
        median_ms: work.took_ms.get(work.took_ms.len() / 2).copied().unwrap_or(0),
    }
}
