//! One label event of every kind and every shape that a kind can have: what the golden file holds.

use std::sync::Arc;

use hone_studies::{
    AnnotatorId, AnswerId, BlobId, DatasetId, Event, LabelProjectId, LabelRequestId, RequestId,
    dataset::VersionRef,
    label::{
        AnswerFact, Channel, Finding, Label, LabelBox, LabelEvent, LabelSpan, LabelSpec, LeaseEnd, NewRequest, Prediction,
        Preference, ProjectState, Rescore, SampleData, Skills,
    },
};

const AT: i64 = 1_700_000_000_000_001;
const PROJECT: &str = include_str!("../../../../tests/golden/labels.toml");

fn spec() -> Arc<LabelSpec> {
    Arc::new(hone_studies::file::parse_labels(PROJECT, "labels.toml").expect("the golden label project is correct"))
}

fn skills() -> Arc<Skills> {
    let written = r#"{"annotators": [5, 6], "said": 40, "parameters": {"prior": [0.25, 0.75],
        "annotators": [{"one_coin": 0.9}, {"full": [0.75, 0.25, 0.125, 0.875]}], "newcomer": {"one_coin": 0.8}}}"#;
    Arc::new(serde_json::from_str(written).expect("skills of two annotators"))
}

fn prediction(label: Label) -> Option<Prediction> {
    Some(Prediction { label, confidence: 0.625, source: "study 3, trial 4".into() })
}

pub(in super::super) fn samples() -> Vec<(&'static str, Event)> {
    let all = [projects(), requests(), answers(), findings()].concat();
    all.into_iter().map(|(name, event)| (name, Event::Label(Box::new(event)))).collect()
}

fn projects() -> Vec<(&'static str, LabelEvent)> {
    let (project, text) = (LabelProjectId(2), "name = \"x\"".to_owned());
    let moved = |to| LabelEvent::ProjectMoved { project, at: AT, to, reason: "asked for".to_owned() };
    let created = |asked_by| LabelEvent::ProjectCreated { project, at: AT, spec: spec(), text: text.clone(), asked_by };
    let joined = |channel| LabelEvent::AnnotatorJoined { annotator: AnnotatorId(5), at: AT, name: "Ada".to_owned(), channel };
    vec![
        ("label.project_created", created(Some(RequestId([9; 16])))),
        ("label.project_created.plain", created(None)),
        ("label.project_changed", LabelEvent::ProjectChanged { project, at: AT, spec: spec(), text: text.clone() }),
        ("label.project_moved.open", moved(ProjectState::Open)),
        ("label.project_moved.paused", moved(ProjectState::Paused)),
        ("label.project_moved.closed", moved(ProjectState::Closed)),
        ("label.project_removed", LabelEvent::ProjectRemoved { project, at: AT }),
        ("label.annotator_joined.page", joined(Channel::Page)),
        ("label.annotator_joined.command", joined(Channel::Command)),
        ("label.annotator_joined.program", joined(Channel::Program)),
        ("label.annotator_joined.label_studio", joined(Channel::LabelStudio)),
    ]
}

