//! What a log asks of a witness (C2SP tlog-witness, `add-checkpoint`), and the rules by which a witness
//! answers.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, decimal};
use super::key::VerifierKey;
use super::node::NodeHash;
use super::note::{Note, SignatureError};
use super::proof::verify_consistency;

/// Hashes of the longest proof that a log may send.
const PROOF_HASHES_MAX: usize = 63;

/// The request of a log: a checkpoint, and the proof that it extends the one that the witness has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness has, as far as the log knows.
    pub old_size: u64,
    /// The consistency proof from it.
    pub proof: Vec<NodeHash>,
    /// The checkpoint as it was signed.
    pub note: Note,
    /// What it says. Nothing of it is verified.
    pub checkpoint: Checkpoint,
}

/// The reason why a witness does not cosign a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointRefused {
    /// The request has another form (400).
    #[error("{0}")]
    Form(String),
    /// The witness has no key of this log (404).
    #[error("this witness does not know the log {0}")]
    UnknownLog(String),
    /// No key of the log signed the checkpoint, or a signature of one is wrong (403).
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The old size is larger than that of the checkpoint (400).
    #[error("the old size is {old}, and the checkpoint has {size} entries")]
    Smaller {
        /// The old size.
        old: u64,
        /// That of the checkpoint.
        size: u64,
    },
    /// The witness has a checkpoint of another size (409).
    #[error("this witness has a checkpoint of {0} entries")]
    OtherSize(u64),
    /// The checkpoint does not extend the one that the witness has (422).
    #[error("the checkpoint does not extend the one of {size} entries: {why}")]
    Inconsistent {
        /// The size that the witness has.
        size: u64,
        /// The fault.
        why: String,
    },
}

impl AddCheckpoint {
    /// Checks the request by the rules of a witness that has these keys of logs, and `latest` of this log: the
    /// size and the root that it cosigned last. Returns the signatures of the log that were verified.
    ///
    /// # Errors
    ///
    /// [`AddCheckpointRefused`], the first in the order of the specification.
    pub fn verify(&self, keys: &[VerifierKey], latest: Option<(u64, NodeHash)>) -> Result<Note, AddCheckpointRefused> {
        use AddCheckpointRefused as Refused;
        let (origin, size, root) = (self.checkpoint.origin(), self.checkpoint.size(), self.checkpoint.root());
        let keys: Vec<&VerifierKey> = keys.iter().filter(|key| key.name() == origin).collect();
        let first = keys.first().ok_or_else(|| Refused::UnknownLog(origin.to_owned()))?;
        let mut signed_by = Vec::new();
        for key in &keys {
            match self.note.verify(key) {
                Ok(_) => signed_by.push(key),
                Err(SignatureError::Missing(_)) => {}
                Err(wrong) => return Err(wrong.into()),
            }
        }
        if signed_by.is_empty() {
            return Err(SignatureError::Missing(first.name().to_owned()).into());
        }
        if self.old_size > size {
            return Err(Refused::Smaller { old: self.old_size, size });
        }
        let (latest_size, latest_root) = latest.unwrap_or((0, NodeHash::of_empty_tree()));
        if self.old_size != latest_size {
            return Err(Refused::OtherSize(latest_size));
        }
        let inconsistent = |why: String| Refused::Inconsistent { size: latest_size, why };
        if size == 0 && root != NodeHash::of_empty_tree() {
            return Err(inconsistent("a tree without leaves has another root".to_owned()));
        }
        if latest_size == 0 && !self.proof.is_empty() {
            return Err(inconsistent("a proof from an empty tree has no hashes".to_owned()));
        }
        verify_consistency((latest_size, latest_root), (size, root), &self.proof)
            .map_err(|error| inconsistent(error.to_string()))?;
        let is_verified =
            |line: &&super::NoteSignature| signed_by.iter().any(|key| (key.name(), key.id()) == (line.name(), line.key_id()));
        let verified = self.note.signatures().iter().filter(is_verified).cloned().collect();
        Note::new(self.note.text().to_owned(), verified).map_err(|error| Refused::Form(error.to_string()))
    }
}

