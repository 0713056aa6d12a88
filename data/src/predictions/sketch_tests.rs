//! Both phases against the same done in memory.

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::predictions::{Beside, Committee, Rows, Union, WireError, all_rows, rows};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/predictions").join(name)
}

fn open(name: &str) -> PredictionFile {
    PredictionFile::open(&fixture(name)).unwrap()
}

fn plan(acquisition: Acquisition, candidates: usize, sample: usize) -> SketchPlan {
    SketchPlan { acquisition, noise: Noise { seed: 7, beta: 1.0 }, candidates, sample, excluded: Excluded::default() }
}

/// The pool of a member: ids and counts of three classes.
type Pool = Vec<(u16, [u8; 3])>;

/// Rows with few different predictions, so that there are ties.
fn pool() -> impl Strategy<Value = Pool> {
    let counts = (0_u8..3, 0_u8..3, 1_u8..3).prop_map(|(a, b, c)| [a, b, c]);
    let rows = proptest::collection::btree_map(0_u16..120, counts, 1..60);
    rows.prop_map(|rows| rows.into_iter().collect::<Pool>()).prop_shuffle()
}

fn csv(pool: &Pool) -> String {
    let mut text = "id,p_0,p_1,p_2\n".to_owned();
    for (id, counts) in pool {
        let sum: u8 = counts.iter().sum();
        let [a, b, c] = counts.map(|count| f64::from(count) / f64::from(sum));
        text += &format!("s{id},{a},{b},{c}\n");
    }
    text
}

/// A member's file in a folder of its own.
fn member(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PredictionFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    fs::write(&path, text).unwrap();
    let file = PredictionFile::open_as(&path, "pool", &Beside::default()).unwrap();
    (folder, file)
}

fn ids(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|candidate| candidate.id.as_str()).collect()
}

/// Margins and keys of all rows, sorted as a whole.
fn best(rows: &Rows, plan: &SketchPlan) -> Vec<(String, f64)> {
    let margin = |row: &[f64]| {
        let mut sorted = row.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        1.0 - (sorted[0] - sorted[1])
    };
    let mut rated: Vec<(String, f64)> = rows.ids.iter().cloned().zip(rows.values.chunks(3).map(margin)).collect();
    rated.retain(|(id, _)| !plan.excluded.contains(id.as_bytes()));
    let tie = |id: &str| *blake3::hash(&[&7_u64.to_le_bytes()[..], id.as_bytes()].concat()).as_bytes();
    rated.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| tie(&a.0).cmp(&tie(&b.0))));
    rated
}

