//! One step of an erasure: the entries of one segment of the search index, or a few thousand that are
//! not indexed yet.
//!
//! A step is prepared without a lock. It reads the entries, computes what is left of their seals, and
//! builds the segment as it will be. Then the log's writer erases the values and puts the segment in
//! place, in one transaction under the lock of the log, unless the erasures or the index of the log
//! have changed meanwhile. So a query never finds an entry by an erased value, and a kill at any moment
//! leaves whole steps.

use std::ops::Range;
use std::time::Duration;

use audit_domain::{Clock, ErasureRecord, Stream};
use diesel::prelude::*;

use super::stored::{begun, record};
use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::follow::Progress;
use crate::indexer::{self, Source};
use crate::log_key::LogKey;
use crate::postings::{self, Segment, Stored, tiers};
use crate::query::{ActionLogs, Erasing, Events, LogStream, in_fetches};
use crate::row::ErasureRow;
use crate::schema::erasures;

/// Entries of a step that are not indexed.
const STEP: i64 = tiers::TIERS[2];

/// The longest wait for queries that still read the values. The writer waits meanwhile, and asks again a moment
/// later.
const PATIENCE: Duration = Duration::from_millis(50);

/// A prepared step.
pub(crate) struct Step {
    log: LogKey,
    row: ErasureRow,
    /// The state of the erasures and of the index for which it was prepared.
    found: Stored,
    /// The entries with something to erase, and what is left of their seals.
    entries: Vec<(i64, Vec<u8>)>,
    slots: Vec<u8>,
    /// The segment of these entries, without the values.
    segment: Option<Segment>,
    /// Where the erasure is after this step.
    erased_to: i64,
}

impl Step {
    /// Prepares the next step of a log. `None` if no value is left to erase.
    pub(crate) fn prepare(conn: &mut DbConnection, log: LogKey, has_words: bool) -> Result<Option<Step>, StoreError> {
        match log.1 {
            Stream::Events => prepare::<Events>(conn, log, has_words),
            Stream::ActionLogs => prepare::<ActionLogs>(conn, log, has_words),
            Stream::Checkpoints => Ok(None),
        }
    }

    /// Stores it.
    pub(crate) fn put(self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        let (channel_id, stream) = self.log;
        dialect::write(conn, |conn| {
            dialect::lock_log(conn, channel_id, stream)?;
            if Stored::load(conn, channel_id, stream)? != self.found {
                return Ok(Progress::Overtaken);
            }
            let erased = dialect::erase(conn, self.log, &self.entries, &self.slots)?;
            if erased != self.entries.len() {
                let what = format!("an erasure found {erased} of {} entries", self.entries.len());
                return Err(StoreError::Changed { stream, channel_id, position: self.row.position, what });
            }
            if let Some(segment) = &self.segment {
                postings::put(conn, channel_id, stream, segment)?;
            }
            diesel::update(erasures::table.find((channel_id, stream.number(), self.row.position)))
                .set(erasures::erased_to.eq(self.erased_to))
                .execute(conn)?;
            // What is left after the last step is to see that the values are in no file.
            Ok(Progress::Done { left: (self.row.last + 1 - self.erased_to).max(1) })
        })
    }
}

