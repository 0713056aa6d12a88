//! From files of predictions to label requests.

use serde_json::{Value, json};

use crate::support::{Hone, Place};

const REVIEWS: &str =
    "name = \"reviews\"\n[form]\nkind = \"classes\"\nclasses = [\"cat\", \"dog\", \"bird\"]\n[show]\ntext = \"text\"\n";
const SAMPLES: u32 = 300;

/// Predictions for samples `s0`, `s1`, …; the model is the less sure the higher the number.
fn predictions(shift: u32) -> String {
    let mut text = "id,p:cat,p:dog,p:bird\n".to_owned();
    for sample in (0..SAMPLES).map(|sample| (sample + shift) % SAMPLES) {
        let p = 1.0 - f64::from(sample) / f64::from(2 * SAMPLES);
        text += &format!("s{sample},{},{p},0\n", 1.0 - p);
    }
    text
}

fn samples() -> String {
    (0..SAMPLES).map(|sample| format!("{{\"id\": \"s{sample}\", \"text\": \"text {sample}\"}}\n")).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_batch_is_chosen_from_predictions_and_asked_for() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("pool.csv", predictions(0));
    place.write("samples.jsonl", samples());
    place.write("reviews.toml", REVIEWS);
    let p = 1.0 - 299.0 / 600.0;
    let best = hone.run(&["label", "score", "pool.csv", "--top", "2", "--output", "json"]).json();
    assert_eq!(best[0], json!({"id": "s299", "score": 1.0 - (p - (1.0 - p)), "place": 301}));
    assert_eq!(
        hone.run(&["label", "score", "pool.csv", "--top", "2", "-o", "csv"]).ok().lines().nth(2).map(|line| &line[..4]),
        Some("s298")
    );

    hone.run(&["label", "create", "reviews.toml"]).ok();
    let choose = ["label", "choose", "pool.csv", "--count", "20", "--diversity", "none", "--asked", "reviews", "--to"];
    let choose = |to: &str| hone.run(&[&choose[..], &[to]].concat()).ok();
    choose("first.jsonl");
    choose("again.jsonl");
    let first = place.read("first.jsonl");
    assert_eq!(first, place.read("again.jsonl"));
    let chosen = lines(&first);
    let (control, informed): (Vec<&Value>, Vec<&Value>) = chosen.iter().partition(|one| one["hone"]["control"] == true);
    assert_eq!((control.len(), informed.len()), (2, 18));
    // The model is unsure of the last ones; what was drawn at random may be among them.
    assert!(informed.iter().all(|one| one["id"].as_str().unwrap()[1..].parse::<u32>().unwrap() >= SAMPLES - 20), "{first}");
    assert_eq!((&informed[0]["hone"]["prediction"], &informed[0]["hone"]["model"]), (&json!("dog"), &json!("pool.csv")));

    let asked = hone.run(&["label", "ask", "reviews", "samples.jsonl", "--chosen", "first.jsonl"]).ok();
    assert_eq!(asked, "20 labels are asked for\n");
    let next = hone.run(&["label", "next", "reviews", "--as", "ada", "--output", "json"]).json();
    let id = next["sample"].as_str().expect("a sample");
    assert_eq!(next["data"]["text"], format!("text {}", &id[1..]));
    let requests = hone.run(&["label", "requests", "reviews", "--output", "json"]).json();
    let marked = requests.as_array().unwrap().iter().filter(|request| request["control"] == true).count();
    assert_eq!((requests.as_array().map(Vec::len), marked), (Some(20), 2));
    assert_eq!(requests[0]["prediction"]["source"], "pool.csv", "{}", requests[0]);

    // The next batch leaves out what is asked for; the one after that, by a file, too.
    choose("second.csv");
    let second = place.read("second.csv");
    assert!(second.starts_with("id,hone.priority,hone.prediction,hone.confidence,hone.model,hone.control\n"), "{second}");
    let ids = |text: &str| text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>();
    let second = ids(&second);
    assert_eq!(second.len(), 20);
    assert!(chosen.iter().all(|one| !second.contains(&one["id"].as_str().unwrap().to_owned())));
    place.write("known.txt", second.join("\n"));
    let third = hone
        .run(&["label", "score", "pool.csv", "--top", "300", "--exclude", "known.txt", "--exclude", "first.jsonl", "-o", "csv"])
        .ok();
    assert_eq!(ids(&third).len(), 260);
    let said = hone.run(&["label", "ask", "reviews", "samples.jsonl", "--chosen", "first.jsonl", "--key", "text"]).fails(2);
    assert!(said.contains("first.jsonl:1: `samples.jsonl` has no sample"), "{said}");
}

#[test]
fn a_committee_is_rated_whatever_the_order_of_its_files() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("one.csv", predictions(0));
    place.write("two.csv", predictions(77).replace("p:cat,p:dog", "p:dog,p:cat"));
    let rate =
        |files: [&str; 2]| hone.run(&["label", "score", files[0], files[1], "--method", "bald", "--output", "json"]).json();
    let (found, turned) = (rate(["one.csv", "two.csv"]), rate(["two.csv", "one.csv"]));
    // Both are sure of the first sample, each of another class.
    assert_eq!((&found[0]["id"], &found[0]["place"], &turned[0]["place"]), (&json!("s0"), &json!(2), &json!(225)));
    let said = hone.run(&["label", "score", "one.csv", "--method", "bald"]).fails(2);
    assert!(said.contains("`bald` compares the predictions of at least two models"), "{said}");
    let said = hone.run(&["label", "score", "one.csv", "--method", "bold"]).fails(2);
    assert!(said.contains("did you mean `bald`?"), "{said}");
    let said = hone.run(&["label", "score", "nowhere.csv"]).fails(2);
    assert!(said.contains("cannot read `nowhere.csv`"), "{said}");
    place.write("bad.csv", "id,p_0,p_1\na,0.5,0.5\nb,0.5,0.25\n");
    let said = hone.run(&["label", "choose", "bad.csv"]).fails(2);
    assert!(said.contains("`bad.csv`, line 3, `probabilities`: the probabilities add up to 0.75"), "{said}");
}
