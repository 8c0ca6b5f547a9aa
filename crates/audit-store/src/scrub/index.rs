//! Compares the search index of a log with the entries: builds each segment again, and compares its rows
//! byte by byte.

use audit_domain::Stream;
use diesel::prelude::*;

use super::finding::Part;
use super::{Run, entries};
use crate::connection::DbConnection;
use crate::dialect;
use crate::erasure;
use crate::error::StoreError;
use crate::log_key::{LogKey, name_of};
use crate::postings::{Building, RowDifference, Segment, Stored, StoredRows, tiers};
use crate::query::{ActionLogs, Erasing, Events, Table};
use crate::schema::{logs, postings, segment_times, segments};

/// Entries that are indexed at once: as many as the indexer takes.
const STEP: i64 = tiers::TIERS[2];

pub(super) fn scrub(run: &mut Run<'_>, log: LogKey) -> Result<(), StoreError> {
    match log.1 {
        Stream::Events => segments_of::<Events>(run, log)?,
        Stream::ActionLogs => segments_of::<ActionLogs>(run, log)?,
        // It is not searched. Rows of an index for it belong to no log.
        Stream::Checkpoints => return Ok(()),
    }
    whole(run, log)?;
    strays(run, log, "segment_times", |conn, log, after| {
        let of_log = segment_times::channel_id.eq(log.0).and(segment_times::stream.eq(log.1.number()));
        let next = segment_times::table.filter(of_log.and(segment_times::first.gt(after))).order(segment_times::first);
        next.select(segment_times::first).first(conn).optional()
    })?;
    strays(run, log, "postings", |conn, log, after| {
        let of_log = postings::channel_id.eq(log.0).and(postings::stream.eq(log.1.number()));
        let next = postings::table.filter(of_log.and(postings::first.gt(after))).order(postings::first);
        next.select(postings::first).first(conn).optional()
    })
}

/// What begins at a position.
enum Found {
    Segment {
        rows: Box<StoredRows>,
        next: Option<i64>,
        entries: i64,
    },
    /// It became part of a larger one.
    Merged {
        first: i64,
    },
    Gap {
        next: i64,
    },
    End,
}

impl Found {
    fn at(conn: &mut DbConnection, (channel_id, stream): LogKey, position: i64) -> Result<Found, StoreError> {
        dialect::snapshot(conn, |conn| {
            let Stored { segments: stored, .. } = Stored::load(conn, channel_id, stream)?;
            let next = stored.iter().map(|(first, _)| *first).find(|first| *first > position);
            if let Some(rows) = StoredRows::read(conn, channel_id, stream, position)? {
                let head = logs::table.find((channel_id, stream.number())).select(logs::next_position);
                let entries: Option<i64> = head.first(conn).optional()?;
                return Ok(Found::Segment { rows: Box::new(rows), next, entries: entries.unwrap_or(0) });
            }
            let around = stored.iter().rfind(|(first, size)| *first < position && first.saturating_add(*size) > position);
            Ok(match (around, next) {
                (Some((first, size)), _) if is_segment(*first, *size) => Found::Merged { first: *first },
                (_, Some(next)) => Found::Gap { next },
                (_, None) => Found::End,
            })
        })
    }
}

fn is_segment(first: i64, size: i64) -> bool {
    tiers::TIERS.contains(&size) && first % size == 0
}

fn segments_of<T: Table>(run: &mut Run<'_>, log: LogKey) -> Result<(), StoreError> {
    let mut from = 0;
    loop {
        match run.read(|conn| Found::at(conn, log, from))? {
            Found::End => return Ok(()),
            Found::Merged { first } => from = first,
            Found::Gap { next } => {
                find(run, log, ("segments", from, 0), &format!("no segment has the entries before position {next}"))?;
                from = next;
            }
            Found::Segment { rows, next, entries } => {
                let size = rows.size;
                let fits = is_segment(from, size) && from + size <= entries && next.is_none_or(|next| from + size <= next);
                if fits {
                    compare::<T>(run, log, from, *rows)?;
                    from += size;
                } else {
                    let what = format!("a segment of {size} entries does not fit here, with {entries} entries of the log");
                    find(run, log, ("segments", from, 0), &what)?;
                    let Some(next) = next else { return Ok(()) };
                    from = next;
                }
            }
        }
        run.worked()?;
    }
}

/// Comparisons of a segment in which values are being erased meanwhile.
const ATTEMPTS: usize = 5;

