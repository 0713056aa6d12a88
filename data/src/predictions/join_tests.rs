//! A committee's exact sketch against all rows in memory, and the two phases against it.

use std::{fs, path::PathBuf};

use rayon::ThreadPoolBuilder;
use tempfile::TempDir;

use super::*;
use crate::{
    acquisition::{Noise, OrderKey, compare},
    predictions::{Beside, Committee, Excluded, Rows, Union, all_rows, rows},
};

const SEED: u64 = 11;

fn plan(acquisition: Acquisition, candidates: usize, sample: usize) -> SketchPlan {
    SketchPlan { acquisition, noise: Noise { seed: SEED, beta: 1.0 }, candidates, sample, excluded: Excluded::default() }
}

/// Whole numbers that look random, from a counter.
fn draw(of: &[u64], below: u64) -> u64 {
    let bytes: Vec<u8> = of.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..8]);
    u64::from_le_bytes(first) % below
}

/// A number around zero, as sums of even draws are.
fn bell(of: &[u64]) -> f64 {
    (0..4).map(|part| draw(&[of, &[part]].concat(), 10_000) as f64 / 10_000.0 - 0.5).sum()
}

/// What member `member` says of a sample with six features: a linear model, whose weights differ a little from the others'.
fn probabilities(member: u64, sample: u64) -> [f64; 4] {
    let mut row = [0.0; 4];
    for (class, p) in (0..).zip(&mut row) {
        let weight = |feature| bell(&[class, feature]) + 0.1 * bell(&[class, feature, member]);
        let logit: f64 = (0..6).map(|feature| 8.0 * weight(feature) * bell(&[sample, feature, 0, 0])).sum();
        *p = logit.exp();
    }
    let sum: f64 = row.iter().sum();
    row.map(|p| p / sum)
}

/// Files of a committee over one pool, each in an order of its own.
fn committee(members: u64, samples: u64) -> (TempDir, Vec<PredictionFile>) {
    committee_in(members, samples, |member, sample| draw(&[member, sample], u64::MAX))
}

fn committee_in(members: u64, samples: u64, place: impl Fn(u64, u64) -> u64) -> (TempDir, Vec<PredictionFile>) {
    let folder = tempfile::tempdir().unwrap();
    let files = (0..members).map(|member| {
        let mut order: Vec<u64> = (0..samples).collect();
        order.sort_by_key(|sample| place(member, *sample));
        let mut text = "id,p:a,p:b,p:c,p:d\n".to_owned();
        for sample in order {
            let [a, b, c, d] = probabilities(member, sample);
            text += &format!("s{sample},{a},{b},{c},{d}\n");
        }
        write(&folder, &format!("m{member}.csv"), &text)
    });
    let files = files.collect();
    (folder, files)
}

fn write(folder: &TempDir, name: &str, text: &str) -> PredictionFile {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, text).unwrap();
    PredictionFile::open_as(&path, name, &Beside::default()).unwrap()
}

/// Scores of all samples at once, in memory, best first.
fn all(files: &[PredictionFile], acquisition: Acquisition) -> Vec<(String, f64)> {
    let ids = all_rows(&files[0]).unwrap().ids;
    let members = files.iter().map(|file| (file.name().to_owned(), all_rows(file).unwrap())).collect();
    let committee = Committee::assemble(&ids, members).unwrap();
    ranked(&committee, acquisition)
}

fn ranked(committee: &Committee, acquisition: Acquisition) -> Vec<(String, f64)> {
    let scores = committee.score(acquisition, Noise { seed: SEED, beta: 1.0 }).unwrap();
    let mut found: Vec<(String, f64)> = committee.ids.iter().cloned().zip(scores).collect();
    let key = |id: &str| OrderKey::of_tie(SEED, id.as_bytes());
    found.sort_by(|a, b| compare((a.1, key(&a.0)), (b.1, key(&b.0))));
    found
}

