//! The rows of erasures.

use diesel::prelude::*;

use crate::schema::erasures;

/// An erasure: the positions that its entry names, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, Queryable, Selectable)]
#[diesel(table_name = erasures, treat_none_as_default_value = false)]
pub(crate) struct ErasureRow {
    pub(crate) channel_id: i64,
    pub(crate) stream: i16,
    pub(crate) position: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) entries: i64,
    pub(crate) erased_to: i64,
    pub(crate) finished_at: Option<i64>,
}
