//! The stream: dialling, greeting, heartbeats, drain.

use hone_proto::worker::{Goodbye, Hello, Renew, Undrain};

use super::*;
use crate::machine::ExitReason;

fn hello_in(out: &[Output]) -> Option<Hello> {
    out.iter().find_map(|output| match output {
        Output::Send(message) => match &message.kind {
            Some(from_worker::Kind::Hello(hello)) => Some(hello.clone()),
            _ => None,
        },
        _ => None,
    })
}

fn renew_in(out: &[Output]) -> Option<Renew> {
    out.iter().find_map(|output| match output {
        Output::Send(message) => match &message.kind {
            Some(from_worker::Kind::Renew(renew)) => Some(renew.clone()),
            _ => None,
        },
        _ => None,
    })
}

fn timer_in(out: &[Output]) -> Option<i64> {
    out.iter().find_map(|output| match output {
        Output::SetTimer { at_us } => Some(*at_us),
        _ => None,
    })
}

fn exit_in(out: &[Output]) -> Option<ExitReason> {
    out.iter().find_map(|output| match output {
        Output::Exit { reason } => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn the_loaded_spool_starts_the_first_dial() {
    let mut machine = Machine::new(Config::new(WorkerFacts::default(), 1));
    let out = machine.handle(0, Input::SpoolLoaded { records: Vec::new(), last_sequence: 0 });
    assert_eq!(out, vec![Output::Connect { session: 1 }]);
}

#[test]
fn hello_names_what_runs_and_what_has_ended() {
    let mut rig = Rig::running(program());
    rig.assign(key(8, 2), program());
    rig.ended(key(8, 2), Outcome::Success, false);
    rig.uploaded(key(8, 2));
    rig.cut();
    rig.after(10_000_000);
    let out = rig.send(Input::Connected { session: rig.session });
    let hello = hello_in(&out).expect("a hello");
    assert_eq!(hello.held, vec![held(key(7, 1), false), held(key(8, 2), true)]);
}

#[test]
fn back_off_is_jittered_and_never_longer_than_its_cap() {
    let mut rig = Rig::new(|_| {});
    let mut pauses = Vec::new();
    for _ in 0..40 {
        let out = rig.cut();
        let at_us = timer_in(&out).expect("a timer");
        pauses.push(at_us - rig.now_us);
        rig.now_us = at_us;
        assert!(rig.send(Input::Timer).contains(&Output::Connect { session: rig.session }));
    }
    assert!(pauses.iter().all(|pause| (0..10_000_000).contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause > 5_000_000), "{pauses:?}");
    assert!(pauses[0] < 250_000, "{pauses:?}");
}

#[test]
fn messages_of_an_earlier_stream_are_ignored() {
    let mut rig = Rig::running(program());
    let earlier = rig.session;
    rig.cut();
    rig.after(10_000_000);
    let message = ToWorker { kind: Some(over(key(7, 1))) };
    assert_eq!(rig.send(Input::Message { session: earlier, message }), vec![]);
    let cut = Cut::Lost("late".to_owned());
    assert_eq!(rig.send(Input::Disconnected { session: earlier, cut }), vec![]);
    assert_eq!(rig.machine.held(), vec![key(7, 1)]);
}

#[test]
fn another_protocol_is_refused_with_the_way_out() {
    let mut rig = Rig::new(|_| {});
    rig.send(Input::Connected { session: rig.session });
    let welcome = Welcome { protocol: 99, build: "9.9".to_owned(), ..Welcome::default() };
    let out = rig.says(to_worker::Kind::Welcome(welcome));
    let Some(ExitReason::Refused { reason }) = exit_in(&out) else { panic!("{out:?}") };
    assert!(reason.contains("protocol 99") && reason.contains("same version"), "{reason}");
}

#[test]
fn a_stranger_that_is_refused_leaves_and_a_known_worker_tries_again() {
    let refused = || Cut::Refused("no certificate".to_owned());
    let mut stranger = Rig::new(|_| {});
    let out = stranger.send(Input::Disconnected { session: stranger.session, cut: refused() });
    assert!(matches!(exit_in(&out), Some(ExitReason::Refused { .. })));
    let mut known = Rig::ready();
    let out = known.send(Input::Disconnected { session: known.session, cut: refused() });
    assert_eq!(exit_in(&out), None);
    assert!(timer_in(&out).is_some());
}

#[test]
fn goodbye_says_whether_to_come_back() {
    for (retry, leaves) in [(true, false), (false, true)] {
        let mut rig = Rig::ready();
        let goodbye = Goodbye { retry, reason: "restart".to_owned() };
        let out = rig.says(to_worker::Kind::Goodbye(goodbye));
        assert_eq!(exit_in(&out).is_some(), leaves);
        assert_eq!(out.contains(&Output::Disconnect), retry);
    }
}

#[test]
fn one_renewal_keeps_every_lease() {
    let mut rig = Rig::running(program());
    rig.assign(key(9, 1), program());
    rig.send(Input::SettingUp { key: key(9, 1) });
    let renew = renew_in(&rig.after(RENEW_US)).expect("a renewal");
    assert_eq!(renew.nonce, 1);
    assert_eq!(renew.held, vec![held(key(7, 1), false), held(key(9, 1), false)]);
    assert_eq!(renew.setting_up, vec![9]);
}

#[test]
fn an_unanswered_renewal_drops_the_stream_and_no_trial() {
    let mut rig = Rig::running(program());
    rig.after(RENEW_US);
    let out = rig.after(RENEW_US);
    assert_eq!(acts(out), vec![Output::Disconnect]);
    assert_eq!(rig.machine.held(), vec![key(7, 1)]);
}

#[test]
fn answered_renewals_go_on() {
    let mut rig = Rig::ready();
    for nonce in 1..4 {
        let renew = renew_in(&rig.after(RENEW_US)).expect("a renewal");
        assert_eq!(renew.nonce, nonce);
        rig.says(to_worker::Kind::RenewAck(RenewAck { nonce, over: Vec::new() }));
    }
}

#[test]
fn an_idle_worker_leaves_at_once_when_it_drains() {
    let mut rig = Rig::ready();
    let out = rig.send(Input::DrainRequested { hand_back: false, reason: "SIGTERM".to_owned() });
    assert!(matches!(&out[0], Output::Send(message) if matches!(message.kind, Some(from_worker::Kind::Leaving(_)))));
    assert_eq!(exit_in(&out), Some(ExitReason::Drained { reason: "SIGTERM".to_owned() }));
}

#[test]
fn a_draining_worker_says_so_in_a_new_hello_and_waits_for_its_trials() {
    let mut rig = Rig::running(program());
    let out = rig.send(Input::DrainRequested { hand_back: false, reason: "SIGTERM".to_owned() });
    assert_eq!(acts(out), vec![Output::Disconnect, Output::Connect { session: 2 }]);
    let out = rig.send(Input::Connected { session: 2 });
    assert!(hello_in(&out).expect("a hello").draining);
    rig.says(to_worker::Kind::Welcome(Welcome { protocol: 1, renew_ms: 20_000, ..Welcome::default() }));
    rig.ended(key(7, 1), Outcome::Success, false);
    rig.uploaded(key(7, 1));
    assert!(matches!(rig.cause(), Some(Cause::Exited(_))));
    assert!(exit_in(&rig.ack(1)).is_some());
}

#[test]
fn a_worker_that_hands_back_ends_its_trials_as_preempted() {
    let mut rig = Rig::running(program());
    let drain = hone_proto::worker::Drain { hand_back: true, reason: "spot".to_owned() };
    let out = rig.says(to_worker::Kind::Drain(drain));
    assert_eq!(acts(out), vec![signal(key(7, 1), Signal::Preempt)]);
    let out = rig.ended(key(7, 1), Outcome::Success, true);
    let collect = Output::Collect { key: key(7, 1), checkpoint: true, outputs: false, keeps: false };
    assert_eq!(acts(out), vec![collect]);
    rig.uploaded(key(7, 1));
    assert!(matches!(rig.cause(), Some(Cause::Preempted(preempted)) if preempted.reason == "spot"));
}

#[test]
fn a_lease_that_crosses_the_drain_is_handed_back() {
    let mut rig = Rig::running(program());
    let drain = hone_proto::worker::Drain { hand_back: false, reason: "update".to_owned() };
    rig.says(to_worker::Kind::Drain(drain));
    let out = acts(rig.assign(key(8, 1), program()));
    assert!(!out.iter().any(|output| matches!(output, Output::Start { .. })), "{out:?}");
    assert_eq!(out[out.len() - 2..], [Output::Disconnect, Output::Connect { session: 2 }], "it says that it drains");
    assert!(matches!(rig.cause(), Some(Cause::Preempted(_))));
}

#[test]
fn a_coordinator_takes_its_drain_back() {
    let mut rig = Rig::running(program());
    let drain = hone_proto::worker::Drain { hand_back: false, reason: "update".to_owned() };
    rig.says(to_worker::Kind::Drain(drain));
    assert_eq!(acts(rig.says(to_worker::Kind::Undrain(Undrain {}))), vec![]);
    let out = acts(rig.assign(key(8, 1), program()));
    assert!(out.iter().any(|output| matches!(output, Output::Start { .. })), "{out:?}");
}

#[test]
fn an_operators_drain_stands_whatever_the_coordinator_says() {
    let mut rig = Rig::running(program());
    rig.says(to_worker::Kind::Drain(hone_proto::worker::Drain { hand_back: false, reason: "update".to_owned() }));
    rig.send(Input::DrainRequested { hand_back: false, reason: "SIGTERM".to_owned() });
    let out = rig.says(to_worker::Kind::Undrain(Undrain {}));
    assert_eq!(acts(out), vec![Output::Disconnect, Output::Connect { session: 2 }]);
    assert!(hello_in(&rig.send(Input::Connected { session: 2 })).expect("a hello").draining);
}

#[test]
fn a_drained_worker_does_not_wait_for_ever_for_an_absent_coordinator() {
    let mut rig = Rig::running(program());
    rig.cut();
    rig.send(Input::DrainRequested { hand_back: false, reason: "SIGTERM".to_owned() });
    rig.ended(key(7, 1), Outcome::Success, false);
    rig.uploaded(key(7, 1));
    rig.after(14_000_000);
    assert_eq!(exit_in(&rig.after(2_000_000)), Some(ExitReason::LeftUnsaid { records: 1 }));
    assert_eq!(rig.send(Input::Timer), vec![]);
}
