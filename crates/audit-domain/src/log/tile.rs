//! Tiles: 256 neighbouring hashes of the tree, or 256 entries, as one file that never changes. Their
//! paths and their contents are those of C2SP tlog-tiles.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::str::FromStr;

use super::node::{Node, NodeHash};

/// The levels of the tree in a tile.
pub const TILE_HEIGHT: u8 = 8;

/// The hashes or entries of a full tile.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// The largest level of a tile in a path.
const LEVEL_MAX: u8 = 63;

/// The contents of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The hashes of subtrees of height 8 · level.
    Hashes {
        /// 0 for leaf hashes, up to 63.
        level: u8,
    },
    /// Entries of the log.
    Entries,
}

/// A tile: which neighbours it has, and how many of them there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

/// The reason why a text is not the path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the path of a tile, such as tile/0/x001/234, tile/1/000.p/7 or tile/entries/000")]
pub struct TilePathError;

impl Tile {
    /// Makes a tile with this many hashes or entries, 1 to 256. `None` for another width, or a level
    /// over 63.
    #[must_use]
    pub fn new(kind: TileKind, index: u64, width: u16) -> Option<Tile> {
        let has_level = !matches!(kind, TileKind::Hashes { level } if level > LEVEL_MAX);
        ((1..=TILE_WIDTH).contains(&width) && has_level).then_some(Tile { kind, index, width })
    }

    /// The kind of its contents.
    #[must_use]
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// The number of full tiles of its kind before it.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of its hashes or entries.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// The tile in a tree of this size: full, or with the hashes or entries that exist. `None` if it has
    /// none of them.
    #[must_use]
    pub fn of_size(kind: TileKind, index: u64, size: u64) -> Option<Tile> {
        let level = if let TileKind::Hashes { level } = kind { u32::from(level) } else { 0 };
        let there = size.checked_shr(level * u32::from(TILE_HEIGHT)).unwrap_or(0);
        let left = there.checked_sub(index.checked_mul(TILE_WIDTH.into())?)?;
        Tile::new(kind, index, left.min(TILE_WIDTH.into()) as u16)
    }

    /// The tile of a tree that has the hash of a node, or the hashes from which it is computed, and
    /// their place in the tile. `None` if the node is not complete in a tree of this size.
    #[must_use]
    pub fn of_node(node: Node, size: u64) -> Option<(Tile, Range<usize>)> {
        let complete = size.checked_shr(node.level.into()).unwrap_or(0);
        if node.index >= complete {
            return None;
        }
        // A complete node has fewer leaves before it than the tree has, so nothing is shifted out.
        let below = node.level % TILE_HEIGHT;
        let first = node.index << below;
        let at = (first % u64::from(TILE_WIDTH)) as usize;
        let kind = TileKind::Hashes { level: node.level / TILE_HEIGHT };
        let tile = Tile::of_size(kind, first / u64::from(TILE_WIDTH), size)?;
        Some((tile, at..at + (1 << below)))
    }

    /// Reads the hashes of a tile from its contents: 32 bytes each. `None` if there are more or fewer
    /// than the tile has, or if it is a tile of entries.
    #[must_use]
    pub fn hashes(&self, contents: &[u8]) -> Option<Vec<NodeHash>> {
        let (hashes, rest) = contents.as_chunks::<32>();
        let is_whole = self.kind != TileKind::Entries && rest.is_empty() && hashes.len() == usize::from(self.width);
        is_whole.then(|| hashes.iter().copied().map(NodeHash).collect())
    }

