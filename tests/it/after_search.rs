//! After the search: trials from elsewhere come in, a study says what it has found, and its trials go out.

use std::{collections::BTreeMap, fs::File};

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use serde_json::Value;

use crate::support::{Hone, Place, Study, binary::repository};

const QUICK: &str = "hone report loss=1";
const SPACE_OF_OPTUNA: &str = "optimizer = { choice = [\"sgd\", \"adam\", true, 3] }\nrate = { float = [1e-5, 1e-1], scale = \"log\" }\n\
                               hidden = { int = [16, 256], scale = \"log\" }\ndrop = { float = [0.0, 0.5], step = 0.1 }\n\
                               momentum = { float = [0.0, 0.99], when = { optimizer = \"sgd\" } }";

fn show(hone: &Hone, study: &str) -> Value {
    hone.run(&["study", "show", study, "--output", "json"]).json()
}

/// Creates a study, paused so that nothing runs.
fn create(place: &Place, hone: &Hone, study: &Study) {
    hone.run(&["study", "create", &study.write(place).display().to_string(), "--paused"]).ok();
}

/// Lines of trials whose loss depends on `x`, best at 0.3, and hardly on `kind`.
fn lines(trials: std::ops::Range<u32>) -> String {
    let line = |at: u32| {
        let x = f64::from(at * 37 % 101) / 101.0;
        let kind = if at.is_multiple_of(2) { "a" } else { "b" };
        let loss = (x - 0.3).powi(2) + if kind == "a" { 1e-4 } else { 0.0 };
        format!("{x},{kind},{loss}\n")
    };
    trials.map(line).collect()
}

#[test]
fn trials_of_a_csv_are_explained_extended_and_exported() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let coordinator = hone.serve();
    let mut study = Study::new("old", 3, QUICK);
    study.space += "\nkind = { choice = [\"a\", \"b\"] }";
    create(&place, &hone, &study);
    place.write("old.csv", format!("x,kind,loss\n{}", lines(0..50)));
    let import = |options: &[&str]| hone.run(&[&["study", "import", "old", "old.csv"], options].concat());
    assert_eq!(import(&["--dry-run"]).ok(), "would import 50 trials into old\n");
    assert_eq!(show(&hone, "old")["counts"]["imported"], 0);
    assert_eq!(import(&[]).ok(), "imported 50 trials into old\n");
    assert_eq!(import(&[]).ok(), "imported 0 trials into old; 50 were there already\n");
    place.write("old.csv", format!("x,kind,loss\n{}", lines(0..60)));
    assert_eq!(import(&[]).ok(), "imported 10 trials into old; 50 were there already\n");
    drop(coordinator);
    let _coordinator = hone.serve();
    check_explanation(&hone);
    let _worker = hone.worker("worker", 2);
    hone.run(&["study", "resume", "old"]).ok();
    hone.run(&["study", "watch", "old"]).ok();
    let counts = show(&hone, "old")["counts"].clone();
    assert_eq!((&counts["counted"], &counts["complete"], &counts["imported"]), (&3.into(), &63.into(), &60.into()));
    let best = hone.run(&["study", "best", "old", "--count", "1", "--output", "json"]).json();
    assert!(best[0]["values"][0].as_f64().is_some_and(|loss| loss < 1e-3), "{best}");
    assert_eq!(hone.run(&["study", "best", "old", "--front", "--output", "json"]).json(), best);
    check_parquet(&place, &hone);
    hone.run(&["store", "verify", "--deep"]).ok();
}

fn check_explanation(hone: &Hone) {
    let found = hone.run(&["study", "explain", "old", "--output", "json"]).json();
    let first = &found["parameters"][0];
    assert_eq!((&first["name"], &first["is_clear"], &found["judged"]), (&"x".into(), &true.into(), &60.into()));
    assert!(first["importance"].as_f64().is_some_and(|share| share > 0.9), "{found}");
    let edge = |key: &str| first["good_range"][key].as_f64().unwrap_or(f64::NAN);
    assert!(edge("low") > 0.05 && edge("low") < 0.3 && edge("high") > 0.3 && edge("high") < 0.6, "{first}");
    let progress: Vec<f64> =
        found["progress"].as_array().into_iter().flatten().filter_map(|step| step["value"].as_f64()).collect();
    assert!(progress.len() > 1 && progress.windows(2).all(|pair| pair[1] < pair[0]), "{found}");
    let text = hone.run(&["study", "explain", "old"]).ok();
    for words in ["what matters, by fANOVA over 60 trials", "how it came along", "60 imported"] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
}

