//! Backup and restore: a directory with a copy of the database, the key file, and the newest checkpoints.
//!
//! The database is copied as `copy` does it, from whatever kind it is into a file, so the same directory can
//! be brought up to date again and again, and restored to another kind of database. Nothing of it is
//! believed before it was read back: each row is compared and hashed, and each log is proven to extend the
//! checkpoints that were known before the copy began.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use audit_domain::log::{LogOrigin, NodeHash, verify_consistency};
use audit_domain::{ChannelId, Stream};

use crate::config::{Signing, StoreConfig};
use crate::copy::{Copied, CopyProgress, copy};
use crate::error::{CopyError, OpenError, StoreError};
use crate::guard::Files;
use crate::log::Log;
use crate::private_file::{self, private_directories};
use crate::query::LogStream;
use crate::store::Store;

/// The names of a backup's files.
const DATABASE: &str = "audit.db";
const KEY: &str = "signing.key";
const CHECKPOINTS: &str = "checkpoints";

/// The longest wait until the copy is closed.
const CLOSE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// What a backup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// What the database has.
    pub copied: Copied,
    /// Whether the private keys are in it. A server that does not sign has none.
    pub has_key: bool,
    /// The checkpoints that the copy was proven to extend.
    pub proven: usize,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the database has.
    pub copied: Copied,
    /// Whether the key file was written. It is not if it was there, or if the backup has none.
    pub wrote_key: bool,
    /// A sentence for each log that has fewer entries than a checkpoint which this machine has kept: the
    /// backup is older, and a server refuses to append to it.
    pub went_back: Vec<String>,
}

/// The reason why a backup was not made or not restored. What is there already is complete or can be
/// continued by the same call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The database cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The copy or the checkpoints cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error("`{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The directory lacks the database of a backup.
    #[error("`{}` is not a backup: it has no file {DATABASE}", .0.display())]
    NotABackup(PathBuf),
    /// The key file of the destination has other keys.
    #[error(
        "`{}` has other keys than the backup; if the backup is right, move this file away and run the command again",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// A log of the copy does not extend a checkpoint.
    #[error(
        "the log {origin} of the copy does not extend its checkpoint of {size} entries: the database was changed, or went back"
    )]
    Unproven {
        /// The origin of the log.
        origin: String,
        /// The entries of the checkpoint.
        size: u64,
    },
}

/// Writes a backup into a directory, or brings the one that it has up to date. The database may be in use.
///
/// # Errors
///
/// [`BackupError`].
pub fn backup(
    from: &StoreConfig,
    signing: &Signing,
    directory: &Path,
    progress: impl FnMut(CopyProgress),
) -> Result<BackedUp, BackupError> {
    private_directories().create(directory).map_err(|error| file(directory, error))?;
    // Read before the copy, which then has at least what these have.
    let checkpoints = Files::read(&signing.checkpoints)?;
    let mut database = StoreConfig::new(url_of(&directory.join(DATABASE))).erasing(false);
    database.channels_without_words = from.channels_without_words.clone();
    let copied = copy(from, &database, progress)?;
    let proven = prove(&database, &checkpoints)?;
    // Written after it: the copy refuses another database, whose key would replace that of this one. A key that
    // was added meanwhile is in the file.
    checkpoints.write_to(&directory.join(CHECKPOINTS)).map_err(|error| file(&directory.join(CHECKPOINTS), error))?;
    let key = read_if_there(&signing.key_file)?;
    if let Some(key) = &key {
        let to = directory.join(KEY);
        private_file::write(&to, key).map_err(|error| file(&to, error))?;
    }
    Ok(BackedUp { copied, has_key: key.is_some(), proven })
}

/// Restores a backup into a database that does not exist or is empty. The key file and the checkpoints
/// are written where this machine has none.
///
/// # Errors
///
/// [`BackupError`].
pub fn restore(
    directory: &Path,
    to: &StoreConfig,
    signing: &Signing,
    progress: impl FnMut(CopyProgress),
) -> Result<Restored, BackupError> {
    let database = directory.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NotABackup(directory.to_owned()));
    }
    let (kept, there) = (read_if_there(&directory.join(KEY))?, read_if_there(&signing.key_file)?);
    if kept.is_some() && there.is_some() && kept != there {
        return Err(BackupError::OtherKey(signing.key_file.clone()));
    }
    let copied = copy(&StoreConfig::new(url_of(&database)), to, progress)?;
    let wrote_key = kept.filter(|_| there.is_none());
    if let Some(key) = &wrote_key {
        private_file::make_directory_of(&signing.key_file)
            .and_then(|()| private_file::write(&signing.key_file, key))
            .map_err(|error| file(&signing.key_file, error))?;
    }
    // Those of this machine may be newer, and show that the backup is old.
    let missing = Files::read(&directory.join(CHECKPOINTS))?.without(&Files::read(&signing.checkpoints)?);
    missing.write_to(&signing.checkpoints).map_err(|error| file(&signing.checkpoints, error))?;
    let store = Store::open(to.clone().erasing(false))?;
    let went_back = store.refusals(signing).map_err(|error| StoreError::Guard(error.to_string()))?;
    store.close_database(CLOSE_PATIENCE);
    Ok(Restored { copied, wrote_key: wrote_key.is_some(), went_back })
}

fn url_of(database: &Path) -> String {
    format!("sqlite://{}", database.display())
}

fn file(path: &Path, error: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), error }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, BackupError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file(path, error)),
    }
}

/// Makes the trees of a copy, and proves that they extend the checkpoints of its current log name. Returns
/// the number of these.
fn prove(database: &StoreConfig, checkpoints: &Files) -> Result<usize, BackupError> {
    let store = Store::open(database)?;
    store.seal()?;
    let (name, mut proven) = (store.log_name()?, 0);
    for (log, checkpoint, _) in checkpoints.checkpoints() {
        let origin = name.clone().zip(ChannelId::new(log.0));
        let origin = origin.map(|(log_name, channel_id)| LogOrigin { log_name, channel_id, stream: log.1 });
        // Those of an earlier name are evidence, and nothing extends them.
        let Some(origin) = origin.filter(|origin| origin.to_string() == checkpoint.origin()) else { continue };
        let (known, logs) = ((checkpoint.size(), checkpoint.root()), store.channels(origin.channel_id));
        let extends = match log.1 {
            Stream::Events => extends(&logs.events(), known)?,
            Stream::ActionLogs => extends(&logs.action_logs(), known)?,
            // No channel has it.
            Stream::Checkpoints => continue,
        };
        if !extends {
            return Err(BackupError::Unproven { origin: checkpoint.origin().to_owned(), size: checkpoint.size() });
        }
        proven += 1;
    }
    store.close_database(CLOSE_PATIENCE);
    Ok(proven)
}

/// Whether the tree of a log begins with the entries of a checkpoint.
fn extends<S: LogStream>(log: &Log<S>, known: (u64, NodeHash)) -> Result<bool, StoreError> {
    let tree = log.tree()?;
    let path = tree.consistency(known.0)?;
    Ok(path.is_some_and(|path| verify_consistency(known, (tree.size(), tree.root()), &path).is_ok()))
}
