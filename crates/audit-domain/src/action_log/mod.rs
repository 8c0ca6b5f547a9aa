//! Action logs: the records of applications' loggers, which form the second stream of a channel.

mod build;
mod filter;
mod filter_columns;
mod foreign;
mod levels;
mod log_record;
mod new;
mod sort;
mod stored;
mod subject;

pub use filter::{ActionLogFilter, ActionLogValues};
pub use filter_columns::ActionLogFilterColumns;
pub use foreign::translate_action_log;
pub use levels::level_names;
pub use log_record::{python_instant, python_message};
pub use new::NewActionLog;
pub use sort::{ActionLogSort, ActionLogSortField, ActionLogSortRow};
pub use stored::ActionLog;
pub use subject::ActionLogSubject;

/// The slots of the stream `action-logs`.
#[expect(missing_docs, reason = "the table of docs/log-format.md, by name")]
pub mod action_log_slot {
    use crate::stream::{Stream, slot_number};

    pub const SUBJECT: u8 = slot_number(Stream::ActionLogs, "subject");
    pub const MESSAGE: u8 = slot_number(Stream::ActionLogs, "message");
    pub const TRACE: u8 = slot_number(Stream::ActionLogs, "trace");
    pub const EXTRA: u8 = slot_number(Stream::ActionLogs, "extra");
    pub const MASKED: u8 = slot_number(Stream::ActionLogs, "masked");
}
