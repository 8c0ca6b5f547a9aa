//! Erasure: values and salts of entries leave the log and everything that is made from them, and the
//! commitments stay, so that every proof still verifies.
//!
//! An entry `AUDIT.ERASE` and its row in `erasures` come first, in one transaction (`log/erase.rs`,
//! `append/batch.rs`). A thread then erases segment by segment (`step`), and continues where another
//! process ended. See
//! `docs/decisions/0059-erasure.md`.

mod error;
mod step;
mod stored;

pub use error::ErasureError;
pub(crate) use step::step;
pub use stored::ErasureState;
pub(crate) use stored::{is_pending, list, pending, record, rows};

use crate::follow::Follower;

pub(crate) const FOLLOWER: Follower = Follower {
    thread: "audit-eraser",
    what: "erasure",
    consequence: "values that an entry AUDIT.ERASE names are still there",
    section: "An erasure that does not end",
};
