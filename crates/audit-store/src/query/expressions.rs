//! Parts of statements that diesel does not have, so that a statement that is run often is prepared once for each connection.

use std::collections::BTreeSet;

use audit_domain::index_key;
use audit_domain::uuid::Uuid;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Nullable, Text};

use crate::connection::DbConnection;
use crate::dialect::ValueList;
use crate::schema::{action_logs, events};

/// The columns of a table in the order of the schema, which is that of the fields of the row; as one text, since diesel quotes each
/// identifier whenever it puts a statement together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryColumn<T>(pub(crate) T);

/// A table of entries, and its columns.
pub(crate) trait Columns {
    /// Of all columns.
    type SqlType: diesel::expression::TypedExpressionType;
    /// By comma.
    const NAMES: &'static str;
    /// Those of the values, as received.
    const VALUES: &'static [&'static str];
}

impl Columns for events::table {
    type SqlType = events::SqlType;
    const NAMES: &'static str = "channel_id, position, uuid, timestamp, recorded_at, producer_id, content_type, object_num, user_num, \
        action, table_name, object_id, user_id, user_name, remote_addr, url, seals, leaf_hash, subject_json, user_json, \
        remote_addr_json, url_json, query_params, post_data, headers, content, description_json, extra";
    const VALUES: &'static [&'static str] = &[
        "subject_json",
        "user_json",
        "remote_addr_json",
        "url_json",
        "query_params",
        "post_data",
        "headers",
        "content",
        "description_json",
        "extra",
    ];
}

impl Columns for action_logs::table {
    type SqlType = action_logs::SqlType;
    const NAMES: &'static str = "channel_id, position, uuid, created_at, recorded_at, producer_id, level, logger_name, app_name, seals, \
        leaf_hash, subject_json, message, trace, extra";
    const VALUES: &'static [&'static str] = &["subject_json", "message", "trace", "extra"];
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

/// The bytes of the values of a row, of which some may be null. Both databases know them without reading the values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueBytes<T>(pub(crate) T);

impl<T> Expression for ValueBytes<T> {
    type SqlType = BigInt;
}

impl<T: Columns> AppearsOnTable<T> for ValueBytes<T> {}

impl<T: Columns> SelectableExpression<T> for ValueBytes<T> {}

impl<T, G> ValidGrouping<G> for ValueBytes<T> {
    type IsAggregate = is_aggregate::No;
}

impl<T: QueryId> QueryId for ValueBytes<T> {
    type QueryId = ValueBytes<T::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
}

impl<T: Columns, DB: Backend> QueryFragment<DB> for ValueBytes<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("CAST(0");
        for column in T::VALUES {
            out.push_sql(" + COALESCE(octet_length(");
            out.push_sql(column);
            out.push_sql("), 0)");
        }
        out.push_sql(" AS BIGINT)");
        Ok(())
    }
}

/// Whether a column has one of some numbers, which are one parameter: a list with a parameter for each number is another statement for
/// each length.
#[derive(Debug, Clone, QueryId)]
pub(crate) struct Among<C> {
    column: C,
    values: ValueList,
}

/// `column IN (numbers)`, however many they are.
pub(crate) fn among<C>(conn: &DbConnection, column: C, numbers: &[i64]) -> Among<C> {
    Among { column, values: ValueList::of_numbers(conn, numbers) }
}

impl<C: Expression> Expression for Among<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<T>, T> AppearsOnTable<T> for Among<C> {}

impl<C: SelectableExpression<T>, T> SelectableExpression<T> for Among<C> {}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for Among<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C, DB> QueryFragment<DB> for Among<C>
where
    C: QueryFragment<DB>,
    DB: Backend + HasSqlType<Text>,
    Option<String>: ToSql<Nullable<Text>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        self.values.walk_ast(out)
    }
}

/// What a filter asks of a column by lists: to have one of some values, and none of others. The same statement whatever is asked, since
/// a list of which nothing is asked is NULL.
#[derive(Debug, Clone, QueryId)]
pub(crate) struct Listed<C> {
    column: C,
    one_of: ValueList,
    none_of: ValueList,
}

