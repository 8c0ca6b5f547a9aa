//! Rows of logs that do not exist: each table is walked from one log to the next, with two lookups each.

use audit_domain::Stream;
use diesel::prelude::*;

use super::Run;
use super::finding::{Finding, Part};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::schema::{
    action_logs, checkpoints, erasures, events, logs, postings, root_entries, segment_times, segments, tiles, trees,
};

type Key = (i64, i16);

/// The first log of a table after another one.
type Next = fn(&mut DbConnection, Option<Key>) -> QueryResult<Option<Key>>;

/// The next log of a table whose rows have the stream.
macro_rules! next_of {
    ($table:ident) => {
        |conn, after| {
            if let Some((channel_id, stream)) = after {
                let of_channel = $table::channel_id.eq(channel_id).and($table::stream.gt(stream));
                let next = $table::table.filter(of_channel).order($table::stream).select($table::stream);
                if let Some(stream) = next.first(conn).optional()? {
                    return Ok(Some((channel_id, stream)));
                }
            }
            let rows = $table::table.order(($table::channel_id, $table::stream)).select(($table::channel_id, $table::stream));
            match after {
                Some((channel_id, _)) => rows.filter($table::channel_id.gt(channel_id)).first(conn).optional(),
                None => rows.first(conn).optional(),
            }
        }
    };
}

/// The next log of a table of entries, which is that of one stream.
macro_rules! next_of_stream {
    ($table:ident, $stream:expr) => {
        |conn, after| {
            let rows = $table::table.order($table::channel_id).select($table::channel_id);
            let next: Option<i64> = match after {
                Some((channel_id, _)) => rows.filter($table::channel_id.gt(channel_id)).first(conn).optional()?,
                None => rows.first(conn).optional()?,
            };
            Ok(next.map(|channel_id| (channel_id, $stream.number())))
        }
    };
}

const TABLES: [(&str, Next); 10] = [
    ("events", next_of_stream!(events, Stream::Events)),
    ("action_logs", next_of_stream!(action_logs, Stream::ActionLogs)),
    ("trees", next_of!(trees)),
    ("tiles", next_of!(tiles)),
    ("checkpoints", next_of!(checkpoints)),
    ("segments", next_of!(segments)),
    ("segment_times", next_of!(segment_times)),
    ("postings", next_of!(postings)),
    ("erasures", next_of!(erasures)),
    ("root_entries", next_of_stream!(root_entries, Stream::Checkpoints)),
];

/// Finds the rows of every table that belong to no log.
pub(super) fn scrub(run: &mut Run<'_>) -> Result<(), StoreError> {
    for (table, next) in TABLES {
        let mut after = None;
        loop {
            let found = run.read(|conn| {
                dialect::snapshot(conn, |conn| {
                    let Some(key) = next(conn, after)? else { return Ok(None) };
                    let is_log: Option<i64> = logs::table.find(key).select(logs::channel_id).first(conn).optional()?;
                    Ok::<_, StoreError>(Some((key, is_log.is_some())))
                })
            })?;
            let Some((key, is_log)) = found else { break };
            if !is_log {
                let what = "no log has this channel and stream".to_owned();
                run.find(Finding { log: Some(key), part: Part::Stray { table }, what })?;
            }
            after = Some(key);
            run.worked()?;
        }
    }
    Ok(())
}
