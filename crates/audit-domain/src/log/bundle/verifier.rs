//! Verifies a bundle line by line, with the memory of one line and one frontier.

use std::ops::Range;

use uuid::Uuid;

use super::entry::{self, BundleEntry, EntryHead};
use super::footer::{self, BundleFooter};
use super::header::{BundleHeader, BundleHeaderError, BundleKind};
use super::summary::{BundleFault, BundleRefused, BundleSummary};
use crate::log::document::{DocumentError, Object};
use crate::log::frontier::Frontier;
use crate::log::leaf::{Leaf, LeafHash};
use crate::log::proof::verify_inclusion;
use crate::log::trust::{Trust, TrustedCheckpoint};
use crate::log::verified_entry::{EntryFault, EntryStatus, verify_leaf};

/// A bundle that is being verified.
///
/// The verdicts of a range are final only after [`BundleVerifier::finish`]: until then, the leaf
/// hashes are those that the lines state, and the root of the tree has not confirmed them.
#[derive(Debug)]
pub struct BundleVerifier {
    summary: BundleSummary,
    /// The first position that the next line may have.
    next: u64,
    /// The tree before `next`. `None` in a filtered bundle.
    tree: Option<Frontier>,
    /// Lines with an entry, whatever their verdict.
    entries: u64,
    footer: Option<BundleFooter>,
}

/// What a line after the first one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleLine {
    /// An entry.
    Entry(EntryVerdict),
    /// The last line.
    Footer,
}

/// What is said about the entry of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryVerdict {
    /// The position that the line states.
    pub position: u64,
    /// The uuid in its leaf data, if they can be decoded.
    pub uuid: Option<Uuid>,
    /// Whether it is the entry in the log.
    pub verdict: Verdict,
    /// The positions before this line that have no line. Empty for most lines, and in a filtered
    /// bundle always.
    pub missing_before: Range<u64>,
}

/// Whether an entry is the one in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is, and every slot is shown.
    Ok,
    /// It is, and some slots are erased or withheld.
    Erased,
    /// It is not: for this reason.
    Tampered(BundleEntryFault),
}

/// The reason why the entry of a line is not the one in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleEntryFault {
    /// The line is not where it should be: the entry is there twice, or was moved.
    #[error("the positions of a bundle ascend, and the next one is {next} or later")]
    Order {
        /// The first position that the line may have.
        next: u64,
    },
    /// The position is not in the range, or not in the log.
    #[error("the position is not before {end}, where the range or the log ends")]
    Beyond {
        /// The end of the range or of the log.
        end: u64,
    },
    /// A member of the line has a fault.
    #[error(transparent)]
    Document(DocumentError),
    /// The line has an inclusion proof in a range, or none in a filtered bundle.
    #[error("each entry of a filtered bundle has `inclusion`, and no entry of a range has it")]
    Inclusion,
    /// The entry is not the one in the log.
    #[error(transparent)]
    Entry(#[from] EntryFault),
}

