//! Two statements that diesel cannot express. They are built from a few pieces, and connections
//! keep them prepared like diesel's own.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, SmallInt, Text};
use diesel::{Connection, RunQueryDsl};

use crate::dialect::{NumberList, PostingsOfEach};

/// For each of some segments, finds the block that has a term if the segment has the term: the last
/// block that does not begin after it.
#[derive(Debug, Clone, QueryId)]
pub(super) struct BlocksWith {
    pub(super) term: Vec<u8>,
    pub(crate) channel_id: i64,
    pub(super) stream: i16,
    /// The segments, by their first positions.
    pub(crate) segments: NumberList,
}

/// Finds the blocks of some segments with terms in a half-open range: from the block in which they
/// may begin to the last block that begins with one of them.
#[derive(Debug, Clone, QueryId)]
pub(super) struct BlocksOf {
    /// The first possible term; `to` is the first term after the range.
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(crate) channel_id: i64,
    pub(super) stream: i16,
    /// The segments, by their first positions.
    pub(crate) segments: NumberList,
    pub(super) each_segment: PostingsOfEach,
}

impl<DB> QueryFragment<DB> for BlocksWith
where
    DB: Backend + HasSqlType<Binary> + HasSqlType<BigInt> + HasSqlType<SmallInt> + HasSqlType<Text>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
    i16: ToSql<SmallInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(
            "SELECT s.first, (SELECT b.terms FROM postings b WHERE b.channel_id = s.channel_id AND b.stream = s.stream \
            AND b.first = s.first AND b.first_term <= ",
        );
        out.push_bind_param::<Binary, _>(&self.term)?;
        out.push_sql(" ORDER BY b.first_term DESC LIMIT 1) FROM segments s WHERE s.channel_id = ");
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
        out.push_sql("SELECT s.first, b.terms FROM segments s ");
        out.push_sql(self.each_segment.begin);
        out.push_sql(
            "b.channel_id = s.channel_id AND b.stream = s.stream AND b.first = s.first AND b.first_term >= COALESCE((SELECT a.first_term \
            FROM postings a WHERE a.channel_id = s.channel_id AND a.stream = s.stream AND a.first = s.first AND a.first_term <= ",
        );
        out.push_bind_param::<Binary, _>(&self.from)?;
        out.push_sql(" ORDER BY a.first_term DESC LIMIT 1), ");
        out.push_bind_param::<Binary, _>(&self.from)?;
        out.push_sql(") AND b.first_term < ");
        out.push_bind_param::<Binary, _>(&self.to)?;
        out.push_sql(self.each_segment.end);
        out.push_sql(" WHERE s.channel_id = ");
        out.push_bind_param::<BigInt, _>(&self.channel_id)?;
        out.push_sql(" AND s.stream = ");
        out.push_bind_param::<SmallInt, _>(&self.stream)?;
        out.push_sql(" AND s.first");
        self.segments.walk_ast(out)
    }
}

/// The first position of a segment, and the block, if there is one.
impl Query for BlocksWith {
    type SqlType = (BigInt, Nullable<Binary>);
}

/// The first position of a segment, and a block.
impl Query for BlocksOf {
    type SqlType = (BigInt, Binary);
}

impl<C: Connection> RunQueryDsl<C> for BlocksWith {}

impl<C: Connection> RunQueryDsl<C> for BlocksOf {}
