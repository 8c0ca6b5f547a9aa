//! Filters of the native lists. A filter is one row of a table of its stream. The names of its
//! parameters, their parsing, the nearest name for an unknown parameter, and the OpenAPI document
//! come from this row.

use std::collections::BTreeSet;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ActionLogFilter, ActionLogValues, EventFilter, EventValues, Interval};

use super::list;
use super::query::{address, instant, integer, prefix, uuid};
use crate::bound::Bound;

/// The filter of a stream, with the lists of wanted and of excluded values.
pub(crate) trait StreamFilter: Default + 'static {
    type Values: 'static;

    fn one_of(&mut self) -> &mut Self::Values;
    fn none_of(&mut self) -> &mut Self::Values;
}

impl StreamFilter for EventFilter {
    type Values = EventValues;

    fn one_of(&mut self) -> &mut EventValues {
        &mut self.one_of
    }

    fn none_of(&mut self) -> &mut EventValues {
        &mut self.none_of
    }
}

impl StreamFilter for ActionLogFilter {
    type Values = ActionLogValues;

    fn one_of(&mut self) -> &mut ActionLogValues {
        &mut self.one_of
    }

    fn none_of(&mut self) -> &mut ActionLogValues {
        &mut self.none_of
    }
}

/// A filter: its name, its meaning, the values that it takes, and the fields that it sets.
pub(crate) struct Filter<F: StreamFilter> {
    pub(crate) name: &'static str,
    /// The meaning for the OpenAPI document: one sentence, or the bounded quantity without a full
    /// stop.
    pub(crate) meaning: &'static str,
    pub(crate) kind: FilterKind<F>,
    pub(crate) values: FilterValues<F>,
}

pub(crate) enum FilterKind<F> {
    /// A text, compared exactly.
    Text(fn(&mut F, String)),
    /// An IP address, a network or another text.
    Address(fn(&mut F, String)),
    /// The beginning of a text.
    Prefix(fn(&mut F, String)),
    /// A part of a text. An empty part is not a condition.
    Search(fn(&mut F, String)),
    Integer(fn(&mut F, i64)),
    Uuid(fn(&mut F, Uuid)),
    /// Bounds of integers: the name, alone or with `__gt`, `__gte`, `__lt` or `__lte`.
    Integers(fn(&mut F) -> &mut Interval),
    /// Bounds of instants, in the same form.
    Instants(fn(&mut F) -> &mut Interval),
}

/// The set that takes the values of `…__in` and `…__not`.
pub(crate) enum FilterValues<F: StreamFilter> {
    /// There are no such parameters.
    None,
    Texts(fn(&mut F::Values) -> &mut BTreeSet<String>),
    Addresses(fn(&mut F::Values) -> &mut BTreeSet<String>),
    Integers(fn(&mut F::Values) -> &mut BTreeSet<i64>),
    Uuids(fn(&mut F::Values) -> &mut BTreeSet<Uuid>),
}

/// The condition that the suffix of a parameter's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Bound(Bound),
    In,
    Not,
}

impl Operator {
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Operator::Bound(bound) => bound.suffix(),
            Operator::In => "__in",
            Operator::Not => "__not",
        }
    }
}

impl<F: StreamFilter> Filter<F> {
    const fn new(name: &'static str, meaning: &'static str, kind: FilterKind<F>, values: FilterValues<F>) -> Filter<F> {
        Filter { name, meaning, kind, values }
    }

    pub(crate) const fn text(
        name: &'static str,
        meaning: &'static str,
        set: fn(&mut F, String),
        values: fn(&mut F::Values) -> &mut BTreeSet<String>,
    ) -> Filter<F> {
        Filter::new(name, meaning, FilterKind::Text(set), FilterValues::Texts(values))
    }

    pub(crate) const fn address(
        name: &'static str,
        meaning: &'static str,
        set: fn(&mut F, String),
        values: fn(&mut F::Values) -> &mut BTreeSet<String>,
    ) -> Filter<F> {
        Filter::new(name, meaning, FilterKind::Address(set), FilterValues::Addresses(values))
    }

    /// A filter by the beginning of a text. Its name ends in `__prefix`.
    pub(crate) const fn prefix(name: &'static str, meaning: &'static str, set: fn(&mut F, String)) -> Filter<F> {
        Filter::new(name, meaning, FilterKind::Prefix(set), FilterValues::None)
    }

    pub(crate) const fn integer(
        name: &'static str,
        meaning: &'static str,
        set: fn(&mut F, i64),
        values: fn(&mut F::Values) -> &mut BTreeSet<i64>,
    ) -> Filter<F> {
        Filter::new(name, meaning, FilterKind::Integer(set), FilterValues::Integers(values))
    }

