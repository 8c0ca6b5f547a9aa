//! What somebody trusts when they verify a proof, and whether a checkpoint meets it: directly, or
//! through the root log, which witnesses see.

use super::checkpoint::{Checkpoint, CheckpointError};
use super::document::{DocumentError, Object, PATH_MAX};
use super::key::VerifierKey;
use super::leaf::leaf_hash;
use super::node::NodeHash;
use super::note::Note;
use super::origin::{LogOrigin, OriginError};
use super::policy::{Policy, PolicyUnmet, Witnessed};
use super::proof::{ProofError, verify_inclusion};
use crate::json::{ObjectWriter, push_array};

/// What the verifier of a proof trusts. It comes from the person who verifies, never from the
/// document.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// The public key of the log. Its name is the origin of the log.
    Key(&'a VerifierKey),
    /// A policy that has the log itself, or the root log of its database.
    Policy(&'a Policy),
}

impl<'a> From<&'a VerifierKey> for Trust<'a> {
    fn from(key: &'a VerifierKey) -> Trust<'a> {
        Trust::Key(key)
    }
}

impl<'a> From<&'a Policy> for Trust<'a> {
    fn from(policy: &'a Policy) -> Trust<'a> {
        Trust::Policy(policy)
    }
}

/// The inclusion of the checkpoint of a log in the root log of its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootInclusion {
    /// The origin of the root log.
    pub origin: String,
    /// The checkpoint of the root log, with its cosignatures.
    pub checkpoint: String,
    /// The index of the entry of the root log that is the text of the log's checkpoint.
    pub index: u64,
    /// The inclusion proof of that entry.
    pub inclusion: Vec<NodeHash>,
}

/// The reason why a checkpoint is not one that the verifier trusts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It is not a checkpoint of the log of the key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It does not meet the policy, or the checkpoint of the root log does not.
    #[error(transparent)]
    Policy(#[from] PolicyUnmet),
    /// It is not the checkpoint of the log of a channel.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The policy does not have the log, and nothing leads to the root log.
    #[error("the policy does not have the log {0}, and `witnessed` is null, so nothing leads to a root log")]
    NotWitnessed(String),
    /// The root log is that of another database.
    #[error("the checkpoint in `witnessed` is that of {got}, and the root log of this log is {expected}")]
    RootOrigin {
        /// The origin of the root log.
        expected: String,
        /// The origin in the document or in its checkpoint.
        got: String,
    },
    /// The text of the checkpoint is not in the root log.
    #[error("the checkpoint is not in the root log: {0}")]
    RootInclusion(ProofError),
}

/// A checkpoint that the verifier trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCheckpoint {
    /// The log.
    pub origin: LogOrigin,
    /// Its checkpoint.
    pub checkpoint: Checkpoint,
    /// The checkpoint of the root log, if the policy has that and not the log.
    pub root: Option<Checkpoint>,
    /// The witnesses of the policy that cosigned: the checkpoint of the root log, if there is one.
    pub witnesses: Vec<Witnessed>,
}

impl RootInclusion {
    pub(super) fn write(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object.string("origin", &self.origin).string("checkpoint", &self.checkpoint);
        object.raw("index", &self.index.to_string()).nested("inclusion", |out| write_hashes(&self.inclusion, out));
        object.end();
    }

    /// Reads the member `witnessed`.
    pub(super) fn read(document: &Object<'_>) -> Result<Option<RootInclusion>, DocumentError> {
        let Some(object) = document.object("witnessed", &["origin", "checkpoint", "index", "inclusion"])? else { return Ok(None) };
        Ok(Some(RootInclusion {
            origin: object.string("origin")?,
            checkpoint: object.string("checkpoint")?,
            index: object.number("index")?,
            inclusion: object.hashes("inclusion", PATH_MAX)?,
        }))
    }
}

/// Writes a list of hashes.
pub(super) fn write_hashes(hashes: &[NodeHash], out: &mut String) {
    push_array(out, hashes, |hash, out| {
        out.push('"');
        out.push_str(&hash.to_string());
        out.push('"');
    });
}

impl Trust<'_> {
    /// Opens the checkpoint of the log of a channel.
    pub(super) fn open(self, note: &str, witnessed: Option<&RootInclusion>) -> Result<TrustedCheckpoint, TrustError> {
        let of = |checkpoint: Checkpoint, root, witnesses| {
            let origin = checkpoint.origin().parse()?;
            Ok(TrustedCheckpoint { origin, checkpoint, root, witnesses })
        };
        let policy = match self {
            Trust::Key(key) => return of(Checkpoint::open(note, key)?.0, None, Vec::new()),
            Trust::Policy(policy) => policy,
        };
        let parsed: Note = note.parse().map_err(CheckpointError::from)?;
        let checkpoint: Checkpoint = parsed.text().parse().map_err(CheckpointError::from)?;
        if policy.logs().iter().any(|log| log.name() == checkpoint.origin()) {
            let opened = policy.open(note)?;
            return of(opened.checkpoint, None, opened.witnesses);
        }
        let not_witnessed = || TrustError::NotWitnessed(checkpoint.origin().to_owned());
        let witnessed = witnessed.ok_or_else(not_witnessed)?;
        let (root, witnesses) = open_root(policy, checkpoint.origin().parse()?, parsed.text(), witnessed)?;
        of(checkpoint, Some(root), witnesses)
    }
}

/// Opens the checkpoint of a root log, and verifies that the text of a log's checkpoint is in it.
///
/// The signatures under that text are not verified, and need not be. The key of the root log signs
/// the tree that has the text as an entry, and the only entries of a root log are texts of
/// checkpoints that its own database signed, so the signature of the root log stands for the text
/// byte for byte. This holds for the root log of the *same* database only. A client that can
/// append to another log of the policy could append such a text there; so the origin of the root log has
/// to follow from that of the log.
fn open_root(
    policy: &Policy,
    origin: LogOrigin,
    text: &str,
    witnessed: &RootInclusion,
) -> Result<(Checkpoint, Vec<Witnessed>), TrustError> {
    let opened = policy.open(&witnessed.checkpoint)?;
    let expected = origin.root();
    for got in [opened.checkpoint.origin(), &witnessed.origin] {
        if got != expected {
            return Err(TrustError::RootOrigin { expected, got: got.to_owned() });
        }
    }
    let (leaf, root) = (leaf_hash(text.as_bytes()), &opened.checkpoint);
    let RootInclusion { index, inclusion, .. } = witnessed;
    verify_inclusion(leaf, *index, root.size(), inclusion, root.root()).map_err(TrustError::RootInclusion)?;
    Ok((opened.checkpoint, opened.witnesses))
}
