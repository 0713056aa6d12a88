use super::*;
use crate::space::{Choice, Condition, Distribution, Parameter};

fn int(name: &str, low: i64, high: i64) -> Parameter {
    let distribution = Distribution::Int { low, high, log: false, step: 1 };
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn when(mut child: Parameter, parent: &str, values: &[i64]) -> Parameter {
    let values = values.iter().map(|&value| Choice::Int(value)).collect();
    child.when.push(Condition { parameter: parent.into(), values });
    child
}

fn grid(parameters: Vec<Parameter>) -> Option<Grid> {
    Grid::new(&Space { parameters })
}

fn all_points_differ_and_belong(grid: &Grid) {
    let mut seen: Vec<Vec<u64>> = Vec::new();
    for index in 0..grid.len() {
        let point = grid.point(index).unwrap();
        assert_eq!(grid.space.contains(&point), Ok(()), "{point:?}");
        seen.push(point.iter().map(|value| value.to_bits()).collect());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len() as u64, grid.len());
    assert_eq!(grid.point(grid.len()), None);
}

#[test]
fn independent_parameters_multiply() {
    let grid = grid(vec![int("a", 1, 3), int("b", 0, 4)]).unwrap();
    assert_eq!(grid.len(), 15);
    all_points_differ_and_belong(&grid);
}

#[test]
fn absent_children_do_not_multiply() {
    let grid = grid(vec![
        when(int("child", 1, 10), "parent", &[1]),
        int("parent", 0, 4),
        when(int("grandchild", 1, 2), "child", &[3, 7]),
        int("other", 0, 1),
    ])
    .unwrap();
    assert_eq!(grid.len(), (4 + (8 + 2 * 2)) * 2);
    all_points_differ_and_belong(&grid);
}

#[test]
fn two_parents_must_both_agree() {
    let child = when(when(int("c", 1, 5), "a", &[0]), "b", &[0, 1]);
    let grid = grid(vec![int("a", 0, 2), int("b", 0, 2), child]).unwrap();
    assert_eq!(grid.len(), 7 + 2 * 5);
    all_points_differ_and_belong(&grid);
}

#[test]
fn the_empty_space_has_one_point() {
    assert_eq!(grid(Vec::new()).unwrap().point(0), Some(Vec::new()));
}

#[test]
fn continuous_and_overflowing_spaces_have_no_grid() {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
    let continuous = Parameter { name: "x".into(), distribution, when: Vec::new() };
    assert_eq!(grid(vec![continuous]), None);
    assert_eq!(grid(vec![int("a", 0, i64::MAX - 1), int("b", 0, 2)]), None);
    assert_eq!(grid(vec![int("a", 0, i64::MAX - 1)]).unwrap().len(), i64::MAX as u64);
}

#[test]
fn a_wide_parent_is_counted_by_classes() {
    let grid = grid(vec![int("p", 0, 1_000_000_000), when(int("c", 0, 1), "p", &[5])]).unwrap();
    assert_eq!(grid.len(), 1_000_000_002);
    assert_eq!(grid.point(5), Some(vec![5.0, 0.0]));
    assert_eq!(grid.point(6), Some(vec![5.0, 1.0]));
}

#[test]
fn intricate_conditions_are_given_up_on_in_bounded_time() {
    let mut parameters = vec![int("p0", 0, 1)];
    for index in 1..40 {
        let name = format!("p{index}");
        let parent = format!("p{}", index - 1);
        parameters.push(when(int(&name, 0, 1), &parent, &[0, 1]));
    }
    assert_eq!(grid(parameters), None);
}
