//! Proofs as files (C2SP tlog-proof): a leaf is in a log, and this checkpoint says so. Such a file
//! is verified offline.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::LeafHash;
use super::checkpoint::{Checkpoint, CheckpointError, decimal};
use super::key::VerifierKey;
use super::node::NodeHash;
use super::note::Note;
use super::policy::{Opened, Policy, PolicyUnmet};
use super::proof::{ProofError, verify_inclusion};

/// The ending of the names of such files.
pub const PROOF_FILE_EXTENSION: &str = "tlog-proof";

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Hashes of the longest proof: the height of the largest tree.
const PATH_MAX: usize = 64;

/// Bytes of the largest file that is read. The slots of the largest entry, in base64, are less than
/// half of it.
const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A proof as it is in a file. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// Data that nobody signed, such as the slots from which the leaf is computed. Empty data count as
    /// none.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// The inclusion proof.
    pub path: Vec<NodeHash>,
    /// The checkpoint as it was signed and cosigned.
    pub checkpoint: String,
}

/// The reason why a text is not a proof file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// It is too large.
    #[error("a proof has at most {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// The first line is another one.
    #[error("a proof begins with the line {FIRST_LINE}")]
    FirstLine,
    /// The data are not canonical base64, or there are none.
    #[error("the line `extra` of a proof has base64 in canonical form")]
    Extra,
    /// The index is missing or not canonical.
    #[error("a proof has the line `index` with a decimal number without leading zeros")]
    Index,
    /// A line is not a hash, or there are too many.
    #[error("a proof has one hash of 32 bytes in base64 on each line after `index`, at most {PATH_MAX}, and then a blank line")]
    Path,
}

/// The reason why a proof file does not prove that a leaf is in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileInvalid {
    /// The checkpoint is not one of the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not meet the policy.
    #[error(transparent)]
    Policy(#[from] PolicyUnmet),
    /// The leaf is not in the tree of the checkpoint at this index.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl ProofFile {
    /// Verifies that the leaf is in the log of the key, at the index of the file. Returns the
    /// checkpoint and its note. No witness needs to have seen it: see [`ProofFile::verify_by`].
    ///
    /// # Errors
    ///
    /// [`ProofFileInvalid`].
    pub fn verify(&self, leaf: LeafHash, key: &VerifierKey) -> Result<(Checkpoint, Note), ProofFileInvalid> {
        let (checkpoint, note) = Checkpoint::open(&self.checkpoint, key)?;
        self.verify_in(leaf, &checkpoint)?;
        Ok((checkpoint, note))
    }

    /// Verifies that the leaf is in a log of a policy, at the index of the file, and that enough
    /// witnesses have seen the checkpoint.
    ///
    /// # Errors
    ///
    /// [`ProofFileInvalid`].
    pub fn verify_by(&self, leaf: LeafHash, policy: &Policy) -> Result<Opened, ProofFileInvalid> {
        let opened = policy.open(&self.checkpoint)?;
        self.verify_in(leaf, &opened.checkpoint)?;
        Ok(opened)
    }

    fn verify_in(&self, leaf: LeafHash, checkpoint: &Checkpoint) -> Result<(), ProofError> {
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.path, checkpoint.root())
    }
}

/// Formats the file.
impl Display for ProofFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.is_empty()) {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Reads a file. Each proof has one form, and any other is refused.
impl FromStr for ProofFile {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<ProofFile, ProofFileError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ProofFileError::TooLarge);
        }
        let rest = text.strip_prefix(FIRST_LINE).and_then(|rest| rest.strip_prefix('\n')).ok_or(ProofFileError::FirstLine)?;
        let (extra, rest) = match rest.strip_prefix("extra ") {
            Some(rest) => {
                let (base64, rest) = rest.split_once('\n').ok_or(ProofFileError::Extra)?;
                let extra = STANDARD.decode(base64).ok().filter(|extra| !extra.is_empty());
                (Some(extra.ok_or(ProofFileError::Extra)?), rest)
            }
            None => (None, rest),
        };
        let (index, mut rest) = rest.strip_prefix("index ").and_then(|rest| rest.split_once('\n')).ok_or(ProofFileError::Index)?;
        let index = decimal(index).ok_or(ProofFileError::Index)?;
        let mut path = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(ProofFileError::Path)?;
            rest = after;
            if line.is_empty() {
                return Ok(ProofFile { extra, index, path, checkpoint: rest.to_owned() });
            }
            let hash = STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
            path.push(NodeHash(hash.filter(|_| path.len() < PATH_MAX).ok_or(ProofFileError::Path)?));
        }
    }
}
