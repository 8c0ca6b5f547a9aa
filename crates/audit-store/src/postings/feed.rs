//! Indexing what was appended.
//!
//! A step indexes a few thousand entries of one log. It is prepared on a connection that reads, from entries that no longer change,
//! and takes the log's lock, which an append needs too, only to put in place what is ready. If the index was changed in between, the step
//! is left undone, and prepared again from what is there now. So of several servers that prepared the same step, one puts it in place; and
//! if a server ends between two steps, the next one goes on from there.

use std::collections::BTreeSet;

use audit_domain::{ChannelGrant, ChannelId, Stream};
use diesel::prelude::*;

use super::building::Building;
use super::indexer::Log;
use super::segment::Segment;
use super::stored::{Stored, delete, put, read};
use super::{IndexError, tiers};
use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::pool::Pool;
use crate::query::{ActionLogs, Events, Table};
use crate::schema::logs;

/// Entries of one step: how much is put in place at once.
const STEP: i64 = tiers::TIERS[2];

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is done; so many entries are left for further steps.
    Done { left: i64 },
    /// The index was changed by somebody else since the step was prepared.
    Overtaken,
}

/// What is indexed is read from here.
pub(crate) struct Source {
    pub(crate) readers: Pool,
    /// The channels whose words are not indexed.
    pub(crate) without_words: ChannelGrant,
}

/// Does the next step of a log, which the log's writer puts in place between two appends.
pub(crate) fn step(source: &Source, writers: &Writers, (channel_id, stream): Log) -> Result<Progress, StoreError> {
    let has_words = !ChannelId::new(channel_id).is_some_and(|channel| source.without_words.allows(channel));
    match source.readers.read(|conn| Step::prepare(conn, channel_id, stream, has_words))? {
        Some(step) => writers.run_for((channel_id, stream), move |conn| step.put(conn)),
        None => Ok(Progress::Done { left: 0 }),
    }
}

/// A step that is prepared.
#[derive(Debug)]
pub(crate) struct Step {
    channel_id: i64,
    stream: Stream,
    /// What it was prepared from.
    found: Stored,
    /// Whether what was found has to go as a whole.
    starts_over: bool,
    /// What takes the place of what was found there.
    segments: Vec<Segment>,
}

impl Step {
    /// The next step of a log; `None` when nothing is left to index.
    pub(crate) fn prepare(
        conn: &mut DbConnection,
        channel_id: i64,
        stream: Stream,
        has_words: bool,
    ) -> Result<Option<Step>, StoreError> {
        match stream {
            Stream::Events => prepare::<Events>(conn, channel_id, has_words),
            Stream::ActionLogs => prepare::<ActionLogs>(conn, channel_id, has_words),
        }
    }

    /// Does it.
    pub(crate) fn put(self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        let Step { channel_id, stream, found, starts_over, segments } = self;
        dialect::write(conn, |conn| {
            let (size, _) = dialect::lock_log(conn, channel_id, stream)?;
            if Stored::load(conn, channel_id, stream)? != found {
                return Ok(Progress::Overtaken);
            }
            if starts_over {
                delete(conn, channel_id, stream, 0, i64::MAX)?;
            }
            let kept = if starts_over { 0 } else { found.end() };
            let indexed = segments.last().map_or(kept, |last| last.first + last.size());
            for segment in &segments {
                put(conn, channel_id, stream, segment)?;
            }
            Ok(Progress::Done { left: tiers::indexed(size) - indexed })
        })
    }
}

