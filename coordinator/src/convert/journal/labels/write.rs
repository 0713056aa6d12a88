//! From the core's events about labels to messages. Cannot fail.

use bytes::Bytes;
use hone_proto::journal::{self as wire, label_event::Kind, label_found, label_value};
use hone_studies::{
    BlobId, RequestId,
    label::{
        AnswerFact, Channel, Finding, Label, LabelEvent, LabelSpec, LeaseEnd, NewRequest, Prediction, Preference, ProjectState,
        Rescore,
    },
};

use super::super::write::blob;

/// Returns the message of an event.
pub(in super::super) fn event_to_proto(event: &LabelEvent) -> wire::LabelEvent {
    wire::LabelEvent { kind: Some(kind(event)) }
}

fn kind(event: &LabelEvent) -> Kind {
    match event {
        LabelEvent::ProjectCreated { project, at, spec, text, asked_by } => Kind::ProjectCreated(wire::LabelProjectCreated {
            project: project.0,
            at: *at,
            spec_json: spec_json(spec),
            text: text.clone(),
            asked_by: request(*asked_by),
        }),
        LabelEvent::ProjectChanged { project, at, spec, text } => Kind::ProjectChanged(wire::LabelProjectChanged {
            project: project.0,
            at: *at,
            spec_json: spec_json(spec),
            text: text.clone(),
        }),
        LabelEvent::ProjectMoved { project, at, to, reason } => {
            let to = project_state(*to).into();
            Kind::ProjectMoved(wire::LabelProjectMoved { project: project.0, at: *at, to, reason: reason.clone() })
        }
        LabelEvent::ProjectRemoved { project, at } => {
            Kind::ProjectRemoved(wire::LabelProjectRemoved { project: project.0, at: *at })
        }
        LabelEvent::AnnotatorJoined { annotator, at, name, channel } => {
            let channel = channel_number(*channel).into();
            Kind::AnnotatorJoined(wire::AnnotatorJoined { annotator: annotator.0, at: *at, name: name.clone(), channel })
        }
        LabelEvent::Requested { project, at, batch, first, source, blob: samples, files, requests, asked_by } => {
            Kind::Requested(wire::LabelsRequested {
                project: project.0,
                at: *at,
                batch: *batch,
                first: first.0,
                source: source.clone(),
                blob: blob(*samples),
                files: files.iter().copied().map(blob).collect(),
                requests: requests.iter().map(|new| new_request(new, *samples)).collect(),
                asked_by: request(*asked_by),
            })
        }
        LabelEvent::Rescored { project, at, source, scores } => {
            let scores = scores.iter().map(score).collect();
            Kind::Rescored(wire::LabelsRescored { project: project.0, at: *at, source: source.clone(), scores })
        }
        LabelEvent::Weighed { project, at, skills } => {
            let skills_json = serde_json::to_vec(skills.as_ref()).expect("numbers are always writable").into();
            Kind::Weighed(wire::LabelsWeighed { project: project.0, at: *at, skills_json })
        }
        LabelEvent::Published { project, at, of, requests } => Kind::Published(wire::LabelsPublished {
            project: project.0,
            at: *at,
            dataset: of.dataset.0,
            version: of.version,
            bounds: requests.bounds().iter().flat_map(|(first, last)| [*first, *last]).collect(),
        }),
        LabelEvent::Leased { request, annotator, at, until, shown } => {
            let (request, annotator) = (request.0, annotator.0);
            Kind::Leased(wire::LabelLeased { request, annotator, at: *at, until: *until, shown: *shown })
        }
        LabelEvent::LeaseEnded { request, annotator, at, why } => {
            let why = lease_end(*why).into();
            Kind::LeaseEnded(wire::LabelLeaseEnded { request: request.0, annotator: annotator.0, at: *at, why })
        }
        LabelEvent::Answered(fact) => Kind::Answered(answered(fact)),
        LabelEvent::Revised { request: of, answer, at, label, took_ms, asked_by } => Kind::Revised(wire::LabelRevised {
            request: of.0,
            answer: answer.0,
            at: *at,
            label: Some(value(label)),
            took_ms: *took_ms,
            asked_by: request(*asked_by),
        }),
        LabelEvent::AnswerWithdrawn { request, answer, at, reason } => {
            let (request, answer, reason) = (request.0, answer.0, reason.clone());
            Kind::AnswerWithdrawn(wire::LabelAnswerWithdrawn { request, answer, at: *at, reason })
        }
        LabelEvent::Skipped { request, annotator, at, reason } => {
            let (request, annotator, reason) = (request.0, annotator.0, reason.clone());
            Kind::Skipped(wire::LabelSkipped { request, annotator, at: *at, reason })
        }
        LabelEvent::Found { request, at, finding } => {
            Kind::Found(wire::LabelFound { request: request.0, at: *at, finding: Some(found(finding)) })
        }
    }
}

