use super::*;
use crate::columns::{History, Pending, Row};
use crate::sampler::{Hints, SamplerCache, SamplerConfig, suggest_warm};
use crate::space::{Distribution, Parameter, Space};

const MINIMIZE: &[Direction] = &[Direction::Minimize];

fn square() -> Space {
    let distribution = || Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
    let parameter = |name: &str| Parameter { name: name.to_owned(), distribution: distribution(), when: vec![] };
    Space { parameters: vec![parameter("x"), parameter("y")] }
}

fn request<'a>(space: &'a Space, history: &'a Columns) -> SuggestRequest<'a> {
    SuggestRequest {
        space,
        directions: MINIMIZE,
        history: History { chunks: &[], tail: Some(history) },
        pending: &[],
        seed: 3,
        first_number: history.len() as u32,
        count: 1,
        hints: Hints::default(),
    }
}

fn push(columns: &mut Columns, params: Vec<f64>, value: f64) {
    let number = columns.len() as u32;
    let outcome = Outcome::Complete;
    columns.push(Row { number, outcome, params, values: vec![value], violation: 0.0, last_step: None, last_value: f64::NAN });
}

/// A study on a lattice, whose best point is `goal`, with values on a scale of its own.
fn study(goal: (f64, f64), scale: f64) -> Arc<Foreign> {
    let mut columns = Columns::default();
    for at in 0..64 {
        let (x, y) = (f64::from(at % 8) / 7.0, f64::from(at / 8) / 7.0);
        push(&mut columns, vec![x, y], scale * ((x - goal.0).powi(2) + (y - goal.1).powi(2)) - 1e6);
    }
    Arc::new(Foreign { name: "first".to_owned(), columns })
}

/// Own trials of a study whose optimum is `goal`.
fn own(goal: (f64, f64), trials: usize) -> Columns {
    let mut columns = Columns::default();
    for at in 0..trials {
        let (x, y) = ((at as f64 * 0.618).fract(), (at as f64 * 0.755).fract());
        push(&mut columns, vec![x, y], (x - goal.0).powi(2) + (y - goal.1).powi(2));
    }
    columns
}

fn weight_after(history: &Columns, foreign: &[Arc<Foreign>]) -> Vec<f64> {
    let space = square();
    let request = request(&space, history);
    let mut lore = Lore::new(request.space, MINIMIZE, foreign);
    lore.catch_up(&request);
    lore.weights()
}

#[test]
fn a_study_that_agrees_is_believed_and_one_that_does_not_is_dropped() {
    let foreign = [study((0.2, 0.3), 1e9), study((0.9, 0.9), 1e-9)];
    let [fresh, _] = weight_after(&Columns::default(), &foreign)[..] else { unreachable!() };
    assert!(fresh > 0.5);
    let [agrees, differs] = weight_after(&own((0.2, 0.3), 12), &foreign)[..] else { unreachable!() };
    assert!(agrees > 0.3, "{agrees}");
    assert!(differs < 0.1, "{differs}");
}

#[test]
fn every_study_fades_as_own_trials_come() {
    let foreign = [study((0.2, 0.3), 1.0)];
    let weights: Vec<f64> = [0, 10, 40, 101].map(|trials| weight_after(&own((0.2, 0.3), trials), &foreign)[0]).to_vec();
    assert!(weights[0] > weights[2] && weights[1] > weights[2] && weights[2] > 0.0, "{weights:?}");
    assert_eq!(weights[3], 0.0);
}

#[test]
fn what_was_learnt_does_not_depend_on_how_the_history_came() {
    let (space, foreign, history) = (square(), [study((0.2, 0.3), 1.0)], own((0.4, 0.3), 30));
    let mut lore = Lore::new(&space, MINIMIZE, &foreign);
    let mut grown = Columns::default();
    for row in 0..history.len() {
        grown.push(history.row(row));
        lore.catch_up(&request(&space, &grown));
    }
    assert_eq!(lore.weights(), weight_after(&history, &foreign));
}

#[test]
fn the_best_points_come_first_each_once_and_apart() {
    let (space, foreign, mut history) = (square(), [study((0.2, 0.3), 1.0)], Columns::default());
    let lore = Lore::new(&space, MINIMIZE, &foreign);
    let plan = space.plan();
    let mut seen: Vec<Params> = Vec::new();
    while let Some(start) = lore.start(&request(&space, &history), &plan, 2 * seen.len() as u32, &[]) {
        assert!(start.why.starts_with("warm start: as trial "), "{}", start.why);
        assert!(!seen.contains(&start.params));
        push(&mut history, start.params.clone(), 0.0);
        seen.push(start.params);
    }
    assert_eq!(seen[0], [1.0 / 7.0, 2.0 / 7.0]);
    assert_eq!(seen.len(), 7, "a tenth of 64, rounded up");
    let waiting = [Pending { number: 0, params: seen[0].clone() }];
    let history = Columns::default();
    let second = lore.start(&SuggestRequest { pending: &waiting, ..request(&space, &history) }, &plan, 2, &[]).expect("another");
    assert_eq!(second.params, seen[1]);
}

