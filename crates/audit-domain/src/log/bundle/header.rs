//! The first line of a bundle: which log it is of, what is in it, and the checkpoint.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::str::FromStr;

use crate::json::ObjectWriter;
use crate::log::document::{DocumentError, Object, PATH_MAX};
use crate::log::frontier::{Frontier, FrontierError};
use crate::log::key::VerifierKey;
use crate::log::node::NodeHash;
use crate::log::note::Note;
use crate::log::trust::{RootInclusion, TrustError, write_hashes};

/// The format of a bundle, in its first line.
pub const BUNDLE_FORMAT: &str = "audit-bundle/1";

const FILTERED: &[&str] = &["format", "origin", "vkey", "complete", "checkpoint", "witnessed"];
const RANGE: &[&str] = &["format", "origin", "vkey", "complete", "from", "to", "checkpoint", "witnessed", "left"];

/// The first line of a bundle. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleHeader {
    /// The origin of the log.
    pub origin: String,
    /// The verifier key of the log, for people. A verifier never uses it.
    pub vkey: String,
    /// What is in the bundle.
    pub kind: BundleKind,
    /// The checkpoint as it was signed and cosigned.
    pub checkpoint: String,
    /// The inclusion of the checkpoint in the root log of the database, if there is one.
    pub witnessed: Option<RootInclusion>,
}

/// What is in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleKind {
    /// All entries of a range of positions.
    Range {
        /// The positions, without the end.
        range: Range<u64>,
        /// The frontier of the tree of all leaves before the range: [`Frontier::hashes`].
        left: Vec<NodeHash>,
    },
    /// Some entries, each with its own inclusion proof.
    Filtered,
}

/// The reason why the entries of a bundle cannot be verified at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleHeaderError {
    /// The first line is not that of a bundle.
    #[error("the first line of the bundle: {0}")]
    Document(#[from] DocumentError),
    /// The checkpoint is not one that the verifier trusts.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The line names another log than its checkpoint.
    #[error("`origin` is {stated}, and the checkpoint is that of {of_checkpoint}")]
    Origin {
        /// The origin in the line.
        stated: String,
        /// The origin of the checkpoint.
        of_checkpoint: String,
    },
    /// The log does not have such a range.
    #[error("the range from {from} to {to} is not one of a log of {size} entries")]
    Range {
        /// The first position.
        from: u64,
        /// The position after the last one.
        to: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// The left frontier is not that of the leaves before the range.
    #[error("`left`: {0}")]
    Left(FrontierError),
}

impl BundleHeader {
    /// The header of all entries from the size of `left`, the tree of all leaves before them, to
    /// before `to`.
    #[must_use]
    pub fn range(key: &VerifierKey, checkpoint: &Note, left: &Frontier, to: u64) -> BundleHeader {
        let kind = BundleKind::Range { range: left.size()..to, left: left.hashes().to_vec() };
        BundleHeader::new(key, checkpoint, kind)
    }

    /// The header of some entries, each with its own inclusion proof.
    #[must_use]
    pub fn filtered(key: &VerifierKey, checkpoint: &Note) -> BundleHeader {
        BundleHeader::new(key, checkpoint, BundleKind::Filtered)
    }

    fn new(key: &VerifierKey, checkpoint: &Note, kind: BundleKind) -> BundleHeader {
        let (origin, vkey) = (key.name().to_owned(), key.to_string());
        BundleHeader { origin, vkey, kind, checkpoint: checkpoint.to_string(), witnessed: None }
    }
}

/// Formats the line, without its line feed.
impl Display for BundleHeader {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.string("format", BUNDLE_FORMAT).string("origin", &self.origin).string("vkey", &self.vkey);
        match &self.kind {
            BundleKind::Range { range, .. } => {
                object.raw("complete", "true").raw("from", &range.start.to_string()).raw("to", &range.end.to_string());
            }
            BundleKind::Filtered => {
                object.raw("complete", "false");
            }
        }
        object.string("checkpoint", &self.checkpoint);
        match &self.witnessed {
            Some(witnessed) => object.nested("witnessed", |out| witnessed.write(out)),
            None => object.raw("witnessed", "null"),
        };
        if let BundleKind::Range { left, .. } = &self.kind {
            object.nested("left", |out| write_hashes(left, out));
        }
        object.end();
        f.write_str(&out)
    }
}

impl FromStr for BundleHeader {
    type Err = DocumentError;

    fn from_str(line: &str) -> Result<BundleHeader, DocumentError> {
        let all = Object::parse(line, RANGE)?;
        if all.string("format")? != BUNDLE_FORMAT {
            return Err(all.form("format", &format!("\"{BUNDLE_FORMAT}\"")));
        }
        let kind = if all.boolean("complete")? {
            BundleKind::Range { range: all.number("from")?..all.number("to")?, left: all.hashes("left", PATH_MAX)? }
        } else {
            // A range that nothing proves is refused.
            Object::parse(line, FILTERED)?;
            BundleKind::Filtered
        };
        Ok(BundleHeader {
            origin: all.string("origin")?,
            vkey: all.string("vkey")?,
            kind,
            checkpoint: all.string("checkpoint")?,
            witnessed: RootInclusion::read(&all)?,
        })
    }
}
