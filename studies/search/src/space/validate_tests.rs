use super::*;

fn float(name: &str, low: f64, high: f64) -> Parameter {
    let distribution = Distribution::Float { low, high, log: false, step: None };
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn choice(name: &str, choices: &[&str]) -> Parameter {
    let choices = choices.iter().map(|&choice| choice.into()).collect();
    Parameter { name: name.into(), distribution: Distribution::Categorical { choices }, when: Vec::new() }
}

fn when(mut child: Parameter, parent: &str, values: &[Choice]) -> Parameter {
    child.when.push(Condition { parameter: parent.into(), values: values.to_vec() });
    child
}

fn errors(parameters: Vec<Parameter>) -> Vec<SpaceError> {
    Space { parameters }.validate()
}

fn with(distribution: Distribution) -> Vec<SpaceError> {
    errors(vec![Parameter { name: "x".into(), distribution, when: Vec::new() }])
}

#[test]
fn a_sound_space_has_no_errors_wherever_parents_stand() {
    let child = when(float("momentum", 0.0, 1.0), "optimizer", &["sgd".into()]);
    assert_eq!(errors(vec![child, choice("optimizer", &["sgd", "adam"])]), []);
    assert_eq!(errors(Vec::new()), []);
    assert_eq!(with(Distribution::Int { low: i64::MIN, high: i64::MAX, log: false, step: 1 }), []);
}

#[test]
fn all_mistakes_are_reported_together() {
    let found = errors(vec![
        float("", 0.0, 1.0),
        float("a", 2.0, 1.0),
        float("a", 0.0, f64::NAN),
        choice("c", &[]),
        when(float("d", 0.0, 1.0), "nowhere", &["x".into()]),
    ]);
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn each_numeric_mistake_has_its_own_error() {
    let float = |low, high, log, step| with(Distribution::Float { low, high, log, step });
    let int = |low, high, log, step| with(Distribution::Int { low, high, log, step });
    assert!(matches!(float(0.0, 1.0, true, None)[..], [SpaceError::LogOfNonPositive { .. }]));
    assert!(matches!(float(1.0, 2.0, true, Some(0.5))[..], [SpaceError::LogWithStep { .. }]));
    assert!(matches!(float(0.0, 1.0, false, Some(0.0))[..], [SpaceError::BadStep { .. }]));
    assert!(matches!(float(0.0, 1.0, false, Some(1e-17))[..], [SpaceError::StepTooSmall { .. }]));
    assert!(matches!(float(1e300, 1e300, false, Some(1.0))[..], [SpaceError::StepTooSmall { .. }]));
    assert!(matches!(float(-1e308, 1e308, false, None)[..], [SpaceError::TooWide { .. }]));
    assert!(matches!(float(0.0, f64::INFINITY, false, None)[..], [SpaceError::NotFinite { .. }]));
    assert!(matches!(int(3, 2, false, 1)[..], [SpaceError::Reversed { .. }]));
    assert!(matches!(int(0, 2, true, 1)[..], [SpaceError::LogOfNonPositive { .. }]));
    assert!(matches!(int(1, 9, true, 2)[..], [SpaceError::LogWithStep { .. }]));
    assert!(matches!(int(0, 2, false, -1)[..], [SpaceError::BadStep { .. }]));
}

#[test]
fn choices_must_differ_and_be_finite() {
    let with = |choices| with(Distribution::Categorical { choices });
    let same = with(vec![Choice::Int(1), Choice::Float(1.0)]);
    assert!(matches!(same[..], [SpaceError::DuplicateChoice { .. }]));
    assert!(matches!(with(vec![Choice::Float(f64::NAN)])[..], [SpaceError::ChoiceNotFinite { .. }]));
    assert_eq!(with(vec![Choice::Int(1), "1".into(), Choice::Bool(true)]), []);
}

#[test]
fn cycles_name_their_members_and_not_their_dependants() {
    let yes: &[Choice] = &["y".into()];
    let found = errors(vec![
        when(choice("a", &["y"]), "b", yes),
        when(choice("b", &["y"]), "c", yes),
        when(choice("c", &["y"]), "a", yes),
        when(choice("below", &["y"]), "a", yes),
        choice("free", &["y"]),
    ]);
    assert_eq!(found, [SpaceError::Cycle { parameters: vec!["a".into(), "b".into(), "c".into()] }]);
    let own = errors(vec![when(choice("a", &["y"]), "a", yes)]);
    assert_eq!(own, [SpaceError::Cycle { parameters: vec!["a".into()] }]);
}

#[test]
fn conditions_on_values_the_parent_cannot_take_are_refused() {
    let found = errors(vec![
        choice("p", &["a"]),
        when(float("x", 0.0, 1.0), "p", &["a".into(), "b".into()]),
        when(float("y", 0.0, 1.0), "x", &[Choice::Int(2)]),
        when(float("z", 0.0, 1.0), "p", &[]),
    ]);
    assert!(matches!(
        found[..],
        [SpaceError::ImpossibleValue { .. }, SpaceError::ImpossibleValue { .. }, SpaceError::EmptyCondition { .. }]
    ));
    let text = found[0].to_string();
    assert_eq!(text, "parameter `x` depends on `p`: `b` is not one of the choices `a`");
}

#[test]
fn points_must_honour_conditions_and_bounds() {
    let space = Space {
        parameters: vec![
            when(float("momentum", 0.0, 1.0), "layers", &[Choice::Float(2.0)]),
            Parameter {
                name: "layers".into(),
                distribution: Distribution::Int { low: 1, high: 3, log: false, step: 1 },
                when: Vec::new(),
            },
        ],
    };
    assert_eq!(space.contains(&[0.5, 2.0]), Ok(()));
    assert_eq!(space.contains(&[f64::NAN, 1.0]), Ok(()));
    assert!(matches!(space.contains(&[0.5, 1.0]), Err(ParamsError::Unwanted { .. })));
    assert!(matches!(space.contains(&[f64::NAN, 2.0]), Err(ParamsError::Missing { .. })));
    assert!(matches!(space.contains(&[1.5, 2.0]), Err(ParamsError::NotAllowed { .. })));
    assert!(matches!(space.contains(&[0.5]), Err(ParamsError::WrongLength { .. })));
    assert_eq!(space.active(&[0.5, 2.0]), [true, true]);
    assert_eq!(space.active(&[0.5]), [false, true]);
}

#[test]
fn a_grandchild_of_an_absent_parent_is_absent() {
    let space = Space {
        parameters: vec![
            when(choice("c", &["y"]), "b", &["y".into()]),
            when(choice("b", &["y"]), "a", &["y".into()]),
            choice("a", &["y", "n"]),
        ],
    };
    assert_eq!(space.plan().order(), [2, 1, 0]);
    assert_eq!(space.active(&[0.0, 0.0, 0.0]), [true, true, true]);
    assert_eq!(space.active(&[0.0, 0.0, 1.0]), [false, false, true]);
}
