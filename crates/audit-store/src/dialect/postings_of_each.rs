//! A join of segments of the search index with their blocks.

use crate::connection::DbConnection;

/// The SQL around the condition of a join of segments, `s`, with their postings, `b`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostingsOfEach {
    pub(crate) begin: &'static str,
    pub(crate) end: &'static str,
}

impl PostingsOfEach {
    pub(crate) fn new(conn: &DbConnection) -> PostingsOfEach {
        match conn {
            DbConnection::Sqlite(_) => PostingsOfEach { begin: "JOIN postings b ON ", end: "" },
            // This is a subquery for each segment, and OFFSET keeps PostgreSQL from turning it into
            // a join. For a join, the planner decides by statistics, and before the first ANALYZE
            // it built a hash of all blocks of the log.
            DbConnection::Postgres(_) => {
                PostingsOfEach { begin: "CROSS JOIN LATERAL (SELECT b.terms FROM postings b WHERE ", end: " OFFSET 0) AS b" }
            }
        }
    }
}
