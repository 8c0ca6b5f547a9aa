//! Seals entries: appends their leaf hashes to the tree of their log.
//!
//! A step seals some thousand entries. A connection that reads prepares it, from entries that no longer
//! change. The row of the tree is locked only to store the tiles that changed, with the new size and
//! root, in one transaction. If the tree grew in between, the step is dropped: so if several servers
//! prepare the same step, one of them stores it. After a crash the tree has the whole step or nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_domain::log::NodeHash;
use diesel::prelude::*;

use super::edge::TileKey;
use super::leaves;
use super::stored::{grow_tile, insert_tile, put_tree, read_edge, read_tree};
use crate::append::{LogKey, Writers};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::follow::{Progress, Report};
use crate::pool::Pool;
use crate::schema::logs;

/// Leaves of one step: 64 tiles.
const STEP: i64 = 1 << 14;

/// Bytes of the tiles of steps that are stored together: four steps, or some hundred small ones.
const BYTES_TOGETHER: usize = 4 * 32 * STEP as usize;

/// Does the next step of a log.
pub(crate) fn step(readers: &Pool, writers: &Writers, log: LogKey) -> Result<Progress, StoreError> {
    match readers.read(|conn| Step::prepare(conn, log))? {
        Some(step) => writers.run_for(log, move |conn| dialect::write(conn, |conn| step.put(conn))),
        None => Ok(Progress::Done { left: 0 }),
    }
}

/// Does the next step of each log, and reports each. The writer of a log stores its step between two
/// appends. Steps of logs with the same writer are stored together: one by one, each would wait for the
/// batch of appends before it, and the trees of many logs would fall behind.
pub(crate) fn steps(readers: &Pool, writers: &Writers, logs: &[LogKey], report: Report<'_>) {
    let mut prepared: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    for log in logs {
        let go_on = match readers.read(|conn| Step::prepare(conn, *log)) {
            Ok(Some(step)) => {
                prepared.entry(writers.number_for(*log)).or_default().push(step);
                let bytes: usize = prepared.values().flatten().map(Step::bytes).sum();
                bytes < BYTES_TOGETHER || put_all(writers, std::mem::take(&mut prepared), report)
            }
            Ok(None) => report(*log, Ok(Progress::Done { left: 0 })),
            Err(error) => report(*log, Err(error)),
        };
        if !go_on {
            return;
        }
    }
    put_all(writers, prepared, report);
}

/// Has each writer store its steps, all of them at the same time: one that waits for the database does not
/// keep the others waiting. Returns whether further steps are wanted.
fn put_all(writers: &Writers, prepared: BTreeMap<usize, Vec<Step>>, report: Report<'_>) -> bool {
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let mut steps = prepared.into_values();
        let own = steps.next();
        let others: Vec<_> = steps.map(|steps| scope.spawn(|| put_together(writers, steps))).collect();
        let own = own.map(|steps| put_together(writers, steps));
        own.into_iter().chain(others.into_iter().filter_map(|other| other.join().ok())).flatten().collect()
    });
    outcomes.into_iter().fold(true, |go_on, (log, outcome)| report(log, outcome) && go_on)
}

