//! Values of a run in as few requests as MLflow's limits allow.

use serde_json::{Value as Json, json};

/// Values in one request, of every kind together.
const ENTRIES: usize = 1_000;
/// Parameters in one request, and as many tags.
const PARAMS: usize = 100;
const TAGS: usize = 100;
/// Bytes of a request, with room for what surrounds the values; 1 MB is refused.
const BYTES: usize = 900_000;

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    pub key: String,
    pub value: Json,
    pub step: i64,
}

/// What is logged of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub metrics: Vec<Metric>,
    /// Of every metric, in milliseconds: the same at every repetition, so that a server keeps one of each.
    pub timestamp: i64,
}

#[derive(Default)]
struct Request {
    params: Vec<Json>,
    tags: Vec<Json>,
    metrics: Vec<Json>,
    bytes: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Param,
    Tag,
    Metric,
}

impl Request {
    fn has_room(&self, kind: Kind, bytes: usize) -> bool {
        let (params, tags) = (self.params.len(), self.tags.len());
        let of_kind = match kind {
            Kind::Param => params < PARAMS,
            Kind::Tag => tags < TAGS,
            Kind::Metric => true,
        };
        of_kind && params + tags + self.metrics.len() < ENTRIES && self.bytes + bytes <= BYTES
    }

    fn add(&mut self, kind: Kind, value: Json, bytes: usize) {
        self.bytes += bytes;
        match kind {
            Kind::Param => self.params.push(value),
            Kind::Tag => self.tags.push(value),
            Kind::Metric => self.metrics.push(value),
        }
    }

    fn into_body(self, run: &str) -> Json {
        json!({"run_id": run, "params": self.params, "tags": self.tags, "metrics": self.metrics})
    }
}

/// The bodies of the requests that log these values; none for no values.
pub(super) fn bodies(run: &str, values: &Values) -> Vec<Json> {
    let pair = |(key, value): &(String, String)| json!({"key": key, "value": value});
    let metric =
        |metric: &Metric| json!({"key": metric.key, "value": metric.value, "timestamp": values.timestamp, "step": metric.step});
    let params = values.params.iter().map(|param| (Kind::Param, pair(param)));
    let tags = values.tags.iter().map(|tag| (Kind::Tag, pair(tag)));
    let metrics = values.metrics.iter().map(|value| (Kind::Metric, metric(value)));
    let mut requests: Vec<Request> = Vec::new();
    for (kind, value) in params.chain(tags).chain(metrics) {
        let bytes = value.to_string().len() + 1;
        match requests.last_mut().filter(|request| request.has_room(kind, bytes)) {
            Some(request) => request.add(kind, value, bytes),
            None => {
                let mut request = Request::default();
                request.add(kind, value, bytes);
                requests.push(request);
            }
        }
    }
    requests.into_iter().map(|request| request.into_body(run)).collect()
}
