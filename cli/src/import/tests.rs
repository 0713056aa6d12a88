//! What Optuna 5 wrote, read again. The fixtures hold two studies: `first`, 20 trials over five parameters of which every
//! fifth failed and every fourth was pruned, and `two`, with two objectives.

use hone_proto::v1;

use super::*;

const JOURNAL: &[u8] = include_bytes!("../../tests/fixtures/optuna-journal.log");
const DATAFRAME: &[u8] = include_bytes!("../../tests/fixtures/optuna-dataframe.csv");

fn study(objectives: &[(&str, &str)]) -> v1::Study {
    let objective =
        |(metric, direction): &(&str, &str)| v1::Objective { metric: (*metric).to_owned(), direction: (*direction).to_owned() };
    v1::Study { name: "here".to_owned(), objectives: objectives.iter().map(objective).collect(), ..v1::Study::default() }
}

fn one() -> v1::Study {
    study(&[("loss", "minimize")])
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn states(trials: &Trials) -> Vec<usize> {
    let count = |state: &str| trials.trials.iter().filter(|trial| trial.state == state).count();
    vec![count("complete"), count("pruned"), count("failed"), trials.unfinished]
}

fn value<'a>(trial: &'a v1::ImportedTrial, name: &str) -> Option<&'a v1::parameter::Value> {
    trial.params.iter().find(|parameter| parameter.name == name)?.value.as_ref()
}

#[test]
fn journal_database_and_dataframe_tell_the_same_trials() {
    use v1::parameter::Value as Kind;
    let journal = read(&fixture("optuna-journal.log"), None, Some("first"), &one()).expect("a journal");
    let database = read(&fixture("optuna.sqlite"), None, Some("first"), &one()).expect("a database");
    let csv = read(&fixture("optuna-dataframe.csv"), None, None, &one()).expect("a dataframe");
    for trials in [&journal, &database, &csv] {
        assert_eq!(states(trials), [12, 5, 3, 0]);
    }
    for (a, b) in journal.trials.iter().zip(&database.trials) {
        assert_eq!((&a.params, &a.state, &a.values, &a.curve), (&b.params, &b.state, &b.values, &b.curve));
        assert!(a.started_us > 0 && a.ended_us >= a.started_us && b.ended_us >= b.started_us && b.started_us > 0);
    }
    let (first, line) = (&journal.trials[0], &csv.trials[0]);
    assert_eq!(value(first, "optimizer"), Some(&Kind::String("adam".to_owned())));
    assert_eq!((value(first, "hidden"), value(line, "hidden")), (Some(&Kind::Int(20)), Some(&Kind::String("20".to_owned()))));
    assert_eq!((first.values.len(), first.curve.len(), value(first, "momentum")), (1, 3, None));
    assert_eq!((&line.values, value(line, "momentum")), (&first.values, None));
    assert!(journal.trials.iter().any(|trial| value(trial, "optimizer") == Some(&Kind::Bool(true))));
}

#[test]
fn several_objectives_keep_their_order_and_infinite_values_stay_what_they_are() {
    let two = study(&[("a", "minimize"), ("b", "maximize")]);
    for file in ["optuna-journal.log", "optuna.sqlite"] {
        let trials = read(&fixture(file), None, Some("two"), &two).expect("readable");
        assert_eq!(states(&trials), [4, 0, 0, 1], "{file}");
        assert!(!trials.trials[1].values[1].is_finite(), "{file}");
        assert_eq!((&trials.trials[3].values, trials.trials[3].params.len()), (&vec![1.0, 2.0], 1), "{file}");
    }
}

#[test]
fn a_study_has_to_be_chosen_and_to_want_the_same() {
    let ask = |from, study: &v1::Study| read(&fixture("optuna-journal.log"), None, from, study).expect_err("refused").to_string();
    assert!(ask(None, &one()).contains("`first`, `two`"), "{}", ask(None, &one()));
    assert!(ask(Some("third"), &one()).contains("no study `third`"));
    assert!(ask(Some("first"), &study(&[("loss", "maximize")])).contains("directions minimize"));
}

#[test]
fn the_content_tells_what_a_file_is() {
    assert_eq!(guess(JOURNAL), Format::OptunaJournal);
    assert_eq!(guess(DATAFRAME), Format::Csv);
    assert_eq!(guess(b"SQLite format 3\0rest"), Format::OptunaSqlite);
    assert_eq!(guess(b""), Format::Csv);
}

#[test]
fn our_own_export_is_read_again() {
    let text = "number,state,value.loss,params.rate,params.kind,duration_seconds,started,ended,attempts,origin,tags,end\n\
                0,complete,0.5,0.1,\"a,b\",1.5,2026-01-02T03:04:05Z,2026-01-02T03:04:06.5Z,1,sampled,,\n\
                1,failed,,0.2,c,,,,1,sampled,,exit code 1\n2,running,,0.3,c,,,,1,sampled,,\n";
    let trials = csv::read(text.as_bytes(), &one()).expect("readable");
    assert_eq!(states(&trials), [1, 0, 1, 1]);
    let first = &trials.trials[0];
    assert_eq!((first.ended_us - first.started_us, &first.values), (1_500_000, &vec![0.5]));
    assert_eq!(value(first, "kind"), Some(&v1::parameter::Value::String("a,b".to_owned())));
}

