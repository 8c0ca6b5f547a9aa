//! Signs the trees that grew, and compares each log with the newest checkpoint that this store signed or
//! saw.

use std::sync::{Arc, PoisonError, RwLock};

use audit_domain::log::{Checkpoint, Note, ProofPlan, SignerKey, verify_consistency};
use audit_domain::{Clock, Stream};
use diesel::prelude::*;

use super::establish::{Established, establish};
use super::key_file;
use super::stored::{NewCheckpoint, read_checkpoint};
use crate::append::Writers;
use crate::config::Signing;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::follow::{Progress, Report, put_all};
use crate::guard::{ADVICE, Guard, Identity, Seen, other_entries, too_few};
use crate::log_key::LogKey;
use crate::pool::Pool;
use crate::schema::{checkpoints, logs, trees};
use crate::tree::{self, Tree};

/// Logs whose files are flushed, and whose checkpoints are stored, in one go.
const TOGETHER: usize = 256;

/// Signs for a store.
pub(crate) struct Signer {
    readers: Arc<Pool>,
    signing: Signing,
    known: RwLock<Arc<Known>>,
    guard: Arc<Guard>,
}

/// What the store knows of the database, and the private keys of the file.
struct Known {
    identity: Identity,
    held: Vec<SignerKey>,
}

impl Known {
    /// The private keys of all public keys that sign. `None` if one is missing: a checkpoint that only
    /// some of them signed would be refused by those who trust another one.
    fn signers(&self) -> Option<Vec<&SignerKey>> {
        let of_key = |bytes: &[u8; 32]| self.held.iter().find(|key| key.verifier().public_bytes() == *bytes);
        let signers: Option<Vec<_>> = self.identity.active().map(|key| of_key(&key.bytes)).collect();
        signers.filter(|signers| !signers.is_empty())
    }
}

/// What the database has of a log.
struct Found {
    entries: i64,
    tree: Tree,
    stored: Option<(i64, String)>,
}

/// The next step of a log.
#[derive(Default)]
struct Next {
    /// The checkpoint to keep.
    keep: Option<Seen>,
    /// The checkpoint to store.
    store: Option<NewCheckpoint>,
    /// The reason why the log is refused. Its newest checkpoint is stored all the same, if the database
    /// has an older one: so every other server learns of it.
    refused: Option<String>,
}

impl Signer {
    /// Opens the key file and the checkpoints, and gives a new database its name and its key.
    pub(crate) fn start(
        conn: &mut DbConnection,
        place: &str,
        signing: Signing,
        readers: Arc<Pool>,
        clock: &Clock,
    ) -> Result<Signer, OpenError> {
        let Established { identity, held, guard } = establish(conn, place, &signing, clock)?;
        guard.refusals().iter().for_each(|why| tracing::error!("{why}"));
        let known = Known { identity, held };
        if known.signers().is_none() {
            let file = signing.key_file.display();
            tracing::warn!("this program does not sign checkpoints: `{file}` lacks a key of the database; it appends all the same");
        }
        Ok(Signer { readers, signing, known: RwLock::new(Arc::new(known)), guard: Arc::new(guard) })
    }

