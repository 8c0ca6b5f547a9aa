//! Erasing values of entries.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::time::Duration;

use audit_domain::log::Erasure;
use audit_domain::uuid::Uuid;
use audit_domain::{
    ChannelId, CursorOrder, Entry, ErasureOf, ErasureRecord, EventFilter, MaskingPolicy, NewErasure, Stream, is_evidence,
};

use super::{Log, Prepared};
use crate::append::{AppendError, AppendRequest, Covered, Receipt};
use crate::dialect;
use crate::erasure::{self, ErasureError, ErasureState};
use crate::error::StoreError;
use crate::query::{ActionLogs, Events, FetchSize, LogStream};
use crate::row::ErasureRow;
use crate::store::Store;

/// The longest wait for an earlier erasure of the same log.
const EARLIER: Duration = Duration::from_secs(10);

/// Entries of one transaction that say what is erased: each may have some hundred kilobytes.
const RECORDS_AT_ONCE: usize = 50;

impl Store {
    /// The positions of the entries of a channel that an erasure would change, ascending: those that have a
    /// value in one of the slots. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`ErasureError`], and of it all but [`ErasureError::Append`].
    pub fn select_for_erasure(&self, channel: ChannelId, new: &NewErasure) -> Result<Vec<i64>, ErasureError> {
        if let Some((member, what)) = new.faults().into_iter().next() {
            return Err(ErasureError::Fault(member, what));
        }
        match (&new.of, new.stream) {
            (ErasureOf::User(id), _) => self.channels(channel).events().of_user(id, &new.slots),
            (ErasureOf::Uuids(uuids), Stream::Events) => self.channels(channel).events().of_uuids(uuids, &new.slots),
            (ErasureOf::Uuids(uuids), Stream::ActionLogs) => self.channels(channel).action_logs().of_uuids(uuids, &new.slots),
            // Its entries have no slots: a request for it is faulty.
            (ErasureOf::Uuids(_), Stream::Checkpoints) => Ok(Vec::new()),
        }
    }

    /// Begins to erase: appends the entry that says what is erased, and why. It has the position of the
    /// receipt. An erasure of very many entries has several. The values are gone a moment later:
    /// [`Store::wait_for_erasures`]. Returns nothing if there is nothing to erase: a repetition does no harm.
    ///
    /// # Errors
    ///
    /// [`ErasureError`]. Of an erasure with very many entries, some may have begun: repeat it.
    pub fn erase(
        &self,
        channel: ChannelId,
        new: &NewErasure,
        producer_id: i64,
    ) -> Result<Vec<(Receipt, ErasureRecord)>, ErasureError> {
        // What an earlier call began is mostly not there to be selected again. If it does not end, both name
        // the same entries, which does no harm.
        self.wait_for_erasures(channel, new.stream, EARLIER)?;
        let positions = self.select_for_erasure(channel, new)?;
        let records = ErasureRecord::of_positions(&positions, &new.slots, &new.reason);
        let of_channel = self.channels(channel);
        let receipts = match new.stream {
            Stream::Events => of_channel.events().append_records(&records, producer_id, |record| Ok(record.to_event()?))?,
            Stream::ActionLogs => {
                of_channel.action_logs().append_records(&records, producer_id, |record| Ok(record.to_action_log()?))?
            }
            Stream::Checkpoints => Vec::new(),
        };
        self.note_erasure((channel.get(), new.stream));
        Ok(receipts.into_iter().zip(records).collect())
    }

    /// Lists the erasures of a stream of a channel, the newest first: at most `limit` of those whose entry is
    /// before a position.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or an entry was changed.
    pub fn erasures(&self, channel: ChannelId, stream: Stream, before: i64, limit: i64) -> Result<Vec<ErasureState>, StoreError> {
        self.read(|conn| match stream {
            Stream::Events => erasure::list::<Events>(conn, channel, before, limit),
            Stream::ActionLogs => erasure::list::<ActionLogs>(conn, channel, before, limit),
            Stream::Checkpoints => Ok(Vec::new()),
        })
    }
}

impl Log<Events> {
    fn of_user(&self, id: &str, slots: &[u8]) -> Result<Vec<i64>, ErasureError> {
        let filter = EventFilter { user: Some(id.to_owned()), ..EventFilter::default() };
        let mut positions = Vec::new();
        for event in &self.by_cursor(filter).order(CursorOrder::Position) {
            let entry = event?.entry;
            if has(&entry, slots) && !is_evidence(Stream::Events, &entry) {
                positions.push(entry.position);
            }
        }
        Ok(positions)
    }
}

impl<S: LogStream> Log<S> {
    /// What the log knows of its erasures, for many entries.
    pub fn known_erasures(&self) -> KnownErasures<S> {
        KnownErasures { log: self.clone(), rows: Vec::new(), records: BTreeMap::new() }
    }

