//! From messages to the core's events about labels. The bytes are input: everything is checked.

use std::sync::Arc;

use bytes::Bytes;
use hone_proto::journal::{self as wire, label_event::Kind, label_found, label_value};
use hone_studies::{
    AnnotatorId, AnswerId, BlobId, DatasetId, LabelProjectId, LabelRequestId, RequestId,
    dataset::VersionRef,
    label::{
        AnswerFact, Channel, Finding, Label, LabelBox, LabelEvent, LabelSpan, LabelSpec, LeaseEnd, NewRequest, Prediction,
        Preference, ProjectState, RequestRanges, Rescore, SampleData, Skills,
    },
};

use super::super::{
    DecodeError,
    read::{blob, number, unknown},
};

type Decoded<T> = Result<T, DecodeError>;

/// Reads an event from its message.
pub(in super::super) fn event_from_proto(message: wire::LabelEvent) -> Decoded<LabelEvent> {
    let project = LabelProjectId;
    let request = LabelRequestId;
    Ok(match message.kind.ok_or_else(|| unknown("label"))? {
        Kind::ProjectCreated(it) => LabelEvent::ProjectCreated {
            project: project(it.project),
            at: it.at,
            spec: spec(&it.spec_json)?,
            text: it.text,
            asked_by: asked_by(&it.asked_by, "label.project_created.asked_by")?,
        },
        Kind::ProjectChanged(it) => {
            LabelEvent::ProjectChanged { project: project(it.project), at: it.at, spec: spec(&it.spec_json)?, text: it.text }
        }
        Kind::ProjectMoved(it) => {
            LabelEvent::ProjectMoved { project: project(it.project), at: it.at, to: project_state(it.to)?, reason: it.reason }
        }
        Kind::ProjectRemoved(it) => LabelEvent::ProjectRemoved { project: project(it.project), at: it.at },
        Kind::AnnotatorJoined(it) => LabelEvent::AnnotatorJoined {
            annotator: AnnotatorId(it.annotator),
            at: it.at,
            name: it.name,
            channel: channel(it.channel)?,
        },
        Kind::Requested(it) => requested(it)?,
        Kind::Rescored(it) => LabelEvent::Rescored {
            project: project(it.project),
            at: it.at,
            source: it.source,
            scores: it.scores.into_iter().map(score).collect::<Decoded<_>>()?,
        },
        Kind::Weighed(it) => LabelEvent::Weighed { project: project(it.project), at: it.at, skills: skills(&it.skills_json)? },
        Kind::Published(it) => LabelEvent::Published {
            project: project(it.project),
            at: it.at,
            of: VersionRef { dataset: DatasetId(it.dataset), version: it.version },
            requests: ranges(&it.bounds)?,
        },
        Kind::Leased(it) => LabelEvent::Leased {
            request: request(it.request),
            annotator: AnnotatorId(it.annotator),
            at: it.at,
            until: it.until,
            shown: it.shown,
        },
        Kind::LeaseEnded(it) => LabelEvent::LeaseEnded {
            request: request(it.request),
            annotator: AnnotatorId(it.annotator),
            at: it.at,
            why: lease_end(it.why)?,
        },
        Kind::Answered(it) => LabelEvent::Answered(Box::new(answered(it)?)),
        Kind::Revised(it) => LabelEvent::Revised {
            request: request(it.request),
            answer: AnswerId(it.answer),
            at: it.at,
            label: wanted(it.label, "label.revised.label")?,
            took_ms: it.took_ms,
            asked_by: asked_by(&it.asked_by, "label.revised.asked_by")?,
        },
        Kind::AnswerWithdrawn(it) => LabelEvent::AnswerWithdrawn {
            request: request(it.request),
            answer: AnswerId(it.answer),
            at: it.at,
            reason: it.reason,
        },
        Kind::Skipped(it) => LabelEvent::Skipped {
            request: request(it.request),
            annotator: AnnotatorId(it.annotator),
            at: it.at,
            reason: it.reason,
        },
        Kind::Found(it) => LabelEvent::Found {
            request: request(it.request),
            at: it.at,
            finding: found(it.finding.ok_or_else(|| unknown("label.found"))?)?,
        },
    })
}

