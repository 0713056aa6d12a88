//! Secrets in memory: made of the operating system's randomness, compared in constant time, never shown by accident.

use std::fmt;

use super::SecurityError;

/// Letters and digits that are told apart when read aloud; 32, so that a random byte gives five fair bits.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A text that must not be seen. Its debug output says only that it is there.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes over a text.
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// Returns a new random text with five bits of randomness a character.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn random(characters: usize) -> Result<Secret, SecurityError> {
        let mut bytes = vec![0; characters];
        fill_random(&mut bytes)?;
        Ok(Secret(bytes.into_iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()))
    }

    /// The text itself. Every call is a place where it may leak.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this secret. The time taken tells nothing about where they differ.
    pub fn matches(&self, given: &str) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(given.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Fills `bytes` with the operating system's randomness.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), SecurityError> {
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(bytes).map_err(|_| SecurityError::NoRandomness)
}

/// Writes bytes as lower-case hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_only_and_is_never_shown() {
        let secret = Secret::random(52).unwrap();
        assert!(secret.matches(secret.reveal()));
        assert!(!secret.matches("") && !secret.matches(&secret.reveal()[1..]));
        assert!(!format!("{secret:?} {:?}", Some(&secret)).contains(secret.reveal()));
    }

    #[test]
    fn two_secrets_differ() {
        assert_ne!(Secret::random(26).unwrap().reveal(), Secret::random(26).unwrap().reveal());
    }
}
