//! The list of the logs of a database. A new kind of log is added here.

use audit_domain::Stream;
use diesel::prelude::*;

use super::finding::{Finding, Part};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::schema::logs;

/// The logs, each with its size.
pub(super) type Sizes = Vec<(LogKey, i64)>;

/// All logs with their sizes, and the rows of logs that this version does not know.
pub(super) fn all(conn: &mut DbConnection) -> Result<(Sizes, Vec<Finding>), StoreError> {
    let columns = (logs::channel_id, logs::stream, logs::next_position);
    let rows: Vec<(i64, i16, i64)> = logs::table.order((logs::channel_id, logs::stream)).select(columns).load(conn)?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (channel_id, number, size) in rows {
        match Stream::from_number(number) {
            Some(stream) => known.push(((channel_id, stream), size)),
            None => {
                let what = "no log has this stream".to_owned();
                unknown.push(Finding { log: Some((channel_id, number)), part: Part::Head, what });
            }
        }
    }
    Ok((known, unknown))
}
