use super::*;

fn row(number: u32, params: &[f64], values: &[f64]) -> Row {
    Row {
        number,
        outcome: Outcome::Complete,
        params: params.to_vec(),
        values: values.to_vec(),
        violation: 0.0,
        last_step: None,
        last_value: f64::NAN,
    }
}

#[test]
fn columns_that_say_nothing_take_no_room() {
    let mut columns = Columns::default();
    columns.push(row(0, &[1.0, f64::NAN], &[0.5]));
    columns.push(row(1, &[2.0, f64::NAN], &[]));
    assert_eq!(columns.len(), 2);
    assert_eq!(columns.params, [vec![1.0, 2.0], Vec::new()]);
    assert_eq!(columns.values, [vec![0.5]]);
    assert!(columns.violation.is_empty() && columns.last_step.is_empty());
    assert!(columns.value(0, 1).is_nan() && columns.param(1, 0).is_nan() && columns.param(7, 0).is_nan());
}

#[test]
fn a_parameter_added_later_is_absent_before() {
    let mut columns = Columns::default();
    columns.push(row(0, &[1.0], &[0.5]));
    let late = Row { last_step: Some(3), last_value: 0.25, violation: 2.0, ..row(4, &[1.5, 7.0], &[0.1]) };
    columns.push(late.clone());
    assert!(columns.param(1, 0).is_nan());
    assert_eq!(columns.param(1, 1), 7.0);
    assert_eq!(columns.last_report(0), None);
    assert_eq!(columns.violation(0), 0.0);
    assert_eq!(columns.row(1), late);
    assert_eq!(columns.clone(), columns);
    assert_ne!(columns.row(0), late);
}

#[test]
fn history_runs_through_chunks_and_tail_in_order() {
    let mut first = Columns::default();
    first.push(row(2, &[], &[]));
    first.push(row(0, &[], &[]));
    let mut tail = Columns::default();
    tail.push(row(1, &[], &[]));
    let chunks = [Arc::new(first)];
    let history = History { chunks: &chunks, tail: Some(&tail) };
    let numbers: Vec<u32> = history.rows().map(|(columns, row)| columns.number[row]).collect();
    assert_eq!(numbers, [2, 0, 1]);
    assert_eq!((history.len(), history.is_empty()), (3, false));
    assert!(History::default().is_empty());
}

#[test]
fn outcomes_are_one_byte_each_and_unknown_ones_are_refused() {
    let mut columns = Columns::default();
    for outcome in [Outcome::Complete, Outcome::Pruned, Outcome::Failed, Outcome::Cancelled] {
        columns.push(Row { outcome, ..row(0, &[1.0], &[]) });
    }
    let packed = rmp_serde::to_vec(&columns).unwrap();
    assert_eq!(rmp_serde::from_slice::<Columns>(&packed).unwrap(), columns);
    let json = serde_json::to_string(&columns).unwrap();
    assert_eq!(serde_json::from_str::<Columns>(&json).unwrap(), columns);
    let broken = json.replace("[0,1,2,3]", "[0,1,2,9]");
    let error = serde_json::from_str::<Columns>(&broken).unwrap_err();
    assert!(error.to_string().contains("unknown outcome code `9`"));
    assert_eq!(size_of::<Outcome>(), 1);
}
