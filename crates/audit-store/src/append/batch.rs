//! One transaction of a writer: it stages whole requests, inserts their entries, and moves the
//! heads.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Instant;

use audit_domain::uuid::Uuid;
use audit_domain::{PreparedEntry, Timestamp};
use diesel::prelude::*;

use super::error::{AppendError, Conflict, NotStored, Unknown};
use super::known::Known;
use super::pace::Pace;
use super::watch::ClockWatch;
use super::{AppendRequest, Covered, Receipt};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::guard::Guard;
use crate::log_key::LogKey;
use crate::row::{NewRows, Placement};
use crate::schema::{erasures, logs};

/// The outcome of one request.
pub(crate) type Outcome = Result<Vec<Receipt>, AppendError>;

pub(super) fn log_of(entry: &PreparedEntry) -> LogKey {
    (entry.channel_id().get(), entry.stream())
}

/// The uuids that the batch looks up in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lookup {
    /// The uuids that clients gave. A uuid that this server drew cannot be in the log.
    GivenUuids,
    /// All uuids. A drawn uuid can be in the log if a clone of the entry was appended before.
    AllUuids,
    /// All uuids, after a commit whose outcome is not known. The commit may have succeeded, so the
    /// entries in the log may be these very entries.
    Settle,
}

/// Appends requests in their order. Each request is accepted whole or has no effect. After an error
/// the log has no entry of any of them, unless the error is [`StoreError::Unconfirmed`].
///
/// # Why positions have no gaps and follow the order of commits
///
/// Two servers append to a log that has ten entries. The clock of B is two seconds behind.
///
/// | time | A appends two entries | B appends one entry | a reader |
/// | --- | --- | --- | --- |
/// | t0 | locks the log and reads its head: next position 10 | | sees 0 to 9 |
/// | t1 | reads its clock: 12:00:05 | asks for the lock, and waits | sees 0 to 9 |
/// | t2 | inserts 10 and 11, and moves the head to 12 | | sees 0 to 9 |
/// | t3 | commits: the entries and the head become visible at once, and the lock ends | | sees 0 to 11 |
/// | t4 | | gets the lock, and the head that A committed: next position 12 | sees 0 to 11 |
/// | t5 | | reads its clock: 12:00:04. Takes 12:00:05, the time of the head. Inserts 12, commits | sees 0 to 12 |
///
/// - No gaps: a position comes from the head, in the transaction that inserts the entry and moves
///   the head. If A fails before t3, the head is at 10 again, and B inserts 10. A sequence of the
///   database would have given 10 and 11 away.
/// - Order of commits: A holds the lock until its commit is done, and nobody takes a position
///   without the lock. So B cannot commit 12 before A commits 10 and 11. A reader that has seen an
///   entry has seen all entries before it, and never finds a new one there. An export, the search
///   index and a checkpoint can therefore continue from a position. With positions that are drawn
///   before the lock, B could commit first, and such a reader would miss 10 and 11.
/// - Time of commits: the clock is read after the lock, and never counts less than the time of the
///   head. So `recorded_at` does not decrease along the log, whatever the clocks say.
/// - Retries: the uuids are looked up after the lock (t4). If B retries an entry of A, it finds it.
///
/// On SQLite the lock is the only write lock of the database, on PostgreSQL a lock on the row of
/// the log in `logs`.
pub(crate) fn commit(
    conn: &mut DbConnection,
    requests: &[&AppendRequest],
    lookup: Lookup,
    watch: &ClockWatch,
    guard: Option<&Guard>,
    pace: &mut Pace,
) -> Result<Vec<Outcome>, StoreError> {
    let append = |conn: &mut DbConnection| {
        let (heads, now) = lock_logs(conn, requests, watch)?;
        let start = Instant::now();
        // The lookup comes after the lock, because the previous holder of the lock may have
        // appended the uuids.
        let known = Known::look_up(conn, requests, lookup)?;
        let future = watch.future_after(now);
        // Under the lock too: what a log has now is what it had at its last commit, unless it went back.
        let refusal = |log: &LogKey, head: &Head| Some((*log, guard?.refusal(*log, head.next_position)?));
        let refused = heads.iter().filter_map(|(log, head)| refusal(log, head)).collect();
        let (placed, erasures, by_uuid, settled) = (Vec::new(), Vec::new(), HashMap::new(), HashSet::new());
        let mut batch = Batch { heads, refused, now, future, placed, erasures, by_uuid, known, lookup, settled };
        let outcomes = requests.iter().map(|request| batch.stage(conn, request)).collect::<Result<Vec<_>, _>>()?;
        batch.write(conn)?;
        pace.note(requests.iter().map(|request| request.entries.len()).sum(), start.elapsed());
        Ok(outcomes)
    };
    dialect::write_and_confirm(conn, append, |conn| lock_logs(conn, requests, watch).map(drop))
}

struct Head {
    next_position: i64,
    recorded_at: Timestamp,
    /// Whether the batch adds to this log. If not, the head keeps the time of the log's last entry.
    grows: bool,
}

