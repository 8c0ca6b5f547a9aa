//! A new origin, on purpose: the logs get another name, and their trees start again over all entries
//! that are there.
//!
//! It is what an operator does when the newest copy of a database is lost. Nobody can take the new logs
//! for the old ones: their origins differ, and an event in each channel cites the checkpoints that the old
//! logs had.

use std::collections::{BTreeMap, BTreeSet};

use super::{Store, logs};
use crate::append::AppendError;
use crate::config::Signing;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::guard::{Files, Identity, ending};
use crate::log_key::{LogKey, ROOT};
use crate::sign::{add_name, read_checkpoint};
use audit_domain::log::{Checkpoint, leaf_hash};
use audit_domain::uuid::Builder;
use audit_domain::{ChannelId, Clock, JsonText, NewEvent, Stream};

/// The action of the event that begins the logs under a new name.
const ACTION: &str = "AUDIT.ORIGIN";

/// The outcome of [`Store::begin_new_origin`](crate::Store::begin_new_origin).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrigin {
    /// The new name.
    pub log_name: String,
    /// The name before.
    pub before: String,
    /// The checkpoints that the events cite: the newest that are known of the old logs.
    pub cited: Vec<Checkpoint>,
}

/// The reason why no new origin was begun, or not to the end: run it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewOriginError {
    /// The checkpoints cannot be read.
    #[error(transparent)]
    Files(#[from] OpenError),
    /// The database does not answer or refuses a write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event was not stored.
    #[error("the event {ACTION} of channel {channel_id} was not stored: {error}")]
    NotStored {
        /// The channel.
        channel_id: i64,
        /// The reason.
        error: AppendError,
    },
    /// The event cannot be made.
    #[error("the event {ACTION} cannot be made: {0}")]
    Event(String),
    /// Neither the database nor the directory has a name of the logs.
    #[error("the logs of the database have no origin yet: the first server that opens it gives them one")]
    NoOrigin,
}

/// The newest checkpoints of all logs, with their notes.
type Newest = BTreeMap<LogKey, (Checkpoint, String)>;

/// Begins a new origin. The events come first: if the program ends in between, the next run finds them by
/// their uuids.
pub(super) fn begin_new_origin(store: &Store, signing: &Signing, clock: &Clock) -> Result<NewOrigin, NewOriginError> {
    let files = Files::read(&signing.checkpoints)?;
    let identity = store.read(Identity::read)?;
    let mut keys = store.read(logs)?;
    keys.push(ROOT);
    let unknown = unknown_names(&files, &identity);
    let names: Vec<&str> = identity.names.iter().chain(&unknown).map(String::as_str).collect();
    let before = names.last().copied().ok_or(NewOriginError::NoOrigin)?.to_owned();
    let log_name = next_name(&names, &before);
    let mut newest = store.read(|conn| stored(conn, &identity, &keys))?;
    // That of the later name is newer, and of one name the larger one.
    let age = |log: LogKey, checkpoint: &Checkpoint| {
        let of = name_in(checkpoint.origin(), log);
        (names.iter().position(|name| Some(*name) == of), checkpoint.size())
    };
    for (log, checkpoint, note) in files.checkpoints() {
        if newest.get(&log).is_none_or(|(known, _)| age(log, known) < age(log, &checkpoint)) {
            newest.insert(log, (checkpoint, note.to_owned()));
        }
    }
    let channels: BTreeSet<i64> =
        keys.iter().chain(newest.keys()).filter(|log| **log != ROOT).map(|(channel_id, _)| *channel_id).collect();
    for channel_id in channels {
        append(store, channel_id, &log_name, &newest)?;
    }
    let number = names.len() as i64 + 1;
    let (clock, first, added) = (clock.clone(), identity.names.len(), [unknown, vec![log_name.clone()]].concat());
    store.write(move |conn| {
        dialect::write(conn, |conn| {
            (first as i64 + 1..).zip(&added).try_for_each(|(number, name)| add_name(conn, number, name, &clock))
        })
    })?;
    files.set_aside(&signing.checkpoints, &format!("before-name-{number}"))?;
    let cited = newest.into_values().map(|(checkpoint, _)| checkpoint).collect();
    Ok(NewOrigin { log_name, before, cited })
}

