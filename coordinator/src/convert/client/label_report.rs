//! What is known of a project's answers, as one JSON document.

use hone_studies::{
    AnnotatorId,
    label::{AnnotatorReport, LabelProject, LabelReport, Labels, PairAgreement},
};
use serde_json::{Value, json};

/// Writes a report with names in place of ids. What has no meaning is null.
pub fn label_report_to_json(labels: &Labels, project: &LabelProject, report: &LabelReport) -> Value {
    let anchoring = report.anchoring.map(|anchoring| {
        json!({
            "finding": anchoring.finding,
            "says": anchoring.reason(),
            "shown": {"answers": anchoring.counts.shown.of, "agree": anchoring.counts.shown.hits},
            "blind": {"answers": anchoring.counts.blind.of, "agree": anchoring.counts.blind.hits},
            "difference": anchoring.difference,
            "low": anchoring.interval.low,
            "high": anchoring.interval.high,
        })
    });
    json!({
        "agreement": {
            "samples": report.shared,
            "percent": report.percent_agreement,
            "alpha": report.alpha.map(|alpha| alpha.alpha),
            "alpha_low": report.alpha.map(|alpha| alpha.interval.low),
            "alpha_high": report.alpha.map(|alpha| alpha.interval.high),
            "fleiss_kappa": report.fleiss_kappa,
            "similarity": report.similarity,
            "pairs": report.pairs.iter().map(|pair| pair_to_json(labels, pair)).collect::<Vec<_>>(),
        },
        "annotators": report.annotators.iter().map(|one| annotator_to_json(labels, one)).collect::<Vec<_>>(),
        "anchoring": anchoring,
        "control": {"labels": report.control_labels, "of": project.counts.resolved},
    })
}

fn pair_to_json(labels: &Labels, pair: &PairAgreement) -> Value {
    let (first, second) = pair.annotators;
    json!({"annotators": [name(labels, first), name(labels, second)], "samples": pair.samples, "kappa": pair.kappa})
}

fn annotator_to_json(labels: &Labels, report: &AnnotatorReport) -> Value {
    let summary = &report.summary;
    let scored = |scored: &hone_studies::label::Scored| {
        json!({
            "right": scored.rate.hits,
            "of": scored.rate.of,
            "low": scored.interval.low,
            "high": scored.interval.high,
        })
    };
    json!({
        "name": name(labels, report.annotator),
        "answers": summary.answers,
        "gold": scored(&summary.gold),
        "agree_with_others": scored(&summary.consensus),
        "estimated_accuracy": summary.estimated_accuracy,
        "spammer_score": summary.spammer_score,
        "median_ms": summary.median_ms,
    })
}

fn name(labels: &Labels, id: AnnotatorId) -> String {
    labels.annotator(id).map_or_else(|| id.to_string(), |annotator| annotator.name.clone())
}
