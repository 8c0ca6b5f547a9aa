//! The line of a signature in a note: the name and the id of a key, and the bytes of the signature.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The beginning of a line with a signature: an em dash and a blank.
const SIGNATURE: &str = "\u{2014} ";

/// The first four bytes of the hash of a key and its name. They tell keys with one name apart. They
/// prove nothing: the signature does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    pub(super) fn of(name: &str, kind: u8, public: &[u8; 32]) -> KeyId {
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(public).finalize();
        KeyId([hash[0], hash[1], hash[2], hash[3]])
    }
}

/// Formats the id as lowercase hex.
impl Display for KeyId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A signature as it is in a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: KeyId,
    bytes: Vec<u8>,
}

impl NoteSignature {
    /// Makes a signature of a key whose name was checked.
    pub(super) fn of_key(name: &str, key_id: KeyId, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: name.to_owned(), key_id, bytes }
    }

    /// The name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature, in the form that the kind of the key has.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether both are of one key, as far as a note says it.
    pub(super) fn is_of_same_key(&self, other: &NoteSignature) -> bool {
        (&self.name, self.key_id) == (&other.name, other.key_id)
    }
}

/// Formats the line of a signature, without its line feed.
impl Display for NoteSignature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.0[..], &self.bytes].concat();
        write!(f, "{SIGNATURE}{} {}", self.name, STANDARD.encode(bytes))
    }
}

/// The error of a line that is not a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a signature: an em dash, the name of a key and base64 in canonical form")]
pub struct NotASignature;

impl FromStr for NoteSignature {
    type Err = NotASignature;

    fn from_str(line: &str) -> Result<NoteSignature, NotASignature> {
        let (name, base64) = line.strip_prefix(SIGNATURE).and_then(|rest| rest.split_once(' ')).ok_or(NotASignature)?;
        let bytes = STANDARD.decode(base64).map_err(|_| NotASignature)?;
        match bytes.split_first_chunk() {
            Some((key_id, bytes)) if is_key_name(name) && !bytes.is_empty() => {
                Ok(NoteSignature { name: name.to_owned(), key_id: KeyId(*key_id), bytes: bytes.to_vec() })
            }
            _ => Err(NotASignature),
        }
    }
}

/// Whether a text can be the name of a key: not empty, without blanks and without `+`.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c < ' ' || c == '+')
}
