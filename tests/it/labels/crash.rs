//! Random `kill -9` of the coordinator while annotators answer.
//!
//! Each annotator keeps every answer that was acknowledged to it. At the end the store has to have each of them once,
//! with its label, and no other: none lost, none doubled, none invented, nobody's twice.
//!
//! `HONE_LABEL_KILLS` sets the number of kills (default 100), `HONE_CRASH_SEED` the seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::annotator::{Acknowledged, Annotator};
use crate::support::{Hone, Place, Running, number, until, wait::LONG};

/// Answers between two kills, at most.
const ANSWERS: u64 = 12;
const PROJECTS: [(&str, &str, u64); 2] = [("once", "overlap = 1", 1), ("twice", "overlap = 2", 2)];
const NAMES: [&str; 3] = ["ada", "bob", "cy"];

fn create(hone: &Hone, place: &Place, name: &str, overlap: &str, samples: u64) {
    let text = format!("name = \"{name}\"\n[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]\n[answers]\n{overlap}\n");
    place.write("project.toml", &text);
    let lines: String = (0..samples).map(|at| format!("{{\"id\": \"{name}-{at}\", \"n\": {at}}}\n")).collect();
    place.write("samples.jsonl", &lines);
    hone.run(&["label", "create", "project.toml"]).ok();
    hone.run(&["label", "ask", name, "samples.jsonl"]).ok();
}

#[test]
fn annotators_lose_no_answer_when_the_coordinator_is_killed() {
    let (kills, seed) = (number("HONE_LABEL_KILLS", 100), number("HONE_CRASH_SEED", 1));
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut coordinator = hone.serve();
    // Three answers for each; a kill comes after twelve at most, and some more that were under way.
    let samples = kills * ANSWERS / 2 + 20;
    for (name, overlap, _) in PROJECTS {
        create(&hone, &place, name, overlap, samples);
    }
    let progress = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    for (project, _, _) in PROJECTS {
        for (at, name) in (0..).zip(NAMES) {
            let seed = seed * 100 + workers.len() as u64 + at;
            workers.push(Annotator::start(hone.socket(), format!("{name} at {project}"), project, seed, progress.clone()));
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let killed = kill_by_progress(&hone, &mut coordinator, kills, &mut random, &progress, || {
        workers.iter().all(std::thread::JoinHandle::is_finished)
    });
    let acknowledged: Vec<Acknowledged> = workers.into_iter().flat_map(|worker| worker.join().expect("an annotator")).collect();
    for (project, _, wanted) in PROJECTS {
        check(&hone, project, wanted, samples, &acknowledged);
    }
    drop(coordinator);
    hone.run(&["store", "verify", "--deep"]).ok();
    println!("seed {seed}: {killed} kills, {} answers acknowledged", acknowledged.len());
    assert_eq!(killed, kills, "the work was done before every kill had come");
}

/// Kills after a random number of answers each time. Returns how often it did.
fn kill_by_progress(
    hone: &Hone,
    coordinator: &mut Running,
    kills: u64,
    random: &mut ChaCha8Rng,
    progress: &AtomicU64,
    are_done: impl Fn() -> bool,
) -> u64 {
    for killed in 0..kills {
        let goal = progress.load(Ordering::Relaxed) + random.random_range(1..=ANSWERS);
        let over = until("annotators answer", LONG, || match progress.load(Ordering::Relaxed) >= goal {
            true => Some(false),
            false => are_done().then_some(true),
        });
        if over {
            return killed;
        }
        coordinator.kill();
        *coordinator = hone.start(&["serve", "--listen", "127.0.0.1:0"]);
    }
    kills
}

/// Compares what is stored with what was acknowledged, answer by answer.
fn check(hone: &Hone, project: &str, wanted: u64, samples: u64, acknowledged: &[Acknowledged]) {
    let labels = hone.run(&["label", "requests", project, "--all", "--output", "json"]).json();
    let labels = labels.as_array().expect("an array");
    assert_eq!(labels.len() as u64, samples);
    let (mut stored, mut counting) = (BTreeSet::new(), BTreeMap::new());
    for label in labels {
        let request = label["request"].as_u64().expect("a number");
        for answer in label["answers"].as_array().expect("answers") {
            let annotator = answer["annotator"].as_str().expect("a name").to_owned();
            let taken_back = !answer["withdrawn"].is_null();
            if !taken_back {
                *counting.entry((request, annotator.clone())).or_insert(0) += 1;
            }
            let (id, label) = (answer["id"].as_u64().expect("a number"), answer["label"].to_string());
            stored.insert(Acknowledged { annotator, request, answer: id, label, taken_back });
        }
        let count = counting.iter().filter(|((of, _), _)| *of == request).count() as u64;
        assert_eq!(count, wanted, "request {request} of `{project}` wants {wanted} answers: {label}");
        assert_ne!(label["state"], Value::from("leased"), "everybody has gone");
    }
    assert!(counting.values().all(|count| *count == 1), "an annotator's answer counts twice");
    let of_project = |one: &&Acknowledged| one.annotator.ends_with(project);
    let told: BTreeSet<Acknowledged> = acknowledged.iter().filter(of_project).cloned().collect();
    assert_eq!(told.len(), acknowledged.iter().filter(of_project).count(), "an answer was acknowledged twice");
    let lost: Vec<_> = told.difference(&stored).collect();
    let invented: Vec<_> = stored.difference(&told).collect();
    assert!(lost.is_empty() && invented.is_empty(), "lost: {lost:?}, invented: {invented:?}");
}
