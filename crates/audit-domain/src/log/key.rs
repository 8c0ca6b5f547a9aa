//! Keys that sign notes: Ed25519 (type 0x01) and cosignatures with a time (type 0x04), in the texts
//! of C2SP signed-note and tlog-cosignature.

use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey};
use sha2::{Digest, Sha256};

use super::signature::{KeyId, NoteSignature, is_key_name};

/// The kinds of signatures that are verified here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A signature of the text: that of a log.
    Ed25519,
    /// A signature of the text and of a time: cosignature/v1 of a witness.
    Cosignature,
}

impl KeyKind {
    fn of_code(code: u8) -> Option<KeyKind> {
        match code {
            1 => Some(KeyKind::Ed25519),
            4 => Some(KeyKind::Cosignature),
            _ => None,
        }
    }

    fn code(self) -> u8 {
        match self {
            KeyKind::Ed25519 => 1,
            KeyKind::Cosignature => 4,
        }
    }
}

/// The message that a witness signs.
fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The latest time of a cosignature, in seconds since the epoch.
const TIME_MAX: u64 = i64::MAX as u64;

/// A public key with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: ed25519_dalek::VerifyingKey,
    id: KeyId,
}

/// The reason why a text is not a key, or a key cannot be used. The message never has the text, which
/// may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has another form.
    #[error("is not a {0}")]
    Form(&'static str),
    /// The name has a blank or a `+`, or is empty.
    #[error("the name of a key has no blanks and no `+`, and is not empty")]
    Name,
    /// Its kind is another one.
    #[error("the type of the key is {got}, not {expected}")]
    Kind {
        /// The accepted types.
        expected: &'static str,
        /// The type of the key.
        got: u8,
    },
    /// The id in it is not that of the key: a character was changed.
    #[error("the id {0} is not that of the key: copy the whole key again")]
    Id(KeyId),
    /// The time of a cosignature is too late.
    #[error("the time of a cosignature is at most 2^63 - 1 seconds")]
    Time,
}

const VERIFIER: &str = "verifier key, such as example.com/log+b31f9126+AS7n…, with the id in lowercase hex";
const SIGNER: &str = "signer key, such as PRIVATE+KEY+example.com/log+b31f9126+AbY3…, with the id in lowercase hex";
const PRIVATE: &str = "PRIVATE+KEY+";

impl VerifierKey {
    /// Makes the public key of a log from its name, the origin of the log, and its 32 bytes.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`]; [`KeyError::Form`] if the bytes are not an Ed25519 public key.
    pub fn of_log(name: &str, public: &[u8; 32]) -> Result<VerifierKey, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let public = ed25519_dalek::VerifyingKey::from_bytes(public).map_err(|_| KeyError::Form(VERIFIER))?;
        Ok(VerifierKey::new(name, KeyKind::Ed25519, public))
    }

    fn new(name: &str, kind: KeyKind, public: ed25519_dalek::VerifyingKey) -> VerifierKey {
        VerifierKey { name: name.to_owned(), kind, id: KeyId::of(name, kind.code(), public.as_bytes()), public }
    }

    /// The name. That of a log's key is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of its signatures.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_bytes(&self) -> [u8; 32] {
        self.public.to_bytes()
    }

    /// The SHA-256 of the name in hex. For the key of a log it is the hash of its origin, as the paths of a
    /// witness have it.
    #[must_use]
    pub fn name_hash(&self) -> String {
        hex::encode(Sha256::digest(self.name.as_bytes()))
    }

    /// Whether the two are one public key. Names and kinds do not count.
    #[must_use]
    pub fn has_same_key(&self, other: &VerifierKey) -> bool {
        self.public == other.public
    }

    /// Verifies a signature of a text. Returns the time of a cosignature, and `None` for a signature
    /// that is wrong.
    pub(super) fn verify(&self, text: &str, bytes: &[u8]) -> Option<Option<u64>> {
        let (time, message, signature) = match self.kind {
            KeyKind::Ed25519 => (None, text.to_owned(), bytes),
            KeyKind::Cosignature => {
                let (time, signature) = bytes.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                if time > TIME_MAX {
                    return None;
                }
                (Some(time), cosigned(text, time), signature)
            }
        };
        let signature = Signature::from_slice(signature).ok()?;
        self.public.verify_strict(message.as_bytes(), &signature).ok()?;
        Some(time)
    }
}

/// Formats the key as `name+id+key`.
impl Display for VerifierKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.code()][..], self.public.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl Debug for VerifierKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<VerifierKey, KeyError> {
        let (name, id, kind, bytes) = parts(text, VERIFIER)?;
        let public = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Form(VERIFIER))?;
        let key = VerifierKey::new(name, kind, public);
        if key.id == id { Ok(key) } else { Err(KeyError::Id(id)) }
    }
}

