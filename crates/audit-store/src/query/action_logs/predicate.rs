//! A filter of action logs as SQL, but for its search. What it has to mean is [`ActionLogFilter::matches`].

use audit_domain::{ActionLogFilter, Interval, index_key};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::connection::Backend;
use crate::query::{VALUES_MAX, in_list};
use crate::schema::action_logs;

pub(super) type Predicate = Box<dyn BoxableExpression<action_logs::table, Backend, SqlType = Bool>>;

/// The records of one channel that match.
pub(super) fn of(channel_id: i64, filter: &ActionLogFilter) -> Predicate {
    conditions(filter).into_iter().fold(Box::new(action_logs::channel_id.eq(channel_id)), |all, one| Box::new(all.and(one)))
}

/// The records of several channels that match.
pub(super) fn of_any(channels: Vec<i64>, filter: &ActionLogFilter) -> Predicate {
    let among: Predicate = if channels.len() > VALUES_MAX {
        Box::new(sql::<Bool>(&in_list("channel_id", &channels)))
    } else {
        Box::new(action_logs::channel_id.eq_any(channels))
    };
    conditions(filter).into_iter().fold(among, |all, one| Box::new(all.and(one)))
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
