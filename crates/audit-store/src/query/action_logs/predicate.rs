//! A filter of action logs as SQL, without its search, and in terms of the search index. [`ActionLogFilter::matches`] defines the
//! meaning.

use std::ops::Range;

use audit_domain::limits::LEVEL_MAX;
use audit_domain::{ActionLogFilter, ActionLogValues, Interval, index_key};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::connection::{Backend, DbConnection, on_inner};
use crate::dialect::among;
use crate::postings::{Condition, Dimension, Search, Term, numbers_of, one_text, texts_of};
use crate::query::expressions::{NotKept, if_asked};
use crate::query::{bytes_of, keys_of};
use crate::schema::action_logs;

pub(super) type Predicate = Box<dyn BoxableExpression<action_logs::table, Backend, SqlType = Bool>>;

/// Selects the matching records of one channel.
pub(super) fn for_channel(channel_id: i64, filter: &ActionLogFilter) -> Predicate {
    let of_log: Predicate = Box::new(NotKept(action_logs::channel_id.eq(channel_id)));
    conditions(filter).into_iter().fold(of_log, |all, one| Box::new(all.and(one)))
}

/// Selects the matching records of several channels.
pub(super) fn for_channels(conn: &DbConnection, channels: &[i64], filter: &ActionLogFilter) -> Predicate {
    let among: Predicate = Box::new(NotKept(among(conn, action_logs::channel_id, channels)));
    conditions(filter).into_iter().fold(among, |all, one| Box::new(all.and(one)))
}

/// Reads the times and positions of the matching records at some positions. It is one statement,
/// which stays prepared for all filters without lists of values.
pub(super) fn points(
    conn: &mut DbConnection,
    channel_id: i64,
    positions: Range<i64>,
    filter: &ActionLogFilter,
) -> QueryResult<Vec<(i64, i64)>> {
    use action_logs as a;
    // This names every field, so that a new field is not forgotten here. No index has uuids, and no
    // SQL does searches.
    let ActionLogFilter {
        matches_nothing: _,
        uuid: _,
        search: _,
        level,
        logger_name,
        app_name,
        correlation_id,
        one_of,
        none_of,
        created_at,
        recorded_at,
        position,
    } = filter;
    if !(one_of.is_empty() && none_of.is_empty()) {
        let mut filter = filter.clone();
        filter.position.ge(positions.start);
        filter.position.lt(positions.end);
        return a::table.filter(for_channel(channel_id, &filter)).select((a::created_at, a::position)).load(conn);
    }
    let key = |text: &Option<String>| text.as_ref().map(|text| index_key(text.as_bytes()));
    let (logger_name, app_name, correlation_id) = (&key(logger_name), &key(app_name), &key(correlation_id));
    let (from, to) = (positions.start.max(position.start), positions.end.min(position.end));
    let matching = a::table
        .filter(a::channel_id.eq(channel_id).and(a::position.ge(from)).and(a::position.lt(to)))
        // This avoids a range scan of an index: the positions are few, and a range of time may be
        // the whole log.
        .filter((a::created_at + 0).ge(created_at.start).and((a::created_at + 0).lt(created_at.end)))
        .filter(a::recorded_at.ge(recorded_at.start).and(a::recorded_at.lt(recorded_at.end)))
        .filter(if_asked!(BigInt, level.lower(), a::level.ge(level.lower())))
        .filter(if_asked!(BigInt, level.upper(), a::level.lt(level.upper())))
        .filter(if_asked!(Text, logger_name, a::logger_name.eq(logger_name)))
        .filter(if_asked!(Text, app_name, a::app_name.eq(app_name)))
        .filter(if_asked!(Text, correlation_id, a::correlation_id.eq(correlation_id)))
        .select((a::created_at, a::position));
    on_inner!(conn, |conn| matching.load(conn))
}

