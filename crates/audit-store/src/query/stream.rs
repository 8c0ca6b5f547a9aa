//! The two streams as types, for code that is written once for both.

use std::fmt::Debug;

use audit_domain::{
    ActionLog, ActionLogFilter, ActionLogSortField, Entry, Event, EventFilter, NewActionLog, NewEvent, SortBy, SortField, Stream,
};

use super::summary::Grouping;
use super::table::Table;
use super::{ActionLogGroupBy, ActionLogs, Events, GroupBy};

/// The types of a stream.
pub trait StreamTypes: Copy + Debug + 'static {
    /// The stream as a value.
    const STREAM: Stream;

    /// A record before it is in the log.
    type New;
    /// A record in the log.
    type Stored: AsRef<Entry> + From<Entry> + Clone + Debug + PartialEq + Send + 'static;
    /// The conditions of a query; the default has none.
    type Filter: Clone + Debug + Default + PartialEq + Send + 'static;
    /// A field by which lists can be sorted.
    type SortField: SortBy + Debug + Send + 'static;
    /// A value by which records can be counted.
    type GroupBy: Copy + Debug + PartialEq + Send + 'static;
}

/// A stream of the store: [`Events`] or [`ActionLogs`].
#[expect(private_bounds, reason = "the tables of a stream are of this crate, so no other crate can have a further stream")]
pub trait LogStream: StreamTypes<GroupBy: Grouping<Table = Self>> + Table {}

impl StreamTypes for Events {
    const STREAM: Stream = Stream::Events;
    type New = NewEvent;
    type Stored = Event;
    type Filter = EventFilter;
    type SortField = SortField;
    type GroupBy = GroupBy;
}

impl StreamTypes for ActionLogs {
    const STREAM: Stream = Stream::ActionLogs;
    type New = NewActionLog;
    type Stored = ActionLog;
    type Filter = ActionLogFilter;
    type SortField = ActionLogSortField;
    type GroupBy = ActionLogGroupBy;
}

impl LogStream for Events {}

impl LogStream for ActionLogs {}
