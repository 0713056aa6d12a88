//! The whole table of a request's states, labels as JSON.

use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::{Form, FormKind, Label, LabelState, LabelStep, next_label_state};

const STEPS: [LabelStep; 13] = [
    LabelStep::Lease,
    LabelStep::Leave { leases: 0, answers: 0 },
    LabelStep::Leave { leases: 0, answers: 2 },
    LabelStep::Leave { leases: 1, answers: 0 },
    LabelStep::Answer { leases: 0 },
    LabelStep::Answer { leases: 1 },
    LabelStep::Resolve,
    LabelStep::Conflict,
    LabelStep::Skip,
    LabelStep::Withdraw,
    LabelStep::Expire,
    LabelStep::Reopen { leases: 0, answers: 0 },
    LabelStep::Reopen { leases: 1, answers: 1 },
];

/// Rows are states, columns the steps above; `.`: impossible. O open, L leased, A answered, R resolved, C conflict,
/// S skipped, W withdrawn, E expired.
const TABLE: [(LabelState, &str); 8] = [
    (LabelState::Open, "L...ALRCSWE.."),
    (LabelState::Leased, "LOALALRCSWE.."),
    (LabelState::Answered, "LOALALRCSWE.."),
    (LabelState::Resolved, ".RRRRRRC.W.OL"),
    (LabelState::Conflict, ".CCCCCRC.W.OL"),
    (LabelState::Skipped, ".SSSAL...W.OL"),
    (LabelState::Withdrawn, ".WWW.......OL"),
    (LabelState::Expired, ".EEEAL...W.OL"),
];

fn letter(state: Option<LabelState>) -> char {
    match state {
        None => '.',
        Some(LabelState::Open) => 'O',
        Some(LabelState::Leased) => 'L',
        Some(LabelState::Answered) => 'A',
        Some(LabelState::Resolved) => 'R',
        Some(LabelState::Conflict) => 'C',
        Some(LabelState::Skipped) => 'S',
        Some(LabelState::Withdrawn) => 'W',
        Some(LabelState::Expired) => 'E',
    }
}

#[test]
fn every_state_and_step_is_as_the_table_says() {
    assert_eq!(TABLE.map(|(state, _)| state), LabelState::ALL);
    for (state, row) in TABLE {
        let found: String = STEPS.iter().map(|step| letter(next_label_state(state, *step))).collect();
        assert_eq!(found, row, "{state:?}");
    }
}

fn form(kind: FormKind) -> Form {
    let classes = if kind.has_classes() { vec!["cat".to_owned(), "dog".to_owned(), "ox".to_owned()] } else { Vec::new() };
    Form { kind, classes, range: (Some(-1.0), Some(5.0)) }
}

fn read(kind: FormKind, value: serde_json::Value) -> Result<Label, String> {
    Label::from_json(&form(kind), &value)
}

#[test]
fn labels_that_mean_the_same_are_equal() {
    let two = read(FormKind::Multi, json!(["ox", "cat", "ox"])).unwrap();
    assert_eq!(two, Label::Classes(vec![0, 2]));
    assert_eq!(two.to_json(&form(FormKind::Multi)), json!(["cat", "ox"]));
    let (first, second) = (json!({"class": "dog", "start": 4, "end": 9}), json!({"class": "cat", "start": 0, "end": 3}));
    assert_eq!(read(FormKind::Spans, json!([first, second])), read(FormKind::Spans, json!([second, first, second])));
    assert_eq!(read(FormKind::Number, json!(-0.0)), read(FormKind::Number, json!(0)));
}

#[test]
fn what_is_wrong_with_a_label_is_said() {
    for (kind, value, message) in [
        (FormKind::Classes, json!("cut"), "there is no class `cut`; did you mean `cat`?"),
        (FormKind::Classes, json!(3), "`3` is not the name of a class"),
        (FormKind::Multi, json!("cat"), "`cat` is not an array of classes"),
        (FormKind::Number, json!(7), "`7` is above 5"),
        (FormKind::Number, json!("7"), "`7` is not a number"),
        (FormKind::Pairwise, json!("c"), "`c` is not `a`, `b` or `tie`"),
        (FormKind::Spans, json!([{"class": "cat", "start": 3, "end": 3}]), "a span ends at 3 and starts at 3"),
        (FormKind::Spans, json!([{"class": "cat", "start": -1, "end": 3}]), "`start` of a span is not a position in the text"),
        (FormKind::Spans, json!([{"class": "cat", "start": 1}]), "`end` is missing"),
        (
            FormKind::Boxes,
            json!([{"class": "cat", "x": 0.5, "y": 0, "width": 0.6, "height": 1}]),
            "a box reaches beyond the image",
        ),
        (FormKind::Boxes, json!([{"class": "cat", "x": 0.5, "y": 0, "width": 0, "height": 1}]), "a box has no area"),
        (FormKind::Boxes, json!([{"label": "cat"}]), "a box has no `label`; it has `class`, `x`, `y`, `width`, `height`"),
    ] {
        assert_eq!(read(kind, value.clone()), Err(message.to_owned()), "{value}");
    }
}

fn any_label() -> impl Strategy<Value = (FormKind, serde_json::Value)> {
    let class = prop::sample::select(vec!["cat", "dog", "ox"]);
    let side = (0.0..0.5_f64, 0.001..0.5_f64);
    let one_box = (class.clone(), side.clone(), side)
        .prop_map(|(class, (x, width), (y, height))| json!({"class": class, "x": x, "y": y, "width": width, "height": height}));
    let span = (class.clone(), 0..1_000_u32, 1..100_u32)
        .prop_map(|(class, start, length)| json!({"class": class, "start": start, "end": start + length}));
    prop_oneof![
        class.clone().prop_map(|class| (FormKind::Classes, json!(class))),
        vec(class, 0..5).prop_map(|classes| (FormKind::Multi, json!(classes))),
        vec(one_box, 0..5).prop_map(|boxes| (FormKind::Boxes, json!(boxes))),
        vec(span, 0..5).prop_map(|spans| (FormKind::Spans, json!(spans))),
        (-1.0..5.0_f64).prop_map(|number| (FormKind::Number, json!(number))),
        prop::sample::select(vec!["a", "b", "tie"]).prop_map(|side| (FormKind::Pairwise, json!(side))),
    ]
}

proptest! {
    #[test]
    fn labels_survive_json((kind, value) in any_label()) {
        let label = read(kind, value).unwrap();
        prop_assert!(label.fits(&form(kind)));
        let text = label.to_json(&form(kind)).to_string();
        let again = read(kind, serde_json::from_str(&text).unwrap());
        prop_assert_eq!(again, Ok(label));
    }
}
