//! Compares the stored tiles of a tree with the hashes of its entries.
//!
//! A changed hash makes every hash above it another one. So each hash is accepted if it follows from the
//! entries or from the stored tile below it, and only the place where the chain breaks is reported.

use audit_domain::log::{NodeHash, TILE_WIDTH};

use crate::tree::TileKey;

/// Hashes of a full tile.
pub(super) const WIDTH: usize = TILE_WIDTH as usize;

/// A tile, or one hash of it, that does not follow from what is below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) key: TileKey,
    pub(super) index: Option<u16>,
    pub(super) what: String,
}

/// A hash as it follows from the entries, and as it follows from the stored tile below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) of_entries: NodeHash,
    pub(super) of_tile: NodeHash,
}

/// The open tile of each level.
#[derive(Debug, Default)]
pub(super) struct Tiles {
    levels: Vec<Open>,
}

#[derive(Debug, Default)]
struct Open {
    number: i64,
    hashes: Vec<Pair>,
}

impl Tiles {
    /// Adds a hash to a level. Compares each tile that is full then. `read` reads a stored tile.
    pub(super) fn push<E>(
        &mut self,
        level: usize,
        pair: Pair,
        faults: &mut Vec<Fault>,
        read: &mut dyn FnMut(TileKey) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        let (mut level, mut pair) = (level, pair);
        loop {
            while self.levels.len() <= level {
                self.levels.push(Open::default());
            }
            let open = &mut self.levels[level];
            open.hashes.push(pair);
            if open.hashes.len() < WIDTH {
                return Ok(());
            }
            let key = (level as i16, open.number);
            let hashes = std::mem::take(&mut open.hashes);
            open.number += 1;
            let stored = read(key)?;
            pair = compare(key, &hashes, stored.as_deref(), faults);
            level += 1;
        }
    }

    /// Compares the tiles that are not full.
    pub(super) fn finish<E>(
        self,
        faults: &mut Vec<Fault>,
        read: &mut dyn FnMut(TileKey) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        for (level, open) in self.levels.into_iter().enumerate().filter(|(_, open)| !open.hashes.is_empty()) {
            let key = (level as i16, open.number);
            compare(key, &open.hashes, read(key)?.as_deref(), faults);
        }
        Ok(())
    }
}

/// The hashes of a stored tile, as far as it has whole ones.
pub(super) fn hashes(stored: &[u8]) -> Vec<NodeHash> {
    stored.as_chunks::<32>().0.iter().copied().map(NodeHash).collect()
}

/// Compares a tile, and returns what it adds to the level above.
fn compare(key: TileKey, wanted: &[Pair], stored: Option<&[u8]>, faults: &mut Vec<Fault>) -> Pair {
    let mut fault = |index, what: String| faults.push(Fault { key, index, what });
    let of_entries: Vec<NodeHash> = wanted.iter().map(|pair| pair.of_entries).collect();
    let above = NodeHash::of_parts(&of_entries).unwrap_or_else(NodeHash::of_empty_tree);
    let Some(stored) = stored else {
        fault(None, "it is missing".to_owned());
        return Pair { of_entries: above, of_tile: above };
    };
    let hashes = hashes(stored);
    for (index, (wanted, stored)) in wanted.iter().zip(&hashes).enumerate() {
        if *stored != wanted.of_entries && *stored != wanted.of_tile {
            let from = if key.0 == 0 { "the entry" } else { "the tile below it" };
            fault(Some(index as u16), format!("it is not the hash of {from}"));
        }
    }
    if stored.len() != 32 * wanted.len() {
        fault(None, format!("it has {} bytes, and should have {}", stored.len(), 32 * wanted.len()));
        return Pair { of_entries: above, of_tile: above };
    }
    Pair { of_entries: above, of_tile: NodeHash::of_parts(&hashes).unwrap_or(above) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use audit_domain::log::leaf_hash;

    use super::*;

    /// The faults of the tiles of some leaves.
    fn faults(leaves: &[NodeHash], tiles: &BTreeMap<TileKey, Vec<u8>>) -> Vec<Fault> {
        let (mut walk, mut faults) = (Tiles::default(), Vec::new());
        let mut read = |key| Ok::<_, Infallible>(tiles.get(&key).cloned());
        for leaf in leaves {
            walk.push(0, Pair { of_entries: *leaf, of_tile: *leaf }, &mut faults, &mut read).unwrap();
        }
        walk.finish(&mut faults, &mut read).unwrap();
        faults
    }

    fn tiles_of(leaves: &[NodeHash]) -> BTreeMap<TileKey, Vec<u8>> {
        let (mut tiles, mut row, mut level) = (BTreeMap::new(), leaves.to_vec(), 0);
        while !row.is_empty() {
            for (number, hashes) in row.chunks(WIDTH).enumerate() {
                tiles.insert((level, number as i64), hashes.iter().flat_map(|hash| hash.0).collect());
            }
            row = row.chunks_exact(WIDTH).map(|hashes| NodeHash::of_parts(hashes).unwrap()).collect();
            level += 1;
        }
        tiles
    }

    #[test]
    fn only_the_hash_that_was_changed_is_reported() {
        let leaves: Vec<NodeHash> = (0_u32..66_000).map(|n| leaf_hash(&n.to_be_bytes()).into()).collect();
        let tiles = tiles_of(&leaves);
        assert_eq!(tiles.keys().map(|(level, _)| *level).max(), Some(2));
        assert_eq!(faults(&leaves, &tiles), []);
        for (key, contents) in tiles.iter().filter(|(key, _)| key.0 > 0 || key.1 % 40 == 0 || key.1 == 257) {
            let index = contents.len() / 64;
            let mut changed = tiles.clone();
            changed.entry(*key).and_modify(|contents| contents[32 * index] ^= 1);
            let found = faults(&leaves, &changed);
            assert_eq!(found.iter().map(|fault| (fault.key, fault.index)).collect::<Vec<_>>(), [(*key, Some(index as u16))]);
            changed.insert(*key, [contents.as_slice(), &[7; 32]].concat());
            let found = faults(&leaves, &changed);
            assert_eq!(found.iter().map(|fault| (fault.key, fault.index)).collect::<Vec<_>>(), [(*key, None)]);
            changed.remove(key);
            let found = faults(&leaves, &changed);
            assert_eq!(found.iter().map(|fault| (fault.key, fault.index)).collect::<Vec<_>>(), [(*key, None)]);
        }
    }
}
