//! Action logs: the records of applications' loggers. The second stream of a channel.

mod filter;
mod foreign;
mod keys;
mod new;
mod record;
mod sort;
mod stored;

pub use filter::ActionLogFilter;
pub use foreign::translate_action_log;
pub use keys::ActionLogKeys;
pub use new::NewActionLog;
pub use record::Record;
pub use sort::{ActionLogSort, ActionLogSortField, ActionLogSortRow};
pub use stored::ActionLog;

/// The slots of the stream `action-logs`.
#[expect(missing_docs, reason = "the table of docs/log-format.md, by name")]
pub mod action_log_slot {
    pub const SUBJECT: u8 = 0;
    pub const MESSAGE: u8 = 1;
    pub const TRACE: u8 = 2;
    pub const EXTRA: u8 = 9;
}
