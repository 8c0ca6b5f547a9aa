//! Sets of values in filters: an entry has to have one of them, or must have none of them.

use std::collections::BTreeSet;

use crate::json::JsonString;

/// `None` where nothing is asked.
pub(crate) fn number<T: Ord>(wanted: &BTreeSet<T>, actual: Option<T>) -> Option<bool> {
    (!wanted.is_empty()).then(|| actual.is_some_and(|actual| wanted.contains(&actual)))
}

/// The same of texts. One with a lone surrogate cannot be asked for.
pub(crate) fn text(wanted: &BTreeSet<String>, actual: Option<JsonString>) -> Option<bool> {
    (!wanted.is_empty()).then(|| actual.is_some_and(|actual| actual.as_str().is_some_and(|text| wanted.contains(text))))
}