fn new_request(new: &NewRequest, samples: BlobId) -> wire::LabelNewRequest {
    wire::LabelNewRequest {
        sample: new.sample.to_string(),
        blob: if new.data.blob == samples { Bytes::new() } else { blob(new.data.blob) },
        offset: new.data.offset,
        length: new.data.length,
        priority: new.priority,
        prediction: new.prediction.as_ref().map(prediction),
        control: new.control,
        gold: new.gold.as_ref().map(value),
    }
}

fn score(score: &Rescore) -> wire::LabelScore {
    let prediction = score.prediction.as_ref().map(prediction);
    wire::LabelScore { request: score.request.0, priority: score.priority, prediction }
}

fn answered(fact: &AnswerFact) -> wire::LabelAnswered {
    wire::LabelAnswered {
        request: fact.request.0,
        answer: fact.answer.0,
        annotator: fact.annotator.0,
        at: fact.at,
        label: Some(value(&fact.label)),
        took_ms: fact.took_ms,
        shown: fact.shown.as_ref().map(prediction),
        channel: channel_number(fact.channel).into(),
        external: fact.external.clone(),
        asked_by: request(fact.asked_by),
    }
}

fn found(finding: &Finding) -> label_found::Finding {
    use label_found::Finding as Wire;
    match finding {
        Finding::Resolved { label, confidence, by } => {
            let by = by.map_or(0, |annotator| annotator.0);
            Wire::Resolved(wire::LabelResolved { label: Some(value(label)), confidence: *confidence, by })
        }
        Finding::Conflict => Wire::Conflict(wire::LabelConflict {}),
        Finding::More { wanted } => Wire::More(wire::LabelMore { wanted: *wanted }),
        Finding::Skipped => Wire::Skipped(wire::LabelGivenUp {}),
        Finding::Withdrawn { reason } => Wire::Withdrawn(wire::LabelWithdrawn { reason: reason.clone() }),
        Finding::Expired => Wire::Expired(wire::LabelExpired {}),
    }
}

fn prediction(prediction: &Prediction) -> wire::LabelPrediction {
    let Prediction { label, confidence, source } = prediction;
    wire::LabelPrediction { label: Some(value(label)), confidence: *confidence, source: source.to_string() }
}

fn value(label: &Label) -> wire::LabelValue {
    use label_value::Kind;
    let kind = match label {
        Label::Class(class) => Kind::Class(*class),
        Label::Classes(classes) => Kind::Classes(wire::LabelClasses { classes: classes.clone() }),
        Label::Boxes(boxes) => {
            let write = |one: &hone_studies::label::LabelBox| wire::LabelBox {
                class: one.class,
                x: one.x,
                y: one.y,
                width: one.width,
                height: one.height,
            };
            Kind::Boxes(wire::LabelBoxes { boxes: boxes.iter().map(write).collect() })
        }
        Label::Spans(spans) => {
            let write =
                |span: &hone_studies::label::LabelSpan| wire::LabelSpan { class: span.class, start: span.start, end: span.end };
            Kind::Spans(wire::LabelSpans { spans: spans.iter().map(write).collect() })
        }
        Label::Number(number) => Kind::Number(*number),
        Label::Pair(preference) => Kind::Pair(preference_number(*preference).into()),
    };
    wire::LabelValue { kind: Some(kind) }
}

fn spec_json(spec: &LabelSpec) -> Bytes {
    serde_json::to_vec(spec).expect("a label project's spec is plain data").into()
}

fn request(request: Option<RequestId>) -> Bytes {
    request.map_or_else(Bytes::new, |request| Bytes::copy_from_slice(&request.0))
}

fn project_state(state: ProjectState) -> wire::LabelProjectState {
    match state {
        ProjectState::Open => wire::LabelProjectState::Open,
        ProjectState::Paused => wire::LabelProjectState::Paused,
        ProjectState::Closed => wire::LabelProjectState::Closed,
    }
}

fn channel_number(channel: Channel) -> wire::LabelChannel {
    match channel {
        Channel::Page => wire::LabelChannel::Page,
        Channel::Command => wire::LabelChannel::Command,
        Channel::Program => wire::LabelChannel::Program,
        Channel::LabelStudio => wire::LabelChannel::LabelStudio,
    }
}

fn lease_end(why: LeaseEnd) -> wire::LabelLeaseEnd {
    match why {
        LeaseEnd::Silent => wire::LabelLeaseEnd::Silent,
        LeaseEnd::Released => wire::LabelLeaseEnd::Released,
    }
}

fn preference_number(preference: Preference) -> wire::LabelPreference {
    match preference {
        Preference::A => wire::LabelPreference::A,
        Preference::B => wire::LabelPreference::B,
        Preference::Tie => wire::LabelPreference::Tie,
    }
}