fn prepare<T: Table>(conn: &mut DbConnection, channel_id: i64, has_words: bool) -> Result<Option<Step>, StoreError> {
    // What else is read needs no snapshot: entries do not change, and a segment that goes is noticed when the step is put in place. A
    // snapshot of all of it would keep the WAL of an embedded database from being restarted for as long as that takes.
    let (found, size) = dialect::snapshot(conn, |conn| {
        let size: Vec<i64> = logs::table.find((channel_id, T::STREAM.number())).select(logs::next_position).load(conn)?;
        Ok::<_, StoreError>((Stored::load(conn, channel_id, T::STREAM)?, size.first().copied().unwrap_or(0)))
    })?;
    let starts_over = !found.is_whole(size);
    let indexed = if starts_over { 0 } else { found.end() };
    if !starts_over && tiers::indexed(size) == indexed {
        return Ok(None);
    }
    let step = |found, starts_over, segments| Some(Step { channel_id, stream: T::STREAM, found, starts_over, segments });
    if starts_over {
        let stream = T::STREAM.name();
        tracing::warn!(channel_id, stream, "the segments of this log are not those that it should have; its index is rebuilt");
        return Ok(step(found, true, Vec::new()));
    }
    let end = tiers::indexed(size).min(indexed + STEP);
    match segments::<T>(conn, channel_id, &found, end, has_words) {
        Ok(segments) => Ok(step(found, false, segments)),
        Err(IndexError::Store(error)) => Err(error),
        // Somebody else put a step in place meanwhile.
        Err(IndexError::Damaged) if Stored::load(conn, channel_id, T::STREAM)? != found => Ok(step(found, true, Vec::new())),
        Err(IndexError::Damaged) => {
            tracing::error!(channel_id, stream = T::STREAM.name(), "the index of this log was changed; it is rebuilt");
            Ok(step(found, true, Vec::new()))
        }
    }
}

/// The segments that are missing where so many entries are to be indexed.
fn segments<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    found: &Stored,
    end: i64,
    has_words: bool,
) -> Result<Vec<Segment>, IndexError> {
    let stored: BTreeSet<(i64, i64)> = found.0.iter().copied().collect();
    // Up to here all are of the largest tier, and stay.
    let unchanged = found.end() - found.end() % tiers::LARGEST;
    let missing = tiers::segments(unchanged, end).filter(|segment| !stored.contains(segment));
    let segments = missing.map(|(first, size)| {
        let parts: Vec<(i64, i64)> = stored.range((first, 0)..(first + size, 0)).copied().collect();
        segment::<T>(conn, channel_id, (first, size), &parts, has_words)
    });
    segments.collect()
}

/// A segment, from those that are there for a part of it and from the log for the rest.
fn segment<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    (first, size): (i64, i64),
    parts: &[(i64, i64)],
    has_words: bool,
) -> Result<Segment, IndexError> {
    let indexed = parts.last().map_or(first, |(first, size)| first + size);
    let mut merged = Vec::with_capacity(parts.len() + 1);
    for (first, size) in parts {
        dialect::go_on(conn)?;
        merged.push(read(conn, channel_id, T::STREAM, *first, *size)?);
    }
    let mut from = indexed;
    while from < first + size {
        let to = (from + STEP).min(first + size);
        let mut building = Building::new(from, has_words);
        T::index(conn, channel_id, from..to, &mut building)?;
        merged.push(building.finish());
        from = to;
    }
    Ok(if merged.len() == 1 { merged.remove(0) } else { Segment::merge(&merged)? })
}

#[cfg(test)]
mod tests {
    use audit_domain::NewEvent;

    use super::*;
    use crate::connection::Purpose;
    use crate::postings::drop_index;
    use crate::url::DatabaseUrl;
    use crate::{AppendRequest, Store, StoreConfig};

    #[test]
    fn of_steps_that_were_prepared_from_the_same_index_one_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", directory.path().display());
        let append = |entries: usize| {
            let store = Store::open(&StoreConfig::new(&*url)).unwrap();
            let entries = (0..entries).map(|_| NewEvent::new().prepare(ChannelId::DEFAULT).unwrap()).collect();
            store.append(AppendRequest::import(entries)).unwrap().wait().unwrap();
            store.index().unwrap();
        };
        append(64);
        let mut conn = dialect::open(&DatabaseUrl::parse(&url).unwrap(), Purpose::Write).unwrap();
        let conn = &mut conn;
        drop_index(conn, 1, Stream::Events).unwrap();
        let (early, late) = (prepared(conn), prepared(conn));
        assert_eq!(early.put(conn).unwrap(), Progress::Done { left: 0 });
        assert_eq!(late.put(conn).unwrap(), Progress::Overtaken);

        // Its segments would lie over the one that has been made since.
        drop_index(conn, 1, Stream::Events).unwrap();
        let late = prepared(conn);
        append(512);
        assert_eq!(late.put(conn).unwrap(), Progress::Overtaken);
        assert_eq!(Stored::load(conn, 1, Stream::Events).unwrap(), Stored(vec![(0, 512), (512, 64)]));
    }

    fn prepared(conn: &mut DbConnection) -> Step {
        Step::prepare(conn, 1, Stream::Events, true).unwrap().unwrap()
    }
}
