use std::cell::RefCell;

use super::*;
use crate::columns::{Columns, History, Outcome, Row};
use crate::sampler::Hints;
use crate::sampler::gp::model::Scratch;
use crate::sampler::gp::records::records;
use crate::space::{Distribution, Parameter, Space};

#[test]
fn fits_fall_due_less_often_as_the_history_grows() {
    assert_eq!([0, 1, 40, 41, 42, 43, 44].map(due), [0, 1, 40, 40, 42, 42, 44]);
    for count in 1..5_000 {
        let at = due(count);
        assert!(at <= count && count - at < LONGEST_STEP && due(at) == at, "{count}");
    }
}

fn space() -> Space {
    let parameter = |name: &str| {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
        Parameter { name: name.into(), distribution, when: Vec::new() }
    };
    Space { parameters: vec![parameter("x"), parameter("y")] }
}

fn history(len: u32) -> Columns {
    let mut columns = Columns::default();
    for number in 0..len {
        let point = [0.618, 0.414].map(|by| (f64::from(number) * by).fract());
        columns.push(Row {
            number,
            outcome: if number % 9 == 4 { Outcome::Failed } else { Outcome::Complete },
            params: point.to_vec(),
            values: vec![(point[0] - 0.3).powi(2) + (point[1] - 0.6).powi(2)],
            violation: 0.0,
            last_step: None,
            last_value: f64::NAN,
        });
    }
    columns
}

fn with_study<T>(len: u32, max_points: u32, run: impl Fn(&Study<'_>) -> T) -> T {
    let (space, columns) = (space(), history(len));
    let plan = space.plan();
    let request = SuggestRequest {
        space: &space,
        directions: &[],
        history: History { chunks: &[], tail: Some(&columns) },
        pending: &[],
        seed: 0,
        first_number: len,
        count: 1,
        hints: Hints::default(),
    };
    let config = GpConfig { max_points, ..GpConfig::default() };
    let records = records(request.history);
    run(&Study::new(&config, &request, &plan, &records))
}

#[test]
fn a_long_history_is_thinned_to_the_best_the_latest_and_a_spread() {
    with_study(900, 120, |study| {
        let among = &study.valued;
        let core = study.core(among, &|among: &[usize]| study.losses(among, 0), 88);
        assert_eq!(core.len(), 88);
        assert!(core.is_sorted() && core.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(among[among.len() - 29..].iter().all(|latest| core.contains(latest)), "the latest third");
        let losses = study.losses(among, 0);
        let best = (0..among.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).map(|place| among[place]);
        assert!(best.is_some_and(|best| core.contains(&best)));
    });
}

#[test]
fn models_hold_no_more_points_than_allowed() {
    for len in [20, 130, 700] {
        with_study(len, 100, |study| {
            let models = study.models(len, &[], &mut Memory::default());
            let observed = models.acquisition.objective.observed();
            assert!(observed <= 100 && observed >= 20.min(study.valued.len()), "{observed}");
            assert!(models.acquisition.feasibility.is_some());
        });
    }
}

#[test]
fn models_grown_from_memory_predict_with_the_same_bits() {
    let predictions = |len: u32, memory: &RefCell<Memory>| {
        with_study(len, 80, |study| {
            let models = study.models(len, &[], &mut memory.borrow_mut());
            let models = [models.acquisition.objective, models.acquisition.feasibility.expect("there were failures")];
            models.map(|model| model.predict(&[0.2, 0.9], &mut Scratch::default()))
        })
    };
    let grown = RefCell::default();
    for len in 40..90 {
        assert_eq!(predictions(len, &grown), predictions(len, &RefCell::default()), "{len}");
    }
}
