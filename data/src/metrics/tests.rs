//! The readers on files that the libraries themselves have written (`tests/fixtures/make_metrics.py`), on damaged ones, and
//! on files that grow and are written anew.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::{records::masked, *};

fn fixture(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events").join(path)).expect("a fixture")
}

fn events(bytes: &[u8], names: &Names) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    EventFile::default().feed(bytes, names, &mut rows, &mut problems);
    (rows, problems)
}

fn table(step: Option<&str>, text: &str) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut table = Table::new(step);
    table.feed(text.as_bytes(), &Names::new(), &mut rows, &mut problems);
    table.finish(&Names::new(), &mut rows, &mut problems);
    (rows, problems)
}

fn row(step: i64, values: &[(&str, f64)]) -> Row {
    Row { step, values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
}

fn names(pairs: &[(&str, &str)]) -> Names {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

/// A record as a file has it.
fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), payload, &masked(payload).to_le_bytes()].concat()
}

/// Where the records of a file begin.
fn places(bytes: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        places.push(at);
        let length: [u8; 8] = bytes[at..at + 8].try_into().expect("a length");
        at += 16 + usize::try_from(u64::from_le_bytes(length)).expect("a length");
    }
    places
}

#[test]
fn plain_scalars_are_read_and_nothing_else() {
    let (rows, problems) = events(&fixture("plain/events.out.tfevents.1.host"), &Names::new());
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(rows.len(), 6, "{rows:?}");
    assert_eq!(rows[0], row(0, &[("train/loss", 1.0), ("val/loss", 1.5)]));
    assert_eq!(rows[4], row(4, &[("train/loss", f64::from(0.2_f32)), ("val/loss", f64::from(0.3_f32))]));
    assert!(rows[5].step == 5 && rows[5].values.len() == 1 && rows[5].values[0].1.is_nan(), "{:?}", rows[5]);
}

#[test]
fn scalars_of_tensorflow_and_pytorch_are_read() {
    let (rows, problems) = events(&fixture("tensor/events.out.tfevents.1.host"), &names(&[("epoch_loss", "loss")]));
    assert_eq!((rows.len(), problems.len()), (5, 0));
    assert_eq!(rows[3], row(3, &[("loss", 0.125)]));
    let (rows, problems) = events(&fixture("torch/events.out.tfevents.1.host"), &Names::new());
    assert_eq!((rows.len(), problems.len()), (3, 0));
    assert_eq!(rows[1], row(1, &[("old", 0.5), ("single", 0.25), ("double", 0.1)]));
}

#[test]
fn a_damaged_record_is_named_and_the_next_one_is_read() {
    let whole = fixture("rotated/events.out.tfevents.0.host");
    let (rows, _) = events(&whole, &Names::new());
    assert_eq!(rows, [row(0, &[("loss", 10.0)]), row(1, &[("loss", 9.0)])]);
    let second = *places(&whole).last().expect("a record");
    let mut damaged = whole.clone();
    // The last byte of the payload before.
    damaged[second - 5] ^= 1;
    let (rows, problems) = events(&damaged, &Names::new());
    assert_eq!(rows, [row(1, &[("loss", 9.0)])]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("the record at byte ") && problems[0].ends_with("is damaged and left out"), "{problems:?}");
    damaged[second] ^= 1;
    let (rows, problems) = events(&damaged, &Names::new());
    assert_eq!((rows.len(), problems.len()), (0, 2), "{problems:?}");
    assert_eq!(problems[1], format!("the record at byte {second} is damaged in its length, so nothing behind it can be read"));
    assert_eq!(events(&record(b"\xff"), &Names::new()).1, ["record 1 is no event and left out"]);
}

#[test]
fn a_record_that_is_too_long_is_passed_over() {
    let good = fixture("rotated/events.out.tfevents.1.host");
    let bytes = [record(&vec![0; (16 << 20) + 1]), good.clone()].concat();
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut file = EventFile::default();
    bytes.chunks(3 << 20).for_each(|chunk| file.feed(chunk, &Names::new(), &mut rows, &mut problems));
    assert_eq!((rows, problems), events(&good, &Names::new()));
}

