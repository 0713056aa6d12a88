//! Readers of all formats, on files that other libraries have written, and on damaged ones.

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::predictions::{Classes, Kind, Rows, all_rows, rows};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/predictions").join(name)
}

fn read(name: &str) -> Rows {
    let file = PredictionFile::open(&fixture(name)).unwrap_or_else(|error| panic!("{error}"));
    all_rows(&file).unwrap_or_else(|error| panic!("{error}"))
}

/// A file in a folder of its own.
fn written(name: &str, bytes: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn fault(path: &Path) -> String {
    let found = PredictionFile::open_as(path, "pool", &Beside::of(path)).and_then(|file| all_rows(&file));
    found.err().unwrap_or_else(|| panic!("`{}` is accepted", path.display())).to_string()
}

/// What is said of a file with this text.
fn said_of(text: impl AsRef<[u8]>) -> String {
    let (_folder, path) = written("pool", text);
    fault(&path)
}

#[track_caller]
fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[test]
fn all_formats_give_the_same_rows() {
    let expected = read("classes.npy");
    assert_eq!((expected.len(), expected.layout.width(), expected.layout.embedding), (150, 3, Some(4)));
    assert_eq!(expected.ids[7], "größe, „7“");
    let others = ["classes.csv", "classes.jsonl", "classes.flat.parquet", "classes.list.parquet", "classes.polars.parquet"];
    for name in others {
        assert_eq!(read(name), expected, "{name}");
    }
    let numbered = read("numbered.npy");
    assert_eq!(numbered.values, expected.values);
    assert_eq!(numbered.ids[149], "149");
}

#[test]
fn classes_with_names_are_the_same_in_all_formats_whatever_the_order_of_fields() {
    let expected = read("named.csv");
    assert_eq!(expected.layout.classes(), Some(&Classes::Named(["cat", "dog", "bird"].map(str::to_owned).to_vec())));
    assert_eq!((expected.costs.len(), &expected.values), (150, &read("classes.npy").values));
    for name in ["named.jsonl", "named.parquet"] {
        assert_eq!(read(name), expected, "{name}");
    }
}

#[test]
fn means_with_spreads_and_scores_are_the_same_in_all_formats() {
    let regression = read("regression.csv");
    assert_eq!((&regression.layout.kind, regression.values.len()), (&Kind::Spread, 300));
    for name in ["regression.jsonl", "regression.parquet"] {
        assert_eq!(read(name), regression, "{name}");
    }
    let score = read("score.npy");
    assert_eq!((&score.layout.kind, score.values.len()), (&Kind::Score, 150));
    for name in ["score.csv", "score.jsonl", "score.parquet", "score.polars.parquet"] {
        assert_eq!(read(name), score, "{name}");
    }
}

#[test]
fn the_format_shows_in_the_content_and_not_in_the_name() {
    let (_folder, path) = written("0123abcd", fs::read(fixture("classes.flat.parquet")).unwrap());
    let file = PredictionFile::open(&path).unwrap();
    assert_eq!(file.format(), Format::Parquet);
    assert_eq!(all_rows(&file).unwrap(), read("classes.npy"));
    let (_folder, path) = written("0123abcd", fs::read(fixture("classes.npy")).unwrap());
    let beside = Beside { ids: Some(fixture("classes.ids.txt")), embeddings: Some(fixture("classes.embeddings.npy")) };
    let file = PredictionFile::open_as(&path, "pool.npy", &beside).unwrap();
    assert_eq!((file.name(), all_rows(&file).unwrap()), ("pool.npy", read("classes.npy")));
}

#[test]
fn chunks_and_threads_change_nothing() {
    for name in ["classes.csv", "classes.jsonl", "classes.npy", "named.csv", "classes.list.parquet", "named.parquet"] {
        let expected = read(name);
        for threads in [1, 2, 4] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for bytes in [1, 37, 100, 1_000, 1 << 20] {
                let file = PredictionFile::open(&fixture(name)).unwrap().with_chunk_bytes(bytes);
                assert_eq!(pool.install(|| all_rows(&file)).unwrap(), expected, "{name}, {threads} threads, {bytes} bytes");
            }
        }
    }
}

