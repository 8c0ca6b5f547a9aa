//! What the log holds already of a batch: which uuids, by one statement for each log, and the entries behind them, some at a time.

use std::collections::{BTreeMap, HashMap};

use audit_domain::uuid::Uuid;
use audit_domain::{Entry, Stream};

use super::AppendRequest;
use super::batch::{LogKey, Lookup, log_of};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::query::{self, Stride};

/// Bytes of entries that were read ahead and are not asked for yet. They belong to requests that go to many logs.
const BYTES_AHEAD_MAX: usize = 32 * 1024 * 1024;

/// The entries of the log whose uuids a batch repeats.
#[derive(Default)]
pub(super) struct Known {
    logs: HashMap<LogKey, OfLog>,
    bytes_ahead: usize,
}

#[derive(Default)]
struct OfLog {
    /// By uuid, the index in `positions`.
    indexes: HashMap<Uuid, usize>,
    /// Where the entries are, in the order in which the batch asks for them.
    positions: Vec<i64>,
    /// Behind the last index that was read.
    read_to: usize,
    ahead: HashMap<usize, Entry>,
    stride: Stride,
}

impl Known {
    /// Looks up which uuids of the requests are in the log, without those that are seen to be in none.
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

    /// The entry of a uuid, if the log holds it.
    pub(super) fn find(&mut self, conn: &mut DbConnection, log: LogKey, uuid: Uuid) -> Result<Option<Entry>, StoreError> {
        let Some(of_log) = self.logs.get_mut(&log) else { return Ok(None) };
        let Some(&index) = of_log.indexes.get(&uuid) else { return Ok(None) };
        if let Some(entry) = of_log.ahead.remove(&index) {
            self.bytes_ahead -= entry.slots.bytes();
            return Ok(Some(entry));
        }
        let entry = of_log.read(conn, log, index)?;
        self.bytes_ahead = self.logs.values().map(OfLog::bytes_ahead).sum();
        if self.bytes_ahead > BYTES_AHEAD_MAX {
            // They are read again, one by one.
            self.logs.values_mut().for_each(|of_log| of_log.ahead.clear());
            self.bytes_ahead = 0;
        }
        Ok(entry)
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

    /// Reads an entry and, as a batch asks for one after the other, those that come next.
    fn read(
        &mut self,
        conn: &mut DbConnection,
        (channel_id, stream): (i64, Stream),
        index: usize,
    ) -> Result<Option<Entry>, StoreError> {
        let stride = if index < self.read_to { 1 } else { self.stride.records() };
        let end = (index + stride).min(self.positions.len());
        let positions = self.positions[index..end].to_vec();
        let mut found: HashMap<i64, Entry> =
            query::entries_at(conn, stream, channel_id, positions)?.into_iter().map(|entry| (entry.position, entry)).collect();
        self.stride = self.stride.after(found.values().map(|entry| entry.slots.bytes()).sum());
        self.read_to = self.read_to.max(end);
        let entry = found.remove(&self.positions[index]);
        for next in index + 1..end {
            if let Some(entry) = found.remove(&self.positions[next]) {
                self.ahead.insert(next, entry);
            }
        }
        Ok(entry)
    }

    fn bytes_ahead(&self) -> usize {
        self.ahead.values().map(|entry| entry.slots.bytes()).sum()
    }
}