#[test]
fn columns_that_say_that_they_are_parameters_are_the_only_ones() {
    let trials = csv::read(b"params.tags,params_end,value,tags,end\n1,2,3,x,y\n", &one()).expect("readable");
    let names: Vec<&str> = trials.trials[0].params.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["tags", "end"]);
    assert_eq!(value(&trials.trials[0], "tags"), Some(&v1::parameter::Value::String("1".to_owned())));
}

#[test]
fn a_csv_that_makes_no_sense_says_where() {
    let error = |text: &str| csv::read(text.as_bytes(), &one()).expect_err("refused").to_string();
    assert!(error("rate,accuracy\n1,2\n").contains("objective `loss`"));
    assert_eq!(error("rate,loss\n1,2\n1,good\n"), "line 3, column `loss`: `good` is no number");
    assert_eq!(error("rate,loss\n1,2,3\n"), "line 2: it has 3 cells, and the header 2");
    assert!(error("loss,state\n1,odd\n").starts_with("line 2, column `state`: `odd` is none of complete"));
    assert_eq!(error("loss,ended\n1,soon\n"), "line 2, column `ended`: `soon` is no instant");
    assert_eq!(csv::read(b"loss,rate\n", &one()).expect("readable"), Trials::default());
}

#[test]
fn all_mistakes_are_told_at_once() {
    let wrong = |count: usize| {
        let lines: String = (0..count).map(|_| "1,bad\n").collect();
        csv::read(format!("rate,loss\n{lines}").as_bytes(), &one()).expect_err("refused").to_string()
    };
    assert!(
        wrong(2).starts_with("2 mistakes\nline 2, column `loss`")
            && wrong(2).ends_with("line 3, column `loss`: `bad` is no number")
    );
    assert!(
        wrong(15).starts_with("15 mistakes\n") && wrong(15).ends_with("line 11, column `loss`: `bad` is no number\nand 5 more")
    );
}

#[test]
fn an_experiment_of_ray_tells_parameters_states_and_curves() {
    use v1::parameter::Value as Kind;
    let trials = read(&fixture("ray"), None, None, &one()).expect("an experiment");
    assert_eq!(states(&trials), [2, 0, 2, 0]);
    let good: Vec<_> = trials.trials.iter().filter(|trial| trial.state == "complete").collect();
    assert_eq!((&good[0].values, &good[1].values), (&vec![0.25 / 3.0], &vec![0.5 / 3.0]));
    let steps: Vec<_> = good[0].curve.iter().map(|point| (point.step, point.value)).collect();
    assert_eq!(steps, [(2, 0.125), (3, 0.25 / 3.0)]);
    for name in ["opt.lr", "opt/lr"] {
        assert_eq!(value(good[0], name), Some(&Kind::Float(0.25)), "{name}");
    }
    assert_eq!((value(good[0], "layers"), value(good[0], "big")), (Some(&Kind::Int(3)), Some(&Kind::Bool(true))));
    assert_eq!(value(good[0], "kind"), Some(&Kind::String("good".to_owned())));
    assert!(trials.trials.iter().all(|trial| trial.started_us > 0 && trial.ended_us > trial.started_us));
    let failed = trials.trials.iter().find(|trial| trial.state == "failed").expect("a failed one");
    assert!(failed.values.is_empty() && failed.label.starts_with("trial "), "{failed:?}");
    let nested = read(&fixture("ray"), Some(Format::Ray), None, &study(&[("eval/acc", "maximize")])).expect("an experiment");
    assert_eq!(nested.trials.iter().filter(|trial| trial.values == [0.75]).count(), 2);
}

#[test]
fn a_folder_that_is_no_experiment_of_ray_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let ask = |format, study: &v1::Study| read(folder.path(), format, None, study).expect_err("refused").to_string();
    assert!(ask(None, &one()).contains("is a folder, and none of Ray Tune or Weights & Biases"));
    assert!(ask(Some(Format::Csv), &one()).contains("it is a folder"));
    assert!(ask(Some(Format::Ray), &one()).contains("holds no `experiment_state-"));
    let write = |text: &str| std::fs::write(folder.path().join("experiment_state-2026.json"), text).expect("a file");
    write("{");
    assert!(ask(None, &one()).contains("its state is no JSON object"));
    write("{\"checkpoints\": []}");
    assert!(ask(None, &one()).contains("`trial_data`"));
    let fixed = r#"{\"trial_id\": \"a_1\", \"status\": \"TERMINATED\", \"config\": {}}"#;
    write(&format!("{{\"trial_data\": [[\"{fixed}\", \"{{}}\"]]}}"));
    assert!(ask(None, &one()).contains("trial a_1 has no number as its last `loss`"), "{}", ask(None, &one()));
    write(&format!("{{\"trial_data\": [[\"{}\", \"{{}}\"]]}}", fixed.replace("TERMINATED", "RUNNING")));
    assert_eq!(read(folder.path(), None, None, &one()).expect("an experiment").unfinished, 1);
}

