//! How far a project's labels can be trusted.

use hone_studies::{
    AnnotatorId, LabelRequestId,
    label::{Channel, Label, LabelBox, LabelCommand, LabelReport, LabelSpan, NewRequest, Submission, label_report},
};

use super::{Desk, predicted, sample};

fn request(at: u64) -> LabelRequestId {
    LabelRequestId(at + 1)
}

impl Desk {
    fn report(&self) -> LabelReport {
        label_report(self.project()).expect("a report")
    }

    fn say(&mut self, at: u64, annotator: AnnotatorId, label: Label) {
        self.ask(LabelCommand::Submit(Box::new(Submission {
            request: request(at),
            annotator,
            label,
            took_ms: 0,
            channel: Channel::Page,
            external: String::new(),
            shown: None,
            asked_by: None,
        })));
    }
}

#[test]
fn agreement_is_measured_on_what_several_answered() {
    let mut desk = Desk::new("overlap = 2\n", 12);
    let (ada, bob) = (desk.ada, desk.bob);
    for at in 0..10 {
        let class = (at % 2) as u32;
        desk.submit(request(at), ada, class);
        desk.submit(request(at), bob, if at < 8 { class } else { 1 - class });
    }
    desk.submit(request(10), ada, 0);
    let report = desk.report();
    assert_eq!((report.shared, report.percent_agreement), (10, Some(0.8)));
    // Both say each class five times: 0.8 observed, 0.5 by chance.
    let [pair] = report.pairs.as_slice() else { panic!("{:?}", report.pairs) };
    assert_eq!((pair.annotators, pair.samples), ((ada, bob), 10));
    assert!((pair.kappa.expect("kappa") - 0.6).abs() < 1e-12);
    let alpha = report.alpha.expect("alpha");
    // 1 − 0.2 · 19 / 10, with ten values of each class (Krippendorff 2011).
    assert!((alpha.alpha - (1.0 - 0.2 * 19.0 / 10.0)).abs() < 1e-12, "{}", alpha.alpha);
    assert!(alpha.interval.low < alpha.alpha && alpha.alpha < alpha.interval.high);
    // Eleven samples with answers, and not as many of each.
    assert_eq!(report.fleiss_kappa, None);
    let of: Vec<_> = report.annotators.iter().map(|one| (one.annotator, one.summary.answers)).collect();
    assert_eq!(of, [(ada, 11), (bob, 10)]);
    assert_eq!((report.annotators[0].summary.consensus.rate.hits, report.annotators[0].summary.consensus.rate.of), (8, 10));
}

#[test]
fn gold_questions_measure_annotators_and_nothing_else() {
    let gold = |at: u32| NewRequest { gold: Some(Label::Class(at % 2)), ..sample(&format!("g{at}"), 0.0) };
    let mut desk = Desk::with("", (0..4).map(gold).collect());
    let ada = desk.ada;
    for at in 0..4 {
        desk.submit(request(at), ada, 0);
    }
    let report = desk.report();
    let rate = report.annotators[0].summary.gold.rate;
    assert_eq!((rate.hits, rate.of), (2, 4));
    assert_eq!((report.shared, report.percent_agreement, report.pairs.len()), (0, None, 0));
}

#[test]
fn who_saw_the_prediction_is_compared_with_who_did_not() {
    let samples = (0..60).map(|at| predicted(&format!("s{at}"), 1)).collect();
    let mut desk = Desk::of_file(&super::file("").replace("blind = 0.0", "blind = 0.5"), samples);
    let ada = desk.ada;
    for _ in 0..60 {
        let id = desk.next(ada);
        let shown = desk.found(id).lease_of(ada).expect("a lease").shown.is_some();
        // Whoever sees what the model says, says so too.
        desk.submit(id, ada, u32::from(shown));
    }
    let anchoring = desk.report().anchoring.expect("predictions");
    let (shown, blind) = (anchoring.counts.shown, anchoring.counts.blind);
    assert_eq!((shown.hits, blind.hits, shown.of + blind.of), (shown.of, 0, 60));
    assert_eq!(anchoring.difference, Some(1.0));
}

#[test]
fn likeness_takes_the_place_of_agreement_where_answers_have_parts() {
    let of = |kind: &str, show: &str, first: Label, second: Label| {
        let text =
            format!("name = \"pets\"\n[form]\nkind = \"{kind}\"\nclasses = [\"cat\", \"dog\"]\n{show}[answers]\noverlap = 2\n");
        let mut desk = Desk::of_file(&text, vec![sample("s", 0.0)]);
        let (ada, bob) = (desk.ada, desk.bob);
        desk.say(0, ada, first);
        desk.say(0, bob, second);
        let report = desk.report();
        assert_eq!((report.percent_agreement, report.annotators.len()), (None, 0));
        report.similarity
    };
    assert_eq!(of("multi", "", Label::Classes(vec![0]), Label::Classes(vec![0, 1])), Some(0.5));
    let boxes = |x: f64| Label::Boxes(vec![LabelBox { class: 0, x, y: 0.1, width: 0.2, height: 0.2 }]);
    assert_eq!(of("boxes", "[show]\nimage = \"a\"\n", boxes(0.1), boxes(0.11)), Some(1.0));
    let spans = |start| Label::Spans(vec![LabelSpan { start, end: 9, class: 0 }]);
    assert_eq!(of("spans", "[show]\ntext = \"a\"\n", spans(0), spans(8)), Some(0.0));
}

#[test]
fn nothing_is_said_of_nothing() {
    let desk = Desk::new("", 2);
    let report = desk.report();
    assert_eq!((report.alpha, report.similarity, report.anchoring), (None, None, None));
    assert_eq!((report.annotators.len(), report.control_labels), (0, 0));
}