/// Compares a segment. A difference counts only if the rows are the same after it was found, and nothing was
/// erased meanwhile.
fn compare<T: Table>(run: &mut Run<'_>, log: LogKey, first: i64, mut rows: StoredRows) -> Result<(), StoreError> {
    let place = format!("{} index from position {first}", name_of(log));
    for _ in 0..ATTEMPTS {
        let erased = run.read(|conn| erasure::rows(conn, log))?;
        let Some(found) = differences::<T>(run, log, first, &rows)? else {
            run.summary.not_checked.push(format!("{place}: entries are missing or cannot be read"));
            return Ok(());
        };
        if found.is_empty() {
            return Ok(());
        }
        let now = |conn: &mut DbConnection| Ok((StoredRows::read(conn, log.0, log.1, first)?, erasure::rows(conn, log)?));
        // If it is gone, a larger one has its entries, and is compared next.
        let (Some(again), erased_now) = run.read(|conn| dialect::snapshot::<_, StoreError>(conn, now))? else { return Ok(()) };
        if again == rows && erased_now == erased {
            return found.into_iter().try_for_each(|RowDifference { table, row, what }| find(run, log, (table, first, row), &what));
        }
        rows = again;
    }
    run.summary.not_checked.push(format!("{place}: values are being erased in it"));
    Ok(())
}

/// The rows that differ from the entries. `None` if an entry is missing.
fn differences<T: Table>(
    run: &mut Run<'_>,
    log: LogKey,
    first: i64,
    rows: &StoredRows,
) -> Result<Option<Vec<RowDifference>>, StoreError> {
    let groups = (rows.size / tiers::TIERS[0]) as usize;
    let of_marks = || rows.groups_with_words().unwrap_or_else(|| vec![true; groups]);
    let by_row = rows.all_have_words().map(|all| vec![all; groups]);
    let assumed = by_row.unwrap_or_else(of_marks);
    let Some(wanted) = build::<T>(run, log, first, &assumed)? else { return Ok(None) };
    let found = rows.differences(&wanted);
    // If only the row of the segment says something else about its words, that is the difference.
    let marked = of_marks();
    if found.is_empty() || marked == assumed {
        return Ok(Some(found));
    }
    let Some(wanted) = build::<T>(run, log, first, &marked)? else { return Ok(None) };
    let other = rows.differences(&wanted);
    Ok(Some(if other.len() <= found.len() { other } else { found }))
}

/// Builds a segment from its entries, with the words of some groups of 64 of them.
fn build<T: Table>(run: &mut Run<'_>, log: LogKey, first: i64, has_words: &[bool]) -> Result<Option<Segment>, StoreError> {
    let (group, mut parts, mut at) = (tiers::TIERS[0], Vec::new(), 0);
    while at < has_words.len() {
        let of_step = has_words[at..].iter().take((STEP / group) as usize);
        let count = of_step.take_while(|words| **words == has_words[at]).count();
        let (from, to) = (first + at as i64 * group, first + (at + count) as i64 * group);
        let part = run.read(|conn| {
            if !entries::are_complete(conn, log, from..to)? {
                return Ok(None);
            }
            let mut building = Building::new(from, has_words[at]);
            T::index(conn, log.0, from..to, &Erasing::NOTHING, &mut building)?;
            Ok(Some(building.finish()))
        })?;
        let Some(part) = part else { return Ok(None) };
        parts.push(part);
        at += count;
        run.worked()?;
    }
    let merged = if parts.len() == 1 { parts.pop() } else { Segment::merge(&parts).ok() };
    Ok(merged)
}

/// Whether the segments are those that a log of this size has.
fn whole(run: &mut Run<'_>, log: LogKey) -> Result<(), StoreError> {
    let (stored, entries) = run.read(|conn| {
        dialect::snapshot(conn, |conn| {
            let head = logs::table.find((log.0, log.1.number())).select(logs::next_position);
            let entries: Option<i64> = head.first(conn).optional()?;
            Ok::<_, StoreError>((Stored::load(conn, log.0, log.1)?, entries.unwrap_or(0)))
        })
    })?;
    if stored.is_whole(entries) {
        return Ok(());
    }
    let end = tiers::indexed(stored.end().clamp(0, entries.max(0)));
    let wanted: Vec<(i64, i64)> = tiers::segments(0, end).collect();
    for (first, size) in stored.segments.iter().filter(|segment| !wanted.contains(segment)) {
        let what = format!("a log with {end} indexed entries has no segment of {size} entries here");
        find(run, log, ("segments", *first, 0), &what)?;
    }
    Ok(())
}

/// Finds rows of segments that do not exist. `next` is the first position of the next segment that the
/// table has.
fn strays(
    run: &mut Run<'_>,
    log: LogKey,
    table: &'static str,
    next: fn(&mut DbConnection, LogKey, i64) -> QueryResult<Option<i64>>,
) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let found = run.read(|conn| {
            dialect::snapshot(conn, |conn| {
                let Some(first) = next(conn, log, after)? else { return Ok(None) };
                let segment = segments::table.find((log.0, log.1.number(), first)).select(segments::size);
                let size: Option<i64> = segment.first(conn).optional()?;
                Ok::<_, StoreError>(Some((first, size.is_some())))
            })
        })?;
        let Some((first, is_segment)) = found else { return Ok(()) };
        if !is_segment {
            find(run, log, (table, first, 0), "no segment begins at this position")?;
        }
        after = first;
    }
}

fn find(run: &mut Run<'_>, log: LogKey, (table, first, row): (&'static str, i64, i64), what: &str) -> Result<(), StoreError> {
    run.find_in(log, Part::Index { table, first, row }, what)
}