proptest! {
    #[test]
    fn a_sketch_is_what_sorting_everything_gives(
        pool in pool(),
        (candidates, sample) in (0_usize..20, 0_usize..20),
        chunk in 1_usize..200,
        excluded in proptest::collection::vec(0_u16..120, 0..20),
    ) {
        let (_folder, file) = member(csv(&pool));
        let all = all_rows(&file).unwrap();
        let excluded: Vec<String> = excluded.iter().map(|id| format!("s{id}")).collect();
        let mut plan = plan(Acquisition::Margin, candidates, sample);
        plan.excluded = Excluded::of_ids(excluded.iter().map(String::as_str));
        let found = sketch(&file.with_chunk_bytes(chunk), &plan).unwrap();
        let best = best(&all, &plan);
        prop_assert_eq!(found.rows as usize, best.len());
        prop_assert_eq!((found.rows + found.excluded) as usize, pool.len());
        prop_assert_eq!(found.top_classes.iter().sum::<u64>(), found.rows);
        let rated: Vec<(String, f64)> = found.candidates.iter().map(|one| (one.id.clone(), one.score)).collect();
        prop_assert_eq!(&rated[..], &best[..best.len().min(candidates)]);
        let mut drawn: Vec<&str> = best.iter().map(|(id, _)| id.as_str()).collect();
        drawn.sort_by_key(|id| OrderKey::of_control(7, id.as_bytes()));
        drawn.truncate(sample);
        prop_assert_eq!(ids(&found.sample), drawn);
        for one in found.candidates.iter().chain(&found.sample) {
            prop_assert_eq!(&all.ids[one.row as usize], &one.id);
        }
    }

    #[test]
    fn members_draw_the_same_samples_in_whatever_order_and_format_they_have_them(
        pool in pool(), sample in 1_usize..30, acquisition in proptest::sample::select(vec![Acquisition::Bald, Acquisition::Entropy]),
    ) {
        let mut other = pool.clone();
        other.reverse();
        other.iter_mut().for_each(|(_, counts)| counts.rotate_left(1));
        let json: String = other
            .iter()
            .map(|(id, [a, b, c])| {
                let sum = f64::from(a + b + c);
                let [a, b, c] = [a, b, c].map(|count| f64::from(*count) / sum);
                format!("{{\"id\": \"s{id}\", \"probabilities\": [{a}, {b}, {c}]}}\n")
            })
            .collect();
        let (_one_folder, one) = member(csv(&pool));
        let (_two_folder, two) = member(json);
        let plan = plan(acquisition, 3, sample);
        let (one, two) = (sketch(&one, &plan).unwrap(), sketch(&two, &plan).unwrap());
        prop_assert_eq!(ids(&one.sample), ids(&two.sample));
        prop_assert_eq!(one.sample.len(), sample.min(pool.len()));
    }

    /// Members lack samples of each other's, and what is drawn is still the lowest keys of all samples.
    #[test]
    fn what_is_drawn_of_a_union_is_drawn_of_all_samples_alike(pools in proptest::collection::vec(pool(), 1..4), sample in 1_usize..20) {
        let plan = plan(Acquisition::Margin, 2, sample);
        let sketches: Vec<(String, Sketch)> = pools
            .iter()
            .map(|pool| {
                let (_folder, file) = member(csv(pool));
                ("member".to_owned(), sketch(&file, &plan).unwrap())
            })
            .collect();
        let union = Union::of(&sketches).unwrap();
        let mut all: Vec<String> = pools.iter().flatten().map(|(id, _)| format!("s{id}")).collect();
        all.sort_by_key(|id| OrderKey::of_control(7, id.as_bytes()));
        all.dedup();
        let cut_off = pools.iter().any(|pool| pool.len() > sample);
        prop_assert_eq!(union.sample.len(), if cut_off { sample } else { all.len() });
        prop_assert_eq!(&union.sample[..], &all[..union.sample.len()]);
    }

    #[test]
    fn both_phases_over_a_committee_give_what_is_in_memory(pools in proptest::collection::vec(pool(), 2..4), chunk in 1_usize..100) {
        let plan = plan(Acquisition::Bald, 200, 5);
        let members: Vec<_> = pools.iter().map(|pool| member(csv(pool))).map(|(folder, file)| (folder, file.with_chunk_bytes(chunk))).collect();
        let name = |number: usize| format!("member {number}");
        let sketches: Vec<(String, Sketch)> =
            members.iter().enumerate().map(|(number, (_, file))| (name(number), sketch(file, &plan).unwrap())).collect();
        let wanted = Union::of(&sketches).unwrap().ids();
        let read = members.iter().enumerate().map(|(number, (_, file))| {
            let travelled = Rows::decode(&rows(file, &wanted).unwrap().encode()).unwrap();
            (name(number), travelled)
        });
        let committee = Committee::assemble(&wanted, read.collect()).unwrap();
        let mut expected: BTreeMap<String, Vec<Option<[u8; 3]>>> = BTreeMap::new();
        for (number, pool) in pools.iter().enumerate() {
            for (id, counts) in pool {
                expected.entry(format!("s{id}")).or_insert_with(|| vec![None; pools.len()])[number] = Some(*counts);
            }
        }
        prop_assert_eq!(&committee.ids, &expected.keys().cloned().collect::<Vec<_>>());
        let slices = committee.slices();
        let mut scores = vec![0.0; committee.len()];
        Acquisition::Bald.score_rows(&committee.block(&slices).unwrap(), &mut scores).unwrap();
        for (sample, (score, counts)) in scores.iter().zip(expected.values()).enumerate() {
            let rows: Vec<[f64; 3]> = counts.iter().flatten().map(|row| row.map(|count| f64::from(count) / f64::from(row.iter().sum::<u8>()))).collect();
            let of_all = crate::acquisition::committee::bald(rows.iter().map(|row| &row[..]), &mut [0.0; 3]);
            prop_assert_eq!(*score, of_all);
            prop_assert_eq!((0..pools.len()).filter(|member| committee.has(*member, sample)).count(), rows.len());
        }
    }

    #[test]
    fn damaged_bytes_are_refused(place in any::<prop::sample::Index>(), bit in 0_u8..8, cut in proptest::option::of(any::<prop::sample::Index>())) {
        let file = open("named.csv");
        for mut bytes in [sketch(&file, &plan(Acquisition::Margin, 9, 5)).unwrap().encode(), all_rows(&file).unwrap().encode()] {
            let at = place.index(bytes.len());
            // Bytes 6 and 7 mean nothing.
            if (6..8).contains(&at) && cut.is_none() {
                continue;
            }
            bytes[at] ^= 1 << bit;
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            prop_assert!(Sketch::decode(&bytes).is_err() && Rows::decode(&bytes).is_err());
        }
    }
}

