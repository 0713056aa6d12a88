//! What the three formats look like.

use hone_proto::v1;

use super::*;

fn objective() -> v1::Objective {
    v1::Objective { metric: "val_accuracy".to_owned(), direction: "maximize".to_owned() }
}

fn parameter(name: &str, value: v1::parameter::Value) -> v1::Parameter {
    v1::Parameter { name: name.to_owned(), value: Some(value) }
}

fn complete() -> v1::Trial {
    use v1::parameter::Value;
    v1::Trial {
        id: 41,
        study: 3,
        number: 7,
        state: "complete".to_owned(),
        params: vec![
            parameter("learning_rate", Value::Float(0.1)),
            parameter("optimizer", Value::String("sgd, \"plain\"".to_owned())),
        ],
        values: vec![0.97],
        created_us: 1_790_000_000_000_000,
        started_us: 1_790_000_001_000_000,
        ended_us: 1_790_000_003_500_000,
        origin: "sampled".to_owned(),
        end: "finished".to_owned(),
        attempts: vec![v1::Attempt {
            number: 1,
            worker: 2,
            worker_name: "local".to_owned(),
            started_us: 1_790_000_001_000_000,
            ended_us: 1_790_000_003_500_000,
            end: "finished".to_owned(),
            detail: String::new(),
            has_log: true,
        }],
        curve: vec![
            v1::Point { step: 1, metric: "val_accuracy".to_owned(), value: 0.5 },
            v1::Point { step: 2, metric: "val_accuracy".to_owned(), value: 0.97 },
        ],
        outputs: vec![v1::OutputFile {
            path: "model.bin".to_owned(),
            hash: vec![0xab; 32].into(),
            size: 2048,
            executable: false,
            kept_by: 0,
            kept_by_name: String::new(),
        }],
        tags: vec!["good".to_owned()],
        metrics: [("loss".to_owned(), f64::INFINITY), ("val_accuracy".to_owned(), 0.97)].into(),
        last_step: Some(2),
        attempt_count: 1,
        ..v1::Trial::default()
    }
}

fn failed() -> v1::Trial {
    v1::Trial {
        number: 8,
        state: "failed".to_owned(),
        end: "exit code 1\u{1b}[31m".to_owned(),
        origin: "sampled".to_owned(),
        superseded_by: 10,
        ..v1::Trial::default()
    }
}

fn study() -> v1::Study {
    v1::Study {
        id: 3,
        name: "digits".to_owned(),
        description: "Handwritten digits".to_owned(),
        state: "active".to_owned(),
        created_us: 1_790_000_000_000_000,
        objectives: vec![objective()],
        counts: Some(v1::Counts { complete: 9, pruned: 2, failed: 1, running: 2, counted: 12, ..v1::Counts::default() }),
        max_trials: 60,
        parallel: 2,
        best: Some(complete()),
        driver: "workers".to_owned(),
        warm_start: vec![v1::WarmStart { study: 2, name: "digits-small".to_owned(), taken: 40, of: 52 }],
        ..v1::Study::default()
    }
}

fn names() -> Vec<String> {
    vec!["learning_rate".to_owned(), "optimizer".to_owned()]
}

/// Local times differ between machines.
fn without_times(text: &str) -> String {
    let words = text.lines().map(|line| {
        let shown: Vec<&str> = line.split("2026-09-2").collect();
        if shown.len() == 1 { line.to_owned() } else { format!("{}<time>", shown[0]) }
    });
    words.collect::<Vec<_>>().join("\n")
}

