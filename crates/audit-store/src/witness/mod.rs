//! What a witness remembers of each log: the newest checkpoint that it cosigned. A file of its own, which has
//! nothing to do with the database of an audit log.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use audit_domain::log::NodeHash;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{OpenError, StoreError};

diesel::table! {
    witnessed (origin) {
        origin -> Text,
        size -> BigInt,
        root -> Binary,
        note -> Text,
    }
}

/// The newest checkpoint that a witness cosigned of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    /// The number of entries.
    pub size: u64,
    /// The root.
    pub root: NodeHash,
    /// The checkpoint with the signatures of the log that were verified, and the cosignature.
    pub note: String,
}

/// The file of a witness. Updates wait for each other, in this process and in others.
pub struct WitnessStore(Mutex<DbConnection>);

impl std::fmt::Debug for WitnessStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WitnessStore").finish_non_exhaustive()
    }
}

impl WitnessStore {
    /// Opens the file, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the file cannot be opened or made durable, or is something else.
    pub fn open(path: &Path) -> Result<WitnessStore, OpenError> {
        Ok(WitnessStore(Mutex::new(dialect::open_witness_file(path)?)))
    }

    /// The newest checkpoint of a log; `None` if it never cosigned one.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the file cannot be read, or was changed.
    pub fn latest(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, StoreError> {
        read(&mut self.lock(), origin)
    }

    /// Decides about a new checkpoint of a log, with the newest one in hand, and stores it durably before this
    /// returns. Nobody else decides about a log meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the file cannot be read or written, or the checkpoint would go back. The inner error is
    /// that of the decision, and nothing is stored.
    pub fn update<E>(
        &self,
        origin: &str,
        decide: impl FnOnce(Option<&WitnessedCheckpoint>) -> Result<WitnessedCheckpoint, E>,
    ) -> Result<Result<WitnessedCheckpoint, E>, StoreError> {
        dialect::write(&mut self.lock(), |conn| {
            let latest = read(conn, origin)?;
            let new = match decide(latest.as_ref()) {
                Ok(new) => new,
                Err(refused) => return Ok(Err(refused)),
            };
            let size =
                i64::try_from(new.size).map_err(|_| StoreError::WentBack("a tree of this size cannot be kept".to_owned()))?;
            let values = (witnessed::size.eq(size), witnessed::root.eq(new.root.0.to_vec()), witnessed::note.eq(&new.note));
            match latest {
                Some(_) => diesel::update(witnessed::table.find(origin)).set(values).execute(conn)?,
                None => diesel::insert_into(witnessed::table).values((witnessed::origin.eq(origin), values)).execute(conn)?,
            };
            Ok(Ok(new))
        })
    }

    fn lock(&self) -> MutexGuard<'_, DbConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(conn: &mut DbConnection, origin: &str) -> Result<Option<WitnessedCheckpoint>, StoreError> {
    let row = witnessed::table.find(origin).select((witnessed::size, witnessed::root, witnessed::note));
    let Some((size, root, note)) = row.first::<(i64, Vec<u8>, String)>(conn).optional()? else { return Ok(None) };
    let root = root.try_into().map_err(|_| StoreError::WentBack("a root in the file does not have 32 bytes".to_owned()))?;
    Ok(Some(WitnessedCheckpoint { size: size.unsigned_abs(), root: NodeHash(root), note }))
}
