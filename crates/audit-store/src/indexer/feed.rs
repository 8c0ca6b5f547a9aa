//! Indexes appended entries.
//!
//! A step indexes a few thousand entries of one log. A connection that reads prepares the step from
//! entries that no longer change. The step takes the log's lock, which an append also needs, only
//! to store the prepared segments. If the index was changed in between, the step is dropped and
//! prepared again from the current state. So if several servers prepare the same step, one of them
//! stores it. If a server ends between two steps, the next server continues from there.

use std::collections::BTreeSet;
use std::sync::Arc;

use audit_domain::{ChannelGrant, ChannelId, Stream};
use diesel::prelude::*;

use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::follow::Progress;
use crate::log_key::LogKey;
use crate::pool::Pool;
use crate::postings::{Building, IndexError, Segment, Stored, delete, put, read, tiers};
use crate::query::{ActionLogs, Erasing, Events, Table};
use crate::schema::logs;

/// Entries of one step.
const STEP: i64 = tiers::TIERS[2];

/// The source of the entries to index.
pub(crate) struct Source {
    pub(crate) readers: Arc<Pool>,
    /// The channels whose words are not indexed.
    pub(crate) without_words: ChannelGrant,
}

impl Source {
    /// Whether the words of a channel are indexed.
    pub(crate) fn has_words(&self, channel_id: i64) -> bool {
        !ChannelId::new(channel_id).is_some_and(|channel| self.without_words.allows(channel))
    }
}

/// Does the next step of a log. The writer of the log stores it between two appends.
pub(crate) fn step(source: &Source, writers: &Writers, (channel_id, stream): LogKey) -> Result<Progress, StoreError> {
    let has_words = source.has_words(channel_id);
    match source.readers.read(|conn| Step::prepare(conn, channel_id, stream, has_words))? {
        Some(step) => writers.run_for((channel_id, stream), move |conn| step.put(conn)),
        None => Ok(Progress::Done { left: 0 }),
    }
}

/// A prepared step.
#[derive(Debug)]
pub(crate) struct Step {
    channel_id: i64,
    stream: Stream,
    /// The segments from which the step was prepared.
    found: Stored,
    /// Whether all existing segments must be deleted.
    starts_over: bool,
    /// The segments that replace the existing ones.
    segments: Vec<Segment>,
}

impl Step {
    /// Prepares the next step of a log. Returns `None` if nothing is left to index.
    pub(crate) fn prepare(
        conn: &mut DbConnection,
        channel_id: i64,
        stream: Stream,
        has_words: bool,
    ) -> Result<Option<Step>, StoreError> {
        match stream {
            Stream::Events => prepare::<Events>(conn, channel_id, has_words),
            Stream::ActionLogs => prepare::<ActionLogs>(conn, channel_id, has_words),
            // Nobody searches the root log.
            Stream::Checkpoints => Ok(None),
        }
    }

    /// Stores the prepared segments.
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
    // The other reads need no snapshot: entries do not change, and storing the step notices a
    // deleted segment. A snapshot of all reads would keep the WAL of an embedded database from
    // being restarted for that long.
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
        // Another process has stored a step meanwhile.
        Err(IndexError::Damaged) if Stored::load(conn, channel_id, T::STREAM)? != found => Ok(step(found, true, Vec::new())),
        Err(IndexError::Damaged) => {
            tracing::error!(channel_id, stream = T::STREAM.name(), "the index of this log was changed; it is rebuilt");
            Ok(step(found, true, Vec::new()))
        }
    }
}

/// Builds the missing segments for an index up to `end`.
fn segments<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    found: &Stored,
    end: i64,
    has_words: bool,
) -> Result<Vec<Segment>, IndexError> {
    let stored: BTreeSet<(i64, i64)> = found.segments.iter().copied().collect();
    // The segments before this position have the largest size and stay.
    let unchanged = found.end() - found.end() % tiers::LARGEST;
    let missing = tiers::segments(unchanged, end).filter(|segment| !stored.contains(segment));
    let segments = missing.map(|(first, size)| {
        let parts: Vec<(i64, i64)> = stored.range((first, 0)..(first + size, 0)).copied().collect();
        segment::<T>(conn, channel_id, (first, size), &parts, has_words, &Erasing::NOTHING)
    });
    segments.collect()
}

/// Builds a segment from the log, without the values that are being erased.
pub(crate) fn rebuilt<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    of: (i64, i64),
    has_words: bool,
    erasing: &Erasing<'_>,
) -> Result<Segment, StoreError> {
    segment::<T>(conn, channel_id, of, &[], has_words, erasing).map_err(|error| match error {
        IndexError::Store(error) => error,
        // None of its parts comes from the database.
        IndexError::Damaged => diesel::result::Error::NotFound.into(),
    })
}

/// Builds a segment: from existing segments for a part of it, and from the log for the rest.
fn segment<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    (first, size): (i64, i64),
    parts: &[(i64, i64)],
    has_words: bool,
    erasing: &Erasing<'_>,
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
        T::index(conn, channel_id, from..to, erasing, &mut building)?;
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
    use crate::{Store, StoreConfig};

    #[test]
    fn of_steps_that_were_prepared_from_the_same_index_one_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", directory.path().display());
        let append = |entries: usize| {
            let store = Store::open(StoreConfig::new(&*url)).unwrap();
            store.channels(ChannelId::DEFAULT).events().append_all((0..entries).map(|_| NewEvent::new())).unwrap();
            store.index().unwrap();
        };
        append(64);
        let mut conn = dialect::open(&DatabaseUrl::parse(&url).unwrap(), Purpose::Write).unwrap();
        let conn = &mut conn;
        drop_index(conn, 1, Stream::Events).unwrap();
        let (early, late) = (prepared(conn), prepared(conn));
        assert_eq!(early.put(conn).unwrap(), Progress::Done { left: 0 });
        assert_eq!(late.put(conn).unwrap(), Progress::Overtaken);

        // Its segments would overlap the one that was made since.
        drop_index(conn, 1, Stream::Events).unwrap();
        let late = prepared(conn);
        append(512);
        assert_eq!(late.put(conn).unwrap(), Progress::Overtaken);
        assert_eq!(Stored::load(conn, 1, Stream::Events).unwrap().segments, [(0, 512), (512, 64)]);
    }

    fn prepared(conn: &mut DbConnection) -> Step {
        Step::prepare(conn, 1, Stream::Events, true).unwrap().unwrap()
    }
}
