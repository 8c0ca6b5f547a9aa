//! The reads of a store: entries by key, pages, walks and summaries.

use audit_domain::uuid::Uuid;
use audit_domain::{ActionLog, ActionLogFilter, ChannelGrant, ChannelId, Event, EventFilter, Span, Stream};

use super::Store;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::query::{
    self, ActionLogGroupBy, ActionLogListQuery, ActionLogs, CursorPage, CursorQuery, Events, GroupBy, Histogram, ListPage,
    ListQuery, LogState, SliceQuery, Summary, Table,
};

impl Store {
    /// Finds the event with a uuid, which is unique in a channel. Among several channels, `first`
    /// comes first, then the lowest.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Changed`] if the stored event does not match its leaf hash or
    /// its filter columns.
    pub fn get(&self, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<Event>, StoreError> {
        self.find::<Events>(channels, first, uuid, None)
    }

    /// Like [`Store::get`]. With `bytes_max`, it returns the event only if its values have no more
    /// bytes. A small record is read in less time than handing the work to another thread takes,
    /// and a large one would keep a thread from its other work.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn get_within(
        &self,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<Event>, StoreError> {
        self.find::<Events>(channels, first, uuid, bytes_max)
    }

    /// Finds the action log with a uuid, in the same way and with the same checks.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn get_action_log(&self, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<ActionLog>, StoreError> {
        self.find::<ActionLogs>(channels, first, uuid, None)
    }

    /// Like [`Store::get_action_log`]. With `bytes_max`, it returns the action log only if its
    /// values have no more bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn get_action_log_within(
        &self,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<ActionLog>, StoreError> {
        self.find::<ActionLogs>(channels, first, uuid, bytes_max)
    }

    fn find<T: Table>(
        &self,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<T::StoredEntry>, StoreError> {
        match channels {
            ChannelGrant::Only(ids) if ids.len() <= 1 => self.point_read(|conn| match ids.first() {
                Some(channel) => T::find_checked(conn, channel.get(), uuid, bytes_max),
                None => Ok(None),
            }),
            several => self.read(|conn| query::find_in_several::<T>(conn, several, first.get(), uuid, bytes_max)),
        }
    }

    /// Reads the action log at a position, with the same checks. With `bytes_max`, it returns the
    /// action log only if its values have no more bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn action_log_at(
        &self,
        channel: ChannelId,
        position: i64,
        bytes_max: Option<usize>,
    ) -> Result<Option<ActionLog>, StoreError> {
        self.point_read(|conn| ActionLogs::at_checked(conn, channel.get(), position, bytes_max))
    }

    /// Reads a page of events by number and the exact count, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn list(&self, query: &ListQuery) -> Result<ListPage<Event>, StoreError> {
        self.read_for(query.filter.reads_values(), |conn| query::list::<Events>(conn, self.cache(), query))
    }

    /// Reads a page of action logs by number and the exact count, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn list_action_logs(&self, query: &ActionLogListQuery) -> Result<ListPage<ActionLog>, StoreError> {
        self.read_for(query.filter.search.is_some(), |conn| query::list::<ActionLogs>(conn, self.cache(), query))
    }

    /// Reads a part of a list of events, without its count.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn slice(&self, query: &SliceQuery) -> Result<Vec<Event>, StoreError> {
        let SliceQuery { channels, filter, sort, skip, size } = query;
        self.read_for(filter.reads_values(), |conn| {
            query::slice::<Events>(conn, self.cache(), channels, filter, sort, (*skip, *size))
        })
    }

    /// Reads a page of events by cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn walk(&self, query: &CursorQuery) -> Result<CursorPage<Event>, StoreError> {
        self.read_for(query.walk.filter.reads_values(), |conn| query::walk::<Events>(conn, self.cache(), query))
    }

    /// Reads a page of action logs by cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn walk_action_logs(&self, query: &CursorQuery<ActionLogFilter>) -> Result<CursorPage<ActionLog>, StoreError> {
        self.read_for(query.walk.filter.search.is_some(), |conn| query::walk::<ActionLogs>(conn, self.cache(), query))
    }

    /// Counts events by group, for each of the groupings, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn summaries(&self, channels: &ChannelGrant, filter: &EventFilter, by: &[GroupBy]) -> Result<Vec<Summary>, StoreError> {
        self.read_for(filter.reads_values(), |conn| query::summaries(conn, self.cache(), channels, filter, by))
    }

    /// Counts action logs by group, for each of the groupings, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn action_log_summaries(
        &self,
        channels: &ChannelGrant,
        filter: &ActionLogFilter,
        by: &[ActionLogGroupBy],
    ) -> Result<Vec<Summary>, StoreError> {
        self.read_for(filter.search.is_some(), |conn| query::summaries(conn, self.cache(), channels, filter, by))
    }

    /// Counts events by span of time, split by group, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn histogram(
        &self,
        channels: &ChannelGrant,
        filter: &EventFilter,
        span: Span,
        split_by: Option<GroupBy>,
    ) -> Result<Histogram, StoreError> {
        self.read_for(filter.reads_values(), |conn| query::histogram(conn, self.cache(), channels, filter, span, split_by))
    }

    /// Counts action logs by span of time, split by group, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn action_log_histogram(
        &self,
        channels: &ChannelGrant,
        filter: &ActionLogFilter,
        span: Span,
        split_by: Option<ActionLogGroupBy>,
    ) -> Result<Histogram, StoreError> {
        self.read_for(filter.search.is_some(), |conn| query::histogram(conn, self.cache(), channels, filter, span, split_by))
    }

    /// Reads the logs of a stream in the granted channels, with their sizes.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    pub fn logs(&self, stream: Stream, channels: &ChannelGrant) -> Result<Vec<LogState>, StoreError> {
        self.read(|conn| query::heads(conn, stream, channels))
    }

    /// Runs a query. A search may have to read all entries that meet its other conditions. So
    /// searches wait for each other, and never take the connections of other queries.
    fn read_for<T>(&self, is_search: bool, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let pool = if is_search { &self.0.searchers } else { &self.0.readers };
        pool.read(run)
    }
}
