//! Sets of entries of a segment, by their rank in the order of time.

use roaring::RoaringBitmap;

use super::bytes::{Reader, put_number};

/// Up to this size, a set is written as gaps; a larger set is written as a bitmap. A small bitmap
/// has sixteen bytes before its first entry.
const GAPS_MAX: usize = 64;

/// Appends a set, which must be ascending and not empty: its size and its ranks.
pub(super) fn put(out: &mut Vec<u8>, ranks: &[u16]) {
    put_number(out, ranks.len() as u64);
    if ranks.len() <= GAPS_MAX {
        let mut next = 0;
        for rank in ranks {
            put_number(out, u64::from(rank - next));
            next = rank.saturating_add(1);
        }
        return;
    }
    let bitmap: RoaringBitmap = ranks.iter().map(|rank| u32::from(*rank)).collect();
    put_number(out, bitmap.serialized_size() as u64);
    // Writing to a vector does not fail.
    drop(bitmap.serialize_into(out));
}

/// A stored set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranks<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Ranks<'a> {
    /// Takes a set from the front.
    pub(super) fn take(reader: &mut Reader<'a>) -> Option<Ranks<'a>> {
        let count = reader.length()?;
        if count > GAPS_MAX {
            let length = reader.length()?;
            return Some(Ranks { count, bytes: reader.take(length)? });
        }
        let before = *reader;
        for _ in 0..count {
            reader.number()?;
        }
        Some(Ranks { count, bytes: &before.0[..before.0.len() - reader.0.len()] })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether the set is so small that it is not a bitmap.
    pub(super) fn is_short(&self) -> bool {
        self.count <= GAPS_MAX
    }

    /// The set as a bitmap.
    pub(super) fn bitmap(&self) -> Option<RoaringBitmap> {
        if self.count > GAPS_MAX {
            return RoaringBitmap::deserialize_from(self.bytes).ok().filter(|bitmap| bitmap.len() == self.count as u64);
        }
        self.gaps().map(|ranks| ranks.into_iter().map(u32::from).collect())
    }

    /// The ranks, ascending.
    pub(super) fn list(&self) -> Option<Vec<u16>> {
        if self.count <= GAPS_MAX {
            return self.gaps();
        }
        self.bitmap()?.into_iter().map(|rank| u16::try_from(rank).ok()).collect()
    }

    fn gaps(&self) -> Option<Vec<u16>> {
        let (mut reader, mut next) = (Reader(self.bytes), 0u64);
        let mut ranks = Vec::with_capacity(self.count);
        while !reader.is_empty() {
            let rank = next.checked_add(reader.number()?)?;
            ranks.push(u16::try_from(rank).ok()?);
            next = rank + 1;
        }
        Some(ranks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_as_they_were_written() {
        let dense: Vec<u16> = (0..32_768).filter(|n| n % 3 != 1).collect();
        let sets = [vec![0], vec![65_535], (0..64).collect(), (0..65).collect(), (0..65).map(|n| n * 1_000).collect(), dense];
        let mut bytes = Vec::new();
        sets.iter().for_each(|set| put(&mut bytes, set));
        let mut reader = Reader(&bytes);
        for set in &sets {
            let ranks = Ranks::take(&mut reader).unwrap();
            assert_eq!((ranks.len(), ranks.list().as_ref()), (set.len(), Some(set)));
            assert!(ranks.bitmap().unwrap().iter().eq(set.iter().map(|rank| u32::from(*rank))));
        }
        assert!(reader.is_empty());
        // A set that is cut anywhere is not a set.
        put(&mut bytes, &sets[5]);
        for cut in 1..100 {
            let mut reader = Reader(&bytes[bytes.len() - cut..]);
            if let Some(ranks) = Ranks::take(&mut reader) {
                drop(ranks.bitmap());
                drop(ranks.list());
            }
        }
    }
}