#[test]
fn a_folder_is_named_by_what_is_read_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        fingerprint(folder.path()).expect("a name")
    };
    let first = write("experiment_state-1.json", "{}");
    assert_eq!(write("tuner.pkl", "x"), first);
    let second = write("a/result.json", "{}");
    assert!(second != first && write("a/result.json", "{\"a\":1}") != second);
}

#[test]
fn a_table_of_runs_of_weights_and_biases_is_read() {
    let text = "\"Name\",\"State\",\"Notes\",\"User\",\"Tags\",\"Created\",\"Runtime\",\"Sweep\",\"lr\",\"opt.name\",\"loss\"\n\
                \"calm-1\",\"finished\",\"-\",\"me\",\"\",\"2026-01-02T03:04:05.000Z\",\"90\",\"s\",\"0.1\",\"adam\",\"0.5\"\n\
                \"calm-2\",\"crashed\",\"\",\"me\",\"\",\"2026-01-02T03:04:06.000Z\",\"1.5\",\"s\",\"0.2\",\"sgd\",\"\"\n\
                \"calm-3\",\"killed\",\"\",\"me\",\"\",\"2026-01-02T03:04:06.000Z\",\"2\",\"s\",\"0.3\",\"sgd\",\"0.4\"\n";
    let trials = csv::read(text.as_bytes(), &one()).expect("readable");
    assert_eq!(states(&trials), [1, 0, 1, 1]);
    let (first, second) = (&trials.trials[0], &trials.trials[1]);
    let names: Vec<&str> = first.params.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!((names, &first.values), (vec!["lr", "opt.name"], &vec![0.5]));
    assert_eq!(first.ended_us - first.started_us, 90_000_000);
    assert_eq!((second.ended_us - second.started_us, &second.values), (1_500_000, &vec![]));
}

#[test]
fn runs_of_weights_and_biases_tell_parameters_states_and_curves() {
    use v1::parameter::Value as Kind;
    let trials = read(&fixture("wandb"), None, None, &one()).expect("runs");
    assert_eq!(states(&trials), [2, 0, 1, 0]);
    let first = &trials.trials[0];
    assert_eq!((first.label.as_str(), &first.values), ("run run0", &vec![0.25 / 3.0]));
    let steps: Vec<_> = first.curve.iter().map(|point| (point.step, point.value)).collect();
    assert_eq!(steps, [(1, 0.125), (2, 0.25 / 3.0)]);
    let names: Vec<&str> = first.params.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["big", "kind", "layers", "opt.lr"]);
    assert_eq!((value(first, "opt.lr"), value(first, "big")), (Some(&Kind::Float(0.25)), Some(&Kind::Bool(true))));
    assert_eq!(
        (value(first, "layers"), value(first, "kind")),
        (Some(&Kind::Int(3)), Some(&Kind::String("it's: \"odd\"".to_owned())))
    );
    assert!(trials.trials.iter().all(|trial| trial.started_us > 0 && trial.ended_us >= trial.started_us));
    let accuracy = read(&fixture("wandb"), Some(Format::Wandb), None, &study(&[("eval/acc", "maximize")])).expect("runs");
    assert_eq!(accuracy.trials[1].values, [0.5]);
}

#[test]
fn a_run_that_was_cut_off_is_left_out_until_it_goes_on_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = wandb::logs(&fixture("wandb")).expect("logs");
    let whole = std::fs::read(&found[0]).expect("a log");
    let write = |name: &str, bytes: &[u8]| {
        let place = folder.path().join("wandb").join(name);
        std::fs::create_dir_all(&place).expect("a folder");
        std::fs::write(place.join("run-run0.wandb"), bytes).expect("a log");
        read(folder.path(), None, None, &one()).expect("runs")
    };
    assert_eq!(states(&write("run-1-run0", &whole[..whole.len() - 40])), [0, 0, 0, 1]);
    let trials = write("run-2-run0", &whole);
    assert_eq!(states(&trials), [1, 0, 0, 0]);
    assert_eq!(trials, read(folder.path(), Some(Format::Wandb), None, &one()).expect("runs"));
    let alone = read(&found[0], None, None, &one()).expect("a run");
    assert_eq!((states(&alone), &alone.trials[0].values), (vec![1, 0, 0, 0], &trials.trials[0].values));
    let mut damaged = whole;
    damaged[20] ^= 1;
    let place = folder.path().join("wandb/run-2-run0/run-run0.wandb");
    std::fs::write(place, damaged).expect("a log");
    let error = read(folder.path(), None, None, &one()).expect_err("damaged").to_string();
    assert!(error.contains("`run-run0.wandb`: the record at byte 7 is damaged"), "{error}");
}
