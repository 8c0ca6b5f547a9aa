//! The order of a list: sort keys, most significant first. [`Sort::compare`] is the reference
//! order; tests compare the SQL with it.

use std::cmp::Ordering;

/// A field by which the records of a stream can be sorted.
pub trait SortBy: Copy + Eq {
    /// The values by which a record is sorted.
    type Row;

    /// The sort key of a list if the request gives none.
    const DEFAULT: SortKey<Self>;

    /// Compares two rows by this field. `directed` reverses the order of two values if the sort is
    /// descending.
    fn compare(self, a: &Self::Row, b: &Self::Row, directed: &dyn Fn(Ordering) -> Ordering) -> Ordering;

    /// The channel and the position of a row, which break ties.
    fn place(row: &Self::Row) -> (i64, i64);
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey<F> {
    /// The field to compare.
    pub field: F,
    /// Whether large values come first. Texts stay after numbers and null stays last in both directions.
    pub descending: bool,
}

/// Sort keys, most significant first. Channel and position break ties, in the direction of the last
/// key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sort<F> {
    keys: Vec<SortKey<F>>,
    ties_descend: bool,
}

impl<F: SortBy> Default for Sort<F> {
    fn default() -> Self {
        Sort { keys: vec![F::DEFAULT], ties_descend: F::DEFAULT.descending }
    }
}

impl<F: SortBy> Sort<F> {
    /// Sorts by these keys, or by the default if there are none. If a field comes twice, the second
    /// key is left out: it could not change the order, and a client may send thousands.
    #[must_use]
    pub fn by(keys: Vec<SortKey<F>>) -> Sort<F> {
        // Ties have the direction of the last given key, even if that key is left out.
        let mut sort = Sort { ties_descend: keys.last().is_some_and(|key| key.descending), keys: Vec::new() };
        for key in keys {
            if sort.keys.iter().all(|other| other.field != key.field) {
                sort.keys.push(key);
            }
        }
        if sort.keys.is_empty() { Sort::default() } else { sort }
    }

    /// The keys, most significant first; never empty.
    #[must_use]
    pub fn keys(&self) -> &[SortKey<F>] {
        &self.keys
    }

    /// The direction in which ties are broken.
    #[must_use]
    pub fn ties_descend(&self) -> bool {
        self.ties_descend
    }

    /// Compares two rows in the order of the sort.
    #[must_use]
    pub fn compare(&self, a: &F::Row, b: &F::Row) -> Ordering {
        let by_keys = self
            .keys
            .iter()
            .map(|key| key.field.compare(a, b, &|order: Ordering| if key.descending { order.reverse() } else { order }));
        by_keys.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| {
            let by_place = F::place(a).cmp(&F::place(b));
            if self.ties_descend { by_place.reverse() } else { by_place }
        })
    }
}

pub(crate) fn null_last<T: Ord>(a: &Option<T>, b: &Option<T>, directed: &dyn Fn(Ordering) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => directed(a.cmp(b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}