#[test]
fn a_table_has_a_step_and_sparse_values() {
    let lightning = "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.625\n\n1,19,0.25,nan\n";
    let (rows, problems) = table(Some("epoch"), lightning);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(rows[..2], [row(0, &[("train_loss", 0.5)]), row(0, &[("val_loss", 0.625)])]);
    assert!(rows.len() == 3 && rows[2].values[1].1.is_nan(), "{rows:?}");
    assert_eq!(table(None, lightning).0[0].step, 9);
    let wandb = "\u{feff}\"_step\",\"note, long\",\"val/loss\"\r\n1,\"a\nb\",2\r\n2.0,,\"3e0\"";
    assert_eq!(table(None, wandb).0, [row(1, &[("val/loss", 2.0)]), row(2, &[("val/loss", 3.0)])]);
    assert_eq!(table(None, "loss\taccuracy\n1\t2\n3\t4\n").0[1], row(1, &[("loss", 3.0), ("accuracy", 4.0)]));
}

#[test]
fn what_makes_no_sense_in_a_table_is_named() {
    assert_eq!(table(Some("epoch"), "step,loss\n1,2\n").1, ["it has no column `epoch` for the step; it has `step`, `loss`"]);
    let (rows, problems) = table(Some("epoch"), "epoch,loss\n0,1\n0.5,2\n,3\n2,4\n");
    assert_eq!(problems, ["line 3 is left out: its `epoch` is `0.5`, not a whole number"]);
    assert_eq!(rows, [row(0, &[("loss", 1.0)]), row(2, &[("loss", 4.0)])]);
    let long = format!("loss\n\"{}", "x".repeat(1 << 20));
    assert!(table(None, &long).1[0].starts_with("line 2 is longer than"));
}

#[test]
fn names_choose_and_rename() {
    let wanted = names(&[("val/loss", "loss"), ("epoch", "epoch")]);
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    Table::new(None).feed(b"step,epoch,val/loss,other\n5,1,2,3\n", &wanted, &mut rows, &mut problems);
    assert_eq!(rows, [row(5, &[("epoch", 1.0), ("loss", 2.0)])]);
}

fn follower(folder: &Path, written: &str, format: Format) -> Follower {
    let pattern = folder.join(written);
    Follower::new(vec![Source { written: written.to_owned(), pattern, format, names: Names::new() }])
}

#[test]
fn event_files_are_read_in_their_order_as_they_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut follower = follower(folder.path(), "logs", Format::TensorBoard);
    assert_eq!(follower.read(false), Batch::default());
    let logs = folder.path().join("logs/run");
    fs::create_dir_all(&logs).expect("a folder");
    let parts: Vec<Vec<u8>> = (0..3).map(|part| fixture(&format!("rotated/events.out.tfevents.{part}.host"))).collect();
    fs::write(logs.join("events.out.tfevents.0.host"), &parts[0][..parts[0].len() - 3]).expect("a file");
    fs::write(logs.join("other"), "no events").expect("a file");
    assert_eq!(follower.read(false).rows, [row(0, &[("loss", 10.0)])]);
    for (part, bytes) in parts.iter().enumerate() {
        fs::write(logs.join(format!("events.out.tfevents.{part}.host")), bytes).expect("a file");
    }
    let steps: Vec<i64> = follower.read(true).rows.iter().map(|row| row.step).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5]);
    assert_eq!(follower.into_problems(), Vec::<String>::new());
}

#[test]
fn a_table_that_is_written_anew_brings_only_what_is_new() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.csv");
    let mut follower = follower(folder.path(), "*.csv", Format::Csv { step: None });
    let mut write = |text: &str, is_last| {
        fs::write(&path, text).expect("a file");
        follower.read(is_last).rows
    };
    assert_eq!(write("step,a\n0,1\n1,2\n2,", false), [row(0, &[("a", 1.0)]), row(1, &[("a", 2.0)])]);
    assert_eq!(write("step,a\n0,1\n1,2\n2,3\n", false), [row(2, &[("a", 3.0)])]);
    assert_eq!(write("step,a,b\n0,1,\n1,2,\n2,3,\n3,4,5\n", false), [row(3, &[("a", 4.0), ("b", 5.0)])]);
    assert_eq!(write("", false), []);
    assert_eq!(write("step,a\n4,6", false), []);
    assert_eq!(write("step,a\n4,6", true), [row(4, &[("a", 6.0)])]);
}

