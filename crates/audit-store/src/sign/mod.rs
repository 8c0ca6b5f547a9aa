//! Signed checkpoints of the logs.
//!
//! A store with [`Signing`](crate::Signing) signs the tree of each log a moment after it grew, if it holds the private
//! keys. It keeps the newest checkpoint that it signed or saw in a file for each log, outside the
//! database. A log that is smaller than its checkpoint, or does not extend it, was restored from an older
//! copy or changed: the store then neither signs it nor appends to it. A store without [`Signing`], such
//! as that of a batch job, appends and does neither.

mod establish;
mod key_file;
mod keys;
mod signer;
mod stored;

pub(crate) use establish::add_name;
pub(crate) use key_file::read as read_key_file;
pub use keys::{KeyChange, SigningKey, SigningState};
pub(crate) use keys::{list_keys, retire_key, rotate_key};
pub(crate) use signer::{Signer, sizes_in_database};
#[cfg(test)]
pub(crate) use stored::NewCheckpoint;
pub(crate) use stored::{Signed, read_checkpoint, signed};

use crate::follow::Follower;

pub(crate) const FOLLOWER: Follower = Follower {
    thread: "audit-signer",
    what: "checkpoint",
    consequence: "entries are stored, and the newest are in no signed checkpoint",
    section: "A checkpoint that is behind",
};
