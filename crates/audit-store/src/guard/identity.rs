//! What makes a database the log that it is: the names of its logs and its public keys.

use audit_domain::log::{Checkpoint, CheckpointError, KeyError, Note, VerifierKey};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::{LogKey, ROOT};
use crate::schema::{log_names, signing_keys};

/// The names and the public keys of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    /// The names that its logs had, oldest first. The last one is in use.
    pub(crate) names: Vec<String>,
    /// Its keys, oldest first.
    pub(crate) keys: Vec<PublicKey>,
}

/// A public key of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(crate) bytes: [u8; 32],
    /// Microseconds since the epoch.
    pub(crate) created_at: i64,
    /// When it signed for the last time.
    pub(crate) retired_at: Option<i64>,
}

impl Identity {
    /// Reads it. It is empty until a store signs.
    pub(crate) fn read(conn: &mut DbConnection) -> Result<Identity, StoreError> {
        let names = log_names::table.order(log_names::number).select(log_names::name).load(conn)?;
        let columns = (signing_keys::public_key, signing_keys::created_at, signing_keys::retired_at);
        let rows: Vec<(Vec<u8>, i64, Option<i64>)> = signing_keys::table.order(signing_keys::number).select(columns).load(conn)?;
        let key = |(bytes, created_at, retired_at): (Vec<u8>, i64, Option<i64>)| {
            let bytes =
                bytes.try_into().map_err(|_| StoreError::WentBack("a public key of the database has another length".to_owned()))?;
            Ok(PublicKey { bytes, created_at, retired_at })
        };
        Ok(Identity { names, keys: rows.into_iter().map(key).collect::<Result<_, StoreError>>()? })
    }

    /// The name of the logs; `None` until a store signs.
    pub(crate) fn name(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    /// The number of the name in the database.
    pub(crate) fn number(&self) -> i64 {
        self.names.len() as i64
    }

    /// The origin of a log; `None` until a store signs.
    pub(crate) fn origin(&self, log: LogKey) -> Option<String> {
        self.name().map(|name| origin(name, log))
    }

    /// Whether a checkpoint is of a log, under its present name.
    pub(crate) fn is_of(&self, checkpoint: &Checkpoint, log: LogKey) -> bool {
        self.origin(log).as_deref() == Some(checkpoint.origin())
    }

    /// Whether a log had an origin under an earlier name.
    pub(crate) fn is_former(&self, seen: &str, log: LogKey) -> bool {
        self.names.iter().rev().skip(1).any(|name| origin(name, log) == seen)
    }

    /// The keys that sign.
    pub(crate) fn active(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(|key| key.retired_at.is_none())
    }

    /// The public keys with which the checkpoints of an origin are verified: those that sign.
    pub(crate) fn verifiers(&self, log: LogKey) -> Result<Vec<VerifierKey>, KeyError> {
        let Some(origin) = self.origin(log) else { return Ok(Vec::new()) };
        self.active().map(|key| VerifierKey::of_log(&origin, &key.bytes)).collect()
    }

    /// Reads a checkpoint that one of the keys signed, also a retired one. Its origin is the one that it
    /// names.
    pub(crate) fn open(&self, note: &str) -> Result<(Checkpoint, Note), CheckpointError> {
        let parsed: Note = note.parse()?;
        let named: Checkpoint = parsed.text().parse()?;
        let mut outcome = Err(CheckpointError::Kind("no key of this database".to_owned()));
        for key in &self.keys {
            let Ok(verifier) = VerifierKey::of_log(named.origin(), &key.bytes) else { continue };
            outcome = Checkpoint::open(note, &verifier);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Whether this is a later state of the same database: names and keys are added, keys are retired, and
    /// nothing is removed.
    pub(crate) fn continues(&self, before: &Identity) -> bool {
        let is_same = |(now, was): (&PublicKey, &PublicKey)| {
            now.bytes == was.bytes && (was.retired_at.is_none() || was.retired_at == now.retired_at)
        };
        self.names.starts_with(&before.names)
            && self.keys.len() >= before.keys.len()
            && self.keys.iter().zip(&before.keys).all(is_same)
    }
}

fn origin(log_name: &str, log: LogKey) -> String {
    format!("{log_name}{}", ending(log))
}

/// What follows the log name in the origin of a log.
pub(crate) fn ending((channel_id, stream): LogKey) -> String {
    if (channel_id, stream) == ROOT { "/root".to_owned() } else { format!("/{channel_id}/{}", stream.name()) }
}
