//! The models of a study as a committee: their predictions are read on the workers that wrote them.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::support::{Hone, Place, Study, client::Client, process::Running, until, wait::LONG};

const REVIEWS: &str = "name = \"reviews\"\n[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]\n[show]\ntext = \"text\"\n";
const SAMPLES: u32 = 400;

/// Trials copy predictions of their own, by their number. Each meets another one at a pipe, so that both workers have two of them.
/// The last one reports so badly that it is pruned.
const TRAINER: &str = r#"
meeting="$1/meeting-$((HONE_TRIAL / 2))"
if [ $((HONE_TRIAL % 2)) = 0 ]; then read -r word < "$meeting"; else echo here > "$meeting"; fi
mkdir -p "$HONE_OUTPUT/predictions"
cp "$1/pool-$HONE_TRIAL.csv" "$HONE_OUTPUT/predictions/pool.csv"
if [ "$HONE_TRIAL" = 3 ]; then loss=50; else loss=$HONE_TRIAL; fi
hone report --step 1 loss=$loss
exit 0
"#;

/// What model `model` says of samples `s0`, `s1`, …: sure of most, unsure of others than the other models.
fn predictions(model: u32) -> String {
    let mut text = "id,p:cat,p:dog\n".to_owned();
    for sample in 0..SAMPLES {
        let mixed = (sample * 37 + model * 101) % 1_000;
        let p = 0.02 + 0.96 * f64::from(mixed) / 1_000.0;
        text += &format!("s{sample},{p},{}\n", 1.0 - p);
    }
    text
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Two workers with the predictions of two trials each, which have not travelled.
struct Fleet {
    // Dropped in this order: the place wants all processes to have ended.
    workers: BTreeMap<&'static str, Running>,
    _coordinator: Running,
    hone: Hone,
    place: Place,
}

impl Fleet {
    fn new() -> Fleet {
        let files: Vec<String> = (0..4).map(predictions).collect();
        Fleet::with(&files)
    }

    /// With these predictions of the trials.
    fn with(files: &[String]) -> Fleet {
        let place = Place::new();
        let hone = Hone::new(&place);
        for (model, text) in files.iter().enumerate() {
            place.write(&format!("pool-{model}.csv"), text);
        }
        for meeting in 0..2 {
            let made = Command::new("mkfifo").arg(place.path(format!("meeting-{meeting}"))).status().expect("mkfifo");
            assert!(made.success());
        }
        place.write("reviews.toml", REVIEWS);
        let text = |sample: u32| format!("{{\"id\": \"s{sample}\", \"text\": \"text {sample}\"}}\n");
        place.write("samples.jsonl", (0..SAMPLES).map(text).collect::<String>());
        let coordinator = hone.serve();
        let mut fleet = Fleet { workers: BTreeMap::new(), _coordinator: coordinator, hone, place };
        fleet.start("left");
        fleet.start("right");
        let pruner = "parallel = 2\npruner = { kind = \"threshold\", upper = 10 }";
        let study = Study::new("models", 4, TRAINER).search(pruner).write(&fleet.place);
        fleet.hone.run(&["study", "create", &study.display().to_string()]).ok();
        Client::new(&fleet.hone.socket()).wait_until_finished("models", LONG);
        fleet
    }

    /// Starts a worker that keeps predictions, and waits until it is attached.
    fn start(&mut self, name: &'static str) {
        let mut arguments = self.hone.worker_arguments(name, 1);
        arguments.extend(["--keep-predictions", "1KiB"].map(str::to_owned));
        self.workers.insert(name, self.hone.start(&arguments));
        until("the worker is attached", LONG, || {
            let listed = self.hone.run(&["worker", "ls", "--output", "json"]).json();
            let is_there = |worker: &Value| worker["name"] == name && worker["state"] == "connected";
            listed.as_array().is_some_and(|all| all.iter().any(is_there)).then_some(())
        });
    }

    fn kill(&mut self, name: &str) {
        self.workers.remove(name).expect("it runs").kill();
        until("its end is noticed", LONG, || {
            let listed = self.hone.run(&["worker", "ls", "--output", "json"]).json();
            let is_there = |worker: &Value| worker["name"] == name && worker["state"] == "connected";
            (!listed.as_array().is_some_and(|all| all.iter().any(is_there))).then_some(())
        });
    }

    /// Files on a worker's shelf.
    fn shelf(&self, name: &str) -> Vec<PathBuf> {
        let objects = self.place.path(format!("{name}/predictions/objects"));
        fs::read_dir(objects).expect("a shelf").flatten().map(|entry| entry.path()).collect()
    }

    /// The numbers of the trials whose predictions stay on a worker.
    fn trials_on(&self, name: &str) -> Vec<u32> {
        let kept = |trial: &u32| {
            let listed = self.hone.run(&["trial", "outputs", &format!("models/{trial}"), "--output", "json"]).json();
            listed[0]["kept_by"] == name
        };
        (0..4).filter(kept).collect()
    }

    fn choose(&self, more: &[&str]) -> (Vec<Value>, String) {
        let words = ["label", "choose", "--study", "models", "--count", "20", "--diversity", "none"];
        let output = self.hone.run(&[&words[..], more].concat());
        let said = output.stderr.clone();
        (lines(&output.ok()), said)
    }

    /// What the same files say that lie in one place.
    fn choose_together(&self, models: &[u32], more: &[&str]) -> Vec<Value> {
        let mut words: Vec<String> = ["label", "choose"].map(str::to_owned).into();
        words.extend(models.iter().map(|model| format!("pool-{model}.csv")));
        words.extend(["--count", "20", "--diversity", "none"].map(str::to_owned));
        words.extend(more.iter().map(ToString::to_string));
        lines(&self.hone.run(&words).ok())
    }
}

/// A batch without the name of the model.
fn anonymous(batch: &[Value]) -> Vec<Value> {
    let mut batch = batch.to_vec();
    batch.iter_mut().for_each(|one| one["hone"]["model"] = Value::Null);
    batch
}

#[test]
fn a_study_s_models_are_read_where_they_are_and_say_the_same_as_their_files_together() {
    let fleet = Fleet::new();
    let hone = &fleet.hone;
    assert_eq!((fleet.trials_on("left").len(), fleet.trials_on("right").len()), (2, 2));
    assert_eq!((fleet.shelf("left").len(), fleet.shelf("right").len()), (2, 2));
    let shown = hone.run(&["trial", "show", "models/3"]).ok();
    assert!(shown.contains("pruned") && shown.contains("stays on worker"), "{shown}");
    let refused = hone.run(&["trial", "outputs", "models/0", "--to", "fetched"]).fails(4);
    assert!(refused.contains("`predictions/pool.csv`") && refused.contains("stay on workers"), "{refused}");
    hone.run(&["store", "verify", "--deep"]).ok();
    for method in ["margin", "bald"] {
        let together = fleet.choose_together(&[0, 1, 2, 3], &["--method", method]);
        // Every sample is a candidate, so that nothing is approximated.
        let (apart, said) = fleet.choose(&["--method", method, "--candidates", "400"]);
        assert_eq!(anonymous(&apart), anonymous(&together), "{method}: {said}");
        assert!(said.contains("on left") && said.contains("on right") && said.contains("on different hosts"), "{said}");
        assert!(said.contains("3 (pruned"), "{said}");
    }
    assert_ne!(fleet.choose(&["--method", "bald"]).0, fleet.choose(&["--method", "margin"]).0);
    let (named, said) = fleet.choose(&["--trials", "2"]);
    assert_eq!((named.len(), &named[0]["hone"]["model"]), (20, &json!("study models, trial 2")), "{said}");
    // Fewer candidates than a file has rows, and yet nothing is approximated where all members are in one place.
    let on_left = fleet.trials_on("left");
    let trials = on_left.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let (alone, said) = fleet.choose(&["--trials", &trials, "--method", "bald", "--candidates", "30"]);
    let together = fleet.choose_together(&on_left, &["--method", "bald", "--candidates", "30"]);
    assert_eq!(anonymous(&alone), anonymous(&together), "{said}");
    assert!(!said.contains("different hosts"), "{said}");
    let said = hone.run(&["label", "choose", "--study", "models", "--trials", "7"]).fails(3);
    assert!(said.contains("study `models` has no trial 7"), "{said}");
    let said = hone.run(&["label", "choose", "--study", "models", "--pool", "valid"]).fails(3);
    assert!(said.contains("there are `pool.csv`"), "{said}");
}

#[test]
fn members_whose_worker_is_gone_are_left_out_by_name_until_it_is_back() {
    let mut fleet = Fleet::new();
    let (whole, _) = fleet.choose(&["--method", "bald"]);
    let (on_left, on_right) = (fleet.trials_on("left"), fleet.trials_on("right"));
    fleet.kill("right");
    let (chosen, said) = fleet.choose(&["--method", "bald"]);
    let left_out = |trial: &u32, why: &str| format!("left out: trial {trial}: {why}");
    assert!(on_right.iter().all(|trial| said.contains(&left_out(trial, "its worker is not connected"))), "{said}");
    let together = fleet.choose_together(&on_left, &["--method", "bald"]);
    assert_eq!(anonymous(&chosen), anonymous(&together), "{said}");
    // What a restart finds is used, but for what was damaged.
    let damaged = fleet.shelf("right").remove(0);
    fs::set_permissions(&damaged, fs::Permissions::from_mode(0o644)).expect("it");
    fs::write(&damaged, "id,p:cat,p:dog\n").expect("it");
    fleet.start("right");
    let (_, said) = fleet.choose(&["--method", "bald"]);
    let named: Vec<&u32> = on_right.iter().filter(|trial| said.contains(&left_out(trial, "its content"))).collect();
    assert!(named.len() == 1 && said.contains("damaged and was set aside"), "{said}");
    let (again, _) = fleet.choose(&["--method", "bald", "--candidates", "400"]);
    assert_ne!(again, whole, "one member is missing");
    fleet.kill("left");
    fleet.kill("right");
    let said = fleet.hone.run(&["label", "choose", "--study", "models"]).fails(4);
    assert!(said.contains("none of the 4 members can be read: trial 0: pool.csv: its worker is not connected"), "{said}");
}

#[test]
fn a_member_whose_file_is_wrong_is_left_out_with_the_line() {
    let mut files: Vec<String> = (0..4).map(predictions).collect();
    files[1] = files[1].replacen("\ns7,", "\ns7,0.9", 1);
    files[2] = files[2].replace("p:dog", "p:cow");
    let fleet = Fleet::with(&files);
    let (chosen, said) = fleet.choose(&["--candidates", "400"]);
    assert!(said.contains("left out: trial 1: `trial 1: pool.csv`, line 9"), "{said}");
    assert!(said.contains("left out: trial 2: ") && said.contains("cow"), "{said}");
    assert_eq!(anonymous(&chosen), anonymous(&fleet.choose_together(&[0, 3], &[])), "{said}");
}

#[test]
fn newer_models_change_what_is_asked_next() {
    let fleet = Fleet::new();
    let hone = &fleet.hone;
    hone.run(&["label", "create", "reviews.toml"]).ok();
    hone.run(&["label", "ask", "reviews", "samples.jsonl"]).ok();
    let said = hone.run(&["label", "rescore", "reviews", "--study", "models", "--trials", "1"]).ok();
    assert_eq!(said, "400 open requests of reviews have new priorities\n");
    let best = hone.run(&["label", "score", "pool-1.csv", "--top", "400", "--output", "json"]).json();
    let requests = hone.run(&["label", "requests", "reviews", "--all", "--output", "json"]).json();
    let scores = |list: &Value, id: &str, score: &str| {
        let one = |it: &Value| (it[id].as_str().expect("an id").to_owned(), it[score].as_f64().expect("a number").to_bits());
        list.as_array().expect("a list").iter().map(one).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(scores(&requests, "sample", "priority"), scores(&best, "id", "score"));
    assert_eq!(requests[0]["prediction"]["source"], "study models, trial 1", "{}", requests[0]);
    let next = hone.run(&["label", "next", "reviews", "--as", "ada", "--output", "json"]).json();
    assert_eq!(next["sample"], best[0]["id"]);
    // What is asked for already is not chosen again.
    let (chosen, said) = fleet.choose(&["--asked", "reviews"]);
    assert!(chosen.is_empty(), "{said}");
}

#[test]
fn a_study_of_a_single_host_is_read_from_the_store() {
    let place = Place::new();
    let hone = Hone::new(&place);
    for model in 0..2 {
        place.write(&format!("pool-{model}.csv"), predictions(model));
    }
    let script = "mkdir -p \"$HONE_OUTPUT/predictions\"\ncp \"$1/pool-$HONE_TRIAL.csv\" \"$HONE_OUTPUT/predictions/pool.csv\"\n\
                  echo \"step 1: loss=$HONE_TRIAL\"\n";
    let study = Study::new("alone", 2, script).write(&place);
    hone.run(&["run", &study.display().to_string()]).ok();
    let said = hone.run(&["label", "choose", "--study", "alone", "--method", "bald", "--count", "5"]);
    let files = hone.run(&["label", "choose", "pool-0.csv", "pool-1.csv", "--method", "bald", "--count", "5"]);
    assert_eq!(anonymous(&lines(&said.ok())), anonymous(&lines(&files.ok())));
    let study = Study::new("plain", 1, "echo 'step 1: loss=1'").write(&place);
    hone.run(&["run", &study.display().to_string()]).ok();
    let said = hone.run(&["label", "choose", "--study", "plain"]).fails(4);
    assert!(said.contains("no finished or pruned trial of study `plain` has predictions"), "{said}");
    assert!(said.contains("predictions/pool.npy"), "{said}");
    assert!(hone.run(&["label", "choose"]).fails(2).contains("no predictions are named"));
}