#[test]
fn threads_and_chunks_change_nothing() {
    for name in ["classes.csv", "classes.jsonl", "classes.npy", "named.parquet", "classes.list.parquet"] {
        for acquisition in [Acquisition::Margin, Acquisition::Random, Acquisition::ExpectedGradientLength, Acquisition::CoreSet] {
            let plan = plan(acquisition, 12, 9);
            let expected = sketch(&open(name), &plan).unwrap();
            for threads in [1, 2, 4] {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for bytes in [1, 77, 1_000] {
                    let file = open(name).with_chunk_bytes(bytes);
                    assert_eq!(pool.install(|| sketch(&file, &plan)).unwrap(), expected, "{name}, {acquisition}");
                }
            }
        }
    }
}

#[test]
fn sketches_and_rows_survive_the_way() {
    for name in ["named.csv", "regression.csv", "score.npy", "numbered.npy", "classes.list.parquet"] {
        let file = open(name);
        let plan = plan(Acquisition::Random, 20, 10);
        let sketch = sketch(&file, &plan).unwrap();
        assert_eq!(Sketch::decode(&sketch.encode()).unwrap(), sketch, "{name}");
        let rows = all_rows(&file).unwrap();
        assert_eq!(Rows::decode(&rows.encode()).unwrap(), rows, "{name}");
        assert_eq!(Rows::decode(&sketch.encode()), Err(WireError::Other("rows of predictions")));
        let mut newer = rows.encode();
        newer[5] = 2;
        assert_eq!(Rows::decode(&newer), Err(WireError::Version(2)));
    }
    // A third cannot be written in 32 bits, and comes back as it was.
    let (_folder, file) = member("id,p_0,p_1,p_2\na,0.3333333333333333,0.3333333333333333,0.3333333333333333\n");
    let rows = all_rows(&file).unwrap();
    assert_eq!(Rows::decode(&rows.encode()).unwrap(), rows);
}

#[test]
fn rows_that_are_no_predictions_are_refused_on_arrival() {
    let good = all_rows(&open("classes.csv")).unwrap();
    let changed = |change: &dyn Fn(&mut Rows)| {
        let mut rows = good.clone();
        change(&mut rows);
        Rows::decode(&rows.encode())
    };
    assert!(changed(&|_| {}).is_ok());
    let changes: [&dyn Fn(&mut Rows); 7] = [
        &|rows| rows.values[4] = -1.0,
        &|rows| rows.values[4] = f64::NAN,
        &|rows| rows.ids[3] = rows.ids[9].clone(),
        &|rows| rows.ids[3].clear(),
        &|rows| rows.values.truncate(3),
        &|rows| rows.embeddings[2] = f32::INFINITY,
        &|rows| rows.costs.push(1.0),
    ];
    for (number, change) in changes.iter().enumerate() {
        assert!(matches!(changed(change), Err(WireError::Damaged(_))), "change {number}");
    }
}

