//! Copies one log: its rows and its head.

use std::collections::VecDeque;

use audit_domain::{ActionLog, Entry, Event};
use diesel::prelude::*;

use super::Log;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{CopyError, StoreError};
use crate::query::{ActionLogs, Events, FetchSize, LogStream};
use crate::row::{ActionLogRow, EventRow, NewRows};
use crate::schema::{action_logs, events, logs};

/// Rows and bytes of a transaction, at most.
const ROWS_MAX: usize = 5_000;
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A table whose rows are copied as they are.
pub(super) trait Carried: LogStream {
    type Row: Row + PartialEq;

    /// Reads rows from a position on, in order.
    fn read(conn: &mut DbConnection, channel_id: i64, from: i64, count: usize) -> Result<Vec<Self::Row>, StoreError>;

    fn push(rows: &mut NewRows<'static>, row: Self::Row);
}

/// A row, as a copy needs it.
pub(super) trait Row {
    fn position(&self) -> i64;
    fn recorded_at(&self) -> i64;
    /// The hash of the leaf, which stays when values are erased.
    fn leaf_hash(&self) -> &[u8];
    /// The bytes of its slots.
    fn bytes(&self) -> usize;
    fn into_entry(self) -> Result<Entry, StoreError>;
}

impl Row for EventRow<'static> {
    fn position(&self) -> i64 {
        self.position
    }

    fn recorded_at(&self) -> i64 {
        self.recorded_at
    }

    fn leaf_hash(&self) -> &[u8] {
        &self.leaf_hash
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn into_entry(self) -> Result<Entry, StoreError> {
        Event::try_from(self.into_parts().0).map(|event| event.entry)
    }
}

impl Row for ActionLogRow<'static> {
    fn position(&self) -> i64 {
        self.position
    }

    fn recorded_at(&self) -> i64 {
        self.recorded_at
    }

    fn leaf_hash(&self) -> &[u8] {
        &self.leaf_hash
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn into_entry(self) -> Result<Entry, StoreError> {
        ActionLog::try_from(self.into_parts().0).map(|log| log.entry)
    }
}

impl Carried for Events {
    type Row = EventRow<'static>;

    fn read(conn: &mut DbConnection, channel_id: i64, from: i64, count: usize) -> Result<Vec<Self::Row>, StoreError> {
        let rows = events::table.filter(events::channel_id.eq(channel_id)).filter(events::position.ge(from));
        Ok(rows.order(events::position).limit(count as i64).select(EventRow::as_select()).load(conn)?)
    }

    fn push(rows: &mut NewRows<'static>, row: Self::Row) {
        rows.events.push(row);
    }
}

impl Carried for ActionLogs {
    type Row = ActionLogRow<'static>;

    fn read(conn: &mut DbConnection, channel_id: i64, from: i64, count: usize) -> Result<Vec<Self::Row>, StoreError> {
        let rows = action_logs::table.filter(action_logs::channel_id.eq(channel_id)).filter(action_logs::position.ge(from));
        Ok(rows.order(action_logs::position).limit(count as i64).select(ActionLogRow::as_select()).load(conn)?)
    }

    fn push(rows: &mut NewRows<'static>, row: Self::Row) {
        rows.action_logs.push(row);
    }
}

/// The rows of a log from a position up to its size, in order. Only a few of them are in memory.
pub(super) struct Rows<T: Carried> {
    channel_id: i64,
    next: i64,
    size: i64,
    fetch: FetchSize,
    read: VecDeque<T::Row>,
}

impl<T: Carried> Rows<T> {
    pub(super) fn new(log: Log, from: i64) -> Rows<T> {
        Rows { channel_id: log.channel_id, next: from, size: log.size, fetch: FetchSize::FIRST, read: VecDeque::new() }
    }

    /// The next row; `None` after the last one. A gap in the log is an error.
    pub(super) fn next(&mut self, conn: &mut DbConnection) -> Result<Option<T::Row>, CopyError> {
        if self.next >= self.size {
            return Ok(None);
        }
        if self.read.is_empty() {
            let left = usize::try_from(self.size - self.next).unwrap_or(usize::MAX);
            self.read = T::read(conn, self.channel_id, self.next, self.fetch.records().min(left))?.into();
            self.fetch = self.fetch.after(self.read.iter().map(Row::bytes).sum());
        }
        match self.read.pop_front() {
            Some(row) if row.position() == self.next => {
                self.next += 1;
                Ok(Some(row))
            }
            _ => Err(CopyError::Differs { channel_id: self.channel_id, position: self.next, what: "it is missing on one side" }),
        }
    }
}

/// Copies the rows of a log that the destination lacks.
pub(super) fn copy<T: Carried>(
    source: &mut DbConnection,
    target: &mut DbConnection,
    log: Log,
    progress: &mut dyn FnMut(u64),
) -> Result<(), CopyError> {
    let mut from = size_there(target, log)?;
    let mut rows = Rows::<T>::new(log, from);
    while from < log.size {
        let (mut batch, mut bytes, mut last) = (NewRows::default(), 0, (from, 0));
        while let Some(row) = rows.next(source)? {
            bytes += row.bytes();
            last = (row.position() + 1, row.recorded_at());
            T::push(&mut batch, row);
            if batch.len() >= ROWS_MAX || bytes >= BYTES_MAX {
                break;
            }
        }
        let (next_position, recorded_at) = last;
        dialect::write(target, |conn| {
            if dialect::lock_log(conn, log.channel_id, log.stream)?.0 != from {
                return Err(CopyError::Unfit { channel_id: log.channel_id, what: "another program writes to the destination" });
            }
            dialect::insert(conn, &batch)?;
            diesel::update(logs::table.find((log.channel_id, log.stream.number())))
                .set((logs::next_position.eq(next_position), logs::recorded_at.eq(recorded_at)))
                .execute(conn)?;
            Ok(())
        })?;
        progress((next_position - from).unsigned_abs());
        from = next_position;
    }
    Ok(())
}

fn size_there(target: &mut DbConnection, log: Log) -> Result<i64, CopyError> {
    let head = logs::table.filter(logs::channel_id.eq(log.channel_id)).filter(logs::stream.eq(log.stream.number()));
    let sizes: Vec<i64> = head.select(logs::next_position).load(target).map_err(StoreError::from)?;
    Ok(sizes.first().copied().unwrap_or(0))
}