/// Splits `name+id+base64(kind ‖ 32 bytes)`. The base64 may have a `+`.
fn parts<'t>(text: &'t str, form: &'static str) -> Result<(&'t str, KeyId, KeyKind, [u8; 32]), KeyError> {
    let form = KeyError::Form(form);
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next()) else { return Err(form) };
    let bytes = STANDARD.decode(base64).map_err(|_| form)?;
    let (code, key) = bytes.split_first().ok_or(form)?;
    let kind = KeyKind::of_code(*code).ok_or(KeyError::Kind { expected: "Ed25519 (1) or a cosignature (4)", got: *code })?;
    if !is_key_name(name) {
        return Err(KeyError::Name);
    }
    let mut key_id = KeyId([0; 4]);
    hex::decode_to_slice(id, &mut key_id.0).map_err(|_| form)?;
    if key_id.to_string() != id {
        return Err(form);
    }
    Ok((name, key_id, kind, key.try_into().map_err(|_| form)?))
}

/// A private key with its name.
#[derive(Clone)]
struct Private {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Private {
    fn new(name: &str, kind: KeyKind, secret: &[u8; 32]) -> Result<Private, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let key = SigningKey::from_bytes(secret);
        let verifier = VerifierKey::new(name, kind, key.verifying_key());
        Ok(Private { key, verifier })
    }

    fn parse(text: &str, kind: KeyKind, expected: &'static str) -> Result<Private, KeyError> {
        let rest = text.strip_prefix(PRIVATE).ok_or(KeyError::Form(SIGNER))?;
        let (name, id, got, secret) = parts(rest, SIGNER)?;
        if got != kind {
            return Err(KeyError::Kind { expected, got: got.code() });
        }
        let key = Private::new(name, kind, &secret)?;
        if key.verifier.id == id { Ok(key) } else { Err(KeyError::Id(id)) }
    }

    fn to_secret_text(&self) -> String {
        let VerifierKey { name, kind, id, .. } = &self.verifier;
        let key = [&[kind.code()][..], self.key.as_bytes()].concat();
        format!("{PRIVATE}{name}+{id}+{}", STANDARD.encode(key))
    }

    fn signature(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature::of_key(&self.verifier.name, self.verifier.id, bytes)
    }
}

/// The private key of a log. `Debug` shows only its public key.
#[derive(Clone)]
pub struct SignerKey(Private);

impl SignerKey {
    /// Makes a key from its name, the origin of the log, and its 32 secret bytes, which have to be
    /// random.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`].
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<SignerKey, KeyError> {
        Private::new(name, KeyKind::Ed25519, secret).map(SignerKey)
    }

    /// The same key under another name: one key pair signs all logs of a database, each under its
    /// origin.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`].
    pub fn named(&self, name: &str) -> Result<SignerKey, KeyError> {
        SignerKey::new(name, self.0.key.as_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.verifier
    }

    /// Signs the text of a note.
    #[must_use]
    pub fn sign(&self, text: &str) -> NoteSignature {
        self.0.signature(self.0.key.sign(text.as_bytes()).to_bytes().to_vec())
    }

    /// The text of the key file: `PRIVATE+KEY+name+id+key`. It is a secret.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        self.0.to_secret_text()
    }
}

impl Debug for SignerKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.0.verifier)
    }
}

impl FromStr for SignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<SignerKey, KeyError> {
        Private::parse(text, KeyKind::Ed25519, "Ed25519 (1)").map(SignerKey)
    }
}

/// The private key of a witness. `Debug` shows only its public key.
#[derive(Clone)]
pub struct CosignerKey(Private);

impl CosignerKey {
    /// Makes a key from its name and its 32 secret bytes, which have to be random.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`].
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<CosignerKey, KeyError> {
        Private::new(name, KeyKind::Cosignature, secret).map(CosignerKey)
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.verifier
    }

    /// Signs the text of a checkpoint and a time in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// [`KeyError::Time`].
    pub fn cosign(&self, text: &str, time: u64) -> Result<NoteSignature, KeyError> {
        if time > TIME_MAX {
            return Err(KeyError::Time);
        }
        let signature = self.0.key.sign(cosigned(text, time).as_bytes()).to_bytes();
        Ok(self.0.signature([&time.to_be_bytes()[..], &signature].concat()))
    }

    /// The text of the key file: `PRIVATE+KEY+name+id+key`. It is a secret.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        self.0.to_secret_text()
    }
}

impl Debug for CosignerKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({})", self.0.verifier)
    }
}

impl FromStr for CosignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<CosignerKey, KeyError> {
        Private::parse(text, KeyKind::Cosignature, "a cosignature (4)").map(CosignerKey)
    }
}
