//! The right edge of a tree as tiles: for each level, the tile that is not full.

use audit_domain::log::{Frontier, FrontierError, LeafHash, NodeHash, TILE_HEIGHT, TILE_WIDTH};

/// A tile in the database: its level and its number.
pub(crate) type TileKey = (i16, i64);

/// What is needed to append leaves to a tree in tiles.
#[derive(Debug, Default)]
pub(super) struct Edge {
    frontier: Frontier,
    /// The hashes of the tile that is not full, for each level.
    open: Vec<Vec<NodeHash>>,
}

impl Edge {
    /// Reads the edge of a tree. Returns `None` if a tile of it is missing or has another width.
    pub(super) fn read<E>(size: u64, mut tile: impl FnMut(TileKey) -> Result<Option<Vec<u8>>, E>) -> Result<Option<Edge>, E> {
        let mut open = Vec::new();
        let mut complete = size;
        while complete > 0 {
            let width = (complete % u64::from(TILE_WIDTH)) as usize;
            let contents = if width > 0 { tile(key(open.len(), complete / u64::from(TILE_WIDTH)))? } else { Some(Vec::new()) };
            let Some(hashes) = contents.and_then(|contents| hashes(&contents, width)) else { return Ok(None) };
            open.push(hashes);
            complete >>= TILE_HEIGHT;
        }
        let hashes = open.iter().rev().flat_map(|hashes| largest_subtrees(hashes)).collect();
        Ok(Frontier::from_hashes(size, hashes).ok().map(|frontier| Edge { frontier, open }))
    }

    /// The number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) fn root(&self) -> NodeHash {
        self.frontier.root()
    }

    /// Appends a leaf. Calls `full` for each tile that it fills.
    pub(super) fn append(&mut self, leaf: LeafHash, mut full: impl FnMut(TileKey, Vec<u8>)) -> Result<(), FrontierError> {
        let Edge { frontier, open } = self;
        frontier.append(leaf, |node, hash| {
            if !node.level.is_multiple_of(TILE_HEIGHT) {
                return;
            }
            let level = usize::from(node.level / TILE_HEIGHT);
            if open.len() == level {
                open.push(Vec::with_capacity(TILE_WIDTH.into()));
            }
            open[level].push(hash);
            if open[level].len() == usize::from(TILE_WIDTH) {
                full(key(level, node.index / u64::from(TILE_WIDTH)), bytes(&open[level]));
                open[level].clear();
            }
        })
    }

    /// The tiles that are not full.
    pub(super) fn open_tiles(&self) -> impl Iterator<Item = (TileKey, Vec<u8>)> {
        let with_hashes = self.open.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty());
        with_hashes.map(|(level, hashes)| {
            let complete = self.size() >> (usize::from(TILE_HEIGHT) * level);
            (key(level, complete / u64::from(TILE_WIDTH)), bytes(hashes))
        })
    }
}

/// Positions and sizes of logs are `i64`, so a tree has at most eight levels of tiles.
fn key(level: usize, number: u64) -> TileKey {
    (level as i16, number as i64)
}

fn hashes(contents: &[u8], width: usize) -> Option<Vec<NodeHash>> {
    let (hashes, rest) = contents.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == width).then(|| hashes.iter().copied().map(NodeHash).collect())
}

fn bytes(hashes: &[NodeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of the largest subtrees of a row of fewer than 256, largest first.
fn largest_subtrees(mut row: &[NodeHash]) -> Vec<NodeHash> {
    let mut subtrees = Vec::new();
    while let Some(power) = row.len().checked_ilog2() {
        let (subtree, rest) = row.split_at(1 << power);
        subtrees.extend(NodeHash::of_parts(subtree));
        row = rest;
    }
    subtrees
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use audit_domain::log::leaf_hash;

    use super::*;

    #[test]
    fn an_edge_read_at_any_size_goes_on_as_one_that_was_not_stored() {
        let (mut edge, mut tiles) = (Edge::default(), BTreeMap::new());
        for number in 0_u64..66_000 {
            // At the ends of tiles, around them, and elsewhere now and then.
            if number % 256 < 2 || number % 256 == 255 || number % 97 == 0 {
                tiles.extend(edge.open_tiles());
                let read = Edge::read(number, |key| Ok::<_, Infallible>(tiles.get(&key).cloned()));
                let read = read.unwrap().unwrap();
                assert_eq!((&read.frontier, read.root()), (&edge.frontier, edge.root()), "{number}");
                edge = read;
            }
            edge.append(leaf_hash(&number.to_be_bytes()), |key, contents| drop(tiles.insert(key, contents))).unwrap();
        }
        assert_eq!(tiles.keys().map(|(level, _)| level).max(), Some(&2));
        let mut whole = Frontier::new();
        (0_u64..66_000).for_each(|number| whole.append(leaf_hash(&number.to_be_bytes()), |_, _| {}).unwrap());
        assert_eq!(edge.root(), whole.root());
    }

    #[test]
    fn a_tile_that_is_missing_or_has_another_width_is_noticed() {
        let read = |size, contents: Option<Vec<u8>>| {
            Edge::read(size, |_| Ok::<_, Infallible>(contents.clone())).unwrap().map(|edge| edge.size())
        };
        assert_eq!(read(0, None), Some(0));
        assert_eq!(read(2, Some(vec![1; 64])), Some(2));
        assert_eq!([read(2, None), read(2, Some(vec![1; 32])), read(2, Some(vec![1; 65])), read(2, Some(vec![1; 96]))], [None; 4]);
    }
}
