//! The columns that an erasure sets to NULL.

use audit_domain::{Stream, action_log_slot, slot};

/// The column of a slot, and the filter columns that are made from it.
pub(crate) fn columns_of(stream: Stream, number: u8) -> &'static [&'static str] {
    match stream {
        Stream::Events => of_event(number),
        Stream::ActionLogs => of_action_log(number),
        Stream::Checkpoints => &[],
    }
}

fn of_event(number: u8) -> &'static [&'static str] {
    match number {
        slot::SUBJECT => &[
            "subject_json",
            "content_type",
            "object_num",
            "action",
            "table_name",
            "object_id",
            "outcome",
            "correlation_id",
            "source",
        ],
        slot::USER => &["user_json", "user_num", "user_id", "user_name", "user_email"],
        slot::REMOTE_ADDR => &["remote_addr_json", "remote_addr"],
        slot::URL => &["url_json", "url"],
        slot::QUERY_PARAMS => &["query_params"],
        slot::POST_DATA => &["post_data"],
        slot::HEADERS => &["headers"],
        slot::CONTENT => &["content"],
        slot::DESCRIPTION => &["description_json"],
        slot::EXTRA => &["extra"],
        slot::IMPERSONATOR => &["impersonator_json", "impersonator_id"],
        slot::MASKED => &["masked"],
        _ => &[],
    }
}

fn of_action_log(number: u8) -> &'static [&'static str] {
    match number {
        action_log_slot::SUBJECT => &["subject_json", "level", "logger_name", "app_name", "correlation_id"],
        action_log_slot::MESSAGE => &["message"],
        action_log_slot::TRACE => &["trace"],
        action_log_slot::EXTRA => &["extra"],
        action_log_slot::MASKED => &["masked"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Columns;
    use crate::schema::{action_logs, events};

    #[test]
    fn every_column_is_of_the_log_or_of_one_slot() {
        let of_log =
            ["channel_id", "position", "uuid", "timestamp", "created_at", "recorded_at", "producer_id", "seals", "leaf_hash"];
        let names =
            [(Stream::Events, <events::table as Columns>::NAMES), (Stream::ActionLogs, <action_logs::table as Columns>::NAMES)];
        for (stream, names) in names {
            let mut of_slots: Vec<&str> = stream.slot_numbers().flat_map(|number| columns_of(stream, number)).copied().collect();
            let mut wanted: Vec<&str> = names.split(", ").filter(|name| !of_log.contains(name)).collect();
            of_slots.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(of_slots, wanted);
        }
    }
}
