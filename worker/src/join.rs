//! Joining a coordinator on another host: a token is exchanged, once, for a certificate.
//!
//! ```text
//!   worker                                             coordinator
//!     ── TLS, nobody checked: Authority ──────────────►  its authority's certificate
//!     hash of the authority's key == last part of the token?   no: stop, the secret was never sent
//!     ── TLS, checked against that authority: Join ───►  token, signing request
//!     ◄───────────────────────────────────────────────  certificate
//!     from then on: TLS, checked both ways
//! ```
//!
//! The private key is made here and never leaves; it is kept with the certificate in one file of mode 0600.

use std::{
    error::Error,
    fmt, fs, io,
    net::Ipv6Addr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hone_proto::worker::{AuthorityRequest, JoinRequest, worker_service_client::WorkerServiceClient};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use tonic::{
    Code, Status,
    transport::{Certificate, ClientTlsConfig, Endpoint},
};

/// What coordinators' certificates are issued to, whatever the address they are reached under.
const SERVER_NAME: &str = "coordinator.hone";
/// Where coordinators listen unless told otherwise.
const DEFAULT_PORT: u16 = 7171;
const FILE: &str = "certificate.json";
const LIMIT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A worker's certificate with its key, and the authority that it trusts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    certificate_pem: String,
    key_pem: String,
    authority_pem: String,
    /// After this, in microseconds since the epoch, the certificate is refused.
    pub expires_at_us: i64,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("expires_at_us", &self.expires_at_us).finish_non_exhaustive()
    }
}

/// Why a worker could not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Not the form of a token. The token itself is never shown.
    #[error("the join token is malformed; it has four parts, as `hone token create` prints it")]
    MalformedToken,
    /// Not an address.
    #[error("`{0}` is no address of a coordinator; give HOST:PORT")]
    BadAddress(String),
    /// Nobody answers, or not as a coordinator does: perhaps later.
    #[error("the coordinator at `{address}` cannot be reached: {detail}")]
    Unreachable {
        /// As it was given.
        address: String,
        /// What happened.
        detail: String,
    },
    /// Another coordinator answers than the one that made the token, or somebody in between. The secret was not sent.
    #[error("the coordinator at `{address}` is not the one that made this token; check the address, then the network")]
    OtherAuthority {
        /// As it was given.
        address: String,
    },
    /// The coordinator said no.
    #[error("{0}")]
    Refused(String),
    /// The file with the certificate.
    #[error("cannot {operation} `{path}`: {source}", path = .path.display())]
    File {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The message of the operating system.
        #[source]
        source: io::Error,
    },
    /// Other users can read the private key.
    #[error("`{path}` holds a private key and is open to others; close it with `chmod 600 {path}`", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// Keys and certificates do not work out.
    #[error("the certificate cannot be used: {0}; remove it and join again")]
    Certificate(String),
}

impl Identity {
    /// Reads the certificate of an earlier [`join`]; `None` where there is none.
    ///
    /// # Errors
    /// The file cannot be read, or others can read it.
    pub fn load(folder: &Path) -> Result<Option<Identity>, JoinError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(JoinError::File { operation: "read", path, source }),
        };
        let open = fs::metadata(&path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0);
        if open {
            return Err(JoinError::Exposed { path });
        }
        serde_json::from_str(&text).map(Some).map_err(|error| JoinError::Certificate(error.to_string()))
    }

    fn save(&self, folder: &Path) -> Result<(), JoinError> {
        let failed = |source| JoinError::File { operation: "write", path: folder.join(FILE), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let text = serde_json::to_string_pretty(self).expect("texts and numbers are JSON");
        // The temporary file that becomes the new one is made with mode 0600.
        hone_data::durable::write_atomically(folder, FILE, text.as_bytes()).map_err(failed)
    }
}

