use proptest::prelude::*;

use super::*;
use crate::answers::Answer;
use crate::draw::{Draw, Use};
use crate::planted::{Planted, coin, plant, slip, unit};
use crate::vote;

fn top(posterior: &[f64]) -> u32 {
    let best = (0..posterior.len()).max_by(|&a, &b| posterior[a].total_cmp(&posterior[b]).then(b.cmp(&a)));
    best.expect("classes") as u32
}

fn accuracy(planted: &Planted, posteriors: &[f64]) -> f64 {
    let classes = planted.answers.classes() as usize;
    let rows = posteriors.chunks_exact(classes).zip(&planted.truths);
    rows.filter(|(row, truth)| top(row) == **truth).count() as f64 / planted.truths.len() as f64
}

fn fitted(model: Model, answers: &Answers) -> Fit {
    DawidSkene { model, ..DawidSkene::default() }.fit(answers, &[]).expect("a fit")
}

/// Annotators of every quality.
fn crowd(classes: usize) -> Vec<Vec<f64>> {
    (0..20).map(|annotator| coin(classes, 0.5 + 0.02 * f64::from(annotator))).collect()
}

/// Expectation maximisation as the paper has it, with plain products, nested lists and no smoothing: `(prior, matrices by
/// annotator, true class and answer, probabilities by item)`.
type Plain = (Vec<f64>, Vec<Vec<Vec<f64>>>, Vec<Vec<f64>>);

fn plain(answers: &Answers, iterations: u32) -> Plain {
    let classes = answers.classes() as usize;
    let mut posteriors: Vec<Vec<f64>> = vote::shares(answers).chunks_exact(classes).map(<[f64]>::to_vec).collect();
    let estimate = |posteriors: &[Vec<f64>]| {
        let items = posteriors.len() as f64;
        let prior: Vec<f64> = (0..classes).map(|class| posteriors.iter().map(|row| row[class]).sum::<f64>() / items).collect();
        let mut matrices = vec![vec![vec![0.0; classes]; classes]; answers.annotators() as usize];
        for answer in answers.list() {
            for truth in 0..classes {
                matrices[answer.annotator as usize][truth][answer.class as usize] += posteriors[answer.item as usize][truth];
            }
        }
        for row in matrices.iter_mut().flatten() {
            let total: f64 = row.iter().sum();
            row.iter_mut().for_each(|rate| *rate /= total);
        }
        (prior, matrices)
    };
    let (mut prior, mut matrices) = estimate(&posteriors);
    for _ in 0..iterations {
        for (item, row) in answers.by_item().zip(&mut posteriors) {
            for (truth, probability) in row.iter_mut().enumerate() {
                let rates = item.iter().map(|answer| matrices[answer.annotator as usize][truth][answer.class as usize]);
                *probability = prior[truth] * rates.product::<f64>();
            }
            let total: f64 = row.iter().sum();
            row.iter_mut().for_each(|probability| *probability /= total);
        }
        (prior, matrices) = estimate(&posteriors);
    }
    (prior, matrices, posteriors)
}

#[test]
fn iterations_are_those_of_the_paper() {
    let planted = plant(1, 300, &[0.2, 0.5, 0.3], &[coin(3, 0.8), coin(3, 0.6), slip(3, 0.7), coin(3, 0.7)], 4);
    for max_iterations in [1, 2, 10] {
        let settings = DawidSkene { model: Model::Full, smoothing: Smoothing::NONE, tolerance: 0.0, max_iterations };
        let fit = settings.fit(&planted.answers, &[]).expect("a fit");
        let (prior, matrices, posteriors) = plain(&planted.answers, max_iterations);
        let rates = fit.confusions.iter().flat_map(Confusion::rates);
        // Rates of what was never answered are held up by the floor.
        for (found, expected) in rates.zip(matrices.iter().flatten().flatten()) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        let found = fit.prior.iter().chain(&fit.posteriors);
        for (found, expected) in found.zip(prior.iter().chain(posteriors.iter().flatten())) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        assert_eq!((fit.iterations, fit.is_converged), (max_iterations, false));
    }
}

