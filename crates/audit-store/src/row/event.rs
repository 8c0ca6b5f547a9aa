//! The rows of events.

use std::borrow::Cow;

use audit_domain::{Event, EventFilterColumns, PreparedEntry, Stream, slot};
use diesel::prelude::*;

use super::columns::{Columns, rows};
use super::{Common, Placement};
use crate::error::StoreError;
use crate::schema::events;

rows! {
    table: events, Stream::Events, Event, time: timestamp;
    rows: EventRow, EventRecordRow;
    EventSlots {
        slot::SUBJECT => subject_json,
        slot::USER => user_json,
        slot::REMOTE_ADDR => remote_addr_json,
        slot::URL => url_json,
        slot::QUERY_PARAMS => query_params,
        slot::POST_DATA => post_data,
        slot::HEADERS => headers,
        slot::CONTENT => content,
        slot::DESCRIPTION => description_json,
        slot::EXTRA => extra,
        slot::IMPERSONATOR => impersonator_json,
        slot::MASKED => masked,
    }
    EventFilterRow from EventFilterColumns {
        numbers: content_type, object_num, user_num;
        texts: action, table_name, object_id, user_id, user_name, user_email, remote_addr, url, outcome, correlation_id,
            source, impersonator_id,
    }
}