impl BundleVerifier {
    /// Opens a bundle: reads its first line, and verifies the checkpoint.
    ///
    /// # Errors
    ///
    /// [`BundleHeaderError`].
    pub fn new<'t>(header_line: &str, trust: impl Into<Trust<'t>>) -> Result<BundleVerifier, BundleHeaderError> {
        let header: BundleHeader = header_line.parse()?;
        let trusted = trust.into().open(&header.checkpoint, header.witnessed.as_ref())?;
        let (of_checkpoint, size) = (trusted.checkpoint.origin(), trusted.checkpoint.size());
        if header.origin != of_checkpoint {
            let (stated, of_checkpoint) = (header.origin, of_checkpoint.to_owned());
            return Err(BundleHeaderError::Origin { stated, of_checkpoint });
        }
        let (complete, tree) = match header.kind {
            BundleKind::Range { range: Range { start: from, end: to }, left } => {
                if from > to || to > size {
                    return Err(BundleHeaderError::Range { from, to, size });
                }
                (Some(from..to), Some(Frontier::from_hashes(from, left).map_err(BundleHeaderError::Left)?))
            }
            BundleKind::Filtered => (None, None),
        };
        let next = complete.as_ref().map_or(0, |range| range.start);
        let summary = BundleSummary::new(trusted, complete);
        Ok(BundleVerifier { summary, next, tree, entries: 0, footer: None })
    }

    /// The checkpoint that the bundle is verified against.
    #[must_use]
    pub fn trusted(&self) -> &TrustedCheckpoint {
        &self.summary.trusted
    }

    /// The positions of which the bundle claims to have all entries. `None` for a filtered bundle.
    #[must_use]
    pub fn complete(&self) -> Option<Range<u64>> {
        self.summary.complete.clone()
    }

    /// The tree of all leaves before the next line of a range, from what the header and the lines state. `None`
    /// for a filtered bundle. Nothing of it is proven before [`BundleVerifier::finish`].
    #[must_use]
    pub fn tree(&self) -> Option<&Frontier> {
        self.tree.as_ref()
    }

    /// Counts a line that is not text, or is too large to be read, as one that cannot be read.
    pub fn unreadable_line(&mut self) {
        self.summary.unreadable += 1;
    }

    /// Verifies the next line, without its line feed.
    ///
    /// # Errors
    ///
    /// [`DocumentError`]: the line cannot be read. The lines after it can be verified all the same,
    /// and [`BundleVerifier::finish`] refuses the bundle.
    pub fn line(&mut self, line: &str) -> Result<BundleLine, DocumentError> {
        let read = self.read(line);
        if read.is_err() {
            self.summary.unreadable += 1;
        }
        read
    }

    fn read(&mut self, line: &str) -> Result<BundleLine, DocumentError> {
        if self.footer.is_some() {
            return Err(DocumentError::AfterEnd);
        }
        let names: Vec<&str> = [entry::MEMBERS, footer::MEMBERS].concat();
        let object = Object::parse(line, &names)?;
        if object.has("entries") {
            self.footer = Some(BundleFooter::read(line, self.tree.is_some())?);
            return Ok(BundleLine::Footer);
        }
        let head = BundleEntry::read_head(&object)?;
        let entry = Object::parse(line, entry::MEMBERS).and_then(|object| BundleEntry::read(&object));
        Ok(BundleLine::Entry(self.entry(&head, entry)))
    }

    fn entry(&mut self, head: &EntryHead, entry: Result<BundleEntry, DocumentError>) -> EntryVerdict {
        self.entries += 1;
        let (position, next) = (head.position, self.next);
        let uuid = entry.as_ref().ok().and_then(|entry| Leaf::parse(&entry.leaf_data).ok()).map(|leaf| leaf.uuid);
        let end = self.summary.complete.as_ref().map_or(self.summary.trusted.checkpoint.size(), |range| range.end);
        let (verdict, missing_before) = if position < next {
            (Err(BundleEntryFault::Order { next }), 0..0)
        } else if position >= end {
            (Err(BundleEntryFault::Beyond { end }), 0..0)
        } else {
            let missing = if self.tree.is_some() { next..position } else { 0..0 };
            self.advance(position, head.leaf_hash);
            (self.verify(entry), missing)
        };
        self.summary.missing += missing_before.end - missing_before.start;
        let (count, verdict) = match verdict {
            Ok(EntryStatus::Erased) => (&mut self.summary.erased, Verdict::Erased),
            Ok(_) => (&mut self.summary.ok, Verdict::Ok),
            Err(fault) => (&mut self.summary.tampered, Verdict::Tampered(fault)),
        };
        *count += 1;
        EntryVerdict { position, uuid, verdict, missing_before }
    }

    /// Appends the leaf hash that a line states. After positions without a line, the tree is no
    /// longer known, and the bundle is refused anyway.
    ///
    /// The stated hash is appended even if the leaf data have another one. If the tree then has the
    /// root of the checkpoint, the stated hashes are those of the log. So exactly the lines that
    /// differ from them were changed.
    fn advance(&mut self, position: u64, stated: LeafHash) {
        // A position before the end is not the largest number.
        self.next = position + 1;
        if let Some(tree) = self.tree.as_mut().filter(|tree| tree.size() == position) {
            let appended = tree.append(stated, |_, _| {});
            debug_assert!(appended.is_ok(), "the position is before the end, so the tree is not full");
        }
    }

    fn verify(&self, entry: Result<BundleEntry, DocumentError>) -> Result<EntryStatus, BundleEntryFault> {
        let entry = entry.map_err(BundleEntryFault::Document)?;
        let TrustedCheckpoint { origin, checkpoint, .. } = &self.summary.trusted;
        let (_, _, status) = verify_leaf(origin, &entry.leaf_data, entry.leaf_hash, Some(&entry.slots))?;
        match (&self.tree, &entry.inclusion) {
            (Some(_), None) => Ok(status),
            (None, Some(path)) => {
                let (size, root) = (checkpoint.size(), checkpoint.root());
                verify_inclusion(entry.leaf_hash, entry.position, size, path, root).map_err(EntryFault::Inclusion)?;
                Ok(status)
            }
            _ => Err(BundleEntryFault::Inclusion),
        }
    }

    /// Verifies the bundle as a whole, after its last line.
    ///
    /// # Errors
    ///
    /// [`BundleRefused`]: it is not exactly what it says.
    pub fn finish(mut self) -> Result<BundleSummary, BundleRefused> {
        if let Some(range) = &self.summary.complete {
            let missing = self.next..range.end;
            self.summary.missing += missing.end - missing.start;
            self.summary.missing_at_end = missing;
        }
        match self.fault() {
            None => Ok(self.summary),
            Some(fault) => Err(BundleRefused { fault, summary: Box::new(self.summary) }),
        }
    }

    fn fault(&mut self) -> Option<BundleFault> {
        let BundleSummary { missing, tampered, unreadable, .. } = self.summary;
        let Some(footer) = &self.footer else { return Some(BundleFault::Cut) };
        let checkpoint = &self.summary.trusted.checkpoint;
        // The root is checked first: if it is another one, no verdict of a line counts.
        if let Some(tree) = &mut self.tree {
            if missing > 0 {
                return Some(BundleFault::Lines { missing, tampered, unreadable });
            }
            let right = footer.right.as_deref().unwrap_or_default();
            if let Err(error) = tree.append_frontier(checkpoint.size(), right) {
                return Some(BundleFault::Right(error));
            }
            if let Err(error) = tree.verify(checkpoint.size(), checkpoint.root()) {
                return Some(BundleFault::Root(error));
            }
        }
        self.summary.is_proven = true;
        if tampered + unreadable > 0 {
            return Some(BundleFault::Lines { missing, tampered, unreadable });
        }
        let (stated, got) = (footer.entries, self.entries);
        (stated != got).then_some(BundleFault::Entries { stated, got })
    }
}
