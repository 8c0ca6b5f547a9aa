//! Sort keys as SQL. What they have to mean is [`EventSort::compare`](audit_domain::EventSort::compare).

use audit_domain::{EventSort, SortField};
use diesel::expression::expression_types::NotSelectable;
use diesel::prelude::*;

use crate::connection::Backend;
use crate::schema::events;

type Key = Box<dyn BoxableExpression<events::table, Backend, SqlType = NotSelectable>>;

/// The keys of `ORDER BY`, ties included. Null sorts last in both directions; as a key of its own, since the databases
/// disagree about where it goes by itself.
pub(super) fn keys(sort: &EventSort) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in sort.keys() {
        let down = key.descending;
        match key.field {
            SortField::Timestamp => keys.push(directed(events::timestamp, down)),
            SortField::Uuid => keys.push(directed(events::uuid, down)),
            SortField::Position => keys.push(directed(events::position, down)),
            SortField::ContentType => {
                keys.push(Box::new(events::content_type.is_null().asc()));
                keys.push(directed(events::content_type, down));
            }
            SortField::ObjectId => {
                keys.push(Box::new(events::object_num.is_null().asc()));
                keys.push(directed(events::object_num, down));
                keys.push(Box::new(events::object_id.is_null().asc()));
                keys.push(directed(events::object_id, down));
            }
            SortField::User => {
                keys.push(Box::new(events::user_num.is_null().asc()));
                keys.push(directed(events::user_num, down));
                keys.push(Box::new(events::user_id.is_null().asc()));
                keys.push(directed(events::user_id, down));
            }
        }
    }
    keys.push(directed(events::position, sort.ties_descend()));
    keys
}

fn directed<C>(column: C, descending: bool) -> Key
where
    C: ExpressionMethods + 'static,
    diesel::dsl::Asc<C>: BoxableExpression<events::table, Backend, SqlType = NotSelectable>,
    diesel::dsl::Desc<C>: BoxableExpression<events::table, Backend, SqlType = NotSelectable>,
{
    if descending { Box::new(column.desc()) } else { Box::new(column.asc()) }
}
