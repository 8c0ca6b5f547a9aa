//! A list of values as one parameter.

use audit_domain::JsonText;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Nullable, Text};

use crate::connection::DbConnection;

/// The end of a condition: whether what is before it is one of the values, however many they are. A column is compared either with
/// numbers or with texts, so its type says which of the two statements it is.
#[derive(Debug, Clone)]
pub(crate) struct ValueList {
    before: &'static str,
    /// `None` where nothing is asked.
    list: Option<String>,
    after: &'static str,
}

impl ValueList {
    pub(crate) fn of_numbers(conn: &DbConnection, numbers: &[i64]) -> ValueList {
        ValueList::numbers_asked(conn, Some(numbers))
    }

    /// Of numbers, or NULL for the list.
    pub(crate) fn numbers_asked(conn: &DbConnection, numbers: Option<&[i64]>) -> ValueList {
        let list = numbers.map(|numbers| numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
        ValueList::new(conn, list, " AS BIGINT[]))")
    }

    /// Of texts in the form of their index keys, which have no character that a database does not take; or NULL for the list.
    pub(crate) fn texts_asked(conn: &DbConnection, texts: Option<&[String]>) -> ValueList {
        let quoted = |text: &String| match conn {
            DbConnection::Sqlite(_) => JsonText::string(text).as_str().to_owned(),
            DbConnection::Postgres(_) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        };
        let list = texts.map(|texts| texts.iter().map(quoted).collect::<Vec<_>>().join(","));
        ValueList::new(conn, list, " AS TEXT[]))")
    }

    fn new(conn: &DbConnection, list: Option<String>, postgres_type: &'static str) -> ValueList {
        match conn {
            DbConnection::Sqlite(_) => {
                let list = list.map(|list| format!("[{list}]"));
                ValueList { before: " IN (SELECT value FROM json_each(", list, after: "))" }
            }
            DbConnection::Postgres(_) => {
                let list = list.map(|list| format!("{{{list}}}"));
                ValueList { before: " = ANY(CAST(", list, after: postgres_type }
            }
        }
    }

    /// The parameter alone.
    pub(crate) fn push_list<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Text>,
        Option<String>: ToSql<Nullable<Text>, DB>,
    {
        out.push_bind_param::<Nullable<Text>, _>(&self.list)
    }
}

impl<DB> QueryFragment<DB> for ValueList
where
    DB: Backend + HasSqlType<Text>,
    Option<String>: ToSql<Nullable<Text>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.before);
        self.push_list(&mut out)?;
        out.push_sql(self.after);
        Ok(())
    }
}
