//! The coordinator's own certificate authority.
//!
//! One key per store, made on the first start and never replaced: tokens name its hash and workers trust nothing
//! else. It signs the coordinator's certificate and those of workers; what a worker asks for in its request is checked
//! and otherwise ignored.

use std::{fmt, path::Path, time::Duration};

use hone_studies::{Micros, SECOND};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{SecurityError, files::Vault, secret::fill_random};

pub(super) const DAY: Micros = 86_400 * SECOND;
const AUTHORITY_DAYS: i64 = 3_650;
/// How long a worker's certificate is good.
pub const WORKER_DAYS: i64 = 30;
/// Certificates begin earlier by this, for clocks that differ.
const SKEW: Micros = 3_600 * SECOND;
/// A signing request is under 1 KiB.
const MAX_REQUEST_BYTES: usize = 16 << 10;

const KEY: &str = "authority.key";
const CERTIFICATE: &str = "authority.pem";

/// The authority of one store.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    store: String,
    vault: Vault,
}

/// A worker's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedWorker {
    /// The worker's number, made of its key: who joins again with the same key is the same worker.
    pub worker: u64,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// After this it is refused.
    pub expires: Micros,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority kept in `folder`, or makes a new one.
    ///
    /// # Errors
    /// Files cannot be read or written, are open to other users, or do not fit together.
    pub fn open(folder: &Path, store: &str, now: Micros) -> Result<Authority, SecurityError> {
        let vault = Vault::open(folder)?;
        let (key, certificate) = (vault.read(KEY)?, vault.read(CERTIFICATE)?);
        let key = match (key, &certificate) {
            (Some(pem), _) => KeyPair::from_pem(&pem).map_err(|error| vault.damaged(KEY, error))?,
            (None, Some(_)) => return Err(SecurityError::KeyLost { path: vault.path(KEY) }),
            (None, None) => {
                let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
                vault.write(KEY, &key.serialize_pem())?;
                key
            }
        };
        // Only ever missing after a crash between the two files: the key is what counts.
        let certificate_pem = match certificate {
            Some(pem) => pem,
            None => {
                let pem = certify_itself(&key, store, now)?;
                vault.write(CERTIFICATE, &pem)?;
                pem
            }
        };
        Authority::assemble(vault, key, certificate_pem, store)
    }

    fn assemble(vault: Vault, key: KeyPair, certificate_pem: String, store: &str) -> Result<Authority, SecurityError> {
        let damaged = |detail: String| vault.damaged(CERTIFICATE, detail);
        let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|error| damaged(error.to_string()))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|error| damaged(error.to_string()))?;
        if parsed.public_key().subject_public_key.data != key.der_bytes() {
            return Err(damaged(format!("it does not belong to `{KEY}`")));
        }
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Authority { issuer, certificate: der.clone(), certificate_pem, store: store.to_owned(), vault })
    }

    /// The authority's certificate, PEM. Public.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's certificate.
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Id of the store, which stands in workers' certificates.
    pub(super) fn store(&self) -> &str {
        &self.store
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The first 16 bytes of the BLAKE3 hash of the public key: what a join token names.
    ///
    /// # Errors
    /// Never for a certificate that [`Authority::open`] has read.
    pub fn fingerprint(&self) -> Result<[u8; 16], SecurityError> {
        let anchor = rustls_anchor(&self.certificate)?;
        let hash = blake3::hash(&anchor);
        let mut first = [0; 16];
        first.copy_from_slice(&hash.as_bytes()[..16]);
        Ok(first)
    }

    /// A key for purposes of this store's own, which nobody knows who does not have the authority's key.
    pub(super) fn derived_key(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, self.issuer.key().serialized_der())
    }

    /// Signs a certificate for a key.
    pub(super) fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Result<rcgen::Certificate, SecurityError> {
        Ok(params.signed_by(key, &self.issuer)?)
    }

    /// Signs a worker's certificate. Of the request only the key is used.
    ///
    /// # Errors
    /// The request is malformed, not signed by its own key, or asks to be more than a client.
    pub fn sign_worker(&self, request_pem: &str, now: Micros) -> Result<SignedWorker, SecurityError> {
        let request = check_request(request_pem)?;
        let expires = now + WORKER_DAYS * DAY;
        let worker = number_of(request.public_key.der_bytes());
        let mut params = leaf(&format!("hone worker {worker}"), now, expires)?;
        let name = worker_uri(&self.store, worker);
        params.subject_alt_names = vec![SanType::URI(name.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = self.sign(&params, &request.public_key)?;
        Ok(SignedWorker { worker, certificate_pem: certificate.pem(), expires })
    }
}

/// A worker's number: the first 64 bits of its key's BLAKE3 hash. The request is signed, so nobody can take the number
/// of a key that it does not have.
fn number_of(key: &[u8]) -> u64 {
    let hash = blake3::hash(key);
    hash.as_bytes()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The name of a worker in its certificate.
pub(super) fn worker_uri(store: &str, id: u64) -> String {
    format!("spiffe://hone/{store}/worker/{id}")
}

/// The public key as trust anchors hold it.
fn rustls_anchor(certificate: &CertificateDer<'static>) -> Result<Vec<u8>, SecurityError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).map_err(|error| SecurityError::Tls(error.to_string()))?;
    Ok(roots.roots[0].subject_public_key_info.to_vec())
}

fn check_request(pem: &str) -> Result<CertificateSigningRequestParams, SecurityError> {
    if pem.len() > MAX_REQUEST_BYTES {
        return Err(SecurityError::Request(format!("it is larger than {MAX_REQUEST_BYTES} bytes")));
    }
    let request = CertificateSigningRequestParams::from_pem(pem).map_err(|error| SecurityError::Request(error.to_string()))?;
    if PublicKeyData::algorithm(&request.public_key) != &PKCS_ECDSA_P256_SHA256 {
        return Err(SecurityError::Request("its key is not an ECDSA key on P-256".to_owned()));
    }
    let usages = &request.params.extended_key_usages;
    if request.params.is_ca != IsCa::NoCa || usages.iter().any(|usage| *usage != ExtendedKeyUsagePurpose::ClientAuth) {
        return Err(SecurityError::Request("it asks to be more than a client".to_owned()));
    }
    Ok(request)
}

/// What certificates of servers and workers have in common.
pub(super) fn leaf(name: &str, now: Micros, until: Micros) -> Result<CertificateParams, SecurityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    limit(&mut params, now, until)?;
    Ok(params)
}

/// Sets validity and a random serial number.
fn limit(params: &mut CertificateParams, now: Micros, until: Micros) -> Result<(), SecurityError> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_micros((now - SKEW).max(0).unsigned_abs());
    params.not_after = epoch + Duration::from_micros(until.max(0).unsigned_abs());
    let mut serial = [0; 16];
    fill_random(&mut serial)?;
    // A serial number is positive and its first byte not zero.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(())
}

fn certify_itself(key: &KeyPair, store: &str, now: Micros) -> Result<String, SecurityError> {
    let mut params = leaf(&format!("hone {store}"), now, now + AUTHORITY_DAYS * DAY)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params.self_signed(key)?.pem())
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;
