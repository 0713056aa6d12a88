//! The models of a study as a committee: their predictions are read on the workers that wrote them.

use serde_json::{Value, json};

use crate::support::{Hone, Place, Running, Study, wait::LONG};

const REVIEWS: &str = "name = \"reviews\"\n[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\"]\n[show]\ntext = \"text\"\n";
const SAMPLES: u32 = 400;

/// Trials copy predictions of their own, by their number. The third one reports so badly that it is pruned.
const TRAINER: &str = r#"
mkdir -p "$HONE_OUTPUT/predictions"
cp "$1/pool-$HONE_TRIAL.csv" "$HONE_OUTPUT/predictions/pool.csv"
echo "step 1: loss=$HONE_TRIAL"
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

/// Two workers with a trial's predictions each, which have not travelled.
struct Fleet {
    place: Place,
    hone: Hone,
    _coordinator: Running,
    workers: Vec<Running>,
}

impl Fleet {
    fn new() -> Fleet {
        let place = Place::new();
        let hone = Hone::new(&place);
        for model in 0..4 {
            place.write(&format!("pool-{model}.csv"), predictions(model));
        }
        place.write("reviews.toml", REVIEWS);
        let text = |sample: u32| format!("{{\"id\": \"s{sample}\", \"text\": \"text {sample}\"}}\n");
        place.write("samples.jsonl", (0..SAMPLES).map(text).collect::<String>());
        let coordinator = hone.serve();
        let workers = ["left", "right"].map(|name| {
            let mut arguments = hone.worker_arguments(name, 1);
            arguments.extend(["--keep-predictions", "1KiB"].map(str::to_owned));
            hone.start(&arguments)
        });
        crate::support::until("both workers are there", LONG, || {
            let listed = hone.run(&["worker", "ls", "--output", "json"]).json();
            (listed.as_array().map(Vec::len) == Some(2)).then_some(())
        });
        let study = Study::new("models", 4, TRAINER).search("parallel = 2").write(&place);
        hone.run(&["study", "create", &study.display().to_string()]).ok();
        hone.client().wait_until_finished("models", LONG);
        Fleet { place, hone, _coordinator: coordinator, workers: workers.into() }
    }

    fn choose(&self, more: &[&str]) -> (Vec<Value>, String) {
        let words = ["label", "choose", "--study", "models", "--count", "20", "--diversity", "none"];
        let output = self.hone.run(&[&words[..], more].concat());
        let said = output.stderr.clone();
        (lines(&output.ok()), said)
    }
}

#[test]
fn a_study_s_models_are_read_where_they_are_and_say_the_same_as_their_files_together() {
    let fleet = Fleet::new();
    let hone = &fleet.hone;
    let shown = hone.run(&["trial", "show", "models/0"]).ok();
    assert!(shown.contains("predictions/pool.csv"), "{shown}");
    for method in ["margin", "bald"] {
        let files = (0..4).map(|model| format!("pool-{model}.csv"));
        let mut words: Vec<String> = ["label", "choose"].map(str::to_owned).into();
        words.extend(files);
        words.extend(["--count", "20", "--diversity", "none", "--method", method].map(str::to_owned));
        let together = lines(&hone.run(&words).ok());
        // Every sample is a candidate, so that nothing is approximated.
        let (apart, said) = fleet.choose(&["--method", method, "--candidates", "400"]);
        let ids = |batch: &[Value]| batch.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&apart), ids(&together), "{method}: {said}");
        assert!(said.contains("on left") && said.contains("on right"), "{said}");
    }
    let (named, said) = fleet.choose(&["--trials", "2"]);
    assert_eq!((named.len(), named[0]["hone"]["model"].clone()), (20, json!("study models, trial 2")), "{said}");
}

#[test]
fn a_worker_that_is_gone_leaves_its_models_out_by_name() {
    let mut fleet = Fleet::new();
    let mut gone = fleet.workers.pop().expect("a worker");
    gone.kill();
    let (chosen, said) = fleet.choose(&["--method", "margin"]);
    assert_eq!(chosen.len(), 20);
    assert!(said.contains("left out: trial ") && said.contains("right"), "{said}");
    let mut last = fleet.workers.pop().expect("a worker");
    last.kill();
    let said = fleet.hone.run(&["label", "choose", "--study", "models"]).fails(4);
    assert!(said.contains("trial"), "{said}");
}

#[test]
fn newer_models_change_what_is_asked_next() {
    let fleet = Fleet::new();
    let hone = &fleet.hone;
    hone.run(&["label", "create", "reviews.toml"]).ok();
    hone.run(&["label", "ask", "reviews", "samples.jsonl"]).ok();
    let before = hone.run(&["label", "requests", "reviews", "--all", "--output", "json"]).json();
    assert_eq!(before[0]["priority"], 0.0);
    let said = hone.run(&["label", "rescore", "reviews", "--study", "models", "--trials", "1"]).ok();
    assert_eq!(said, "400 open requests of reviews have new priorities\n");
    let best = hone.run(&["label", "score", "pool-1.csv", "--top", "1", "--output", "json"]).json();
    let next = hone.run(&["label", "next", "reviews", "--as", "ada", "--output", "json"]).json();
    assert_eq!(next["sample"], best[0]["id"]);
    let after = hone.run(&["label", "requests", "reviews", "--all", "--output", "json"]).json();
    assert_eq!(after[0]["prediction"]["source"], "study models, trial 1", "{}", after[0]);
}

#[test]
fn a_study_without_predictions_says_how_to_write_them() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let study = Study::new("plain", 1, "echo 'step 1: loss=1'").write(&place);
    hone.run(&["run", &study.display().to_string()]).ok();
    let said = hone.run(&["label", "choose", "--study", "plain"]).fails(4);
    assert!(said.contains("predictions/pool.npy"), "{said}");
}
