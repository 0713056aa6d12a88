//! The life of invites, sessions and tokens.

use std::fs;

use super::*;

const NOW: Micros = 1_800_000_000 * SECOND;

fn open(dir: &tempfile::TempDir) -> Passes {
    Passes::open(&Authority::open(&dir.path().join("tls"), "store-1", NOW).unwrap()).unwrap()
}

fn wish(kind: PassKind, annotator: &str) -> PassWish {
    PassWish { kind, annotator: annotator.to_owned(), projects: vec![3], life: INVITE_LIFE, session: SESSION_LIFE }
}

fn why(error: SecurityError) -> PassError {
    let SecurityError::Pass(error) = error else { panic!("{error}") };
    error
}

#[test]
fn an_invite_becomes_a_session_once() {
    let dir = tempfile::tempdir().unwrap();
    let passes = open(&dir);
    let (invite, _) = passes.create(wish(PassKind::Invite, "ada"), NOW).unwrap();
    let (session, pass) = passes.exchange(invite.reveal(), NOW + 5).unwrap();
    assert_eq!((pass.kind, pass.annotator.as_str(), pass.projects.as_slice()), (PassKind::Session, "ada", &[3][..]));
    assert_eq!(pass.expires, NOW + 5 + SESSION_LIFE);
    assert_eq!(passes.check(PassKind::Session, session.reveal(), NOW + 6).unwrap().id, pass.id);
    assert_eq!(why(passes.exchange(invite.reveal(), NOW + 7).unwrap_err()), PassError::Used);
}

#[test]
fn nothing_opens_another_door_than_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let passes = open(&dir);
    let (invite, _) = passes.create(wish(PassKind::Invite, "ada"), NOW).unwrap();
    let (token, _) = passes.create(wish(PassKind::Token, "ada"), NOW).unwrap();
    let (session, _) = passes.exchange(invite.reveal(), NOW).unwrap();
    let secrets = [(PassKind::Session, session.reveal().to_owned()), (PassKind::Token, token.reveal().to_owned())];
    for (kind, secret) in &secrets {
        assert!(passes.check(*kind, secret, NOW).is_ok());
        for (other, _) in secrets.iter().filter(|(other, _)| other != kind) {
            assert_eq!(passes.check(*other, secret, NOW), Err(PassError::Unknown));
            // The part that tells what it is cannot be exchanged either.
            let bare = secret.trim_start_matches(TOKEN_PREFIX);
            assert_eq!(passes.check(*other, &format!("{}{bare}", prefix(*other)), NOW), Err(PassError::Unknown));
        }
        assert_eq!(why(passes.exchange(secret.trim_start_matches(TOKEN_PREFIX), NOW).unwrap_err()), PassError::Unknown);
    }
    let longer = format!("{}a", session.reveal());
    let wrong = format!("{}a", &session.reveal()[..session.reveal().len() - 1]);
    let other = format!("{}b", &session.reveal()[..session.reveal().len() - 1]);
    assert!([wrong, other].iter().filter(|given| passes.check(PassKind::Session, given, NOW).is_ok()).count() <= 1);
    for given in ["", ".", "a.b", longer.as_str()] {
        assert_eq!(passes.check(PassKind::Session, given, NOW), Err(PassError::Unknown), "{given}");
    }
}

#[test]
fn a_pass_is_over_when_its_time_is() {
    let dir = tempfile::tempdir().unwrap();
    let passes = open(&dir);
    let (invite, _) = passes.create(wish(PassKind::Invite, "ada"), NOW).unwrap();
    let (token, _) = passes.create(wish(PassKind::Token, "ada"), NOW).unwrap();
    assert_eq!(passes.check(PassKind::Token, token.reveal(), NOW + INVITE_LIFE), Err(PassError::Expired));
    assert_eq!(why(passes.exchange(invite.reveal(), NOW + INVITE_LIFE).unwrap_err()), PassError::Expired);
    let (session, _) = passes.exchange(invite.reveal(), NOW).unwrap();
    assert!(passes.check(PassKind::Session, session.reveal(), NOW + SESSION_LIFE - 1).is_ok());
    assert_eq!(passes.check(PassKind::Session, session.reveal(), NOW + SESSION_LIFE), Err(PassError::SessionOver));
    for life in [0, -1, MAX_LIFE + 1] {
        let error = passes.create(PassWish { life, ..wish(PassKind::Token, "ada") }, NOW).unwrap_err();
        assert_eq!(why(error), PassError::BadLife);
    }
}

#[test]
fn sessions_survive_a_restart_and_revoked_ones_do_not_return() {
    let dir = tempfile::tempdir().unwrap();
    let (ada, bob) = {
        let passes = open(&dir);
        let come_in = |name: &str| {
            let (invite, _) = passes.create(wish(PassKind::Invite, name), NOW).unwrap();
            passes.exchange(invite.reveal(), NOW).unwrap().0
        };
        (come_in("ada"), come_in("bob"))
    };
    let passes = open(&dir);
    assert!(passes.check(PassKind::Session, ada.reveal(), NOW).is_ok());
    passes.create(wish(PassKind::Token, "bob"), NOW).unwrap();
    assert_eq!(passes.revoke("bob", NOW).unwrap(), 2, "by the annotator's name: the session and the token");
    assert_eq!(passes.revoke("bob", NOW).unwrap(), 0);
    let passes = open(&dir);
    assert_eq!(passes.check(PassKind::Session, bob.reveal(), NOW), Err(PassError::Unknown));
    let listed = passes.list(NOW);
    assert_eq!(listed.iter().map(|(pass, _)| pass.annotator.as_str()).collect::<Vec<_>>(), ["ada"]);
    assert_eq!(passes.revoke(&listed[0].0.id, NOW).unwrap(), 1, "by its id");
    assert_eq!(passes.check(PassKind::Session, ada.reveal(), NOW), Err(PassError::Unknown));
}

#[test]
fn no_secret_is_kept_and_the_file_is_private() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let passes = open(&dir);
    let (invite, _) = passes.create(wish(PassKind::Invite, "ada"), NOW).unwrap();
    let (session, _) = passes.exchange(invite.reveal(), NOW).unwrap();
    let path = dir.path().join("tls").join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    for secret in [invite.reveal(), session.reveal()] {
        let (_, secret) = secret.split_once('.').unwrap();
        assert!(!text.contains(secret) && !format!("{passes:?}").contains(secret));
    }
    assert!(text.contains("ada"));
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_ticket_is_one_annotators_for_one_sample_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ticket = open(&dir).ticket(7, 1);
    let passes = open(&dir);
    assert!(passes.is_ticket(7, 1, &ticket));
    assert!(!passes.is_ticket(7, 2, &ticket) && !passes.is_ticket(8, 1, &ticket) && !passes.is_ticket(1, 7, &ticket));
    let other = tempfile::tempdir().unwrap();
    assert!(!open(&other).is_ticket(7, 1, &ticket), "another store");
}