    pub(crate) const fn uuid(set: fn(&mut F, Uuid), values: fn(&mut F::Values) -> &mut BTreeSet<Uuid>) -> Filter<F> {
        Filter::new("uuid", "A uuid, with or without hyphens.", FilterKind::Uuid(set), FilterValues::Uuids(values))
    }

    pub(crate) const fn search(meaning: &'static str, set: fn(&mut F, String)) -> Filter<F> {
        Filter::new("search", meaning, FilterKind::Search(set), FilterValues::None)
    }

    pub(crate) const fn instants(name: &'static str, meaning: &'static str, interval: fn(&mut F) -> &mut Interval) -> Filter<F> {
        Filter::new(name, meaning, FilterKind::Instants(interval), FilterValues::None)
    }

    pub(crate) const fn integers(name: &'static str, meaning: &'static str, interval: fn(&mut F) -> &mut Interval) -> Filter<F> {
        Filter::new(name, meaning, FilterKind::Integers(interval), FilterValues::None)
    }

    /// Adds the parameters `…__in` and `…__not`.
    pub(crate) const fn with_values(mut self, values: FilterValues<F>) -> Filter<F> {
        self.values = values;
        self
    }

    /// Returns the operators of this filter, in the order of the document.
    pub(crate) fn operators(&self) -> impl Iterator<Item = Operator> + use<F> {
        let has_bounds = matches!(self.kind, FilterKind::Integers(_) | FilterKind::Instants(_));
        let has_values = !matches!(self.values, FilterValues::None);
        let values = [Operator::In, Operator::Not].into_iter().filter(move |_| has_values);
        let bounds = Bound::ALL.into_iter().skip(1).filter(move |_| has_bounds).map(Operator::Bound);
        [Operator::Bound(Bound::Exactly)].into_iter().chain(values).chain(bounds)
    }

    /// Returns the operator of a parameter of this filter, or `None` if this filter does not have
    /// the parameter.
    fn operator(&self, parameter: &str) -> Option<Operator> {
        let suffix = parameter.strip_prefix(self.name)?;
        self.operators().find(|operator| operator.suffix() == suffix)
    }

    /// Reads a value. The error says what the parameter must be.
    fn apply(&self, operator: Operator, text: &str, filter: &mut F) -> Result<(), String> {
        match operator {
            Operator::In => self.values.extend(filter.one_of(), text),
            Operator::Not => self.values.extend(filter.none_of(), text),
            Operator::Bound(bound) => {
                match self.kind {
                    FilterKind::Text(set) => set(filter, text.to_owned()),
                    FilterKind::Address(set) => set(filter, address(text)?),
                    FilterKind::Prefix(set) => set(filter, prefix(text)?),
                    FilterKind::Search(set) if !text.is_empty() => set(filter, text.to_owned()),
                    FilterKind::Search(_) => {}
                    FilterKind::Integer(set) => set(filter, integer(text)?),
                    FilterKind::Uuid(set) => set(filter, uuid(text)?),
                    FilterKind::Integers(interval) => bound.narrow(interval(filter), integer(text)?),
                    FilterKind::Instants(interval) => bound.narrow(interval(filter), instant(text)?),
                }
                Ok(())
            }
        }
    }
}

impl<F: StreamFilter> FilterValues<F> {
    fn extend(&self, values: &mut F::Values, text: &str) -> Result<(), String> {
        match self {
            FilterValues::None => {}
            FilterValues::Texts(set) => *set(values) = list::split(text)?.into_iter().collect(),
            FilterValues::Addresses(set) => {
                *set(values) = list::split(text)?.iter().map(|value| address(value)).collect::<Result<_, _>>()?
            }
            FilterValues::Integers(set) => {
                *set(values) = list::split(text)?.iter().map(|value| integer(value)).collect::<Result<_, _>>()?
            }
            FilterValues::Uuids(set) => {
                *set(values) = list::split(text)?.iter().map(|value| uuid(value)).collect::<Result<_, _>>()?
            }
        }
        Ok(())
    }
}

/// Finds the filter of a table to which a parameter belongs, and its operator.
pub(super) fn find<'a, F: StreamFilter>(filters: &'a [Filter<F>], parameter: &str) -> Option<(&'a Filter<F>, Operator)> {
    filters.iter().find_map(|filter| Some((filter, filter.operator(parameter)?)))
}

/// Returns the names of all parameters of a table.
pub(crate) fn names<F: StreamFilter>(filters: &[Filter<F>]) -> impl Iterator<Item = String> {
    filters.iter().flat_map(|filter| filter.operators().map(|operator| format!("{}{}", filter.name, operator.suffix())))
}

/// Reads one parameter into the filter. The error says what the parameter must be. The function
/// ignores parameters that belong to no filter of the table.
pub(super) fn apply<F: StreamFilter>(filters: &[Filter<F>], name: &str, text: &str, filter: &mut F) -> Result<(), String> {
    find(filters, name).map_or(Ok(()), |(row, operator)| row.apply(operator, text, filter))
}
