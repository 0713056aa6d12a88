//! Labelling configurations, tasks, and labels as results.

use hone_studies::{
    LabelProjectId, LabelRequestId,
    label::{Form, FormKind, Label},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value as Json, json};

use super::{super::form::*, super::result::*, super::task::*, CLASSES, World, spec};

fn form(kind: FormKind) -> Form {
    let classes = if kind.has_classes() { vec!["cat".to_owned(), "a \"dog\" & <co>".to_owned()] } else { Vec::new() };
    Form { kind, classes, range: (Some(-1.0), Some(5.0)) }
}

#[test]
fn a_configuration_shows_the_parts_and_asks_the_question() {
    let config = config_of(&spec(CLASSES));
    assert_eq!(
        config,
        "<View>\n  <Text name=\"text\" value=\"$text\" valueType=\"text\" granularity=\"symbol\"/>\n  \
         <Choices name=\"label\" toName=\"text\" choice=\"single\" required=\"true\">\n    <Choice value=\"cat\"/>\n    \
         <Choice value=\"dog\"/>\n  </Choices>\n</View>"
    );
}

#[test]
fn every_form_has_its_control_on_the_part_that_it_is_about() {
    let file = |kind: &str, more: &str| format!("name = \"p\"\n[form]\nkind = \"{kind}\"\n{more}");
    let classes = "classes = [\"x\"]\n[show]\n";
    for (text, wanted) in [
        (
            file("multi", "classes = [\"x\"]"),
            vec![r#"<Table name="row""#, r#"<Choices name="label" toName="row" choice="multiple">"#],
        ),
        (
            file("boxes", &format!("{classes}image = \"i\"\ntext = \"t\"")),
            vec![r#"<Text name"#, r#"<Image name="image""#, r#"<RectangleLabels name="label" toName="image" canRotate="false">"#],
        ),
        (file("spans", &format!("{classes}text = \"t\"\nrow = [\"r\"]")), vec![r#"<Labels name="label" toName="text">"#]),
        (file("number", "min = 0\nmax = 2.5"), vec![r#"<Number name="label" toName="row" min="0" max="2.5" required="true"/>"#]),
        (
            file("pairwise", "[show]\npair = [\"l\", \"r\"]"),
            vec![r#"<HyperText name="a" value="$a"/>"#, r#"<Pairwise name="label" toName="a,b"/>"#, r#"<Choice value="tie"/>"#],
        ),
    ] {
        let config = config_of(&spec(&text));
        for part in wanted {
            assert!(config.contains(part), "{part} is not in {config}");
        }
    }
}

#[test]
fn names_that_xml_has_a_meaning_for_are_written_so_that_they_come_back() {
    assert_eq!(escaped("a \"b\" & <c>'\n\u{1}"), "a &quot;b&quot; &amp; &lt;c&gt;&#39;&#10;?");
    assert_eq!(title_of(&spec(CLASSES)), "hone/reviews");
    assert_eq!(title_of(&spec(&CLASSES.replace("[label_studio]", "[label_studio]\nproject = \"Reviews\""))), "Reviews");
    let long = CLASSES.replace("\"reviews\"", &format!("\"{}\"", "é".repeat(90)));
    assert_eq!(title_of(&spec(&long)).chars().count(), 50);
}

#[test]
fn a_task_is_known_by_its_store_project_and_request() {
    let owner = Owner { store: "s-1".to_owned(), project: LabelProjectId(3) };
    let meta = |key: &str| json!({"hone": key});
    assert_eq!(owner.key(LabelRequestId(17)), "s-1/3/17");
    assert_eq!(owner.request_of(&meta("s-1/3/17")), Some(LabelRequestId(17)));
    for stranger in ["s-2/3/17", "s-1/4/17", "s-1/3", "s-1/3/x", "17", ""] {
        assert_eq!(owner.request_of(&meta(stranger)), None, "{stranger}");
    }
    assert_eq!(owner.request_of(&Json::Null), None);
    assert!(!owner.mark().contains("3/17") && owner.mark() != Owner { project: LabelProjectId(33), ..owner.clone() }.mark());
}

#[test]
fn every_part_of_the_configuration_is_in_the_data_whatever_the_sample_lacks() {
    let text =
        "name = \"p\"\n[form]\nkind = \"pairwise\"\n[show]\npair = [\"l\", \"r\"]\ntext = \"t\"\nimage = \"i\"\nrow = [\"n\"]";
    let spec = spec(text);
    let files = Files::from([("ab".to_owned(), "/data/upload/1/hone-ab.png".to_owned())]);
    let fields =
        json!({"t": 7, "i": {"blob": "ab", "type": "image/png"}, "l": "a <b>\nc", "r": {"blob": "ab", "type": "image/png"}});
    let data = data_of(&spec, "s0", fields.as_object().unwrap(), &files);
    assert_eq!(data["text"], "7");
    assert_eq!(data["image"], "/data/upload/1/hone-ab.png");
    assert_eq!(data["row"], json!({"n": null}));
    assert_eq!(data["a"], r#"<div style="white-space: pre-wrap">a &lt;b&gt;&#10;c</div>"#);
    assert!(data["b"].as_str().unwrap().starts_with(r#"<img src="/data/upload/1/hone-ab.png""#));
    let empty = data_of(&spec, "s0", json!({}).as_object().unwrap(), &files);
    assert_eq!(empty, json!({"sample": "s0", "text": "", "image": "", "row": {"n": null}, "a": "", "b": ""}));
    let images = images_of(&spec, fields.as_object().unwrap());
    assert_eq!(images.len(), 2);
}

#[test]
fn blind_and_gold_requests_show_no_prediction_and_keep_their_order() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5]);
    let shown = prediction_of(world.project(), world.request(1), "study-7 #0");
    assert_eq!(shown["result"][0]["value"], json!({"choices": ["dog"]}));
    assert_eq!((&shown["result"][0]["score"], &shown["model_version"]), (&json!(0.75), &json!("study-7 #0")));
    let mut blind = World::of(&CLASSES.replace("blind = 0.0", "blind = 1.0"));
    blind.ask(&[0.5]);
    let hidden = prediction_of(blind.project(), blind.request(1), "study-7 #0");
    assert_eq!((&hidden["result"], &hidden["score"]), (&json!([]), &shown["score"]));
}

#[test]
fn a_set_of_predictions_is_called_after_its_model_and_a_number() {
    let mut world = World::of(CLASSES);
    assert_eq!(version_name(world.project(), 0), "hone #0");
    world.ask(&[0.5, 0.5]);
    assert_eq!(version_name(world.project(), 4), "study-7 #4");
    assert_eq!((source_of("study-7 #4"), source_of("odd")), ("study-7", "odd"));
}

#[test]
fn what_is_no_label_of_the_form_is_refused_with_why() {
    let choice = |name: &str| json!({"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [name]}});
    let rectangle = |value: Json| json!({"from_name": "label", "type": "rectanglelabels", "value": value});
    let whole = json!({"x": 0, "y": 0, "width": 100.0000001, "height": 50, "rotation": 0, "rectanglelabels": ["cat"]});
    let turned = |key: &str, to: Json| {
        let mut value = whole.clone();
        value[key] = to;
        vec![rectangle(value)]
    };
    for (kind, results, why) in [
        (FormKind::Classes, vec![choice("cut")], "there is no class `cut`; did you mean `cat`?"),
        (FormKind::Classes, vec![], "no class was chosen"),
        (FormKind::Classes, vec![choice("cat"), choice("cat")], "2 classes were chosen, and one is wanted"),
        (FormKind::Classes, vec![json!({"from_name": "label", "value": {"text": "x"}})], "an answer holds no choices"),
        (FormKind::Number, vec![], "no number was given"),
        (FormKind::Number, vec![json!({"from_name": "label", "value": {"number": 9}})], "`9` is above 5"),
        (FormKind::Boxes, turned("rotation", json!(3.0)), "a box is turned, and boxes have sides along those of the image"),
        (FormKind::Boxes, turned("rectanglelabels", json!([])), "a box has no class"),
        (FormKind::Boxes, turned("y", json!(60)), "a box reaches beyond the image"),
        (FormKind::Pairwise, vec![], "neither was chosen, and they were not called equal"),
        (
            FormKind::Pairwise,
            vec![json!({"from_name": "label", "value": {"selected": "up"}})],
            "what was chosen is neither left nor right",
        ),
    ] {
        assert_eq!(label_from_results(&form(kind), &results), Err(why.to_owned()), "{results:?}");
    }
    let label = label_from_results(&form(FormKind::Boxes), &[rectangle(whole.clone())]).unwrap();
    let Label::Boxes(boxes) = label else { panic!() };
    assert_eq!((boxes[0].width, boxes[0].height), (1.0, 0.5));
    let other = json!({"from_name": "comment", "type": "textarea", "value": {"text": ["hm"]}});
    assert_eq!(label_from_results(&form(FormKind::Classes), &[other, choice("cat")]), Ok(Label::Class(0)));
}

fn any_label() -> impl Strategy<Value = (FormKind, Json)> {
    let class = prop::sample::select(vec!["cat", "a \"dog\" & <co>"]);
    let side = (0.0..0.5_f64, 0.001..0.5_f64);
    let one_box = (class.clone(), side.clone(), side)
        .prop_map(|(class, (x, width), (y, height))| json!({"class": class, "x": x, "y": y, "width": width, "height": height}));
    let span = (class.clone(), 0..1_000_u32, 1..100_u32)
        .prop_map(|(class, start, length)| json!({"class": class, "start": start, "end": start + length}));
    prop_oneof![
        class.clone().prop_map(|class| (FormKind::Classes, json!(class))),
        vec(class, 0..3).prop_map(|classes| (FormKind::Multi, json!(classes))),
        vec(one_box, 0..5).prop_map(|boxes| (FormKind::Boxes, json!(boxes))),
        vec(span, 0..5).prop_map(|spans| (FormKind::Spans, json!(spans))),
        (-1.0..5.0_f64).prop_map(|number| (FormKind::Number, json!(number))),
        prop::sample::select(vec!["a", "b", "tie"]).prop_map(|side| (FormKind::Pairwise, json!(side))),
    ]
}

/// Equal, but for what multiplying by a hundred and back does to the sides of boxes.
fn nearly(a: &Label, b: &Label) -> bool {
    match (a, b) {
        (Label::Boxes(a), Label::Boxes(b)) => {
            let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
            let pairs = || a.iter().zip(b);
            a.len() == b.len()
                && pairs().all(|(a, b)| a.class == b.class && near(a.x, b.x) && near(a.width, b.width))
                && pairs().all(|(a, b)| near(a.y, b.y) && near(a.height, b.height))
        }
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn labels_survive_label_studio((kind, value) in any_label()) {
        let form = form(kind);
        let label = Label::from_json(&form, &value).unwrap();
        let results = Json::Array(label_to_results(&form, &label, "text", 0.5)).to_string();
        let results: Vec<Json> = serde_json::from_str(&results).unwrap();
        let read = label_from_results(&form, &results).unwrap();
        prop_assert!(nearly(&read, &label), "{read:?} {label:?}");
        // What was read once is read the same ever after.
        let again = label_from_results(&form, &label_to_results(&form, &read, "text", 0.5)).unwrap();
        prop_assert!(nearly(&again, &read));
    }

    #[test]
    fn scores_fall_from_one_to_zero_as_priorities_rise(mut priorities in vec(-1e6..1e6_f64, 2..20)) {
        priorities.extend([f64::NEG_INFINITY, -1.0, 0.0, 0.5, 1.0, f64::INFINITY]);
        priorities.sort_by(f64::total_cmp);
        let scores: Vec<f64> = priorities.iter().map(|priority| score_of(*priority)).collect();
        prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
        prop_assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    }
}
