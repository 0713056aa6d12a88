//! The coordinator's own certificate, the TLS settings made of it, and whose certificate a peer has shown.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc};

use hone_studies::{Micros, SECOND};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use super::{
    SecurityError,
    authority::{Authority, DAY, leaf, worker_uri},
};

/// The name that workers ask for, whatever the address they reach the coordinator under: only this authority can
/// certify it, and it certifies one server.
pub const SERVER_NAME: &str = "coordinator.hone";
const SERVER_DAYS: i64 = 90;

const KEY: &str = "server.key";
const CERTIFICATE: &str = "server.pem";

/// The coordinator's certificate with its key.
pub struct ServerCertificate {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    /// After this it is refused.
    pub expires: Micros,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl ServerCertificate {
    /// Reads the certificate, or makes a new one: when there is none for these names and this authority, or less than
    /// a third of its life is left.
    ///
    /// # Errors
    /// Files cannot be read or written, or a name cannot stand in a certificate.
    pub fn open(authority: &Authority, names: &[String], now: Micros) -> Result<ServerCertificate, SecurityError> {
        let names = with_own_names(names);
        match stored(authority, &names)?.filter(|stored| stored.expires - now > SERVER_DAYS * DAY / 3) {
            Some(stored) => Ok(stored),
            None => issue(authority, &names, now),
        }
    }

    /// TLS 1.3 with this certificate. Clients may show a certificate; one that is shown must be this authority's, in
    /// date, and for clients. Sessions are not resumed, so that every connection is checked anew.
    ///
    /// # Errors
    /// The library refuses key or certificate.
    pub fn tls_config(&self, authority: &Authority) -> Result<Arc<ServerConfig>, SecurityError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).map_err(refused)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = verifier.allow_unauthenticated().build().map_err(refused)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(refused)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.certificate.clone()], self.key_der())
            .map_err(refused)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// The same for browsers, which have no certificate of their own and speak HTTP/1.1 here.
    ///
    /// # Errors
    /// As [`ServerCertificate::tls_config`].
    pub fn browser_config(&self) -> Result<Arc<ServerConfig>, SecurityError> {
        browser_config(vec![self.certificate.clone()], self.key_der()).map_err(refused)
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }
}

/// TLS 1.3 for browsers with a certificate and key of the operator's own, PEM.
///
/// # Errors
/// [`SecurityError::OwnCertificate`] names the file and what is wrong with it.
pub fn own_browser_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, SecurityError> {
    let wrong = |path: &Path, what, detail: String| SecurityError::OwnCertificate { path: path.to_owned(), what, detail };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| wrong(certificate, "a certificate", error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "a certificate", "it holds none in PEM".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, "a private key", error.to_string()))?;
    browser_config(chain, private).map_err(|error| wrong(key, "the key of the certificate", error.to_string()))
}

fn browser_config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn refused(error: impl ToString) -> SecurityError {
    SecurityError::Tls(error.to_string())
}

/// The names given, those of this host, and the one that workers ask for.
pub(crate) fn with_own_names(names: &[String]) -> BTreeSet<String> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let own = [SERVER_NAME, "localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned);
    let host = Some(host).filter(|host| is_name(host));
    names.iter().cloned().chain(own).chain(host).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

fn issue(authority: &Authority, names: &BTreeSet<String>, now: Micros) -> Result<ServerCertificate, SecurityError> {
    if let Some(bad) = names.iter().find(|name| !is_name(name)) {
        return Err(SecurityError::BadName { name: bad.clone() });
    }
    let expires = now + SERVER_DAYS * DAY;
    let mut params = leaf("hone coordinator", now, expires)?;
    params.subject_alt_names = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?.subject_alt_names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = authority.sign(&params, &key)?;
    authority.vault().write(KEY, &key.serialize_pem())?;
    authority.vault().write(CERTIFICATE, &certificate.pem())?;
    Ok(ServerCertificate { certificate: certificate.der().clone(), key, expires })
}

/// The certificate on disk, when it is whole, of this authority and for exactly these names.
fn stored(authority: &Authority, names: &BTreeSet<String>) -> Result<Option<ServerCertificate>, SecurityError> {
    let vault = authority.vault();
    let (Some(key), Some(pem)) = (vault.read(KEY)?, vault.read(CERTIFICATE)?) else { return Ok(None) };
    let (Ok(key), Ok(certificate)) = (KeyPair::from_pem(&key), CertificateDer::from_pem_slice(pem.as_bytes())) else {
        return Ok(None);
    };
    let expires = usable(authority, &certificate, &key, names);
    Ok(expires.map(|expires| ServerCertificate { certificate, key, expires }))
}

/// When a stored certificate ends, if it may be used until then.
fn usable(authority: &Authority, certificate: &CertificateDer<'_>, key: &KeyPair, names: &BTreeSet<String>) -> Option<Micros> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let (_, issuer) = x509_parser::parse_x509_certificate(authority.certificate()).ok()?;
    parsed.verify_signature(Some(issuer.public_key())).ok()?;
    let ours = parsed.public_key().subject_public_key.data == key.der_bytes() && &names_of(&parsed) == names;
    ours.then(|| parsed.validity().not_after.timestamp() * SECOND)
}

fn names_of(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return BTreeSet::new() };
    names.value.general_names.iter().filter_map(name_of).collect()
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Which worker of this store a certificate belongs to. The chain must have been verified before.
pub fn worker_of(certificate: &CertificateDer<'_>, store: &str) -> Option<u64> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok()??;
    let prefix = worker_uri(store, 0);
    let prefix = prefix.strip_suffix('0')?;
    let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else { return None };
    uri.strip_prefix(prefix)?.parse().ok()
}