    /// Reads the entries of a tile from its contents. `None` if there are more or fewer than the tile
    /// has, or if it is a tile of hashes.
    #[must_use]
    pub fn entries<'c>(&self, mut contents: &'c [u8]) -> Option<Vec<&'c [u8]>> {
        let mut entries = Vec::new();
        while entries.len() < self.width.into() {
            let (length, rest) = contents.split_first_chunk()?;
            let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            entries.push(entry);
            contents = rest;
        }
        (self.kind == TileKind::Entries && contents.is_empty()).then_some(entries)
    }

    /// Appends an entry to the contents of a tile: its length in two bytes, big-endian, and the
    /// entry. Returns `false` and appends nothing if the entry has more than 65,535 bytes.
    #[must_use]
    pub fn push_entry(contents: &mut Vec<u8>, entry: &[u8]) -> bool {
        let Ok(length) = u16::try_from(entry.len()) else { return false };
        contents.extend_from_slice(&length.to_be_bytes());
        contents.extend_from_slice(entry);
        true
    }
}

impl NodeHash {
    /// The hash of a complete subtree, from the hashes of its parts: a power of two of them. `None`
    /// for another number.
    #[must_use]
    pub fn of_parts(parts: &[NodeHash]) -> Option<NodeHash> {
        if !parts.len().is_power_of_two() {
            return None;
        }
        let mut row = parts.to_vec();
        while row.len() > 1 {
            row = row.chunks_exact(2).map(|pair| NodeHash::of_children(pair[0], pair[1])).collect();
        }
        row.first().copied()
    }
}

/// Formats the path, without a slash at its start.
impl Display for Tile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        // Groups of three digits, all but the last with an x before it.
        let digits = self.index.to_string();
        let digits = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        let last = digits.len() - 3;
        for at in (0..last).step_by(3) {
            write!(f, "x{}/", &digits[at..at + 3])?;
        }
        f.write_str(&digits[last..])?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Reads a path, without a slash at its start. Each tile has one path, and any other is refused.
