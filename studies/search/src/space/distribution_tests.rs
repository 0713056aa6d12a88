use proptest::prelude::*;

use super::*;

fn int(low: i64, high: i64, log: bool, step: i64) -> Distribution {
    Distribution::Int { low, high, log, step }
}

fn float(low: f64, high: f64, step: Option<f64>) -> Distribution {
    Distribution::Float { low, high, log: false, step }
}

fn options() -> Distribution {
    Distribution::Categorical { choices: vec![Choice::Int(1), "adam".into(), Choice::Bool(true)] }
}

#[test]
fn float_steps_forgive_decimal_rounding() {
    let tenths = float(0.0, 0.3, Some(0.1));
    assert_eq!(tenths.cardinality(), Some(4));
    let values: Vec<f64> = (0..4).map(|index| tenths.nth(index)).collect();
    assert_eq!(values, [0.0, 0.1, 0.2, 0.3]);
}

#[test]
fn a_step_that_does_not_divide_the_range_ends_before_high() {
    assert_eq!(float(0.0, 1.0, Some(0.4)).nth(9), 0.8);
    assert_eq!(int(0, 10, false, 4).nth(9), 8.0);
    assert_eq!(int(0, 10, false, 4).cardinality(), Some(3));
}

#[test]
fn widest_int_range_does_not_overflow() {
    let all = int(i64::MIN, i64::MAX, false, 1);
    assert_eq!(all.cardinality(), None);
    assert_eq!(all.to_external(all.from_unit(0.0)), Value::Int(i64::MIN));
    let top = all.from_unit(1.0 - f64::EPSILON / 2.0);
    assert!(all.contains(top));
    assert!(matches!(all.to_external(top), Value::Int(value) if value > i64::MAX / 2));
}

#[test]
fn an_int_that_a_double_cannot_hold_is_refused_with_the_nearest() {
    let wide = int(0, i64::MAX, false, 1);
    let odd = (1 << 53) + 1;
    let refused = wide.to_internal(&Value::Int(odd));
    assert_eq!(refused, Err(ValueError::OffStep { value: Value::Int(odd), nearest: Value::Int(1 << 53) }));
    assert_eq!(wide.to_internal(&Value::Int(1 << 53)), Ok((1_u64 << 53) as f64));
}

#[test]
fn log_int_reaches_both_ends_and_single_values_stay_put() {
    let range = int(1, 1000, true, 1);
    assert_eq!(range.from_unit(0.0), 1.0);
    assert_eq!(range.from_unit(1.0 - f64::EPSILON / 2.0), 1000.0);
    assert_eq!(int(1, 1, true, 1).from_unit(0.7), 1.0);
}

#[test]
fn log_float_halves_at_the_geometric_mean() {
    let range = Distribution::Float { low: 1e-4, high: 1.0, log: true, step: None };
    assert!((range.from_unit(0.5) - 1e-2).abs() < 1e-15);
}

#[test]
fn values_are_converted_between_int_and_float_when_nothing_is_lost() {
    assert_eq!(float(0.0, 2.0, None).to_internal(&Value::Int(1)), Ok(1.0));
    assert_eq!(int(0, 9, false, 1).to_internal(&Value::Float(4.0)), Ok(4.0));
    assert!(matches!(int(0, 9, false, 1).to_internal(&Value::Float(4.5)), Err(ValueError::WrongKind { .. })));
}

#[test]
fn mistakes_in_values_are_told_apart() {
    let tenths = float(0.0, 0.3, Some(0.1));
    assert_eq!(tenths.to_internal(&Value::Float(0.1 + 0.1 + 0.1)), Ok(0.3));
    assert!(matches!(tenths.to_internal(&Value::Float(0.15)), Err(ValueError::OffStep { .. })));
    assert!(matches!(tenths.to_internal(&Value::Float(0.4)), Err(ValueError::OutOfBounds { .. })));
    assert!(matches!(tenths.to_internal(&"x".into()), Err(ValueError::WrongKind { .. })));
    assert!(matches!(tenths.to_internal(&Value::Float(f64::NAN)), Err(ValueError::WrongKind { .. })));
    let refused = options().to_internal(&"sgd".into()).unwrap_err();
    assert_eq!(refused.to_string(), "`sgd` is not one of the choices `1`, `adam`, `true`");
}

#[test]
fn choices_go_by_index() {
    assert_eq!(options().to_internal(&"adam".into()), Ok(1.0));
    assert_eq!(options().to_internal(&Value::Float(1.0)), Ok(0.0));
    assert_eq!(options().to_external(2.0), Value::Bool(true));
}

#[test]
fn json_fills_in_scale_and_step() {
    let parsed: Distribution = serde_json::from_str(r#"{"int":{"low":1,"high":4}}"#).unwrap();
    assert_eq!(parsed, int(1, 4, false, 1));
}

fn any_distribution() -> impl Strategy<Value = Distribution> {
    let floats = (-1e6..1e6_f64, 0.0..1e6_f64, prop::option::of(1e-3..1e3_f64))
        .prop_map(|(low, width, step)| float(low, low + width, step));
    let ints = (any::<i64>(), any::<i64>(), 1..1000_i64).prop_map(|(a, b, step)| int(a.min(b), a.max(b), false, step));
    let log_ints = (1..i64::MAX, 1..i64::MAX).prop_map(|(a, b)| int(a.min(b), a.max(b), true, 1));
    prop_oneof![floats, ints, log_ints, Just(options())]
}

proptest! {
    #[test]
    fn every_draw_is_allowed_and_survives_the_round_trip(
        range in any_distribution(),
        unit in 0.0..1.0_f64,
    ) {
        let internal = range.from_unit(unit);
        prop_assert!(range.contains(internal), "{range:?} {internal}");
        prop_assert_eq!(range.to_internal(&range.to_external(internal)), Ok(internal));
    }
}
