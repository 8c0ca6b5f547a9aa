//! A filter as SQL. What it has to mean is [`EventFilter::matches`].

use std::ops::Range;

use audit_domain::{EventFilter, EventValues, Interval, index_key};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::connection::{Backend, DbConnection};
use crate::query::expressions::{NotKept, among, bytes_of, if_asked, numbers_listed, texts_listed};
use crate::schema::events;

pub(super) type Predicate = Box<dyn BoxableExpression<events::table, Backend, SqlType = Bool>>;

/// The events of one channel that match. Texts are compared by their index keys, as they are stored.
pub(super) fn of(conn: &DbConnection, channel_id: i64, filter: &EventFilter) -> Predicate {
    let of_log: Predicate = Box::new(NotKept(events::channel_id.eq(channel_id)));
    conditions(conn, filter).into_iter().fold(of_log, |all, one| Box::new(all.and(one)))
}

/// The events of several channels that match.
pub(super) fn of_any(conn: &DbConnection, channels: &[i64], filter: &EventFilter) -> Predicate {
    let among: Predicate = Box::new(NotKept(among(conn, events::channel_id, channels)));
    conditions(conn, filter).into_iter().fold(among, |all, one| Box::new(all.and(one)))
}

/// When the events at some positions happened that match, and their positions. One statement for whatever is asked, kept prepared.
pub(super) fn points(
    conn: &mut DbConnection,
    channel_id: i64,
    positions: Range<i64>,
    filter: &EventFilter,
) -> QueryResult<Vec<(i64, i64)>> {
    use events as e;
    // Every field by name: one that is added must not be forgotten here. Uuids are not asked of an index.
    let EventFilter { never: _, uuid: _, content_type, table_name, object_id, user, person, action, url, remote_addr, .. } = filter;
    let EventFilter { one_of, none_of, timestamp, recorded_at, position, .. } = filter;
    let content_type = numbers_listed(conn, e::content_type, *content_type, &one_of.content_type, &none_of.content_type);
    let table_name = texts_listed(conn, e::table_name, table_name, &one_of.table_name, &none_of.table_name);
    let object_id = texts_listed(conn, e::object_id, object_id, &one_of.object_id, &none_of.object_id);
    let user = texts_listed(conn, e::user_id, user, &one_of.user, &none_of.user);
    let action = texts_listed(conn, e::action, action, &one_of.action, &none_of.action);
    let url = texts_listed(conn, e::url, url, &one_of.url, &none_of.url);
    let remote_addr = texts_listed(conn, e::remote_addr, remote_addr, &one_of.remote_addr, &none_of.remote_addr);
    let person = &person.as_ref().map(|text| index_key(text.as_bytes()));
    let (from, to) = (positions.start.max(position.start), positions.end.min(position.end));
    e::table
        .filter(e::channel_id.eq(channel_id).and(e::position.ge(from)).and(e::position.lt(to)))
        // No range of an index: these positions are few, and a range of time may be all of it.
        .filter((e::timestamp + 0).ge(timestamp.start).and((e::timestamp + 0).lt(timestamp.end)))
        .filter(e::recorded_at.ge(recorded_at.start).and(e::recorded_at.lt(recorded_at.end)))
        .filter(if_asked!(Text, person, e::user_id.eq(person).or(e::user_name.eq(person))))
        .filter(content_type)
        .filter(table_name)
        .filter(object_id)
        .filter(user)
        .filter(action)
        .filter(url)
        .filter(remote_addr)
        .select((e::timestamp, e::position))
        .load(conn)
}

fn conditions(conn: &DbConnection, filter: &EventFilter) -> Vec<Predicate> {
    let mut all: Vec<Predicate> = Vec::new();
    let mut and = |condition: Predicate| all.push(condition);
    let key = |text: &str| index_key(text.as_bytes());
    if let Some(uuid) = filter.uuid {
        and(Box::new(events::uuid.eq(uuid.as_bytes().to_vec())));
    }
    if let Some(content_type) = filter.content_type {
        and(Box::new(events::content_type.assume_not_null().eq(content_type)));
    }
    if let Some(text) = &filter.table_name {
        and(Box::new(events::table_name.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.object_id {
        and(Box::new(events::object_id.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.user {
        and(Box::new(events::user_id.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.person {
        let (id, name) = (events::user_id.assume_not_null(), events::user_name.assume_not_null());
        and(Box::new(id.eq(key(text)).or(name.eq(key(text)))));
    }
    if let Some(text) = &filter.action {
        and(Box::new(events::action.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.url {
        and(Box::new(events::url.assume_not_null().eq(key(text))));
    }
    if let Some(text) = &filter.remote_addr {
        and(Box::new(events::remote_addr.assume_not_null().eq(key(text))));
    }
    listed(conn, &filter.one_of, &filter.none_of).into_iter().for_each(&mut and);
    if filter.position.lower().is_some() {
        // No range of an index: the positions after an index are few, and a range of time may be all of it.
        interval(events::timestamp + 0, filter.timestamp).for_each(&mut and);
    } else {
        interval(events::timestamp, filter.timestamp).for_each(&mut and);
    }
    for bound in interval(events::recorded_at, filter.recorded_at) {
        and(bound);
    }
    for bound in interval(events::position, filter.position) {
        and(bound);
    }
    all
}

/// What is asked by lists of values.
fn listed(conn: &DbConnection, one_of: &EventValues, none_of: &EventValues) -> Vec<Predicate> {
    use events as e;
    let mut all: Vec<Predicate> = Vec::new();
    if !one_of.uuid.is_empty() {
        all.push(Box::new(e::uuid.eq_any(bytes_of(&one_of.uuid))));
    }
    if !none_of.uuid.is_empty() {
        all.push(Box::new(e::uuid.ne_all(bytes_of(&none_of.uuid))));
    }
    let (numbers, others) = (&one_of.content_type, &none_of.content_type);
    if !(numbers.is_empty() && others.is_empty()) {
        all.push(Box::new(numbers_listed(conn, e::content_type, None, numbers, others)));
    }
    macro_rules! texts {
        ($column:ident, $field:ident) => {
            if !(one_of.$field.is_empty() && none_of.$field.is_empty()) {
                all.push(Box::new(texts_listed(conn, e::$column, &None, &one_of.$field, &none_of.$field)));
            }
        };
    }
    texts!(table_name, table_name);
    texts!(object_id, object_id);
    texts!(user_id, user);
    texts!(action, action);
    texts!(url, url);
    texts!(remote_addr, remote_addr);
    all
}

fn interval<C>(column: C, interval: Interval) -> impl Iterator<Item = Predicate>
where
    C: Clone + ExpressionMethods + Expression<SqlType = diesel::sql_types::BigInt> + 'static,
    diesel::dsl::GtEq<C, i64>: BoxableExpression<events::table, Backend, SqlType = Bool>,
    diesel::dsl::Lt<C, i64>: BoxableExpression<events::table, Backend, SqlType = Bool>,
{
    let from = interval.lower().map(|start| Box::new(column.clone().ge(start)) as Predicate);
    let to = interval.upper().map(|end| Box::new(column.lt(end)) as Predicate);
    from.into_iter().chain(to)
}
