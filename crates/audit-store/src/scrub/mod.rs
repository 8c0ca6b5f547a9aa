//! A scrub: reads every log from its beginning to its end, and compares all that is stored of it: entries
//! with their leaf hashes and filter columns, the tree with the leaf hashes, checkpoints with the tree, and
//! the search index with the entries.
//!
//! A scrub writes nothing, and each of its reads is short: no snapshot lasts longer than some hundred rows
//! take, so appends and the upkeep of the database go on beside it. The end of each log is fixed when its
//! walk begins. Memory is that of one fetch of rows and of one segment of the index.

mod entries;
mod erasure;
mod finding;
mod index;
mod logs;
mod own_keys;
mod registry;
mod roots;
mod scrubber;
mod start;
mod strays;
mod tiles;
mod walk;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use audit_domain::log::Checkpoint;
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, ChannelId, Stream};

pub use finding::{EntryFault, EntryState, Finding, Part};
pub use own_keys::OwnKeys;
pub use scrubber::LastScrub;
pub(crate) use scrubber::Scrubber;

use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::error::{OpenError, StoreError};
use crate::guard::Identity;
use crate::log_key::LogKey;
use crate::pool::{Pool, pool};
use crate::{dialect, migrate};

/// The reason why the note of a checkpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOpened {
    /// No key of its log was given.
    NoKey(String),
    /// It is not what a key signed.
    Wrong(String),
}

/// What a scrub compares with.
pub struct ScrubRequest<'r> {
    /// The channels whose logs are read.
    pub channels: ChannelGrant,
    /// Opens the note of a checkpoint with the keys that the caller trusts.
    pub open: &'r dyn Fn(&str) -> Result<Checkpoint, NotOpened>,
    /// Checkpoints that somebody kept, with their names. Their signatures were verified.
    pub kept: Vec<(String, Checkpoint)>,
}

/// An entry, and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubbedEntry {
    /// The channel of its log.
    pub channel_id: i64,
    /// The stream of its log.
    pub stream: Stream,
    /// Its position.
    pub position: i64,
    /// Its uuid, if it has one.
    pub uuid: Option<Uuid>,
    /// What is said about it.
    pub state: EntryState,
}

/// What happens during a scrub.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScrubProgress<'p> {
    /// It begins: the number of entries of all logs.
    Start {
        /// Entries.
        entries: u64,
    },
    /// An entry was compared.
    Entry(ScrubbedEntry),
    /// Something is not what the log wrote.
    Finding(&'p Finding),
    /// A piece of work is done, and no connection is held. A scrub of low priority pauses here.
    Worked {
        /// How long it took.
        took: Duration,
    },
}

/// The result of a scrub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubSummary {
    /// Logs.
    pub logs: u64,
    /// Entries that are as they were appended.
    pub ok: u64,
    /// Entries with erased slots.
    pub erased: u64,
    /// Positions without an entry.
    pub missing: u64,
    /// Entries that are not what was appended.
    pub tampered: u64,
    /// Differences of every kind.
    pub findings: u64,
    /// What could not be compared, although it should be: a sentence each.
    pub not_checked: Vec<String>,
    /// What no scrub compares: a sentence each.
    pub not_covered: Vec<String>,
}

