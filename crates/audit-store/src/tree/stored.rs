//! The rows of trees and tiles.

use audit_domain::Stream;
use audit_domain::log::NodeHash;
use diesel::dsl::max;
use diesel::prelude::*;

use super::edge::{Edge, TileKey};
use crate::connection::{DbConnection, on_inner};
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::schema::{log_names, tiles, trees};

/// Levels of tiles of the largest tree: the size of a log is an `i64`.
pub(crate) const LEVELS: i16 = 8;

/// The row of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The number of its leaves.
    pub(crate) size: i64,
    pub(crate) root: NodeHash,
    /// The number of the log name under which it was begun.
    pub(crate) log_name: i64,
}

/// Reads a tree: one without leaves, if there is none.
pub(crate) fn read_tree(conn: &mut DbConnection, (channel_id, stream): LogKey) -> Result<Tree, StoreError> {
    let tree = trees::table.find((channel_id, stream.number())).select((trees::size, trees::root, trees::log_name));
    match tree.first::<(i64, Vec<u8>, i64)>(conn).optional()? {
        Some((size, root, log_name)) => Ok(Tree { size, root: node_hash((channel_id, stream), root)?, log_name }),
        None => Ok(Tree { size: 0, root: NodeHash::of_empty_tree(), log_name: current_log_name(conn)? }),
    }
}

/// The number of the name that the logs have now. A database gets its first name from the first server
/// that signs, and trees may be older.
pub(crate) fn current_log_name(conn: &mut DbConnection) -> Result<i64, StoreError> {
    let last: Option<i64> = log_names::table.select(max(log_names::number)).first(conn)?;
    Ok(last.unwrap_or(1))
}

/// Begins a tree again, without leaves, under another log name.
pub(super) fn restart_tree(conn: &mut DbConnection, (channel_id, stream): LogKey, log_name: i64) -> Result<(), StoreError> {
    (0..LEVELS).try_for_each(|level| delete_tiles(conn, (channel_id, stream), (level, 0)).map(drop))?;
    let tree = trees::table.find((channel_id, stream.number()));
    let empty = (trees::size.eq(0), trees::root.eq(NodeHash::of_empty_tree().0.to_vec()), trees::log_name.eq(log_name));
    diesel::update(tree).set(empty).execute(conn)?;
    Ok(())
}

fn node_hash((channel_id, stream): LogKey, root: Vec<u8>) -> Result<NodeHash, StoreError> {
    let unfit = |_| StoreError::UnfitTree { stream, channel_id, what: "its root does not have 32 bytes".to_owned() };
    root.try_into().map(NodeHash).map_err(unfit)
}

/// Reads a tile.
pub(crate) fn read_tile(
    conn: &mut DbConnection,
    (channel_id, stream): (i64, Stream),
    (level, tile): TileKey,
) -> Result<Option<Vec<u8>>, StoreError> {
    let key = (channel_id, stream.number(), level, tile);
    Ok(on_inner!(conn, |conn| tiles::table.find(key).select(tiles::hashes).first(conn).optional())?)
}

/// Reads the edge of a tree, and checks that it leads to the root.
pub(super) fn read_edge(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    Tree { size, root, .. }: Tree,
) -> Result<Edge, StoreError> {
    let edge = Edge::read(size.unsigned_abs(), |key| read_tile(conn, (channel_id, stream), key))?;
    edge.filter(|edge| edge.root() == root).ok_or_else(|| {
        let what = format!("the last tiles of {size} leaves do not lead to its root; `audit-server rebuild` repairs them");
        StoreError::UnfitTree { stream, channel_id, what }
    })
}

/// Stores a tile that grew.
pub(super) fn grow_tile(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    (level, tile): TileKey,
    hashes: &[u8],
) -> Result<(), StoreError> {
    let key = (channel_id, stream.number(), level, tile);
    diesel::update(tiles::table.find(key)).set(tiles::hashes.eq(hashes)).execute(conn)?;
    Ok(())
}

/// Stores a tile in place of one that has other hashes.
pub(super) fn replace_tile(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    (level, tile): TileKey,
    hashes: &[u8],
) -> Result<(), StoreError> {
    diesel::delete(tiles::table.find((channel_id, stream.number(), level, tile))).execute(conn)?;
    insert_tile(conn, (channel_id, stream), (level, tile), hashes)
}

/// Stores a new tile.
pub(super) fn insert_tile(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    (level, tile): TileKey,
    hashes: &[u8],
) -> Result<(), StoreError> {
    let row = (
        tiles::channel_id.eq(channel_id),
        tiles::stream.eq(stream.number()),
        tiles::level.eq(level),
        tiles::tile.eq(tile),
        tiles::hashes.eq(hashes),
    );
    diesel::insert_into(tiles::table).values(row).execute(conn)?;
    Ok(())
}

/// Deletes the tiles of a level from a number on. Returns how many there were.
pub(super) fn delete_tiles(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    (level, from): TileKey,
) -> Result<usize, StoreError> {
    let of_level = tiles::channel_id.eq(channel_id).and(tiles::stream.eq(stream.number())).and(tiles::level.eq(level));
    Ok(diesel::delete(tiles::table.filter(of_level.and(tiles::tile.ge(from)))).execute(conn)?)
}

/// Stores the size and the root of a tree that grew.
pub(super) fn put_tree(conn: &mut DbConnection, (channel_id, stream): LogKey, size: i64, root: NodeHash) -> Result<(), StoreError> {
    let tree = trees::table.find((channel_id, stream.number()));
    diesel::update(tree).set((trees::size.eq(size), trees::root.eq(root.0.as_slice()))).execute(conn)?;
    Ok(())
}
