//! The rows of trees and tiles.

use audit_domain::Stream;
use audit_domain::log::NodeHash;
use diesel::prelude::*;

use super::edge::{Edge, TileKey};
use crate::append::LogKey;
use crate::connection::{DbConnection, on_inner};
use crate::error::StoreError;
use crate::schema::{tiles, trees};

/// Reads the size and the root of a tree: those of a tree without leaves, if there is none.
pub(crate) fn read_tree(conn: &mut DbConnection, (channel_id, stream): LogKey) -> Result<(i64, NodeHash), StoreError> {
    let tree = trees::table.find((channel_id, stream.number())).select((trees::size, trees::root));
    match tree.first::<(i64, Vec<u8>)>(conn).optional()? {
        Some((size, root)) => Ok((size, node_hash((channel_id, stream), root)?)),
        None => Ok((0, NodeHash::of_empty_tree())),
    }
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
    (size, root): (i64, NodeHash),
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
