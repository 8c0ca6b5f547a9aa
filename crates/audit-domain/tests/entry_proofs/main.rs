//! Entries that leave their log: proofs of one entry, as documents and as files, and bundles of many.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bundles;
mod changed_bundles;
mod documents;
mod log_of_entries;
mod page;
mod proof_files;
mod proofs;
mod root_log;

use audit_domain::log::EntryProof;
use log_of_entries::{LogOfEntries, ORIGIN};

/// A log of this size, and the proof of one of its entries.
fn proof(position: u64, size: u64) -> (LogOfEntries, EntryProof) {
    let log = LogOfEntries::new(ORIGIN, size);
    let proof = log.proof(position);
    (log, proof)
}
