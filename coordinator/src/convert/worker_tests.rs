//! What workers may say, and what they are sent.

use hone_studies::{Command, Driver, State};
use hone_studies::{Core, Now, Timings};
use wire::{ended, record};

use super::*;

fn hello() -> wire::Hello {
    wire::Hello {
        protocol_min: 1,
        protocol_max: 1,
        worker_key: "k".to_owned(),
        incarnation: "i".to_owned(),
        name: "node".to_owned(),
        capacity: Some(wire::Capacity { cpus_milli: 2000, ..Default::default() }),
        held: vec![wire::Held { task: 3, attempt: 1, ended: true }],
        ..Default::default()
    }
}

fn record(kind: Option<record::Kind>) -> wire::Record {
    wire::Record { sequence: 9, task: 3, attempt: 1, in_attempt: 1, kind }
}

fn file(path: &str, hash_bytes: usize) -> wire::File {
    wire::File { path: path.to_owned(), hash: vec![7; hash_bytes].into(), size: 5, executable: false, stays: false }
}

fn checkpoint(files: Vec<wire::File>) -> wire::Record {
    record(Some(record::Kind::Checkpoint(wire::Checkpoint { files, step: None })))
}

fn report(name: &str, value: f64) -> wire::Record {
    let metrics = vec![wire::Metric { name: name.to_owned(), value }];
    record(Some(record::Kind::Report(wire::Report { step: Some(1), metrics })))
}

fn ended(cause: Option<ended::Cause>) -> wire::Record {
    record(Some(record::Kind::Ended(wire::Ended { cause, ..Default::default() })))
}

fn read(record: wire::Record) -> Result<AttemptRecord, WireError> {
    records_from_proto(WorkerId(4), wire::Records { records: vec![record] }).map(|mut records| records.remove(0))
}

#[test]
fn a_hello_becomes_a_greeting() {
    let greeting = hello_from_proto(hello()).unwrap();
    assert_eq!((greeting.profile.key.as_str(), greeting.profile.capacity.cpus_milli), ("k", 2000));
    assert_eq!(greeting.held, [HeldAttempt { task: TaskId(3), attempt: 1, ended: true }]);
    assert_eq!(held_to_proto(&greeting.held), hello().held);
}

#[test]
fn a_malformed_hello_names_the_field() {
    let gpu = wire::Gpu::default();
    let twice = wire::Capacity { gpus: vec![gpu.clone(), gpu], ..Default::default() };
    let cases = [
        ("hello.worker_key", wire::Hello { worker_key: String::new(), ..hello() }),
        ("hello.name", wire::Hello { name: "n".repeat(300), ..hello() }),
        ("hello.incarnation", wire::Hello { incarnation: String::new(), ..hello() }),
        ("hello.capacity", wire::Hello { capacity: None, ..hello() }),
        ("hello.capacity.gpus", wire::Hello { capacity: Some(twice), ..hello() }),
        ("held.task", wire::Hello { held: vec![wire::Held { task: 0, attempt: 1, ended: false }], ..hello() }),
        ("hello.labels", wire::Hello { labels: [(String::new(), String::new())].into(), ..hello() }),
    ];
    for (field, hello) in cases {
        let error = hello_from_proto(hello).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
    }
}

#[test]
fn protocols_without_overlap_name_the_side_to_upgrade() {
    assert_eq!(protocol_of(&wire::Hello { protocol_max: 9, ..hello() }), Ok(2));
    let newer = protocol_of(&wire::Hello { protocol_min: 3, protocol_max: 4, ..hello() }).unwrap_err();
    assert!(newer.to_string().ends_with("upgrade the coordinator"), "{newer}");
    let older = protocol_of(&wire::Hello { protocol_min: 0, protocol_max: 0, ..hello() }).unwrap_err();
    assert!(older.to_string().ends_with("upgrade the worker"), "{older}");
}

#[test]
fn records_become_facts() {
    let Fact::Report { points } = read(report("loss", -0.0)).unwrap().fact else { panic!() };
    assert_eq!((points[0].step, &*points[0].metric, points[0].value.to_bits()), (Some(1), "loss", 0));
    let Fact::Report { points } = read(report("loss", f64::NAN)).unwrap().fact else { panic!() };
    assert!(points[0].value.is_nan(), "the core judges values");
    let failure = wire::Failure { kind: wire::failure::Kind::Signal.into(), code: 9, message: "killed".to_owned() };
    let Fact::Ended { cause, .. } = read(ended(Some(ended::Cause::Failure(failure)))).unwrap().fact else { panic!() };
    assert_eq!(cause, Cause::Failed(Failure::Signal { signal: 9, message: "killed".to_owned() }));
}

#[test]
fn outputs_may_stay_on_the_worker_that_tells_of_them() {
    let cause = Some(ended::Cause::Exited(wire::Exited {}));
    let outputs = vec![file("a", 32), wire::File { stays: true, ..file("b", 32) }];
    let ended = wire::Ended { cause, outputs, ..Default::default() };
    let Fact::Ended { files, .. } = read(record(Some(record::Kind::Ended(ended)))).unwrap().fact else { panic!() };
    let kept: Vec<_> = files.outputs.iter().map(|file| (file.path.as_str(), file.kept_by)).collect();
    assert_eq!(kept, [("a", None), ("b", Some(WorkerId(4)))]);
}