fn check_parquet(place: &Place, hone: &Hone) {
    hone.run(&["study", "export", "old", "--output", "parquet", "--to", "old.parquet"]).ok();
    assert!(hone.run(&["study", "export", "old", "--output", "parquet"]).fails(2).contains("--to"));
    let reader = SerializedFileReader::new(File::open(place.path("old.parquet")).expect("a file")).expect("Parquet");
    let rows: Vec<BTreeMap<String, Field>> = reader
        .get_row_iter(None)
        .expect("rows")
        .map(|row| row.expect("a row").get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect())
        .collect();
    let json: Value = serde_json::from_str(&hone.run(&["study", "export", "old", "--output", "json"]).ok()).expect("JSON");
    let documents = json.as_array().expect("trials");
    assert_eq!((rows.len(), documents.len()), (63, 63));
    for (row, document) in rows.iter().zip(documents) {
        assert_eq!(row["number"], Field::Long(document["number"].as_i64().expect("a number")));
        assert_eq!(row["value.loss"], Field::Double(document["values"][0].as_f64().expect("a value")));
        assert_eq!(row["params.x"], Field::Double(document["params"]["x"].as_f64().expect("x")));
        assert_eq!(row["params.kind"], Field::Str(document["params"]["kind"].as_str().expect("a kind").to_owned()));
        assert!(matches!(row["ended"], Field::TimestampMicros(ended) if ended > 0), "{row:?}");
    }
    let origins: Vec<bool> = rows.iter().map(|row| row["origin"] == Field::Str("imported".to_owned())).collect();
    assert_eq!(origins.iter().filter(|imported| **imported).count(), 60);
}

#[test]
fn mistakes_of_a_file_are_named_and_nothing_is_taken() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    create(&place, &hone, &Study::new("strict", 3, QUICK));
    let import = |text: &str, options: &[&str]| {
        place.write("a.csv", text);
        hone.run(&[&["study", "import", "strict", "a.csv"], options].concat())
    };
    let unreadable = import("x,loss\n0.5,1\n0.25,good\n0.5\n", &[]).fails(2);
    for words in ["`a.csv`", "line 3, column `loss`: `good` is no number", "line 4: it has 1 cells, and the header 2"] {
        assert!(unreadable.contains(words), "`{words}` is missing in\n{unreadable}");
    }
    let misfits = "x,loss\n0.5,1\n7,1\n0.25,inf\n";
    let refused = import(misfits, &[]).fails(2);
    for words in ["2 of 3 trials of `a.csv` do not fit", "line 3: parameter `x`", "line 4: its value inf", "--skip-misfits"] {
        assert!(refused.contains(words), "`{words}` is missing in\n{refused}");
    }
    assert_eq!(show(&hone, "strict")["counts"]["imported"], 0, "something was taken in");
    assert_eq!(import(misfits, &["--skip-misfits"]).ok(), "imported 1 trials into strict; 2 do not fit\n");
    create(
        &place,
        &hone,
        &Study {
            search: "sampler = \"grid\"".to_owned(),
            space: "x = { int = [0, 9] }".to_owned(),
            ..Study::new("grid", 3, QUICK)
        },
    );
    place.write("a.csv", "x,loss\n1,1\n");
    assert!(hone.run(&["study", "import", "grid", "a.csv"]).fails(4).contains("one point per trial"));
    assert!(hone.run(&["study", "import", "nothing", "a.csv"]).fails(3).contains("`nothing`"));
    assert!(hone.run(&["study", "import", "strict", "no.csv"]).fails(2).contains("no.csv"));
}

/// A file or folder that another tool has written.
fn fixture(name: &str) -> String {
    repository().join("cli/tests/fixtures").join(name).display().to_string()
}

