//! The connection type that queries are written on.

/// A connection to either database. Queries are written once on this type; where that does not do, `dialect/` matches.
#[derive(diesel::MultiConnection)]
pub(crate) enum DbConnection {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

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
