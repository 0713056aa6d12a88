//! Events survive the journal; what older builds wrote stays readable, what newer ones wrote is told.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use hone_proto::journal as wire;
use hone_studies::{BlobId, Event, GpuShare, Origin, Owner, Point, Scope, StudyId, StudySpec, TaskId, WorkerId};
use proptest::{collection::vec, option, prelude::*};

use super::{
    DecodeError, decode_event, encode_event, encode_spilled, event_from_proto,
    samples::{samples, spec},
};

fn golden_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events-v1.txt")
}

fn golden() -> Vec<(String, Vec<u8>)> {
    let text = fs::read_to_string(golden_file()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(name, hex)| (name.to_owned(), from_hex(hex))).collect()
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(event, &mut bytes);
    bytes
}

/// Debug text tells what `==` does not: NaN from NaN is no difference, minus zero from zero is one.
fn same(left: &Event, right: &Event) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

#[test]
fn every_golden_event_decodes_to_what_was_written() {
    let golden = golden();
    for (name, event) in samples() {
        let (_, bytes) = golden.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("`{name}` is not golden"));
        let decoded = decode_event(bytes).unwrap_or_else(|error| panic!("`{name}`: {error}"));
        assert!(same(&decoded, &event), "`{name}` decodes to {decoded:?}");
    }
    assert_eq!(golden.len(), samples().len(), "an old event has lost its sample");
}

#[test]
fn the_golden_file_covers_every_kind_of_event() {
    // The key of a field: a number of seven bits a byte, the field's own number from its fourth bit on.
    let tag = |bytes: &[u8]| {
        if bytes[0] < 0x80 { u32::from(bytes[0]) >> 3 } else { u32::from(bytes[0] & 0x7f) >> 3 | u32::from(bytes[1]) << 4 }
    };
    let tags: BTreeSet<u32> = golden().iter().map(|(_, bytes)| tag(bytes)).collect();
    let kinds = wire_kinds();
    assert_eq!(tags.len() + 1, kinds, "{tags:?} of {kinds} kinds, one of which is a spilled event");
}

/// Kinds that the descriptor of the journal's event knows.
fn wire_kinds() -> usize {
    use prost::Message;
    let files = prost_types::FileDescriptorSet::decode(hone_proto::DESCRIPTORS).unwrap();
    let journal = files.file.iter().filter(|file| file.package() == "hone.journal.v1");
    let mut messages = journal.flat_map(|file| &file.message_type);
    messages.find(|message| message.name() == "Event").unwrap().field.len()
}

/// Adds lines for new samples; never touches a line that is there. Run it by hand with `--ignored`.
#[test]
#[ignore = "writes the golden file"]
fn add_new_samples_to_the_golden_file() {
    let mut text = fs::read_to_string(golden_file()).unwrap_or_default();
    let known: BTreeSet<String> = golden_names(&text);
    for (name, event) in samples().into_iter().filter(|(name, _)| !known.contains(*name)) {
        writeln!(text, "{name} {}", to_hex(&encoded(&event))).unwrap();
    }
    fs::write(golden_file(), text).unwrap();
}

fn golden_names(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split_once(' ')).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn a_spec_with_every_feature_comes_back_exactly() {
    for search in ["pruner = \"median\"", "pruner = { kind = \"asha\", max_steps = 9 }\nseed = 3", "sampler = \"sobol\""] {
        let text = format!(
            "[objective]\nmetric = \"m\"\ndirection = \"maximize\"\ntarget = 0.1\n[search]\n{search}\n[space]\n\
             x = {{ float = [0.1, 0.30000000000000004] }}\ni = {{ int = [-9223372036854775808, 9223372036854775807] }}\n\
             [trial]\ncommand = [\"t\"]\n"
        );
        let spec = hone_studies::file::parse(&text, "s.toml").unwrap();
        assert_eq!(through_the_journal(&spec), spec);
    }
    assert_eq!(&through_the_journal(&spec()), &*spec());
}

