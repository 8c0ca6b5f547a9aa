//! Copies a whole database, from either kind to either kind, with the same positions, instants,
//! salts, leaf hashes and token ids.
//!
//! The copy goes log by log in the order of positions, with some thousand rows in a transaction.
//! Each transaction moves the head of its log, so the destination is a correct, shorter log at
//! every moment. An interrupted copy continues after the head that it finds. At the end it reads
//! and compares both sides. It does not copy the index and the trees, which follow from the log: the store
//! that opens the destination makes them. The entries of the root log are copied, because they do not follow from others.

mod erasures;
mod identity;
mod log;
mod registry;
mod root;
mod verify;

use audit_domain::Stream;
use diesel::prelude::*;

use self::identity::{Identity, copy_checkpoints};
use self::registry::Registry;
use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::error::{CopyError, StoreError};
use crate::log_key::ROOT;
use crate::query::{ActionLogs, Events};
use crate::schema::logs;
use crate::url::DatabaseUrl;
use crate::{dialect, migrate};

/// The progress of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyProgress {
    /// The start: the numbers of entries.
    Start {
        /// Entries of all logs of the source.
        entries: u64,
        /// The number of these that the destination has already.
        there: u64,
    },
    /// This number of further entries is in the destination.
    Copied(u64),
    /// This number of further entries was compared.
    Compared(u64),
}

/// The result of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Entries of all logs, all of them compared.
    pub entries: u64,
    /// The number of these that this run copied.
    pub new: u64,
    /// Tokens.
    pub tokens: u64,
    /// Content types.
    pub content_types: u64,
    /// Entries that the source got since and that the destination lacks: run the copy again.
    pub behind: u64,
}

/// Passes over a source in which values are being erased meanwhile.
const ATTEMPTS: usize = 5;

/// The longest wait for programs that read the destination.
const WAL_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// A log and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Log {
    channel_id: i64,
    stream: Stream,
    size: i64,
    recorded_at: i64,
}

/// Copies a database into another one and compares them. It creates the destination if it does not
/// exist. It writes nothing to the source. The source may be in use: the copy takes its logs up to
/// their sizes at the start. The destination must not be in use.
///
/// # Errors
///
/// [`CopyError`]: one of the two databases cannot be opened or fails, the source has an older schema,
/// the destination has something that the source lacks, or a copied entry differs. The copied entries
/// stay, and the next copy continues after them.
pub fn copy(from: &StoreConfig, to: &StoreConfig, mut progress: impl FnMut(CopyProgress)) -> Result<Copied, CopyError> {
    let mut source = open_source(from)?;
    let (place, mut target) = open_target(to)?;
    let mut new = 0;
    for _ in 0..ATTEMPTS {
        let before = erasures::all(&mut source)?;
        let outcome = copy_once(&mut source, &mut target, &mut progress);
        let has_erased = erasures::all(&mut source)? != before;
        match outcome {
            Ok(copied) => {
                new += copied.new;
                if has_erased {
                    continue;
                }
                // The compared files must be the ones that are in the place of the destination.
                if let Some(what) = dialect::displaced(&place) {
                    return Err(StoreError::Displaced(what).into());
                }
                return Ok(Copied { new, ..copied });
            }
            // What was copied before it was erased differs.
            Err(CopyError::Differs { .. }) if has_erased => {}
            Err(error) => return Err(error),
        }
    }
    Err(CopyError::Unfit { channel_id: 0, what: "values are being erased in the source: copy again when that has ended" })
}

