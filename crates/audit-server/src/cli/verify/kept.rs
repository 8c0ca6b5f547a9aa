//! A checkpoint that somebody kept, and whether the checkpoint of a file is of the same history.

use std::path::Path;

use anyhow::{Context, anyhow};
use audit_http::store::domain::log::{Checkpoint, ConsistencyProof, DOCUMENT_BYTES_MAX, NodeHash};

use super::read_text;
use super::report::Unproven;
use super::trusted::Trusted;

/// Reads the note of a checkpoint.
pub(super) fn note(path: &Path) -> anyhow::Result<String> {
    read_text(path, DOCUMENT_BYTES_MAX)
}

pub(super) struct Kept {
    name: String,
    checkpoint: Checkpoint,
    consistency: Option<ConsistencyProof>,
}

impl Kept {
    /// Reads the checkpoint and verifies its signature. Reads the consistency proof.
    pub(super) fn read(path: &Path, consistency: Option<&Path>, trusted: &Trusted) -> anyhow::Result<Kept> {
        let name = path.display().to_string();
        let note = note(path)?;
        let checkpoint = trusted.open(&note).map_err(|why| anyhow!("--checkpoint `{name}` cannot be used: {why}"))?;
        let read = |path: &Path| -> anyhow::Result<ConsistencyProof> {
            let proof = read_text(path, DOCUMENT_BYTES_MAX)?.parse();
            proof.with_context(|| format!("--consistency `{}` is not the JSON of a consistency proof", path.display()))
        };
        Ok(Kept { name, checkpoint, consistency: consistency.map(read).transpose()? })
    }

    /// The number of entries that it has.
    pub(super) fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// Compares it with the checkpoint of a file. `root` is the root of as many leaves as this has, if the
    /// file proves it. Returns what is shown.
    pub(super) fn compare(&self, other: &Checkpoint, root: Option<NodeHash>) -> Result<String, Unproven> {
        let Kept { name, checkpoint: kept, consistency } = self;
        let (size, other_size) = (kept.size(), other.size());
        if kept.origin() != other.origin() {
            let (kept, other) = (kept.origin(), other.origin());
            return Err(Unproven::NotChecked(format!("`{name}` is a checkpoint of {kept}, which says nothing about {other}")));
        }
        let shown = Ok(format!("consistent with `{name}` of {size} entries"));
        let other_history = |why: &str| {
            Unproven::Wrong(format!("the log is not the one of `{name}`: entries before position {size} were changed: {why}"))
        };
        let root = if size == other_size { Some(other.root()) } else { root };
        if let Some(root) = root {
            let why = format!("the root of {size} entries is {root}, and it was {}", kept.root());
            return if root == kept.root() { shown } else { Err(other_history(&why)) };
        }
        let (older, newer) = if size < other_size { (kept, other) } else { (other, kept) };
        let (from, to) = (older.size(), newer.size());
        match consistency {
            Some(proof) if (proof.from, proof.to) == (from, to) => match newer.verify_follows(older, &proof.consistency) {
                Ok(()) => shown,
                Err(error) => Err(Unproven::Wrong(format!(
                    "the consistency proof does not lead from {from} to {to} entries: {error}; either the log was changed, \
                     or the proof is another one"
                ))),
            },
            Some(proof) => Err(Unproven::NotChecked(format!(
                "whether `{name}` is of the same history is not known: the consistency proof leads from {} to {}, and one from \
                 {from} to {to} is needed",
                proof.from, proof.to
            ))),
            None => Err(Unproven::NotChecked(format!(
                "whether `{name}` is of the same history is not known: give --consistency FILE, with the answer of \
                 /log/{{channel}}/{{stream}}/consistency?from={from}&to={to}"
            ))),
        }
    }
}