fn prepare<S: LogStream>(conn: &mut DbConnection, log: LogKey, has_words: bool) -> Result<Option<Step>, StoreError> {
    let (channel_id, stream) = log;
    let state = |conn: &mut DbConnection| Ok::<_, StoreError>((begun(conn, log)?, Stored::load(conn, channel_id, stream)?));
    let (rows, found) = dialect::snapshot(conn, state)?;
    // One whose entry was changed does not keep the others from going on.
    let mut changed = None;
    let mut readable = None;
    for row in rows {
        match record::<S>(conn, &row) {
            Ok((record, _)) => {
                readable = Some((row, record));
                break;
            }
            Err(error @ StoreError::Changed { .. }) => changed = changed.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    let Some((row, record)) = readable else { return changed.map_or(Ok(None), Err) };
    let slots = record.slots.clone();
    let Some(from) = record.next_from(row.erased_to) else {
        let erased_to = row.last + 1;
        return Ok(Some(Step { log, row, found, entries: Vec::new(), slots, segment: None, erased_to }));
    };
    let indexed = found.segments.iter().copied().find(|(first, size)| (*first..first + size).contains(&from));
    let to = match indexed {
        Some((first, size)) => first + size,
        None => from + STEP,
    };
    let to = to.min(row.last + 1);
    let entries = sealed_again::<S>(conn, channel_id, from..to, &record)?;
    let segment = match indexed {
        Some(range) if !entries.is_empty() => {
            Some(indexer::rebuilt::<S>(conn, channel_id, range, has_words, &Erasing::new(&record))?)
        }
        _ => None,
    };
    Ok(Some(Step { log, row, found, entries, slots, segment, erased_to: to }))
}

/// The entries with something to erase, and their seals after that.
fn sealed_again<S: LogStream>(
    conn: &mut DbConnection,
    channel_id: i64,
    positions: Range<i64>,
    record: &ErasureRecord,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let mut sealed = Vec::new();
    in_fetches(positions, |positions| {
        dialect::go_on(conn)?;
        let wanted: Vec<i64> = positions.filter(|position| record.next_from(*position) == Some(*position)).collect();
        let mut bytes = 0;
        for found in S::at(conn, channel_id, &wanted)? {
            let entry = found.as_ref();
            bytes += entry.slots.bytes();
            let mut slots = entry.slots.clone();
            if slots.erase(&record.slots) {
                sealed.push((entry.position, slots.encode_openings()));
            }
        }
        Ok::<_, StoreError>(bytes)
    })?;
    sealed.sort_unstable();
    Ok(sealed)
}

/// Does the next step of a log: erases, or sees that what was erased is in none of the files.
pub(crate) fn step(source: &Source, writers: &Writers, clock: &Clock, log: LogKey) -> Result<Progress, StoreError> {
    let has_words = source.has_words(log.0);
    match source.readers.read(|conn| Step::prepare(conn, log, has_words))? {
        Some(step) => writers.run_for(log, move |conn| step.put(conn)),
        None => finish(source, writers, clock, log),
    }
}

/// Ends the erasures of which every value is erased. An embedded database first moves its WAL, which has
/// the values as they were before, into its file, and cuts it off.
fn finish(source: &Source, writers: &Writers, clock: &Clock, (channel_id, stream): LogKey) -> Result<Progress, StoreError> {
    let erased = erasures::erased_to.gt(erasures::last).and(erasures::finished_at.is_null());
    let of_log = move || {
        let of_log = erasures::channel_id.eq(channel_id).and(erasures::stream.eq(stream.number()));
        erasures::table.filter(of_log.and(erased))
    };
    let positions: Vec<i64> = source.readers.read(|conn| Ok(of_log().select(erasures::position).load(conn)?))?;
    if positions.is_empty() {
        return Ok(Progress::Done { left: 0 });
    }
    let now = clock.now()?.micros();
    writers.run_for((channel_id, stream), move |conn| {
        if !dialect::empty_wal(conn, PATIENCE)? {
            return Ok(Progress::Overtaken);
        }
        dialect::write(conn, |conn| {
            for position in positions {
                // Another process may have noted it meanwhile.
                let row = erasures::table.find((channel_id, stream.number(), position)).filter(erasures::finished_at.is_null());
                diesel::update(row).set(erasures::finished_at.eq(now)).execute(conn)?;
            }
            Ok(Progress::Done { left: 0 })
        })
    })
}

#[cfg(test)]
mod tests {
    use audit_domain::{ChannelId, NewEvent};

    use super::*;
    use crate::append::{AppendRequest, ClockWatch, Covered, Lookup, Pace, commit};
    use crate::connection::Purpose;
    use crate::indexer::Step as IndexStep;
    use crate::url::DatabaseUrl;
    use crate::{Store, StoreConfig};

    const LOG: LogKey = (1, Stream::Events);

    /// A log of so many events with a description, of which `covered` are to be erased, without the threads
    /// that would do it.
    fn log(directory: &tempfile::TempDir, events: usize, covered: Range<i64>) -> DbConnection {
        let url = format!("sqlite://{}/a.db", directory.path().display());
        let store = Store::open(StoreConfig::new(&*url)).unwrap();
        let event = |_| NewEvent::parse(r#"{"description":"secretive"}"#, audit_domain::ParseMode::NATIVE).unwrap();
        store.channels(ChannelId::DEFAULT).events().append_all((0..events).map(event)).unwrap();
        store.index().unwrap();
        store.close();
        let mut conn = dialect::open(&DatabaseUrl::parse(&url).unwrap(), Purpose::Write).unwrap();
        let positions: Vec<i64> = covered.collect();
        let record = ErasureRecord::of_positions(&positions, &[audit_domain::slot::DESCRIPTION], "x").remove(0);
        let mut request = AppendRequest::of_entries(vec![record.to_event().unwrap().prepare(ChannelId::DEFAULT).unwrap()]);
        let (first, last) = record.bounds().unwrap();
        request.erasures = vec![Covered { first, last, entries: record.entries() }];
        let watch = ClockWatch::new(Clock::system(), Duration::MAX);
        commit(&mut conn, &[&request], Lookup::GivenUuids, &watch, None, &mut Pace::default()).unwrap()[0].as_ref().unwrap();
        conn
    }

    fn prepared(conn: &mut DbConnection) -> Step {
        Step::prepare(conn, LOG, true).unwrap().unwrap()
    }

    fn indexed(conn: &mut DbConnection) -> IndexStep {
        IndexStep::prepare(conn, LOG.0, LOG.1, true).unwrap().unwrap()
    }

    #[test]
    fn an_index_step_with_values_erased_since_is_not_stored() {
        let directory = tempfile::tempdir().unwrap();
        let conn = &mut log(&directory, 127, 100..110);
        // The entry of the erasure is the last one that the step takes.
        let late = indexed(conn);
        let step = prepared(conn);
        assert_eq!((step.entries.len(), step.segment.is_none()), (10, true), "none of these is indexed");
        assert_eq!(step.put(conn).unwrap(), Progress::Done { left: 1 });
        assert_eq!(late.put(conn).unwrap(), Progress::Overtaken);
        let again = indexed(conn);
        assert_eq!(again.put(conn).unwrap(), Progress::Done { left: 0 });
    }

    #[test]
    fn a_step_is_not_stored_over_an_index_that_moved() {
        let directory = tempfile::tempdir().unwrap();
        let conn = &mut log(&directory, 127, 100..110);
        let (late, index) = (prepared(conn), indexed(conn));
        index.put(conn).unwrap();
        assert_eq!(late.put(conn).unwrap(), Progress::Overtaken);
        let (first, second) = (prepared(conn), prepared(conn));
        assert!(first.segment.is_some());
        assert_eq!(first.put(conn).unwrap(), Progress::Done { left: 1 });
        assert_eq!(second.put(conn).unwrap(), Progress::Overtaken, "another server did it");
        assert!(Step::prepare(conn, LOG, true).unwrap().is_none());
    }
}
