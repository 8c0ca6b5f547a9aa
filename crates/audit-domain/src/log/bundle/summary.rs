//! What a whole bundle proves, and why it does not.

use std::ops::Range;

use crate::log::frontier::FrontierError;
use crate::log::proof::ProofError;
use crate::log::trust::TrustedCheckpoint;

/// What the lines of a bundle were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSummary {
    /// The checkpoint that the bundle is verified against.
    pub trusted: TrustedCheckpoint,
    /// The positions of which the bundle has all entries. `None` for a filtered bundle, which can
    /// leave out any entry.
    pub complete: Option<Range<u64>>,
    /// Entries whose slots are all shown.
    pub ok: u64,
    /// Entries of which some slots are erased or withheld.
    pub erased: u64,
    /// Lines whose entry is not the one in the log, or is not where it should be.
    pub tampered: u64,
    /// Lines that cannot be read.
    pub unreadable: u64,
    /// Positions of the range without a line.
    pub missing: u64,
    /// Those of them that are after the last entry.
    pub missing_at_end: Range<u64>,
    /// Whether the verdicts `ok` and `erased` are proven: in a filtered bundle those of each line, in a
    /// range only if its tree has the root of the checkpoint. Then a refused bundle still proves those
    /// of its lines.
    pub is_proven: bool,
}

impl BundleSummary {
    pub(super) fn new(trusted: TrustedCheckpoint, complete: Option<Range<u64>>) -> BundleSummary {
        BundleSummary {
            trusted,
            complete,
            ok: 0,
            erased: 0,
            tampered: 0,
            unreadable: 0,
            missing: 0,
            missing_at_end: 0..0,
            is_proven: false,
        }
    }
}

/// A bundle that does not prove what it says. The verdicts of its lines say where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct BundleRefused {
    /// The fault.
    pub fault: BundleFault,
    /// What the lines were.
    pub summary: Box<BundleSummary>,
}

/// The fault of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// The last line is missing.
    #[error("the bundle has no last line with `entries`, so it was cut")]
    Cut,
    /// There are more or fewer entries than the last line says.
    #[error("the last line says {stated} entries (got {got})")]
    Entries {
        /// The number in the last line.
        stated: u64,
        /// The number of entry lines.
        got: u64,
    },
    /// Entries are wrong, missing or cannot be read.
    #[error("{missing} entries are missing, {tampered} were changed or moved, and {unreadable} lines cannot be read")]
    Lines {
        /// [`BundleSummary::missing`].
        missing: u64,
        /// [`BundleSummary::tampered`].
        tampered: u64,
        /// [`BundleSummary::unreadable`].
        unreadable: u64,
    },
    /// The right frontier is not that of the leaves after the range.
    #[error("`right`: {0}")]
    Right(FrontierError),
    /// The frontiers and the leaf hashes are not those of the checkpoint.
    #[error("the leaf hashes and the frontiers are not those of the checkpoint, and no line of the bundle is proven: {0}")]
    Root(ProofError),
}
