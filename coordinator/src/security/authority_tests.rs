//! What the authority keeps, and what it signs.

use std::fs;

use hone_studies::SECOND;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};

use super::*;
use crate::security::{ServerCertificate, worker_of};

const NOW: Micros = 1_800_000_000 * SECOND;

fn open(dir: &tempfile::TempDir, now: Micros) -> Result<Authority, SecurityError> {
    Authority::open(&dir.path().join("tls"), "store-1", now)
}

fn request(change: impl FnOnce(&mut CertificateParams)) -> String {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::default();
    change(&mut params);
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn refusal(result: Result<SignedWorker, SecurityError>) -> String {
    match result {
        Err(SecurityError::Request(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_authority_is_the_same_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(&dir, NOW).unwrap();
    let again = open(&dir, NOW + 400 * DAY).unwrap();
    assert_eq!(first.certificate_pem(), again.certificate_pem());
    assert_eq!(first.fingerprint().unwrap(), again.fingerprint().unwrap());
    assert_eq!(first.derived_key("a"), again.derived_key("a"));
    assert_ne!(first.derived_key("a"), first.derived_key("b"));
}

#[test]
fn a_crash_between_key_and_certificate_keeps_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(&dir, NOW).unwrap().fingerprint().unwrap();
    fs::remove_file(dir.path().join("tls/authority.pem")).unwrap();
    assert_eq!(open(&dir, NOW).unwrap().fingerprint().unwrap(), first);
}

#[test]
fn a_lost_key_is_never_replaced_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir, NOW).unwrap();
    fs::remove_file(dir.path().join("tls/authority.key")).unwrap();
    assert!(matches!(open(&dir, NOW), Err(SecurityError::KeyLost { .. })));
}

#[test]
fn a_key_of_another_authority_is_told() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(&dir, NOW).unwrap();
    open(&other, NOW).unwrap();
    fs::copy(other.path().join("tls/authority.key"), dir.path().join("tls/authority.key")).unwrap();
    assert!(matches!(open(&dir, NOW), Err(SecurityError::Damaged { .. })));
}

#[test]
fn a_worker_certificate_names_worker_and_store_and_ends_after_thirty_days() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    let signed = authority.sign_worker(&request(|_| {}), NOW).unwrap();
    assert_eq!(signed.expires, NOW + 30 * DAY);
    let der = CertificateDer::from_pem_slice(signed.certificate_pem.as_bytes()).unwrap();
    assert_eq!(
        (worker_of(&der, "store-1"), worker_of(&der, "store-2"), worker_of(&der, "store")),
        (Some(signed.worker), None, None)
    );
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any && !parsed.is_ca());
    assert_eq!(parsed.validity().not_after.timestamp() * SECOND, signed.expires);
    assert_eq!(worker_of(authority.certificate(), "store-1"), None);
}

#[test]
fn the_same_key_is_the_same_worker_and_another_key_another() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    let (mine, other) = (request(|_| {}), request(|_| {}));
    let number = |request: &str, now| authority.sign_worker(request, now).unwrap().worker;
    assert_eq!(number(&mine, NOW), number(&mine, NOW + 40 * DAY));
    assert_ne!(number(&mine, NOW), number(&other, NOW));
}

#[test]
fn names_in_a_request_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let greedy = request(|params| {
        params.subject_alt_names = vec![SanType::URI("spiffe://hone/store-1/worker/1".try_into().unwrap())];
        params.distinguished_name.push(DnType::CommonName, "admin");
    });
    let signed = open(&dir, NOW).unwrap().sign_worker(&greedy, NOW).unwrap();
    let der = CertificateDer::from_pem_slice(signed.certificate_pem.as_bytes()).unwrap();
    assert_eq!(worker_of(&der, "store-1"), Some(signed.worker));
    assert_ne!(signed.worker, 1);
}

#[test]
fn a_request_for_more_than_a_client_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    let server = request(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    let ca = request(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    for greedy in [server, ca] {
        let reason = refusal(authority.sign_worker(&greedy, NOW));
        assert!(reason.contains("more than a client"), "{reason}");
    }
}

#[test]
fn garbage_large_requests_and_other_keys_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    refusal(authority.sign_worker("", NOW));
    refusal(authority.sign_worker(&"x".repeat(1 << 20), NOW));
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let other = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    assert!(refusal(authority.sign_worker(&other, NOW)).contains("P-256"));
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let honest = CertificateParams::default().serialize_request(&key).unwrap();
    let mut bytes = honest.der().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(CertificateSigningRequestParams::from_der(&bytes.into()).is_err());
    let mut pem = honest.pem().unwrap();
    let at = pem.len() - 60;
    let other = if pem.as_bytes()[at] == b'A' { "B" } else { "A" };
    pem.replace_range(at..=at, other);
    refusal(authority.sign_worker(&pem, NOW));
}

#[test]
fn the_server_certificate_is_kept_until_a_third_of_its_life_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    let expires = |names: &[&str], now| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        ServerCertificate::open(&authority, &names, now).unwrap().expires
    };
    let first = expires(&["a.example", "2001:db8::1"], NOW);
    assert_eq!(first, NOW + 90 * DAY);
    assert_eq!(expires(&["2001:db8::1", "a.example"], NOW + 59 * DAY), first);
    let renewed = expires(&["a.example", "2001:db8::1"], NOW + 61 * DAY);
    assert_eq!(renewed, NOW + 151 * DAY);
    assert_eq!(expires(&["b.example"], NOW + 62 * DAY), NOW + 152 * DAY, "other names need another certificate");
    let error = ServerCertificate::open(&authority, &["not a name".to_owned()], NOW).unwrap_err();
    assert!(matches!(error, SecurityError::BadName { .. }), "{error}");
}

#[test]
fn debug_output_holds_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(&dir, NOW).unwrap();
    let key = authority.issuer.key().serialize_pem();
    let secret = key.lines().nth(1).unwrap();
    let shown = format!("{authority:?} {:?}", ServerCertificate::open(&authority, &[], NOW).unwrap());
    assert!(!shown.contains(secret) && !shown.contains("PRIVATE"), "{shown}");
}
