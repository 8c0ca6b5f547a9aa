//! The root log of a database. Its entries are the checkpoints of the logs of all channels, so a witness
//! that cosigns one checkpoint of the root log has seen all of them. It shows a witness nothing but its own
//! size.
//!
//! The log is one as every other: it has a head, a tree, a checkpoint and a file of the guard, under a key
//! that belongs to no channel ([`ROOT`](crate::log_key::ROOT)). Only its entries are other rows, and only
//! servers that sign append to it.

mod cosigned;
mod entering;
mod rows;

pub use cosigned::Cosignature;
pub(crate) use cosigned::{cosignatures_of, put_cosignature};
pub(crate) use entering::Entering;
pub(crate) use rows::{Row, insert, move_head, newest_within, rows_from, size};
