//! Two statements that diesel has no words for. They are built from a few pieces, and kept prepared as its own are.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, SmallInt, Text};
use diesel::{Connection, RunQueryDsl};

use crate::dialect::NumberList;

/// The block of each of some segments in which a term is if it is in the segment at all: the last one that does not begin after it.
#[derive(Debug, Clone, QueryId)]
pub(super) struct BlocksWith {
    pub(super) term: Vec<u8>,
    pub(super) channel_id: i64,
    pub(super) stream: i16,
    /// By their first positions.
    pub(super) segments: NumberList,
}

/// The blocks of some segments that have terms from one to another: from the one in which they may begin to the last one that begins with
/// one of them.
#[derive(Debug, Clone, QueryId)]
pub(super) struct BlocksOf {
    /// The least term that there may be, and the least that is not one of them any more.
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(super) channel_id: i64,
    pub(super) stream: i16,
    /// By their first positions.
    pub(super) segments: NumberList,
}

const OF_SEGMENTS: &str = "SELECT s.first, p.terms FROM segments s \
    JOIN postings p ON p.channel_id = s.channel_id AND p.stream = s.stream AND p.first = s.first AND p.first_term ";

const LAST_BLOCK: &str = "(SELECT q.first_term FROM postings q \
    WHERE q.channel_id = s.channel_id AND q.stream = s.stream AND q.first = s.first AND q.first_term <= ";

impl<DB> QueryFragment<DB> for BlocksWith
where
    DB: Backend + HasSqlType<Binary> + HasSqlType<BigInt> + HasSqlType<SmallInt> + HasSqlType<Text>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
    i16: ToSql<SmallInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(OF_SEGMENTS);
        out.push_sql("= ");
        out.push_sql(LAST_BLOCK);
        out.push_bind_param::<Binary, _>(&self.term)?;
        out.push_sql(" ORDER BY q.first_term DESC LIMIT 1) WHERE s.channel_id = ");
        out.push_bind_param::<BigInt, _>(&self.channel_id)?;
        out.push_sql(" AND s.stream = ");
        out.push_bind_param::<SmallInt, _>(&self.stream)?;
        out.push_sql(" AND s.first");
        self.segments.walk_ast(out)
    }
}

impl<DB> QueryFragment<DB> for BlocksOf
where
    DB: Backend + HasSqlType<Binary> + HasSqlType<BigInt> + HasSqlType<SmallInt> + HasSqlType<Text>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
    i16: ToSql<SmallInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(OF_SEGMENTS);
        out.push_sql(">= COALESCE(");
        out.push_sql(LAST_BLOCK);
        out.push_bind_param::<Binary, _>(&self.from)?;
        out.push_sql(" ORDER BY q.first_term DESC LIMIT 1), ");
        out.push_bind_param::<Binary, _>(&self.from)?;
        out.push_sql(") AND p.first_term < ");
        out.push_bind_param::<Binary, _>(&self.to)?;
        out.push_sql(" WHERE s.channel_id = ");
        out.push_bind_param::<BigInt, _>(&self.channel_id)?;
        out.push_sql(" AND s.stream = ");
        out.push_bind_param::<SmallInt, _>(&self.stream)?;
        out.push_sql(" AND s.first");
        self.segments.walk_ast(out)
    }
}

/// The first position of a segment, and a block.
type Blocks = (BigInt, Binary);

impl Query for BlocksWith {
    type SqlType = Blocks;
}

impl Query for BlocksOf {
    type SqlType = Blocks;
}

impl<C: Connection> RunQueryDsl<C> for BlocksWith {}

impl<C: Connection> RunQueryDsl<C> for BlocksOf {}