#[test]
fn wanted_rows_come_in_the_order_of_their_ids_from_every_format() {
    let all = read("classes.npy");
    let wanted = ["sample-149", "größe, „7“", "not there", "sample-001"].map(str::to_owned);
    let expected: Vec<usize> = [149, 7, 1].to_vec();
    for name in ["classes.npy", "classes.csv", "classes.jsonl", "classes.flat.parquet", "classes.list.parquet"] {
        let file = PredictionFile::open(&fixture(name)).unwrap().with_chunk_bytes(300);
        let found = rows(&file, &wanted).unwrap();
        let values: Vec<f64> = expected.iter().flat_map(|row| all.values[row * 3..row * 3 + 3].to_vec()).collect();
        let embeddings: Vec<f32> = expected.iter().flat_map(|row| all.embeddings[row * 4..row * 4 + 4].to_vec()).collect();
        assert_eq!(found.ids, [wanted[0].clone(), wanted[1].clone(), wanted[3].clone()], "{name}");
        assert_eq!((found.values, found.embeddings), (values, embeddings), "{name}");
    }
    let file = PredictionFile::open(&fixture("numbered.npy")).unwrap();
    let found = rows(&file, &["3", "150", "03", "x", "0"].map(str::to_owned)).unwrap();
    assert_eq!(
        (found.ids, found.values),
        (vec!["3".to_owned(), "0".to_owned()], [&all.values[9..12], &all.values[..3]].concat())
    );
}

#[test]
fn a_wanted_row_that_is_there_twice_is_named() {
    let (_folder, path) = written("pool.csv", "id,score\na,1\nb,2\na,3\n");
    let file = PredictionFile::open_as(&path, "pool.csv", &Beside::default()).unwrap().with_chunk_bytes(4);
    let said = rows(&file, &["a".to_owned()]).unwrap_err().to_string();
    says(&said, &["`pool.csv`, line 4, `id`", "the id `a` is that of line 2 already"]);
    assert_eq!(rows(&file, &["b".to_owned()]).unwrap().len(), 1);
}

#[test]
fn blank_lines_and_blanks_around_numbers_are_passed_over() {
    let (_folder, path) = written("pool.csv", "id, p_0 ,p_1\n\na, 0.25, 0.75\n\n\nb,1,0\n\n");
    let found = all_rows(&PredictionFile::open(&path).unwrap()).unwrap();
    assert_eq!((found.ids, found.values), (vec!["a".to_owned(), "b".to_owned()], vec![0.25, 0.75, 1.0, 0.0]));
    let (_folder, path) = written("pool.jsonl", " \n\n {\"id\": -3, \"score\": 1}\n\n{\"score\": 2e0, \"id\": \"b\"}");
    let found = all_rows(&PredictionFile::open(&path).unwrap()).unwrap();
    assert_eq!((found.ids, found.values), (vec!["-3".to_owned(), "b".to_owned()], vec![1.0, 2.0]));
}

#[test]
fn a_header_is_refused_with_its_column_and_the_way_out() {
    for (header, words) in [
        ("id,p_0,p_1,label", &["line 1, `label`", "no such column"][..]),
        ("id,probs", &["`probs`", "did you mean `probabilities`?"]),
        ("id,p_0,p_1,p_1", &["`p_1`", "twice"]),
        ("id,id,p_0,p_1", &["`id`", "twice"]),
        ("id,p:cat,p:dog,p:cat", &["`p:cat`", "twice"]),
        ("id,p_0,p_2", &["`p_1`", "missing", "without gaps"]),
        ("id,p_00,p_1", &["`p_00`", "no such column"]),
        ("p_0,p_1", &["`id`", "missing"]),
        ("id", &["`probabilities`", "missing"]),
        ("id,p_0", &["one class only"]),
        ("id,p_0,p:dog", &["two ways"]),
        ("id,p_0,p_1,score", &["either `probabilities`"]),
        ("id,mean", &["`std`", "missing"]),
        ("id,score,embedding_1", &["`embedding_0`", "missing"]),
        ("id,score,embedding_99999999999999", &["`embedding_0`", "missing"]),
        ("id,p_1,p_18446744073709551615", &["`p_0`", "missing"]),
        ("id;p_0;p_1", &["`id;p_0;p_1`", "no such column"]),
    ] {
        let said = said_of(format!("{header}\n"));
        says(&said, &["`pool`, line 1"]);
        says(&said, words);
    }
}