impl FromStr for Tile {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Tile, TilePathError> {
        let (kind, rest) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TilePathError)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes { level: level.parse().map_err(|_| TilePathError)? },
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| TilePathError)?),
            None => (rest, TILE_WIDTH),
        };
        let digits: String = index.split('/').map(|group| group.strip_prefix('x').unwrap_or(group)).collect();
        let tile = Tile::new(kind, digits.parse().map_err(|_| TilePathError)?, width).ok_or(TilePathError)?;
        // What is left of the rules: zeros, signs and where the x is.
        if tile.to_string() == path { Ok(tile) } else { Err(TilePathError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(kind: TileKind, index: u64, width: u16) -> Tile {
        Tile::new(kind, index, width).unwrap()
    }

    #[test]
    fn each_tile_has_one_path() {
        let hashes = |level| TileKind::Hashes { level };
        for (tile, path) in [
            (tile(hashes(0), 0, 256), "tile/0/000"),
            (tile(hashes(0), 1_234_067, 256), "tile/0/x001/x234/067"),
            (tile(hashes(63), 999, 1), "tile/63/999.p/1"),
            (tile(hashes(1), 1000, 255), "tile/1/x001/000.p/255"),
            (tile(TileKind::Entries, 7, 256), "tile/entries/007"),
            (tile(TileKind::Entries, u64::MAX, 30), "tile/entries/x018/x446/x744/x073/x709/x551/615.p/30"),
        ] {
            assert_eq!((tile.to_string().as_str(), path.parse()), (path, Ok(tile)));
        }
        for other in [
            "",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/256/000",
            "tile/-1/000",
            "tile/0/x000/001",
            "tile/0/001/234",
            "tile/0/x001/x234",
            "tile/0/x01/234",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p/1/",
            "tile/0/000/",
            "/tile/0/000",
            "tile/Entries/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/00a",
        ] {
            assert_eq!(other.parse::<Tile>(), Err(TilePathError), "{other}");
        }
        assert!(Tile::new(hashes(0), 0, 0).is_none() && Tile::new(hashes(0), 0, 257).is_none());
    }

    #[test]
    fn a_tile_is_as_wide_as_its_tree() {
        let width = |kind, index, size| Tile::of_size(kind, index, size).map(|tile| tile.width());
        let (leaves, above) = (TileKind::Hashes { level: 0 }, TileKind::Hashes { level: 1 });
        assert_eq!([width(leaves, 0, 1), width(leaves, 0, 256), width(leaves, 1, 256)], [Some(1), Some(256), None]);
        assert_eq!([width(leaves, 1, 257), width(TileKind::Entries, 1, 600)], [Some(1), Some(256)]);
        assert_eq!([width(above, 0, 255), width(above, 0, 256), width(above, 0, 70_000)], [None, Some(1), Some(256)]);
        assert_eq!([width(above, 1, 70_000), width(TileKind::Hashes { level: 63 }, 0, u64::MAX)], [Some(17), None]);
        assert_eq!(width(leaves, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn entries_come_back_from_their_tile() {
        let (mut contents, largest) = (Vec::new(), vec![7; 65_535]);
        for entry in [&b"AEV1"[..], b"", &largest] {
            assert!(Tile::push_entry(&mut contents, entry));
        }
        assert!(!Tile::push_entry(&mut contents, &[0; 65_536]));
        let read = |width, contents| tile(TileKind::Entries, 0, width).entries(contents);
        assert_eq!((&contents[..8], read(3, &contents)), (&b"\0\x04AEV1\0\0"[..], Some(vec![&b"AEV1"[..], b"", &largest])));
        assert_eq!((read(2, &contents), read(4, &contents)), (None, None), "a tile has as many entries as its path says");
        assert_eq!((read(1, &[]), read(1, &contents[..1]), read(1, &contents[..5])), (None, None, None));
        assert_eq!((read(2, &contents[..8]).map(|all| all.len()), read(3, &contents[..contents.len() - 1])), (Some(2), None));
        assert_eq!(tile(TileKind::Hashes { level: 0 }, 0, 3).entries(&contents), None);
    }

    #[test]
    fn hashes_come_back_from_their_tile() {
        let (two, contents) = (tile(TileKind::Hashes { level: 0 }, 0, 2), [[1; 32], [2; 32]].concat());
        assert_eq!(two.hashes(&contents), Some(vec![NodeHash([1; 32]), NodeHash([2; 32])]));
        assert_eq!((two.hashes(&contents[..63]), two.hashes(&contents[..32]), two.hashes(&[0; 96])), (None, None, None));
        assert_eq!(tile(TileKind::Entries, 0, 2).hashes(&contents), None);
    }

    #[test]
    fn a_node_is_computed_from_the_hashes_of_its_tile() {
        let of = |level, index, size| Tile::of_node(Node { level, index }, size);
        let leaves = |index, width| tile(TileKind::Hashes { level: 0 }, index, width);
        assert_eq!(of(0, 300, 600), Some((leaves(1, 256), 44..45)));
        assert_eq!(of(0, 69, 70), Some((leaves(0, 70), 69..70)));
        assert_eq!(of(3, 33, 272), Some((leaves(1, 16), 8..16)));
        assert_eq!(of(7, 1, 256), Some((leaves(0, 256), 128..256)));
        assert_eq!(of(8, 1, 600), Some((tile(TileKind::Hashes { level: 1 }, 0, 2), 1..2)));
        for (level, index, size) in [(0, 70, 70), (3, 33, 271), (7, 1, 255), (64, 0, u64::MAX), (7, 1 << 60, u64::MAX), (255, 0, 9)]
        {
            assert_eq!(of(level, index, size), None, "{level} {index} of {size}");
        }
        assert_eq!(NodeHash::of_parts(&[]), None);
        assert_eq!(NodeHash::of_parts(&[NodeHash([1; 32]); 3]), None);
        let pair = NodeHash::of_children(NodeHash([1; 32]), NodeHash([2; 32]));
        assert_eq!(NodeHash::of_parts(&[NodeHash([1; 32]), NodeHash([2; 32])]), Some(pair));
    }
}
