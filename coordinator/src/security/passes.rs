//! What lets annotators in: invites, sessions and tokens.
//!
//! ```text
//!   hone label invite NAME ──► invite `<id>.<secret>` ── once ──► session, the browser's cookie
//!                      --token ──► token `annotator.<id>.<secret>`, for programs
//! ```
//!
//! A pass names its annotator and the projects they may see. What is kept here is a keyed hash: whoever reads
//! `annotators.json`, in a backup for instance, gets in with none of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hone_studies::{Micros, SECOND};
use serde::{Deserialize, Serialize};

use super::{Secret, SecurityError, authority::Authority, files::Vault};

/// How long an invite waits to be used, unless told otherwise.
pub const INVITE_LIFE: Micros = 24 * 3_600 * SECOND;
/// How long a session lasts, unless told otherwise.
pub const SESSION_LIFE: Micros = 12 * 3_600 * SECOND;
/// How long a token is good, unless told otherwise.
pub const PROGRAM_LIFE: Micros = 30 * 24 * 3_600 * SECOND;
/// No pass lives longer: what is forgotten must end.
const MAX_LIFE: Micros = 366 * 24 * 3_600 * SECOND;
/// Far more than a coordinator has annotators.
const MAX_PASSES: usize = 10_000;
const ID_CHARACTERS: usize = 8;
/// 260 bits.
const SECRET_CHARACTERS: usize = 52;
/// What a token begins with, so that people and scanners for secrets know it.
const TOKEN_PREFIX: &str = "annotator.";
const FILE: &str = "annotators.json";
const PURPOSE: &str = "hone 2025-12 hashes of what lets annotators in";
const TICKETS: &str = "hone 2025-12 tickets of annotators for samples";

/// Why a pass does not open the door. The first tells a guesser nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassError {
    /// Never given out here, revoked, or ended long ago.
    #[error("the link or token is not valid here; ask whoever gave it to you for another one")]
    Unknown,
    /// It was good once.
    #[error("the link or token has expired; ask whoever gave it to you for another one")]
    Expired,
    /// Somebody has come in with the invite already.
    #[error("the link has been used already; ask whoever gave it to you for another one")]
    Used,
    /// The session is over.
    #[error("the session is over; ask for another link")]
    SessionOver,
    /// Too many are out.
    #[error("{MAX_PASSES} invites, sessions and tokens are out; revoke some with `hone label revoke`")]
    TooMany,
    /// A life that cannot be.
    #[error("invites, sessions and tokens live between one second and 366 days; choose another time")]
    BadLife,
}

/// What a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PassKind {
    /// Becomes a session, once.
    Invite,
    /// A browser's.
    Session,
    /// A program's.
    Token,
}

impl PassKind {
    /// The word that users read.
    pub fn name(self) -> &'static str {
        match self {
            PassKind::Invite => "invite",
            PassKind::Session => "session",
            PassKind::Token => "token",
        }
    }
}

/// What may be shown of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub id: String,
    pub kind: PassKind,
    /// Who comes in with it.
    pub annotator: String,
    /// Projects that they may see, by id; empty: all.
    pub projects: Vec<u64>,
    pub created: Micros,
    /// After this it is refused.
    pub expires: Micros,
    /// How long the session of an invite lasts.
    pub session: Micros,
    /// An invite that has become a session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
}

/// Whom a new pass is for.
#[derive(Clone, Debug)]
pub struct PassWish {
    pub kind: PassKind,
    pub annotator: String,
    pub projects: Vec<u64>,
    pub life: Micros,
    /// How long the session of an invite lasts.
    pub session: Micros,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    pass: Pass,
    hash: String,
}

/// All passes of a store.
pub struct Passes {
    vault: Vault,
    key: [u8; 32],
    tickets: [u8; 32],
    kept: Mutex<Vec<Kept>>,
    /// When each was used last; not kept.
    seen: Mutex<BTreeMap<String, Micros>>,
}