fn conditions(filter: &ActionLogFilter) -> Vec<Predicate> {
    let mut all: Vec<Predicate> = Vec::new();
    let key = |text: &str| index_key(text.as_bytes());
    if let Some(uuid) = filter.uuid {
        all.push(Box::new(action_logs::uuid.eq(uuid.as_bytes().to_vec())));
    }
    all.extend(interval(action_logs::level.assume_not_null(), filter.level));
    if let Some(text) = &filter.logger_name {
        all.push(Box::new(action_logs::logger_name.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.app_name {
        all.push(Box::new(action_logs::app_name.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.correlation_id {
        all.push(Box::new(action_logs::correlation_id.assume_not_null().eq(key(text))));
    }
    all.extend(listed(&filter.one_of, &filter.none_of));
    if filter.position.lower().is_some() {
        // This avoids a range scan of an index: the positions after an index are few, and a range
        // of time may be the whole log.
        all.extend(interval(action_logs::created_at + 0, filter.created_at));
    } else {
        all.extend(interval(action_logs::created_at, filter.created_at));
    }
    all.extend(interval(action_logs::recorded_at, filter.recorded_at));
    all.extend(interval(action_logs::position, filter.position));
    all
}

/// The conditions of the lists of values. A record that lacks the value has none of the unwanted
/// ones, which `NOT IN` alone would not express.
fn listed(one_of: &ActionLogValues, none_of: &ActionLogValues) -> Vec<Predicate> {
    use action_logs as a;
    // This names every field, so that a new field is not forgotten here.
    let ActionLogValues { uuid, level, logger_name, app_name, correlation_id } = one_of;
    let mut all: Vec<Predicate> = Vec::new();
    if !uuid.is_empty() {
        all.push(Box::new(a::uuid.eq_any(bytes_of(uuid))));
    }
    if !none_of.uuid.is_empty() {
        all.push(Box::new(a::uuid.ne_all(bytes_of(&none_of.uuid))));
    }
    if !level.is_empty() {
        all.push(Box::new(a::level.assume_not_null().eq_any(level.iter().copied().collect::<Vec<_>>())));
    }
    if !none_of.level.is_empty() {
        let others: Vec<i64> = none_of.level.iter().copied().collect();
        all.push(Box::new(a::level.is_null().or(a::level.assume_not_null().ne_all(others))));
    }
    macro_rules! texts {
        ($column:ident, $wanted:expr, $others:expr) => {
            if !$wanted.is_empty() {
                all.push(Box::new(a::$column.assume_not_null().eq_any(keys_of($wanted))));
            }
            if !$others.is_empty() {
                all.push(Box::new(a::$column.is_null().or(a::$column.assume_not_null().ne_all(keys_of($others)))));
            }
        };
    }
    texts!(logger_name, logger_name, &none_of.logger_name);
    texts!(app_name, app_name, &none_of.app_name);
    texts!(correlation_id, correlation_id, &none_of.correlation_id);
    all
}

fn interval<C>(column: C, interval: Interval) -> impl Iterator<Item = Predicate>
where
    C: Clone + ExpressionMethods + Expression<SqlType = BigInt> + 'static,
    diesel::dsl::GtEq<C, i64>: BoxableExpression<action_logs::table, Backend, SqlType = Bool>,
    diesel::dsl::Lt<C, i64>: BoxableExpression<action_logs::table, Backend, SqlType = Bool>,
{
    let from = interval.lower().map(|start| Box::new(column.clone().ge(start)) as Predicate);
    let to = interval.upper().map(|end| Box::new(column.lt(end)) as Predicate);
    from.into_iter().chain(to)
}

/// The same filter in terms of the search index. Returns `None` if the filter has a condition
/// that is not indexed.
pub(super) fn condition(filter: &ActionLogFilter) -> Option<Condition> {
    // This names every field, as above.
    let ActionLogFilter {
        matches_nothing,
        uuid,
        search,
        level,
        logger_name,
        app_name,
        correlation_id,
        one_of,
        none_of,
        created_at,
        recorded_at,
        position,
    } = filter;
    if *matches_nothing || uuid.is_some() || !one_of.uuid.is_empty() || !none_of.uuid.is_empty() {
        return None;
    }
    let texts = [(Dimension::LoggerName, logger_name), (Dimension::AppName, app_name), (Dimension::CorrelationId, correlation_id)];
    let search = match search {
        Some(part) => Some(Search::parse(part)?),
        None => None,
    };
    let mut all_of: Vec<Vec<Term>> = texts.into_iter().filter_map(|(dimension, text)| one_text(dimension, text)).collect();
    if *level != Interval::default() {
        let levels = (0..=LEVEL_MAX).filter(|number| level.contains(*number));
        all_of.push(levels.map(|number| Term::number(Dimension::Level, number)).collect());
    }
    all_of.extend(terms(one_of).filter(|terms| !terms.is_empty()));
    let none_of = terms(none_of).flatten().collect();
    Some(Condition {
        all_of,
        none_of,
        patterns: Vec::new(),
        asks_changed: false,
        search,
        time: *created_at,
        position: *position,
        recorded_at: *recorded_at,
    })
}

/// The terms of each list of values.
fn terms(values: &ActionLogValues) -> impl Iterator<Item = Vec<Term>> {
    let ActionLogValues { uuid: _, level, logger_name, app_name, correlation_id } = values;
    let texts = [
        texts_of(Dimension::LoggerName, logger_name),
        texts_of(Dimension::AppName, app_name),
        texts_of(Dimension::CorrelationId, correlation_id),
    ];
    std::iter::once(numbers_of(Dimension::Level, level)).chain(texts)
}