#[test]
fn a_row_of_csv_is_refused_with_its_line_and_column() {
    for (row, words) in [
        ("b,0.5,0.25", &["add up to 0.75", "softmax"][..]),
        ("b,3.5,-1", &["`p_0`", "`3.5` is no probability", "softmax"]),
        ("b,-0.5,1.5", &["`p_0`", "`-0.5` is no probability"]),
        ("b,nan,1", &["`p_0`", "`NaN` is not finite"]),
        ("b,1,inf", &["`p_1`", "`inf` is not finite"]),
        ("b,1,", &["`p_1`", "empty"]),
        ("b,1,zero", &["`p_1`", "`zero` is no number"]),
        ("b,1", &["2 values, not 3 as the header"]),
        ("b,1,0,0", &["4 values, not 3 as the header"]),
        (",1,0", &["`id`", "empty"]),
        ("\"b\n\",1,0", &["quote"]),
        ("\"b,1,0", &["quote"]),
        ("b\x07,1,0", &["`id`", "control character"]),
    ] {
        for bytes in [3, 1 << 20] {
            let (_folder, path) = written("pool.csv", format!("id,p_0,p_1\na,0.5,0.5\n{row}\nc,0.5,0.5\n"));
            let file = PredictionFile::open_as(&path, "pool", &Beside::default()).unwrap().with_chunk_bytes(bytes);
            let said = all_rows(&file).unwrap_err().to_string();
            says(&said, &["`pool`, line 3"]);
            says(&said, words);
        }
    }
    says(&said_of("id,score\na,1\nb,2"), &["line 3", "no line end", "cut off"]);
    says(&said_of("id,mean,std\na,1,-0.5\n"), &["line 2, `std`", "`-0.5` is below zero"]);
    says(&said_of("id,score,cost\na,1,0\n"), &["line 2, `cost`", "`0` is no cost"]);
    says(&said_of("id,score\n"), &["no rows"]);
    says(&said_of("id,score\n\n\n"), &["no rows"]);
    says(&said_of(""), &["no rows"]);
    says(&said_of(b"id,score\n\xff,1\n"), &["line 2, `id`", "UTF-8"]);
    says(&said_of(b"\xfe\xff\0i\0d"), &["line 1", "UTF-8"]);
    says(&said_of(format!("id,score\n{},1\n", "x".repeat(2_000))), &["line 2", "2000 bytes of an id"]);
}