#[test]
fn planted_matrices_are_recovered() {
    let skewed = vec![0.9, 0.05, 0.05, 0.3, 0.6, 0.1, 0.05, 0.15, 0.8];
    let matrices = vec![coin(3, 0.9), skewed, slip(3, 0.7), coin(3, 0.6), coin(3, 0.75)];
    let prior = [0.5, 0.2, 0.3];
    let planted = plant(3, 20_000, &prior, &matrices, 4);
    let fit = fitted(Model::Full, &planted.answers);
    assert!(fit.is_converged);
    for (found, planted) in fit.prior.iter().zip(prior) {
        assert!((found - planted).abs() < 0.02, "{:?}", fit.prior);
    }
    for (found, planted) in fit.confusions.iter().zip(&matrices) {
        for (found, planted) in found.rates().iter().zip(planted) {
            assert!((found - planted).abs() < 0.03, "{found} was {planted}");
        }
    }
}

#[test]
fn estimates_beat_the_majority_where_annotators_differ() {
    let planted = plant(5, 2_000, &[0.25; 4], &crowd(4), 5);
    let fit = fitted(Model::Auto, &planted.answers);
    let (by_estimate, by_votes) = (accuracy(&planted, &fit.posteriors), accuracy(&planted, &vote::shares(&planted.answers)));
    assert!(by_estimate > by_votes + 0.005, "{by_estimate} {by_votes}");
}

#[test]
fn probabilities_are_calibrated() {
    let planted = plant(8, 5_000, &[0.5, 0.3, 0.2], &crowd(3), 3);
    let fit = fitted(Model::Auto, &planted.answers);
    let (mut sure, mut right, mut expected) = (0.0, 0.0, 0.0);
    for (row, &truth) in fit.posteriors.chunks_exact(3).zip(&planted.truths) {
        let class = top(row);
        if row[class as usize] >= 0.9 {
            sure += 1.0;
            expected += row[class as usize];
            right += f64::from(class == truth);
        }
    }
    assert!(sure > 1_000.0 && (right - expected).abs() < 0.015 * sure, "{right} of {sure}, expected {expected}");
}

#[test]
fn few_answers_keep_one_coin() {
    let planted = plant(2, 100, &[0.4, 0.3, 0.3], &[coin(3, 0.9), coin(3, 0.8), coin(3, 0.7), coin(3, 0.6)], 3);
    let fit = fitted(Model::Auto, &planted.answers);
    assert_eq!(fit.kinds, [Kind::OneCoin; 4]);
    assert_eq!(fit, fitted(Model::OneCoin, &planted.answers));
}

#[test]
fn plain_bias_and_many_answers_get_a_matrix() {
    let biased = plant(2, 1_000, &[0.4, 0.3, 0.3], &vec![slip(3, 0.65); 6], 3);
    let fit = fitted(Model::Auto, &biased.answers);
    assert_eq!(fit.kinds, [Kind::Full; 6]);
    let coins = fitted(Model::OneCoin, &biased.answers);
    let (by_matrices, by_coins) = (accuracy(&biased, &fit.posteriors), accuracy(&biased, &coins.posteriors));
    assert!(by_matrices > by_coins + 0.1, "{by_matrices} {by_coins}");
}

#[test]
fn the_one_who_is_biased_gets_a_matrix_of_their_own() {
    let mut matrices = vec![coin(3, 0.85); 5];
    matrices.push(slip(3, 0.3));
    let planted = plant(4, 1_000, &[0.4, 0.3, 0.3], &matrices, 4);
    let fit = fitted(Model::Auto, &planted.answers);
    assert_eq!(fit.kinds, [[Kind::OneCoin; 5].as_slice(), &[Kind::Full]].concat());
    assert!((fit.confusions[5].rate(0, 1) - 0.7).abs() < 0.06, "{:?}", fit.confusions[5]);
}

#[test]
fn known_classes_stay_and_teach() {
    // Two against one, and the one is right.
    let matrices = [vec![coin(2, 0.95)], vec![slip(2, 0.2); 2]].concat();
    let planted = plant(6, 400, &[0.5, 0.5], &matrices, 3);
    let gold: Vec<Gold> = (0..120).map(|item| Gold { item, class: planted.truths[item as usize] }).collect();
    let settings = DawidSkene::default();
    let without = settings.fit(&planted.answers, &[]).expect("a fit");
    let with = settings.fit(&planted.answers, &gold).expect("a fit");
    assert!(accuracy(&planted, &without.posteriors) < 0.3);
    assert!(accuracy(&planted, &with.posteriors) > 0.9);
    assert!(gold.iter().all(|known| with.posterior(known.item)[known.class as usize] == 1.0));
}

