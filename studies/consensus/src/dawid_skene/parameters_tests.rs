use proptest::prelude::*;

use super::*;
use crate::dawid_skene::{DawidSkene, Model};
use crate::planted::{coin, plant, slip};

fn two(annotators: Vec<Skill>) -> Parameters {
    Parameters::new(vec![0.5, 0.5], annotators, Skill::OneCoin(0.75)).expect("parameters")
}

fn near(found: &[f64], expected: &[f64]) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
}

#[test]
fn one_item_has_the_probability_of_bayes_rule() {
    let matrix = Skill::Full(vec![0.9, 0.1, 0.4, 0.6]);
    let parameters =
        Parameters::new(vec![0.2, 0.8], vec![Skill::OneCoin(0.9), matrix], Skill::OneCoin(0.75)).expect("parameters");
    near(&parameters.posterior(&[]).expect("classes"), &[0.2, 0.8]);
    // 0.2 × 0.9 × 0.1 and 0.8 × 0.1 × 0.6.
    near(&parameters.posterior(&[(0, 0), (1, 1)]).expect("classes"), &[0.018 / 0.066, 0.048 / 0.066]);
    // Nobody knows the seventh annotator.
    near(&parameters.posterior(&[(7, 0)]).expect("classes"), &[0.15 / 0.35, 0.2 / 0.35]);
}

#[test]
fn one_item_alone_has_the_probability_that_the_fit_gives_it() {
    let matrices = [vec![coin(3, 0.9), coin(3, 0.7), coin(3, 0.6)], vec![slip(3, 0.4); 2]].concat();
    let planted = plant(7, 500, &[0.5, 0.3, 0.2], &matrices, 3);
    for model in [Model::Auto, Model::Full, Model::OneCoin] {
        let settings = DawidSkene { model, tolerance: 1e-13, max_iterations: 20_000, ..DawidSkene::default() };
        let fit = settings.fit(&planted.answers, &[]).expect("a fit");
        assert!(fit.is_converged, "{model:?}");
        let parameters = fit.parameters();
        for item in 0..500 {
            let answers: Vec<(u32, u32)> =
                planted.answers.of(item).iter().map(|answer| (answer.annotator, answer.class)).collect();
            let (alone, fitted) = (parameters.posterior(&answers).expect("a posterior"), fit.posterior(item));
            assert!(alone.iter().zip(fitted).all(|(a, b)| (a - b).abs() < 1e-9), "{model:?} {alone:?} {fitted:?}");
        }
    }
}

#[test]
fn nobody_s_answer_rules_a_class_out() {
    let certain = two(vec![Skill::Full(vec![1.0, 0.0, 0.0, 1.0]), Skill::OneCoin(1.0)]);
    near(&certain.posterior(&[(0, 0), (1, 1)]).expect("classes"), &[0.5, 0.5]);
    let sure = Parameters::new(vec![0.0, 1.0], vec![Skill::OneCoin(1.0); 2], Skill::OneCoin(1.0)).expect("parameters");
    let found = sure.posterior(&[(0, 0), (1, 0)]).expect("classes");
    assert!(found[0] > 0.99 && found.iter().all(|probability| probability.is_finite()), "{found:?}");
}

#[test]
fn many_answers_of_many_classes_do_not_vanish() {
    let classes = 1_000;
    let prior = vec![1.0 / f64::from(classes); classes as usize];
    let parameters = Parameters::new(prior, vec![], Skill::OneCoin(1e-9)).expect("parameters");
    let answers: Vec<(u32, u32)> = (0..500).map(|annotator| (annotator, annotator % classes)).collect();
    let found = parameters.posterior(&answers).expect("classes");
    assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9 && found.iter().all(|probability| probability.is_finite()));
}

#[test]
fn parameters_are_written_as_plain_numbers_and_read_back() {
    let parameters = two(vec![Skill::OneCoin(0.9), Skill::Full(vec![0.75, 0.25, 0.5, 0.5])]);
    let text = serde_json::to_string(&parameters).expect("JSON");
    assert_eq!(
        text,
        r#"{"prior":[0.5,0.5],"annotators":[{"one_coin":0.9},{"full":[0.75,0.25,0.5,0.5]}],"newcomer":{"one_coin":0.75}}"#
    );
    assert_eq!(serde_json::from_str::<Parameters>(&text).expect("parameters"), parameters);
    for (from, to) in [
        ("[0.5,0.5]", "[0.5,0.6]"),
        ("0.9", "1.9"),
        ("0.75,0.25,", "0.75,0.35,"),
        (",0.5,0.5]}", ",0.5]}"),
        ("[0.5,0.5]", "[1.0]"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(serde_json::from_str::<Parameters>(&changed).is_err(), "{changed}");
    }
}

#[test]
fn mistakes_are_named() {
    let parameters = two(vec![]);
    let message = |answers: &[(u32, u32)]| parameters.posterior(answers).expect_err("a mistake").to_string();
    assert_eq!(message(&[(0, 2)]), "class `2` is unknown: there are `2`, counted from 0");
    assert_eq!(message(&[(4, 0), (0, 1), (4, 1)]), "annotator `4` has two answers to one item: leave out the older one");
    let refused = |prior, newcomer| Parameters::new(prior, vec![], newcomer).expect_err("a mistake").to_string();
    assert_eq!(refused(vec![1.0], Skill::OneCoin(0.5)), "there must be at least 2 classes to choose between, not `1`");
    assert_eq!(refused(vec![0.5, 0.5], Skill::OneCoin(f64::NAN)), "`accuracy` must be a number from 0 to 1, not `NaN`");
    assert_eq!(refused(vec![0.5, 0.5], Skill::Full(vec![1.0])), "`rates` has `1` entries and needs `4`");
}

proptest! {
    #[test]
    fn the_order_of_answers_changes_no_bit(
        classes in prop::collection::vec(0..3_u32, 0..8),
        skills in prop::collection::vec(0.0..1.0, 4),
        turn in 0..8_usize,
    ) {
        let skills = skills.into_iter().map(Skill::OneCoin).collect();
        let parameters = Parameters::new(vec![0.2, 0.3, 0.5], skills, Skill::OneCoin(0.6)).expect("parameters");
        let answers: Vec<(u32, u32)> = (0..).zip(classes).collect();
        let mut turned = answers.clone();
        turned.reverse();
        let turn = if turned.is_empty() { 0 } else { turn % turned.len() };
        turned.rotate_left(turn);
        let found = parameters.posterior(&answers).expect("classes");
        prop_assert_eq!(&found, &parameters.posterior(&turned).expect("classes"));
        prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
