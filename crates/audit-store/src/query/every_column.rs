//! All columns of a table of entries, as one text.
//!
//! diesel puts a statement together for every execution, and quotes each identifier. For the 28 columns of an event that takes longer
//! than the check of the row against its leaf hash.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

use crate::schema::{action_logs, events};

/// The columns of a table in the order of the schema, which is that of the fields of the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryColumn<T>(pub(crate) T);

/// A table of entries, and its columns.
pub(crate) trait Columns {
    /// Of all columns.
    type SqlType: diesel::expression::TypedExpressionType;
    /// By comma.
    const NAMES: &'static str;
}

impl Columns for events::table {
    type SqlType = events::SqlType;
    const NAMES: &'static str = "channel_id, position, uuid, timestamp, recorded_at, producer_id, content_type, object_num, user_num, \
        action, table_name, object_id, user_id, user_name, remote_addr, url, seals, leaf_hash, subject_json, user_json, \
        remote_addr_json, url_json, query_params, post_data, headers, content, description_json, extra";
}

impl Columns for action_logs::table {
    type SqlType = action_logs::SqlType;
    const NAMES: &'static str = "channel_id, position, uuid, created_at, recorded_at, producer_id, level, logger_name, app_name, seals, \
        leaf_hash, subject_json, message, trace, extra";
}

impl<T: Columns> Expression for EveryColumn<T> {
    type SqlType = T::SqlType;
}

impl<T: Columns> AppearsOnTable<T> for EveryColumn<T> {}

impl<T: Columns> SelectableExpression<T> for EveryColumn<T> {}

impl<T, G> ValidGrouping<G> for EveryColumn<T> {
    type IsAggregate = is_aggregate::No;
}

impl<T: QueryId> QueryId for EveryColumn<T> {
    type QueryId = EveryColumn<T::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
}

impl<T: Columns, DB: Backend> QueryFragment<DB> for EveryColumn<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(T::NAMES);
        Ok(())
    }
}