const OF_COMMITTEES: [Acquisition; 6] = [
    Acquisition::Bald,
    Acquisition::VoteEntropy,
    Acquisition::MeanKl,
    Acquisition::PowerBald,
    Acquisition::Margin,
    Acquisition::ConsensusEntropy,
];

#[test]
fn a_committee_is_rated_as_in_memory_whatever_is_held_and_however_many_threads() {
    let (_folder, files) = committee(3, 500);
    for acquisition in OF_COMMITTEES {
        let best = all(&files, acquisition);
        for (held, threads) in [(u64::MAX, 1), (u64::MAX, 4), (40_000, 1), (9_000, 3)] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| committee_sketch_within(&files, &plan(acquisition, 60, 25), held)).unwrap();
            let rated: Vec<(String, f64)> = found.candidates.iter().map(|one| (one.id.clone(), one.score)).collect();
            assert_eq!(rated, best[..60], "{acquisition}, {held} bytes, {threads} threads");
            assert_eq!((found.rows, found.top_classes.iter().sum::<u64>(), found.rated_by), (500, 500, acquisition));
            let mut drawn: Vec<&str> = best.iter().map(|(id, _)| id.as_str()).collect();
            drawn.sort_by_key(|id| OrderKey::of_control(SEED, id.as_bytes()));
            assert_eq!(found.sample.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), drawn[..25]);
        }
    }
}

/// The same rows in the same order, or but for the last ones, or with one too many, read in parts of any size.
#[test]
fn files_in_one_order_are_read_once_and_give_the_same() {
    let (_folder, shuffled) = committee(3, 300);
    let (_other_folder, files) = committee_in(3, 300, |_, sample| draw(&[sample], u64::MAX));
    let (_third_folder, late) = committee_in(3, 300, |member, sample| match draw(&[sample], 1_000) {
        place @ ..900 => place,
        place => place + draw(&[member, sample], 1_000),
    });
    for acquisition in OF_COMMITTEES {
        let plan = plan(acquisition, 50, 20);
        let ids = |sketch: &Sketch| -> Vec<(String, f64)> {
            sketch.candidates.iter().chain(&sketch.sample).map(|one| (one.id.clone(), one.score)).collect()
        };
        let expected = ids(&committee_sketch(&shuffled, &plan).unwrap());
        for chunks in [[1, 100, 5_000], [1 << 20, 700, 30]] {
            for files in [&files, &late] {
                let files =
                    files.iter().zip(chunks).map(|(file, chunk)| reopened(file).with_chunk_bytes(chunk)).collect::<Vec<_>>();
                for threads in [1, 3] {
                    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let found = pool.install(|| committee_sketch(&files, &plan)).unwrap();
                    assert_eq!(ids(&found), expected, "{acquisition}, {chunks:?}");
                }
            }
        }
    }
    let orders = orders(&files).unwrap();
    let join = |files: &[PredictionFile]| {
        let plan = plan(Acquisition::Bald, 5, 5);
        let layouts = files.iter().map(|file| file.layout().clone()).collect();
        let sketching = Sketching::new(&files[0], &plan, Acquisition::Bald);
        aligned::aligned(&mut Join { files, layouts, orders: orders.clone(), rated_by: Acquisition::Bald, sketching }).unwrap()
    };
    assert_eq!([join(&files), join(&late), join(&shuffled)], [true, false, false]);
}

fn reopened(file: &PredictionFile) -> PredictionFile {
    PredictionFile::open_as(file.path(), file.name(), &Beside::default()).unwrap()
}

