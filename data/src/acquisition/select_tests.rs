use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{Acquisition, Block, Candidates, Diversity, Kind, Mixture, Plan, PlanSettings, Points, SelectError};
use super::Batch;
use crate::Hash;

const CLASSES: usize = 3;
const DIMENSIONS: usize = 2;

/// What up to three members say of two target samples.
const TARGETS: &[&[f64]] = &[&[0.5, 0.3, 0.2, 0.1, 0.1, 0.8], &[0.2, 0.6, 0.2, 0.1, 0.2, 0.7], &[0.1, 0.1, 0.8, 0.3, 0.3, 0.4]];

/// What is known of some samples, as a caller may have it.
#[derive(Clone, Debug)]
struct Pool {
    ids: Vec<String>,
    members: Vec<Vec<f64>>,
    embeddings: Vec<f32>,
    costs: Vec<f64>,
    contents: Vec<Hash>,
    labelled: Vec<f32>,
}

impl Pool {
    fn choose(&self, plan: &Plan, count: usize, seed: u64) -> Result<Batch, SelectError> {
        let slices: Vec<&[f64]> = self.members.iter().map(Vec::as_slice).collect();
        let block = Block::new(Kind::Probabilities { classes: CLASSES }, &slices)?;
        let mut candidates = Candidates::new(self.ids.iter().map(String::as_str))
            .with_predictions(block)
            .with_embeddings(Points::of_f32(&self.embeddings, DIMENSIONS)?)
            .with_costs(&self.costs)
            .with_contents(&self.contents, &[])
            .with_targets(Block::new(Kind::Probabilities { classes: CLASSES }, TARGETS.get(..slices.len()).unwrap_or_default())?);
        if !self.labelled.is_empty() {
            candidates = candidates.with_labelled(Points::of_f32(&self.labelled, DIMENSIONS)?);
        }
        plan.choose(&candidates, count, seed)
    }

    /// The same samples in another order.
    fn in_order(&self, order: &[usize]) -> Self {
        let rows = |values: &[f64], width: usize| -> Vec<f64> {
            order.iter().flat_map(|row| values[row * width..(row + 1) * width].to_vec()).collect()
        };
        let embeddings = order.iter().flat_map(|row| self.embeddings[row * DIMENSIONS..(row + 1) * DIMENSIONS].to_vec());
        let labelled: Vec<&[f32]> = self.labelled.chunks(DIMENSIONS).rev().collect();
        Self {
            ids: order.iter().map(|row| self.ids[*row].clone()).collect(),
            members: self.members.iter().map(|member| rows(member, CLASSES)).collect(),
            embeddings: embeddings.collect(),
            costs: rows(&self.costs, 1),
            contents: order.iter().map(|row| self.contents[*row]).collect(),
            labelled: labelled.concat(),
        }
    }

    fn distance(&self, row: usize, point: &[f32]) -> f64 {
        let own = &self.embeddings[row * DIMENSIONS..];
        own.iter().zip(point).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
    }

    fn point(&self, row: usize) -> &[f32] {
        &self.embeddings[row * DIMENSIONS..(row + 1) * DIMENSIONS]
    }

    /// The ids that a batch chose, with their scores, ranks and parts.
    fn shown(&self, batch: &Batch) -> Vec<(String, Acquisition, f64, usize)> {
        batch.choices.iter().map(|choice| (self.ids[choice.row].clone(), choice.method, choice.score, choice.rank)).collect()
    }

    fn key(&self, row: usize, seed: u64) -> [u8; 32] {
        *blake3::hash(&[&seed.to_le_bytes(), self.ids[row].as_bytes()].concat()).as_bytes()
    }
}

fn plan(settings: PlanSettings) -> Plan {
    Plan::new(settings).unwrap()
}

fn of(method: Acquisition, diversity: Diversity) -> PlanSettings {
    PlanSettings { method: method.into(), diversity, ..PlanSettings::default() }
}

fn row() -> impl Strategy<Value = Vec<f64>> {
    // Few different numbers, so that there are ties.
    prop::collection::vec(1..4_u8, CLASSES).prop_map(|weights| {
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        weights.iter().map(|weight| f64::from(*weight) / sum).collect()
    })
}

