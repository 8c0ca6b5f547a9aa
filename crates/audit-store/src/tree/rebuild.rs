//! Makes the tiles of a log again from its entries, and repairs those that differ.

use std::collections::BTreeMap;

use audit_domain::log::{TILE_HEIGHT, TILE_WIDTH};

use super::edge::{Edge, TileKey};
use super::leaves;
use super::stored::{LEVELS, Tree, delete_tiles, read_tile, read_tree, replace_tile};
use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::pool::Pool;

/// Leaves that are read at once.
const PORTION: i64 = 1 << 14;

type Tiles = BTreeMap<TileKey, Vec<u8>>;

/// Computes the tree of a log from its entries and stores the tiles that are missing or differ.
/// Returns the number of these. The entries are read twice: no tile is replaced unless all entries
/// together have the root of the tree, because the tiles say which entry was changed.
///
/// # Errors
///
/// [`StoreError::UnfitTree`] if they have another root.
pub(crate) fn rebuild(readers: &Pool, writers: &Writers, log: LogKey) -> Result<u64, StoreError> {
    let tree = readers.read(|conn| read_tree(conn, log))?;
    let Tree { size, root, .. } = tree;
    if compute(readers, log, size, |_| Ok(()))?.root() != root {
        let what = format!("its {size} entries have another root: one of them was changed, or the row of the tree");
        return Err(StoreError::UnfitTree { stream: log.1, channel_id: log.0, what });
    }
    let mut repaired = 0;
    let edge = compute(readers, log, size, |tiles| {
        if readers.read(|conn| wrong(conn, log, &tiles))?.is_empty() {
            return Ok(());
        }
        repaired += writers.run_for(log, move |conn| dialect::write(conn, |conn| repair(conn, log, tree, &tiles)))?;
        Ok(())
    })?;
    let open: Tiles = edge.open_tiles().collect();
    Ok(repaired + writers.run_for(log, move |conn| repair_edge(conn, log, tree, &open))?)
}

/// Computes the tree of the first `size` entries. Calls back with the tiles that each portion fills.
fn compute(
    readers: &Pool,
    log: LogKey,
    size: i64,
    mut filled: impl FnMut(Tiles) -> Result<(), StoreError>,
) -> Result<Edge, StoreError> {
    let (mut edge, mut from) = (Edge::default(), 0);
    while from < size {
        let to = size.min(from + PORTION);
        let mut tiles = Tiles::new();
        for leaf in readers.read(|conn| leaves::read(conn, log, from..to))? {
            let full = |key, contents| drop(tiles.insert(key, contents));
            let unfit = |what| StoreError::UnfitTree { stream: log.1, channel_id: log.0, what };
            edge.append(leaf, full).map_err(|error| unfit(error.to_string()))?;
        }
        filled(tiles)?;
        from = to;
    }
    Ok(edge)
}

/// Repairs the tiles that are not full, and deletes those that the tree does not have. If the tree grew
/// meanwhile, they were right: a tree does not grow from tiles that do not lead to its root.
pub(crate) fn repair_edge(conn: &mut DbConnection, log: LogKey, tree: Tree, open: &Tiles) -> Result<u64, StoreError> {
    dialect::write(conn, |conn| {
        if dialect::lock_tree(conn, log, tree.log_name)? != (tree.size, tree.log_name) {
            return Ok(0);
        }
        let mut repaired = repair(conn, log, tree, open)?;
        for level in 0..LEVELS {
            let complete =
                tree.size.unsigned_abs().checked_shr(u32::from(TILE_HEIGHT) * u32::from(level.unsigned_abs())).unwrap_or(0);
            let end = complete.div_ceil(TILE_WIDTH.into());
            repaired += delete_tiles(conn, log, (level, end as i64))? as u64;
        }
        Ok(repaired)
    })
}

/// Repairs the tiles that are missing or differ, under the lock of the tree, unless it was begun again.
/// Returns their number.
fn repair(conn: &mut DbConnection, log: LogKey, tree: Tree, tiles: &Tiles) -> Result<u64, StoreError> {
    if dialect::lock_tree(conn, log, tree.log_name)?.1 != tree.log_name {
        return Ok(0);
    }
    let wrong = wrong(conn, log, tiles)?;
    wrong.iter().try_for_each(|(key, contents)| replace_tile(conn, log, *key, contents))?;
    Ok(wrong.len() as u64)
}

/// The tiles that are missing or differ, with the contents that they should have.
fn wrong(conn: &mut DbConnection, log: LogKey, tiles: &Tiles) -> Result<Tiles, StoreError> {
    let mut wrong = Tiles::new();
    for (key, contents) in tiles {
        if read_tile(conn, log, *key)?.as_ref() != Some(contents) {
            wrong.insert(*key, contents.clone());
        }
    }
    Ok(wrong)
}
