//! Generated records with many ties, nulls and odd values, and questions about them.

mod action_logs;
mod events;

use std::collections::BTreeSet;
use std::fmt::Debug;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{Interval, ParseMode, Sort, SortKey, index_key};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::common::{Kind, Scratch};

/// What is generated of a kind.
pub(crate) trait Population: Kind {
    /// One record in the native shape.
    fn record() -> BoxedStrategy<String>;

    /// Any combination of conditions, none and single ones included, but for bounds and uuid.
    fn conditions() -> BoxedStrategy<Self::Filter>;

    /// What lists can be ordered by.
    fn fields() -> Vec<Self::SortField>;

    /// The parts of a filter that are taken from the population.
    fn bounds(filter: &mut Self::Filter) -> Bounds<'_>;
}

/// Conditions that both kinds have.
pub(crate) struct Bounds<'a> {
    uuid: &'a mut Option<Uuid>,
    one_of: &'a mut BTreeSet<Uuid>,
    none_of: &'a mut BTreeSet<Uuid>,
    time: &'a mut Interval,
    recorded_at: &'a mut Interval,
    position: &'a mut Interval,
}

/// Channels that are written to, and one that is not.
pub(crate) const CHANNELS: [i64; 3] = [0, 1, i64::MAX];
pub(crate) const CHANNEL_UNUSED: i64 = 5;

/// JSON strings: spelled differently and equal, too long, with characters no index takes.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        r#""a""#,
        r#""\u0061""#,
        r#""A""#,
        r#""a ""#,
        r#""""#,
        r#""é""#,
        r#""\u00e9""#,
        r#""😀""#,
        r#""\ud83d\ude00""#,
        r#""a\u0000b""#,
        r#""a\u0000c""#,
        r#""\u0000""#,
        r#""a\u0001b""#,
        r#""\ud800""#,
        r#""\ud800x""#,
        r#""\udc00""#,
        r#""\ud800\n""#,
        r#""a/b""#,
        r#""a\/b""#,
        r#""%_'\"""#,
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend(["x".repeat(255), "x".repeat(256), format!("{}y", "x".repeat(255)), "é".repeat(255), "é".repeat(256)].map(quoted));
    texts
}

fn quoted(text: String) -> String {
    format!("\"{text}\"")
}

const TIMESTAMPS: [&str; 9] = [
    "0001-01-01T00:00:00Z",
    "1969-12-31T22:59:59.999999Z",
    "1969-12-31T23:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "2023-10-16T09:00:00Z",
    "2023-10-16T09:00:00.000001Z",
    "2023-10-17T09:00:00Z",
    "9999-12-31T23:59:59.999999Z",
];

fn member(name: &'static str, pool: Vec<String>) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.75, select(pool).prop_map(move |value| format!("\"{name}\":{value}")))
}

/// Several batches of records.
pub(crate) fn batches<K: Population>() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(K::record(), 1..30), 1..6)
}

/// Stores the batches and reads every record back by its uuid.
pub(crate) fn stored<K: Kind>(scratch: &Scratch, batches: &[Vec<String>]) -> Vec<K::Stored> {
    let read = |json: &String| K::parse(json, ParseMode::LENIENT).unwrap();
    let receipts = batches.iter().flat_map(|batch| scratch.append(batch.iter().map(read).collect()));
    receipts.map(|receipt| scratch.get_of::<K>(&receipt)).collect()
}

/// The same, several times over and with an index in between: so each log is long enough for segments of two sizes, and has entries
/// after the last one.
pub(crate) fn indexed<K: Kind>(scratch: &Scratch, batches: &[Vec<String>]) -> Vec<K::Stored> {
    let mut records = Vec::new();
    for round in 0..12 {
        records.extend(stored::<K>(scratch, batches));
        if [2, 3, 10].contains(&round) {
            scratch.store.index().unwrap();
        }
    }
    records
}

/// A filter whose bounds are taken from the population once it is stored: an `Index` picks a record.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<F> {
    filter: F,
    uuid_of: Option<prop::sample::Index>,
    /// Uuids of which it is one, or is none.
    uuids_of: Vec<(bool, prop::sample::Index)>,
    spans: Vec<(u8, bool, bool, prop::sample::Index)>,
}

