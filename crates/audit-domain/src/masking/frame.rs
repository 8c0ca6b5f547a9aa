//! The open objects and arrays of a walk, and what is known about the values in them.

use super::dictionary::Secret;
use super::pairs::{Pair, Role};
use super::value::Range;

/// What is known about a value before it is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    pub(super) secret: Option<Secret>,
    /// The key that names the secret.
    pub(super) named_by: Range,
    pub(super) is_kept: bool,
    pub(super) is_listed: bool,
    /// Whether the value is the id of something, so that a number is not one of a card.
    pub(super) is_id: bool,
}

/// One open object or array.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) is_object: bool,
    /// Where the bracket is, and whether there are others inside.
    pub(super) start: usize,
    pub(super) has_brackets: bool,
    pub(super) outer: Context,
    pub(super) current: Context,
    /// The content of the current key, and whether the next string is a key.
    pub(super) key: Option<Range>,
    pub(super) awaits_key: bool,
    pub(super) index: usize,
    pub(super) pair: Pair,
    /// The element before, if it is an option of a command whose value is a secret: `--password`.
    pub(super) option: Option<(Range, Secret)>,
}

impl Frame {
    /// What is known about the members of an object or an array in here. An object that is the value
    /// of a pair may hold the secret in a member that says its type:
    /// `{"key": "db.password", "value": {"stringValue": …}}`.
    pub(super) fn inside(&self, text: &[u8]) -> Context {
        let is_value = self.is_object && self.key.is_some_and(|(from, to)| Role::of_member(&text[from..to]) == Role::Value);
        match self.pair.name {
            Some((named_by, secret)) if is_value && self.current.secret.is_none() => {
                Context { secret: Some(secret), named_by, ..self.current }
            }
            _ => self.current,
        }
    }
}