#[test]
fn a_malformed_record_names_the_field() {
    let newer = wire::Failure { kind: 99, ..Default::default() };
    let cases = [
        ("record.in_attempt", wire::Record { in_attempt: 0, ..report("a", 0.0) }),
        ("record.task", wire::Record { task: 0, ..report("a", 0.0) }),
        ("record.attempt", wire::Record { attempt: 0, ..report("a", 0.0) }),
        ("record.kind", record(None)),
        ("record.report.metrics.name", report("", 0.0)),
        ("record.checkpoint.files.hash", checkpoint(vec![file("a", 31)])),
        ("record.checkpoint.files.path", checkpoint(vec![file("a", 32), file("a", 32)])),
        ("record.checkpoint.files.stays", checkpoint(vec![wire::File { stays: true, ..file("a", 32) }])),
        ("record.ended.cause", ended(None)),
        ("record.ended.failure.kind", ended(Some(ended::Cause::Failure(newer)))),
    ];
    for (field, record) in cases {
        let error = read(record).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
    }
}

#[test]
fn no_path_leads_out_of_its_folder() {
    for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\0b", "a/..", &"a".repeat(2_000)] {
        let error = read(checkpoint(vec![file(path, 32)])).unwrap_err();
        assert!(error.to_string().contains("`record.checkpoint.files.path`"), "{path}: {error}");
    }
    read(checkpoint(vec![file("a/b.c/-d e", 32)])).unwrap();
}

#[test]
fn long_texts_are_shortened_to_their_end() {
    let reason = format!("{}é the cause", "x".repeat(1 << 20));
    let lost = ended::Cause::Lost(wire::Lost { reason });
    let Fact::Ended { cause: Cause::Lost { reason }, .. } = read(ended(Some(lost))).unwrap().fact else { panic!() };
    assert!(reason.len() <= MAX_TEXT_BYTES + 4 && reason.starts_with("… ") && reason.ends_with("é the cause"));
}

/// The golden study as the core has it.
fn study() -> (State, StudyId) {
    let text = include_str!("../../tests/golden/study.toml");
    let spec = Arc::new(hone_studies::file::parse(text, "study.toml").unwrap());
    let mut core = Core::recover(State::default(), Now::default(), Timings::DEFAULT);
    let source = Some(BlobId([4; 32]));
    let create =
        Command::CreateStudy { spec, text: text.to_owned(), source, driver: Driver::Workers, paused: false, request: None };
    core.handle(Now::default(), create).unwrap();
    let id = core.state.studies().next().unwrap().id;
    (core.state, id)
}

#[test]
fn parameters_are_json_in_the_order_of_the_space_without_absent_ones() {
    let (state, id) = study();
    let space = &state.study(id).unwrap().spec.space;
    let json = params_to_json(space, &vec![0.5, 1e-7, 3.0, f64::NAN, 2.0]);
    assert_eq!(json, r#"{"zeta":0.5,"model.lr":1e-7,"layers":3,"kind":0.5}"#);
    let json = params_to_json(space, &vec![0.0, 0.30000000000000004, 5.0, 0.0, 0.0]);
    assert_eq!(
        json,
        r#"{"zeta":0.0,"model.lr":0.30000000000000004,"layers":5,"deep":true,"kind":"a"}"#.replace("true", &deep(space))
    );
}

/// The first choice of the parameter `deep`.
fn deep(space: &Space) -> String {
    let at = space.index_of("deep").unwrap();
    space.parameters[at].distribution.to_external(0.0).to_string()
}

#[test]
fn a_lease_carries_resources_parameters_and_checkpoint() {
    let (state, id) = study();
    let study = state.study(id).unwrap();
    let file = FileRef { path: "c".to_owned(), blob: BlobId([1; 32]), size: 2, executable: true, kept_by: None };
    let lease = Assignment {
        task: TaskId(8),
        attempt: 2,
        study: id,
        number: 4,
        params: vec![0.25, f64::NAN, 1.0, f64::NAN, f64::NAN],
        gpus: vec![GpuShare { index: 1, milli: 250 }],
        checkpoint: vec![file],
    };
    let sent = assignment_to_proto(&lease, study);
    assert_eq!((sent.task, sent.attempt, sent.cpus_milli, sent.program), (8, 2, 500, id.0 << 32));
    assert_eq!(sent.trial.unwrap().params_json, r#"{"zeta":0.25,"layers":1}"#);
    assert_eq!((sent.gpus[0].milli, sent.checkpoint[0].hash.len()), (250, 32));
}

#[test]
fn a_program_keeps_its_templates_and_has_a_new_id_after_a_change() {
    let (state, id) = study();
    let study = state.study(id).unwrap();
    let program = program_to_proto(study);
    assert_eq!(program.command[1], "--lr={params.model.lr}");
    assert_eq!((program.timeout_us, program.grace_us, program.prunes), (90_000_000, 0, false));
    assert_eq!((program.seed, program.source.len(), program.objectives.len()), (u64::MAX, 32, 2));
    assert_ne!(program_id(id, 0), program_id(id, 1));
}