    fn of_uuids(&self, uuids: &[Uuid], slots: &[u8]) -> Result<Vec<i64>, ErasureError> {
        let (channel_id, stream) = self.key();
        let held = self.store.read(|conn| Ok(dialect::held(conn, channel_id, stream, uuids)?))?;
        let unknown: Vec<_> = uuids.iter().copied().enumerate().filter(|(_, uuid)| !held.contains_key(uuid)).collect();
        if !unknown.is_empty() {
            return Err(ErasureError::Unknown(unknown));
        }
        let mut wanted: Vec<i64> = held.into_values().collect();
        wanted.sort_unstable();
        let (mut positions, mut evidence) = (Vec::new(), Vec::new());
        let (mut rest, mut fetch) = (wanted.as_slice(), FetchSize::FIRST);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fetch.records().min(rest.len()));
            let entries = self.store.read(|conn| S::at(conn, channel_id, now))?;
            for entry in entries.iter().map(AsRef::as_ref) {
                if is_evidence(stream, entry) {
                    evidence.extend(uuids.iter().position(|uuid| *uuid == entry.uuid).map(|at| (at, entry.uuid)));
                } else if has(entry, slots) {
                    positions.push(entry.position);
                }
            }
            fetch = fetch.after(entries.iter().map(|entry| entry.as_ref().slots.bytes()).sum());
            rest = later;
        }
        positions.sort_unstable();
        if evidence.is_empty() { Ok(positions) } else { Err(ErasureError::Evidence(evidence)) }
    }

    /// Appends the entries that say what is erased, with their rows in `erasures`.
    fn append_records(
        &self,
        records: &[ErasureRecord],
        producer_id: i64,
        new: impl Fn(&ErasureRecord) -> Result<S::New, ErasureError>,
    ) -> Result<Vec<Receipt>, ErasureError> {
        let mut receipts = Vec::with_capacity(records.len());
        for records in records.chunks(RECORDS_AT_ONCE) {
            // A policy may mask every text and number: the record would say nothing.
            let masking = MaskingPolicy::none();
            let prepare = |record| self.prepare_with(new(record)?, &masking).map_err(ErasureError::from);
            let prepared: Vec<Prepared> = records.iter().map(prepare).collect::<Result<_, _>>()?;
            let mut request = AppendRequest::new(prepared).producer(producer_id);
            let covered = |record: &ErasureRecord| {
                let (first, last) = record.bounds()?;
                Some(Covered { first, last, entries: record.entries() })
            };
            request.erasures = records.iter().filter_map(covered).collect();
            receipts.extend(self.store.append(request).map_err(AppendError::from)?.wait()?);
        }
        Ok(receipts)
    }
}

/// Which entries erased values of a log. It reads each of these entries once.
#[derive(Debug)]
pub struct KnownErasures<S: LogStream> {
    log: Log<S>,
    /// Newest last.
    rows: Vec<ErasureRow>,
    records: BTreeMap<i64, (ErasureRecord, Erasure)>,
}

impl<S: LogStream> KnownErasures<S> {
    /// Which entry erased each erased slot of an entry, as far as that is known.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or an entry was changed.
    pub fn of(&mut self, entry: &Entry) -> Result<BTreeMap<u8, Erasure>, StoreError> {
        let erased: Vec<u8> = entry.slots.iter().filter(|slot| slot.is_erased()).map(|slot| slot.number).collect();
        let mut known = self.look_up(entry.position, &erased)?;
        if known.len() < erased.len() {
            self.rows = self.log.store.point_read(|conn| erasure::rows(conn, self.log.key()))?;
            known = self.look_up(entry.position, &erased)?;
        }
        Ok(known)
    }

    fn look_up(&mut self, position: i64, slots: &[u8]) -> Result<BTreeMap<u8, Erasure>, StoreError> {
        let mut known = BTreeMap::new();
        let done = |row: &&ErasureRow| (row.first..=row.last).contains(&position) && row.erased_to > position;
        for row in self.rows.iter().filter(done) {
            if known.len() == slots.len() {
                break;
            }
            let (record, erasure) = match self.records.entry(row.position) {
                MapEntry::Occupied(found) => found.into_mut(),
                MapEntry::Vacant(place) => place.insert(self.log.store.point_read(|conn| erasure::record::<S>(conn, row))?),
            };
            for number in slots.iter().filter(|number| record.covers(position, **number)) {
                known.entry(*number).or_insert(*erasure);
            }
        }
        Ok(known)
    }
}

/// Whether an entry has a value in one of the slots.
fn has(entry: &Entry, slots: &[u8]) -> bool {
    entry.slots.iter().any(|slot| !slot.is_erased() && slots.contains(&slot.number))
}
