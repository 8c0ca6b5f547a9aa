//! The condition of a query, in terms of an index.

use std::collections::BTreeSet;

use audit_domain::{Interval, index_key};

use super::pattern::Pattern;
use super::term::{Dimension, Term};
use super::words::Search;

/// Selects the entries that have at least one term of each list in `all_of`, have no term of
/// `none_of`, fit the patterns, and are in ranges of time and of positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Condition {
    /// Lists of terms. The entry has at least one term of each list.
    pub(crate) all_of: Vec<Vec<Term>>,
    /// Terms that the entry does not have.
    pub(crate) none_of: Vec<Term>,
    /// Patterns that the entry meets, or does not.
    pub(crate) patterns: Vec<(Pattern, bool)>,
    /// Whether the condition uses changed fields. For an entry with a mark, not all of them are
    /// indexed.
    pub(crate) asks_changed: bool,
    /// A part of one of the texts.
    pub(crate) search: Option<Search>,
    /// The range of the entries' times.
    pub(crate) time: Interval,
    pub(crate) position: Interval,
    /// The range of the commit times, which are in the order of positions.
    pub(crate) recorded_at: Interval,
}

impl Condition {
    /// Whether the condition uses values.
    pub(crate) fn has_terms(&self) -> bool {
        // The term of the empty name is the mark, which is not in `none_of`.
        let has_lists = !(self.all_of.is_empty() && self.none_of.is_empty() && self.patterns.is_empty());
        has_lists || self.search.is_some() || self.asks_changed
    }
}

/// The terms of the numbers of a dimension.
pub(crate) fn numbers_of(dimension: Dimension, numbers: &BTreeSet<i64>) -> Vec<Term> {
    numbers.iter().map(|number| Term::number(dimension, *number)).collect()
}

/// The terms of the texts of a dimension.
pub(crate) fn texts_of(dimension: Dimension, texts: &BTreeSet<String>) -> Vec<Term> {
    texts.iter().map(|text| Term::text(dimension, &index_key(text.as_bytes()))).collect()
}

/// The term of a text, if there is one, as a list.
pub(crate) fn one_text(dimension: Dimension, text: &Option<String>) -> Option<Vec<Term>> {
    Some(vec![Term::text(dimension, &index_key(text.as_ref()?.as_bytes()))])
}
