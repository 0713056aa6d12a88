//! The coordinator's disk is full: nothing is acknowledged that is not written, and with room it goes on by itself.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use hone_proto::v1;
use tonic::Code;

use crate::support::{Hone, Place, Running, Study, client::Client, system::Tmpfs, until, wait::LONG};

const TRIALS: u64 = 60;

/// Fills what is left of a file system, up to `spare` bytes.
fn fill(path: &Path, spare: u64) {
    let mut file = File::create(path).expect("a file");
    let zeros = vec![0; 1 << 16];
    while file.write_all(&zeros).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
    let filled = file.metadata().expect("its size").len();
    file.set_len(filled.saturating_sub(spare)).expect("some of it is given back");
}

/// Starts a study on a disk that is then filled up to `spare` bytes.
fn start(place: &Place, hone: &Hone, script: &str, spare: u64) -> (Running, Running) {
    let (coordinator, worker) = (hone.serve(), hone.worker("worker", 2));
    hone.run(&["study", "create", &Study::new("full", TRIALS, script).write(place).display().to_string()]).ok();
    let client = Client::new(&hone.socket());
    until("some trials have ended", LONG, || (client.counted("full") >= 5).then_some(()));
    fill(&place.path("disk/ballast"), spare);
    (coordinator, worker)
}

fn wait_until_said(process: &mut Running, words: &str) {
    until("it says that there is no room", LONG, || {
        assert!(process.is_running(), "it ended\n{}", process.all_output());
        process.stderr().contains(words).then_some(())
    });
}

/// With room again the study ends, and no trial was run again because of the disk.
fn check(place: &Place, hone: &Hone) {
    fs::remove_file(place.path("disk/ballast")).expect("the ballast");
    let study = Client::new(&hone.socket()).wait_until_finished("full", LONG * 2);
    assert_eq!(study.counts.map(|counts| (counts.counted, counts.complete)), Some((TRIALS, TRIALS)));
    let exported = hone.run(&["study", "export", "full", "--output", "json"]).json();
    let attempts: usize =
        exported.as_array().into_iter().flatten().filter_map(|trial| trial["attempts"].as_array()).map(Vec::len).sum();
    assert_eq!(attempts as u64, TRIALS, "a trial was run again because of the disk");
    hone.run(&["store", "verify", "--deep"]).ok();
}

/// Writes notes of 7 kB beside a trial until one is refused; returns how many were acknowledged.
fn note_until_refused(client: &Client) -> usize {
    for number in 0..5_000 {
        let note = Some(format!("{number} {}", "x".repeat(7_000)));
        let request = v1::AnnotateTrialRequest { study: "full".to_owned(), trial: "0".to_owned(), note, ..Default::default() };
        match client.call(client.trials().annotate_trial(request)) {
            Ok(_) => {}
            Err(status) if status.code() == Code::ResourceExhausted => return number,
            Err(status) => panic!("a full disk is not named: {status}"),
        }
    }
    panic!("the disk did not become full");
}

#[test]
fn a_full_journal_holds_everything_up_and_loses_nothing() {
    let place = Place::new();
    let _disk = Tmpfs::mount(&place.path("disk"), "64m");
    let hone = Hone::new(&place).with_data("disk/data");
    let (mut coordinator, _worker) = start(&place, &hone, "echo \"step 1: loss=$2\"; sleep 0.5", 0);
    let acknowledged = note_until_refused(&Client::new(&hone.socket()));
    wait_until_said(&mut coordinator, "no space left");
    let refused = hone.run(&["trial", "enqueue", "--study", "full", "x=0.5"]);
    assert_eq!(refused.code, 74, "{refused:?}");
    check(&place, &hone);
    assert!(coordinator.is_running());
    let trial = hone.run(&["trial", "show", "full/0", "--output", "json"]).json();
    let last: Option<usize> = trial["note"].as_str().and_then(|note| note.split(' ').next()?.parse().ok());
    let kept = last.map_or(0, |last| last + 1);
    assert!(kept >= acknowledged, "{kept} notes are there, {acknowledged} were acknowledged");
}

#[test]
fn without_room_for_outputs_workers_hold_them() {
    let place = Place::new();
    let _disk = Tmpfs::mount(&place.path("disk"), "64m");
    let hone = Hone::new(&place).with_data("disk/data");
    // There is room for the journal and none for another output, so that it is the output that is refused.
    let script = "head -c 400000 /dev/urandom > \"$HONE_OUTPUT/model\"; echo \"step 1: loss=$2\"";
    let (mut coordinator, mut worker) = start(&place, &hone, script, 200_000);
    wait_until_said(&mut coordinator, "no space left for blobs");
    wait_until_said(&mut worker, "no room");
    check(&place, &hone);
}