#[test]
fn one_item_alone_has_the_probability_that_the_fit_gives_it() {
    let planted = plant(7, 500, &[0.5, 0.3, 0.2], &crowd(3), 3);
    let settings = DawidSkene { tolerance: 1e-13, max_iterations: 10_000, ..DawidSkene::default() };
    let fit = settings.fit(&planted.answers, &[]).expect("a fit");
    assert!(fit.is_converged);
    for item in 0..500 {
        let known = planted.answers.of(item).iter().map(|answer| (&fit.confusions[answer.annotator as usize], answer.class));
        let alone = posterior(&fit.prior, known).expect("a posterior");
        let fitted = fit.posterior(item);
        assert!(alone.iter().zip(fitted).all(|(a, b)| (a - b).abs() < 1e-9), "{alone:?} {fitted:?}");
    }
}

#[test]
fn nobody_s_answer_rules_a_class_out() {
    let certain = Confusion::new(2, vec![1.0, 0.0, 0.0, 1.0]).expect("a matrix");
    let both = posterior(&[0.5, 0.5], [(&certain, 0), (&certain, 1)]).expect("a posterior");
    assert_eq!(both, [0.5, 0.5]);
    let three = posterior(&[0.0, 1.0], [(&certain, 0), (&certain, 0)]).expect("a posterior");
    assert!(three[0] > 0.99 && three.iter().all(|probability| probability.is_finite()), "{three:?}");
}

#[test]
fn items_and_annotators_without_answers_have_what_is_known_of_all() {
    let list = (0..40).flat_map(|item| [0, 1, 2].map(|annotator| Answer { item, annotator, class: u32::from(item % 4 == 0) }));
    let answers = Answers::new(41, 4, 2, list.collect()).expect("answers");
    let fit = fitted(Model::Auto, &answers);
    assert_eq!(fit.posterior(40), fit.prior);
    assert_eq!(fit.confusions[3], fit.newcomer);
    let empty = fitted(Model::Auto, &Answers::new(1, 1, 2, vec![]).expect("answers"));
    assert_eq!((empty.prior, empty.posteriors), (vec![0.5, 0.5], vec![0.5, 0.5]));
}

#[test]
fn accuracy_and_score_of_a_matrix_are_by_definition() {
    let matrix = Confusion::new(2, vec![0.9, 0.1, 0.4, 0.6]).expect("a matrix");
    assert!((matrix.accuracy(&[0.25, 0.75]) - 0.675).abs() < 1e-15);
    // Binary: (sensitivity + specificity − 1)².
    assert!((matrix.spammer_score() - 0.25).abs() < 1e-15);
    assert_eq!(Confusion::one_coin(4, 1.0).expect("a matrix").spammer_score(), 1.0);
    assert!(Confusion::one_coin(4, 0.25).expect("a matrix").spammer_score() < 1e-30);
}