#[test]
fn a_line_of_json_is_refused_with_its_field() {
    let good = r#"{"id": "a", "probabilities": [0.5, 0.5], "embedding": [1, 2]}"#;
    for (line, words) in [
        (r#"{"id": "b", "probabilities": [0.5, 0.5, 0], "embedding": [1, 2]}"#, &["`probabilities`", "3 values, not 2"][..]),
        (r#"{"id": "b", "probabilities": [1], "embedding": [1, 2]}"#, &["`probabilities`", "1 values, not 2"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.5], "embedding": []}"#, &["`embedding`", "0 values, not 2"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.5]}"#, &["`embedding`", "lacks"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.5], "embedding": [1, 2], "cost": 1}"#, &["`cost`", "no such field"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.5], "embedding": [1, 2], "label": 1}"#, &["`label`", "no such column"]),
        (r#"{"id": "b", "id": "b", "probabilities": [0.5, 0.5], "embedding": [1, 2]}"#, &["`id`", "twice"]),
        (r#"{"id": 1.5, "probabilities": [0.5, 0.5], "embedding": [1, 2]}"#, &["`id`", "whole number"]),
        (r#"{"id": null, "probabilities": [0.5, 0.5], "embedding": [1, 2]}"#, &["`id`", "whole number"]),
        (r#"{"id": "b", "probabilities": [0.5, null], "embedding": [1, 2]}"#, &["`probabilities`", "empty"]),
        (r#"{"id": "b", "probabilities": [0.5, "x"], "embedding": [1, 2]}"#, &["`probabilities`", "`\"x\"` is no number"]),
        (r#"{"id": "b", "probabilities": [0.5, NaN], "embedding": [1, 2]}"#, &["not finite"]),
        (r#"{"id": "b", "probabilities": [-Infinity, 1], "embedding": [1, 2]}"#, &["not finite"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.2], "embedding": [1, 2]}"#, &["`probabilities`", "add up to 0.7"]),
        (r#"{"id": "b", "probabilities": {"x": 1, "y": 0}, "embedding": [1, 2]}"#, &["list of numbers"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.5], "embedding": [1, 1e39]}"#, &["`embedding`", "not finite"]),
        (r#"{"id": "b" "probabilities": [0.5, 0.5]}"#, &["character 12", "one JSON object a line"]),
        (r#"{"id": "b", "probabilities": [0.5, 0.5], "embedding": [1, 2]}, "#, &["one JSON object a line"]),
        ("3", &["one JSON object a line"]),
    ] {
        for bytes in [3, 1 << 20] {
            let (_folder, path) = written("pool.jsonl", format!("{good}\n{line}\n{good}\n"));
            let file = PredictionFile::open_as(&path, "pool", &Beside::default()).unwrap().with_chunk_bytes(bytes);
            let said = all_rows(&file).unwrap_err().to_string();
            says(&said, &["`pool`, line 2"]);
            says(&said, words);
        }
    }
    says(&said_of(format!("{good}\n{{\"id\": \"b\", \"probabil")), &["line 2", "ends in the middle", "did not finish"]);
    says(&said_of(format!("[{good}]")), &["JSON array", "one object a line"]);
}

#[test]
fn the_first_line_of_json_says_what_is_wrong_with_it() {
    for (line, words) in [
        (r#"{"id": "a"}"#, &["`probabilities`", "missing"][..]),
        (r#"{"score": 1}"#, &["`id`", "missing"]),
        (r#"{"id": "a", "p_0": 0.5, "p_1": 0.5}"#, &["`p_0`", "no such column"]),
        (r#"{"id": "a", "probabilities": [1]}"#, &["one class only"]),
        (r#"{"id": "a", "probabilities": 0.5}"#, &["`probabilities`", "one number"]),
        (r#"{"id": "a", "probabilities": {"cat": 0.5, "cat": 0.5}}"#, &["`p:cat`", "twice"]),
        (r#"{"id": "a", "score": 1, "embedding": []}"#, &["`embedding`", "empty"]),
        (r#"{"id": "a", "score": 1, "embedding": null}"#, &["`embedding`", "null"]),
        (r#"{"id": "a", "score": 1, "mean": 1, "std": 1}"#, &["either"]),
        (r#"{"id": "a", "#, &["character"]),
    ] {
        let said = said_of(line);
        says(&said, &["`pool`, line 1"]);
        says(&said, words);
    }
    let named = "{\"id\": \"a\", \"probabilities\": {\"x\": 1, \"y\": 0}}\n";
    let other = |object: &str| said_of(format!("{named}{{\"id\": \"b\", \"probabilities\": {object}}}\n"));
    says(&other(r#"{"x": 1, "z": 0}"#), &["line 2, `probabilities`", "class `z`"]);
    says(&other(r#"{"x": 1}"#), &["line 2, `probabilities`", "1 values, not 2"]);
    says(&other(r#"{"x": 1, "x": 0}"#), &["line 2, `probabilities`", "`x` twice"]);
}

#[test]
fn an_array_that_is_no_array_of_predictions_is_refused() {
    says(&fault(&fixture("bad.fortran.npy")), &["column by column", "ascontiguousarray"]);
    says(&fault(&fixture("bad.half.npy")), &["`<f2`", "astype"]);
    says(&fault(&fixture("bad.big-endian.npy")), &["`>f4`", "astype"]);
    says(&fault(&fixture("bad.cube.npy")), &["3 dimensions"]);
    let whole = fs::read(fixture("numbered.npy")).unwrap();
    says(&said_of(&whole[..whole.len() - 30]), &["ends after 148 of 150 rows", "did not finish"]);
    says(&said_of(&whole[..100]), &["ends within its header"]);
    says(&said_of([&whole[..], b"more"].concat()), &["4 bytes follow"]);
    says(&said_of(b"PK\x03\x04..."), &["savez"]);
}

#[test]
fn ids_and_embeddings_beside_an_array_have_to_fit_it() {
    let (folder, path) = written("pool.npy", fs::read(fixture("numbered.npy")).unwrap());
    let ids = |count: usize| (0..count).map(|row| format!("{row}\n")).collect::<String>();
    for (text, words) in [
        (ids(149), &["`pool.ids.txt`", "149 lines", "150 rows"][..]),
        (ids(151), &["`pool.ids.txt`", "more lines than the array has rows, 150"]),
        (ids(150).replace("7\n", "\n"), &["row 7, `id`", "empty"]),
        (ids(150).replace("77\n", &"x".repeat(5_000)), &["line 78, `pool.ids.txt`", "longer than 1024"]),
    ] {
        fs::write(folder.path().join("pool.ids.txt"), text).unwrap();
        says(&fault(&path), words);
    }
    fs::write(folder.path().join("pool.ids.txt"), ids(150).trim_end()).unwrap();
    assert_eq!(all_rows(&PredictionFile::open(&path).unwrap()).unwrap(), read("numbered.npy"));
    let embeddings = folder.path().join("pool.embeddings.npy");
    fs::copy(fixture("score.npy"), &embeddings).unwrap();
    says(&fault(&path), &["`pool.embeddings.npy`", "one dimension"]);
    fs::copy(fixture("bad.half.npy"), &embeddings).unwrap();
    says(&fault(&path), &["`pool.embeddings.npy`", "`<f2`"]);
}

#[test]
fn parquet_is_refused_with_row_and_column() {
    says(&fault(&fixture("bad.gzip.parquet")), &["GZIP", "compression='zstd'"]);
    says(&fault(&fixture("bad.ragged.parquet")), &["row 1, `probabilities`", "1 values, not 2"]);
    says(&fault(&fixture("bad.empty-list.parquet")), &["row 1, `probabilities`", "0 values, not 2"]);
    says(&fault(&fixture("bad.gap.parquet")), &["row 2, `p_0`", "empty"]);
    assert_eq!(read("indexed.parquet").ids, read("classes.npy").ids[..4]);
    let whole = fs::read(fixture("classes.flat.parquet")).unwrap();
    says(&said_of(&whole[..whole.len() / 2]), &["no whole Parquet file"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing that a file may hold does harm.
    #[test]
    fn damage_is_an_error_or_other_rows_but_never_a_panic(
        name in proptest::sample::select(vec![
            "classes.npy", "classes.csv", "named.jsonl", "classes.flat.parquet", "classes.list.parquet", "classes.polars.parquet",
        ]),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (_folder, path) = written("pool", bytes);
        let found = PredictionFile::open(&path).and_then(|file| all_rows(&file));
        match found {
            Ok(rows) => prop_assert!(rows.values.iter().all(|value| value.is_finite())),
            Err(error) => prop_assert!(error.to_string().starts_with('`')),
        }
    }
}
