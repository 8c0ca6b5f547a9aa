//! The entries of a log that say which slots are erased, compared with what is erased.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;

use audit_domain::{ErasureRecord, Stream};

use super::finding::Part;
use crate::connection::DbConnection;
use crate::erasure;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::query::{ActionLogs, Events};
use crate::row::ErasureRow;

/// The erasures of a log as they were at the start of the walk. Each entry is read once.
pub(super) struct Covers {
    log: LogKey,
    rows: Vec<ErasureRow>,
    records: BTreeMap<i64, Option<ErasureRecord>>,
}

impl Covers {
    pub(super) fn read(conn: &mut DbConnection, log: LogKey) -> Result<Covers, StoreError> {
        Ok(Covers { log, rows: erasure::rows(conn, log)?, records: BTreeMap::new() })
    }

    /// Whether an erasure may name a position.
    pub(super) fn name(&self, position: i64) -> bool {
        self.naming(position).next().is_some()
    }

    /// The rows whose entries do not say what the row says.
    pub(super) fn wrong(&mut self, conn: &mut DbConnection) -> Result<Vec<(Part, String)>, StoreError> {
        let mut wrong = Vec::new();
        for row in self.rows.clone() {
            if self.record(conn, &row)?.is_none() {
                let what = "the entry at its position does not name these entries".to_owned();
                wrong.push((Part::Erasure { position: row.position }, what));
            }
        }
        Ok(wrong)
    }

    /// What is wrong with the slots of the entry at a position: erased ones that no entry names, or open
    /// ones that should be erased.
    pub(super) fn fault(
        &mut self,
        conn: &mut DbConnection,
        position: i64,
        erased: &[u8],
        open: &[u8],
    ) -> Result<Option<&'static str>, StoreError> {
        if !erased.is_empty() && !self.covers_all(conn, position, erased)? {
            // An erasure may have begun since.
            self.rows = erasure::rows(conn, self.log)?;
            if !self.covers_all(conn, position, erased)? {
                return Ok(Some("slots are erased, and no entry says so"));
            }
            return Ok(None);
        }
        for row in self.naming(position).filter(|row| row.erased_to > position).cloned().collect::<Vec<_>>() {
            let says = self.record(conn, &row)?;
            if says.is_some_and(|record| open.iter().any(|number| record.covers(position, *number))) {
                return Ok(Some("slots have values, although an erasure has erased them"));
            }
        }
        Ok(None)
    }

    fn naming(&self, position: i64) -> impl Iterator<Item = &ErasureRow> {
        self.rows.iter().filter(move |row| (row.first..=row.last).contains(&position))
    }

    fn covers_all(&mut self, conn: &mut DbConnection, position: i64, slots: &[u8]) -> Result<bool, StoreError> {
        let mut left = slots.to_vec();
        for row in self.naming(position).cloned().collect::<Vec<_>>() {
            if let Some(record) = self.record(conn, &row)? {
                left.retain(|number| !record.covers(position, *number));
            }
        }
        Ok(left.is_empty())
    }

    /// What the entry of a row says; `None` if it was changed or is no such entry.
    fn record(&mut self, conn: &mut DbConnection, row: &ErasureRow) -> Result<Option<&ErasureRecord>, StoreError> {
        let place = match self.records.entry(row.position) {
            MapEntry::Occupied(found) => return Ok(found.into_mut().as_ref()),
            MapEntry::Vacant(place) => place,
        };
        let read = match self.log.1 {
            Stream::Events => erasure::record::<Events>(conn, row),
            Stream::ActionLogs => erasure::record::<ActionLogs>(conn, row),
            Stream::Checkpoints => return Ok(place.insert(None).as_ref()),
        };
        Ok(match read {
            Ok((record, _)) => place.insert(Some(record)).as_ref(),
            Err(StoreError::Changed { .. }) => place.insert(None).as_ref(),
            Err(error) => return Err(error),
        })
    }
}