#[test]
fn storages_of_optuna_are_taken_over() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let mut exports = Vec::new();
    for (name, file) in [("journal", "optuna-journal.log"), ("database", "optuna.sqlite"), ("dataframe", "optuna-dataframe.csv")]
    {
        let study = Study { space: SPACE_OF_OPTUNA.to_owned(), arguments: String::new(), ..Study::new(name, 3, QUICK) };
        create(&place, &hone, &study);
        let from: &[&str] = if name == "dataframe" { &[] } else { &["--from", "first"] };
        let said = hone.run(&[&["study", "import", name, &fixture(file)], from].concat()).ok();
        assert_eq!(said, format!("imported 20 trials into {name}\n"));
        let counts = show(&hone, name)["counts"].clone();
        assert_eq!((&counts["complete"], &counts["pruned"], &counts["failed"]), (&12.into(), &5.into(), &3.into()), "{counts}");
        let exported = hone.run(&["study", "export", name, "--output", "json"]).json();
        let plain = |trial: &Value| (trial["params"].clone(), trial["values"].clone(), trial["state"].clone());
        exports.push(exported.as_array().into_iter().flatten().map(plain).collect::<Vec<_>>());
    }
    assert!(exports[0] == exports[1] && exports[0] == exports[2], "{exports:?}");
    let several = hone.run(&["study", "import", "journal", &fixture("optuna.sqlite")]).fails(2);
    assert!(several.contains("`first`, `two`") && several.contains("--from"), "{several}");
    let trial = hone.run(&["trial", "show", "journal/0", "--output", "json"]).json();
    assert_eq!(trial["curve"].as_array().map(Vec::len), Some(3), "{trial}");
}

#[test]
fn an_experiment_of_ray_is_taken_over() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let space = "\"opt.lr\" = { float = [0, 1] }\nkind = { choice = [\"good\", \"bad\"] }\nbig = { bool = true }";
    let study = Study { space: space.to_owned(), arguments: String::new(), ..Study::new("rays", 3, QUICK) };
    create(&place, &hone, &study);
    let import = || hone.run(&["study", "import", "rays", &fixture("ray")]).ok();
    assert_eq!(import(), "imported 4 trials into rays\n");
    assert_eq!(import(), "imported 0 trials into rays; 4 were there already\n");
    let best = hone.run(&["study", "best", "rays", "--count", "1", "--output", "json"]).json();
    assert_eq!((&best[0]["params"]["opt.lr"], &best[0]["values"][0]), (&0.25.into(), &(0.25 / 3.0).into()), "{best}");
    let counts = show(&hone, "rays")["counts"].clone();
    assert_eq!((&counts["complete"], &counts["failed"]), (&2.into(), &2.into()), "{counts}");
}

#[test]
fn a_front_of_two_objectives_has_a_hypervolume() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let objectives = "name = \"two\"\nsource = \"none\"\n[[objective]]\nmetric = \"a\"\ndirection = \"minimize\"\n[[objective]]\nmetric = \"b\"\n\
                      direction = \"maximize\"\n[space]\nx = { float = [0, 1] }\n[trial]\ncommand = [\"true\"]\n";
    let file = place.write("two.toml", objectives).display().to_string();
    hone.run(&["study", "create", &file, "--paused"]).ok();
    place.write("two.csv", "x,a,b\n0.1,1,1\n0.2,2,3\n0.3,3,2\n0.4,4,5\n");
    hone.run(&["study", "import", "two", "two.csv"]).ok();
    let front = hone.run(&["study", "best", "two", "--front", "--output", "json"]).json();
    let numbers: Vec<u64> = front.as_array().into_iter().flatten().filter_map(|trial| trial["number"].as_u64()).collect();
    assert_eq!(numbers, [0, 1, 3]);
    let text = hone.run(&["study", "best", "two", "--front", "--reference", "5,0"]).ok();
    assert!(text.contains("3 trials on the front, hypervolume 12 up to a 5, b 0"), "{text}");
    assert!(hone.run(&["study", "best", "two", "--front", "--reference", "5"]).fails(2).contains("2"));
    let found = hone.run(&["study", "explain", "two", "--output", "json"]).json();
    assert_eq!((&found["front"]["trials"], &found["progress"]), (&3.into(), &Value::Array(vec![])));
    let optuna = hone.run(&["study", "import", "two", &fixture("optuna.sqlite"), "--from", "two"]).fails(2);
    assert!(optuna.contains("trial 1: its value") && optuna.contains("not a finite number"), "{optuna}");
}
