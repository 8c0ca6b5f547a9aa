//! The entries of a batch that the log has already: a statement for each log looks up the uuids,
//! and further statements read the stored entries, some at a time.

use std::collections::{BTreeMap, HashMap, VecDeque};

use audit_domain::slot;
use audit_domain::uuid::Uuid;
use audit_domain::{Entry, StoredSubject, Stream, limits};

use super::AppendRequest;
use super::batch::{Lookup, log_of};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::query::{self, FetchSize};

/// The bytes of the largest record.
const RECORD_BYTES_MAX: usize = limits::EVENT_BYTES_MAX + limits::EVENT_BYTES_ADDED_MAX;

/// Records that one statement reads. A [`FetchSize`] grows to 256, which is too many inside a write
/// transaction if each record has a megabyte.
const RECORDS_AT_ONCE_MAX: usize = 32;

/// Bytes of the entries that are held. The entry that the batch asked for last may come on top.
/// While one statement reads, twice as much is in memory.
const BYTES_HELD_MAX: usize = RECORDS_AT_ONCE_MAX * RECORD_BYTES_MAX;

/// The entries of the log whose uuids a batch repeats. An entry stays in memory after the batch
/// asked for it, because other requests of the batch may repeat it too. An entry that was read ahead
/// is kept until the batch asks for it.
#[derive(Default)]
pub(super) struct Known {
    logs: HashMap<LogKey, OfLog>,
    /// Bytes of the entries that were read ahead and not asked for yet. At most [`BYTES_HELD_MAX`], because `find` reads ahead only
    /// what fits.
    bytes_ahead: usize,
    /// The entries that the batch asked for and that are still held, the oldest first, and their bytes.
    asked: VecDeque<(LogKey, usize)>,
    bytes_asked: usize,
}

#[derive(Default)]
struct OfLog {
    /// The index in `positions`, by uuid.
    indexes: HashMap<Uuid, usize>,
    /// The positions of the entries, in the order in which the batch asks for them.
    positions: Vec<i64>,
    /// The index after the last one that was read.
    read_to: usize,
    /// The entries in memory, by index.
    held: HashMap<usize, Held>,
    fetch: FetchSize,
}

struct Held {
    entry: Entry,
    subject: StoredSubject,
    was_asked: bool,
}

impl Held {
    /// Bytes of an entry that the batch asked for. Its subject may be in memory twice, as text and parsed.
    fn bytes_asked(&self) -> usize {
        let slots = &self.entry.slots;
        slots.bytes() + slots.value(slot::SUBJECT).map_or(0, |subject| subject.as_str().len())
    }
}

impl Known {
    /// Looks up which uuids of the requests are in the log. It leaves out the uuids that cannot be
    /// there.
    pub(super) fn look_up(conn: &mut DbConnection, requests: &[&AppendRequest], lookup: Lookup) -> Result<Known, StoreError> {
        let mut wanted: BTreeMap<LogKey, Vec<Uuid>> = BTreeMap::new();
        for entry in requests.iter().flat_map(|request| &request.entries) {
            if lookup != Lookup::GivenUuids || entry.uuid_was_given() {
                wanted.entry(log_of(entry)).or_default().push(entry.uuid());
            }
        }
        let mut known = Known::default();
        for ((channel_id, stream), uuids) in wanted {
            let held = dialect::held(conn, channel_id, stream, &uuids)?;
            if !held.is_empty() {
                known.logs.insert((channel_id, stream), OfLog::new(&uuids, &held));
            }
        }
        Ok(known)
    }

    /// The entry with a uuid and its subject, if the log has it.
    pub(super) fn find(
        &mut self,
        conn: &mut DbConnection,
        log: LogKey,
        uuid: Uuid,
    ) -> Result<Option<(&Entry, &StoredSubject)>, StoreError> {
        let Some(of_log) = self.logs.get_mut(&log) else { return Ok(None) };
        let Some(&index) = of_log.indexes.get(&uuid) else { return Ok(None) };
        if !of_log.held.contains_key(&index) {
            let room = BYTES_HELD_MAX.saturating_sub(self.bytes_ahead) / RECORD_BYTES_MAX;
            self.bytes_ahead += of_log.read(conn, log, index, room)?;
        }
        let Some(held) = of_log.held.get_mut(&index) else { return Ok(None) };
        if !held.was_asked {
            held.was_asked = true;
            self.bytes_ahead -= held.entry.slots.bytes();
            self.bytes_asked += held.bytes_asked();
            self.asked.push_back((log, index));
            self.evict();
        }
        Ok(self.logs.get(&log).and_then(|of_log| of_log.held.get(&index)).map(|held| (&held.entry, &held.subject)))
    }

    /// Drops the oldest entries that the batch asked for, except the last one, until the rest fits.
    fn evict(&mut self) {
        while self.bytes_ahead + self.bytes_asked > BYTES_HELD_MAX && self.asked.len() > 1 {
            let Some((log, index)) = self.asked.pop_front() else { return };
            if let Some(held) = self.logs.get_mut(&log).and_then(|of_log| of_log.held.remove(&index)) {
                self.bytes_asked -= held.bytes_asked();
            }
        }
    }
}

impl OfLog {
    fn new(uuids: &[Uuid], held: &HashMap<Uuid, i64>) -> OfLog {
        let mut of_log = OfLog::default();
        for uuid in uuids {
            if let Some(position) = held.get(uuid)
                && !of_log.indexes.contains_key(uuid)
            {
                of_log.indexes.insert(*uuid, of_log.positions.len());
                of_log.positions.push(*position);
            }
        }
        of_log
    }

    /// Reads an entry. Because a batch asks for one entry after the other, it also reads the
    /// following ones, as many as there is room for. An entry that is read again comes alone.
    /// Returns the number of bytes that were read.
    fn read(
        &mut self,
        conn: &mut DbConnection,
        (channel_id, stream): (i64, Stream),
        index: usize,
        room: usize,
    ) -> Result<usize, StoreError> {
        let is_read_again = index < self.read_to;
        let fetch = if is_read_again { 1 } else { self.fetch.records().min(RECORDS_AT_ONCE_MAX).min(room).max(1) };
        let end = (index + fetch).min(self.positions.len());
        let positions = self.positions[index..end].to_vec();
        let mut found: HashMap<i64, Entry> =
            query::entries_at(conn, stream, channel_id, &positions)?.into_iter().map(|entry| (entry.position, entry)).collect();
        let mut bytes = 0;
        for index in index..end {
            if let Some(entry) = found.remove(&self.positions[index]) {
                bytes += entry.slots.bytes();
                self.held.insert(index, Held { entry, subject: StoredSubject::default(), was_asked: false });
            }
        }
        if !is_read_again {
            self.fetch = self.fetch.after(bytes);
            self.read_to = end;
        }
        Ok(bytes)
    }
}
