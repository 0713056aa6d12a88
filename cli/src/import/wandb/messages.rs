//! The parts of the messages in a log that tell a trial. Field numbers are those of `wandb_internal.proto`.

/// `wandb_internal.Record`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    #[prost(message, optional, tag = "2")]
    pub history: Option<History>,
    #[prost(message, optional, tag = "3")]
    pub summary: Option<Update>,
    #[prost(message, optional, tag = "5")]
    pub config: Option<Update>,
    #[prost(message, optional, tag = "17")]
    pub run: Option<Run>,
    #[prost(message, optional, tag = "18")]
    pub exit: Option<Exit>,
}

/// `wandb_internal.RunRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Run {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(message, optional, tag = "4")]
    pub config: Option<Update>,
    #[prost(message, optional, tag = "17")]
    pub start: Option<Instant>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Instant {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `wandb_internal.RunExitRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Exit {
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// Seconds.
    #[prost(int32, tag = "2")]
    pub runtime: i32,
}

/// `wandb_internal.ConfigRecord` and `SummaryRecord`, which are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Update {
    #[prost(message, repeated, tag = "1")]
    pub update: Vec<Item>,
    #[prost(message, repeated, tag = "2")]
    pub remove: Vec<Item>,
}

/// `wandb_internal.HistoryRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct History {
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<Item>,
    #[prost(message, optional, tag = "2")]
    pub step: Option<Step>,
}

/// `wandb_internal.HistoryStep`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Step {
    #[prost(int64, tag = "1")]
    pub number: i64,
}

/// `wandb_internal.ConfigItem`, `SummaryItem` and `HistoryItem`, which are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Item {
    #[prost(string, tag = "1")]
    pub key: String,
    /// In place of the key.
    #[prost(string, repeated, tag = "2")]
    pub path: Vec<String>,
    #[prost(string, tag = "16")]
    pub value: String,
}

impl Item {
    /// Its path, joined by dots.
    pub fn name(&self) -> String {
        if self.path.is_empty() { self.key.clone() } else { self.path.join(".") }
    }
}
