//! A list of numbers as one parameter, and the condition that a column has one of them.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, Text};

use crate::connection::DbConnection;

/// The end of a condition: whether the expression before it is one of the numbers. The SQL is the
/// same for any number of them.
#[derive(Debug, Clone)]
pub(crate) struct NumberList {
    before: &'static str,
    list: String,
    after: &'static str,
}

impl NumberList {
    pub(crate) fn new(conn: &DbConnection, numbers: &[i64]) -> NumberList {
        let list = numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        match conn {
            DbConnection::Sqlite(_) => {
                NumberList { before: " IN (SELECT value FROM json_each(", list: format!("[{list}]"), after: "))" }
            }
            DbConnection::Postgres(_) => {
                // This is a subquery, so the planner does not know the number of values. For a
                // table that was never analysed, the planner assumes a few rows in a channel, and
                // would compare each of them with a thousand numbers instead of looking up each
                // number.
                NumberList { before: " = ANY(ARRAY(SELECT unnest(CAST(", list: format!("{{{list}}}"), after: " AS BIGINT[]))))" }
            }
        }
    }
}

impl<DB> QueryFragment<DB> for NumberList
where
    DB: Backend + HasSqlType<Text>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.before);
        out.push_bind_param::<Text, _>(&self.list)?;
        out.push_sql(self.after);
        Ok(())
    }
}

/// Whether a column has one of some numbers. The numbers are one parameter, because with a
/// parameter for each number, every length would be another statement.
#[derive(Debug, Clone, QueryId)]
pub(crate) struct Among<C> {
    column: C,
    numbers: NumberList,
}

/// `column IN (numbers)`, for any count of numbers.
pub(crate) fn among<C>(conn: &DbConnection, column: C, numbers: &[i64]) -> Among<C> {
    Among { column, numbers: NumberList::new(conn, numbers) }
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
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        self.numbers.walk_ast(out)
    }
}
