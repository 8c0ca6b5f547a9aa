//! Parts of statements that diesel lacks. With them, each connection prepares a frequent statement
//! once.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;

use crate::row::Columns;

/// The columns of a table in the order of the fields of its row. They are one text, because diesel
/// quotes each identifier whenever it builds a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryColumn<T>(pub(crate) T);

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

/// The bytes of the values of a row, of which some may be null. Both databases know the bytes
/// without reading the values.
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

/// A condition of a statement that is not kept prepared, because each combination of conditions is
/// another statement.
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

/// The condition of a filter on a value, or true if the filter has none: `if_asked!(BigInt, level,
/// column.ge(level))`, with an `Option` of a value. So all combinations of conditions use the same
/// statement.
macro_rules! if_asked {
    ($sql_type:ty, $value:expr, $condition:expr) => {
        diesel::BoolExpressionMethods::or(
            diesel::NullableExpressionMethods::nullable($condition),
            diesel::ExpressionMethods::is_null(diesel::IntoSql::into_sql::<diesel::sql_types::Nullable<$sql_type>>($value)),
        )
    };
}

pub(crate) use if_asked;
