//! The rows of checkpoints.

use audit_domain::log::{Checkpoint, VerifierKey};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::follow::{Progress, Put};
use crate::guard::Identity;
use crate::log_key::LogKey;
use crate::schema::checkpoints;

/// Reads the size and the note of the newest checkpoint of a log under a name.
pub(crate) fn read_checkpoint(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    log_name: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let newest = checkpoints::table.find((channel_id, stream.number(), log_name)).select((checkpoints::size, checkpoints::note));
    Ok(newest.first(conn).optional()?)
}

/// A signed checkpoint of a log.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: String,
    /// The oldest key that signs.
    pub(crate) verifier: VerifierKey,
}

/// Reads the newest signed checkpoint of a log under its present name.
pub(crate) fn signed(conn: &mut DbConnection, log: LogKey) -> Result<Option<Signed>, StoreError> {
    let (identity, stored) = dialect::snapshot(conn, |conn| {
        let identity = Identity::read(conn)?;
        let stored = read_checkpoint(conn, log, identity.number())?;
        Ok::<_, StoreError>((identity, stored))
    })?;
    let Some((size, note)) = stored else { return Ok(None) };
    let changed = |why: String| {
        let (channel_id, stream) = (log.0, log.1.name());
        StoreError::WentBack(format!("the checkpoint of the log {channel_id}/{stream} in the database was changed: {why}"))
    };
    let (checkpoint, _) = identity.open(&note).map_err(|error| changed(error.to_string()))?;
    // The keys sign all logs, so the note may be that of another one.
    if !identity.is_of(&checkpoint, log) || i64::try_from(checkpoint.size()) != Ok(size) {
        return Err(changed(format!("it is that of {} at {} entries", checkpoint.origin(), checkpoint.size())));
    }
    let verifier = identity.verifiers(log).map_err(|error| changed(error.to_string()))?.into_iter().next();
    let verifier = verifier.ok_or_else(|| changed("no key of the database signs".to_owned()))?;
    Ok(Some(Signed { checkpoint, note, verifier }))
}

/// A checkpoint to store.
#[derive(Debug)]
pub(crate) struct NewCheckpoint {
    pub(crate) log: LogKey,
    pub(crate) log_name: i64,
    /// The stored note that it replaces.
    pub(crate) replaces: Option<String>,
    pub(crate) size: i64,
    pub(crate) note: String,
}

impl Put for NewCheckpoint {
    fn log(&self) -> LogKey {
        self.log
    }

    /// Stores it under the lock of the tree, unless another server stored one since it was prepared.
    fn put(&self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        let NewCheckpoint { log, log_name, replaces, size, note } = self;
        let is_begun_again = |(_, begun): (i64, i64)| begun != *log_name;
        if dialect::try_lock_tree(conn, *log, *log_name)?.is_none_or(is_begun_again) {
            return Ok(Progress::Overtaken);
        }
        let stored = read_checkpoint(conn, *log, *log_name)?.map(|(_, note)| note);
        if stored != *replaces {
            return Ok(Progress::Overtaken);
        }
        let key = (log.0, log.1.number(), *log_name);
        if stored.is_some() {
            let newest = (checkpoints::size.eq(size), checkpoints::note.eq(note));
            diesel::update(checkpoints::table.find(key)).set(newest).execute(conn)?;
        } else {
            let of_log = (checkpoints::channel_id.eq(key.0), checkpoints::stream.eq(key.1), checkpoints::log_name.eq(key.2));
            let first = (of_log, checkpoints::size.eq(size), checkpoints::note.eq(note));
            diesel::insert_into(checkpoints::table).values(first).execute(conn)?;
        }
        Ok(Progress::Done { left: 0 })
    }
}
