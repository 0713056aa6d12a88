//! Hands out credentials and knows those that are out: the authority, tokens, and the throttle in one place.

use std::{
    fmt,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use hone_proto::worker::{JoinRequest, JoinResponse};
use hone_studies::Micros;
use rustls::{ServerConfig, pki_types::CertificateDer};
use tonic::Status;

use super::{
    Authority, Passes, Secret, SecurityError, ServerCertificate, Throttle, TokenInfo, Tokens, certificate, files::Vault,
    tokens::TOKEN_LIFE,
};

/// Where keys, certificates and tokens are, below the data directory.
const FOLDER: &str = "tls";
/// 260 bits.
const TOKEN_CHARACTERS: usize = 52;
/// Where the client token is kept.
const TOKEN: &str = "client.token";

/// The credentials of a running coordinator.
pub struct Gatekeeper {
    authority: Authority,
    tls: Arc<ServerConfig>,
    browsers: Arc<ServerConfig>,
    tokens: Tokens,
    passes: Passes,
    token: Secret,
    throttle: Throttle,
    started: Instant,
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatekeeper").field("authority", &self.authority).field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Gatekeeper {
    /// Opens what is kept below the data directory, makes what is missing, renews what ends soon. `names` are further
    /// names of this host for its certificate.
    ///
    /// # Errors
    /// Files cannot be read or written, or are open to other users.
    pub fn open(data: &Path, store: &str, names: &[String]) -> Result<Gatekeeper, SecurityError> {
        let now = wall();
        let folder = data.join(FOLDER);
        let authority = Authority::open(&folder, store, now)?;
        let certificate = ServerCertificate::open(&authority, names, now)?;
        Ok(Gatekeeper {
            tls: certificate.tls_config(&authority)?,
            browsers: certificate.browser_config()?,
            tokens: Tokens::open(&authority)?,
            passes: Passes::open(&authority)?,
            token: client_token(&Vault::open(&folder)?)?,
            throttle: Throttle::default(),
            started: Instant::now(),
            authority,
        })
    }

    /// The token that lets a client do everything: for `coordinator.json`, and nowhere else.
    pub fn client_token(&self) -> &str {
        self.token.reveal()
    }

    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    pub(super) fn tls_config(&self) -> Arc<ServerConfig> {
        self.tls.clone()
    }

    /// What browsers are served with: the coordinator's own certificate, and nobody is asked for one.
    pub(crate) fn browser_config(&self) -> Arc<ServerConfig> {
        self.browsers.clone()
    }

    /// Invites, sessions and tokens of annotators.
    pub(crate) fn passes(&self) -> &Passes {
        &self.passes
    }

    /// Whether this is the token that lets a client do everything.
    pub(crate) fn is_client_token(&self, given: &str) -> bool {
        self.token.matches(given)
    }

    pub(super) fn worker_of(&self, certificate: &CertificateDer<'_>) -> Option<u64> {
        certificate::worker_of(certificate, self.authority.store())
    }

    /// The authority's certificate, PEM: what a worker compares with its token. Public.
    ///
    /// # Errors
    /// None today; an authority kept elsewhere may be out of reach.
    pub fn authority_pem(&self) -> Result<String, SecurityError> {
        Ok(self.authority.certificate_pem().to_owned())
    }

    /// A join token with the usual life.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn new_join_token(&self) -> Result<String, SecurityError> {
        self.create_join_token(0).map(|(token, _)| token)
    }

    /// A join token that is good for `life`, or as long as usual if that is 0, and when it ends.
    ///
    /// # Errors
    /// It cannot be stored, or the life is too long.
    pub fn create_join_token(&self, life: Micros) -> Result<(String, Micros), SecurityError> {
        let life = if life == 0 { TOKEN_LIFE } else { life };
        let (token, info) = self.tokens.create(life, wall())?;
        tracing::info!(token = info.id, "a join token was made");
        Ok((token.reveal().to_owned(), info.expires))
    }

    /// Join tokens that are good now.
    pub fn join_tokens(&self) -> Vec<TokenInfo> {
        self.tokens.list(wall())
    }

    /// Takes a join token back; false: there is none with this id.
    ///
    /// # Errors
    /// The change cannot be stored.
    pub fn revoke_join_token(&self, id: &str) -> Result<bool, SecurityError> {
        self.tokens.revoke(id)
    }

    /// Exchanges a join token for a certificate. The same key gets the same number again.
    ///
    /// # Errors
    /// `Unauthenticated` for the token, `InvalidArgument` for the signing request.
    pub fn join(&self, request: JoinRequest) -> Result<JoinResponse, Status> {
        let now = wall();
        let token = self.tokens.check(&request.token, now).map_err(SecurityError::from)?;
        let signed = self.authority.sign_worker(&request.signing_request_pem, now)?;
        tracing::info!(token, worker = signed.worker, name = request.name, "a worker joined");
        Ok(JoinResponse {
            certificate_pem: signed.certificate_pem,
            authority_pem: self.authority.certificate_pem().to_owned(),
            expires_at_us: signed.expires,
        })
    }

    pub(super) fn is_closed(&self, address: IpAddr) -> bool {
        self.throttle.is_closed(address, self.monotonic())
    }

    pub(super) fn failed(&self, address: IpAddr) {
        self.throttle.failed(address, self.monotonic());
    }

    /// Time on a clock that does not go back.
    pub(crate) fn monotonic(&self) -> Micros {
        Micros::try_from(self.started.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }
}

/// The clients' token. It is kept, because programs on other hosts go on with it when the coordinator is restarted.
fn client_token(vault: &Vault) -> Result<Secret, SecurityError> {
    if let Some(kept) = vault.read(TOKEN)? {
        let whole = kept.trim().len() == TOKEN_CHARACTERS;
        return if whole { Ok(Secret::new(kept.trim().to_owned())) } else { Err(vault.damaged(TOKEN, "it is no token")) };
    }
    let token = Secret::random(TOKEN_CHARACTERS)?;
    vault.write(TOKEN, token.reveal())?;
    Ok(token)
}

/// Now, as it is written down.
pub(crate) fn wall() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(data: &Path) -> Result<String, SecurityError> {
        Gatekeeper::open(data, "store", &[]).map(|gatekeeper| gatekeeper.client_token().to_owned())
    }

    #[test]
    fn the_client_token_outlives_a_restart_and_is_replaced_when_its_file_is_removed() {
        let data = tempfile::tempdir().unwrap();
        let first = token(data.path()).unwrap();
        assert_eq!(token(data.path()).unwrap(), first);
        let file = data.path().join(FOLDER).join(TOKEN);
        std::fs::remove_file(&file).unwrap();
        assert_ne!(token(data.path()).unwrap(), first);
    }

    #[test]
    fn a_short_client_token_is_refused() {
        let data = tempfile::tempdir().unwrap();
        token(data.path()).unwrap();
        let file = data.path().join(FOLDER).join(TOKEN);
        std::fs::write(&file, "guess").unwrap();
        assert!(token(data.path()).unwrap_err().to_string().contains("client.token"));
    }
}
