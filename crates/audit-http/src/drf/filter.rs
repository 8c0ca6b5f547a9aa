//! Filters of the published lists, as django-filter reads them. An empty filter is not a condition.
//! The server ignores an unknown filter, and reports all filters that it cannot read at once.
//!
//! A filter is one row of a table of its API. The parsing and the parameter in the OpenAPI document
//! come from this row.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ActionLogFilter, EventFilter, Interval, Sort, SortBy, SortKey, Timestamp, parse_uuid};

use super::number::Decimal;
use crate::bound::Bound;
use crate::failure::{Failure, InvalidParameter};
use crate::params::Params;

/// A query parameter that filters a published list.
pub(crate) struct Filter<F> {
    pub(crate) name: &'static str,
    /// One sentence for the OpenAPI document. For an instant, the document adds a description of
    /// the bound.
    pub(crate) meaning: &'static str,
    pub(crate) kind: FilterKind<F>,
}

/// The values that a filter takes, and the field that it sets.
pub(crate) enum FilterKind<F> {
    /// A text, compared exactly.
    Text(fn(&mut F, String)),
    /// A number as Python's `Decimal` reads it. A number that is not an integer of 64 bits matches
    /// nothing.
    Number(fn(&mut F, i64)),
    /// A bound of a number, which may be a fraction or beyond 64 bits.
    NumberBound(Bound, fn(&mut F) -> &mut Interval),
    Uuid(fn(&mut F, Uuid)),
    /// A bound of an instant.
    Instant(Bound, fn(&mut F) -> &mut Interval),
}

impl<F> Filter<F> {
    pub(crate) const fn text(name: &'static str, meaning: &'static str, set: fn(&mut F, String)) -> Filter<F> {
        Filter { name, meaning, kind: FilterKind::Text(set) }
    }

    pub(crate) const fn number(name: &'static str, meaning: &'static str, set: fn(&mut F, i64)) -> Filter<F> {
        Filter { name, meaning, kind: FilterKind::Number(set) }
    }

    pub(crate) const fn number_bound(
        name: &'static str,
        meaning: &'static str,
        bound: Bound,
        interval: fn(&mut F) -> &mut Interval,
    ) -> Filter<F> {
        Filter { name, meaning, kind: FilterKind::NumberBound(bound, interval) }
    }

    pub(crate) const fn instant(name: &'static str, bound: Bound, interval: fn(&mut F) -> &mut Interval) -> Filter<F> {
        Filter { name, meaning: "When it happened", kind: FilterKind::Instant(bound, interval) }
    }
}

/// A filter that can be set to match nothing.
pub(crate) trait MatchNothing: Default {
    fn match_nothing(&mut self);
}

impl MatchNothing for EventFilter {
    fn match_nothing(&mut self) {
        self.matches_nothing = true;
    }
}

impl MatchNothing for ActionLogFilter {
    fn match_nothing(&mut self) {
        self.matches_nothing = true;
    }
}

/// Reads the filters of these tables from the parameters.
pub(crate) fn read_filter<F: MatchNothing>(tables: &[&[Filter<F>]], params: &Params) -> Result<F, Failure> {
    let (mut filter, mut invalid) = (F::default(), Vec::new());
    for row in tables.iter().copied().flatten() {
        let Some(text) = params.given(row.name) else { continue };
        if let Err(message) = row.kind.apply(text, &mut filter) {
            invalid.push(InvalidParameter::new(row.name, message.to_owned()));
        }
    }
    if invalid.is_empty() { Ok(filter) } else { Err(Failure::Parameters(invalid)) }
}

impl<F: MatchNothing> FilterKind<F> {
    /// Reads a value into the filter. The error is the text of django-filter.
    fn apply(&self, text: &str, filter: &mut F) -> Result<(), &'static str> {
        match self {
            FilterKind::Text(set) => set(filter, text.to_owned()),
            FilterKind::Uuid(set) => set(filter, parse_uuid(text).ok_or("Enter a valid UUID.")?),
            FilterKind::Instant(bound, interval) => {
                let at = Timestamp::parse_django(text).map_err(|_| "Enter a valid date/time.")?;
                bound.narrow(interval(filter), at.micros());
            }
            FilterKind::Number(set) => match decimal(text)? {
                Decimal::Whole(number) => set(filter, number),
                Decimal::Over(_) | Decimal::Beyond { .. } => filter.match_nothing(),
            },
            FilterKind::NumberBound(bound, interval) => match narrowed(*bound, decimal(text)?) {
                Narrowed::By(bound, number) => bound.narrow(interval(filter), number),
                Narrowed::Everything => {}
                Narrowed::Nothing => filter.match_nothing(),
            },
        }
        Ok(())
    }
}

fn decimal(text: &str) -> Result<Decimal, &'static str> {
    Decimal::parse(text).ok_or("Enter a number.")
}

/// The integers of 64 bits that a bound leaves.
enum Narrowed {
    By(Bound, i64),
    Everything,
    Nothing,
}

fn narrowed(bound: Bound, number: Decimal) -> Narrowed {
    match (bound, number) {
        (bound, Decimal::Whole(number)) => Narrowed::By(bound, number),
        (Bound::Exactly, _) => Narrowed::Nothing,
        // The number is between this integer and the next one.
        (Bound::Gt | Bound::Gte, Decimal::Over(floor)) => Narrowed::By(Bound::Gt, floor),
        (Bound::Lt | Bound::Lte, Decimal::Over(floor)) => Narrowed::By(Bound::Lte, floor),
        // The number is below or above all integers of 64 bits.
        (Bound::Gt | Bound::Gte, Decimal::Beyond { negative }) if negative => Narrowed::Everything,
        (Bound::Lt | Bound::Lte, Decimal::Beyond { negative }) if !negative => Narrowed::Everything,
        _ => Narrowed::Nothing,
    }
}

/// A name by which a published list can be sorted, and the field of the stream.
pub(crate) type SortName<F> = (&'static str, F);

/// Reads a sort such as `sort=content_type,-timestamp`. It drops unknown names.
pub(crate) fn read_sort<F: SortBy + Copy>(names: &[SortName<F>], params: &Params) -> Sort<F> {
    let asked = params.last("sort").unwrap_or("").split(',').map(str::trim);
    let keys = asked.filter_map(|name| {
        let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
        let (_, field) = names.iter().find(|(known, _)| *known == name)?;
        Some(SortKey { field: *field, descending })
    });
    Sort::by(keys.collect())
}