/// Pools with ties, equal contents and equal points; rows of one member may be missing.
fn pool(members: usize) -> impl Strategy<Value = Pool> {
    (1..30_usize).prop_flat_map(move |rows| {
        let member = prop::collection::vec((row(), 0..8_u8), rows).prop_map(move |rows| {
            let missing = |lot: u8| lot == 0 && members > 1;
            rows.into_iter().flat_map(|(row, lot)| if missing(lot) { vec![f64::NAN; CLASSES] } else { row }).collect()
        });
        (
            prop::collection::vec(member, members),
            prop::collection::vec((0..6_i8).prop_map(|at| f32::from(at) / 4.0), rows * DIMENSIONS),
            prop::collection::vec(1..4_u8, rows),
            prop::collection::vec(0..20_u8, rows),
            prop::collection::vec([0..6_i8, 0..6_i8], 0..4),
        )
            .prop_map(|(members, embeddings, costs, contents, labelled)| Pool {
                ids: (0..costs.len()).map(|row| format!("sample-{row}")).collect(),
                members,
                embeddings,
                costs: costs.into_iter().map(f64::from).collect(),
                labelled: labelled.into_iter().flatten().map(|at| f32::from(at) / 4.0).collect(),
                contents: contents.iter().map(|content| Hash::of(&[*content])).collect(),
            })
    })
}

fn shuffled(pool: Pool) -> impl Strategy<Value = (Pool, Vec<usize>)> {
    let order: Vec<usize> = (0..pool.ids.len()).collect();
    (Just(pool), Just(order).prop_shuffle())
}

