//! Tiles of a tree at one of its sizes, and the proofs that are made of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use audit_domain::log::{Frontier, Node, NodeHash, ProofPlan, Tile, TileKind, verify_consistency};

use super::stored::{read_tile, read_tree};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;

/// Reads a tile of hashes as it was when the tree had `size` leaves: 32 bytes for each. Returns `None` if
/// that tree does not have all of its hashes, or if it is a tile of entries.
pub(crate) fn tile_at(conn: &mut DbConnection, log: LogKey, size: u64, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
    let whole = Tile::of_size(tile.kind(), tile.index(), size);
    let TileKind::Hashes { level } = tile.kind() else { return Ok(None) };
    if whole.is_none_or(|whole| whole.width() < tile.width()) {
        return Ok(None);
    }
    let contents = read_tile(conn, log, (i16::from(level), tile.index() as i64))?;
    // The tile may have more hashes than it had at this size.
    let hashes = contents.and_then(|contents| contents.get(..32 * usize::from(tile.width())).map(<[u8]>::to_vec));
    match hashes {
        Some(hashes) => Ok(Some(hashes)),
        None => Err(missing_tile(conn, log, size, tile)?),
    }
}

/// The reason why a tile is missing. After a log went back, and for a moment after a copy of the database,
/// the tree is smaller than its newest checkpoint.
fn missing_tile(conn: &mut DbConnection, log: LogKey, size: u64, tile: Tile) -> Result<StoreError, StoreError> {
    let tree = read_tree(conn, log)?;
    if tree.size.unsigned_abs() >= size {
        return Ok(unfit(log, format!("{tile} is missing; `audit-server rebuild` repairs it")));
    }
    let (channel_id, stream) = (log.0, log.1.name());
    Ok(StoreError::WentBack(format!(
        "the log {channel_id}/{stream} has a checkpoint of {size} entries and a tree of {}",
        tree.size
    )))
}

/// Reads the hashes of a proof in the tree of `size` leaves, each tile once.
pub(crate) fn path(conn: &mut DbConnection, log: LogKey, size: u64, plan: &ProofPlan) -> Result<Vec<NodeHash>, StoreError> {
    let mut nodes = Nodes { log, size, tiles: BTreeMap::new() };
    plan.path(|node| nodes.read(conn, node))
}

/// Reads the hashes of the largest complete subtrees that cover a range of leaves of the tree of `size` leaves:
/// those of [`Node::cover`].
pub(crate) fn subtrees(conn: &mut DbConnection, log: LogKey, size: u64, leaves: Range<u64>) -> Result<Vec<NodeHash>, StoreError> {
    let mut nodes = Nodes { log, size, tiles: BTreeMap::new() };
    Node::cover(leaves.start, leaves.end).into_iter().map(|node| nodes.read(conn, node)).collect()
}

/// The proof that an older tree begins with the entries of a still older one, both of a log whose tree has
/// this size and root. `None` if the sizes are not in this order, or larger.
pub(crate) fn consistency_between(
    conn: &mut DbConnection,
    log: LogKey,
    (size, root): (u64, NodeHash),
    sizes: Range<u64>,
) -> Result<Option<Vec<NodeHash>>, StoreError> {
    let Range { start: old, end: new } = sizes;
    if new > size {
        return Ok(None);
    }
    let (Ok(plan), Ok(rest)) = (ProofPlan::consistency(old, new), ProofPlan::consistency(new, size)) else { return Ok(None) };
    let (proof, rest) = (path(conn, log, new, &plan)?, path(conn, log, size, &rest)?);
    let mut root_at = |leaves: u64| {
        let hashes = subtrees(conn, log, size, 0..leaves)?;
        let frontier = Frontier::from_hashes(leaves, hashes);
        frontier.map(|frontier| frontier.root()).map_err(|error| unfit(log, error.to_string()))
    };
    // Both roots are computed from the tiles. They are right if a proof leads from them to the root.
    let (older, newer) = ((old, root_at(old)?), (new, root_at(new)?));
    verify_consistency(older, newer, &proof)
        .and_then(|()| verify_consistency(newer, (size, root), &rest))
        .map_err(|error| unfit(log, format!("its first {old} leaves cannot be proven: {error}")))?;
    Ok(Some(proof))
}

/// Reads the hashes of nodes of the tree of `size` leaves, each tile once.
struct Nodes {
    log: LogKey,
    size: u64,
    tiles: BTreeMap<Tile, Vec<NodeHash>>,
}

impl Nodes {
    fn read(&mut self, conn: &mut DbConnection, node: Node) -> Result<NodeHash, StoreError> {
        let Nodes { log, size, tiles } = self;
        let missing = || unfit(*log, format!("a tile of the subtree {} of height {} is missing", node.index, node.level));
        let (tile, parts) = Tile::of_node(node, *size).ok_or_else(missing)?;
        let hashes = match tiles.entry(tile) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(place) => {
                let contents = tile_at(conn, *log, *size, tile)?;
                place.insert(contents.and_then(|contents| tile.hashes(&contents)).ok_or_else(missing)?)
            }
        };
        hashes.get(parts).and_then(NodeHash::of_parts).ok_or_else(missing)
    }
}

fn unfit((channel_id, stream): LogKey, what: String) -> StoreError {
    StoreError::UnfitTree { stream, channel_id, what }
}
