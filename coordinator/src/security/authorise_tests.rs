//! The table, cell by cell, for every call that the descriptors know.

use std::{collections::BTreeMap, fs, path::PathBuf};

use prost::Message;

use super::*;

const GOOD: &str = "Bearer right";

fn peer(kind: PeerKind) -> Peer {
    let address = match kind {
        PeerKind::Local { .. } => None,
        PeerKind::Loopback | PeerKind::Tls { .. } | PeerKind::Insecure => Some("192.0.2.7:4000".parse().unwrap()),
    };
    Peer { kind, address }
}

/// Every kind of caller, with how the columns of the table answer it: `+` yes, `?` who are you, `-` not you.
/// Columns: anyone, joiner, worker, worker or client, client.
fn callers() -> Vec<(&'static str, Option<Peer>, Option<&'static str>, &'static str)> {
    let tls = |worker| Some(peer(PeerKind::Tls { worker }));
    let loopback = Some(peer(PeerKind::Loopback));
    let local = Some(peer(PeerKind::Local { uid: 1000 }));
    vec![
        ("a connection of unknown origin", None, None, "?????"),
        ("a connection of unknown origin with the token", None, Some(GOOD), "?????"),
        ("tls, nothing", tls(None), None, "++???"),
        ("tls, wrong token", tls(None), Some("Bearer wrong"), "++???"),
        ("tls, empty token", tls(None), Some("Bearer "), "++???"),
        ("tls, another scheme", tls(None), Some("Basic right"), "++???"),
        ("tls, token", tls(None), Some(GOOD), "++-++"),
        ("tls, certificate", tls(Some(5)), None, "++++-"),
        ("tls, certificate and token", tls(Some(5)), Some(GOOD), "+++++"),
        ("tls, certificate and wrong token", tls(Some(5)), Some("Bearer wrong"), "++???"),
        ("loopback, nothing", loopback, None, "++???"),
        ("loopback, wrong token", loopback, Some("Bearer wrong"), "++???"),
        ("loopback, token", loopback, Some(GOOD), "+++++"),
        ("unix socket", local, None, "+++++"),
        ("insecure", Some(peer(PeerKind::Insecure)), None, "+++++"),
    ]
}

fn column(access: Access) -> usize {
    match access {
        Access::Anyone => 0,
        Access::Joiner => 1,
        Access::Worker => 2,
        Access::WorkerOrClient => 3,
        Access::Client => 4,
    }
}

fn column_named(name: &str) -> usize {
    ["anyone", "joiner", "worker", "worker-or-client", "client"].iter().position(|known| *known == name).unwrap()
}

fn outcome(path: &str, peer: Option<&Peer>, header: Option<&str>) -> char {
    match authorise(path, peer, header, &Secret::new("right".to_owned())) {
        Ok(_) => '+',
        Err(denied) if denied.status.code() == Code::Unauthenticated => '?',
        Err(denied) if denied.status.code() == Code::PermissionDenied => '-',
        Err(denied) => panic!("{denied:?}"),
    }
}

/// Every call of our own services, and those of health and reflection.
fn calls() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(hone_proto::DESCRIPTORS).unwrap();
    let mut calls: Vec<String> =
        ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"].map(|call| format!("/{call}")).into();
    calls.push("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo".to_owned());
    for file in &files.file {
        for service in &file.service {
            // Calls of another tool are served by a listener of its own, where nobody is asked who calls.
            if file.package() == "api.v1.beta1" {
                continue;
            }
            let methods = service.method.iter();
            calls.extend(methods.map(|method| format!("/{}.{}/{}", file.package(), service.name(), method.name())));
        }
    }
    calls
}

/// The table that a person has agreed to: call, then who may make it.
fn agreed() -> BTreeMap<String, usize> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/authorisation.txt");
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(' ').unwrap()).map(|(call, who)| (call.to_owned(), column_named(who.trim()))).collect()
}

#[test]
fn every_call_has_an_agreed_place_in_the_table() {
    let agreed = agreed();
    for call in calls() {
        let access = access_of(&call).unwrap_or_else(|| panic!("`{call}` is not in the table"));
        assert_eq!(Some(&column(access)), agreed.get(&call), "`{call}` is for {access:?}");
    }
    assert_eq!(agreed.len(), calls().len(), "the agreed table has calls that do not exist");
}

#[test]
fn every_cell_answers_as_agreed() {
    for (call, column) in agreed() {
        for (who, peer, header, row) in callers() {
            let expected = row.as_bytes()[column] as char;
            assert_eq!(outcome(&call, peer.as_ref(), header), expected, "{who} calls {call}");
        }
    }
}

#[test]
fn what_is_not_in_the_table_is_closed_to_everybody() {
    let strange = [
        "",
        "/",
        "//",
        "hone.v1.StudyService/ListStudies",
        "/hone.v1.StudyService",
        "/hone.v1.StudyService/",
        "/hone.v1.StudyService/Nothing",
        "/hone.v1.StudyService/ListStudies/x",
        "/hone.v1.BlobService/Nothing",
        "/hone.worker.v1.WorkerService/Nothing",
        "/hone.v1.StudyServiceX/ListStudies",
        "/grpc.health.v1.HealthX/Check",
        "/Hone.v1.StudyService/ListStudies",
        "/hone.v1.StudyService/liststudies",
        "/../hone.v1.StudyService/ListStudies",
    ];
    for path in strange {
        for (who, peer, header, _) in callers().into_iter().filter(|(_, peer, _, _)| peer.is_some()) {
            assert_eq!(outcome(path, peer.as_ref(), header), '-', "{who} calls `{path}`");
        }
    }
}

#[test]
fn only_a_wrong_token_counts_as_a_guess() {
    let call = "/hone.v1.StudyService/ListStudies";
    let token = Secret::new("right".to_owned());
    let guessed = |kind, header| authorise(call, Some(&peer(kind)), header, &token).unwrap_err().guessed;
    assert!(guessed(PeerKind::Loopback, Some("Bearer wrong")));
    assert!(guessed(PeerKind::Tls { worker: Some(1) }, Some("Bearer wrong")));
    assert!(!guessed(PeerKind::Loopback, None));
    assert!(!guessed(PeerKind::Tls { worker: Some(1) }, None));
}

#[test]
fn refusals_say_the_way_out_and_never_the_token() {
    let token = Secret::new("right".to_owned());
    for (who, peer, header, _) in callers() {
        for call in calls() {
            let Err(denied) = authorise(&call, peer.as_ref(), header, &token) else { continue };
            assert!(!denied.status.message().contains("right"), "{who}: {denied:?}");
            assert!(peer.is_none() || denied.status.message().contains("\nhint: "), "{who}: {denied:?}");
        }
    }
}