/// Of a column of numbers, which may have to be one of them as well.
pub(crate) fn numbers_listed<C>(
    conn: &DbConnection,
    column: C,
    equal: Option<i64>,
    one_of: &BTreeSet<i64>,
    none_of: &BTreeSet<i64>,
) -> Listed<C> {
    let (one_of, none_of) = (narrowed(equal, one_of), narrowed(None, none_of));
    let list = |numbers: Option<Vec<i64>>| ValueList::numbers_asked(conn, numbers.as_deref());
    Listed { column, one_of: list(one_of), none_of: list(none_of) }
}

/// Of a column of texts, which are stored as their index keys.
pub(crate) fn texts_listed<C>(
    conn: &DbConnection,
    column: C,
    equal: &Option<String>,
    one_of: &BTreeSet<String>,
    none_of: &BTreeSet<String>,
) -> Listed<C> {
    let list = |texts: Option<Vec<String>>| {
        let keys = texts.map(|texts| texts.iter().map(|text| index_key(text.as_bytes())).collect::<Vec<_>>());
        ValueList::texts_asked(conn, keys.as_deref())
    };
    let (one_of, none_of) = (narrowed(equal.clone(), one_of), narrowed(None, none_of));
    Listed { column, one_of: list(one_of), none_of: list(none_of) }
}

/// Uuids as they are stored.
pub(crate) fn bytes_of(uuids: &BTreeSet<Uuid>) -> Vec<Vec<u8>> {
    uuids.iter().map(|uuid| uuid.as_bytes().to_vec()).collect()
}

/// The values that are left of a set where one of them is asked for as well; `None` where nothing is asked.
fn narrowed<T: Ord + Clone>(equal: Option<T>, one_of: &BTreeSet<T>) -> Option<Vec<T>> {
    match equal {
        Some(value) if one_of.is_empty() || one_of.contains(&value) => Some(vec![value]),
        Some(_) => Some(Vec::new()),
        None => (!one_of.is_empty()).then(|| one_of.iter().cloned().collect()),
    }
}

impl<C: Expression> Expression for Listed<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<T>, T> AppearsOnTable<T> for Listed<C> {}

impl<C: SelectableExpression<T>, T> SelectableExpression<T> for Listed<C> {}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for Listed<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C, DB> QueryFragment<DB> for Listed<C>
where
    C: QueryFragment<DB>,
    DB: Backend + HasSqlType<Text>,
    Option<String>: ToSql<Nullable<Text>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("((");
        self.one_of.push_list(&mut out)?;
        out.push_sql(" IS NULL OR ");
        self.column.walk_ast(out.reborrow())?;
        self.one_of.walk_ast(out.reborrow())?;
        out.push_sql(") AND (");
        self.none_of.push_list(&mut out)?;
        out.push_sql(" IS NULL OR ");
        self.column.walk_ast(out.reborrow())?;
        // What has no value has none of these, which NOT alone would not say.
        out.push_sql(" IS NULL OR NOT ");
        self.column.walk_ast(out.reborrow())?;
        self.none_of.walk_ast(out.reborrow())?;
        out.push_sql("))");
        Ok(())
    }
}

/// A condition of a statement that is not kept prepared: there are as many as there are combinations of what can be asked for.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct NotKept<E>(pub(crate) E);

impl<E: Expression> Expression for NotKept<E> {
    type SqlType = E::SqlType;
}

impl<E: AppearsOnTable<T>, T> AppearsOnTable<T> for NotKept<E> {}

impl<E: SelectableExpression<T>, T> SelectableExpression<T> for NotKept<E> {}

impl<E: ValidGrouping<G>, G> ValidGrouping<G> for NotKept<E> {
    type IsAggregate = E::IsAggregate;
}

impl<E: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for NotKept<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        self.0.walk_ast(out)
    }
}

/// What a filter asks of a value, or true where it asks nothing: the same statement for each combination of what is asked for.
/// `if_asked!(BigInt, level, column.ge(level))`, with an `Option` of a value.
macro_rules! if_asked {
    ($sql_type:ty, $value:expr, $condition:expr) => {
        diesel::BoolExpressionMethods::or(
            diesel::NullableExpressionMethods::nullable($condition),
            diesel::ExpressionMethods::is_null(diesel::IntoSql::into_sql::<diesel::sql_types::Nullable<$sql_type>>($value)),
        )
    };
}

pub(crate) use if_asked;
