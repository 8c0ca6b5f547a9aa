//! What a log has when its scrub begins, read in one snapshot. What is appended later is left to the next
//! scrub.

use std::collections::BTreeMap;

use audit_domain::log::TILE_HEIGHT;
use diesel::prelude::*;

use super::entries;
use super::tiles::WIDTH;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::schema::{checkpoints, logs, tiles, trees};
use crate::tree::{LEVELS, TileKey, read_tile};

/// Rows that are listed one by one if a log should not have them.
const LISTED_MAX: i64 = 1_000;

/// The row of a tree.
#[derive(Debug, Clone)]
pub(super) struct TreeRow {
    pub(super) size: i64,
    pub(super) root: Vec<u8>,
    pub(super) log_name: i64,
}

/// The row of a checkpoint.
#[derive(Debug, Clone)]
pub(super) struct CheckpointRow {
    pub(super) log_name: i64,
    pub(super) size: i64,
    pub(super) note: String,
}

pub(super) struct Start {
    /// The number of entries.
    pub(super) size: i64,
    /// The time of the last one.
    pub(super) recorded_at: i64,
    pub(super) tree: Option<TreeRow>,
    /// The leaves that the tree has, as far as the log has as many entries.
    pub(super) leaves: i64,
    /// The last tile of each level, which grows.
    pub(super) edge: BTreeMap<TileKey, Option<Vec<u8>>>,
    /// Tiles that a tree of this size does not have.
    pub(super) extra_tiles: Vec<TileKey>,
    /// Positions of rows that a log of this size does not have.
    pub(super) beyond: Vec<i64>,
    /// Its checkpoints, oldest name first.
    pub(super) checkpoints: Vec<CheckpointRow>,
}

impl Start {
    /// Reads it. `None` if the log has no row.
    pub(super) fn read(conn: &mut DbConnection, log: LogKey) -> Result<Option<Start>, StoreError> {
        dialect::snapshot(conn, |conn| {
            let key = (log.0, log.1.number());
            let head: Option<(i64, i64)> =
                logs::table.find(key).select((logs::next_position, logs::recorded_at)).first(conn).optional()?;
            let Some((size, recorded_at)) = head else { return Ok(None) };
            let tree: Option<(i64, Vec<u8>, i64)> =
                trees::table.find(key).select((trees::size, trees::root, trees::log_name)).first(conn).optional()?;
            let tree = tree.map(|(size, root, log_name)| TreeRow { size, root, log_name });
            let of_tree = tree.as_ref().map_or(0, |tree| tree.size.max(0));
            let mut edge = BTreeMap::new();
            for tile in edge_of(of_tree) {
                edge.insert(tile, read_tile(conn, log, tile)?);
            }
            let of_log = checkpoints::channel_id.eq(key.0).and(checkpoints::stream.eq(key.1));
            let columns = (checkpoints::log_name, checkpoints::size, checkpoints::note);
            let rows: Vec<(i64, i64, String)> =
                checkpoints::table.filter(of_log).order(checkpoints::log_name).select(columns).load(conn)?;
            let checkpoint = |(log_name, size, note)| CheckpointRow { log_name, size, note };
            Ok(Some(Start {
                size,
                recorded_at,
                tree,
                leaves: of_tree.min(size.max(0)),
                edge,
                extra_tiles: extra_tiles(conn, log, of_tree)?,
                beyond: entries::beyond(conn, log, size, LISTED_MAX)?,
                checkpoints: rows.into_iter().map(checkpoint).collect(),
            }))
        })
    }
}

/// The number of the name under which the tree of a log was begun.
pub(super) fn log_name(conn: &mut DbConnection, (channel_id, stream): LogKey) -> Result<Option<i64>, StoreError> {
    Ok(trees::table.find((channel_id, stream.number())).select(trees::log_name).first(conn).optional()?)
}

/// The number of complete hashes of a level.
fn hashes_of(size: i64, level: i16) -> i64 {
    size.checked_shr(u32::from(TILE_HEIGHT) * u32::from(level.unsigned_abs())).unwrap_or(0)
}

/// The tiles that are not full.
fn edge_of(size: i64) -> impl Iterator<Item = TileKey> {
    let with_rest = (0..LEVELS).filter(move |level| hashes_of(size, *level) % WIDTH as i64 != 0);
    with_rest.map(move |level| (level, hashes_of(size, level) / WIDTH as i64))
}

fn extra_tiles(conn: &mut DbConnection, (channel_id, stream): LogKey, size: i64) -> QueryResult<Vec<TileKey>> {
    let of_log = || tiles::channel_id.eq(channel_id).and(tiles::stream.eq(stream.number()));
    let columns = (tiles::level, tiles::tile);
    let strange = tiles::level.lt(0).or(tiles::level.ge(LEVELS)).or(tiles::tile.lt(0));
    let mut extra: Vec<TileKey> = tiles::table.filter(of_log().and(strange)).limit(LISTED_MAX).select(columns).load(conn)?;
    for level in 0..LEVELS {
        let end = (hashes_of(size, level) as u64).div_ceil(WIDTH as u64) as i64;
        let after = of_log().and(tiles::level.eq(level)).and(tiles::tile.ge(end));
        let rows: Vec<TileKey> = tiles::table.filter(after).order(tiles::tile).limit(LISTED_MAX).select(columns).load(conn)?;
        extra.extend(rows);
    }
    Ok(extra)
}