impl std::fmt::Debug for Passes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passes").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Passes {
    /// Reads the passes kept beside the authority.
    ///
    /// # Errors
    /// The file cannot be read or is open to other users.
    pub fn open(authority: &Authority) -> Result<Passes, SecurityError> {
        let vault = authority.vault().clone();
        let kept = match vault.read(FILE)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| vault.damaged(FILE, error))?,
            None => Vec::new(),
        };
        let (key, tickets) = (authority.derived_key(PURPOSE), authority.derived_key(TICKETS));
        Ok(Passes { vault, key, tickets, kept: Mutex::new(kept), seen: Mutex::default() })
    }

    /// Makes a pass; the only time that its secret is known.
    ///
    /// # Errors
    /// It cannot be stored, too many are out, or its life cannot be.
    pub fn create(&self, wish: PassWish, now: Micros) -> Result<(Secret, Pass), SecurityError> {
        let (secret, pass, kept) = self.made(wish, now)?;
        self.change(now, |all| {
            all.push(kept);
            Ok(())
        })?;
        Ok((secret, pass))
    }

    /// Turns an invite into a session, once.
    ///
    /// # Errors
    /// [`PassError`]: it is none, or was used, or is over.
    pub fn exchange(&self, invite: &str, now: Micros) -> Result<(Secret, Pass), SecurityError> {
        let id = self.check(PassKind::Invite, invite, now)?.id;
        let mut made = None;
        self.change(now, |all| {
            let invite = all.iter_mut().find(|kept| kept.pass.id == id).ok_or(PassError::Unknown)?;
            if invite.pass.used {
                return Err(PassError::Used.into());
            }
            invite.pass.used = true;
            let Pass { annotator, projects, session, .. } = invite.pass.clone();
            let wish = PassWish { kind: PassKind::Session, annotator, projects, life: session, session };
            let (secret, pass, kept) = self.made(wish, now)?;
            all.push(kept);
            made = Some((secret, pass));
            Ok(())
        })?;
        made.ok_or_else(|| PassError::Unknown.into())
    }

    /// Checks a pass.
    ///
    /// # Errors
    /// It is unknown, of another kind, over, or used up.
    pub fn check(&self, kind: PassKind, given: &str, now: Micros) -> Result<Pass, PassError> {
        let (id, secret) = parts(kind, given.trim()).ok_or(PassError::Unknown)?;
        let hash = self.hash(kind, id, secret);
        let kept = self.lock();
        let known = kept.iter().find(|kept| kept.pass.id == id && kept.pass.kind == kind).ok_or(PassError::Unknown)?;
        // Hashes compare in constant time.
        if !blake3::Hash::from_hex(&known.hash).is_ok_and(|known| known == hash) {
            return Err(PassError::Unknown);
        }
        match (kind, known.pass.used, known.pass.expires > now) {
            (_, true, _) => Err(PassError::Used),
            (PassKind::Session, _, false) => Err(PassError::SessionOver),
            (_, _, false) => Err(PassError::Expired),
            (_, false, true) => {
                self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(known.pass.id.clone(), now);
                Ok(known.pass.clone())
            }
        }
    }

    /// Takes back one pass by its id, or all of an annotator by name. How many that were.
    ///
    /// # Errors
    /// The change cannot be stored.
    pub fn revoke(&self, what: &str, now: Micros) -> Result<usize, SecurityError> {
        let is_meant = |pass: &Pass| pass.expires > now && (pass.id == what || pass.annotator == what);
        let meant = self.lock().iter().filter(|kept| is_meant(&kept.pass) && !kept.pass.used).count();
        if meant > 0 {
            self.change(now, |all| {
                all.retain(|kept| !is_meant(&kept.pass));
                Ok(())
            })?;
        }
        Ok(meant)
    }

    /// Passes that are good now, oldest first, each with the time of its last use since the coordinator was started.
    pub fn list(&self, now: Micros) -> Vec<(Pass, Option<Micros>)> {
        let kept = self.lock();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let good = kept.iter().map(|kept| &kept.pass).filter(|pass| pass.expires > now && !pass.used);
        good.map(|pass| (pass.clone(), seen.get(&pass.id).copied())).collect()
    }

    /// What proves that an annotator was given a sample, also after a restart: nobody else can make it.
    pub fn ticket(&self, request: u64, annotator: u64) -> String {
        let mut both = [0; 16];
        both[..8].copy_from_slice(&request.to_le_bytes());
        both[8..].copy_from_slice(&annotator.to_le_bytes());
        blake3::keyed_hash(&self.tickets, &both).to_hex()[..32].to_owned()
    }

    /// Whether a ticket is this annotator's for this sample.
    pub fn is_ticket(&self, request: u64, annotator: u64, given: &str) -> bool {
        Secret::new(self.ticket(request, annotator)).matches(given)
    }

    fn made(&self, wish: PassWish, now: Micros) -> Result<(Secret, Pass, Kept), SecurityError> {
        let PassWish { kind, annotator, projects, life, session } = wish;
        if !(SECOND..=MAX_LIFE).contains(&life) || !(SECOND..=MAX_LIFE).contains(&session) {
            return Err(PassError::BadLife.into());
        }
        let (id, secret) = (Secret::random(ID_CHARACTERS)?, Secret::random(SECRET_CHARACTERS)?);
        let id = id.reveal().to_owned();
        let hash = self.hash(kind, &id, secret.reveal()).to_hex().to_string();
        let text = format!("{}{id}.{}", prefix(kind), secret.reveal());
        let pass = Pass { id, kind, annotator, projects, created: now, expires: now + life, session, used: false };
        Ok((Secret::new(text), pass.clone(), Kept { pass, hash }))
    }

    fn hash(&self, kind: PassKind, id: &str, secret: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.key, format!("{}.{id}.{secret}", kind.name()).as_bytes())
    }

    /// Changes the passes on disk, then in memory, and forgets those that are over.
    fn change(&self, now: Micros, change: impl FnOnce(&mut Vec<Kept>) -> Result<(), SecurityError>) -> Result<(), SecurityError> {
        let mut kept = self.lock();
        let mut changed = kept.clone();
        changed.retain(|kept| kept.pass.expires > now);
        change(&mut changed)?;
        if changed.len() > MAX_PASSES {
            return Err(PassError::TooMany.into());
        }
        let text = serde_json::to_string_pretty(&changed).expect("texts and numbers are JSON");
        self.vault.write(FILE, &text)?;
        *kept = changed;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|id, _| kept.iter().any(|kept| kept.pass.id == *id));
        Ok(())
    }

    /// A panic elsewhere cannot leave the list half changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prefix(kind: PassKind) -> &'static str {
    match kind {
        PassKind::Token => TOKEN_PREFIX,
        PassKind::Invite | PassKind::Session => "",
    }
}

fn parts(kind: PassKind, given: &str) -> Option<(&str, &str)> {
    let (id, secret) = given.strip_prefix(prefix(kind))?.split_once('.')?;
    (id.len() == ID_CHARACTERS && secret.len() == SECRET_CHARACTERS).then_some((id, secret))
}

#[cfg(test)]
#[path = "passes_tests.rs"]
mod tests;
