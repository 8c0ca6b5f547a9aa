//! The root log: its checkpoints with the cosignatures of witnesses, its tiles, and its proofs.

use audit_domain::log::{
    Checkpoint, NodeHash, Note, NoteSignature, ProofPlan, RootInclusion, Tile, TileKind, VerifierKey, leaf_hash, verify_inclusion,
};

use crate::dialect;
use crate::error::StoreError;
use crate::guard::Identity;
use crate::log_key::{LogKey, ROOT};
use crate::root::{Cosignature, Row, cosignatures_of, newest_within, put_cosignature, rows_from};
use crate::sign::{self, Signed};
use crate::{Store, tree};

/// An older checkpoint with more cosignatures is served for this time in place of a newer one, in seconds:
/// witnesses need a moment for each.
const SERVED_SECONDS: i64 = 60;

/// The root log of a database.
#[derive(Debug, Clone)]
pub struct RootLog {
    store: Store,
}

impl Store {
    /// The root log of the database: its entries are the checkpoints of all other logs.
    #[must_use]
    pub fn root_log(&self) -> RootLog {
        RootLog { store: self.clone() }
    }
}

impl RootLog {
    /// The newest signed checkpoint, with the cosignatures that witnesses made of it. `None` if there is none
    /// yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or the checkpoint was changed in it
    /// ([`StoreError::WentBack`]).
    pub fn newest(&self) -> Result<Option<RootCheckpoint>, StoreError> {
        Ok(self.known()?.map(|(newest, _)| newest))
    }

    /// The checkpoint to serve: the newest one, or one before it that has more cosignatures and got one in the
    /// last minute.
    ///
    /// # Errors
    ///
    /// As for [`RootLog::newest`].
    pub fn served(&self) -> Result<Option<RootCheckpoint>, StoreError> {
        let Some((newest, most)) = self.known()? else { return Ok(None) };
        let now = self.store.clock().now()?.micros() / 1_000_000;
        let is_fresh = |most: &RootCheckpoint| most.cosigned_at.is_some_and(|at| now.abs_diff(at as i64) < SERVED_SECONDS as u64);
        Ok(Some(most.filter(is_fresh).unwrap_or(newest)))
    }

    /// The checkpoints that a proof may lead to: first the one with the most cosignatures.
    pub(super) fn candidates(&self) -> Result<Vec<RootCheckpoint>, StoreError> {
        Ok(self.known()?.into_iter().flat_map(|(newest, most)| most.into_iter().chain([newest])).collect())
    }

    /// The newest checkpoint, and the one with more cosignatures than it, if there is one.
    fn known(&self) -> Result<Option<(RootCheckpoint, Option<RootCheckpoint>)>, StoreError> {
        let Some(signed) = self.store.point_read(|conn| sign::signed(conn, ROOT))? else { return Ok(None) };
        let (identity, cosignatures) = self.store.point_read(|conn| {
            let identity = Identity::read(conn)?;
            let cosignatures = cosignatures_of(conn, identity.number())?;
            Ok((identity, cosignatures))
        })?;
        let newest = self.cosigned(signed.checkpoint, &signed.note, signed.verifier.clone(), &identity, &cosignatures);
        let mut most: Option<RootCheckpoint> = None;
        for other in &cosignatures {
            let Ok((checkpoint, _)) = identity.open(&other.note) else { continue };
            if !identity.is_of(&checkpoint, ROOT) || checkpoint.size() >= newest.size {
                continue;
            }
            let other = self.cosigned(checkpoint, &other.note, signed.verifier.clone(), &identity, &cosignatures);
            if most.as_ref().is_none_or(|most| (most.cosignatures, most.size) < (other.cosignatures, other.size)) {
                most = Some(other);
            }
        }
        let most = most.filter(|most| most.cosignatures > newest.cosignatures);
        Ok(Some((newest, most)))
    }

    fn cosigned(
        &self,
        checkpoint: Checkpoint,
        note: &str,
        verifier: VerifierKey,
        identity: &Identity,
        all: &[Cosignature],
    ) -> RootCheckpoint {
        let (size, root, origin) = (checkpoint.size(), checkpoint.root(), checkpoint.origin().to_owned());
        let of_this = all.iter().filter(|cosignature| {
            let text = checkpoint.to_string();
            cosignature.size == size && cosignature.note.starts_with(&text)
        });
        let (mut note, mut cosignatures, mut cosigned_at) = (note.to_owned(), 0, None);
        for cosignature in of_this {
            note.push_str(&cosignature.signature);
            note.push('\n');
            cosignatures += 1;
            cosigned_at = cosigned_at.max(Some(cosignature.at));
        }
        let log_name = identity.number();
        RootCheckpoint { store: self.store.clone(), size, root, origin, note, verifier, cosignatures, cosigned_at, log_name }
    }

