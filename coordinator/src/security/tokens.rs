//! Join tokens: `hone1.<id>.<secret>.<hash of the authority's key>`.
//!
//! A token is good for as many workers as are started with it, for 24 hours unless told otherwise. The last part lets
//! a worker recognise the coordinator before it sends the secret. What is kept here is a keyed hash: whoever reads
//! `tokens.json`, in a backup for instance, cannot join with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hone_studies::{Micros, SECOND};
use serde::{Deserialize, Serialize};

use super::{Secret, SecurityError, authority::Authority, files::Vault, secret::to_hex};

/// How long a token is good, unless told otherwise.
pub const TOKEN_LIFE: Micros = 24 * 3_600 * SECOND;
/// No token lives longer: what is forgotten must end.
const MAX_LIFE: Micros = 90 * 24 * 3_600 * SECOND;
/// Far more than anybody hands out in the life of a token.
const MAX_TOKENS: usize = 1_000;
const VERSION: &str = "hone1";
const ID_CHARACTERS: usize = 8;
/// 130 bits.
const SECRET_CHARACTERS: usize = 26;
const FILE: &str = "tokens.json";
const PURPOSE: &str = "hone 2025-11 join token hashes";

/// Why a token does not open the door. The first two tell a guesser nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not the form of a token.
    #[error("the join token is malformed; it has four parts, as `hone token create` prints it")]
    Malformed,
    /// Never given out here, revoked, or ended long ago.
    #[error("the join token is not valid here; make a new one with `hone token create`")]
    Unknown,
    /// It was good once.
    #[error("the join token has expired; make a new one with `hone token create`")]
    Expired,
    /// Too many are out.
    #[error("{MAX_TOKENS} join tokens are out; revoke some with `hone token revoke`")]
    TooMany,
    /// A life that cannot be.
    #[error("a join token lives between one second and 90 days")]
    BadLife,
}

/// What may be shown of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// The token's second part.
    pub id: String,
    /// When it was made.
    pub created: Micros,
    /// After this it is refused.
    pub expires: Micros,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    info: TokenInfo,
    hash: String,
}

/// All tokens of a store.
pub struct Tokens {
    vault: Vault,
    key: [u8; 32],
    fingerprint: String,
    kept: Mutex<Vec<Kept>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Reads the tokens kept beside the authority.
    ///
    /// # Errors
    /// The file cannot be read or is open to other users.
    pub fn open(authority: &Authority) -> Result<Tokens, SecurityError> {
        let vault = authority.vault().clone();
        let kept = match vault.read(FILE)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| vault.damaged(FILE, error))?,
            None => Vec::new(),
        };
        let fingerprint = to_hex(&authority.fingerprint()?);
        Ok(Tokens { vault, key: authority.derived_key(PURPOSE), fingerprint, kept: Mutex::new(kept) })
    }

    /// Makes a token that is good for `life`; the only time that its secret is known.
    ///
    /// # Errors
    /// It cannot be stored, or too many are out.
    pub fn create(&self, life: Micros, now: Micros) -> Result<(Secret, TokenInfo), SecurityError> {
        if !(SECOND..=MAX_LIFE).contains(&life) {
            return Err(TokenError::BadLife.into());
        }
        let (id, secret) = (Secret::random(ID_CHARACTERS)?, Secret::random(SECRET_CHARACTERS)?);
        let info = TokenInfo { id: id.reveal().to_owned(), created: now, expires: now + life };
        let token = format!("{VERSION}.{}.{}.{}", info.id, secret.reveal(), self.fingerprint);
        let hash = self.hash(&info.id, secret.reveal()).to_hex().to_string();
        self.change(|kept| {
            kept.retain(|other| other.info.expires > now);
            if kept.len() >= MAX_TOKENS {
                return Err(TokenError::TooMany);
            }
            kept.push(Kept { info: info.clone(), hash });
            Ok(())
        })?;
        Ok((Secret::new(token), info))
    }

    /// Checks a token and returns its id.
    ///
    /// # Errors
    /// It is malformed, unknown, or was good once.
    pub fn check(&self, token: &str, now: Micros) -> Result<String, TokenError> {
        let (id, secret) = self.parts(token)?;
        let given = self.hash(id, secret);
        let kept = self.lock();
        let known = kept.iter().find(|kept| kept.info.id == id).ok_or(TokenError::Unknown)?;
        // Hashes compare in constant time.
        let same = blake3::Hash::from_hex(&known.hash).is_ok_and(|hash| hash == given);
        match (same, known.info.expires > now) {
            (false, _) => Err(TokenError::Unknown),
            (true, false) => Err(TokenError::Expired),
            (true, true) => Ok(known.info.id.clone()),
        }
    }

    /// Takes a token back; false: there was none. Workers that have joined with it stay.
    ///
    /// # Errors
    /// The change cannot be stored.
    pub fn revoke(&self, id: &str) -> Result<bool, SecurityError> {
        if !self.lock().iter().any(|kept| kept.info.id == id) {
            return Ok(false);
        }
        self.change(|kept| {
            kept.retain(|kept| kept.info.id != id);
            Ok(())
        })?;
        Ok(true)
    }

    /// Tokens that are good now, oldest first.
    pub fn list(&self, now: Micros) -> Vec<TokenInfo> {
        self.lock().iter().map(|kept| kept.info.clone()).filter(|info| info.expires > now).collect()
    }

    fn parts<'a>(&self, token: &'a str) -> Result<(&'a str, &'a str), TokenError> {
        let parts: Vec<&str> = token.trim().splitn(5, '.').collect();
        match parts.as_slice() {
            [VERSION, id, secret, hash] if id.len() == ID_CHARACTERS && secret.len() == SECRET_CHARACTERS => {
                if *hash == self.fingerprint { Ok((id, secret)) } else { Err(TokenError::Unknown) }
            }
            _ => Err(TokenError::Malformed),
        }
    }

    fn hash(&self, id: &str, secret: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.key, format!("{id}.{secret}").as_bytes())
    }

    /// Changes the tokens on disk, then in memory.
    fn change(&self, change: impl FnOnce(&mut Vec<Kept>) -> Result<(), TokenError>) -> Result<(), SecurityError> {
        let mut kept = self.lock();
        let mut changed = kept.clone();
        change(&mut changed)?;
        let text = serde_json::to_string_pretty(&changed).expect("texts and numbers are JSON");
        self.vault.write(FILE, &text)?;
        *kept = changed;
        Ok(())
    }

    /// A panic elsewhere cannot leave the list half changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
