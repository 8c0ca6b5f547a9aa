//! The newest checkpoints that this store signed or saw, in memory and in files outside the database.
//!
//! A file has the checkpoint itself, as it was signed, so an auditor can use it as it is. It is written
//! before the checkpoint is stored in the database: if the two differ after a crash, the file is the
//! newer one, and the tree that it was made of is in the database.

mod identity;

pub(crate) use identity::{Identity, PublicKey};

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use audit_domain::Stream;
use audit_domain::log::{Checkpoint, NodeHash, Note};

use crate::error::{OpenError, StoreError};
use crate::log_key::LogKey;
use crate::private_file::{draft_of, write_draft};

/// The ending of the files.
const EXTENSION: &str = "checkpoint";

/// A checkpoint of a log that this store signed or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) size: i64,
    pub(crate) root: NodeHash,
    pub(crate) note: String,
}

impl Seen {
    /// Returns `None` if it has more leaves than a log can have entries.
    pub(crate) fn new(checkpoint: &Checkpoint, note: &str) -> Option<Seen> {
        let size = i64::try_from(checkpoint.size()).ok()?;
        Some(Seen { size, root: checkpoint.root(), note: note.to_owned() })
    }
}

/// The newest checkpoints, and the logs that do not fit theirs.
#[derive(Debug)]
pub(crate) struct Guard {
    directory: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    newest: BTreeMap<LogKey, Seen>,
    /// The reasons why nothing is appended to a log.
    refused: BTreeMap<LogKey, String>,
    /// The reason why nothing is appended to any log.
    all_refused: Option<String>,
}

/// What the files have at the start.
#[derive(Debug, Default)]
pub(crate) struct Files {
    notes: BTreeMap<LogKey, String>,
}

impl Files {
    /// Reads the files of a directory, if there is one.
    pub(crate) fn read(directory: &Path) -> Result<Files, OpenError> {
        let failed = |why: io::Error| OpenError::Checkpoints { path: directory.display().to_string(), why: why.to_string() };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Files::default()),
            Err(error) => return Err(failed(error)),
        };
        let mut notes = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if let Some(log) = log_of(&path) {
                notes.insert(log, fs::read_to_string(&path).map_err(failed)?);
            }
        }
        Ok(Files { notes })
    }

    /// The checkpoints that they have, without a look at their signatures.
    pub(crate) fn checkpoints(&self) -> impl Iterator<Item = (LogKey, Checkpoint, &str)> {
        let parsed = |note: &str| note.parse::<Note>().ok()?.text().parse::<Checkpoint>().ok();
        self.notes.iter().filter_map(move |(log, note)| Some((*log, parsed(note)?, note.as_str())))
    }
}

impl Guard {
    /// Starts with the checkpoints of the files. A log whose file is not a checkpoint of this database is
    /// refused.
    pub(crate) fn start(directory: &Path, files: Files, identity: &Identity) -> Guard {
        let mut state = State::default();
        for (log, note) in files.notes {
            let file = directory.join(name_of(log));
            let why = match identity.open(&note) {
                Ok((checkpoint, _)) if checkpoint.origin() == identity.origin(log) => match Seen::new(&checkpoint, &note) {
                    Some(seen) => {
                        state.newest.insert(log, seen);
                        continue;
                    }
                    None => "has more leaves than a log can have".to_owned(),
                },
                Ok((checkpoint, _)) if identity.is_former(checkpoint.origin(), log) => continue,
                Ok((checkpoint, _)) => format!("is of {}, a name that the database does not know", checkpoint.origin()),
                Err(error) => error.to_string(),
            };
            state.refused.insert(log, foreign(&file, &why));
        }
        Guard { directory: directory.to_owned(), state: RwLock::new(state) }
    }

    /// The newest checkpoint of a log.
    pub(crate) fn newest(&self, log: LogKey) -> Option<Seen> {
        self.read().newest.get(&log).cloned()
    }

    /// The sizes of the newest checkpoints.
    pub(crate) fn sizes(&self) -> BTreeMap<LogKey, i64> {
        self.read().newest.iter().map(|(log, seen)| (*log, seen.size)).collect()
    }

    /// The logs that are refused.
    pub(crate) fn refused(&self) -> BTreeSet<LogKey> {
        self.read().refused.keys().copied().collect()
    }

    /// The file of a log.
    pub(crate) fn file(&self, log: LogKey) -> PathBuf {
        self.directory.join(name_of(log))
    }

    /// The reason why nothing is appended to a log whose next position is this one.
    pub(crate) fn refusal(&self, log: LogKey, next_position: i64) -> Option<String> {
        let why = {
            let state = self.read();
            if let Some(why) = state.all_refused.as_ref().or_else(|| state.refused.get(&log)) {
                return Some(why.clone());
            }
            let newest = state.newest.get(&log).filter(|newest| newest.size > next_position)?;
            too_few(log, next_position, newest, &self.file(log))
        };
        self.refuse(log, &why);
        Some(why)
    }

