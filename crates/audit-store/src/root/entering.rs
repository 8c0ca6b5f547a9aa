//! Enters the newest checkpoints of logs into the root log.
//!
//! Every server that signs does it, in rounds. A round takes the lock of the root log and looks again what
//! the log has, so of several servers each round has one, and no checkpoint is there twice. A round that a
//! crash ends is in the log up to its last transaction, and the next one enters the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use audit_domain::Clock;

use super::rows::{Row, head, insert, move_head, size_of};
use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::guard::{Guard, Identity};
use crate::log_key::{LogKey, ROOT};
use crate::pool::Pool;
use crate::sign::{Signer, read_checkpoint, sizes_in_database};

/// The time between two rounds, and so between two entries of one log.
const PERIOD: Duration = Duration::from_secs(10);

/// Checkpoints that one transaction enters.
const TOGETHER: usize = 1_000;

/// The rounds of a store.
pub(crate) struct Entering {
    readers: Arc<Pool>,
    signer: Arc<Signer>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the log name, and the size of each log that the root log has under it.
    entered: (i64, BTreeMap<LogKey, i64>),
    last_round: Option<Instant>,
}

/// A transaction of a round.
struct Portion {
    guard: Arc<Guard>,
    logs: Vec<LogKey>,
    log_name: i64,
    now: i64,
    /// The position after the portion before this one. The first one has none, and asks whether a round is
    /// due.
    follows: Option<i64>,
    at_once: bool,
}

/// What a transaction has done: the sizes that the root log has now, and its next position.
type Entered = (Vec<(LogKey, i64)>, i64);

impl Entering {
    pub(crate) fn new(readers: Arc<Pool>, signer: Arc<Signer>, clock: Clock) -> Entering {
        Entering { readers, signer, clock, state: Mutex::default() }
    }

    /// Enters the checkpoint of each log that grew, if a round is due, or at once. Returns whether the root
    /// log grew.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::WentBack`] if the root log does not extend its newest checkpoint.
    pub(crate) fn round(&self, writers: &Writers, at_once: bool) -> Result<bool, StoreError> {
        if !self.signer.signs() {
            return Ok(false);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now()?.micros();
        let (identity, last) = self.readers.read(|conn| Ok((Identity::read(conn)?, head(conn)?)))?;
        let is_early =
            state.last_round.is_some_and(|last| last.elapsed() < PERIOD) || last.is_some_and(|head| is_recent(head, now));
        if is_early && !at_once {
            return Ok(false);
        }
        let log_name = identity.number();
        if state.entered.0 != log_name {
            state.entered = (log_name, BTreeMap::new());
        }
        let mut follows = None;
        for logs in self.grown(&state.entered.1, log_name)?.chunks(TOGETHER) {
            let guard = Arc::clone(self.signer.guard());
            let portion = Portion { guard, logs: logs.to_vec(), log_name, now, follows, at_once };
            let entered = writers.run_for(ROOT, move |conn| dialect::write(conn, |conn| portion.enter(conn)))?;
            // Another server has this round.
            let Some((sizes, next)) = entered else { break };
            state.entered.1.extend(sizes);
            follows = Some(next);
        }
        if follows.is_some() {
            state.last_round = Some(Instant::now());
        }
        Ok(follows.is_some_and(|next| next > last.map_or(0, |(next, _)| next)))
    }

    /// The logs whose checkpoints are larger than those that the root log has, as far as this store knows.
    fn grown(&self, entered: &BTreeMap<LogKey, i64>, log_name: i64) -> Result<Vec<LogKey>, StoreError> {
        let sizes = self.readers.read(|conn| sizes_in_database(conn, log_name))?;
        let is_new = |log: &LogKey, size: i64| *log != ROOT && size > entered.get(log).copied().unwrap_or(0);
        Ok(sizes.into_iter().filter(|(log, _, signed)| signed.is_some_and(|size| is_new(log, size))).map(|(log, ..)| log).collect())
    }
}

/// Whether a round was just now. A head in the future is that of a clock that was wrong.
fn is_recent((next, last): (i64, i64), now: i64) -> bool {
    next > 0 && (0..PERIOD.as_micros() as i64).contains(&(now - last))
}

impl Portion {
    /// Returns `None` if another server appended since the round began.
    fn enter(&self, conn: &mut DbConnection) -> Result<Option<Entered>, StoreError> {
        let head = dialect::lock_log(conn, ROOT.0, ROOT.1)?;
        let is_overtaken = match self.follows {
            Some(follows) => head.0 != follows,
            None => !self.at_once && is_recent(head, self.now),
        };
        if is_overtaken {
            return Ok(None);
        }
        // As for every append: what the log has now is what it had, unless it went back.
        if let Some(why) = self.guard.refusal(ROOT, head.0) {
            return Err(StoreError::WentBack(why));
        }
        let (mut next, recorded_at, mut sizes) = (head.0, head.1.max(self.now), Vec::new());
        for log in &self.logs {
            let Some((size, note)) = read_checkpoint(conn, *log, self.log_name)? else { continue };
            sizes.push((*log, size));
            if size_of(conn, *log, self.log_name)?.is_some_and(|entered| entered >= size) {
                continue;
            }
            let Some((body, signatures)) = note.rsplit_once("\n\n") else { continue };
            let (body, signatures) = (format!("{body}\n"), signatures.to_owned());
            let (log_channel_id, log_stream, log_name) = (log.0, log.1.number(), self.log_name);
            insert(conn, &Row { position: next, log_channel_id, log_stream, log_name, size, recorded_at, body, signatures })?;
            next += 1;
        }
        if next > head.0 {
            move_head(conn, next, recorded_at)?;
        }
        Ok(Some((sizes, next)))
    }
}
