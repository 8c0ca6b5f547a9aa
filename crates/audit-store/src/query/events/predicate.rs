//! A filter as SQL. What it has to mean is [`EventFilter::matches`].

use audit_domain::{EventFilter, Interval, index_key};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::connection::Backend;
use crate::query::{VALUES_MAX, in_list};
use crate::schema::events;

pub(super) type Predicate = Box<dyn BoxableExpression<events::table, Backend, SqlType = Bool>>;

/// The events of one channel that match. Texts are compared by their index keys, as they are stored.
pub(super) fn of(channel_id: i64, filter: &EventFilter) -> Predicate {
    conditions(filter).into_iter().fold(Box::new(events::channel_id.eq(channel_id)), |all, one| Box::new(all.and(one)))
}

/// The events of several channels that match.
pub(super) fn of_any(channels: Vec<i64>, filter: &EventFilter) -> Predicate {
    let among: Predicate = if channels.len() > VALUES_MAX {
        Box::new(sql::<Bool>(&in_list("channel_id", &channels)))
    } else {
        Box::new(events::channel_id.eq_any(channels))
    };
    conditions(filter).into_iter().fold(among, |all, one| Box::new(all.and(one)))
}

fn conditions(filter: &EventFilter) -> Vec<Predicate> {
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
