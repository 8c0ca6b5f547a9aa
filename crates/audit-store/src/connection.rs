//! The connection type of the queries.

/// A connection to either database. A query is written once for this type. If the databases need
/// different SQL, `dialect/` has the `match`.
#[derive(diesel::MultiConnection)]
pub(crate) enum DbConnection {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

/// Runs a statement on the inner connection: `on_inner!(conn, |conn| statement.load(conn))`. For
/// statements that stay prepared and run for every request: the inner connection finds them by
/// their type, while [`DbConnection`] first builds the text of each several times.
macro_rules! on_inner {
    ($conn:expr, |$inner:ident| $run:expr) => {
        match $conn {
            $crate::connection::DbConnection::Sqlite($inner) => $run,
            $crate::connection::DbConnection::Postgres($inner) => $run,
        }
    };
}

pub(crate) use on_inner;

/// The backend of [`DbConnection`].
pub(crate) type Backend = MultiBackend;

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Queries of any shape, which may take long.
    Read,
    /// Queries by key, which are short.
    PointRead,
    /// Writes of a writer.
    Write,
}