/// One pass over everything.
fn copy_once(
    source: &mut DbConnection,
    target: &mut DbConnection,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<Copied, CopyError> {
    // The root log comes first: what it has of a log is not newer than the log.
    let root_size = crate::root::size(source)?;
    let logs = logs(source)?;
    let there = logs_there(source, target, &logs)?;
    let entries = logs.iter().map(|log| log.size.unsigned_abs()).sum();
    progress(CopyProgress::Start { entries, there });
    // Tokens come first, because an entry names the token that appended it.
    let registry = Registry::copy(source, target)?;
    let identity = Identity::copy(source, target)?;
    for log in &logs {
        let progress = &mut |count| progress(CopyProgress::Copied(count));
        match log.stream {
            Stream::Events => log::copy::<Events>(source, target, *log, progress)?,
            Stream::ActionLogs => log::copy::<ActionLogs>(source, target, *log, progress)?,
            Stream::Checkpoints => {}
        }
    }
    for log in &logs {
        match log.stream {
            Stream::Events => erasures::carry::<Events>(source, target, *log)?,
            Stream::ActionLogs => erasures::carry::<ActionLogs>(source, target, *log)?,
            Stream::Checkpoints => {}
        }
    }
    for log in &logs {
        let progress = &mut |count| progress(CopyProgress::Compared(count));
        match log.stream {
            Stream::Events => verify::compare::<Events>(source, target, *log, progress)?,
            Stream::ActionLogs => verify::compare::<ActionLogs>(source, target, *log, progress)?,
            Stream::Checkpoints => {}
        }
    }
    root::copy(source, target, root_size)?;
    let of_root = Log { channel_id: ROOT.0, stream: ROOT.1, size: root_size, recorded_at: 0 };
    copy_checkpoints(source, target, &[&logs[..], &[of_root]].concat())?;
    registry.compare(target)?;
    identity.compare(target)?;
    let after: u64 = self::logs(source)?.iter().map(|log| log.size.unsigned_abs()).sum();
    let (tokens, content_types) = (registry.tokens(), registry.content_types());
    Ok(Copied { entries, new: entries - there, tokens, content_types, behind: after - entries })
}

fn open_source(config: &StoreConfig) -> Result<DbConnection, CopyError> {
    let url = config.url()?;
    if !url.exists() {
        return Err(crate::OpenError::Missing { path: url.display() }.into());
    }
    let mut conn = dialect::open(&url, Purpose::Read)?;
    let versions = dialect::read_versions(&mut conn).map_err(|why| crate::OpenError::from_database(&url.display(), why))?;
    migrate::refuse_unknown(&versions, &url)?;
    match versions.pending().first() {
        Some(migration) => Err(CopyError::OldSource { path: url.display(), migration: migration.clone() }),
        None => Ok(conn),
    }
}

fn open_target(config: &StoreConfig) -> Result<(DatabaseUrl, DbConnection), CopyError> {
    let url = config.url()?;
    dialect::make_if_missing(&url)?;
    let mut conn = dialect::open(&url, Purpose::Write)?;
    migrate::migrate(&mut conn, &url)?;
    dialect::remember(&mut conn, &url)?;
    Ok((url, conn))
}

/// The logs of channels that have entries, in the order of their keys.
fn logs(conn: &mut DbConnection) -> Result<Vec<Log>, CopyError> {
    let columns = (logs::channel_id, logs::stream, logs::next_position, logs::recorded_at);
    let written = logs::table
        .filter(logs::next_position.gt(0).and(logs::stream.ne(ROOT.1.number())))
        .order((logs::channel_id, logs::stream))
        .select(columns);
    let rows: Vec<(i64, i16, i64, i64)> = written.load(conn).map_err(StoreError::from)?;
    let log = |(channel_id, stream, size, recorded_at)| {
        let stream = Stream::from_number(stream)
            .ok_or(CopyError::Unfit { channel_id, what: "the source has a stream that this version does not know" })?;
        Ok(Log { channel_id, stream, size, recorded_at })
    };
    rows.into_iter().map(log).collect()
}

/// The number of entries that the destination has already. It must not have other entries than the
/// source.
fn logs_there(source: &mut DbConnection, target: &mut DbConnection, wanted: &[Log]) -> Result<u64, CopyError> {
    let mut there = 0;
    for log in logs(target)? {
        let Log { channel_id, .. } = log;
        let of_source = wanted.iter().find(|wanted| (wanted.channel_id, wanted.stream) == (log.channel_id, log.stream));
        match of_source {
            Some(of_source) if of_source.size >= log.size => {}
            _ => return Err(CopyError::Unfit { channel_id, what: "the destination has entries that the source lacks" }),
        }
        let is_same = match log.stream {
            Stream::Events => verify::is_same_at::<Events>(source, target, channel_id, log.size - 1)?,
            Stream::ActionLogs => verify::is_same_at::<ActionLogs>(source, target, channel_id, log.size - 1)?,
            Stream::Checkpoints => true,
        };
        if !is_same {
            return Err(CopyError::Unfit { channel_id, what: "the destination has other entries than the source" });
        }
        there += log.size.unsigned_abs();
    }
    Ok(there)
}