fn requested(it: wire::LabelsRequested) -> Decoded<LabelEvent> {
    let samples = blob(&it.blob, "label.requested.blob")?;
    let requests = it.requests.into_iter().map(|new| new_request(new, samples)).collect::<Decoded<_>>()?;
    let files = it.files.iter().map(|file| blob(file, "label.requested.files")).collect::<Decoded<_>>()?;
    Ok(LabelEvent::Requested {
        project: LabelProjectId(it.project),
        at: it.at,
        batch: it.batch,
        first: LabelRequestId(it.first),
        source: it.source,
        blob: samples,
        files,
        requests,
        asked_by: asked_by(&it.asked_by, "label.requested.asked_by")?,
    })
}

fn new_request(it: wire::LabelNewRequest, samples: BlobId) -> Decoded<NewRequest> {
    let blob = if it.blob.is_empty() { samples } else { blob(&it.blob, "label.requested.requests.blob")? };
    Ok(NewRequest {
        sample: it.sample.into(),
        data: SampleData { blob, offset: it.offset, length: it.length },
        priority: it.priority,
        prediction: it.prediction.map(prediction).transpose()?,
        control: it.control,
        gold: it.gold.map(label).transpose()?,
    })
}

fn score(it: wire::LabelScore) -> Decoded<Rescore> {
    let prediction = it.prediction.map(prediction).transpose()?;
    Ok(Rescore { request: LabelRequestId(it.request), priority: it.priority, prediction })
}

fn answered(it: wire::LabelAnswered) -> Decoded<AnswerFact> {
    Ok(AnswerFact {
        request: LabelRequestId(it.request),
        answer: AnswerId(it.answer),
        annotator: AnnotatorId(it.annotator),
        at: it.at,
        label: wanted(it.label, "label.answered.label")?,
        took_ms: it.took_ms,
        shown: it.shown.map(prediction).transpose()?,
        channel: channel(it.channel)?,
        external: it.external,
        asked_by: asked_by(&it.asked_by, "label.answered.asked_by")?,
    })
}

fn found(it: label_found::Finding) -> Decoded<Finding> {
    use label_found::Finding as Wire;
    Ok(match it {
        Wire::Resolved(it) => Finding::Resolved {
            label: wanted(it.label, "label.found.resolved.label")?,
            confidence: it.confidence,
            by: (it.by != 0).then_some(AnnotatorId(it.by)),
        },
        Wire::Conflict(_) => Finding::Conflict,
        Wire::More(it) => Finding::More { wanted: it.wanted },
        Wire::Skipped(_) => Finding::Skipped,
        Wire::Withdrawn(it) => Finding::Withdrawn { reason: it.reason },
        Wire::Expired(_) => Finding::Expired,
    })
}

fn prediction(it: wire::LabelPrediction) -> Decoded<Prediction> {
    let label = wanted(it.label, "label prediction")?;
    Ok(Prediction { label, confidence: it.confidence, source: it.source.into() })
}

fn wanted(value: Option<wire::LabelValue>, field: &'static str) -> Decoded<Label> {
    label(value.ok_or(DecodeError::Missing(field))?)
}

fn label(it: wire::LabelValue) -> Decoded<Label> {
    use label_value::Kind;
    Ok(match it.kind.ok_or_else(|| unknown("label value"))? {
        Kind::Class(class) => Label::Class(class),
        Kind::Classes(it) => Label::Classes(it.classes),
        Kind::Boxes(it) => Label::Boxes(it.boxes.into_iter().map(label_box).collect()),
        Kind::Spans(it) => Label::Spans(it.spans.into_iter().map(span).collect()),
        Kind::Number(number) => Label::Number(number),
        Kind::Pair(preference) => Label::Pair(preference_of(preference)?),
    })
}

