//! What goes into an attempt and what comes out: environment, reports, sources, checkpoints, outputs.

use std::collections::BTreeMap;

use hone_data::pack::{PackOptions, pack};
use hone_proto::worker::{
    Assignment, MetricsFiles, Program, Report, directive, ended::Cause, failure::Kind, metrics_files, record,
};
use hone_worker::Stop;

use crate::{
    bench::{Bench, assignment, program, script},
    helpers,
};

fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let mut bytes = Vec::new();
    let options = PackOptions { max_bytes: 1 << 20, include: Vec::new(), leave_out: Vec::new() };
    pack(folder.path(), &options, &mut bytes).expect("an archive");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_kept_up_to_their_limit() {
    let mut bench = Bench::start().await;
    let text = "echo $HONE_STUDY $HONE_TRIAL $HONE_PARAMS >$HONE_OUTPUT/facts; head -c 2000000 /dev/zero >$HONE_OUTPUT/huge
                ln -s /etc/passwd $HONE_OUTPUT/link; echo [$CUDA_VISIBLE_DEVICES] [$CARGO_PKG_NAME]";
    let ended = bench.run(script(text)).await;
    let paths: Vec<&str> = ended.outputs.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, vec!["facts"]);
    assert_eq!(bench.blob(&ended.outputs[0]), b"digits 4 {\"x\":1}\n");
    assert!(ended.notes.iter().any(|note| note.contains("`huge`")), "{:?}", ended.notes);
    assert!(ended.notes.iter().any(|note| note.contains("`link`")), "{:?}", ended.notes);
    assert_eq!(bench.log_text(&ended), "[] []\n");
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_arrive_before_the_end() {
    let mut bench = Bench::start().await;
    let ended = bench.run(Program { prunes: true, ..helpers::trial("reporter") }).await;
    assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    let steps: Vec<Option<i64>> = bench.reports().iter().map(|report| report.step).collect();
    assert_eq!(steps, vec![Some(1), Some(2), Some(3)]);
    assert!(bench.reports()[0].metrics[1].value.is_nan());
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_reaches_the_trial() {
    let mut bench = Bench::start().await;
    bench.acknowledges = false;
    bench.assign(assignment(1), Program { prunes: true, grace_us: 20_000_000, ..helpers::trial("reporter") }).await;
    while bench.reports().is_empty() {
        bench.next().await;
    }
    bench.direct(directive::Kind::Prune).await;
    let ended = bench.ended(1).await;
    assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    assert!(bench.log_text(&ended).contains("pruned at 1"));
    assert_eq!(bench.reports().len(), 1);
    bench.acknowledges = true;
    bench.say(hone_proto::worker::to_worker::Kind::Ack(hone_proto::worker::Ack { sequence: 2 })).await;
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_on_standard_output_are_reports() {
    let mut bench = Bench::start().await;
    let program = Program {
        metrics_pattern: "epoch {step}: {name}={value}".to_owned(),
        ..script("echo 'epoch 1: loss=0.5'; echo noise; echo 'epoch 2: loss=0.25'; printf 'epoch 3: loss=0.125'")
    };
    bench.run(program).await;
    let values: Vec<(Option<i64>, f64)> = bench.reports().iter().map(|report| (report.step, report.metrics[0].value)).collect();
    assert_eq!(values, vec![(Some(1), 0.5), (Some(2), 0.25), (Some(3), 0.125)]);
    bench.finish(Stop::WhenDone).await;
}

/// Event files of one scalar, `loss`, of which each has two values: 10 at step 0 down to 5 at step 5.
const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/tests/fixtures/events/rotated/");

fn event_files(path: &str) -> MetricsFiles {
    let names = [("loss".to_owned(), "val_loss".to_owned())].into();
    MetricsFiles { format: metrics_files::Format::Tensorboard.into(), path: path.to_owned(), names, ..MetricsFiles::default() }
}

fn csv(path: &str, step: &str) -> MetricsFiles {
    let format = metrics_files::Format::Csv.into();
    MetricsFiles { format, path: path.to_owned(), step: step.to_owned(), ..MetricsFiles::default() }
}

fn values(reports: &[Report]) -> Vec<(Option<i64>, &str, f64)> {
    let all = reports.iter().flat_map(|report| report.metrics.iter().map(|metric| (report.step, metric)));
    all.map(|(step, metric)| (step, metric.name.as_str(), metric.value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_in_files_are_reports_also_those_that_were_written_last() {
    let mut bench = Bench::start().await;
    let text = format!("mkdir $HONE_OUTPUT/logs; cp {EVENTS}* $HONE_OUTPUT/logs; printf 'epoch,lr\\n1,0.5\\n2,0.25' >m.csv");
    let sources = vec![event_files("{output}/logs"), csv("*.csv", "epoch"), csv("other.csv", "")];
    let ended = bench.run(Program { metrics_files: sources, ..script(&text) }).await;
    let reports = bench.reports();
    let steps: Vec<_> = (0..6).map(|step| (Some(step), "val_loss", 10.0 - step as f64)).collect();
    assert_eq!(values(&reports), [steps, vec![(Some(1), "lr", 0.5), (Some(2), "lr", 0.25)]].concat());
    assert_eq!(bench.log_text(&ended), "hone: no file matched `other.csv`\n");
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_in_files_come_while_the_trial_runs_and_a_verdict_ends_it() {
    let mut bench = Bench::start().await;
    let text = format!("mkdir logs; head -c 100 {EVENTS}events.out.tfevents.0.host >logs/tfevents; exec sleep 600");
    let program = Program { prunes: true, grace_us: 600_000_000, metrics_files: vec![event_files("logs/**")], ..script(&text) };
    bench.assign(assignment(1), program).await;
    while bench.reports().is_empty() {
        bench.next().await;
    }
    assert_eq!(values(&bench.reports()), vec![(Some(0), "val_loss", 10.0)]);
    bench.direct(directive::Kind::Prune).await;
    let ended = bench.ended(1).await;
    assert!(matches!(ended.cause, Some(Cause::Killed(_))), "{ended:?}");
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lay_in_files_before_the_trial_is_not_its_own() {
    let mut bench = Bench::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.csv");
    std::fs::write(&path, "step,loss\n0,9\n").expect("a file");
    let path = path.display().to_string();
    let program = Program { metrics_files: vec![csv(&path, "")], ..script(&format!("echo 1,8 >>{path}")) };
    bench.run(program).await;
    assert_eq!(values(&bench.reports()), vec![(Some(1), "loss", 8.0)]);
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_what_the_next_attempt_finds() {
    let mut bench = Bench::start().await;
    let failed = bench.run(helpers::trial("saver")).await;
    assert!(matches!(&failed.cause, Some(Cause::Failure(failure)) if failure.code == 9), "{failed:?}");
    let checkpoint = bench
        .record(|kind| match kind {
            record::Kind::Checkpoint(checkpoint) => Some(checkpoint.clone()),
            record::Kind::Report(_) | record::Kind::Ended(_) => None,
        })
        .await;
    assert_eq!(checkpoint.step, Some(5));
    assert_eq!(checkpoint.files[0].path, "deep/state");
    bench.assign(Assignment { checkpoint: checkpoint.files, ..assignment(2) }, helpers::trial("saver")).await;
    let resumed = bench.ended(2).await;
    assert!(bench.log_text(&resumed).contains("resumed from step 5\n"), "{}", bench.log_text(&resumed));
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_set_up_once_and_its_programs_are_found() {
    let mut bench = Bench::start().await;
    let archive = packed(&[("data.txt", "some data\n"), ("deep/inner.txt", "inner\n")]);
    let setup = "echo run >>../count; mkdir -p bin; printf '#!/bin/sh\\ncat data.txt deep/inner.txt; echo mine >new\\n' >bin/tool; chmod +x bin/tool";
    let program = Program {
        source: bench.put(archive),
        setup: ["sh", "-c", setup].iter().map(|word| (*word).to_owned()).collect(),
        ..program(&["tool"])
    };
    for attempt in [1, 2] {
        bench.assign(assignment(attempt), program.clone()).await;
        let ended = bench.ended(attempt).await;
        assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
        assert_eq!(bench.log_text(&ended), "some data\ninner\n");
    }
    let sources = bench.folder.path().join("worker/sources");
    let source = std::fs::read_dir(sources).expect("sources").next().expect("one").expect("it").path();
    assert_eq!(std::fs::read_to_string(source.join("count")).expect("the count"), "run\n");
    assert!(!source.join("tree/new").exists());
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_setup_is_told_to_every_attempt_that_needed_it() {
    let mut bench = Bench::start().await;
    let words = ["sh", "-c", "echo trying; echo no compiler >&2; exit 4"];
    let program = Program { setup: words.iter().map(|word| (*word).to_owned()).collect(), ..program(&["true"]) };
    let mut messages = BTreeMap::new();
    for attempt in [1, 2] {
        bench.assign(assignment(attempt), program.clone()).await;
        let ended = bench.ended(attempt).await;
        let Some(Cause::Failure(failure)) = &ended.cause else { panic!("{ended:?}") };
        assert_eq!((failure.kind(), failure.code), (Kind::Setup, 4));
        assert!(bench.log_text(&ended).contains("trying\n"));
        messages.insert(attempt, failure.message.clone());
    }
    assert!(messages[&1].contains("no compiler"), "{messages:?}");
    assert_eq!(messages[&1], messages[&2]);
    bench.finish(Stop::WhenDone).await;
}
