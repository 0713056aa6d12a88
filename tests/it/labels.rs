//! Label requests with real processes: commands, and annotators that work while the coordinator is killed.

mod annotator;
mod committee;
mod crash;
mod pool;

use serde_json::{Value, json};

use crate::support::{Hone, Place};

const REVIEWS: &str = "name = \"reviews\"\ninstructions = \"Is it positive?\"\n[form]\nkind = \"classes\"\n\
                       classes = [\"positive\", \"negative\"]\n[show]\ntext = \"text\"\n[answers]\noverlap = [1, 2]\nblind = 0.0\n";
const SAMPLES: &str = "{\"id\": \"a\", \"text\": \"great\", \"hone\": {\"priority\": 1, \"prediction\": \"negative\", \"confidence\": 0.6}}\n\
                       {\"id\": \"b\", \"text\": \"dull\", \"hone.priority\": 2}\n{\"id\": \"c\", \"text\": \"?\"}\n";

fn project(hone: &Hone, place: &Place, text: &str, samples: &str) {
    place.write("project.toml", text);
    place.write("samples.jsonl", samples);
    hone.run(&["label", "create", "project.toml"]).ok();
    hone.run(&["label", "ask", "last", "samples.jsonl"]).ok();
}

fn state(hone: &Hone, request: &str) -> Value {
    hone.run(&["label", "request", request, "--output", "json"]).json()
}

#[test]
fn labels_from_a_file_to_a_file_on_the_command_line() {
    let place = Place::new();
    let hone = Hone::new(&place);
    project(&hone, &place, REVIEWS, SAMPLES);
    let next = hone.run(&["label", "next", "reviews", "--as", "ada", "--output", "json"]).json();
    assert_eq!((&next["sample"], &next["data"]["text"]), (&json!("b"), &json!("dull")));
    assert_eq!(hone.run(&["label", "submit", "2", "negative", "--as", "ada", "--took", "3s"]).ok(), "request 2 is resolved\n");
    // The next one has a prediction, which the answer remembers.
    let next = hone.run(&["label", "next", "reviews", "--as", "ada", "--output", "json"]).json();
    assert_eq!((&next["request"], &next["prediction"]["label"]), (&json!(1), &json!("negative")));
    hone.run(&["label", "submit", "1", "positive", "--as", "ada"]).ok();
    let found = state(&hone, "1");
    assert_eq!((&found["label"], &found["answers"][0]["shown"]["label"]), (&json!("positive"), &json!("negative")));
    assert_eq!(found["answers"][0]["channel"], "command");

    hone.run(&["label", "next", "--as", "ada"]).ok();
    hone.run(&["label", "skip", "3", "--because", "no idea", "--as", "ada"]).ok();
    assert_eq!(hone.run(&["label", "skip", "3", "--because", "me neither", "--as", "bob"]).code, 0);
    assert_eq!(state(&hone, "3")["state"], "skipped");
    hone.run(&["label", "reopen", "3"]).ok();
    assert_eq!(state(&hone, "3")["state"], "open");
    hone.run(&["label", "withdraw", "3", "--because", "no text"]).ok();
    assert_eq!(state(&hone, "3")["reason"], "no text");

    let labels = hone.run(&["label", "export", "reviews"]).ok();
    let labels: Vec<Value> = labels.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let pairs: Vec<(&str, &str)> =
        labels.iter().map(|label| (label["id"].as_str().unwrap(), label["label"].as_str().unwrap())).collect();
    assert_eq!(pairs, [("a", "positive"), ("b", "negative")]);
    let csv = hone.run(&["label", "export", "--format", "csv", "--answers"]).ok();
    assert!(csv.lines().nth(1).is_some_and(|line| line.starts_with("a,2,ada,positive,")), "{csv}");

    hone.run(&["label", "undo", "1", "--as", "ada"]).ok();
    assert_eq!(state(&hone, "1")["state"], "open");
    let annotators = hone.run(&["label", "annotators", "reviews", "--output", "json"]).json();
    assert_eq!(
        (&annotators[0]["name"], &annotators[0]["answers"], &annotators[1]["skips"]),
        (&json!("ada"), &json!(1), &json!(1))
    );
    assert_eq!(hone.run(&["label", "ls", "--output", "json"]).json()[0]["counts"]["resolved"], 1);
    hone.run(&["label", "rm", "reviews"]).fails(4);
    hone.run(&["label", "rm", "reviews", "--force"]).ok();
    hone.run(&["label", "show", "reviews"]).fails(3);
}

