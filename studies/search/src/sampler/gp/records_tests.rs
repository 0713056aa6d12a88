use super::*;
use crate::columns::Row;

fn trial(outcome: Outcome, value: f64, report: Option<f64>) -> Row {
    Row {
        number: 0,
        outcome,
        params: vec![0.5],
        values: vec![value],
        violation: 0.0,
        last_step: report.map(|_| 3),
        last_value: report.unwrap_or(f64::NAN),
    }
}

fn columns(rows: Vec<Row>) -> Columns {
    let mut columns = Columns::default();
    rows.into_iter().for_each(|row| columns.push(row));
    columns
}

fn read(columns: &Columns) -> Vec<Record<'_>> {
    records(History { chunks: &[], tail: Some(columns) })
}

#[test]
fn every_kind_of_trial_teaches_what_it_can() {
    let nan = f64::NAN;
    let columns = columns(vec![
        trial(Outcome::Complete, 1.0, None),
        trial(Outcome::Complete, nan, None),
        trial(Outcome::Pruned, nan, Some(2.0)),
        trial(Outcome::Pruned, nan, Some(nan)),
        trial(Outcome::Pruned, nan, None),
        trial(Outcome::Failed, 1.0, None),
        trial(Outcome::Cancelled, 1.0, None),
    ]);
    let lessons: Vec<Lesson> = read(&columns).iter().map(|record| record.lesson).collect();
    assert_eq!(lessons, [Lesson::Values, Lesson::Failure, Lesson::Report, Lesson::Failure]);
}

fn losses_of(rows: Vec<Row>, direction: Direction) -> Vec<f64> {
    let columns = columns(rows);
    let records = read(&columns);
    losses(&records.iter().collect::<Vec<_>>(), 0, direction)
}

#[test]
fn a_pruned_trial_is_between_the_median_and_the_worst() {
    let complete = |value| trial(Outcome::Complete, value, None);
    let pruned = |value| trial(Outcome::Pruned, f64::NAN, Some(value));
    let rows = vec![complete(1.0), complete(2.0), complete(3.0), pruned(0.5), pruned(2.5), pruned(99.0)];
    assert_eq!(losses_of(rows, Direction::Minimize), [1.0, 2.0, 3.0, 2.0, 2.5, 3.0]);
}

#[test]
fn infinite_values_count_as_the_worst_or_best_finite_one() {
    let complete = |value| trial(Outcome::Complete, value, None);
    let rows = || vec![complete(1.0), complete(f64::INFINITY), complete(f64::NEG_INFINITY), complete(4.0)];
    assert_eq!(losses_of(rows(), Direction::Minimize), [1.0, 4.0, 1.0, 4.0]);
    assert_eq!(losses_of(rows(), Direction::Maximize), [-1.0, -4.0, -1.0, -4.0]);
    let all = losses_of(vec![complete(f64::INFINITY); 3], Direction::Minimize);
    assert_eq!(all, [0.0; 3]);
}

#[test]
fn a_violation_that_is_no_number_is_infinite() {
    let columns = columns(vec![Row { violation: f64::NAN, ..trial(Outcome::Complete, 1.0, None) }]);
    assert_eq!(read(&columns)[0].violation(), f64::INFINITY);
}
