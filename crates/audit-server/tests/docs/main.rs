//! The documentation, pasted: every snippet of README, quickstart, guides and contract runs against a server of its own, in the order of
//! its page; and what `examples/deploy` and `examples/load` hold is tried too.
//!
//! A block runs if it says `sh`, `python` or `js`. What its info string may say besides:
//!
//! - `answers=400`: each curl of the block gets this status; without it, one below 400.
//! - `file=NAME`: the block is that file, put into the page's directory, and not run by itself. For `rust`, it is a part of the file of
//!   that name in the repository, which cargo compiles.
//!
//! A `json` block behind one of `sh`, under the same heading, is what that one prints last.
//!
//! A block under `<!-- not run: REASON -->` is left alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod as_run;
mod blocks;
mod deploy;
mod links;
mod load;
mod page;
mod pages;
mod proxy;
mod tools;

#[path = "../foreign/outsider.rs"]
mod outsider;

#[path = "../process/common/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the process, which need more of it")]
mod common;
