//! Random lives of label requests.

use std::collections::BTreeMap;

use hone_studies::{
    AnnotatorId, Command, Event, LabelRequestId, SECOND,
    label::{Channel, Label, LabelCommand, LabelEvent, Rescore},
};
use proptest::{collection::vec, prelude::*};

use super::{Desk, PROJECT, sample, weighing};

/// One thing that happens; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Happening {
    Next(u64),
    Submit(u64, u64, u32),
    Skip(u64, u64),
    Undo(u64, u64),
    Release(u64, u64),
    WithdrawAnswer(u64, u64),
    Withdraw(u64),
    Reopen(u64),
    Resolve(u64, u64, u32),
    Rescore(u64, f64),
    Weigh,
    Ask(u64),
    Pass(i64),
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    let (who, which, class) = (0..4_u64, 0..12_u64, 0..2_u32);
    prop_oneof![
        8 => who.clone().prop_map(Happening::Next),
        8 => (which.clone(), who.clone(), class.clone()).prop_map(|(which, who, class)| Happening::Submit(which, who, class)),
        2 => (which.clone(), who.clone()).prop_map(|(which, who)| Happening::Skip(which, who)),
        2 => (which.clone(), who.clone()).prop_map(|(which, who)| Happening::Undo(which, who)),
        2 => (which.clone(), who.clone()).prop_map(|(which, who)| Happening::Release(which, who)),
        2 => (which.clone(), 1..40_u64).prop_map(|(which, answer)| Happening::WithdrawAnswer(which, answer)),
        1 => which.clone().prop_map(Happening::Withdraw),
        1 => which.clone().prop_map(Happening::Reopen),
        1 => (which.clone(), who.clone(), class).prop_map(|(which, who, class)| Happening::Resolve(which, who, class)),
        1 => (which.clone(), -3.0..3.0_f64).prop_map(|(which, priority)| Happening::Rescore(which, priority)),
        2 => Just(Happening::Weigh),
        2 => which.prop_map(Happening::Ask),
        2 => (1..90_i64).prop_map(Happening::Pass),
        1 => Just(Happening::Restart),
    ]
}

fn happen(desk: &mut Desk, happening: Happening) {
    let request = |which: u64| LabelRequestId(which + 1);
    let annotator = |who: u64| AnnotatorId(who + 1);
    let reason = String::new();
    let command = match happening {
        Happening::Next(who) => LabelCommand::Next { project: PROJECT, annotator: annotator(who), holding: Vec::new() },
        Happening::Submit(which, who, class) => Desk::submission(request(which), annotator(who), class),
        Happening::Skip(which, who) => LabelCommand::Skip { request: request(which), annotator: annotator(who), reason },
        Happening::Undo(which, who) => LabelCommand::Undo { request: request(which), annotator: annotator(who) },
        Happening::Release(which, who) => LabelCommand::Release { request: request(which), annotator: annotator(who) },
        Happening::WithdrawAnswer(which, answer) => {
            LabelCommand::WithdrawAnswer { request: request(which), answer: hone_studies::AnswerId(answer), reason }
        }
        Happening::Withdraw(which) => LabelCommand::Withdraw { request: request(which), reason },
        Happening::Reopen(which) => LabelCommand::Reopen { request: request(which) },
        Happening::Resolve(which, who, class) => {
            LabelCommand::Resolve { request: request(which), label: Label::Class(class), by: annotator(who) }
        }
        Happening::Rescore(which, priority) => LabelCommand::Rescore {
            project: PROJECT,
            source: "again".to_owned(),
            scores: vec![Rescore { request: request(which), priority, prediction: None }],
        },
        Happening::Weigh => weighing::weigh(desk),
        Happening::Ask(which) => {
            drop(desk.request(vec![sample(&format!("s{which}"), 0.5)]));
            return;
        }
        Happening::Pass(seconds) => {
            desk.bench.pass(seconds * SECOND);
            return;
        }
        Happening::Restart => {
            desk.bench.restart();
            return;
        }
    };
    // Refusals are answers like others.
    let _ = desk.bench.try_ask(Command::Label(command));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happens: every invariant holds after each step (the bench looks), no answer that was accepted is lost, a
    /// request never has more leases and answers than are wanted by its own doing, and replay gives the same state.
    #[test]
    fn any_life_keeps_every_answer_and_replays(
        overlap in prop::sample::select(vec!["overlap = 1", "overlap = 2", "overlap = [1, 3]", "overlap = [2, 3]\nexpire = \"50s\""]),
        consensus in prop::sample::select(vec!["majority", "dawid-skene"]),
        happenings in vec(happening(), 1..120),
    ) {
        let mut desk = Desk::new(&format!("{overlap}\nconsensus = \"{consensus}\"\nlease = \"60s\"\nskips = 2\n"), 6);
        for name in ["Cy", "Di"] {
            desk.ask(LabelCommand::Join { name: name.to_owned(), channel: Channel::Page });
        }
        let mut accepted: BTreeMap<u64, (LabelRequestId, AnnotatorId)> = BTreeMap::new();
        for happening in happenings {
            let before = desk.bench.journal.len();
            happen(&mut desk, happening);
            for event in &desk.bench.journal[before..] {
                if let Event::Label(event) = event && let LabelEvent::Answered(fact) = &**event {
                    accepted.insert(fact.answer.0, (fact.request, fact.annotator));
                }
            }
        }
        for (answer, (request, annotator)) in accepted {
            let kept = desk.found(request).answers.iter().find(|known| known.id.0 == answer);
            prop_assert!(kept.is_some_and(|kept| kept.annotator == annotator), "answer {answer} is lost");
        }
        desk.bench.check_replay();
    }
}
