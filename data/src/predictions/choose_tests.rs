//! Batches: how many are drawn at random, which ones, and in what order they are asked.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::{
    acquisition::{Acquisition, Diversity, Mixture, Noise, OrderKey, PlanSettings},
    predictions::{Beside, Excluded, PredictionFile, Wish, gather},
};

const SEED: u64 = 5;
const POOL: u32 = 400;

/// A pool whose samples are the less certain the higher their number, with embeddings on a line and costs.
fn pool() -> (tempfile::TempDir, PredictionFile) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "id,p:cat,p:dog,embedding_0,cost\n".to_owned();
    for sample in 0..POOL {
        let p = 1.0 - f64::from(sample) / f64::from(2 * POOL);
        text += &format!("s{sample},{p},{},{},{}\n", 1.0 - p, sample % 7, 1 + sample % 3);
    }
    let path = folder.path().join("pool.csv");
    fs::write(&path, text).unwrap();
    let file = PredictionFile::open_as(&path, "pool.csv", &Beside::default()).unwrap();
    (folder, file)
}

fn gathered(methods: &[Acquisition], excluded: &[&str]) -> Gathered {
    let (_folder, file) = pool();
    let wish = Wish {
        acquisitions: methods.to_vec(),
        noise: Noise { seed: SEED, beta: 1.0 },
        candidates: 100,
        sample: 50,
        excluded: Excluded::of_ids(excluded.iter().copied()),
    };
    gather(&[file], &wish).unwrap()
}

fn plan(method: &str, count: usize, change: impl FnOnce(&mut PlanSettings)) -> BatchPlan {
    let mut settings = PlanSettings { method: Mixture::parse(method).unwrap(), ..PlanSettings::default() };
    change(&mut settings);
    BatchPlan { plan: Plan::new(settings).unwrap(), count, seed: SEED, control: 0.1, round: 0 }
}

fn number(chosen: &Chosen) -> u32 {
    chosen.id[1..].parse().unwrap()
}

/// The first ids of the draw over the whole pool, without a look at any prediction.
fn drawn(count: usize, excluded: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> =
        (0..POOL).map(|sample| format!("s{sample}")).filter(|id| !excluded.contains(&id.as_str())).collect();
    ids.sort_by_key(|id| OrderKey::of_control(SEED, id.as_bytes()));
    ids.truncate(count);
    ids
}

#[test]
fn the_control_slice_is_drawn_from_the_whole_pool_whatever_chooses_the_others() {
    let excluded = drawn(2, &[]);
    let excluded: Vec<&str> = excluded.iter().map(String::as_str).collect();
    for method in ["margin", "random", "core_set", "margin=0.5,random=0.5"] {
        let parts: Vec<Acquisition> = Mixture::parse(method).unwrap().parts().iter().map(|(part, _)| *part).collect();
        let batch = choose(&gathered(&parts, &excluded), &plan(method, 40, |_| ())).unwrap().samples;
        let control: Vec<String> = batch.iter().filter(|one| one.is_control).map(|one| one.id.clone()).collect();
        assert_eq!(control, drawn(4, &excluded), "{method}");
        let ids: BTreeSet<&str> = batch.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((ids.len(), batch.len()), (40, 40), "{method}");
        assert!(batch.is_sorted_by(|a, b| a.priority >= b.priority), "{method}");
    }
}

#[test]
fn control_samples_stand_among_the_others_with_their_priorities_and_predictions_are_named() {
    let batch = choose(&gathered(&[Acquisition::Margin], &[]), &plan("margin", 20, |it| it.diversity = Diversity::None)).unwrap();
    let at: Vec<usize> = (0..20).filter(|place| batch.samples[*place].is_control).collect();
    assert_eq!(at, [5, 15]);
    assert_eq!(batch.samples[5].priority, batch.samples[4].priority);
    let informed: Vec<u32> = batch.samples.iter().filter(|one| !one.is_control).map(number).collect();
    let control: Vec<u32> = batch.samples.iter().filter(|one| one.is_control).map(number).collect();
    let expected: Vec<u32> = (0..POOL).rev().filter(|sample| !control.contains(sample)).take(18).collect();
    assert_eq!(informed, expected);
    let Some(Prediction::Class { class: 0, confidence }) = batch.samples[0].prediction else { panic!("no prediction") };
    assert!((confidence - (1.0 - f64::from(informed[0]) / 800.0)).abs() < 1e-12);
}

#[test]
fn budgets_pay_for_the_control_slice_and_near_duplicates_are_passed_over() {
    let gathered = gathered(&[Acquisition::Margin], &[]);
    let batch = choose(&gathered, &plan("margin", 40, |it| it.budget = Some(30.0))).unwrap();
    let spent: u32 = batch.samples.iter().map(|one| 1 + number(one) % 3).sum();
    assert!(spent <= 30 && batch.samples.len() < 40 && batch.refused.too_dear > 0, "{spent}");
    let batch = choose(&gathered, &plan("margin", 40, |it| it.near_duplicates = Some(0.0))).unwrap();
    let places: Vec<u32> = batch.samples.iter().filter(|one| !one.is_control).map(|one| number(one) % 7).collect();
    assert_eq!(places.len(), 7);
    let wrong = BatchPlan { control: 1.5, ..plan("margin", 4, |_| ()) };
    assert_eq!(choose(&gathered, &wrong).unwrap_err().to_string(), "`control` is `1.5`; write a share from 0 to 1");
}

#[test]
fn a_committee_has_targets_in_what_was_drawn() {
    let (_one_folder, one) = pool();
    let (_two_folder, two) = pool();
    let wish = Wish {
        acquisitions: vec![Acquisition::Epig],
        noise: Noise { seed: SEED, beta: 1.0 },
        candidates: 60,
        sample: 30,
        excluded: Excluded::default(),
    };
    let gathered = gather(&[one, two], &wish).unwrap();
    let batch = choose(&gathered, &plan("epig", 10, |_| ())).unwrap();
    assert_eq!(batch.samples.len(), 10);
    let none = Gathered { sample: Vec::new(), ..gathered };
    let said = choose(&none, &plan("epig", 10, |_| ())).unwrap_err().to_string();
    assert!(said.contains("needs predictions for the target samples"), "{said}");
}

proptest! {
    #[test]
    fn control_slices_add_up_over_rounds(count in 1_usize..60, control in 0.0..1.0_f64, rounds in 1_u32..40) {
        let of = |round| BatchPlan { control, round, ..plan("margin", count, |_| ()) }.control_count();
        let all: usize = (0..rounds).map(of).sum();
        let due = f64::from(rounds) * count as f64 * control;
        let least = if count >= 10 { rounds as usize } else { 0 };
        prop_assert!(all as f64 <= due + least as f64 + 1e-6);
        prop_assert!(all as f64 > due - 1.0 - 1e-6);
    }
}
