//! Signed notes (C2SP signed-note): a text, and signatures of it below a blank line.
//!
//! A note may have signatures of keys and of kinds that this program does not know. They are kept
//! and ignored, because anybody may cosign a checkpoint.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::key::VerifierKey;
use super::signature::{NotASignature, NoteSignature};

/// Bytes of the largest note that is read.
const NOTE_BYTES_MAX: usize = 1_000_000;

/// The largest number of signatures that are read.
const SIGNATURES_MAX: usize = 100;

/// A text and the signatures of it. None of them is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// The reason why a text is not a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is too large.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes and {SIGNATURES_MAX} signatures")]
    TooLarge,
    /// It has a character that no note may have.
    #[error("a note has no control characters but line feeds")]
    ControlCharacter,
    /// It does not end with signatures.
    #[error("a note ends with a blank line and at least one signature")]
    NoSignatures,
    /// A line below the text is not a signature.
    #[error("line {line} of the signatures is not a signature: an em dash, the name of a key and base64 in canonical form")]
    NotASignature {
        /// The line, from 1.
        line: usize,
    },
    /// The text does not end with a line feed, or is empty.
    #[error("the text of a note ends with a line feed")]
    NotALine,
}

/// The reason why a key did not sign a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The note has no signature of the key.
    #[error("the note has no signature of the key {0}")]
    Missing(String),
    /// The note has a signature of the key, which is not one of this text.
    #[error("the signature of the key {0} is not one of this text")]
    Wrong(String),
}

impl Note {
    /// Makes a note from a text and its signatures.
    ///
    /// # Errors
    ///
    /// [`NoteError`]: the text cannot be that of a note, or there are too many signatures.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Note, NoteError> {
        if has_control_characters(&text) {
            return Err(NoteError::ControlCharacter);
        }
        if !text.ends_with('\n') || text.len() == 1 {
            return Err(NoteError::NotALine);
        }
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let note = Note { text, signatures };
        if note.is_too_large() { Err(NoteError::TooLarge) } else { Ok(note) }
    }

    fn is_too_large(&self) -> bool {
        self.signatures.len() > SIGNATURES_MAX || self.to_string().len() > NOTE_BYTES_MAX
    }

    /// The text that is signed, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, also those that nobody here can verify.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature. It replaces those of the same key: a witness cosigns again and again.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooLarge`]; the note then stays as it was.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let mut signatures = self.signatures.clone();
        signatures.retain(|known| !known.is_of_same_key(&signature));
        signatures.push(signature);
        *self = Note::new(self.text.clone(), signatures)?;
        Ok(())
    }

    /// Verifies the signature of a key, and returns the time of a cosignature in seconds since the
    /// epoch. If the note has several signatures of the key, all have to be right, and the latest
    /// time counts.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self, key: &VerifierKey) -> Result<Option<u64>, SignatureError> {
        let is_of_key = |signature: &&NoteSignature| signature.key_id() == key.id() && signature.name() == key.name();
        let verify = |signature: &NoteSignature| key.verify(&self.text, signature.bytes());
        let times: Option<Vec<Option<u64>>> = self.signatures.iter().filter(is_of_key).map(verify).collect();
        let latest = times.ok_or_else(|| SignatureError::Wrong(key.name().to_owned()))?.into_iter().max();
        latest.ok_or_else(|| SignatureError::Missing(key.name().to_owned()))
    }
}

fn has_control_characters(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

/// Formats the note as it is signed and sent.
impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Note, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        // A text may have blank lines, so the last one counts.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        if has_control_characters(lines) {
            return Err(NoteError::ControlCharacter);
        }
        let mut signatures = Vec::new();
        for (index, line) in lines.split('\n').enumerate() {
            if index == SIGNATURES_MAX {
                return Err(NoteError::TooLarge);
            }
            signatures.push(line.parse().map_err(|NotASignature| NoteError::NotASignature { line: index + 1 })?);
        }
        Note::new(format!("{text}\n"), signatures)
    }
}
