//! The public keys of a database, and their rotation.

use audit_domain::log::{KeyError, SignerKey, VerifierKey};
use audit_domain::{Clock, Timestamp, draw_bytes};
use diesel::prelude::*;

use super::establish::add_key;
use super::key_file;
use crate::append::Writers;
use crate::config::Signing;
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::guard::{Identity, PublicKey};
use crate::schema::signing_keys;

/// Whether a store signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningState {
    /// Whether it holds the private keys of all keys that sign.
    pub signs: bool,
    /// The reasons why it appends nothing to some logs, one sentence each.
    pub refusals: Vec<String>,
}

/// A public key of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its number, from 1.
    pub number: i64,
    /// The 32 bytes of the Ed25519 public key.
    pub public_key: [u8; 32],
    /// When it was made; `None` if the database has no instant there.
    pub created_at: Option<Timestamp>,
    /// Since when it does not sign.
    pub retired_at: Option<Timestamp>,
    /// Whether the private key is in the key file.
    pub is_held: bool,
}

/// The reason why a key cannot be added or retired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyChange {
    /// The key file cannot be read or written.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The database did not take the change.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database has no key.
    #[error("the database has no key: the first server that opens it makes one")]
    NoKey,
    /// The key file lacks a key, so a checkpoint with all signatures could not be made here.
    #[error("`{0}` lacks a key that signs: use the file of a server that signs")]
    NotHeld(String),
    /// No key has the number, or it is retired.
    #[error("no key that signs has the number {0}: `audit-server key show` lists them")]
    Unknown(i64),
    /// It is the only one.
    #[error("key {0} is the only one that signs: `audit-server key rotate` adds another")]
    Last(i64),
}

impl SigningKey {
    /// The verifier key of a log: its name is the origin.
    ///
    /// # Errors
    ///
    /// [`KeyError`]: the origin cannot be the name of a key, or the database has other bytes than those
    /// of a key.
    pub fn verifier(&self, origin: &str) -> Result<VerifierKey, KeyError> {
        VerifierKey::of_log(origin, &self.public_key)
    }
}

/// Lists the keys of a database, and which of them are in a file.
pub(crate) fn list_keys(identity: &Identity, signing: &Signing) -> Result<Vec<SigningKey>, OpenError> {
    let held = key_file::read(&signing.key_file)?;
    let key = |(number, key): (i64, &PublicKey)| SigningKey {
        number,
        public_key: key.bytes,
        created_at: Timestamp::from_micros(key.created_at),
        retired_at: key.retired_at.and_then(Timestamp::from_micros),
        is_held: held.iter().any(|held| held.verifier().public_bytes() == key.bytes),
    };
    Ok((1..).zip(&identity.keys).map(key).collect())
}

/// Adds a key, which signs from now on together with the others. The key file has it before the database
/// does, so that no checkpoint lacks its signature.
pub(crate) fn rotate_key(identity: &Identity, writers: &Writers, signing: &Signing, clock: &Clock) -> Result<i64, KeyChange> {
    let name = identity.names.first().ok_or(KeyChange::NoKey)?;
    let mut held = held_of_all(identity, signing)?;
    let secret = draw_bytes().map_err(StoreError::from)?;
    let key = SignerKey::new(name, &secret).map_err(|error| StoreError::Guard(error.to_string()))?;
    held.push(key.clone());
    key_file::replace(&signing.key_file, &held)?;
    let (clock, seen) = (clock.clone(), identity.clone());
    Ok(writers.run(move |conn| {
        dialect::write(conn, |conn| {
            let now = Identity::read(conn)?;
            if now != seen {
                return Err(changed_meanwhile());
            }
            add_key(conn, &now, &key, &clock)?;
            Ok(now.keys.len() as i64 + 1)
        })
    })?)
}

/// Retires a key: it signs no more. Then its private key is removed from the file.
pub(crate) fn retire_key(
    identity: &Identity,
    writers: &Writers,
    signing: &Signing,
    clock: &Clock,
    number: i64,
) -> Result<(), KeyChange> {
    let of_number = (1..).zip(&identity.keys).find(|(known, key)| *known == number && key.retired_at.is_none());
    let Some((_, key)) = of_number else { return Err(KeyChange::Unknown(number)) };
    if identity.active().count() == 1 {
        return Err(KeyChange::Last(number));
    }
    let mut held = held_of_all(identity, signing)?;
    let (clock, seen) = (clock.clone(), identity.clone());
    writers.run(move |conn| {
        dialect::write(conn, |conn| {
            if Identity::read(conn)? != seen {
                return Err(changed_meanwhile());
            }
            let now = clock.now()?.micros();
            let active = signing_keys::table.find(number).filter(signing_keys::retired_at.is_null());
            diesel::update(active).set(signing_keys::retired_at.eq(now)).execute(conn)?;
            Ok(())
        })
    })?;
    held.retain(|held| held.verifier().public_bytes() != key.bytes);
    Ok(key_file::replace(&signing.key_file, &held)?)
}

fn changed_meanwhile() -> StoreError {
    StoreError::Guard("another key was added or retired at the same time: try again".to_owned())
}

/// The keys of the file, if it has all that sign.
fn held_of_all(identity: &Identity, signing: &Signing) -> Result<Vec<SignerKey>, KeyChange> {
    let held = key_file::read(&signing.key_file)?;
    let is_held = |key: &PublicKey| held.iter().any(|held| held.verifier().public_bytes() == key.bytes);
    if identity.active().all(is_held) { Ok(held) } else { Err(KeyChange::NotHeld(signing.key_file.display().to_string())) }
}