#[test]
fn two_rows_of_one_sample_are_found_in_every_format_and_named() {
    for bytes in [1, 40, 1 << 20] {
        let plan = plan(Acquisition::Score, 2, 2);
        let said = |text: &str| {
            let (_folder, file) = member(text);
            sketch(&file.with_chunk_bytes(bytes), &plan).unwrap_err().to_string()
        };
        let found = said("id,score\nx,1\na,2\nb,3\na,4\nb,5\n");
        assert!(found.starts_with("`pool`, line 5, `id`: the id `a` is that of line 3 already;"), "{found}");
        let found = said("{\"id\": 1, \"score\": 2}\n{\"id\": \"1\", \"score\": 3}\n");
        assert!(found.starts_with("`pool`, line 2, `id`: the id `1` is that of line 1 already;"), "{found}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool.npy");
    fs::copy(fixture("score.npy"), &path).unwrap();
    let ids: String = (0..150).map(|row| format!("{}\n", if row == 140 { 20 } else { row })).collect();
    fs::write(folder.path().join("pool.ids.txt"), ids).unwrap();
    let found = sketch(&PredictionFile::open(&path).unwrap(), &plan(Acquisition::Score, 2, 2)).unwrap_err().to_string();
    assert!(found.contains("row 140, `id`: the id `20` is that of row 20 already;"), "{found}");
}

#[test]
fn a_function_that_does_not_fit_a_file_is_refused_by_name() {
    let refused = |name: &str, acquisition| sketch(&open(name), &plan(acquisition, 5, 5)).unwrap_err().to_string();
    let said = refused("score.csv", Acquisition::Margin);
    assert!(said.contains("score.csv`: `margin` reads class probabilities"), "{said}");
    let said = refused("numbered.npy", Acquisition::ExpectedGradientLength);
    assert!(said.contains("`expected_gradient_length` needs an `embedding` in each row"), "{said}");
    let said = sketch(&open("score.csv"), &plan(Acquisition::Score, MAX_KEPT + 1, 0)).unwrap_err().to_string();
    assert!(said.contains("candidates are more than"), "{said}");
}

#[test]
fn members_that_predict_different_things_are_no_committee() {
    let plan = plan(Acquisition::Random, 5, 5);
    let of = |name: &str| (name.to_owned(), sketch(&open(name), &plan).unwrap());
    let said = Union::of(&[of("named.csv"), of("classes.csv")]).unwrap_err().to_string();
    assert!(
        said.contains("`classes.csv`: it predicts 3 classes (0, 1, 2), and `named.csv` 3 classes (cat, dog, bird)"),
        "{said}"
    );
    let rows = |name: &str| (name.to_owned(), all_rows(&open(name)).unwrap());
    let said = Committee::assemble(&[], vec![rows("score.csv"), rows("regression.csv")]).unwrap_err().to_string();
    assert!(said.contains("`regression.csv`: it predicts means and spreads, and `score.csv` single scores"), "{said}");
    let mut other = of("named.csv");
    other.1.noise.seed += 1;
    let said = Union::of(&[of("named.csv"), other]).unwrap_err().to_string();
    assert!(said.contains("another seed"), "{said}");
    assert!(Union::of(&[]).is_err() && Committee::assemble(&[], Vec::new()).is_err());
}

#[test]
fn classes_of_members_meet_by_name_and_embeddings_are_of_one_member() {
    let (_one_folder, one) = member("id,p:cat,p:dog\na,0.25,0.75\n");
    let (_two_folder, two) = member("id,p:dog,p:cat,embedding_0,cost\nb,0.5,0.5,7,2\na,0.125,0.875,9,3\n");
    let (_three_folder, three) = member("id,p:cat,p:dog,embedding_0\nb,1,0,5\nc,1,0,6\n");
    let members = [one, two, three].iter().map(|file| (file.name().to_owned(), all_rows(file).unwrap())).collect();
    let wanted = ["a", "b", "c", "nowhere"].map(str::to_owned);
    let found = Committee::assemble(&wanted, members).unwrap();
    assert_eq!(found.ids, ["a", "b", "c"]);
    assert_eq!(found.members[1].values[..4], [0.875, 0.125, 0.5, 0.5]);
    assert_eq!((found.has(0, 0), found.has(0, 1), found.has(1, 2), found.has(2, 2)), (true, false, false, true));
    assert_eq!((found.embeddings[..2].to_vec(), found.embeddings[2].is_nan()), (vec![9.0, 7.0], true));
    assert_eq!((found.costs[..2].to_vec(), found.costs[2].is_nan()), (vec![3.0, 2.0], true));
}

#[test]
fn excluded_samples_are_read_from_a_file_of_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labelled.txt");
    fs::write(&path, "a\r\n\nb\nc").unwrap();
    let found = Excluded::read(&path).unwrap();
    assert_eq!(found, Excluded::of_ids(["a", "b", "c"]));
    assert!(found.contains(b"c") && !found.contains(b"d"));
    fs::write(&path, "{\"id\": \"a\", \"label\": 1}\n{\"id\": 17}\n").unwrap();
    assert_eq!(Excluded::read(&path).unwrap(), Excluded::of_ids(["a", "17"]));
    fs::write(&path, "{\"id\": \"a\"}\nb\n").unwrap();
    let said = Excluded::read(&path).unwrap_err().to_string();
    assert!(said.contains("labelled.txt`, line 2, `id`: expected value"), "{said}");
    fs::write(&path, "a\nb\x07\n").unwrap();
    let said = Excluded::read(&path).unwrap_err().to_string();
    assert!(said.contains("labelled.txt`, line 2: the id"), "{said}");
}