/// Stores steps of logs with the same writer in one transaction. If one of them may be at fault, each is
/// stored alone: a log does not wait for the fault of another one. The logs are in their order, so that two
/// servers lock trees in the same order.
fn put_together(writers: &Writers, steps: Vec<Step>) -> Vec<(LogKey, Result<Progress, StoreError>)> {
    let Some(first) = steps.first().map(|step| step.log) else { return Vec::new() };
    let steps = Arc::new(steps);
    let together = Arc::clone(&steps);
    let put = move |conn: &mut DbConnection| {
        dialect::write(conn, |conn| together.iter().map(|step| step.put(conn)).collect::<Result<Vec<_>, StoreError>>())
    };
    let logs = steps.iter().map(|step| step.log);
    match writers.run_for(first, put) {
        Ok(progress) => logs.zip(progress.into_iter().map(Ok)).collect(),
        Err(error) if steps.len() == 1 => vec![(first, Err(error))],
        Err(StoreError::Unreachable(why)) => logs.map(|log| (log, Err(StoreError::Unreachable(why.clone())))).collect(),
        Err(StoreError::Closed) => logs.map(|log| (log, Err(StoreError::Closed))).collect(),
        Err(error) => {
            tracing::debug!(%error, "steps of {} trees are stored one by one", steps.len());
            let alone = |(number, log): (usize, LogKey)| {
                let steps = Arc::clone(&steps);
                (log, writers.run_for(log, move |conn| dialect::write(conn, |conn| steps[number].put(conn))))
            };
            logs.enumerate().map(alone).collect()
        }
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
    /// The contents of the tiles that grew, and of the new ones.
    grown: BTreeMap<TileKey, Vec<u8>>,
    new: BTreeMap<TileKey, Vec<u8>>,
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
        let (grown, new) = tiles.into_iter().partition(|(key, _)| before.contains_key(key));
        Ok(Some(Step { log, from, size, root: edge.root(), grown, new, left: entries - size }))
    }

    /// Bytes of its tiles.
    fn bytes(&self) -> usize {
        self.grown.values().chain(self.new.values()).map(Vec::len).sum()
    }

    /// Stores the prepared step, in a transaction. Who else has the tree locked is doing the same step, so
    /// this does not wait: the appends of the log would wait, too.
    pub(crate) fn put(&self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        let (channel_id, stream) = self.log;
        if dialect::try_lock_tree(conn, channel_id, stream)?.is_none_or(|(size, _)| size != self.from) {
            return Ok(Progress::Overtaken);
        }
        self.grown.iter().try_for_each(|(key, contents)| grow_tile(conn, self.log, *key, contents))?;
        self.new.iter().try_for_each(|(key, contents)| insert_tile(conn, self.log, *key, contents))?;
        put_tree(conn, self.log, self.size, self.root)?;
        Ok(Progress::Done { left: self.left })
    }
}

#[cfg(test)]
mod tests {
    use audit_domain::{ChannelId, NewEvent, Stream};

    use super::super::rebuild::repair_edge;
    use super::*;
    use crate::connection::Purpose;
    use crate::url::DatabaseUrl;
    use crate::{Store, StoreConfig};

    const LOG: LogKey = (1, Stream::Events);

    fn put(conn: &mut DbConnection, step: &Step) -> Progress {
        dialect::write(conn, |conn| step.put(conn)).unwrap()
    }

    fn prepared(conn: &mut DbConnection) -> Step {
        Step::prepare(conn, LOG).unwrap().unwrap()
    }

    #[test]
    fn of_steps_that_were_prepared_for_the_same_tree_one_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", directory.path().display());
        let store = Store::open(StoreConfig::new(&*url)).unwrap();
        // Only the steps of this test.
        store.close();
        let append = || {
            let store = Store::open(StoreConfig::new(&*url)).unwrap();
            store.channels(ChannelId::DEFAULT).events().append_all((0..300).map(|_| NewEvent::new())).unwrap();
            store.seal().unwrap();
        };
        append();
        let mut conn = dialect::open(&DatabaseUrl::parse(&url).unwrap(), Purpose::Write).unwrap();
        let conn = &mut conn;
        assert!(Step::prepare(conn, LOG).unwrap().is_none());
        let behind = "DROP TRIGGER trees_only_grow; DROP TRIGGER trees_keep_rows; DELETE FROM trees; DELETE FROM tiles";
        diesel::connection::SimpleConnection::batch_execute(conn, behind).unwrap();
        let (early, late) = (prepared(conn), prepared(conn));
        assert_eq!(put(conn, &early), Progress::Done { left: 0 });
        let tree = read_tree(conn, LOG).unwrap();
        assert_eq!(put(conn, &late), Progress::Overtaken);
        assert_eq!((read_tree(conn, LOG).unwrap(), tree.0), (tree, 300));
        // Tiles of another size are not repaired.
        assert_eq!(repair_edge(conn, LOG, 299, &[((0, 0), vec![0; 32])].into()).unwrap(), 0);
    }
}