    /// The reasons why nothing is appended to some logs.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let state = self.read();
        state.all_refused.iter().chain(state.refused.values()).cloned().collect()
    }

    /// Refuses a log, and logs the reason unless it is known.
    pub(crate) fn refuse(&self, log: LogKey, why: &str) {
        if self.write().refused.insert(log, why.to_owned()).as_deref() != Some(why) {
            tracing::error!("{why}");
        }
    }

    /// Refuses all logs, or no longer.
    pub(crate) fn refuse_all(&self, why: Option<String>) {
        let mut state = self.write();
        if let Some(why) = why.as_ref().filter(|why| state.all_refused.as_ref() != Some(why)) {
            tracing::error!("{why}");
        }
        state.all_refused = why;
    }

    /// Notes that a log extends its checkpoints.
    pub(crate) fn accept(&self, log: LogKey) {
        if self.read().refused.contains_key(&log) && self.write().refused.remove(&log).is_some() {
            tracing::info!("the log {}/{} extends its newest checkpoint again", log.0, log.1.name());
        }
    }

    /// Forgets the checkpoints of earlier names: the logs have a new one, on purpose.
    pub(crate) fn forget(&self) {
        let mut state = self.write();
        state.newest.clear();
        state.refused.clear();
    }

    /// Keeps checkpoints: writes drafts of their files, flushes all of them, and then renames them. Another
    /// program of this machine, such as an import, may keep checkpoints in the same directory. A file that
    /// has a newer one stays.
    pub(crate) fn keep(&self, seen: &[(LogKey, Seen)]) -> Result<(), StoreError> {
        let failed =
            |error: io::Error| StoreError::Guard(format!("a checkpoint cannot be kept in `{}`: {error}", self.directory.display()));
        if seen.is_empty() {
            return Ok(());
        }
        let lock = self.lock_directory().map_err(failed)?;
        for (log, seen) in seen {
            let file = self.file(*log);
            if !is_newer_in(&file, seen) {
                write_draft(&draft_of(&file), seen.note.as_bytes()).map_err(failed)?;
            }
        }
        for (log, newer) in seen {
            let file = self.file(*log);
            if !is_newer_in(&file, newer) {
                fs::rename(draft_of(&file), &file).map_err(failed)?;
            }
            self.write().newest.insert(*log, newer.clone());
        }
        lock.sync_all().map_err(failed)
    }

    /// Locks the directory until the handle is dropped. A file for this could belong to another user, such
    /// as to root after an import.
    fn lock_directory(&self) -> io::Result<fs::File> {
        let directory = fs::File::open(&self.directory)?;
        directory.lock()?;
        Ok(directory)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) const ADVICE: &str = "nothing is appended to it or signed; put the newest copy of the database back, or begin a new origin on purpose \
                      with `audit-server log new-origin` (docs/operations.md, A database that went back)";

/// The message for a log with too few entries.
pub(crate) fn too_few((channel_id, stream): LogKey, entries: i64, newest: &Seen, file: &Path) -> String {
    let (name, size, file) = (stream.name(), newest.size, file.display());
    format!(
        "the log {channel_id}/{name} has {entries} entries, and its checkpoint in `{file}` has {size}: the database was restored from \
         an older copy, or entries were removed; {ADVICE}"
    )
}

/// The message for a log with other entries.
pub(crate) fn other_entries((channel_id, stream): LogKey, newest: &Seen, file: &Path) -> String {
    let (name, size, file) = (stream.name(), newest.size, file.display());
    format!(
        "the first {size} entries of the log {channel_id}/{name} are not those of its checkpoint in `{file}`: the database was restored \
         from an older copy and written since, or changed; {ADVICE}"
    )
}

/// Whether a file has a newer checkpoint of the same log.
fn is_newer_in(file: &Path, seen: &Seen) -> bool {
    let parsed = |note: &str| note.parse::<Note>().ok()?.text().parse::<Checkpoint>().ok();
    let there = fs::read_to_string(file).ok().and_then(|note| parsed(&note));
    let own = parsed(&seen.note);
    there.zip(own).is_some_and(|(there, own)| there.origin() == own.origin() && there.size() > own.size())
}

fn foreign(file: &Path, why: &str) -> String {
    format!(
        "`{}` is not a checkpoint of this database ({why}): the file or the database is another one, or was changed; {ADVICE}, or move \
         the file away if it never belonged here",
        file.display()
    )
}

fn name_of((channel_id, stream): LogKey) -> String {
    format!("{channel_id}-{}.{EXTENSION}", stream.name())
}

/// The log of a file; `None` for other files.
fn log_of(path: &Path) -> Option<LogKey> {
    let name = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    let (channel_id, stream) = name.split_once('-')?;
    let log = (channel_id.parse().ok()?, Stream::from_name(stream)?);
    (path.file_name()?.to_str()? == name_of(log)).then_some(log)
}

#[cfg(test)]
mod tests {
    use audit_domain::log::SignerKey;

    use super::*;

    const LOG: LogKey = (1, Stream::Events);

    fn seen(name: &str, size: i64) -> Seen {
        let key = SignerKey::new(&format!("{name}/1/events"), &[7; 32]).unwrap();
        let checkpoint = Checkpoint::new(key.verifier().name(), size.unsigned_abs(), NodeHash([9; 32])).unwrap();
        let text = checkpoint.to_string();
        Seen::new(&checkpoint, &Note::new(text.clone(), vec![key.sign(&text)]).unwrap().to_string()).unwrap()
    }

    #[test]
    fn of_two_programs_with_one_directory_the_newest_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let guard = || Guard::start(directory.path(), Files::default(), &Identity::default());
        let (server, import) = (guard(), guard());
        let kept = || fs::read_to_string(directory.path().join("1-events.checkpoint")).unwrap();
        server.keep(&[(LOG, seen("a", 5))]).unwrap();
        import.keep(&[(LOG, seen("a", 4))]).unwrap();
        assert_eq!((kept(), import.newest(LOG).unwrap().size), (seen("a", 5).note, 4));
        import.keep(&[(LOG, seen("a", 6))]).unwrap();
        assert_eq!(kept(), seen("a", 6).note);
        // That of a new name is another log.
        server.keep(&[(LOG, seen("a-2", 1))]).unwrap();
        assert_eq!(kept(), seen("a-2", 1).note);
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["1-events.checkpoint"]);
    }
}
