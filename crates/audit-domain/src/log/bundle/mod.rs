//! Export bundles: entries of one log as lines of JSON that are verified offline, line by line.
//!
//! A bundle of a *range* of positions is complete: the left frontier, the leaf hashes of its lines
//! and the right frontier have the root of the checkpoint, so no entry of the range can be missing,
//! added or moved. In a *filtered* bundle each line has its own inclusion proof. That proves each
//! line, and says nothing about entries that are not there.

mod entry;
mod footer;
mod header;
mod summary;
mod verifier;

pub use entry::BundleEntry;
pub use footer::BundleFooter;
pub use header::{BUNDLE_FORMAT, BundleHeader, BundleHeaderError, BundleKind};
pub use summary::{BundleFault, BundleRefused, BundleSummary};
pub use verifier::{BundleEntryFault, BundleLine, BundleVerifier, EntryVerdict, Verdict};