    /// The newest cosignature of each witness under the present log name.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn cosignatures(&self) -> Result<Vec<Cosignature>, StoreError> {
        self.store.point_read(|conn| {
            let number = Identity::read(conn)?.number();
            cosignatures_of(conn, number)
        })
    }

    /// Verifies the cosignature that a witness made of a checkpoint of the root log, and stores it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Cosignature`] if the witness did not sign this checkpoint.
    pub fn add_cosignature(&self, checkpoint: &str, witness: &VerifierKey, signature: &NoteSignature) -> Result<(), StoreError> {
        let refused = |why: String| StoreError::Cosignature(format!("{}: {why}", witness.name()));
        let identity = self.store.point_read(Identity::read)?;
        let (signed, note) = identity.open(checkpoint).map_err(|error| refused(error.to_string()))?;
        if !identity.is_of(&signed, ROOT) {
            return Err(refused(format!("it is of {}, which is not the root log now", signed.origin())));
        }
        let cosigned = Note::new(note.text().to_owned(), vec![signature.clone()]).map_err(|error| refused(error.to_string()))?;
        let at = cosigned.verify(witness).map_err(|error| refused(error.to_string()))?;
        // In microseconds, it has to fit into a column.
        let at = at.filter(|at| i64::try_from(*at).is_ok_and(|at| at.checked_mul(1_000_000).is_some()));
        let at = at.ok_or_else(|| refused("it has no time, or one that cannot be right".to_owned()))?;
        // Without the lines of witnesses.
        let own = note.signatures().iter().filter(|line| line.name() == signed.origin()).cloned().collect();
        let note = Note::new(note.text().to_owned(), own).map_err(|error| refused(error.to_string()))?.to_string();
        let new = Cosignature { witness: witness.to_string(), size: signed.size(), at, note, signature: signature.to_string() };
        let number = identity.number();
        self.store.write(move |conn| dialect::write_again_if_taken(conn, |conn| put_cosignature(conn, number, &new)))
    }
}

/// A signed checkpoint of the root log.
#[derive(Debug, Clone)]
pub struct RootCheckpoint {
    store: Store,
    size: u64,
    root: NodeHash,
    origin: String,
    note: String,
    verifier: VerifierKey,
    cosignatures: usize,
    cosigned_at: Option<u64>,
    log_name: i64,
}

impl RootCheckpoint {
    /// The number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        self.root
    }

    /// The checkpoint as it was signed and cosigned, a note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Whether a witness cosigned it.
    #[must_use]
    pub fn is_cosigned(&self) -> bool {
        self.cosignatures > 0
    }

    /// The key that signs, and that verifies the note.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Reads a tile of this tree. Returns `None` if the tree does not have all of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or a tile or an entry is missing
    /// ([`StoreError::UnfitTree`]).
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        match tile.kind() {
            TileKind::Hashes { .. } => self.store.point_read(|conn| tree::tile_at(conn, ROOT, self.size, tile)),
            TileKind::Entries => self.entries(tile),
        }
    }

    fn entries(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(hashes) = Tile::new(TileKind::Hashes { level: 0 }, tile.index(), tile.width()) else { return Ok(None) };
        let Some(contents) = self.store.point_read(|conn| tree::tile_at(conn, ROOT, self.size, hashes))? else { return Ok(None) };
        let hashes = hashes.hashes(&contents).ok_or_else(|| unfit("a tile has another length".to_owned()))?;
        let first = (tile.index() * u64::from(audit_domain::log::TILE_WIDTH)) as i64;
        let rows = self.store.point_read(|conn| rows_from(conn, first, i64::from(tile.width())))?;
        let (mut bundle, mut rows) = (Vec::new(), rows.into_iter());
        for (position, hash) in (first..).zip(hashes) {
            let is_right = |row: &Row| row.position == position && NodeHash::from(leaf_hash(row.body.as_bytes())) == hash;
            let row = rows.next().filter(|row| is_right(row) && Tile::push_entry(&mut bundle, row.body.as_bytes()));
            row.ok_or_else(|| unfit(format!("the entry at position {position} is missing or was changed")))?;
        }
        Ok(Some(bundle))
    }

    /// The proof that an older tree of the root log begins with the entries of a still older one. `None` if
    /// the sizes are not in this order, or if this tree does not have so many entries.
    ///
    /// # Errors
    ///
    /// As for [`RootCheckpoint::tile`].
    pub fn consistency_between(&self, old_size: u64, new_size: u64) -> Result<Option<Vec<NodeHash>>, StoreError> {
        self.store.point_read(|conn| tree::consistency_between(conn, ROOT, (self.size, self.root), old_size..new_size))
    }

    /// The newest checkpoint of a log that this tree has, and the proof of that.
    pub(super) fn checkpoint_of(&self, log: LogKey) -> Result<Option<(Signed, RootInclusion)>, StoreError> {
        let row = self.store.point_read(|conn| newest_within(conn, log, self.log_name, self.size as i64))?;
        let Some(row) = row else { return Ok(None) };
        let (index, identity) = (row.position.unsigned_abs(), self.store.point_read(Identity::read)?);
        let changed = |why: String| unfit(format!("the entry at position {index} cannot be proven: {why}"));
        let (checkpoint, _) = identity.open(&row.note()).map_err(|error| changed(error.to_string()))?;
        if !identity.is_of(&checkpoint, log) {
            return Err(changed(format!("it is of {}", checkpoint.origin())));
        }
        let plan = ProofPlan::inclusion(index, self.size).map_err(|error| changed(error.to_string()))?;
        let inclusion = self.store.point_read(|conn| tree::path(conn, ROOT, self.size, &plan))?;
        verify_inclusion(leaf_hash(row.body.as_bytes()), index, self.size, &inclusion, self.root)
            .map_err(|error| changed(error.to_string()))?;
        let verifier = identity.verifiers(log).map_err(|error| changed(error.to_string()))?.into_iter().next();
        let verifier = verifier.ok_or_else(|| changed("no key of the database signs".to_owned()))?;
        let witnessed = RootInclusion { origin: self.origin.clone(), checkpoint: self.note.clone(), index, inclusion };
        Ok(Some((Signed { checkpoint, note: row.note(), verifier }, witnessed)))
    }
}

fn unfit(what: String) -> StoreError {
    StoreError::UnfitTree { stream: ROOT.1, channel_id: ROOT.0, what }
}
