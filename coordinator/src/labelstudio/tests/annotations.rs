//! Annotations as the server tells them.

use hone_studies::label::Label;
use serde_json::{Value as Json, json};

use super::{
    super::{
        annotation::{annotation_from_json, author_of, begun_from, external_of, mark_of, name_of},
        api::{Found, User},
    },
    CLASSES, World,
};

fn told() -> Json {
    json!({
        "id": 7, "completed_by": 3, "was_cancelled": false, "lead_time": 4.2,
        "created_at": "2026-12-01T02:00:00.000001Z", "updated_at": "2026-12-01T02:00:09.000000Z",
        "result": [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["cat"]}}],
    })
}

fn prediction(version: &str, second: u32, result: Json) -> Json {
    json!({"model_version": version, "created_at": format!("2026-12-01T01:59:{second:02}.000000Z"), "result": result, "score": 0.3})
}

fn dog(confidence: f64) -> Json {
    json!([{"from_name": "label", "to_name": "text", "type": "choices", "score": confidence, "value": {"choices": ["dog"]}}])
}

#[test]
fn an_annotation_is_read_with_whose_it_is_and_how_long_it_took() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5]);
    let shown = prediction("study-7 #0", 1, dog(0.75));
    let read = |annotation: &Json| {
        annotation_from_json(world.project(), world.request(1), annotation, "4-ab/", "a".to_owned(), Some(&shown))
    };
    let annotation = read(&told()).unwrap();
    assert_eq!((annotation.label, annotation.took_ms, annotation.cancelled), (Ok(Label::Class(0)), 4_200, false));
    assert_eq!(annotation.external, "4-ab/7.1796090400000001");
    let prediction = annotation.shown.unwrap();
    assert_eq!((prediction.label, prediction.confidence, &*prediction.source), (Label::Class(1), 0.75, "study-7"));
}

#[test]
fn an_annotation_that_is_not_told_whole_is_none() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5]);
    for field in ["id", "completed_by", "was_cancelled", "created_at", "updated_at", "result"] {
        let mut annotation = told();
        annotation.as_object_mut().unwrap().remove(field);
        let read = annotation_from_json(world.project(), world.request(1), &annotation, "4-ab/", "a".to_owned(), None);
        assert_eq!(read, None, "{field}");
    }
}

#[test]
fn what_was_shown_is_told_by_times_or_not_at_all() {
    let task = |predictions: Json| json!({"predictions": predictions});
    let (mine, other) = (prediction("m #1", 1, dog(0.5)), prediction("m #0", 0, dog(0.5)));
    let mut late = mine.clone();
    late["created_at"] = json!("2026-12-01T02:00:01.000000Z");
    assert_eq!(begun_from(&task(json!([])), &told(), "m #1"), Ok(None));
    assert_eq!(begun_from(&task(json!([mine])), &told(), "m #1"), Ok(Some(&mine)));
    for unclear in [json!([other]), json!([late]), json!([other, mine])] {
        assert_eq!(begun_from(&task(unclear), &told(), "m #1"), Err(()));
    }
}

#[test]
fn an_empty_prediction_showed_nothing_and_an_unknown_model_is_called_after_its_version() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5]);
    let shown = |prediction: &Json| {
        let annotation = annotation_from_json(world.project(), world.request(1), &told(), "m/", "a".to_owned(), Some(prediction));
        annotation.unwrap().shown
    };
    assert_eq!(shown(&prediction("study-7 #0", 1, json!([]))), None);
    assert_eq!(shown(&json!({})), None);
    let older = shown(&prediction("study-3 #9", 1, dog(0.5))).unwrap();
    assert_eq!((&*older.source, older.confidence), ("study-3", 0.5));
}

#[test]
fn people_are_called_by_their_id_and_address() {
    let user = User { email: "ada@example.org".to_owned() };
    assert_eq!(author_of(&json!({"completed_by": {"id": 3, "email": "x"}})), Some(3));
    assert_eq!(author_of(&json!({"completed_by": null})), None);
    assert_eq!(name_of(Some(3), Some(&user)), "label-studio:3 ada@example.org");
    assert_eq!(name_of(Some(3), None), "label-studio:3");
    assert_eq!(name_of(None, None), "label-studio:deleted");
    let odd = User { email: format!("a\n{}", "x".repeat(200)) };
    assert_eq!(name_of(Some(3), Some(&odd)).chars().count(), 100);
}

#[test]
fn answers_are_marked_with_the_very_project_they_come_from() {
    let found = |id, created: &str| Found {
        id,
        title: String::new(),
        description: String::new(),
        created: created.to_owned(),
        config: String::new(),
        model_version: String::new(),
    };
    let mark = mark_of("http://a", &found(4, "t"));
    assert!(mark.starts_with("4-") && mark.ends_with('/'));
    for other in [mark_of("http://b", &found(4, "t")), mark_of("http://a", &found(4, "u")), mark_of("http://a", &found(5, "t"))] {
        assert_ne!(other, mark);
    }
    // The same id again, of another annotation.
    let mut later = told();
    later["created_at"] = json!("2026-12-01T02:00:00.000002Z");
    assert_ne!(external_of(&mark, &later), external_of(&mark, &told()));
}