#[test]
fn what_was_there_before_is_passed_over_and_problems_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.csv"), "step,a\n0,1\n").expect("a file");
    let mut follower = follower(folder.path(), "m.csv", Format::Csv { step: None });
    follower.pass_over();
    fs::write(folder.path().join("m.csv"), "step,a\n0,1\n1,2\nx,3\n").expect("a file");
    assert_eq!(follower.read(true).rows, [row(1, &[("a", 2.0)])]);
    assert_eq!(follower.into_problems(), ["`m.csv`: line 4 is left out: its `step` is `x`, not a whole number"]);
    fs::write(folder.path().join("m.csv"), format!("step,a\n{}", "y,1\n".repeat(30))).expect("a file");
    let mut many = self::follower(folder.path(), "m.csv", Format::Csv { step: None });
    many.read(true);
    let told = many.into_problems();
    assert_eq!((told.len(), told[10].as_str()), (11, "there are 20 more problems with its files of values"));
    let none = self::follower(folder.path(), "none/**", Format::TensorBoard);
    assert_eq!(none.into_problems(), ["no file matched `none/**`"]);
}

#[test]
fn a_long_file_comes_in_pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("1,{}\n", "0".repeat(99_997));
    fs::write(folder.path().join("m.csv"), format!("step,a\n{}2,5", line.repeat(60))).expect("a file");
    let mut follower = follower(folder.path(), "m.csv", Format::Csv { step: None });
    let (first, second) = (follower.read(true), follower.read(true));
    assert!(first.more && !second.more);
    assert_eq!((first.rows, second.rows), (vec![row(1, &[("a", 0.0)])], vec![row(2, &[("a", 5.0)])]));
}

fn pieces(bytes: &[u8], cuts: &[usize], mut feed: impl FnMut(&[u8])) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut start = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        feed(&bytes[start..cut]);
        start = cut;
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        events(&bytes, &Names::new());
        events(&record(&bytes), &Names::new());
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        let mut table = Table::new(None);
        table.feed(&bytes, &Names::new(), &mut rows, &mut problems);
        table.finish(&Names::new(), &mut rows, &mut problems);
    }

    #[test]
    fn events_are_the_same_however_they_are_cut_and_a_prefix_of_a_file_has_a_prefix_of_them(
        cuts in proptest::collection::vec(any::<usize>(), 0..6), damage in proptest::option::of((any::<usize>(), 1_u8..))
    ) {
        let mut bytes = fixture("tensor/events.out.tfevents.1.host");
        if let Some((place, change)) = damage {
            let place = place % bytes.len();
            bytes[place] ^= change;
        }
        let whole = events(&bytes, &Names::new());
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        let mut file = EventFile::default();
        pieces(&bytes, &cuts, |piece| file.feed(piece, &Names::new(), &mut rows, &mut problems));
        prop_assert_eq!((&rows, &problems), (&whole.0, &whole.1));
        let cut = cuts.first().map_or(0, |cut| cut % (bytes.len() + 1));
        let scalars = |rows: &[Row]| rows.iter().flat_map(|row| row.values.iter().map(move |(name, value)| (row.step, name.clone(), value.to_bits()))).collect::<Vec<_>>();
        prop_assert!(scalars(&whole.0).starts_with(&scalars(&events(&bytes[..cut], &Names::new()).0)));
    }

    #[test]
    fn tables_are_the_same_however_they_are_cut(
        cuts in proptest::collection::vec(any::<usize>(), 0..6), text in "(step,a,\"b\n\"{0,1}\n)?([0-9]{1,2},[0-9\",\n]{0,12}\n){0,8}"
    ) {
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        let mut read = Table::new(None);
        pieces(text.as_bytes(), &cuts, |piece| read.feed(piece, &Names::new(), &mut rows, &mut problems));
        read.finish(&Names::new(), &mut rows, &mut problems);
        prop_assert_eq!((rows, problems), table(None, &text));
    }
}