fn settings() -> impl Strategy<Value = PlanSettings> {
    let methods: Vec<Acquisition> = Acquisition::ALL
        .into_iter()
        .filter(|method| method.check_kind(Kind::Probabilities { classes: CLASSES }).is_ok())
        .collect();
    let diversity = prop::sample::select(vec![Diversity::None, Diversity::KCenter, Diversity::KMeansPp]);
    let places = vec!["auto", "embedding", "probabilities", "gradient"];
    (
        prop::collection::btree_map(prop::sample::select(methods), 1..4_u8, 1..4),
        diversity,
        prop::sample::select(places),
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        prop::option::of(0.0..0.4),
        prop::option::of(1.0..20.0),
    )
        .prop_map(|(method, diversity, place, (is_balanced, per_cost, is_away, is_dense), near_duplicates, budget)| {
            let parts: Vec<(Acquisition, f64)> = method.into_iter().map(|(part, share)| (part, share.into())).collect();
            PlanSettings {
                method: Mixture::new(&parts).unwrap(),
                diversity,
                space: serde_json::from_str(&format!("\"{place}\"")).unwrap(),
                class_balanced: is_balanced,
                per_cost,
                away_from_labelled: is_away && matches!(place, "auto" | "embedding"),
                density: if is_dense { 1.0 } else { 0.0 },
                near_duplicates,
                budget,
                ..PlanSettings::default()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn neither_order_of_rows_nor_threads_matter(
        (pool, order) in pool(3).prop_flat_map(shuffled), settings in settings(), count in 0..12_usize, seed in any::<u64>(),
    ) {
        let plan = plan(settings);
        let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let first = on(1).install(|| pool.choose(&plan, count, seed)).unwrap();
        let expected = pool.shown(&first);
        let other = pool.in_order(&order);
        let second = on(3).install(|| other.choose(&plan, count, seed)).unwrap();
        prop_assert_eq!(other.shown(&second), expected);
    }

    #[test]
    fn a_batch_keeps_every_promise_of_its_plan(
        pool in pool(3), settings in settings(), count in 0..12_usize, seed in any::<u64>(),
    ) {
        let batch = pool.choose(&plan(settings.clone()), count, seed).unwrap();
        let rows: Vec<usize> = batch.choices.iter().map(|choice| choice.row).collect();
        prop_assert!(rows.len() <= count);
        prop_assert_eq!(rows.iter().map(|row| pool.contents[*row]).collect::<BTreeSet<_>>().len(), rows.len());
        if let Some(distance) = settings.near_duplicates {
            for (place, row) in rows.iter().enumerate() {
                for other in &rows[..place] {
                    prop_assert!(pool.distance(*row, pool.point(*other)) > distance);
                }
                for labelled in pool.labelled.chunks(DIMENSIONS) {
                    prop_assert!(pool.distance(*row, labelled) > distance);
                }
            }
        }
        if let Some(budget) = settings.budget {
            prop_assert!(rows.iter().map(|row| pool.costs[*row]).sum::<f64>() <= budget + 1e-9);
        }
        for choice in &batch.choices {
            prop_assert!(pool.members.iter().any(|member| !member[choice.row * CLASSES].is_nan()));
            prop_assert!(!choice.score.is_nan() && choice.rank >= 1);
        }
        if rows.len() < count {
            // Nothing is left that might have been chosen.
            let taken: BTreeSet<Hash> = rows.iter().map(|row| pool.contents[*row]).collect();
            let spent: f64 = rows.iter().map(|row| pool.costs[*row]).sum();
            for row in 0..pool.ids.len() {
                let is_predicted = pool.members.iter().any(|member| !member[row * CLASSES].is_nan());
                let is_near = settings.near_duplicates.is_some_and(|distance| {
                    rows.iter().any(|other| pool.distance(row, pool.point(*other)) <= distance + 1e-9)
                        || pool.labelled.chunks(DIMENSIONS).any(|labelled| pool.distance(row, labelled) <= distance + 1e-9)
                });
                let is_dear = settings.budget.is_some_and(|budget| spent + pool.costs[row] > budget - 1e-9);
                prop_assert!(!is_predicted || is_near || is_dear || taken.contains(&pool.contents[row]), "row {} is free", row);
            }
        }
    }

    #[test]
    fn single_scores_are_chosen_from_the_top_and_ties_by_the_hash(mut pool in pool(1), count in 1..12_usize, seed in any::<u64>()) {
        pool.contents = (0..pool.ids.len()).map(|row| Hash::of(&row.to_le_bytes())).collect();
        let batch = pool.choose(&plan(of(Acquisition::Margin, Diversity::None)), count, seed).unwrap();
        let slices: [&[f64]; 1] = [&pool.members[0]];
        let mut scores = vec![0.0; pool.ids.len()];
        let block = Block::new(Kind::Probabilities { classes: CLASSES }, &slices).unwrap();
        Acquisition::Margin.score_rows(&block, &mut scores).unwrap();
        let mut order: Vec<usize> = (0..pool.ids.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(pool.key(*a, seed).cmp(&pool.key(*b, seed))));
        order.truncate(count);
        prop_assert_eq!(batch.choices.iter().map(|choice| choice.row).collect::<Vec<_>>(), order);
        for (place, choice) in batch.choices.iter().enumerate() {
            prop_assert_eq!((choice.score, choice.rank, choice.distance), (scores[choice.row], place + 1, None));
        }
    }

    #[test]
    fn core_set_is_farthest_first_by_brute_force(mut pool in pool(1), count in 1..12_usize, seed in any::<u64>()) {
        pool.contents = (0..pool.ids.len()).map(|row| Hash::of(&row.to_le_bytes())).collect();
        let batch = pool.choose(&plan(of(Acquisition::CoreSet, Diversity::KCenter)), count, seed).unwrap();
        let all: Vec<usize> = (0..pool.ids.len()).collect();
        let centres: Vec<Vec<f32>> = pool.labelled.chunks(DIMENSIONS).map(<[f32]>::to_vec).collect();
        let expected = brute_force(&pool, &all, centres, count, |row| pool.key(row, seed));
        prop_assert_eq!(batch.choices.iter().map(|choice| choice.row).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn diversity_is_farthest_first_among_the_best(mut pool in pool(1), count in 1..6_usize, seed in any::<u64>(), is_away: bool) {
        pool.contents = (0..pool.ids.len()).map(|row| Hash::of(&row.to_le_bytes())).collect();
        let settings = PlanSettings { prefilter: 2.5, away_from_labelled: is_away, ..of(Acquisition::Entropy, Diversity::KCenter) };
        let batch = pool.choose(&plan(settings), count, seed).unwrap();
        let whole = pool.choose(&plan(of(Acquisition::Entropy, Diversity::None)), pool.ids.len(), seed).unwrap();
        let best: Vec<usize> = whole.choices.iter().map(|choice| choice.row).take((2.5 * count as f64).ceil() as usize).collect();
        let labelled = if is_away { pool.labelled.as_slice() } else { &[] };
        let centres: Vec<Vec<f32>> = labelled.chunks(DIMENSIONS).map(<[f32]>::to_vec).collect();
        let place = |row| best.iter().position(|other| *other == row);
        let expected = brute_force(&pool, &best, centres, count, place);
        prop_assert_eq!(batch.choices.iter().map(|choice| choice.row).collect::<Vec<_>>(), expected);
        for choice in &batch.choices {
            prop_assert_eq!(Some(choice.rank - 1), place(choice.row));
        }
    }

    #[test]
    fn parts_choose_their_shares(rows in 10..40_usize, shares in prop::collection::vec(1..6_u8, 3), count in 1..10_usize) {
        let parts = [Acquisition::Random, Acquisition::Margin, Acquisition::CoreSet];
        let parts: Vec<(Acquisition, f64)> = parts.into_iter().zip(shares.into_iter().map(f64::from)).collect();
        let mixture = Mixture::new(&parts).unwrap();
        let pool = simple(&(0..rows).map(|row| [0.5, 0.3, 0.2, row as f64, 1.0]).collect::<Vec<_>>());
        let settings = PlanSettings { method: mixture.clone(), ..PlanSettings::default() };
        let batch = pool.choose(&plan(settings), count, 3).unwrap();
        prop_assert_eq!(batch.choices.len(), count);
        for ((part, _), share) in mixture.parts().iter().zip(mixture.divide(count)) {
            prop_assert_eq!(batch.choices.iter().filter(|choice| choice.method == *part).count(), share);
        }
    }
}

/// Farthest-first by looking at everything: of equally far rows the one with the lowest key.
fn brute_force<K: Ord>(
    pool: &Pool,
    rows: &[usize],
    mut centres: Vec<Vec<f32>>,
    count: usize,
    key: impl Fn(usize) -> K,
) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count.min(rows.len()) {
        let far = |row: usize| centres.iter().map(|centre| pool.distance(row, centre)).fold(f64::INFINITY, f64::min);
        let left = rows.iter().copied().filter(|row| !chosen.contains(row));
        let next = left.max_by(|a, b| far(*a).total_cmp(&far(*b)).then(key(*b).cmp(&key(*a)))).unwrap();
        centres.push(pool.point(next).to_vec());
        chosen.push(next);
    }
    chosen
}

/// One model, each row three probabilities, a place on a line, and a cost.
fn simple(rows: &[[f64; 5]]) -> Pool {
    Pool {
        ids: (0..rows.len()).map(|row| format!("sample-{row}")).collect(),
        members: vec![rows.iter().flat_map(|row| row[..3].to_vec()).collect()],
        embeddings: rows.iter().flat_map(|row| [row[3] as f32, 0.0]).collect(),
        costs: rows.iter().map(|row| row[4]).collect(),
        contents: (0..rows.len()).map(|row| Hash::of(&row.to_le_bytes())).collect(),
        labelled: Vec::new(),
    }
}

fn rows(batch: &Batch) -> Vec<usize> {
    batch.choices.iter().map(|choice| choice.row).collect()
}

#[test]
fn scores_per_cost_prefer_the_cheap_and_a_budget_takes_what_it_pays_for() {
    // Margins 0.9, 0.8 and 0.5.
    let pool = simple(&[[0.5, 0.4, 0.1, 0.0, 9.0], [0.5, 0.3, 0.2, 1.0, 2.0], [0.7, 0.2, 0.1, 2.0, 1.0]]);
    let settings = of(Acquisition::Margin, Diversity::None);
    assert_eq!(rows(&pool.choose(&plan(settings.clone()), 2, 0).unwrap()), [0, 1]);
    let per_cost = PlanSettings { per_cost: true, ..settings.clone() };
    let batch = pool.choose(&plan(per_cost), 3, 0).unwrap();
    assert_eq!(rows(&batch), [2, 1, 0]);
    assert!((batch.choices[1].score - 0.4).abs() < 1e-12);
    let budget = PlanSettings { budget: Some(3.0), ..settings };
    let batch = pool.choose(&plan(budget), 3, 0).unwrap();
    assert_eq!((rows(&batch), batch.refused.too_dear), (vec![1, 2], 1));
}

#[test]
fn a_budget_that_is_just_used_up_is_not_lost_to_rounding() {
    let pool = simple(&[[0.5, 0.4, 0.1, 0.0, 0.1]; 3]);
    let settings = PlanSettings { budget: Some(0.3), ..of(Acquisition::Margin, Diversity::None) };
    assert_eq!(pool.choose(&plan(settings), 3, 0).unwrap().choices.len(), 3);
}

#[test]
fn balanced_batches_take_from_each_predicted_class_in_turn() {
    // Four rows of the first class are the least sure; the second has two, the third one.
    let unsure = |place: f64| [0.4, 0.35, 0.25, place, 1.0];
    let second = |place: f64| [0.2, 0.7, 0.1, place, 1.0];
    let all = [unsure(0.0), unsure(1.0), unsure(2.0), unsure(3.0), second(4.0), second(5.0), [0.05, 0.05, 0.9, 6.0, 1.0]];
    let pool = simple(&all);
    for diversity in [Diversity::None, Diversity::KCenter, Diversity::KMeansPp] {
        for (count, expected) in [(3, [1, 1, 1]), (5, [2, 2, 1]), (7, [4, 2, 1])] {
            let settings = PlanSettings { class_balanced: true, ..of(Acquisition::Margin, diversity) };
            let mut found = [0; 3];
            for row in rows(&pool.choose(&plan(settings), count, 1).unwrap()) {
                found[[0, 0, 0, 0, 1, 1, 2][row]] += 1;
            }
            assert_eq!(found, expected, "{count} by {diversity:?}");
        }
    }
}

#[test]
fn density_multiplies_scores() {
    // Equal margins; three lie together, one far away.
    let pool = simple(&[0.0, 0.1, 0.2, 50.0].map(|place| [0.5, 0.4, 0.1, place, 1.0]));
    let settings = PlanSettings { density: 2.0, ..of(Acquisition::Margin, Diversity::None) };
    let batch = pool.choose(&plan(settings), 4, 0).unwrap();
    assert_eq!((batch.choices[0].row, batch.choices[3].row), (1, 3));
    let density = (1.0 + 2.0 / 1.1 + 1.0 / 50.9) / 4.0;
    assert!((batch.choices[0].score - 0.9 * f64::powi(density, 2)).abs() < 1e-6, "{}", batch.choices[0].score);
}

#[test]
fn typical_samples_of_clusters_without_a_label_are_chosen() {
    // Three heaps; the last has a label.
    let places = [0.0, 0.1, 0.3, 10.0, 10.2, 10.3, 10.5, 20.0, 20.1];
    let mut pool = simple(&places.map(|place| [0.5, 0.4, 0.1, place, 1.0]));
    pool.labelled = vec![20.05, 0.0];
    let batch = pool.choose(&plan(of(Acquisition::TypiClust, Diversity::KCenter)), 2, 5).unwrap();
    // The larger heap first; of each the one with the nearest neighbours.
    assert_eq!(rows(&batch)[1], 1);
    assert!([4, 5].contains(&rows(&batch)[0]), "{batch:?}");
}

#[test]
fn balls_cover_most_first() {
    let places = [0.0, 0.5, 1.0, 5.0, 5.5, 9.0];
    let pool = simple(&places.map(|place| [0.5, 0.4, 0.1, place, 1.0]));
    let settings = PlanSettings { radius: Some(0.6), ..of(Acquisition::ProbCover, Diversity::KCenter) };
    let batch = pool.choose(&plan(settings), 3, 0).unwrap();
    let scores: Vec<f64> = batch.choices.iter().map(|choice| choice.score).collect();
    assert_eq!((batch.choices[0].row, scores, batch.choices[2].row), (1, vec![3.0, 2.0, 1.0], 5));
}

#[test]
fn badge_begins_with_the_longest_gradient() {
    let pool = simple(&[[0.4, 0.3, 0.3, 1.0, 1.0], [0.9, 0.05, 0.05, 4.0, 1.0], [0.4, 0.3, 0.3, 3.0, 1.0]]);
    let batch = pool.choose(&plan(of(Acquisition::Badge, Diversity::KCenter)), 3, 0).unwrap();
    assert_eq!(batch.choices[0].row, 2);
    assert_eq!(batch.choices.len(), 3);
}

#[test]
fn parts_give_up_what_others_chose_and_what_they_cannot_fill() {
    // BADGE and margin both prefer the first row; random has it by then or not.
    let pool = simple(&[[0.5, 0.4, 0.1, 0.0, 1.0], [0.6, 0.3, 0.1, 1.0, 1.0]]);
    let method = Mixture::parse("margin=0.5,entropy=0.5").unwrap();
    let batch = pool.choose(&plan(PlanSettings { method, ..PlanSettings::default() }), 5, 0).unwrap();
    let mut found = rows(&batch);
    found.sort_unstable();
    assert_eq!(found, [0, 1]);
}

#[test]
fn without_predictions_the_geometric_functions_choose() {
    let ids: Vec<String> = (0..5).map(|row| row.to_string()).collect();
    let places = [0.0, 0.1, 5.0, 5.1, 9.0_f64];
    let bare = Candidates::new(ids.iter().map(String::as_str)).with_embeddings(Points::of_f64(&places, 1).unwrap());
    for method in [Acquisition::TypiClust, Acquisition::CoreSet, Acquisition::KMeansPlusPlus, Acquisition::ProbCover] {
        let batch = plan(of(method, Diversity::KCenter)).choose(&bare, 2, 1).unwrap();
        assert_eq!(batch.choices.len(), 2, "{method}");
    }
    assert_eq!(plan(of(Acquisition::Random, Diversity::KCenter)).choose(&bare, 9, 1).unwrap().choices.len(), 5);
    assert_eq!(
        Plan::default().choose(&bare, 2, 1).unwrap_err().to_string(),
        "`margin` needs predictions; give them, or use `typiclust`, `core_set` or `random`"
    );
}

#[test]
fn regressions_are_chosen_by_spread_with_or_without_a_place() {
    let ids = ["a", "b", "c"];
    let members: [&[f64]; 1] = [&[0.0, 1.0, 0.0, 3.0, 0.0, 2.0]];
    let block = Block::new(Kind::Spread, &members).unwrap();
    let settings = of(Acquisition::Spread, Diversity::KCenter);
    let batch = plan(settings).choose(&Candidates::new(ids).with_predictions(block), 2, 0).unwrap();
    assert_eq!(rows(&batch), [1, 2]);
    assert_eq!(batch.choices[1].distance, None);
}

#[test]
fn what_a_plan_lacks_is_named() {
    let pool = simple(&[[0.5, 0.4, 0.1, 0.0, 1.0], [0.6, 0.3, 0.1, 1.0, 1.0]]);
    let slices: [&[f64]; 1] = [&pool.members[0]];
    let block = Block::new(Kind::Probabilities { classes: CLASSES }, &slices).unwrap();
    let bare = Candidates::new(["a", "b"]).with_predictions(block);
    let refused =
        |settings: PlanSettings, candidates: &Candidates<'_>| plan(settings).choose(candidates, 1, 0).unwrap_err().to_string();
    let none = PlanSettings::default();
    assert_eq!(
        refused(PlanSettings { budget: Some(1.0), ..none.clone() }, &bare),
        "`budget` needs costs; give what each label costs"
    );
    assert_eq!(
        refused(PlanSettings { near_duplicates: Some(0.0), ..none.clone() }, &bare),
        "`near_duplicates` needs embeddings; write them beside the predictions, or leave it out"
    );
    assert!(refused(PlanSettings { away_from_labelled: true, ..none.clone() }, &bare).starts_with("`away_from_labelled`"));
    assert!(refused(of(Acquisition::Badge, Diversity::None), &bare).starts_with("`badge` needs an embedding"));
    assert!(refused(of(Acquisition::Bald, Diversity::None), &bare).starts_with("`bald` compares"));
    assert_eq!(
        refused(none.clone(), &Candidates::new(["a", "a"]).with_predictions(block)),
        "the id `a` is that of rows 0 and 1; give each sample one row"
    );
    assert_eq!(
        refused(none.clone(), &Candidates::new(["a"]).with_predictions(block)),
        "the list of predictions has 2 numbers, not 1"
    );
    assert_eq!(
        refused(none.clone(), &bare.clone().with_costs(&[1.0, 0.0])),
        "the cost of `b` is `0`; write a number above 0, or no costs at all"
    );
    let scores: [&[f64]; 1] = [&[-1.0, 2.0]];
    let scores = Candidates::new(["a", "b"]).with_predictions(Block::new(Kind::Score, &scores).unwrap());
    let per_cost = PlanSettings { per_cost: true, ..of(Acquisition::Score, Diversity::None) };
    assert_eq!(
        refused(per_cost, &scores.with_costs(&[1.0, 1.0])),
        "the score of `a` is `-1`; write scores of 0 or more for `density` and `per_cost`"
    );
}
