//! Checkpoints (C2SP tlog-checkpoint): the origin, the size and the root of a log, as the text of a
//! note.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{KeyKind, VerifierKey};
use super::node::NodeHash;
use super::note::{Note, NoteError, SignatureError};
use super::proof::{ProofError, verify_consistency};

/// What a log promises with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: NodeHash,
    extensions: Vec<String>,
}

/// The reason why a text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointTextError {
    /// A line is missing or empty, or the last line feed is missing.
    #[error("a checkpoint has a line each for the origin, the size and the root, and no empty line")]
    Lines,
    /// The size is not a number in canonical form.
    #[error("the size of a checkpoint is a decimal number without leading zeros")]
    Size,
    /// The root is not 32 bytes in canonical base64.
    #[error("the root of a checkpoint is 32 bytes in base64")]
    Root,
}

/// The reason why a checkpoint does not follow an older one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The two are of different logs.
    #[error("the older checkpoint is that of {older}, and the other is that of {newer}")]
    Origin {
        /// The origin of the older one.
        older: String,
        /// The origin of the newer one.
        newer: String,
    },
    /// The newer tree does not begin with the older one.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// The reason why a note is not a checkpoint of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The key of the log did not sign it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The key is not one of a log.
    #[error("{0} is the key of a witness, not of a log")]
    Kind(String),
    /// The text of the note is not a checkpoint.
    #[error(transparent)]
    Text(#[from] CheckpointTextError),
    /// It is the checkpoint of another log.
    #[error("the checkpoint is that of {got}, not of {expected}")]
    Origin {
        /// The origin that was expected: the name of the key.
        expected: String,
        /// The origin of the checkpoint.
        got: String,
    },
}

impl Checkpoint {
    /// Makes a checkpoint. The origin is one line that is not empty, and no other log has it.
    ///
    /// # Errors
    ///
    /// [`CheckpointTextError::Lines`].
    pub fn new(origin: &str, size: u64, root: NodeHash) -> Result<Checkpoint, CheckpointTextError> {
        if origin.is_empty() || origin.contains('\n') {
            return Err(CheckpointTextError::Lines);
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of these leaves.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        self.root
    }

    /// Further lines, which are signed and mean nothing here.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Verifies that this checkpoint follows an older one of the same log, such as one that somebody
    /// kept: its tree begins with all leaves of the older tree.
    ///
    /// # Errors
    ///
    /// [`ConsistencyError`].
    pub fn verify_follows(&self, older: &Checkpoint, consistency: &[NodeHash]) -> Result<(), ConsistencyError> {
        if self.origin != older.origin {
            return Err(ConsistencyError::Origin { older: older.origin.clone(), newer: self.origin.clone() });
        }
        Ok(verify_consistency((older.size, older.root), (self.size, self.root), consistency)?)
    }

    /// Reads the checkpoint of a log, and verifies the log's signature. The name of the key is the
    /// origin.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub fn open(note: &str, key: &VerifierKey) -> Result<(Checkpoint, Note), CheckpointError> {
        let note: Note = note.parse()?;
        let checkpoint = Checkpoint::of_note(&note, key)?;
        Ok((checkpoint, note))
    }

    /// Reads a checkpoint as [`Checkpoint::open`] does.
    pub(super) fn of_note(note: &Note, key: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(CheckpointError::Kind(key.name().to_owned()));
        }
        note.verify(key)?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin { expected: key.name().to_owned(), got: checkpoint.origin });
        }
        Ok(checkpoint)
    }
}

/// Formats the text of the note, which is signed.
impl Display for Checkpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Checkpoint { origin, size, root, extensions } = self;
        writeln!(f, "{origin}\n{size}\n{}", STANDARD.encode(root.0))?;
        extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointTextError;

    fn from_str(text: &str) -> Result<Checkpoint, CheckpointTextError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointTextError::Lines)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointTextError::Lines);
        let (origin, size, root) = (line()?, line()?, line()?);
        let size = decimal(size).ok_or(CheckpointTextError::Size)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(CheckpointTextError::Root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointTextError::Lines);
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root: NodeHash(root), extensions })
    }
}

/// Reads a decimal number without a sign and without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_canonical)
}