fn label_box(it: wire::LabelBox) -> LabelBox {
    LabelBox { class: it.class, x: it.x, y: it.y, width: it.width, height: it.height }
}

fn span(it: wire::LabelSpan) -> LabelSpan {
    LabelSpan { class: it.class, start: it.start, end: it.end }
}

fn ranges(bounds: &[u64]) -> Decoded<RequestRanges> {
    let wrong = || DecodeError::Malformed { field: "label.published.bounds", expected: "ascending ranges" };
    let (pairs, []) = bounds.as_chunks::<2>() else { return Err(wrong()) };
    RequestRanges::from_bounds(pairs.iter().map(|[first, last]| (*first, *last)).collect()).ok_or_else(wrong)
}

fn skills(json: &Bytes) -> Decoded<Arc<Skills>> {
    serde_json::from_slice(json).map(Arc::new).map_err(DecodeError::Skills)
}

fn spec(json: &Bytes) -> Decoded<Arc<LabelSpec>> {
    serde_json::from_slice(json).map(Arc::new).map_err(DecodeError::Spec)
}

fn asked_by(bytes: &Bytes, field: &'static str) -> Decoded<Option<RequestId>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let id = bytes.as_ref().try_into().map(RequestId);
    id.map(Some).map_err(|_| DecodeError::Malformed { field, expected: "an id of 16 bytes" })
}

fn project_state(value: i32) -> Decoded<ProjectState> {
    const FIELD: &str = "label.project_moved.to";
    match wire::LabelProjectState::try_from(value) {
        Ok(wire::LabelProjectState::Open) => Ok(ProjectState::Open),
        Ok(wire::LabelProjectState::Paused) => Ok(ProjectState::Paused),
        Ok(wire::LabelProjectState::Closed) => Ok(ProjectState::Closed),
        Ok(wire::LabelProjectState::Unspecified) => Err(DecodeError::Missing(FIELD)),
        Err(_) => Err(number(FIELD, value)),
    }
}

fn channel(value: i32) -> Decoded<Channel> {
    const FIELD: &str = "label channel";
    match wire::LabelChannel::try_from(value) {
        Ok(wire::LabelChannel::Page) => Ok(Channel::Page),
        Ok(wire::LabelChannel::Command) => Ok(Channel::Command),
        Ok(wire::LabelChannel::Program) => Ok(Channel::Program),
        Ok(wire::LabelChannel::LabelStudio) => Ok(Channel::LabelStudio),
        Ok(wire::LabelChannel::Unspecified) => Err(DecodeError::Missing(FIELD)),
        Err(_) => Err(number(FIELD, value)),
    }
}

fn lease_end(value: i32) -> Decoded<LeaseEnd> {
    const FIELD: &str = "label.lease_ended.why";
    match wire::LabelLeaseEnd::try_from(value) {
        Ok(wire::LabelLeaseEnd::Silent) => Ok(LeaseEnd::Silent),
        Ok(wire::LabelLeaseEnd::Released) => Ok(LeaseEnd::Released),
        Ok(wire::LabelLeaseEnd::Unspecified) => Err(DecodeError::Missing(FIELD)),
        Err(_) => Err(number(FIELD, value)),
    }
}

fn preference_of(value: i32) -> Decoded<Preference> {
    const FIELD: &str = "label value";
    match wire::LabelPreference::try_from(value) {
        Ok(wire::LabelPreference::A) => Ok(Preference::A),
        Ok(wire::LabelPreference::B) => Ok(Preference::B),
        Ok(wire::LabelPreference::Tie) => Ok(Preference::Tie),
        Ok(wire::LabelPreference::Unspecified) => Err(DecodeError::Missing(FIELD)),
        Err(_) => Err(number(FIELD, value)),
    }
}