    pub(crate) fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// Whether this store holds all keys that sign.
    pub(crate) fn signs(&self) -> bool {
        self.known().signers().is_some()
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks which logs have a step to do.
    pub(crate) fn sweep(&self) -> Result<Vec<LogKey>, StoreError> {
        let is_new = self.look_at_identity()?;
        let (signs, sizes) = (self.signs(), self.guard.sizes());
        let number = self.known().identity.number();
        let trees = self.readers.read(|conn| sizes_in_database(conn, number))?;
        // A log that is refused is compared again: the right database may be back.
        let mut logs = self.guard.refused();
        for (log, tree, stored) in &trees {
            let newest = sizes.get(log).copied();
            let is_behind = signs && *stored != Some(*tree) || newest != *stored || newest.is_some_and(|newest| newest > *tree);
            if is_new || is_behind {
                logs.insert(*log);
            }
        }
        let is_there = |log: &LogKey| trees.iter().any(|(there, ..)| there == log);
        logs.extend(sizes.into_keys().filter(|log| !is_there(log)));
        Ok(logs.into_iter().collect())
    }

    /// Reads the names and the keys again. Returns whether they changed.
    fn look_at_identity(&self) -> Result<bool, StoreError> {
        let (identity, known) = (self.readers.read(Identity::read)?, self.known());
        if !identity.continues(&known.identity) {
            let now = identity.name().unwrap_or("none");
            self.guard.refuse_all(Some(format!(
                "the logs of the database had the name {} with {} keys when it was opened, and have the name {now} with {} keys now: \
                 another database was put in its place; put the right one back, or restart if this one is right",
                known.identity.name().unwrap_or("none"),
                known.identity.keys.len(),
                identity.keys.len(),
            )));
            return Err(StoreError::WentBack("the database is not the one that was opened".to_owned()));
        }
        self.guard.refuse_all(None);
        let is_new = identity != known.identity;
        if !is_new && known.signers().is_some() {
            return Ok(false);
        }
        let has_new_name = identity.names != known.identity.names;
        let held = key_file::read(&self.signing.key_file).unwrap_or_else(|error| {
            // Without a change of the keys, this is read at every sweep.
            if is_new {
                tracing::warn!("{error}")
            } else {
                tracing::debug!("{error}")
            };
            known.held.clone()
        });
        let (signed, known) = (known.signers().is_some(), Known { identity, held });
        let (signs, file) = (known.signers().is_some(), self.signing.key_file.display());
        if signs != signed {
            let how = if signs {
                "has all keys of the database: this program signs"
            } else {
                "lacks a key: this program signs no longer"
            };
            tracing::warn!("`{file}` {how}");
        }
        let name = known.identity.name().unwrap_or("none").to_owned();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        if has_new_name {
            let logs = self.guard.sizes().len();
            tracing::warn!("the logs have the new name {name}: the checkpoints of {logs} logs under their old name are set aside");
            self.guard.forget();
        }
        Ok(is_new || signs != signed)
    }

    /// Does the next step of each log, and reports each.
    pub(crate) fn steps(&self, writers: &Writers, logs: &[LogKey], report: Report<'_>) {
        for logs in logs.chunks(TOGETHER) {
            if !self.steps_together(writers, logs, report) {
                return;
            }
        }
    }

    fn steps_together(&self, writers: &Writers, logs: &[LogKey], report: Report<'_>) -> bool {
        let (mut outcomes, mut keep, mut store, mut back) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for log in logs {
            // The file stays as it is until a person decides.
            if let Some(why) = self.guard.foreign(*log) {
                outcomes.push((*log, Err(StoreError::WentBack(why))));
                continue;
            }
            match self.prepare(*log) {
                Ok(Next { refused: Some(why), store, .. }) => {
                    self.guard.refuse(*log, &why);
                    back.extend(store);
                    outcomes.push((*log, Err(StoreError::WentBack(why))));
                }
                Ok(next) => {
                    self.guard.accept(*log);
                    keep.extend(next.keep.map(|seen| (*log, seen)));
                    match next.store {
                        Some(new) => store.push(new),
                        None => outcomes.push((*log, Ok(Progress::Done { left: 0 }))),
                    }
                }
                Err(error) => outcomes.push((*log, Err(error))),
            }
        }
        // The files come first: a checkpoint that is published and in no file would be forgotten by a
        // restart.
        let kept = self.guard.keep(&keep, &self.known().identity);
        for (log, _) in keep {
            let outcome = match &kept {
                Ok(overtaken) if !overtaken.contains(&log) => continue,
                Ok(_) => Ok(Progress::Overtaken),
                Err(error) => Err(StoreError::Guard(error.to_string())),
            };
            store.retain(|new: &NewCheckpoint| new.log != log);
            outcomes.retain(|(of, _)| *of != log);
            outcomes.push((log, outcome));
        }
        put_all(writers, back, &mut |(channel_id, stream), outcome| {
            if let Err(error) = outcome {
                tracing::warn!(%error, channel_id, stream = stream.name(), "the newest checkpoint of a log that went back was not stored: other servers may append to the log");
            }
            true
        });
        let go_on = outcomes.into_iter().fold(true, |go_on, (log, outcome)| report(log, outcome) && go_on);
        put_all(writers, store, report) && go_on
    }

    /// Compares a log with its newest checkpoints, and signs its tree if it grew.
    fn prepare(&self, log: LogKey) -> Result<Next, StoreError> {
        let known = self.known();
        let identity = &known.identity;
        let number = identity.number();
        // Read before the database, which has at least what this store signed.
        let newest = self.guard.newest(log);
        let found = self.readers.read(|conn| Found::read(conn, log, number))?;
        let stored = match &found.stored {
            Some((_, note)) => match read_stored(identity, log, note) {
                Ok(stored) => Some(stored),
                Err(why) => return Ok(Next { refused: Some(why), ..Next::default() }),
            },
            None => None,
        };
        if let Some(why) = self.contradiction(log, &found, stored.as_ref(), newest.as_ref())? {
            let is_older = |newest: &Seen| stored.as_ref().is_none_or(|stored| stored.size < newest.size);
            let back = newest.filter(is_older).map(|newest| NewCheckpoint {
                log,
                log_name: number,
                replaces: stored.as_ref().map(|stored| stored.note.clone()),
                size: newest.size,
                note: newest.note,
            });
            return Ok(Next { store: back, refused: Some(why), ..Next::default() });
        }
        let size = |seen: Option<&Seen>| seen.map_or(0, |seen| seen.size);
        let largest = size(stored.as_ref()).max(size(newest.as_ref()));
        let tree_follows = found.tree.log_name == number && found.tree.size >= largest && found.tree.size > 0;
        let signers = known.signers().filter(|_| tree_follows);
        let Some(signers) = signers else {
            // Without the leaves of a checkpoint, nobody knows whether it extends the newest one.
            let is_compared = |stored: &Seen| found.tree.log_name == number && found.tree.size >= stored.size;
            let keep = stored.filter(|stored| is_compared(stored) && newest.is_none_or(|newest| newest.size < stored.size));
            return Ok(Next { keep, ..Next::default() });
        };
        let Some(origin) = identity.origin(log) else { return Ok(Next::default()) };
        let seen = sign(&origin, &found.tree, &signers)?;
        let keep = newest.is_none_or(|newest| newest != seen).then(|| seen.clone());
        let is_stored = stored.as_ref() == Some(&seen);
        let store =
            NewCheckpoint { log, log_name: number, replaces: stored.map(|stored| stored.note), size: seen.size, note: seen.note };
        Ok(Next { keep, store: (!is_stored).then_some(store), refused: None })
    }

    /// The reason why a log does not extend its newest checkpoints.
    fn contradiction(
        &self,
        log: LogKey,
        found: &Found,
        stored: Option<&Seen>,
        newest: Option<&Seen>,
    ) -> Result<Option<String>, StoreError> {
        let file = self.guard.file(log);
        // Mostly the two are the same.
        let stored = stored.filter(|stored| newest != Some(*stored));
        for seen in [newest, stored].into_iter().flatten() {
            if found.entries < seen.size {
                return Ok(Some(too_few(log, found.entries, seen, &file)));
            }
            // A tree that does not have these leaves yet is compared when it has.
            if found.tree.size >= seen.size && !self.extends(log, &found.tree, seen)? {
                return Ok(Some(other_entries(log, seen, &file)));
            }
        }
        Ok(None)
    }

    /// Whether a tree begins with the leaves of a checkpoint, shown by the proof that a client would get.
    fn extends(&self, log: LogKey, tree: &Tree, seen: &Seen) -> Result<bool, StoreError> {
        let (old, new) = (seen.size.unsigned_abs(), tree.size.unsigned_abs());
        let Ok(plan) = ProofPlan::consistency(old, new) else { return Ok(false) };
        let path = self.readers.read(|conn| tree::path(conn, log, new, &plan))?;
        Ok(verify_consistency((old, seen.root), (new, tree.root), &path).is_ok())
    }
}

impl Found {
    fn read(conn: &mut DbConnection, log: LogKey, log_name: i64) -> Result<Found, StoreError> {
        dialect::snapshot(conn, |conn| {
            let head = logs::table.find((log.0, log.1.number())).select(logs::next_position);
            let entries = head.first(conn).optional()?.unwrap_or(0);
            Ok(Found { entries, tree: tree::read_tree(conn, log)?, stored: read_checkpoint(conn, log, log_name)? })
        })
    }
}

/// Reads the checkpoint of the database.
fn read_stored(identity: &Identity, log: LogKey, note: &str) -> Result<Seen, String> {
    let seen = identity.open(note).map_err(|error| error.to_string()).and_then(|(checkpoint, _)| {
        let is_of_log = identity.is_of(&checkpoint, log);
        Seen::new(&checkpoint, note).filter(|_| is_of_log).ok_or_else(|| format!("it is of {}", checkpoint.origin()))
    });
    seen.map_err(|why| {
        let (channel_id, stream) = (log.0, log.1.name());
        format!("the checkpoint of the log {channel_id}/{stream} in the database was changed ({why}); {ADVICE}")
    })
}

fn sign(origin: &str, tree: &Tree, signers: &[&SignerKey]) -> Result<Seen, StoreError> {
    let failed = |why: String| StoreError::Guard(format!("the checkpoint of {origin} cannot be signed: {why}"));
    let checkpoint = Checkpoint::new(origin, tree.size.unsigned_abs(), tree.root).map_err(|error| failed(error.to_string()))?;
    let text = checkpoint.to_string();
    let signature = |key: &&SignerKey| Ok(key.named(origin).map_err(|error| failed(error.to_string()))?.sign(&text));
    let signatures = signers.iter().map(signature).collect::<Result<_, StoreError>>()?;
    let note = Note::new(text.clone(), signatures).map_err(|error| failed(error.to_string()))?.to_string();
    Ok(Seen { size: tree.size, root: tree.root, note })
}

/// The sizes of all trees, and those of their stored checkpoints.
pub(crate) fn sizes_in_database(conn: &mut DbConnection, log_name: i64) -> Result<Vec<(LogKey, i64, Option<i64>)>, StoreError> {
    let of_tree = checkpoints::channel_id.eq(trees::channel_id).and(checkpoints::stream.eq(trees::stream));
    let stored = checkpoints::table.filter(of_tree.and(checkpoints::log_name.eq(log_name))).select(checkpoints::size);
    let rows: Vec<(i64, i16, i64, Option<i64>)> =
        trees::table.select((trees::channel_id, trees::stream, trees::size, stored.single_value())).load(conn)?;
    let log = |(channel_id, number, tree, stored)| Some(((channel_id, Stream::from_number(number)?), tree, stored));
    Ok(rows.into_iter().filter_map(log).collect())
}
