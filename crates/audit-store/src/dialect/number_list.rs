//! A list of numbers as one parameter.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Text};

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
