//! How well a project's labels can be trusted: how far annotators agree, how good each is, whether predictions sway them.

use hone_consensus::{
    Answer, Answers, ConsensusError, Gold,
    agreement::{AlphaInterval, Level, Weighting, alpha_interval, fleiss_kappa, pairwise_kappa, percent_agreement},
    anchoring::{Anchoring, AnchoringReport, AnchoringRule},
    labels::{
        regions::{LeastIou, Region, mean_agreement},
        sets::mean_jaccard,
    },
    quality::{AnnotatorSummary, Duration, summarise},
};

pub use hone_consensus::quality::Scored;

use super::{
    form::FormKind,
    opinion::{rects_of, spans_of},
    project::LabelProject,
    request::LabelRequest,
    skills::estimator,
    value::Label,
};
use crate::ids::AnnotatorId;

/// Of every interval.
const CONFIDENCE: f64 = 0.95;
/// Resamples of alpha's interval.
const RESAMPLES: u32 = 500;
/// Beyond so many values alpha has no interval: each resample goes through all of them.
const MOST_RESAMPLED: usize = 200_000;
/// Pairs of annotators, at most: those who share most samples.
const MOST_PAIRS: usize = 45;

/// What is known of a project's answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelReport {
    /// Samples with two answers or more.
    pub shared: u64,
    /// Share of pairs of answers to one sample that are the same; classes and pairs.
    pub percent_agreement: Option<f64>,
    /// Krippendorff's alpha with its interval; classes, pairs and numbers.
    pub alpha: Option<AlphaInterval>,
    /// Fleiss' kappa; where every sample has as many answers.
    pub fleiss_kappa: Option<f64>,
    /// Cohen's kappa of two annotators on the samples that both answered, most samples first.
    pub pairs: Vec<PairAgreement>,
    /// How alike two answers to one sample are on average: Jaccard for `multi`, F1 for boxes and spans.
    pub similarity: Option<f64>,
    /// Who has answered, by id.
    pub annotators: Vec<AnnotatorReport>,
    /// `None`: there are no predictions, or the form has no answers that are the same as a prediction or not.
    pub anchoring: Option<AnchoringReport>,
    /// Labels of samples that were drawn at random.
    pub control_labels: u64,
}

/// How two annotators agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairAgreement {
    pub annotators: (AnnotatorId, AnnotatorId),
    /// Samples that both answered.
    pub samples: u32,
    /// `None`: both said the same one thing throughout.
    pub kappa: Option<f64>,
}

/// How good an annotator is.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatorReport {
    pub annotator: AnnotatorId,
    pub summary: AnnotatorSummary,
}

/// Sums up the answers of a project.
///
/// # Errors
/// More annotators and classes than an estimate can hold.
pub fn report(project: &LabelProject) -> Result<LabelReport, ConsensusError> {
    let asked = || project.requests().filter(|request| request.gold.is_none());
    let mut report = LabelReport {
        shared: asked().filter(|request| request.counting().count() > 1).count() as u64,
        percent_agreement: None,
        alpha: alpha(project)?,
        fleiss_kappa: None,
        pairs: Vec::new(),
        similarity: similarity(project),
        annotators: Vec::new(),
        anchoring: anchoring(project)?,
        control_labels: asked().filter(|request| request.control && request.resolution.is_some()).count() as u64,
    };
    let Some(classes) = classes(project) else { return Ok(report) };
    let annotators = annotators(project);
    let (answers, _) = laid_out(&annotators, classes, asked())?;
    report.percent_agreement = percent_agreement(&answers);
    report.fleiss_kappa = fleiss_kappa(&answers).ok().flatten().filter(|_| report.shared > 0);
    report.pairs = pairs(&annotators, &answers);
    report.annotators = summaries(project, &annotators, classes)?;
    Ok(report)
}

/// How many classes answers have, where an answer is one of them.
fn classes(project: &LabelProject) -> Option<u32> {
    match project.spec.form.kind {
        FormKind::Classes => Some(project.spec.form.classes.len() as u32).filter(|classes| *classes > 1),
        FormKind::Pairwise => Some(3),
        FormKind::Multi | FormKind::Boxes | FormKind::Spans | FormKind::Number => None,
    }
}

fn class_of(label: &Label) -> Option<u32> {
    match label {
        Label::Class(class) => Some(*class),
        Label::Pair(preference) => Some(*preference as u32),
        Label::Classes(_) | Label::Boxes(_) | Label::Spans(_) | Label::Number(_) => None,
    }
}