#[test]
fn doubles_and_faults_are_named_in_files_of_one_order_too() {
    let folder = tempfile::tempdir().unwrap();
    let said = |a: &str, b: &str| {
        let files = [write(&folder, "a.csv", a), write(&folder, "b.csv", b)];
        committee_sketch(&files, &plan(Acquisition::Bald, 3, 3)).unwrap_err().to_string()
    };
    let twice = "id,p_0,p_1\nx,0.5,0.5\ny,0.5,0.5\nx,0.25,0.75\n";
    assert!(said(twice, twice).starts_with("`a.csv`, line 4, `id`: the id `x` is that of line 2 already;"));
    let good = "id,p_0,p_1\nx,0.5,0.5\ny,0.5,0.5\n";
    let bad = "id,p_0,p_1\nx,0.5,0.5\ny,0.5,0.25\n";
    assert!(said(good, bad).starts_with("`b.csv`, line 3, `probabilities`: the probabilities add up to 0.75"));
    assert!(said(bad, good).starts_with("`a.csv`, line 3, `probabilities`: the probabilities add up to 0.75"));
    let more = format!("{good}z,0.5,0.5\n");
    assert!(said(good, &more).starts_with("`b.csv`, line 4, `id`: `a.csv` has no row for the sample `z`;"));
}

#[test]
fn samples_that_are_excluded_count_for_nothing_in_a_committee() {
    let (_folder, files) = committee(2, 100);
    let mut plan = plan(Acquisition::Bald, 100, 100);
    plan.excluded = Excluded::of_ids(["s3", "s77", "elsewhere"]);
    let found = committee_sketch(&files, &plan).unwrap();
    assert_eq!((found.rows, found.excluded, found.candidates.len(), found.sample.len()), (98, 2, 98, 98));
    assert!(found.candidates.iter().chain(&found.sample).all(|one| one.id != "s3" && one.id != "s77"));
}

#[test]
fn samples_without_a_partner_and_doubles_are_named_with_their_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let a = "id,p_0,p_1\nx,0.5,0.5\ny,0.5,0.5\nz,0.5,0.5\n";
    let said = |other: &str| {
        let files = [write(&folder, "a.csv", a), write(&folder, "b.csv", other)];
        let said: Vec<String> = [u64::MAX, 1]
            .map(|held| committee_sketch_within(&files, &plan(Acquisition::Bald, 3, 3), held).unwrap_err().to_string())
            .into();
        assert_eq!(said[0], said[1]);
        said[0].clone()
    };
    let found = said("id,p_0,p_1\nz,0.5,0.5\nx,0.5,0.5\n");
    assert!(found.starts_with("`a.csv`, line 3, `id`: `b.csv` has no row for the sample `y`;"), "{found}");
    let found = said("id,p_0,p_1\nz,0.5,0.5\nx,0.5,0.5\ny,0.5,0.5\nw,0.5,0.5\n");
    assert!(found.starts_with("`b.csv`, line 5, `id`: `a.csv` has no row for the sample `w`;"), "{found}");
    let found = said("id,p_0,p_1\nz,0.5,0.5\nx,0.5,0.5\ny,0.5,0.5\nz,0.1,0.9\n");
    assert!(found.starts_with("`b.csv`, line 5, `id`: the id `z` is that of line 2 already;"), "{found}");
    let found = said("id,p_0,p_1\nz,0.5,0.5\nx,0.5,nan\ny,0.5,0.5\n");
    assert!(found.starts_with("`b.csv`, line 3, `p_1`: `NaN` is not finite"), "{found}");
    let found = said("id,p_0,p_1,p_2\nz,0.5,0.5,0\n");
    assert!(found.starts_with("`b.csv`: it predicts 3 classes"), "{found}");
}

#[test]
fn one_file_is_no_committee_for_functions_that_compare() {
    let (_folder, files) = committee(1, 20);
    let said = committee_sketch(&files, &plan(Acquisition::Bald, 3, 3)).unwrap_err().to_string();
    assert!(said.starts_with("`m0.csv`: `bald` compares the predictions of at least two models"), "{said}");
    let one = plan(Acquisition::Margin, 3, 3);
    assert_eq!(committee_sketch(&files, &one).unwrap(), sketch(&files[0], &one).unwrap());
    assert!(committee_sketch(&[], &one).is_err());
}

