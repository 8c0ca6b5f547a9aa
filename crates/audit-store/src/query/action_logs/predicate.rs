//! A filter of action logs as SQL, but for its search. What it has to mean is [`ActionLogFilter::matches`].

use std::ops::Range;

use audit_domain::{ActionLogFilter, ActionLogValues, Interval, index_key};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::connection::{Backend, DbConnection};
use crate::query::expressions::{NotKept, among, bytes_of, if_asked, numbers_listed, texts_listed};
use crate::schema::action_logs;

pub(super) type Predicate = Box<dyn BoxableExpression<action_logs::table, Backend, SqlType = Bool>>;

/// The records of one channel that match.
pub(super) fn of(conn: &DbConnection, channel_id: i64, filter: &ActionLogFilter) -> Predicate {
    let of_log: Predicate = Box::new(NotKept(action_logs::channel_id.eq(channel_id)));
    conditions(conn, filter).into_iter().fold(of_log, |all, one| Box::new(all.and(one)))
}

/// The records of several channels that match.
pub(super) fn of_any(conn: &DbConnection, channels: &[i64], filter: &ActionLogFilter) -> Predicate {
    let among: Predicate = Box::new(NotKept(among(conn, action_logs::channel_id, channels)));
    conditions(conn, filter).into_iter().fold(among, |all, one| Box::new(all.and(one)))
}

/// When the records at some positions happened that match, and their positions. One statement for whatever is asked, kept prepared.
pub(super) fn points(
    conn: &mut DbConnection,
    channel_id: i64,
    positions: Range<i64>,
    filter: &ActionLogFilter,
) -> QueryResult<Vec<(i64, i64)>> {
    use action_logs as a;
    // Every field by name: one that is added must not be forgotten here. Uuids and searches are not asked of an index.
    let ActionLogFilter { never: _, uuid: _, search: _, level, logger_name, app_name, one_of, none_of, .. } = filter;
    let ActionLogFilter { created_at, recorded_at, position, .. } = filter;
    let levels = numbers_listed(conn, a::level, None, &one_of.level, &none_of.level);
    let logger_name = texts_listed(conn, a::logger_name, logger_name, &one_of.logger_name, &none_of.logger_name);
    let app_name = texts_listed(conn, a::app_name, app_name, &one_of.app_name, &none_of.app_name);
    let (from, to) = (positions.start.max(position.start), positions.end.min(position.end));
    a::table
        .filter(a::channel_id.eq(channel_id).and(a::position.ge(from)).and(a::position.lt(to)))
        // No range of an index: these positions are few, and a range of time may be all of it.
        .filter((a::created_at + 0).ge(created_at.start).and((a::created_at + 0).lt(created_at.end)))
        .filter(a::recorded_at.ge(recorded_at.start).and(a::recorded_at.lt(recorded_at.end)))
        .filter(if_asked!(BigInt, level.lower(), a::level.ge(level.lower())))
        .filter(if_asked!(BigInt, level.upper(), a::level.lt(level.upper())))
        .filter(levels)
        .filter(logger_name)
        .filter(app_name)
        .select((a::created_at, a::position))
        .load(conn)
}

fn conditions(conn: &DbConnection, filter: &ActionLogFilter) -> Vec<Predicate> {
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
    all.extend(listed(conn, &filter.one_of, &filter.none_of));
    if filter.position.lower().is_some() {
        // No range of an index: the positions after an index are few, and a range of time may be all of it.
        all.extend(interval(action_logs::created_at + 0, filter.created_at));
    } else {
        all.extend(interval(action_logs::created_at, filter.created_at));
    }
    all.extend(interval(action_logs::recorded_at, filter.recorded_at));
    all.extend(interval(action_logs::position, filter.position));
    all
}

/// What is asked by lists of values.
fn listed(conn: &DbConnection, one_of: &ActionLogValues, none_of: &ActionLogValues) -> Vec<Predicate> {
    use action_logs as a;
    let mut all: Vec<Predicate> = Vec::new();
    if !one_of.uuid.is_empty() {
        all.push(Box::new(a::uuid.eq_any(bytes_of(&one_of.uuid))));
    }
    if !none_of.uuid.is_empty() {
        all.push(Box::new(a::uuid.ne_all(bytes_of(&none_of.uuid))));
    }
    if !(one_of.level.is_empty() && none_of.level.is_empty()) {
        all.push(Box::new(numbers_listed(conn, a::level, None, &one_of.level, &none_of.level)));
    }
    if !(one_of.logger_name.is_empty() && none_of.logger_name.is_empty()) {
        all.push(Box::new(texts_listed(conn, a::logger_name, &None, &one_of.logger_name, &none_of.logger_name)));
    }
    if !(one_of.app_name.is_empty() && none_of.app_name.is_empty()) {
        all.push(Box::new(texts_listed(conn, a::app_name, &None, &one_of.app_name, &none_of.app_name)));
    }
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
