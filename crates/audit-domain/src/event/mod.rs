//! Events: what happened to a model or in a request. The first stream of a channel.

mod build;
mod filter;
mod filter_columns;
mod members;
mod new;
mod sort;
mod stored;
mod subject;

pub use filter::{EventFilter, EventValues};
pub use filter_columns::EventFilterColumns;
pub(crate) use filter_columns::EventParts;
pub use members::{NewEvent, slot};
pub use sort::{EventSort, SortField, SortRow};
pub use stored::Event;
pub(crate) use subject::ParsedSubject;
pub use subject::{StoredSubject, Subject};