/// The two phases over members on different hosts: sketches and rows travel as bytes.
fn two_phases(files: &[PredictionFile], plan: &SketchPlan, gone: Option<usize>) -> Committee {
    let there = || files.iter().enumerate().filter(|(member, _)| Some(*member) != gone).map(|(_, file)| file);
    let sketches: Vec<(String, Sketch)> =
        there().map(|file| (file.name().to_owned(), Sketch::decode(&sketch(file, plan).unwrap().encode()).unwrap())).collect();
    let wanted = Union::of(&sketches).unwrap().ids();
    let answers = files.iter().enumerate().map(|(member, file)| {
        let answer = || Rows::decode(&rows(file, &wanted).unwrap().encode()).unwrap();
        (file.name().to_owned(), (Some(member) != gone).then(answer))
    });
    Committee::of_present(&wanted, answers.collect()).unwrap()
}

/// How many of the best samples of the whole pool are among those that the two phases find best.
fn recall(files: &[PredictionFile], acquisition: Acquisition, best: usize, candidates: usize, sample: usize) -> f64 {
    let exact = all(files, acquisition);
    let found = ranked(&two_phases(files, &plan(acquisition, candidates, sample), None), acquisition);
    let hits = exact[..best].iter().filter(|(id, _)| found[..best.min(found.len())].iter().any(|(other, _)| other == id));
    hits.count() as f64 / best as f64
}

/// The approximation in figures, for four linear models whose weights differ by a tenth. What no member is unsure of by itself
/// is missed, however much they disagree about it; with a quarter of the pool as candidates next to nothing is.
#[test]
fn two_phases_find_most_of_what_scoring_everything_finds() {
    let (_folder, files) = committee(4, 4_000);
    for (acquisition, few, some, many) in [
        (Acquisition::ConsensusEntropy, 0.99, 0.99, 0.99),
        (Acquisition::Margin, 0.5, 0.8, 0.99),
        (Acquisition::Bald, 0.3, 0.5, 0.95),
        (Acquisition::VoteEntropy, 0.5, 0.8, 0.99),
    ] {
        for (candidates, least) in [(100, few), (300, some), (1_000, many)] {
            let found = recall(&files, acquisition, 100, candidates, 100);
            println!("{acquisition}: {candidates} candidates of each member: recall {found}");
            assert!(found >= least, "{acquisition}, {candidates}: {found}");
        }
        let whole = recall(&files, acquisition, 100, 4_000, 0);
        assert!((whole - 1.0).abs() < f64::EPSILON, "{acquisition}: {whole}");
    }
}

#[test]
fn a_member_that_is_gone_is_left_out_and_named() {
    let (_folder, files) = committee(3, 200);
    let plan = plan(Acquisition::Bald, 200, 10);
    let found = two_phases(&files, &plan, Some(1));
    assert_eq!((found.members.len(), &found.absent[..]), (2, &["m1.csv".to_owned()][..]));
    let others = [&files[0], &files[2]].map(|file| (file.name().to_owned(), all_rows(file).unwrap()));
    let expected = Committee::assemble(&found.ids, others.into()).unwrap();
    assert_eq!(ranked(&found, Acquisition::Bald), ranked(&expected, Acquisition::Bald));
    let said = Committee::of_present(&[], vec![("m0.csv".to_owned(), None)]).unwrap_err().to_string();
    assert!(said.contains("all of its members are gone: `m0.csv`"), "{said}");
    let alone = Committee::of_present(
        &found.ids,
        vec![("m0.csv".to_owned(), Some(all_rows(&files[0]).unwrap())), ("x".to_owned(), None)],
    );
    let said = alone.unwrap().score(Acquisition::Bald, plan.noise).unwrap_err().to_string();
    assert!(said.contains("at least two models"), "{said}");
}
