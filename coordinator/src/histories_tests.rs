use super::*;

fn past(key: &str, known: u64, finished: Vec<v1::PastTrial>) -> v1::PastTrials {
    let range = v1::FloatRange { low: 0.0, high: 1.0, ..Default::default() };
    let distribution = Some(v1::Distribution { kind: Some(v1::distribution::Kind::Float(range)) });
    v1::PastTrials {
        key: key.to_owned(),
        known,
        search: "sampler = \"tpe\"\nseed = 7\npruner = { kind = \"median\", startup_trials = 1, warmup_steps = 0 }".to_owned(),
        space: vec![v1::SpaceParameter { name: "x".to_owned(), distribution }],
        directions: vec!["minimize".to_owned()],
        finished,
    }
}

fn finished(number: u64) -> v1::PastTrial {
    let x = number as f64 / 40.0;
    v1::PastTrial {
        number,
        state: "complete".to_owned(),
        params: vec![parameter_to_proto("x", Value::Float(x))],
        values: vec![(x - 0.25).abs()],
        curve: vec![v1::Point { step: 1, metric: String::new(), value: (x - 0.25).abs() }],
        ..Default::default()
    }
}

fn propose(histories: &Histories, past: v1::PastTrials) -> Result<Vec<v1::Proposal>, HistoryError> {
    histories.propose(v1::ProposeRequest { past: Some(past), number: 40, count: 1, pending: Vec::new(), only: None })
}

#[test]
fn what_is_sent_bit_by_bit_is_what_is_sent_at_once() {
    let histories = Histories::default();
    let whole = propose(&histories, past("", 0, (0..40).map(finished).collect())).unwrap();
    for number in 0..40 {
        propose(&histories, past("key", number, vec![finished(number)])).unwrap();
    }
    assert_eq!(propose(&histories, past("key", 40, Vec::new())).unwrap(), whole);
}

#[test]
fn what_is_not_known_has_to_be_sent_again() {
    let histories = Histories::default();
    let unknown = propose(&histories, past("key", 3, Vec::new()));
    assert!(matches!(unknown, Err(HistoryError::Forgotten)));
    propose(&histories, past("key", 0, vec![finished(0)])).unwrap();
    assert!(propose(&histories, past("key", 0, vec![finished(0), finished(1)])).is_ok());
    assert!(matches!(propose(&histories, past("key", 1, Vec::new())), Err(HistoryError::Forgotten)));
    for other in 0..=MAX_HISTORIES {
        propose(&histories, past(&format!("other {other}"), 0, Vec::new())).unwrap();
    }
    assert!(matches!(propose(&histories, past("key", 2, Vec::new())), Err(HistoryError::Forgotten)));
}

#[test]
fn a_wider_space_reads_what_is_known_again() {
    let histories = Histories::default();
    propose(&histories, past("key", 0, (0..40).map(finished).collect())).unwrap();
    let mut wider = past("key", 40, Vec::new());
    let range = v1::FloatRange { low: -1.0, high: 1.0, ..Default::default() };
    wider.space[0].distribution = Some(v1::Distribution { kind: Some(v1::distribution::Kind::Float(range)) });
    let mut anew = wider.clone();
    (anew.key, anew.known, anew.finished) = (String::new(), 0, (0..40).map(finished).collect());
    assert_eq!(propose(&histories, wider).unwrap(), propose(&histories, anew).unwrap());
}

#[test]
fn one_parameter_can_be_asked_for() {
    let histories = Histories::default();
    let request = |only: &str| v1::ProposeRequest {
        past: Some(past("", 0, (0..40).map(finished).collect())),
        number: 40,
        only: Some(only.to_owned()),
        ..Default::default()
    };
    let proposals = histories.propose(request("x")).unwrap();
    assert_eq!(proposals[0].params.len(), 1);
    assert!(matches!(histories.propose(request("y")), Err(HistoryError::Invalid(_))));
}

#[test]
fn a_trial_that_is_worse_than_the_median_is_stopped() {
    let histories = Histories::default();
    let judge = |value| {
        let curve = vec![v1::Point { step: 1, metric: String::new(), value }];
        let trial = Some(v1::PastTrial { number: 40, curve, ..Default::default() });
        histories.judge(v1::JudgeRequest { past: Some(past("", 0, (0..40).map(finished).collect())), trial })
    };
    assert_eq!(judge(0.0).unwrap(), None);
    assert!(judge(0.9).unwrap().is_some());
}

#[test]
fn mistakes_are_told_as_in_a_study_file() {
    let histories = Histories::default();
    let mut wrong = past("", 0, Vec::new());
    wrong.search = "sampler = \"tpee\"".to_owned();
    let Err(HistoryError::Invalid(message)) = propose(&histories, wrong) else { panic!("accepted") };
    assert!(message.contains("tpee") && message.contains("tpe"), "{message}");
}

#[test]
fn reports_of_trials_under_way_are_remembered_before_any_has_ended() {
    let histories = Histories::default();
    let judge = |number: u64, value: f64| {
        let mut past = past("key", 0, Vec::new());
        past.search = "pruner = { kind = \"asha\", min_steps = 1, reduction = 2 }".to_owned();
        let curve = vec![v1::Point { step: 1, metric: String::new(), value }];
        let trial = Some(v1::PastTrial { number, curve, ..Default::default() });
        histories.judge(v1::JudgeRequest { past: Some(past), trial }).unwrap()
    };
    assert_eq!(judge(0, 0.1), None);
    assert_eq!(judge(1, 0.2).as_deref(), Some("asha: place 2 of 2 at step 1, best 1 go on"));
}
