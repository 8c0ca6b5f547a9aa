//! The keys of the key file, as those that verify.

use audit_domain::log::{Checkpoint, Note, VerifierKey};

use super::NotOpened;
use crate::config::Signing;
use crate::error::OpenError;
use crate::sign::read_key_file;

/// The public keys of the private keys in a file: those of the server itself. A person who has the file can
/// sign, so a checkpoint that these keys open says less than one with a key that somebody kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKeys(Vec<[u8; 32]>);

impl OwnKeys {
    /// Reads the key file. A missing file has no keys.
    ///
    /// # Errors
    ///
    /// [`OpenError::SigningKey`].
    pub fn read(signing: &Signing) -> Result<OwnKeys, OpenError> {
        let keys = read_key_file(&signing.key_file)?;
        Ok(OwnKeys(keys.iter().map(|key| key.verifier().public_bytes()).collect()))
    }

    /// No keys.
    pub(super) fn none() -> OwnKeys {
        OwnKeys(Vec::new())
    }

    /// Whether the file has no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Opens the checkpoint of any log of the database.
    ///
    /// # Errors
    ///
    /// [`NotOpened`].
    pub fn open(&self, note: &str) -> Result<Checkpoint, NotOpened> {
        if self.is_empty() {
            return Err(NotOpened::NoKey("the key file has no key".to_owned()));
        }
        let named = note.parse::<Note>().map_err(|error| NotOpened::Wrong(error.to_string()))?;
        let named: Checkpoint = named.text().parse().map_err(|error| NotOpened::Wrong(format!("{error}")))?;
        let mut why = String::new();
        for bytes in &self.0 {
            match VerifierKey::of_log(named.origin(), bytes).map(|key| Checkpoint::open(note, &key)) {
                Ok(Ok((checkpoint, _))) => return Ok(checkpoint),
                Ok(Err(error)) => why = error.to_string(),
                Err(error) => why = error.to_string(),
            }
        }
        Err(NotOpened::Wrong(why))
    }
}