/// The names in the files that the database does not know, since it was restored from before they were
/// given: no log gets one of them again.
fn unknown_names(files: &Files, identity: &Identity) -> Vec<String> {
    let names = files.checkpoints().filter_map(|(log, checkpoint, _)| Some(name_in(checkpoint.origin(), log)?.to_owned()));
    let unknown: BTreeSet<String> = names.filter(|name| !identity.names.contains(name)).collect();
    let mut unknown: Vec<String> = unknown.into_iter().collect();
    unknown.sort_by_key(|name| split(name).1);
    unknown
}

/// The checkpoints that the database has under its name.
fn stored(conn: &mut DbConnection, identity: &Identity, keys: &[LogKey]) -> Result<Newest, StoreError> {
    let mut newest = Newest::new();
    for log in keys {
        let Some((_, note)) = read_checkpoint(conn, *log, identity.number())? else { continue };
        if let Ok((checkpoint, _)) = identity.open(&note) {
            newest.insert(*log, (checkpoint, note));
        }
    }
    Ok(newest)
}

/// Appends the event of a channel.
fn append(store: &Store, channel_id: i64, log_name: &str, newest: &Newest) -> Result<(), NewOriginError> {
    // The root log has no event of its own: each channel cites it.
    let of_channel =
        [(channel_id, Stream::Events), (channel_id, Stream::ActionLogs), ROOT].into_iter().filter_map(|log| newest.get(&log));
    let cited = |(checkpoint, note): &(Checkpoint, String)| {
        let (origin, size, root) = (checkpoint.origin(), checkpoint.size(), checkpoint.root().to_string());
        serde_json::json!({ "origin": origin, "size": size, "root": root, "checkpoint": note })
    };
    let previous: Vec<_> = of_channel.map(cited).collect();
    let content = serde_json::json!({ "log_name": log_name, "previous": previous });
    let event = event(channel_id, &content).map_err(NewOriginError::Event)?;
    let negative = || NewOriginError::Event(format!("{channel_id} is not a channel"));
    let channel = ChannelId::new(channel_id).ok_or_else(negative)?;
    let log = store.channels(channel).events();
    log.append(event).map(drop).map_err(|error| NewOriginError::NotStored { channel_id, error })
}

fn event(channel_id: i64, content: &serde_json::Value) -> Result<NewEvent, String> {
    let content = JsonText::encode(content).map_err(|error| error.to_string())?;
    // The same uuid in each attempt.
    let hash = leaf_hash(format!("{ACTION} {channel_id} {}", content.as_str()).as_bytes());
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&hash.0[..16]);
    let event = NewEvent::with_action(ACTION).map_err(|fault| fault.to_string())?;
    Ok(event.uuid(Builder::from_custom_bytes(uuid).into_uuid()).content(content))
}

/// The log name in the origin of a log.
fn name_in(origin: &str, log: LogKey) -> Option<&str> {
    origin.strip_suffix(&ending(log))
}

/// The next name: the base of the last one, and a number that none of the known names has.
fn next_name(known: &[&str], before: &str) -> String {
    let (base, _) = split(before);
    let last = known.iter().map(|name| split(name)).filter(|(of, _)| *of == base).map(|(_, number)| number).max();
    format!("{base}-{}", last.unwrap_or(1) + 1)
}

/// Splits a name into its base and its number, which is 1 if it has none.
fn split(name: &str) -> (&str, u64) {
    let number = name.rsplit_once('-').and_then(|(base, number)| Some((base, number.parse().ok()?)));
    number.filter(|(_, number)| *number > 1).unwrap_or((name, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_name_is_one_that_no_log_had() {
        for (known, before, next) in [
            (&["audit.local/ab"][..], "audit.local/ab", "audit.local/ab-2"),
            (&["a-5", "a-2", "b-9"], "a-2", "a-6"),
            (&["a-1"], "a-1", "a-1-2"),
            (&["a-x"], "a-x", "a-x-2"),
        ] {
            assert_eq!(next_name(known, before), next);
        }
    }
}
