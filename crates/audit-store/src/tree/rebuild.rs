//! Makes the tiles of a log again from its entries, and repairs those that differ.

use std::collections::BTreeMap;

use super::edge::{Edge, TileKey};
use super::leaves;
use super::stored::{read_tile, read_tree, replace_tile};
use crate::append::{LogKey, Writers};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
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
    let (size, root) = readers.read(|conn| read_tree(conn, log))?;
    if compute(readers, log, size, |_| Ok(()))?.root() != root {
        let what = format!("the {size} entries have another root, so one of them was changed or is missing");
        return Err(StoreError::UnfitTree { stream: log.1, channel_id: log.0, what });
    }
    let mut repaired = 0;
    let edge = compute(readers, log, size, |tiles| {
        let wrong = readers.read(|conn| wrong(conn, log, &tiles))?;
        repaired += wrong.len() as u64;
        if wrong.is_empty() {
            return Ok(());
        }
        writers.run_for(log, move |conn| dialect::write(conn, |conn| replace(conn, log, &wrong)))
    })?;
    let open: Tiles = edge.open_tiles().collect();
    Ok(repaired + writers.run_for(log, move |conn| repair_open(conn, log, size, &open))?)
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

/// Repairs the tiles that are not full. If the tree grew meanwhile, they were right: a tree does not
/// grow from tiles that do not have its root.
pub(crate) fn repair_open(conn: &mut DbConnection, log: LogKey, size: i64, open: &Tiles) -> Result<u64, StoreError> {
    dialect::write(conn, |conn| {
        if dialect::lock_tree(conn, log.0, log.1)?.0 != size {
            return Ok(0);
        }
        let wrong = wrong(conn, log, open)?;
        replace(conn, log, &wrong)?;
        Ok(wrong.len() as u64)
    })
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

fn replace(conn: &mut DbConnection, log: LogKey, tiles: &Tiles) -> Result<(), StoreError> {
    tiles.iter().try_for_each(|(key, contents)| replace_tile(conn, log, *key, contents))
}