impl<F: Clone> Wanted<F> {
    pub(crate) fn filter<K: Population<Filter = F>>(&self, records: &[K::Stored]) -> F {
        let mut filter = self.filter.clone();
        let bounds = K::bounds(&mut filter);
        *bounds.uuid = self.uuid_of.map(|index| index.get(records).as_ref().uuid);
        for (is_wanted, index) in &self.uuids_of {
            let uuids = if *is_wanted { &mut *bounds.one_of } else { &mut *bounds.none_of };
            uuids.insert(index.get(records).as_ref().uuid);
        }
        for (column, lower, inclusive, index) in &self.spans {
            let record = index.get(records);
            let (interval, value) = match column {
                0 => (&mut *bounds.time, record.as_ref().timestamp.micros()),
                1 => (&mut *bounds.recorded_at, record.as_ref().recorded_at.micros()),
                _ => (&mut *bounds.position, record.as_ref().position),
            };
            narrow(interval, *lower, *inclusive, value);
        }
        filter
    }
}

fn narrow(interval: &mut Interval, lower: bool, inclusive: bool, value: i64) {
    match (lower, inclusive) {
        (true, true) => interval.ge(value),
        (true, false) => interval.gt(value),
        (false, true) => interval.le(value),
        (false, false) => interval.lt(value),
    }
}

/// Conditions, with bounds and a uuid.
pub(crate) fn wanted<K: Population>() -> impl Strategy<Value = Wanted<K::Filter>> {
    let spans = prop::collection::vec((0u8..3, any::<bool>(), any::<bool>(), any::<prop::sample::Index>()), 0..3);
    let uuid_of = prop::option::weighted(0.05, any::<prop::sample::Index>());
    let some = prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..9);
    let uuids_of = prop_oneof![19 => Just(Vec::new()), 1 => some];
    (K::conditions(), spans, uuid_of, uuids_of).prop_map(|(filter, spans, uuid_of, uuids_of)| Wanted {
        filter,
        uuid_of,
        uuids_of,
        spans,
    })
}

/// What is looked for: the characters of a pooled text, and texts that only look like what is stored.
fn characters(pool: Vec<String>) -> Vec<String> {
    let decode = |json: &String| audit_store::domain::JsonText::parse(json).unwrap().decoded();
    let mut sought: Vec<String> = pool
        .iter()
        .map(|json| decode(json).map_or_else(|| json.clone(), |text| String::from_utf8_lossy(text.as_bytes()).into_owned()))
        .collect();
    let stored_forms: Vec<String> = sought.iter().map(|text| index_key(text.as_bytes())).collect();
    sought.extend(stored_forms);
    sought.push("absent".to_owned());
    sought
}

/// One text that is looked for.
fn sought(pool: Vec<String>) -> impl Strategy<Value = Option<String>> {
    select(characters(pool)).prop_map(Some)
}

/// Several values that are looked for, or are not wanted.
fn several<T: Clone + Ord + Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = BTreeSet<T>> {
    prop::collection::btree_set(select(values), 1..8)
}

/// Takes one condition of a filter over into another one.
type Take<F> = fn(&mut F, &F);

/// Keeps few of the conditions of a filter: one with all of them finds nothing, whatever they are.
fn few<F: Clone + Debug + Default + 'static>(
    filters: impl Strategy<Value = F>,
    takes: &[Take<F>],
    most: usize,
) -> impl Strategy<Value = F> {
    (filters, subsequence(takes.to_vec(), 0..=most)).prop_map(|(from, takes)| {
        let mut to = F::default();
        takes.into_iter().for_each(|take| take(&mut to, &from));
        to
    })
}

/// Up to three keys.
pub(crate) fn sorts<K: Population>() -> impl Strategy<Value = Sort<K::SortField>> {
    let key = (select(K::fields()), any::<bool>()).prop_map(|(field, descending)| SortKey { field, descending });
    prop::collection::vec(key, 0..4).prop_map(Sort::by)
}

/// Which channels are read: all, one, or some of them; one may hold nothing.
pub(crate) fn channels() -> impl Strategy<Value = Option<Vec<i64>>> {
    let known = [CHANNELS.as_slice(), &[CHANNEL_UNUSED]].concat();
    prop::option::weighted(0.7, subsequence(known, 0..=4))
}

/// Few cases, each of many questions: a population costs more than a question.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}
