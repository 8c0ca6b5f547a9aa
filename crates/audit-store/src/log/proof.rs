//! Proofs of entries, and their leaves as tiles.

use std::ops::Range;

use audit_domain::Entry;
use audit_domain::log::{EntryProof, NodeHash, Tile, TileKind, leaf_hash, verify_inclusion};

use super::Log;
use super::tree::{LogTree, SignedTree};
use crate::error::StoreError;
use crate::query::LogStream;

/// Entries that are read at once for a tile: each may have a megabyte.
const READ_AT_ONCE: i64 = 16;

impl<S: LogStream> Log<S> {
    /// Proves that an entry that was read from this log is in it: the document has its leaf, the salts and
    /// values of its slots, and its place in the newest signed checkpoint. `None` if no checkpoint has it
    /// yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or the tree does not have this entry at its position
    /// ([`StoreError::UnfitTree`]): a proof that nobody could verify is not given out.
    pub fn prove(&self, entry: &Entry) -> Result<Option<EntryProof>, StoreError> {
        let Some(signed) = self.checkpoint()? else { return Ok(None) };
        match self.prove_to_root(entry, signed.tree().size())? {
            Some(proof) => Ok(Some(proof)),
            None => signed.prove(entry),
        }
    }

    /// Proves the same with the newest checkpoint that the root log has, and that the root log has it. `None` if
    /// it has none with this entry yet. An older checkpoint than the newest one of this size is only worth it if
    /// a witness cosigned the root log.
    fn prove_to_root(&self, entry: &Entry, newest_size: u64) -> Result<Option<EntryProof>, StoreError> {
        for root in self.store.root_log().candidates()? {
            let Some((signed, inclusion)) = root.checkpoint_of(self.key())? else { continue };
            if !root.is_cosigned() && signed.checkpoint.size() != newest_size {
                continue;
            }
            let signed = SignedTree::new(self, signed);
            if let Some(proof) = signed.prove(entry)? {
                return Ok(Some(EntryProof { witnessed: Some(inclusion), ..proof }));
            }
        }
        Ok(None)
    }
}

impl<S: LogStream> SignedTree<S> {
    /// Proves that an entry is in this tree, as [`Log::prove`] does. `None` if the tree ends before it.
    ///
    /// # Errors
    ///
    /// As for [`Log::prove`].
    pub fn prove(&self, entry: &Entry) -> Result<Option<EntryProof>, StoreError> {
        let (tree, position) = (self.tree(), entry.position.unsigned_abs());
        let Some(path) = tree.inclusion(position)? else { return Ok(None) };
        let unfit = |why: String| tree.unfit(format!("the entry at position {position} cannot be proven: {why}"));
        let leaf_data = entry.leaf_data(S::STREAM);
        verify_inclusion(leaf_hash(&leaf_data), position, tree.size(), &path, tree.root())
            .map_err(|error| unfit(error.to_string()))?;
        let note = self.note().parse().map_err(|error: audit_domain::log::NoteError| unfit(error.to_string()))?;
        let proof = EntryProof::new(self.verifier(), &note, position, path, leaf_data, &entry.slots);
        let erasures = tree.log().known_erasures().of(entry)?;
        let proof = proof.map_err(|error| unfit(error.to_string()))?;
        Ok(Some(proof.erased_by(|number| erasures.get(&number).copied())))
    }
}

impl<S: LogStream> LogTree<S> {
    /// Reads a tile of entries (C2SP tlog-tiles): for each, the length of its leaf in two bytes, and the
    /// leaf. Returns `None` if this tree does not have all of its entries, or if it is a tile of hashes.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or an entry is missing or was changed
    /// ([`StoreError::UnfitTree`], [`StoreError::Changed`]).
    pub fn entries(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let whole = Tile::of_size(TileKind::Entries, tile.index(), self.size());
        if tile.kind() != TileKind::Entries || whole.is_none_or(|whole| whole.width() < tile.width()) {
            return Ok(None);
        }
        let Some(hashes) = Tile::new(TileKind::Hashes { level: 0 }, tile.index(), tile.width()) else { return Ok(None) };
        let Some(contents) = self.tile(hashes)? else { return Ok(None) };
        let hashes = hashes.hashes(&contents).ok_or_else(|| self.unfit(format!("{hashes} has another length")))?;
        let mut bundle = Vec::new();
        let first = (tile.index() * u64::from(audit_domain::log::TILE_WIDTH)) as i64;
        let end = first + i64::from(tile.width());
        let mut from = first;
        while from < end {
            let positions = from..end.min(from + READ_AT_ONCE);
            from = positions.end;
            let of = (positions.start - first) as usize..(positions.end - first) as usize;
            let of_these = hashes.get(of).ok_or_else(|| self.unfit("a tile has another width".to_owned()))?;
            self.append_leaves(positions, of_these, &mut bundle)?;
        }
        Ok(Some(bundle))
    }

    /// Appends the leaves of entries to a tile, after it compared them with their hashes in the tree.
    fn append_leaves(&self, positions: Range<i64>, hashes: &[NodeHash], bundle: &mut Vec<u8>) -> Result<(), StoreError> {
        let wanted: Vec<i64> = positions.clone().collect();
        let (store, channel_id) = (&self.log().store, self.log().key().0);
        let mut entries = store.point_read(|conn| S::at(conn, channel_id, &wanted))?;
        entries.sort_unstable_by_key(|entry| entry.as_ref().position);
        let mut entries = entries.iter().map(AsRef::as_ref);
        for (position, hash) in positions.zip(hashes) {
            let leaf = entries.next().filter(|entry: &&Entry| entry.position == position).map(|entry| entry.leaf_data(S::STREAM));
            let leaf = leaf.filter(|leaf| NodeHash::from(leaf_hash(leaf)) == *hash && Tile::push_entry(bundle, leaf));
            leaf.ok_or_else(|| self.unfit(format!("the entry at position {position} is missing or was changed")))?;
        }
        Ok(())
    }
}
