//! Events: what happened to a model or in a request. The first stream of a channel.

mod build;
mod filter;
mod filter_columns;
mod new;
mod sort;
mod stored;
mod subject;

pub use filter::{EventFilter, EventValues};
pub use filter_columns::EventFilterColumns;
pub use new::NewEvent;
pub use sort::{EventSort, SortField, SortRow};
pub use stored::Event;
pub(crate) use subject::ParsedSubject;
pub use subject::{StoredSubject, Subject};

/// The slots of the stream `events`.
#[expect(missing_docs, reason = "the table of docs/log-format.md, by name")]
pub mod slot {
    pub const SUBJECT: u8 = 0;
    pub const USER: u8 = 1;
    pub const REMOTE_ADDR: u8 = 2;
    pub const URL: u8 = 3;
    pub const QUERY_PARAMS: u8 = 4;
    pub const POST_DATA: u8 = 5;
    pub const HEADERS: u8 = 6;
    pub const CONTENT: u8 = 7;
    pub const DESCRIPTION: u8 = 8;
    pub const EXTRA: u8 = 9;
}