/// Locks the logs to which the batch writes, in the order of their keys, so that two servers never
/// wait for each other. Returns their heads and the current time.
fn lock_logs(
    conn: &mut DbConnection,
    requests: &[&AppendRequest],
    watch: &ClockWatch,
) -> Result<(BTreeMap<LogKey, Head>, Timestamp), StoreError> {
    let logs: BTreeSet<LogKey> = requests.iter().flat_map(|request| &request.entries).map(log_of).collect();
    let mut locked = Vec::with_capacity(logs.len());
    for (channel_id, stream) in logs {
        locked.push(((channel_id, stream), dialect::lock_log(conn, channel_id, stream)?));
    }
    // The clock is read after the locks. If it went back, the log's time stands still.
    let now = watch.now()?;
    let head = |(log, (next_position, last))| {
        let last = Timestamp::from_micros(last).unwrap_or(now);
        watch.head(log, last, now);
        (log, Head { next_position, recorded_at: last.max(now), grows: false })
    };
    Ok((locked.into_iter().map(head).collect(), now))
}

struct Batch<'a> {
    heads: BTreeMap<LogKey, Head>,
    /// The logs to which nothing is appended, with the reasons.
    refused: BTreeMap<LogKey, String>,
    now: Timestamp,
    /// The receipts warn about entries that happen later than this.
    future: Timestamp,
    placed: Vec<(&'a PreparedEntry, Placement)>,
    /// The erasures that some of the placed entries begin: the log, and the position of the entry.
    erasures: Vec<(LogKey, i64, Covered)>,
    by_uuid: HashMap<(LogKey, Uuid), usize>,
    known: Known,
    lookup: Lookup,
    /// The uuids that an unconfirmed commit turned out to have committed, each assigned to one
    /// request.
    settled: HashSet<(LogKey, Uuid)>,
}

/// The result of comparing an entry of a request.
enum Staged {
    New,
    Duplicate(Receipt),
    /// Repeats an earlier entry of the same request; the value is its index there.
    Repeats(usize),
}

/// The results for the entries of a request, by index. `None` means not compared yet.
type Compared = [Option<Result<Staged, Conflict>>];

impl<'a> Batch<'a> {
    fn stage(&mut self, conn: &mut DbConnection, request: &'a AppendRequest) -> Result<Outcome, StoreError> {
        if let Some(why) = request.entries.iter().find_map(|entry| self.refused.get(&log_of(entry))) {
            // After a commit whose outcome is not known, the entries may be in the log that is refused now.
            return Ok(Err(match self.lookup {
                Lookup::Settle => Unknown::Unconfirmed(why.clone()).into(),
                _ => NotStored::WentBack(why.clone()).into(),
            }));
        }
        let next = next_mentions(&request.entries);
        let mut compared: Vec<_> = request.entries.iter().map(|_| None).collect();
        for index in 0..request.entries.len() {
            if compared[index].is_none() {
                self.compare(conn, request, Mentions { next: &next, at: Some(index) }, &mut compared)?;
            }
        }
        let (mut staged, mut conflicts) = (Vec::with_capacity(compared.len()), Vec::new());
        for (index, what) in compared.into_iter().enumerate().filter_map(|(index, what)| Some((index, what?))) {
            match what {
                Ok(what) => staged.push((index, what)),
                Err(conflict) => conflicts.push(conflict),
            }
        }
        match &request.skipped {
            Some(skipped) => skipped.set(conflicts),
            None if conflicts.is_empty() => {}
            None => return Ok(Err(NotStored::Conflict(conflicts).into())),
        }
        Ok(Ok(self.accept(request, &staged)?))
    }

    /// Compares all mentions of one uuid in a request with the first entry of this uuid: in the
    /// batch, in the log, or the first mention. So the stored entry is read once for a request,
    /// however often the request repeats the uuid.
    fn compare(
        &mut self,
        conn: &mut DbConnection,
        request: &AppendRequest,
        mut mentions: Mentions<'_>,
        compared: &mut Compared,
    ) -> Result<(), StoreError> {
        let Some(first) = mentions.at else { return Ok(()) };
        let first_entry = &request.entries[first];
        let key = (log_of(first_entry), first_entry.uuid());
        let conflict = |index, within_request| Err(Conflict { index, uuid: key.1, within_request });
        if let Some(&place) = self.by_uuid.get(&key) {
            let (placed, placement) = &self.placed[place];
            let receipt = Receipt { duplicate: true, ..receipt(placed, placement) };
            for index in mentions {
                let is_same = request.entries[index].is_retry_of_prepared(placed);
                compared[index] = Some(if is_same { Ok(Staged::Duplicate(receipt)) } else { conflict(index, false) });
            }
        } else if let Some((stored, subject)) = self.known.find(conn, key.0, key.1)? {
            for index in mentions {
                let entry = &request.entries[index];
                // Each mention is compared by itself although one conflict refuses the request: an
                // import skips the entries that conflict and keeps the others.
                if !entry.is_retry_of_parsed(stored, subject) {
                    compared[index] = Some(conflict(index, false));
                    continue;
                }
                // Each request draws new salts, so an equal leaf hash means that this request wrote
                // the entry. If several requests have clones of an entry, it counts for the first
                // of them.
                let is_own = self.lookup == Lookup::Settle
                    && entry.leaf_hash(request.producer_id, stored.recorded_at) == stored.leaf_hash
                    && self.settled.insert(key);
                compared[index] = Some(Ok(Staged::Duplicate(Receipt { duplicate: !is_own, ..Receipt::of_duplicate(stored) })));
            }
        } else {
            mentions.next();
            compared[first] = Some(Ok(Staged::New));
            for index in mentions {
                let is_same = request.entries[index].is_retry_of_prepared(first_entry);
                compared[index] = Some(if is_same { Ok(Staged::Repeats(first)) } else { conflict(index, true) });
            }
        }
        Ok(())
    }