/// Exchanges a token for a certificate and keeps it in `folder`. `name` is what the worker would like to be called. Who
/// has joined before keeps its key, and so stays the same worker.
///
/// # Errors
/// The token is malformed or refused, the coordinator is another one or out of reach, or the folder cannot be written.
pub async fn join(address: &str, token: &str, folder: &Path, name: &str) -> Result<Identity, JoinError> {
    let token = token.trim();
    let expected = fingerprint_in(token)?;
    let authority_pem = fetch_authority(address).await?;
    if fingerprint_of(&authority_pem)? != expected {
        return Err(JoinError::OtherAuthority { address: address.to_owned() });
    }
    // The same key makes it the same worker to the coordinator, whose running trials go on.
    let earlier = Identity::load(folder)?.map(|identity| identity.key_pem);
    let request = signing_request(earlier.as_deref());
    let (key_pem, signing_request_pem) = request.map_err(|error| JoinError::Certificate(error.to_string()))?;
    let request = JoinRequest { token: token.to_owned(), signing_request_pem, name: name.to_owned() };
    let endpoint = checked(address, &authority_pem, None)?;
    let channel = endpoint.connect().await.map_err(|error| unreachable_at(address, &error))?;
    let joined = WorkerServiceClient::new(channel).join(request).await.map_err(|status| refusal(address, &status))?;
    let joined = joined.into_inner();
    let identity =
        Identity { certificate_pem: joined.certificate_pem, key_pem, authority_pem, expires_at_us: joined.expires_at_us };
    identity.save(folder)?;
    Ok(identity)
}

/// The way to a coordinator for a worker that has joined: TLS, checked both ways, kept alive.
///
/// # Errors
/// The address is none, or the certificate cannot be used.
pub fn channel(address: &str, identity: &Identity) -> Result<Endpoint, JoinError> {
    let own = tonic::transport::Identity::from_pem(&identity.certificate_pem, &identity.key_pem);
    let endpoint = checked(address, &identity.authority_pem, Some(own))?;
    Ok(endpoint.http2_keep_alive_interval(KEEPALIVE).keep_alive_timeout(LIMIT).tcp_keepalive(Some(KEEPALIVE)))
}

/// The hash that ends a token: 16 bytes as hexadecimal.
fn fingerprint_in(token: &str) -> Result<&str, JoinError> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        ["hone1", id, secret, hash]
            if !id.is_empty() && !secret.is_empty() && hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            Ok(hash)
        }
        _ => Err(JoinError::MalformedToken),
    }
}

/// The same hash of a certificate's key, as trust anchors hold it.
fn fingerprint_of(authority_pem: &str) -> Result<String, JoinError> {
    let unusable = |detail: String| JoinError::Certificate(detail);
    let certificate = CertificateDer::from_pem_slice(authority_pem.as_bytes()).map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    let hash = blake3::hash(&roots.roots[0].subject_public_key_info);
    Ok(hash.to_hex()[..32].to_owned())
}

async fn fetch_authority(address: &str) -> Result<String, JoinError> {
    let tls = ClientTlsConfig::new().domain_name(SERVER_NAME).timeout(LIMIT);
    let anybody = Arc::new(Anybody(Arc::new(rustls::crypto::ring::default_provider())));
    let endpoint = endpoint(address)?.tls_config_with_verifier(tls, anybody);
    let endpoint = endpoint.map_err(|error| JoinError::Certificate(in_words(&error)))?;
    let channel = endpoint.connect().await.map_err(|error| unreachable_at(address, &error))?;
    let response = WorkerServiceClient::new(channel).authority(AuthorityRequest {}).await;
    Ok(response.map_err(|status| refusal(address, &status))?.into_inner().certificate_pem)
}

/// A key, the earlier one where there is one, and a request for a certificate.
fn signing_request(earlier: Option<&str>) -> Result<(String, String), rcgen::Error> {
    let key = earlier.map_or_else(|| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256), KeyPair::from_pem)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    Ok((key.serialize_pem(), params.serialize_request(&key)?.pem()?))
}

