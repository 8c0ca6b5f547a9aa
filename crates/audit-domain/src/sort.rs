//! In which order a list comes: keys, most significant first. [`Sort::compare`] is the reference order; SQL is tested against it.

use std::cmp::Ordering;

/// What the records of a stream can be ordered by.
pub trait SortBy: Copy + Eq {
    /// The values a record is ordered by.
    type Row;

    /// The key that a list goes by when nothing is asked for.
    const DEFAULT: SortKey<Self>;

    /// Which of two rows comes first by this field, `directed` turning the order of two values round where they descend.
    fn compare(self, a: &Self::Row, b: &Self::Row, directed: &dyn Fn(Ordering) -> Ordering) -> Ordering;

    /// Where a row is: its channel and its position, which break ties.
    fn place(row: &Self::Row) -> (i64, i64);
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey<F> {
    /// What to compare.
    pub field: F,
    /// Whether large values come first. Texts stay after numbers and null stays last in both directions.
    pub descending: bool,
}

/// Sort keys, most significant first; ties are broken by channel and position, in the direction of the last key.
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
    /// Sorts by these keys; by the default when there are none. Of a field that comes twice, the second key is left out: it
    /// could not change the order, and a client may send thousands.
    #[must_use]
    pub fn by(keys: Vec<SortKey<F>>) -> Sort<F> {
        // Ties go in the direction of the last key that was given, even where that key is left out.
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

    /// Which of two rows comes first.
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