    /// Places the new entries among those with an index, and makes the receipts of all of them.
    fn accept(&mut self, request: &'a AppendRequest, staged: &[(usize, Staged)]) -> Result<Vec<Receipt>, StoreError> {
        let mut receipts: Vec<Receipt> = Vec::with_capacity(staged.len());
        for (index, what) in staged {
            let entry = &request.entries[*index];
            let receipt = match what {
                Staged::Duplicate(receipt) => *receipt,
                Staged::Repeats(first) => {
                    // The first one is new and so not a conflict. All before it may be.
                    let at = staged.partition_point(|(index, _)| index < first);
                    Receipt { duplicate: true, ..receipts[at] }
                }
                Staged::New => {
                    let receipt = self.place(entry, request.producer_id)?;
                    self.erasures.extend(request.erasures.get(*index).map(|covered| (log_of(entry), receipt.position, *covered)));
                    receipt
                }
            };
            receipts.push(Receipt { future_seconds: self.future_seconds(entry), ..receipt });
        }
        Ok(receipts)
    }

    /// The seconds by which an entry is in the future, if that needs a warning.
    fn future_seconds(&self, entry: &PreparedEntry) -> Option<i64> {
        (entry.timestamp() > self.future).then(|| (entry.timestamp().micros() - self.now.micros()) / 1_000_000)
    }

    fn place(&mut self, entry: &'a PreparedEntry, producer_id: i64) -> Result<Receipt, StoreError> {
        let log = log_of(entry);
        // The batch locked all its logs at its start.
        let head = self.heads.get_mut(&log).ok_or(diesel::result::Error::NotFound)?;
        let (position, recorded_at) = (head.next_position, head.recorded_at);
        head.next_position += 1;
        head.grows = true;
        let leaf_hash = entry.leaf_hash(producer_id, recorded_at);
        let placement = Placement { position, recorded_at, producer_id, leaf_hash };
        let receipt = receipt(entry, &placement);
        self.by_uuid.insert((log, entry.uuid()), self.placed.len());
        self.placed.push((entry, placement));
        Ok(receipt)
    }

    fn write(&self, conn: &mut DbConnection) -> Result<(), StoreError> {
        let mut rows = NewRows::default();
        for (entry, placement) in &self.placed {
            rows.push(entry, placement);
        }
        dialect::insert(conn, &rows)?;
        for ((channel_id, stream), position, Covered { first, last, entries }) in &self.erasures {
            let of_entry =
                (erasures::channel_id.eq(channel_id), erasures::stream.eq(stream.number()), erasures::position.eq(position));
            let covered = (erasures::first.eq(first), erasures::last.eq(last), erasures::entries.eq(entries));
            diesel::insert_into(erasures::table).values((of_entry, covered, erasures::erased_to.eq(first))).execute(conn)?;
        }
        for ((channel_id, stream), head) in self.heads.iter().filter(|(_, head)| head.grows) {
            diesel::update(logs::table.find((*channel_id, stream.number())))
                .set((logs::next_position.eq(head.next_position), logs::recorded_at.eq(head.recorded_at.micros())))
                .execute(conn)?;
        }
        Ok(())
    }
}

/// Computes for each entry the index of the next one with the same uuid in the same log.
fn next_mentions(entries: &[PreparedEntry]) -> Vec<Option<usize>> {
    let mut later: HashMap<(LogKey, Uuid), usize> = HashMap::with_capacity(entries.len());
    let mut next: Vec<_> =
        entries.iter().enumerate().rev().map(|(index, entry)| later.insert((log_of(entry), entry.uuid()), index)).collect();
    next.reverse();
    next
}

/// The indexes of the entries of one uuid, ascending.
struct Mentions<'a> {
    next: &'a [Option<usize>],
    at: Option<usize>,
}

impl Iterator for Mentions<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let index = self.at?;
        self.at = self.next[index];
        Some(index)
    }
}

fn receipt(entry: &PreparedEntry, placement: &Placement) -> Receipt {
    Receipt {
        uuid: entry.uuid(),
        channel_id: entry.channel_id(),
        position: placement.position,
        recorded_at: placement.recorded_at,
        leaf_hash: placement.leaf_hash,
        duplicate: false,
        erased: false,
        future_seconds: None,
    }
}
