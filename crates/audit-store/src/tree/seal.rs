//! Seals entries: appends their leaf hashes to the tree of their log.
//!
//! A step seals some thousand entries. A connection that reads prepares it, from entries that no longer
//! change. The row of the tree is locked only to store the tiles that changed, with the new size and
//! root, in one transaction. If the tree grew in between, the step is dropped: so if several servers
//! prepare the same step, one of them stores it. After a crash the tree has the whole step or nothing of it.

use std::collections::BTreeMap;

use audit_domain::log::NodeHash;
use diesel::prelude::*;

use super::edge::TileKey;
use super::leaves;
use super::stored::{Tree, current_log_name, grow_tile, insert_tile, put_tree, read_edge, read_tree, restart_tree};
use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::follow::{Progress, Put, Report, put_all};
use crate::log_key::LogKey;
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
    let mut prepared: Vec<Step> = Vec::new();
    for log in logs {
        let go_on = match readers.read(|conn| Step::prepare(conn, *log)) {
            Ok(Some(step)) => {
                prepared.push(step);
                let bytes: usize = prepared.iter().map(Step::bytes).sum();
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

/// A prepared step.
#[derive(Debug)]
pub(crate) struct Step {
    log: LogKey,
    log_name: i64,
    /// Whether the tree starts again, without leaves, because the logs have a new name.
    restarts: bool,
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
        let (log_name, restarts, from, entries, edge) = dialect::snapshot(conn, |conn| {
            let (mut tree, log_name) = (read_tree(conn, log)?, current_log_name(conn)?);
            let restarts = tree.log_name < log_name;
            if restarts {
                tree = Tree { size: 0, root: NodeHash::of_empty_tree(), log_name };
            }
            let from = tree.size;
            let head = logs::table.find((channel_id, stream.number())).select(logs::next_position);
            let entries: i64 = head.first(conn).optional()?.unwrap_or(0);
            if entries < from {
                return Err(unfit(format!("it has {from} leaves, and the log {entries} entries")));
            }
            let edge = if entries > from { Some(read_edge(conn, log, tree)?) } else { None };
            Ok((log_name, restarts, from, entries, edge))
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
        Ok(Some(Step { log, log_name, restarts, from, size, root: edge.root(), grown, new, left: entries - size }))
    }

    /// Bytes of its tiles.
    fn bytes(&self) -> usize {
        self.grown.values().chain(self.new.values()).map(Vec::len).sum()
    }
}

impl Put for Step {
    fn log(&self) -> LogKey {
        self.log
    }

    /// Stores the prepared step. Another server that has the tree locked is doing the same step, so
    /// this does not wait: the appends of the log would wait, too.
    fn put(&self, conn: &mut DbConnection) -> Result<Progress, StoreError> {
        let is_as_before = |(size, log_name)| match self.restarts {
            true => log_name < self.log_name,
            false => (size, log_name) == (self.from, self.log_name),
        };
        if !dialect::try_lock_tree(conn, self.log, self.log_name)?.is_some_and(is_as_before) {
            return Ok(Progress::Overtaken);
        }
        if self.restarts {
            restart_tree(conn, self.log, self.log_name)?;
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
        assert_eq!((read_tree(conn, LOG).unwrap(), tree.size), (tree, 300));
        // Tiles of another size are not repaired.
        assert_eq!(repair_edge(conn, LOG, Tree { size: 299, ..tree }, &[((0, 0), vec![0; 32])].into()).unwrap(), 0);
    }
}