#[test]
fn a_conflict_is_decided_by_a_person() {
    let place = Place::new();
    let hone = Hone::new(&place);
    project(&hone, &place, &REVIEWS.replace("[1, 2]", "2"), SAMPLES);
    hone.run(&["label", "submit", "2", "negative", "--as", "ada"]).ok();
    assert_eq!(hone.run(&["label", "submit", "2", "positive", "--as", "bob"]).ok(), "request 2 is conflict\n");
    assert_eq!(hone.run(&["label", "resolve", "2", "negative", "--as", "carla"]).ok(), "request 2 is resolved\n");
    let found = state(&hone, "2");
    assert_eq!((&found["label"], &found["resolved_by"]), (&json!("negative"), &json!("carla")));
}

#[test]
fn images_travel_with_their_samples_and_boxes_leave_as_coco() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("cat.png", "not really a picture");
    let text = "name = \"photos\"\n[form]\nkind = \"boxes\"\nclasses = [\"cat\", \"dog\"]\n[show]\nimage = \"file\"\n";
    project(&hone, &place, text, "{\"id\": \"p1\", \"file\": \"cat.png\", \"width\": 200, \"height\": 100}\n");
    let next = hone.run(&["label", "next", "--as", "ada", "--output", "json"]).json();
    assert_eq!(next["data"]["file"]["type"], "image/png");
    let boxes = "[{\"class\": \"dog\", \"x\": 0.25, \"y\": 0.5, \"width\": 0.5, \"height\": 0.25}]";
    hone.run(&["label", "submit", "1", boxes, "--as", "ada"]).ok();
    let coco = hone.run(&["label", "export", "--format", "coco"]).json();
    let annotation = &coco["annotations"][0];
    assert_eq!((&annotation["bbox"], &annotation["category_id"]), (&json!([50.0, 50.0, 100.0, 25.0]), &json!(2)));
    hone.run(&["label", "export", "--format", "spans"]).fails(2);
    // What a project names is no garbage, and a snapshot has all of it.
    let before = state(&hone, "1");
    hone.run(&["store", "compact"]).ok();
    assert_eq!(state(&hone, "1"), before);
    hone.run(&["store", "verify", "--deep"]).ok();
}

#[test]
fn mistakes_in_a_project_name_their_line_and_the_way_out() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write(
        "bad.toml",
        "name = \"bad\"\n[form]\nkind = \"clases\"\n[answers]\noverlap = [3, 1]\nlease = 5\nblind = 2\nnone = 1\n",
    );
    let said = hone.run(&["label", "create", "bad.toml"]).fails(2);
    for part in [
        "bad.toml:3:8: form.kind: unknown value `clases`",
        "did you mean `classes`?",
        "bad.toml:5:11: answers.overlap: `3` is more than `1`",
        "bad.toml:6:9: answers.lease: expected a duration",
        "bad.toml:7:9: answers.blind: `2` is not within 0 and 1",
        "bad.toml:8:1: answers.none: unknown key `none`",
    ] {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
    project(&hone, &place, REVIEWS, SAMPLES);
    let said = hone.run(&["label", "submit", "1", "positiv", "--as", "ada"]).fails(2);
    assert!(said.contains("did you mean `positive`?"), "{said}");
    place.write("bad.jsonl", "{\"id\": \"x\"}\n{\"id\": \"y\", \"hone.prediction\": \"maybe\"}\n");
    let said = hone.run(&["label", "ask", "reviews", "bad.jsonl"]).fails(2);
    assert!(said.contains("sample `y`: the prediction: there is no class `maybe`"), "{said}");
    assert_eq!(hone.run(&["label", "requests", "reviews", "--output", "json"]).json().as_array().map(Vec::len), Some(3));
}