/// Formats the body of the request.
impl Display for AddCheckpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.0)))?;
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for AddCheckpoint {
    type Err = AddCheckpointRefused;

    fn from_str(body: &str) -> Result<AddCheckpoint, AddCheckpointRefused> {
        let form = |what: &str| AddCheckpointRefused::Form(what.to_owned());
        let (head, note) = body.split_once("\n\n").ok_or_else(|| form("a request has a blank line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old_size = old_size.ok_or_else(|| form("a request begins with `old` and the size of the checkpoint before"))?;
        let hash = |line: &str| STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok()).map(NodeHash);
        let proof: Option<Vec<NodeHash>> = lines.map(hash).collect();
        let proof = proof.ok_or_else(|| form("a line of the proof is 32 bytes in base64"))?;
        if proof.len() > PROOF_HASHES_MAX {
            return Err(form("a proof has at most 63 hashes"));
        }
        let note: Note = note.parse().map_err(|error: super::NoteError| AddCheckpointRefused::Form(error.to_string()))?;
        let checkpoint =
            note.text().parse().map_err(|error: super::CheckpointTextError| AddCheckpointRefused::Form(error.to_string()))?;
        Ok(AddCheckpoint { old_size, proof, note, checkpoint })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Frontier, SignerKey, leaf_hash};
    use super::*;

    const ORIGIN: &str = "audit.example.com/root";

    fn key(seed: u8) -> SignerKey {
        SignerKey::new(ORIGIN, &[seed; 32]).unwrap()
    }

    /// The tree of leaves that begin with a byte.
    fn root(size: u64, of: u8) -> NodeHash {
        let mut frontier = Frontier::new();
        (0..size).for_each(|leaf| frontier.append(leaf_hash(&[of, leaf as u8]), |_, _| {}).unwrap());
        frontier.root()
    }

    fn request(old_size: u64, size: u64, root: NodeHash, keys: &[SignerKey], proof: Vec<NodeHash>) -> AddCheckpoint {
        let checkpoint = Checkpoint::new(ORIGIN, size, root).unwrap();
        let text = checkpoint.to_string();
        let note = Note::new(text.clone(), keys.iter().map(|key| key.sign(&text)).collect()).unwrap();
        AddCheckpoint { old_size, proof, note, checkpoint }
    }

    /// From one leaf to two: the proof is the second leaf.
    fn second() -> Vec<NodeHash> {
        vec![leaf_hash(&[0, 1]).into()]
    }

    #[test]
    fn a_request_is_read_as_it_is_written() {
        let request = request(1, 2, root(2, 0), &[key(1), key(2)], second());
        let body = request.to_string();
        assert!(body.starts_with("old 1\n") && body.contains("=\n\naudit.example.com/root\n2\n"), "{body}");
        assert_eq!(body.parse::<AddCheckpoint>().unwrap(), request);
        let hash = format!("{}\n", STANDARD.encode([0; 32]));
        for (from, to) in [
            ("old 1", "old 01"),
            ("old 1", "old +1"),
            ("old 1", "old"),
            ("old 1", "new 1"),
            ("old 1", "old  1"),
            ("\n\n", "\n"),
            ("old 1\n", "old 1\nAAAA\n"),
            ("old 1\n", &format!("old 1\n{}", hash.repeat(63))),
            ("\n2\n", "\n02\n"),
        ] {
            let wrong = body.replacen(from, to, 1);
            assert!(matches!(wrong.parse::<AddCheckpoint>(), Err(AddCheckpointRefused::Form(_))), "{wrong}");
        }
        let longest = body.replacen("old 1\n", &format!("old 1\n{}", hash.repeat(62)), 1);
        assert_eq!(longest.parse::<AddCheckpoint>().unwrap().proof.len(), 63);
    }

    #[test]
    fn a_witness_follows_the_rules_of_the_specification() {
        use AddCheckpointRefused as Refused;
        let trusted = [key(1).verifier().clone(), key(2).verifier().clone()];
        let latest = Some((1, root(1, 0)));
        let verify = |request: &AddCheckpoint| request.verify(&trusted, latest);
        let good = request(1, 2, root(2, 0), &[key(3), key(2)], second());
        let verified = verify(&good).unwrap();
        assert_eq!(verified.signatures(), [key(2).sign(good.note.text())], "unknown signatures are ignored");
        assert!(matches!(good.verify(&[], latest), Err(Refused::UnknownLog(_))));
        assert!(matches!(
            verify(&request(1, 2, root(2, 0), &[key(3)], second())),
            Err(Refused::Signature(SignatureError::Missing(_)))
        ));
        // One good signature does not help: a signature of a trusted key is wrong.
        let mut forged = good.clone();
        forged.note = Note::new(good.note.text().to_owned(), vec![key(2).sign(good.note.text()), key(1).sign("other\n")]).unwrap();
        assert!(matches!(verify(&forged), Err(Refused::Signature(SignatureError::Wrong(_)))));
        let of = |old, size, root, proof| verify(&request(old, size, root, &[key(1)], proof));
        assert!(matches!(of(3, 2, root(2, 0), second()), Err(Refused::Smaller { old: 3, size: 2 })));
        for old in [0, 2] {
            assert_eq!(of(old, 2, root(2, 0), second()), Err(Refused::OtherSize(1)));
        }
        let inconsistent = |outcome| assert!(matches!(outcome, Err(Refused::Inconsistent { .. })), "{outcome:?}");
        inconsistent(of(1, 2, root(2, 9), second()));
        inconsistent(of(1, 2, root(2, 0), Vec::new()));
        inconsistent(of(1, 2, root(2, 0), [second(), second()].concat()));
        // The same size again.
        assert!(of(1, 1, root(1, 0), Vec::new()).is_ok());
        inconsistent(of(1, 1, root(1, 9), Vec::new()));
        inconsistent(of(1, 1, root(1, 0), second()));
        // A log that is new to the witness.
        let first = |size, root, proof| request(0, size, root, &[key(1)], proof).verify(&trusted, None);
        assert!(first(5, root(5, 0), Vec::new()).is_ok() && first(0, root(0, 0), Vec::new()).is_ok());
        inconsistent(first(5, root(5, 0), second()));
        inconsistent(first(0, root(1, 0), Vec::new()));
        assert!(matches!(request(1, 1, root(1, 0), &[key(1)], Vec::new()).verify(&trusted, None), Err(Refused::OtherSize(0))));
    }
}
