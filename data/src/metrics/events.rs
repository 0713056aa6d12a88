//! TensorBoard's event files: scalars, as plain values (TensorBoard 1, PyTorch) and as tensors (TensorFlow 2).

use prost::Message as _;

use super::{
    Names, Row,
    protobuf::Event,
    push,
    records::{Damage, Records},
    renamed,
};

/// Reads an event file piece by piece.
#[derive(Debug, Default)]
pub struct EventFile {
    records: Records,
    at: u64,
}

impl EventFile {
    /// Takes the next bytes of the file. The scalars that they complete come into `rows`, and what is damaged, for
    /// people, into `problems`. Half a record at the end waits for its rest.
    pub fn feed(&mut self, bytes: &[u8], names: &Names, rows: &mut Vec<Row>, problems: &mut Vec<String>) {
        let at = &mut self.at;
        self.records.feed(bytes, |record| {
            *at += 1;
            match record.map(Event::decode) {
                Ok(Ok(event)) => scalars(&event, names, rows),
                Ok(Err(_)) => problems.push(format!("record {at} is no event and left out")),
                Err(damage @ (Damage::Length(_) | Damage::Payload(_))) => problems.push(damage.to_string()),
            }
        });
    }
}

fn scalars(event: &Event, names: &Names, rows: &mut Vec<Row>) {
    for value in event.summary.iter().flat_map(|summary| &summary.values) {
        if let (Some(name), Some(number)) = (renamed(&value.tag, names), value.number()) {
            push(rows, event.step, name, number);
        }
    }
}