fn requests() -> Vec<(&'static str, LabelEvent)> {
    let (project, request, annotator) = (LabelProjectId(2), LabelRequestId(70), AnnotatorId(5));
    let data = SampleData { blob: BlobId([7; 32]), offset: 0, length: 20 };
    let plain = NewRequest { sample: "s-1".into(), data, priority: 0.0, prediction: None, control: false, gold: None };
    let full = NewRequest {
        sample: "s-2".into(),
        data: SampleData { blob: BlobId([8; 32]), offset: 21, length: 30 },
        priority: -1.5e300,
        prediction: prediction(Label::Class(1)),
        control: true,
        gold: Some(Label::Class(0)),
    };
    let score = |prediction| Rescore { request, priority: 0.25, prediction };
    let ended = |why| LabelEvent::LeaseEnded { request, annotator, at: AT, why };
    let leased = |shown| LabelEvent::Leased { request, annotator, at: AT, until: AT + 600_000_000, shown };
    vec![
        (
            "label.requested",
            LabelEvent::Requested {
                project,
                at: AT,
                batch: 3,
                first: request,
                source: "hone label ask".to_owned(),
                blob: BlobId([7; 32]),
                files: vec![BlobId([1; 32]), BlobId([2; 32])],
                requests: vec![plain, full],
                asked_by: Some(RequestId([9; 16])),
            },
        ),
        (
            "label.rescored",
            LabelEvent::Rescored {
                project,
                at: AT,
                source: "trial 9".to_owned(),
                scores: vec![score(None), score(prediction(Label::Class(1)))],
            },
        ),
        ("label.weighed", LabelEvent::Weighed { project, at: AT, skills: skills() }),
        (
            "label.published",
            LabelEvent::Published {
                project,
                at: AT,
                of: VersionRef { dataset: DatasetId(4), version: 2 },
                requests: [70, 71, 72, 80].map(LabelRequestId).into_iter().collect(),
            },
        ),
        ("label.leased.shown", leased(true)),
        ("label.leased.blind", leased(false)),
        ("label.lease_ended.silent", ended(LeaseEnd::Silent)),
        ("label.lease_ended.released", ended(LeaseEnd::Released)),
        ("label.skipped", LabelEvent::Skipped { request, annotator, at: AT, reason: "too dark".to_owned() }),
    ]
}

fn answers() -> Vec<(&'static str, LabelEvent)> {
    let (request, answer, annotator) = (LabelRequestId(70), AnswerId(12), AnnotatorId(5));
    let answered = |label: Label, shown, channel, asked_by| {
        let external = if channel == Channel::LabelStudio { "ls:4".to_owned() } else { String::new() };
        let fact = AnswerFact { request, answer, annotator, at: AT, label, took_ms: 4_200, shown, channel, external, asked_by };
        LabelEvent::Answered(Box::new(fact))
    };
    let boxes = vec![LabelBox { class: 1, x: 0.0, y: 0.25, width: 0.5, height: 1e-9 }];
    let spans = vec![LabelSpan { start: 0, end: 4, class: 2 }, LabelSpan { start: 7, end: 9, class: 0 }];
    let page = |label| answered(label, None, Channel::Page, None);
    vec![
        (
            "label.answered.class",
            answered(Label::Class(0), prediction(Label::Class(2)), Channel::Program, Some(RequestId([3; 16]))),
        ),
        ("label.answered.classes", answered(Label::Classes(vec![0, 2]), None, Channel::LabelStudio, None)),
        ("label.answered.no_classes", page(Label::Classes(Vec::new()))),
        ("label.answered.boxes", page(Label::Boxes(boxes))),
        ("label.answered.spans", page(Label::Spans(spans))),
        ("label.answered.number", page(Label::Number(-3.5))),
        ("label.answered.zero", page(Label::Number(0.0))),
        ("label.answered.pair_a", page(Label::Pair(Preference::A))),
        ("label.answered.pair_b", page(Label::Pair(Preference::B))),
        ("label.answered.pair_tie", answered(Label::Pair(Preference::Tie), None, Channel::Command, None)),
        (
            "label.revised",
            LabelEvent::Revised {
                request,
                answer,
                at: AT,
                label: Label::Class(1),
                took_ms: 1,
                asked_by: Some(RequestId([4; 16])),
            },
        ),
        ("label.answer_withdrawn", LabelEvent::AnswerWithdrawn { request, answer, at: AT, reason: "taken back".to_owned() }),
    ]
}

fn findings() -> Vec<(&'static str, LabelEvent)> {
    let found = |finding| LabelEvent::Found { request: LabelRequestId(70), at: AT, finding };
    let resolved = |by| found(Finding::Resolved { label: Label::Class(0), confidence: 0.75, by });
    vec![
        ("label.found.resolved", resolved(None)),
        ("label.found.decided", resolved(Some(AnnotatorId(1)))),
        ("label.found.conflict", found(Finding::Conflict)),
        ("label.found.more", found(Finding::More { wanted: 3 })),
        ("label.found.skipped", found(Finding::Skipped)),
        ("label.found.withdrawn", found(Finding::Withdrawn { reason: "a mistake".to_owned() })),
        ("label.found.expired", found(Finding::Expired)),
    ]
}
