//! The side of a value that a parameter such as `timestamp__gte` bounds.

use audit_store::domain::Interval;

/// A bound of numbers or instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Exactly,
    Gt,
    Gte,
    Lt,
    Lte,
}

impl Bound {
    pub(crate) const ALL: [Bound; 5] = [Bound::Exactly, Bound::Gt, Bound::Gte, Bound::Lt, Bound::Lte];

    /// Returns the end of the parameter's name.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Bound::Exactly => "",
            Bound::Gt => "__gt",
            Bound::Gte => "__gte",
            Bound::Lt => "__lt",
            Bound::Lte => "__lte",
        }
    }

    /// Narrows an interval to this side of a value.
    pub(crate) fn narrow(self, interval: &mut Interval, value: i64) {
        match self {
            Bound::Exactly => interval.exactly(value),
            Bound::Gt => interval.gt(value),
            Bound::Gte => interval.ge(value),
            Bound::Lt => interval.lt(value),
            Bound::Lte => interval.le(value),
        }
    }
}