/// The reason why a scrub did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrubError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes what happens, and says whether to go on.
pub(crate) type OnProgress<'o> = &'o mut dyn FnMut(ScrubProgress<'_>) -> ControlFlow<()>;

/// What the log says nothing about.
const NOT_COVERED: [&str; 5] = [
    "the tokens and the content types: they are not part of a log",
    "the times at which log names and public keys were made and retired",
    "whether a public key was retired",
    "the definitions of tables, triggers and views, and the indexes of the database itself",
    "entries that are in no tree yet, and trees that grew since their newest checkpoint, are compared with themselves only",
];

impl StoreConfig {
    /// Scrubs the database of this configuration. It opens a connection that only reads, so a server may
    /// work on the database meanwhile.
    ///
    /// # Errors
    ///
    /// [`ScrubError`]; [`StoreError::Cancelled`] if `on` says so.
    pub fn scrub(
        &self,
        request: &ScrubRequest<'_>,
        on: &mut dyn FnMut(ScrubProgress<'_>) -> ControlFlow<()>,
    ) -> Result<ScrubSummary, ScrubError> {
        let url = self.url()?;
        if !url.exists() {
            return Err(OpenError::Missing { path: url.display() }.into());
        }
        let mut conn = dialect::open(&url, Purpose::PointRead)?;
        let versions = dialect::read_versions(&mut conn).map_err(|why| OpenError::from_database(&url.display(), why))?;
        migrate::refuse_unknown(&versions, &url)?;
        if let Some(migration) = versions.pending().first() {
            return Err(OpenError::OldSchema { path: url.display(), migration: migration.clone() }.into());
        }
        let readers = pool(&url, Purpose::PointRead, 1, &std::sync::Arc::default(), None)?;
        drop(conn);
        Ok(scrub(&readers, request, on)?)
    }
}

/// Scrubs a database through connections that read.
pub(crate) fn scrub(readers: &Pool, request: &ScrubRequest<'_>, on: OnProgress<'_>) -> Result<ScrubSummary, StoreError> {
    let mut run = Run { readers, request, on, summary: ScrubSummary::default(), since: Instant::now() };
    run.whole()?;
    Ok(run.summary)
}

/// A scrub in progress.
struct Run<'a> {
    readers: &'a Pool,
    request: &'a ScrubRequest<'a>,
    on: OnProgress<'a>,
    summary: ScrubSummary,
    /// The start of the current piece of work.
    since: Instant,
}

impl Run<'_> {
    fn whole(&mut self) -> Result<(), StoreError> {
        self.summary.not_covered = NOT_COVERED.map(str::to_owned).into();
        let (logs, unknown) = self.read(logs::all)?;
        let is_all = self.request.channels == ChannelGrant::All;
        let granted = |(log, _): &(LogKey, i64)| match ChannelId::new(log.0) {
            Some(channel) => self.request.channels.allows(channel),
            None => is_all,
        };
        let logs: logs::Sizes = logs.into_iter().filter(granted).collect();
        let entries = logs.iter().map(|(_, size)| size.max(&0).unsigned_abs()).sum();
        self.say(ScrubProgress::Start { entries })?;
        let identity = self.read(registry::identity)?;
        if is_all {
            unknown.into_iter().try_for_each(|finding| self.find(finding))?;
            registry::scrub(self, &identity)?;
            strays::scrub(self)?;
        } else {
            self.summary.not_covered.push("the logs of other channels, and rows that belong to no log".to_owned());
        }
        for (log, _) in &logs {
            self.log(*log, &identity)?;
        }
        let is_unused = |(name, kept): &&(String, Checkpoint)| {
            let is_of = |(log, _): &(LogKey, i64)| identity.origin(*log).as_deref() == Some(kept.origin());
            !logs.iter().any(is_of) && !name.is_empty()
        };
        for (name, kept) in self.request.kept.iter().filter(is_unused) {
            let text = format!("the checkpoint `{name}` is that of {}, which is none of these logs", kept.origin());
            self.summary.not_checked.push(text);
        }
        Ok(())
    }

    fn log(&mut self, log: LogKey, identity: &Identity) -> Result<(), StoreError> {
        self.summary.logs += 1;
        walk::scrub(self, log, identity)?;
        index::scrub(self, log)
    }

    fn read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.readers.read(run)
    }

    fn say(&mut self, progress: ScrubProgress<'_>) -> Result<(), StoreError> {
        if (self.on)(progress).is_break() { Err(StoreError::Cancelled) } else { Ok(()) }
    }

    fn find(&mut self, finding: Finding) -> Result<(), StoreError> {
        self.summary.findings += 1;
        self.say(ScrubProgress::Finding(&finding))
    }

    fn find_in(&mut self, (channel_id, stream): LogKey, part: Part, what: impl Into<String>) -> Result<(), StoreError> {
        self.find(Finding { log: Some((channel_id, stream.number())), part, what: what.into() })
    }

    fn entry(&mut self, entry: ScrubbedEntry) -> Result<(), StoreError> {
        let ScrubSummary { ok, erased, missing, tampered, .. } = &mut self.summary;
        *match entry.state {
            EntryState::Ok => ok,
            EntryState::Erased => erased,
            EntryState::Missing => missing,
            EntryState::Tampered => tampered,
        } += 1;
        self.say(ScrubProgress::Entry(entry))
    }

    /// Ends a piece of work.
    fn worked(&mut self) -> Result<(), StoreError> {
        let took = self.since.elapsed();
        self.say(ScrubProgress::Worked { took })?;
        self.since = Instant::now();
        Ok(())
    }
}