#[test]
fn what_other_studies_do_not_tell_is_spread() {
    let (space, history) = (square(), Columns::default());
    let mut columns = Columns::default();
    push(&mut columns, vec![0.25, f64::NAN], 1.0);
    let lore = Lore::new(&space, MINIMIZE, &[Arc::new(Foreign { name: "x only".to_owned(), columns })]);
    let start = lore.start(&request(&space, &history), &space.plan(), 0, &[]).expect("a start");
    assert!(start.params[0] == 0.25 && (0.0..=1.0).contains(&start.params[1]));
}

/// Plays a few trials and returns the points and reasons.
fn play(kind: &str, foreign: &[Arc<Foreign>], trials: usize) -> Vec<Suggestion> {
    let (space, config) = (square(), SamplerConfig::from_kind(kind).expect("a sampler"));
    let (mut history, mut cache) = (Columns::default(), SamplerCache::default());
    let mut suggestions = Vec::new();
    for _ in 0..trials {
        let suggestion = suggest_warm(&config, &request(&space, &history), foreign, &mut cache).remove(0);
        let fresh = suggest_warm(&config, &request(&space, &history), foreign, &mut SamplerCache::default()).remove(0);
        assert_eq!(suggestion, fresh, "a warm cache changed an answer of `{kind}`");
        push(&mut history, suggestion.params.clone(), (suggestion.params[0] - 0.2).abs());
        suggestions.push(suggestion);
    }
    suggestions
}

#[test]
fn every_sampler_that_looks_at_other_studies_says_so() {
    let foreign = [study((0.2, 0.3), 1.0)];
    for (kind, word) in [("tpe", "warm start"), ("gp", "warm start"), ("nsga2", "warm start"), ("cmaes", "warm start")] {
        let played = play(kind, &foreign, 14);
        assert!(played[0].why.contains(word), "{kind}: {}", played[0].why);
        assert_ne!(played[0].params, play(kind, &[], 1)[0].params, "{kind}");
    }
    assert!(play("tpe", &foreign, 6)[5].why.contains("warm start weighs"));
    for kind in ["random", "sobol"] {
        assert_eq!(play(kind, &foreign, 5), play(kind, &[], 5));
    }
}

#[test]
fn scales_of_other_studies_do_not_matter() {
    for kind in ["tpe", "gp", "nsga2", "cmaes"] {
        let small = play(kind, &[study((0.2, 0.3), 64.0)], 12);
        assert_eq!(small, play(kind, &[study((0.2, 0.3), 64.0 * 1024.0)], 12), "{kind}");
    }
}

#[test]
fn degenerate_studies_change_nothing_or_little_and_never_panic() {
    let with = |rows: &[(Vec<f64>, f64)]| {
        let mut columns = Columns::default();
        rows.iter().for_each(|(params, value)| push(&mut columns, params.clone(), *value));
        Arc::new(Foreign { name: String::new(), columns })
    };
    let nan = f64::NAN;
    let strange = [
        with(&[]),
        with(&[(vec![nan, nan], 1.0), (vec![], 2.0)]),
        with(&[(vec![0.5, 0.5], nan)]),
        with(&[(vec![0.5, 0.5], 1.0), (vec![0.5, 0.5], 1.0)]),
        with(&[(vec![0.0, 1.0], f64::INFINITY), (vec![1.0, nan], f64::NEG_INFINITY)]),
    ];
    for kind in ["tpe", "gp", "nsga2", "cmaes"] {
        for foreign in &strange {
            play(kind, std::slice::from_ref(foreign), 14);
        }
        assert_eq!(play(kind, &strange[..1], 3), play(kind, &[], 3), "{kind}");
        play(kind, &strange, 14);
    }
}

#[test]
fn a_study_that_lacks_a_parameter_still_tells_of_the_others() {
    let mut columns = Columns::default();
    for at in 0..40 {
        let x = f64::from(at) / 39.0;
        push(&mut columns, vec![x, f64::NAN], (x - 0.2).abs());
    }
    let foreign = [Arc::new(Foreign { name: "x only".to_owned(), columns })];
    for kind in ["tpe", "cmaes"] {
        let played = play(kind, &foreign, 24);
        let drawn = played.iter().skip(6).filter(|suggestion| (suggestion.params[0] - 0.2).abs() < 0.15).count();
        assert!(drawn > 9, "{kind}: {drawn} of 18 near where the other study is good");
        assert!(
            played.iter().any(|suggestion| suggestion.params[1] > 0.6)
                && played.iter().any(|suggestion| suggestion.params[1] < 0.4)
        );
    }
}