fn checked(address: &str, authority_pem: &str, own: Option<tonic::transport::Identity>) -> Result<Endpoint, JoinError> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority_pem)).domain_name(SERVER_NAME);
    let tls = tls.timeout(LIMIT);
    let tls = match own {
        Some(own) => tls.identity(own),
        None => tls,
    };
    endpoint(address)?.tls_config(tls).map_err(|error| JoinError::Certificate(in_words(&error)))
}

fn endpoint(address: &str) -> Result<Endpoint, JoinError> {
    let bad = || JoinError::BadAddress(address.to_owned());
    let plain = address.trim().trim_start_matches("https://").trim_end_matches('/');
    if plain.is_empty() || plain.contains(['/', '@', '?', '#']) {
        return Err(bad());
    }
    let host = match plain.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{DEFAULT_PORT}"),
        Err(_) if plain.rsplit_once(':').is_none_or(|(_, port)| port.ends_with(']')) => format!("{plain}:{DEFAULT_PORT}"),
        Err(_) => plain.to_owned(),
    };
    let endpoint = Endpoint::from_shared(format!("https://{host}")).map_err(|_| bad())?;
    let whole = endpoint.uri().port_u16().is_some() && endpoint.uri().host().is_some_and(|host| !host.is_empty());
    if whole { Ok(endpoint.connect_timeout(LIMIT)) } else { Err(bad()) }
}

fn unreachable_at(address: &str, error: &tonic::transport::Error) -> JoinError {
    JoinError::Unreachable { address: address.to_owned(), detail: in_words(error) }
}

fn refusal(address: &str, status: &Status) -> JoinError {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument | Code::ResourceExhausted => {
            JoinError::Refused(status.message().to_owned())
        }
        code => JoinError::Unreachable { address: address.to_owned(), detail: format!("{code}: {}", status.message()) },
    }
}

/// An error with its causes, which say more than it.
fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Takes any certificate, for the one call that brings what others are checked against. Nothing secret goes that way.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn identity() -> Identity {
        let (key_pem, _) = signing_request(None).unwrap();
        Identity { certificate_pem: "c".to_owned(), key_pem, authority_pem: "a".to_owned(), expires_at_us: 7 }
    }

    #[test]
    fn the_key_is_kept_private_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("worker");
        assert_eq!(Identity::load(&folder).unwrap(), None);
        let identity = identity();
        identity.save(&folder).unwrap();
        assert_eq!(Identity::load(&folder).unwrap(), Some(identity.clone()));
        assert_eq!(fs::metadata(folder.join(FILE)).unwrap().mode() & 0o777, 0o600);
        assert!(!format!("{identity:?}").contains("PRIVATE"));
        fs::set_permissions(folder.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Identity::load(&folder), Err(JoinError::Exposed { .. })));
    }

    #[test]
    fn malformed_tokens_are_told_without_being_shown() {
        let hash = "0".repeat(32);
        for token in
            ["", "secret", "hone2.a.b.c", "hone1..b.c", &format!("hone1.a.secret.{hash}0"), &format!("hone1.a.secret.{hash}.x")]
        {
            let error = fingerprint_in(token).unwrap_err();
            assert!(matches!(error, JoinError::MalformedToken) && !format!("{error} {error:?}").contains("secret"));
        }
        assert_eq!(fingerprint_in(&format!("hone1.a.b.{hash}")).unwrap(), hash);
    }

    #[test]
    fn an_address_gets_the_usual_port() {
        let uri = |address| endpoint(address).unwrap().uri().to_string();
        assert_eq!(uri("host"), "https://host:7171/");
        assert_eq!(uri("https://host:80/"), "https://host:80/");
        assert_eq!(uri("192.0.2.1:9"), "https://192.0.2.1:9/");
        assert_eq!(uri("::1"), "https://[::1]:7171/");
        assert_eq!(uri("[::1]"), "https://[::1]:7171/");
        assert_eq!(uri("[::1]:9"), "https://[::1]:9/");
        for bad in ["", "a b", "host:port", "user@host", "host/path", "http://host"] {
            assert!(matches!(endpoint(bad), Err(JoinError::BadAddress(_))), "{bad}");
        }
    }
}
