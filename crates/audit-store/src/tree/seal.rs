//! Seals entries: appends their leaf hashes to the tree of their log.
//!
//! A step seals some thousand entries. A connection that reads prepares it, from entries that no longer
//! change. The row of the tree is locked only to store the tiles that changed, with the new size and
//! root, in one transaction. If the tree grew in between, the step is dropped: so if several servers
//! prepare the same step, one of them stores it. After a crash the tree has the step or it has not.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_domain::log::NodeHash;
use diesel::prelude::*;

use super::edge::TileKey;
use super::leaves;
use super::stored::{put_tile, put_tree, read_edge, read_tree};
use crate::append::{LogKey, Writers};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::follow::Progress;
use crate::pool::Pool;
use crate::schema::logs;

/// Leaves of one step: 64 tiles.
const STEP: i64 = 1 << 14;

/// Leaves of the steps that are stored together.
const LEAVES_TOGETHER: i64 = 4 * STEP;

/// Does the next step of a log. The writer of the log stores it between two appends.
pub(crate) fn step(readers: &Pool, writers: &Writers, log: LogKey) -> Result<Progress, StoreError> {
    match readers.read(|conn| Step::prepare(conn, log))? {
        Some(step) => writers.run_for(log, move |conn| step.put(conn)),
        None => Ok(Progress::Done { left: 0 }),
    }
}

/// Does the next step of each log. Steps of logs with the same writer are stored together: one by one,
/// each would wait for the batch of appends before it, and the trees of many logs would fall behind.
pub(crate) fn steps(readers: &Pool, writers: &Writers, logs: &[LogKey]) -> Vec<Result<Progress, StoreError>> {
    let mut outcomes: BTreeMap<LogKey, Result<Progress, StoreError>> = BTreeMap::new();
    let mut prepared: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    for log in logs {
        match readers.read(|conn| Step::prepare(conn, *log)) {
            Ok(Some(step)) => {
                let together = prepared.entry(writers.number_for(*log)).or_default();
                together.push(step);
                if together.iter().map(|step| step.size - step.from).sum::<i64>() >= LEAVES_TOGETHER {
                    outcomes.extend(put_together(writers, std::mem::take(together)));
                }
            }
            Ok(None) => drop(outcomes.insert(*log, Ok(Progress::Done { left: 0 }))),
            Err(error) => drop(outcomes.insert(*log, Err(error))),
        }
    }
    outcomes.extend(prepared.into_values().flat_map(|together| put_together(writers, together)));
    logs.iter().map(|log| outcomes.remove(log).unwrap_or(Ok(Progress::Overtaken))).collect()
}

/// Stores steps of logs with the same writer in one transaction. If that fails, each is stored alone, so
/// that a log does not wait for the fault of another one.
fn put_together(writers: &Writers, steps: Vec<Step>) -> Vec<(LogKey, Result<Progress, StoreError>)> {
    let Some(log) = steps.first().map(|step| step.log) else { return Vec::new() };
    let steps = Arc::new(steps);
    let together = Arc::clone(&steps);
    let put = move |conn: &mut DbConnection| {
        dialect::write(conn, |conn| together.iter().map(|step| step.put_in(conn)).collect::<Result<Vec<_>, StoreError>>())
    };
    match writers.run_for(log, put) {
        Ok(progress) => steps.iter().map(|step| step.log).zip(progress.into_iter().map(Ok)).collect(),
        Err(error) if steps.len() == 1 => vec![(log, Err(error))],
        Err(_) => (0..steps.len())
            .map(|number| {
                let alone = Arc::clone(&steps);
                let log = steps[number].log;
                (log, writers.run_for(log, move |conn| dialect::write(conn, |conn| alone[number].put_in(conn))))
            })
            .collect(),
    }
}

/// A prepared step.
#[derive(Debug)]
pub(crate) struct Step {
    log: LogKey,
    /// The size of the tree for which the step was prepared.
    from: i64,
    /// The size and the root after it.
    size: i64,
    root: NodeHash,
    /// The contents of the tiles that changed.
    tiles: BTreeMap<TileKey, Vec<u8>>,
    /// Entries that are left for further steps.
    left: i64,
}

impl Step {
    /// Prepares the next step of a log. Returns `None` if the tree has all entries.
    pub(crate) fn prepare(conn: &mut DbConnection, log: LogKey) -> Result<Option<Step>, StoreError> {
        let (channel_id, stream) = log;
        let unfit = |what| StoreError::UnfitTree { stream, channel_id, what };
        // One snapshot: another server may store a step meanwhile.
        let (from, entries, edge) = dialect::snapshot(conn, |conn| {
            let (from, root) = read_tree(conn, log)?;
            let head = logs::table.find((channel_id, stream.number())).select(logs::next_position);
            let entries: i64 = head.first(conn).optional()?.unwrap_or(0);
            if entries < from {
                return Err(unfit(format!("it has {from} leaves, and the log {entries} entries")));
            }
            let edge = if entries > from { Some(read_edge(conn, log, (from, root))?) } else { None };
            Ok((from, entries, edge))
        })?;
        let Some(mut edge) = edge else { return Ok(None) };
        let size = entries.min(from + STEP);
        let (before, mut tiles): (BTreeMap<TileKey, Vec<u8>>, _) = (edge.open_tiles().collect(), BTreeMap::new());
        for leaf in leaves::read(conn, log, from..size)? {
            let full = |key, contents| drop(tiles.insert(key, contents));
            edge.append(leaf, full).map_err(|error| unfit(error.to_string()))?;
        }
        tiles.extend(edge.open_tiles().filter(|(key, contents)| before.get(key) != Some(contents)));
        Ok(Some(Step { log, from, size, root: edge.root(), tiles, left: entries - size }))
    }

    /// Stores the prepared step.
    pub(crate) fn put(self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        dialect::write(conn, |conn| self.put_in(conn))
    }

    /// Stores the prepared step in a transaction.
    fn put_in(&self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        if dialect::lock_tree(conn, self.log.0, self.log.1)?.0 != self.from {
            return Ok(Progress::Overtaken);
        }
        for (key, contents) in &self.tiles {
            put_tile(conn, self.log, *key, contents)?;
        }
        put_tree(conn, self.log, self.size, self.root)?;
        Ok(Progress::Done { left: self.left })
    }
}