#[test]
fn trials_as_csv_have_a_column_per_parameter_and_exact_values() {
    let csv = trials_listing(&[objective()], &names(), &[complete(), failed()]).csv();
    insta::assert_snapshot!(csv.replace('\u{1b}', "<escape>"), @r#"
    number,state,value.val_accuracy,params.learning_rate,params.optimizer,duration_seconds,started,ended,attempts,origin,tags,violation,end
    7,complete,0.97,0.1,"sgd, ""plain""",2.5,2026-09-21T14:13:21Z,2026-09-21T14:13:23.5Z,1,sampled,good,0.0,
    8,failed,,,,,,,0,sampled,,,exit code 1<escape>[31m
    "#);
}

#[test]
fn trials_as_a_table_leave_out_empty_columns_and_hide_control_characters() {
    let listing = trials_listing(&[], &names(), &[failed()]);
    insta::assert_snapshot!(listing.table(Look::default()), @r"
    TRIAL  STATE   ATTEMPTS  END
        8  failed         0  exit code 1�[31m
    ");
}

#[test]
fn a_table_is_plain_unless_colours_are_wanted() {
    let listing = trials_listing(&[], &[], &[failed()]);
    assert!(!listing.table(Look::default()).contains('\u{1b}'));
    assert!(listing.table(Look { colours: true, fitted: false }).contains("\u{1b}["));
}

#[test]
fn an_empty_table_says_so_and_empty_csv_keeps_its_header() {
    assert_eq!(studies_listing(&[]).table(Look::default()), "no studies; `hone run DIRECTORY` starts one\n");
    assert_eq!(studies_listing(&[]).csv().lines().count(), 1);
    assert_eq!(list_text::<StudyDocument>(Format::Json, Look::default(), &[], &studies_listing(&[])).unwrap(), "[]\n");
}

#[test]
fn a_trial_as_json_keeps_every_field() {
    insta::assert_snapshot!(json_text(&TrialDocument::from(&complete())).unwrap());
    let failed = serde_json::to_value(TrialDocument::from(&failed())).unwrap();
    assert_eq!((failed["superseded_by"].as_u64(), failed["started"].is_null()), (Some(9), true));
}

#[test]
fn a_study_as_json_keeps_every_field() {
    insta::assert_snapshot!(json_text(&StudyDocument::from(&v1::Study { best: None, ..study() })).unwrap());
}

#[test]
fn numbers_that_json_has_no_word_for_are_texts() {
    let trial = v1::Trial { values: vec![f64::NAN, f64::NEG_INFINITY, 1.0], ..v1::Trial::default() };
    let document = serde_json::to_value(TrialDocument::from(&trial)).unwrap();
    assert_eq!(document["values"], serde_json::json!(["nan", "-inf", 1.0]));
}

#[test]
fn parameters_keep_their_order_in_json() {
    use v1::parameter::Value;
    let params = vec![parameter("z", Value::Int(1)), parameter("a", Value::Bool(true))];
    let text = serde_json::to_string(&TrialDocument::from(&v1::Trial { params, ..v1::Trial::default() })).unwrap();
    assert!(text.contains(r#""params":{"z":1,"a":true}"#), "{text}");
}

#[test]
fn a_study_is_described_in_lines() {
    insta::assert_snapshot!(without_times(&study_text(&study())));
}

#[test]
fn a_trial_is_described_in_lines() {
    insta::assert_snapshot!(without_times(&trial_text(&complete(), &study())));
}

#[test]
fn counts_name_what_there_is() {
    assert_eq!(counts_text(&study()), "12 of 60 trials: 9 complete, 2 pruned, 1 failed; 2 running");
    assert_eq!(counts_text(&v1::Study::default()), "0 trials");
}

#[test]
fn a_worker_is_described_in_lines() {
    let worker = v1::Worker {
        id: 2,
        name: "node-7".to_owned(),
        host: "node-7.example.org".to_owned(),
        state: "connected".to_owned(),
        cpus_milli: 16_000,
        cpus_milli_free: 14_500,
        memory_bytes: 64 << 30,
        memory_bytes_free: 60 << 30,
        gpus: vec![v1::Gpu { index: 0, name: "A100".to_owned(), memory_bytes: 40 << 30, milli_free: 500 }],
        running: vec![v1::Running { study: "digits".to_owned(), trial: 7, attempt: 1, since_us: 1_790_000_000_000_000 }],
        joined_us: 1_790_000_000_000_000,
        seen_us: 1_790_000_000_000_000,
        build: "0.1.0".to_owned(),
        clock_ahead_us: -3_000_000,
        labels: [("room".to_owned(), "b".to_owned())].into(),
        ..v1::Worker::default()
    };
    insta::assert_snapshot!(without_times(&worker_text(&worker, 1_790_000_060_000_000)));
    insta::assert_snapshot!("worker_json", json_text(&WorkerDocument::from(&worker)).unwrap());
    assert!(workers_listing(&[worker]).csv().contains("room=b"));
}

#[test]
fn colours_obey_the_user_then_no_color_then_the_terminal() {
    use ColorChoice::{Always, Auto, Never};
    for (choice, terminal, no_color, wanted) in [
        (Auto, true, false, true),
        (Auto, true, true, false),
        (Auto, false, false, false),
        (Always, false, true, true),
        (Never, true, false, false),
    ] {
        assert_eq!(colours(choice, terminal, no_color), wanted, "{choice:?} {terminal} {no_color}");
    }
}