fn through_the_journal(spec: &StudySpec) -> StudySpec {
    let event = Event::StudyChanged { study: StudyId(1), at: 0, spec: spec.clone().into(), text: String::new() };
    match decode_event(&encoded(&event)).unwrap() {
        Event::StudyChanged { spec, .. } => (*spec).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_of_a_newer_build_is_named_as_such() {
    // Field 2047, an empty message.
    let newer = [0xfa, 0x7f, 0x00];
    let error = decode_event(&newer).unwrap_err();
    assert!(matches!(error, DecodeError::UnknownKind { tag: Some(2047), .. }), "{error:?}");
    assert!(error.to_string().contains("a newer hone wrote it"), "{error}");
}

#[test]
fn a_newer_way_to_end_is_told_and_not_taken_for_another() {
    let ended = wire::AttemptStale { end: Some(wire::End { kind: None }), ..Default::default() };
    let event = wire::Event { kind: Some(wire::event::Kind::AttemptStale(ended)) };
    assert!(matches!(event_from_proto(event), Err(DecodeError::UnknownKind { field: "end", .. })));
    let moved = wire::StudyMoved { to: 99, ..Default::default() };
    let event = wire::Event { kind: Some(wire::event::Kind::StudyMoved(moved)) };
    assert!(matches!(event_from_proto(event), Err(DecodeError::UnknownKind { tag: Some(99), .. })));
}

#[test]
fn a_spilled_event_names_its_blob() {
    let mut bytes = Vec::new();
    encode_spilled(BlobId([5; 32]), &mut bytes);
    assert!(matches!(decode_event(&bytes), Err(DecodeError::Spilled(BlobId([5, ..])))));
}

#[test]
fn a_short_hash_and_an_unreadable_spec_are_refused() {
    let file = wire::FileRef { blob: vec![1; 31].into(), ..Default::default() };
    let saved = wire::CheckpointSaved { files: vec![file], ..Default::default() };
    let event = wire::Event { kind: Some(wire::event::Kind::CheckpointSaved(saved)) };
    assert!(matches!(event_from_proto(event), Err(DecodeError::Malformed { .. })));
    let changed = wire::StudyChanged { spec_json: "{}".into(), ..Default::default() };
    let event = wire::Event { kind: Some(wire::event::Kind::StudyChanged(changed)) };
    assert!(matches!(event_from_proto(event), Err(DecodeError::Spec(_))));
}

fn any_params() -> impl Strategy<Value = Vec<f64>> {
    let special = prop_oneof![Just(f64::NAN), Just(-f64::NAN), Just(-0.0), Just(f64::INFINITY), Just(f64::MIN_POSITIVE / 2.0)];
    vec(prop_oneof![special, any::<u64>().prop_map(f64::from_bits)], 0..12)
}

fn any_point() -> impl Strategy<Value = Point> {
    let value = any::<u64>().prop_map(f64::from_bits).prop_filter("a zero has no sign here", |value| value.to_bits() != 1 << 63);
    (option::of(any::<i64>()), ".{0,12}", value).prop_map(|(step, metric, value)| Point { step, metric: metric.into(), value })
}

fn any_owner() -> impl Strategy<Value = Owner> {
    prop_oneof![any::<u64>().prop_map(|id| Owner::Study(StudyId(id))), any::<u64>().prop_map(|id| Owner::Trial(TaskId(id)))]
}

fn any_event() -> impl Strategy<Value = Event> {
    let ids = (any::<u64>(), any::<u32>(), any::<i64>());
    let created = (ids, any_params(), any::<u64>(), ".{0,20}").prop_map(|((id, number, at), params, as_of, why)| {
        let origin = Origin::Sampled { as_of };
        Event::TrialCreated { study: StudyId(id), trial: TaskId(as_of), number, at, params, origin, why }
    });
    let ids = (any::<u64>(), any::<u32>(), any::<u64>());
    let reported = (ids, vec(any_point(), 0..8)).prop_map(|((trial, attempt, through), points)| Event::TrialReported {
        trial: TaskId(trial),
        attempt,
        through,
        points,
    });
    let shares = vec((any::<u32>(), any::<u32>()).prop_map(|(index, milli)| GpuShare { index, milli }), 0..4);
    let leased = (any::<u64>(), any::<u32>(), any::<i64>(), shares).prop_map(|(id, attempt, at, gpus)| Event::TrialLeased {
        trial: TaskId(id),
        attempt,
        worker: WorkerId(id ^ 1),
        at,
        gpus,
    });
    let value = option::of(vec(any::<u8>(), 0..40));
    let attribute = (any_owner(), any::<bool>(), ".{0,20}", value).prop_map(|(owner, system, key, value)| {
        let scope = if system { Scope::System } else { Scope::User };
        Event::AttributeSet { owner, scope, key, value }
    });
    prop_oneof![created, reported, leased, attribute, proptest::sample::select(samples()).prop_map(|(_, event)| event)]
}

/// Bits of every floating-point number of an event, and everything else as text.
fn fingerprint(event: &Event) -> (Vec<u64>, String) {
    let bits = match event {
        Event::TrialCreated { params, .. } => params.iter().map(|value| value.to_bits()).collect(),
        Event::TrialReported { points, .. } => points.iter().map(|point| point.value.to_bits()).collect(),
        _ => Vec::new(),
    };
    (bits, format!("{event:?}"))
}

proptest! {
    #[test]
    fn every_event_comes_back_bit_for_bit(event in any_event()) {
        let decoded = decode_event(&encoded(&event)).unwrap();
        prop_assert_eq!(fingerprint(&decoded), fingerprint(&event));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode_event(&bytes);
    }
}