/// Everybody who has an answer that counts, by id.
fn annotators(project: &LabelProject) -> Vec<AnnotatorId> {
    let mut all: Vec<AnnotatorId> =
        project.requests().flat_map(|request| request.counting().map(|answer| answer.annotator)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Answers by item and annotator, and the items whose class is known.
fn laid_out<'a>(
    annotators: &[AnnotatorId],
    classes: u32,
    requests: impl Iterator<Item = &'a LabelRequest>,
) -> Result<(Answers, Vec<Gold>), ConsensusError> {
    let (mut list, mut gold) = (Vec::new(), Vec::new());
    let mut items = 0;
    for request in requests.filter(|request| request.counting().next().is_some()) {
        for answer in request.counting() {
            let (Ok(annotator), Some(class)) = (annotators.binary_search(&answer.annotator), class_of(&answer.label)) else {
                continue;
            };
            list.push(Answer { item: items, annotator: annotator as u32, class });
        }
        gold.extend(request.gold.as_ref().and_then(class_of).map(|class| Gold { item: items, class }));
        items += 1;
    }
    Ok((Answers::new(items, annotators.len() as u32, classes, list)?, gold))
}

fn pairs(annotators: &[AnnotatorId], answers: &Answers) -> Vec<PairAgreement> {
    let all = pairwise_kappa(answers, Weighting::Equal).into_iter();
    let mut pairs: Vec<PairAgreement> = all
        .map(|pair| PairAgreement {
            annotators: (annotators[pair.first as usize], annotators[pair.second as usize]),
            samples: pair.items,
            kappa: pair.kappa,
        })
        .collect();
    pairs.sort_by(|a, b| b.samples.cmp(&a.samples).then(a.annotators.cmp(&b.annotators)));
    pairs.truncate(MOST_PAIRS);
    pairs
}

fn summaries(project: &LabelProject, annotators: &[AnnotatorId], classes: u32) -> Result<Vec<AnnotatorReport>, ConsensusError> {
    if annotators.is_empty() {
        return Ok(Vec::new());
    }
    let (answers, gold) = laid_out(annotators, classes, project.requests())?;
    let fit = estimator().fit(&answers, &gold)?;
    let answered = project.requests().flat_map(LabelRequest::counting);
    let durations = answered.filter_map(|answer| {
        let annotator = annotators.binary_search(&answer.annotator).ok()? as u32;
        // Who does not say how long it took is not thought to have taken no time.
        (answer.took_ms > 0).then(|| Duration { annotator, taken_ms: f64::from(answer.took_ms) })
    });
    let durations: Vec<Duration> = durations.collect();
    let summaries = summarise(&answers, &gold, &durations, Some(&fit), CONFIDENCE)?;
    Ok(annotators.iter().zip(summaries).map(|(annotator, summary)| AnnotatorReport { annotator: *annotator, summary }).collect())
}

fn alpha(project: &LabelProject) -> Result<Option<AlphaInterval>, ConsensusError> {
    let level = match project.spec.form.kind {
        FormKind::Classes | FormKind::Pairwise => Level::Nominal,
        FormKind::Number => Level::Interval,
        FormKind::Multi | FormKind::Boxes | FormKind::Spans => return Ok(None),
    };
    let value = |label: &Label| match label {
        Label::Number(number) => Some(*number),
        other => class_of(other).map(f64::from),
    };
    let asked = project.requests().filter(|request| request.gold.is_none());
    let units: Vec<Vec<f64>> =
        asked.map(|request| request.counting().filter_map(|answer| value(&answer.label)).collect()).collect();
    let resamples = if units.iter().map(Vec::len).sum::<usize>() > MOST_RESAMPLED { 1 } else { RESAMPLES };
    alpha_interval(&units, level, CONFIDENCE, resamples, project.spec.seed)
}

/// The mean over samples of how alike every two answers are.
fn similarity(project: &LabelProject) -> Option<f64> {
    let least = LeastIou::new(project.spec.answers.iou).ok()?;
    let of = |request: &LabelRequest| -> Option<f64> {
        let labels: Vec<&Label> = request.counting().map(|answer| &answer.label).collect();
        match project.spec.form.kind {
            FormKind::Multi => mean_jaccard(&labels.iter().filter_map(|label| classes_in(label)).collect::<Vec<_>>()),
            FormKind::Boxes => f1(rects_of(&labels), least),
            FormKind::Spans => f1(spans_of(&labels), least),
            FormKind::Classes | FormKind::Number | FormKind::Pairwise => None,
        }
    };
    let found: Vec<f64> = project.requests().filter(|request| request.gold.is_none()).filter_map(of).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
}

fn classes_in(label: &Label) -> Option<&[u32]> {
    match label {
        Label::Classes(classes) => Some(classes),
        _ => None,
    }
}

fn f1<R: Region>(regions: Option<Vec<Vec<R>>>, least: LeastIou) -> Option<f64> {
    mean_agreement(&regions?, least).map(|agreement| agreement.f1)
}

/// Whether people agree with the model more often where they see what it says.
fn anchoring(project: &LabelProject) -> Result<Option<AnchoringReport>, ConsensusError> {
    if !matches!(project.spec.form.kind, FormKind::Classes | FormKind::Multi | FormKind::Pairwise) {
        return Ok(None);
    }
    let mut counts = Anchoring::default();
    for request in project.requests().filter(|request| request.gold.is_none()) {
        for answer in request.counting() {
            // Who did not see one is compared with what the model says now.
            let Some(prediction) = answer.shown.as_ref().or(request.prediction.as_ref()) else { continue };
            counts.record(answer.shown.is_some(), answer.label == prediction.label);
        }
    }
    let is_any = counts.shown.of + counts.blind.of > 0;
    if is_any { counts.report(&AnchoringRule::default()).map(Some) } else { Ok(None) }
}
