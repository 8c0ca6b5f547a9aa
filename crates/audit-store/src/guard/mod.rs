//! The newest checkpoints that this store signed or saw, in memory and in files outside the database.
//!
//! A file has the checkpoint itself, as it was signed, so an auditor can use it as it is. It is written
//! before the checkpoint is stored in the database: if the two differ after a crash, the file is the
//! newer one, and the tree that it was made of is in the database.

mod files;
mod identity;

pub(crate) use files::Files;
pub(crate) use identity::{Identity, PublicKey, ending};

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use audit_domain::log::{Checkpoint, NodeHash};

use self::files::path_of;
use crate::error::StoreError;
use crate::log_key::{LogKey, ROOT, name_of};
use crate::private_file::{draft_of, write_draft};

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
    /// The reasons why nothing is appended to a log, as long as it does not extend its checkpoints.
    refused: BTreeMap<LogKey, String>,
    /// The reasons why nothing is appended to a log whose file is not a checkpoint of this database. The
    /// file stays as it is, so only a person can decide.
    foreign: BTreeMap<LogKey, String>,
    /// The reason why nothing is appended to any log.
    all_refused: Option<String>,
}

impl Guard {
    /// Starts with the checkpoints of the files. A log whose file is not a checkpoint of this database is
    /// refused.
    pub(crate) fn start(directory: &Path, files: Files, identity: &Identity) -> Guard {
        let mut state = State::default();
        for (log, note) in files.notes {
            let file = path_of(directory, log);
            let why = match identity.open(&note) {
                Ok((checkpoint, _)) if identity.is_of(&checkpoint, log) => match Seen::new(&checkpoint, &note) {
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
            state.foreign.insert(log, foreign(&file, &why));
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
        path_of(&self.directory, log)
    }

    /// The reason why nothing is appended to a log whose next position is this one.
    pub(crate) fn refusal(&self, log: LogKey, next_position: i64) -> Option<String> {
        let why = {
            let state = self.read();
            if let Some(why) = state.reason(log) {
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
        let mut logs: Vec<_> = state.foreign.iter().chain(&state.refused).collect();
        // The root log went back with others, which say more.
        logs.sort_by_key(|(log, _)| **log == ROOT);
        state.all_refused.iter().chain(logs.into_iter().map(|(_, why)| why)).cloned().collect()
    }

    /// The reason why the file of a log is not a checkpoint of this database, if it is not.
    pub(crate) fn foreign(&self, log: LogKey) -> Option<String> {
        self.read().foreign.get(&log).cloned()
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
            tracing::info!("the log {} extends its newest checkpoint again", name_of(log));
        }
    }

    /// Forgets the checkpoints of earlier names: the logs have a new one, on purpose.
    pub(crate) fn forget(&self) {
        *self.write() = State::default();
    }

    /// Keeps checkpoints: writes drafts of their files, flushes all of them, and then renames them. Returns
    /// the logs of which another program, such as an import beside the server, kept a checkpoint in the same
    /// directory meanwhile: this store has it from then on, and has to compare its own with it first.
    pub(crate) fn keep(&self, seen: &[(LogKey, Seen)], identity: &Identity) -> Result<BTreeSet<LogKey>, StoreError> {
        let failed =
            |error: io::Error| StoreError::Guard(format!("a checkpoint cannot be kept in `{}`: {error}", self.directory.display()));
        let (mut overtaken, mut own) = (BTreeSet::new(), Vec::new());
        if seen.is_empty() {
            return Ok(overtaken);
        }
        let directory = files::lock(&self.directory).map_err(failed)?;
        for (log, seen) in seen {
            let there = files::read(&self.file(*log)).map_err(failed)?;
            match there.and_then(|there| self.of_another_program(*log, &there, identity)) {
                Some(Ok(newer)) => {
                    self.write().newest.insert(*log, newer);
                    overtaken.insert(*log);
                }
                Some(Err(why)) => {
                    tracing::error!("{why}");
                    self.write().foreign.insert(*log, why);
                    overtaken.insert(*log);
                }
                None => {
                    write_draft(&draft_of(&self.file(*log)), seen.note.as_bytes()).map_err(failed)?;
                    own.push((*log, seen));
                }
            }
        }
        for (log, newer) in own {
            let file = self.file(log);
            fs::rename(draft_of(&file), &file).map_err(failed)?;
            self.write().newest.insert(log, newer.clone());
        }
        directory.sync_all().map_err(failed)?;
        Ok(overtaken)
    }

    /// What the file of a log has, if it is not what this store wrote or read, or an older one. An error is
    /// the reason why it is not a checkpoint of this database.
    fn of_another_program(&self, log: LogKey, note: &str, identity: &Identity) -> Option<Result<Seen, String>> {
        let newest = self.newest(log);
        if newest.as_ref().is_some_and(|newest| newest.note == note) {
            return None;
        }
        let checkpoint = match identity.open(note) {
            Ok((checkpoint, _)) => checkpoint,
            Err(error) => return Some(Err(foreign(&self.file(log), &error.to_string()))),
        };
        if identity.is_former(checkpoint.origin(), log) {
            return None;
        }
        let there = Seen::new(&checkpoint, note).filter(|_| identity.is_of(&checkpoint, log));
        let Some(there) = there else { return Some(Err(foreign(&self.file(log), &format!("is of {}", checkpoint.origin())))) };
        // Of one size and root there may be several notes, by different keys.
        let is_known =
            newest.is_some_and(|newest| there.size < newest.size || (there.size, there.root) == (newest.size, newest.root));
        (!is_known).then_some(Ok(there))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reason(&self, log: LogKey) -> Option<&String> {
        self.all_refused.as_ref().or_else(|| self.foreign.get(&log)).or_else(|| self.refused.get(&log))
    }
}

pub(crate) const ADVICE: &str = "nothing is appended to it or signed; put the newest copy of the database back, or begin a new origin on purpose \
                      with `audit-server log new-origin` (docs/operations.md, A database that went back)";

/// The message for a log with too few entries.
pub(crate) fn too_few(log: LogKey, entries: i64, newest: &Seen, file: &Path) -> String {
    let (name, size, file) = (name_of(log), newest.size, file.display());
    format!(
        "the log {name} has {entries} entries, and its checkpoint in `{file}` has {size}: the database was restored from \
         an older copy, or entries were removed; {ADVICE}"
    )
}

/// The message for a log with other entries.
pub(crate) fn other_entries(log: LogKey, newest: &Seen, file: &Path) -> String {
    let (name, size, file) = (name_of(log), newest.size, file.display());
    format!(
        "the first {size} entries of the log {name} are not those of its checkpoint in `{file}`: the database was restored \
         from an older copy and written since, or changed; {ADVICE}"
    )
}

fn foreign(file: &Path, why: &str) -> String {
    format!(
        "`{}` is not a checkpoint of this database ({why}): the file or the database is another one, or was changed; {ADVICE}, or move \
         the file away if it never belonged here",
        file.display()
    )
}

#[cfg(test)]
mod tests {
    use audit_domain::Stream;
    use audit_domain::log::{Note, SignerKey};

    use super::*;

    const LOG: LogKey = (1, Stream::Events);

    fn key() -> SignerKey {
        SignerKey::new("a", &[7; 32]).unwrap()
    }

    fn identity() -> Identity {
        let key = PublicKey { bytes: key().verifier().public_bytes(), created_at: 0, retired_at: None };
        Identity { names: vec!["a".to_owned()], keys: vec![key] }
    }

    fn seen(size: i64, root: u8) -> Seen {
        let key = key().named("a/1/events").unwrap();
        let checkpoint = Checkpoint::new("a/1/events", size.unsigned_abs(), NodeHash([root; 32])).unwrap();
        let text = checkpoint.to_string();
        Seen::new(&checkpoint, &Note::new(text.clone(), vec![key.sign(&text)]).unwrap().to_string()).unwrap()
    }

    #[test]
    fn of_two_programs_with_one_directory_each_learns_of_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let guard = || Guard::start(directory.path(), Files::default(), &identity());
        let (server, import) = (guard(), guard());
        let keep = |guard: &Guard, seen: Seen| guard.keep(&[(LOG, seen)], &identity()).unwrap().contains(&LOG);
        let kept = || fs::read_to_string(directory.path().join("1-events.checkpoint")).unwrap();
        assert!(!keep(&server, seen(5, 1)));
        // Whatever the other one has: first it has to compare that with the file.
        for other in [seen(4, 1), seen(5, 2), seen(6, 2)] {
            let import = guard();
            assert!(keep(&import, other));
            assert_eq!((kept(), import.newest(LOG)), (seen(5, 1).note, Some(seen(5, 1))));
        }
        assert!(keep(&import, seen(6, 1)) && !keep(&import, seen(6, 1)));
        assert!(keep(&server, seen(7, 1)), "the server learns of it, too");
        assert!(!keep(&server, seen(7, 1)));
        assert_eq!((kept(), server.newest(LOG)), (seen(7, 1).note, Some(seen(7, 1))));
        // A file that somebody else wrote stays, and its log is refused.
        fs::write(directory.path().join("1-events.checkpoint"), b"\xff").unwrap();
        assert!(keep(&server, seen(8, 1)));
        assert_eq!(fs::read(directory.path().join("1-events.checkpoint")).unwrap(), b"\xff");
        assert!(server.refusal(LOG, 100).unwrap().contains("is not a checkpoint of this database"));
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["1-events.checkpoint"]);
    }
}
