//! The life of join tokens.

use std::fs;

use super::*;

const NOW: Micros = 1_800_000_000 * SECOND;

fn open(dir: &tempfile::TempDir) -> Tokens {
    Tokens::open(&Authority::open(&dir.path().join("tls"), "store-1", NOW).unwrap()).unwrap()
}

#[test]
fn a_token_is_good_many_times_until_it_expires() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = open(&dir);
    let (token, info) = tokens.create(TOKEN_LIFE, NOW).unwrap();
    for _ in 0..3 {
        assert_eq!(tokens.check(token.reveal(), NOW + TOKEN_LIFE - 1), Ok(info.id.clone()));
    }
    assert_eq!(tokens.check(token.reveal(), NOW + TOKEN_LIFE), Err(TokenError::Expired));
    assert_eq!(tokens.check(&format!(" {}\n", token.reveal()), NOW), Ok(info.id), "a file ends with a line");
}

#[test]
fn tokens_survive_a_restart_and_a_revoked_one_does_not_return() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, revoked) = {
        let tokens = open(&dir);
        (tokens.create(TOKEN_LIFE, NOW).unwrap(), tokens.create(TOKEN_LIFE, NOW).unwrap())
    };
    let tokens = open(&dir);
    assert_eq!(tokens.list(NOW), [kept.1.clone(), revoked.1.clone()]);
    assert!(tokens.revoke(&revoked.1.id).unwrap());
    assert!(!tokens.revoke(&revoked.1.id).unwrap());
    let tokens = open(&dir);
    assert_eq!(tokens.check(kept.0.reveal(), NOW), Ok(kept.1.id));
    assert_eq!(tokens.check(revoked.0.reveal(), NOW), Err(TokenError::Unknown));
}

#[test]
fn a_changed_token_is_unknown_or_malformed() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = open(&dir);
    let (token, _) = tokens.create(TOKEN_LIFE, NOW).unwrap();
    let good: Vec<&str> = token.reveal().split('.').collect();
    let with = |at: usize, part: &str| {
        let mut parts = good.clone();
        parts[at] = part;
        tokens.check(&parts.join("."), NOW).unwrap_err()
    };
    assert_eq!(with(2, &"a".repeat(SECRET_CHARACTERS)), TokenError::Unknown);
    assert_eq!(with(1, "aaaaaaaa"), TokenError::Unknown);
    assert_eq!(with(3, "00"), TokenError::Unknown);
    assert_eq!(with(0, "hone2"), TokenError::Malformed);
    assert_eq!(with(2, ""), TokenError::Malformed);
    for broken in ["", ".", "hone1", "hone1...", &format!("{}.more", token.reveal())] {
        assert_eq!(tokens.check(broken, NOW), Err(TokenError::Malformed), "{broken}");
    }
}

#[test]
fn an_expired_token_is_only_told_to_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = open(&dir);
    let (token, info) = tokens.create(SECOND, NOW).unwrap();
    let late = NOW + 2 * SECOND;
    assert_eq!(tokens.check(token.reveal(), late), Err(TokenError::Expired));
    let guess = token.reveal().replace(token.reveal().split('.').nth(2).unwrap(), &"b".repeat(SECRET_CHARACTERS));
    assert!(guess.contains(&info.id));
    assert_eq!(tokens.check(&guess, late), Err(TokenError::Unknown));
}

#[test]
fn neither_disk_nor_debug_output_holds_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = open(&dir);
    let (token, info) = tokens.create(TOKEN_LIFE, NOW).unwrap();
    let secret = token.reveal().split('.').nth(2).unwrap();
    for file in fs::read_dir(dir.path().join("tls")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(secret));
    }
    assert!(!format!("{tokens:?} {token:?} {info:?}").contains(secret));
}

#[test]
fn another_store_does_not_take_the_token() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (token, _) = open(&dir).create(TOKEN_LIFE, NOW).unwrap();
    assert_eq!(open(&other).check(token.reveal(), NOW), Err(TokenError::Unknown));
}

#[test]
fn hashes_are_worthless_beside_another_authority() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (token, _) = open(&dir).create(TOKEN_LIFE, NOW).unwrap();
    drop(open(&other));
    fs::copy(dir.path().join("tls/tokens.json"), other.path().join("tls/tokens.json")).unwrap();
    let moved = open(&other);
    let forged = token.reveal().rsplit_once('.').unwrap().0.to_owned() + "." + &moved.fingerprint;
    assert_eq!(moved.check(&forged, NOW), Err(TokenError::Unknown));
}

#[test]
fn lives_and_numbers_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = open(&dir);
    for life in [-1, 0, MAX_LIFE + 1] {
        assert!(matches!(tokens.create(life, NOW), Err(SecurityError::Token(TokenError::BadLife))));
    }
    let info = TokenInfo { id: "aaaaaaaa".to_owned(), created: NOW, expires: NOW + SECOND };
    *tokens.lock() = vec![Kept { info, hash: String::new() }; MAX_TOKENS];
    assert!(matches!(tokens.create(TOKEN_LIFE, NOW), Err(SecurityError::Token(TokenError::TooMany))));
    assert!(tokens.create(TOKEN_LIFE, NOW + SECOND).is_ok(), "expired ones make room");
}
