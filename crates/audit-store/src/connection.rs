//! The connection type that queries are written on.

/// A connection to either database. Queries are written once on this type; where that does not do, `dialect/` matches.
#[derive(diesel::MultiConnection)]
pub(crate) enum DbConnection {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

/// Runs a statement on the connection inside: `on_inner!(conn, |conn| statement.load(conn))`. For statements that are kept prepared and
/// run for every request: the connection inside finds them by their type, while [`DbConnection`] first puts each together as text,
/// several times.
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

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Queries of any shape, which may take long.
    Read,
    /// Queries by key, which are short.
    PointRead,
    /// A writer.
    Write,
}
