//! Sets of values in filters: an entry must have one of the values, or none of them.

use std::collections::BTreeSet;

use crate::json::JsonString;

/// Whether a number is in a set; `None` if the set is empty.
pub(crate) fn number<T: Ord>(wanted: &BTreeSet<T>, actual: Option<T>) -> Option<bool> {
    (!wanted.is_empty()).then(|| actual.is_some_and(|actual| wanted.contains(&actual)))
}

/// Whether a text is in a set; `None` if the set is empty. A set cannot have a text with a lone
/// surrogate.
pub(crate) fn text(wanted: &BTreeSet<String>, actual: Option<JsonString>) -> Option<bool> {
    (!wanted.is_empty()).then(|| actual.is_some_and(|actual| actual.as_str().is_some_and(|text| wanted.contains(text))))
}