#[test]
fn mistakes_are_named() {
    let refused = |settings: DawidSkene| {
        settings.fit(&Answers::new(1, 1, 2, vec![]).expect("answers"), &[]).expect_err("a mistake").to_string()
    };
    let base = DawidSkene::default();
    assert_eq!(refused(DawidSkene { max_iterations: 0, ..base }), "`max_iterations` must be a number from 1, not `0`");
    let smoothing = Smoothing { agree: -1.0, ..Smoothing::default() };
    assert_eq!(refused(DawidSkene { smoothing, ..base }), "`smoothing.agree` must be a number from 0, not `-1`");
    let matrix = |rates| Confusion::new(2, rates).expect_err("a mistake").to_string();
    assert_eq!(matrix(vec![1.0]), "`rates` has `1` entries and needs `4`");
    assert_eq!(matrix(vec![0.5, 0.2, 0.5, 0.5]), "`rates` must be rows that sum to 1, not `0.7`");
    let other = Confusion::one_coin(3, 0.5).expect("a matrix");
    assert_eq!(
        posterior(&[0.5, 0.5], [(&other, 0)]).expect_err("a mistake").to_string(),
        "`prior` has `2` entries and needs `3`"
    );
    let text = serde_json::to_string(&other).expect("JSON");
    assert_eq!(serde_json::from_str::<Confusion>(&text).expect("a matrix"), other);
    assert!(serde_json::from_str::<Confusion>(r#"{"classes":2,"rates":[1.0]}"#).is_err());
}

/// Feeds answers one by one.
fn online(settings: &DawidSkene, planted: &Planted) -> Online {
    let mut online = Online::new(settings, planted.answers.classes()).expect("settings");
    for &answer in &planted.list {
        online.add(answer).expect("an answer");
    }
    online
}

fn largest_difference(online: &Online, fit: &Fit, items: u32) -> f64 {
    let of = |item| {
        let rows = online.posterior(item).expect("answered").iter().zip(fit.posterior(item));
        rows.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    (0..items).map(of).fold(0.0, f64::max)
}

#[test]
fn following_answers_comes_to_rest_where_full_iterations_do() {
    let planted = plant(9, 1_000, &[0.5, 0.3, 0.2], &crowd(3), 4);
    for model in [Model::OneCoin, Model::Full] {
        let settings = DawidSkene { model, tolerance: 1e-10, max_iterations: 5_000, ..DawidSkene::default() };
        let fit = settings.fit(&planted.answers, &[]).expect("a fit");
        let mut online = online(&settings, &planted);
        for _ in 0..2_000 {
            if online.sweep() < 1e-11 {
                break;
            }
        }
        let swept = largest_difference(&online, &fit, 1_000);
        assert!(swept < 1e-6, "{model:?}: {swept}");
        for annotator in 0..20 {
            let (a, b) = (online.confusion(annotator), &fit.confusions[annotator as usize]);
            assert!(a.rates().iter().zip(b.rates()).all(|(a, b)| (a - b).abs() < 1e-6));
        }
        assert!(online.prior().iter().zip(&fit.prior).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn following_answers_labels_nearly_as_full_iterations_do() {
    let planted = plant(10, 2_000, &[0.5, 0.3, 0.2], &crowd(3), 3);
    let settings = DawidSkene::default();
    let fit = settings.fit(&planted.answers, &[]).expect("a fit");
    let mut online = online(&settings, &planted);
    let same = |online: &Online| {
        let is_same = |&item: &u32| top(online.posterior(item).expect("answered")) == top(fit.posterior(item));
        (0..2_000).filter(is_same).count()
    };
    let rows: Vec<f64> = (0..2_000).flat_map(|item| online.posterior(item).expect("answered").to_vec()).collect();
    let (followed, fitted) = (accuracy(&planted, &rows), accuracy(&planted, &fit.posteriors));
    assert!((followed - fitted).abs() < 0.01, "{followed} {fitted}");
    let before = same(&online);
    online.sweep();
    online.sweep();
    let after = same(&online);
    assert!(before > 1_850 && after > 1_960, "{before}, then {after} of 2000");
}

#[test]
fn resuming_a_fit_changes_nothing_until_an_answer_comes() {
    let planted = plant(11, 300, &[0.6, 0.4], &crowd(2), 3);
    let settings = DawidSkene { tolerance: 1e-12, max_iterations: 10_000, ..DawidSkene::default() };
    let gold = [Gold { item: 0, class: planted.truths[0] }];
    let fit = settings.fit(&planted.answers, &gold).expect("a fit");
    let mut online = Online::resume(&settings, &planted.answers, &gold, &fit).expect("a fit to these");
    assert_eq!(largest_difference(&online, &fit, 300), 0.0);
    assert!(online.sweep() < 1e-10);
    let fewer = Answers::new(299, 20, 2, vec![]).expect("answers");
    assert!(Online::resume(&settings, &fewer, &[], &fit).is_err());
}

#[test]
fn answers_taken_back_leave_nothing_behind() {
    let planted = plant(12, 60, &[0.6, 0.4], &crowd(2), 3);
    let settings = DawidSkene::default();
    let mut changed = online(&settings, &planted);
    for &answer in &planted.list[..30] {
        assert!(changed.remove(answer.item, answer.annotator));
        assert!(!changed.remove(answer.item, answer.annotator));
    }
    changed.set_known(30, Some(1)).expect("a class");
    assert_eq!(changed.posterior(30), Some(&[0.0, 1.0][..]));
    changed.set_known(30, None).expect("a class");
    assert_eq!(changed.posterior(0), None);
    let rest = Planted { list: planted.list[30..].to_vec(), ..planted };
    let mut expected = online(&settings, &rest);
    for _ in 0..500 {
        changed.sweep();
        expected.sweep();
    }
    for item in 10..60 {
        let (a, b) = (changed.posterior(item).expect("answered"), expected.posterior(item).expect("answered"));
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9), "{item}: {a:?} {b:?}");
    }
    assert_eq!(changed.add(rest.list[0]).expect_err("answered").to_string().split(':').count(), 2);
}

#[test]
fn an_annotator_who_is_new_is_described_by_the_smoothing() {
    let online = Online::new(&DawidSkene::default(), 3).expect("settings");
    assert!((online.confusion(5).rate(1, 1) - 2.0 / 3.0).abs() < 1e-15);
    assert_eq!(online.prior(), [1.0 / 3.0; 3]);
    assert_eq!(online.posterior(0), None);
}

/// Random answers, by nobody in particular.
fn random(seed: u64, items: u32, annotators: u32, classes: u32) -> Vec<Answer> {
    let mut draw = Draw::new(seed, Use::Curves, 0);
    let pairs = (0..items).flat_map(|item| (0..annotators).map(move |annotator| (item, annotator)));
    let kept: Vec<(u32, u32)> = pairs.filter(|_| unit(&mut draw) < 0.6).collect();
    kept.into_iter().map(|(item, annotator)| Answer { item, annotator, class: draw.below(classes as usize) as u32 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn probabilities_and_rates_sum_to_one(seed: u64, items in 1..15_u32, annotators in 1..6_u32, classes in 2..5_u32, model in 0..3_usize) {
        let answers = Answers::new(items, annotators, classes, random(seed, items, annotators, classes)).expect("answers");
        let model = [Model::Auto, Model::Full, Model::OneCoin][model];
        for smoothing in [Smoothing::default(), Smoothing::NONE] {
            let settings = DawidSkene { model, smoothing, ..DawidSkene::default() };
            let fit = settings.fit(&answers, &[]).expect("a fit");
            let is_whole = |row: &[f64]| (row.iter().sum::<f64>() - 1.0).abs() < 1e-8;
            prop_assert!(fit.posteriors.chunks_exact(classes as usize).all(is_whole));
            prop_assert!(is_whole(&fit.prior));
            for confusion in &fit.confusions {
                prop_assert!(confusion.rates().chunks_exact(classes as usize).all(is_whole), "{confusion:?}");
                prop_assert!((0.0..=1.0 + 1e-9).contains(&confusion.spammer_score()));
            }
        }
    }

    #[test]
    fn no_iteration_lowers_the_objective(seed: u64, is_full: bool) {
        let answers = Answers::new(12, 5, 3, random(seed, 12, 5, 3)).expect("answers");
        let model = if is_full { Model::Full } else { Model::OneCoin };
        let mut last = f64::NEG_INFINITY;
        for max_iterations in 1..25 {
            let settings = DawidSkene { model, tolerance: 0.0, max_iterations, ..DawidSkene::default() };
            let found = settings.fit(&answers, &[]).expect("a fit").log_posterior;
            prop_assert!(found >= last - 1e-9, "{last} then {found}");
            last = found;
        }
    }

    #[test]
    fn the_order_of_answers_items_annotators_and_classes_does_not_matter(seed: u64, model in 0..3_usize) {
        let (items, annotators, classes) = (12, 5, 3);
        let list = random(seed, items, annotators, classes);
        let settings = DawidSkene { model: [Model::Auto, Model::Full, Model::OneCoin][model], max_iterations: 20, ..DawidSkene::default() };
        let fit = |list: Vec<Answer>| {
            let answers = Answers::new(items, annotators, classes, list).expect("answers");
            settings.fit(&answers, &[]).expect("a fit")
        };
        let base = fit(list.clone());
        prop_assert_eq!(&base, &fit(list.iter().rev().copied().collect()));
        let mirrored = fit(list.iter().map(|answer| Answer {
            item: items - 1 - answer.item,
            annotator: annotators - 1 - answer.annotator,
            class: classes - 1 - answer.class,
        }).collect());
        for item in 0..items {
            let other = mirrored.posterior(items - 1 - item).iter().rev();
            for (a, b) in base.posterior(item).iter().zip(other) {
                prop_assert!((a - b).abs() < 1e-6, "{} {}", a, b);
            }
        }
    }
}
