//! Why nothing is erased.

use audit_domain::Fault;
use audit_domain::uuid::Uuid;

use crate::append::AppendError;
use crate::error::StoreError;

/// The reason why nothing was erased, or why it is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasureError {
    /// The request is faulty: the member, and what is wrong with it.
    #[error("{0} {1}")]
    Fault(&'static str, String),
    /// The log has no entries with these uuids. The numbers are their places in the request.
    #[error("{}", unknown(.0))]
    Unknown(Vec<(usize, Uuid)>),
    /// These entries are the evidence of erasures, or begin an origin. The numbers are their places in
    /// the request.
    #[error("the entry {} says what happened to the log itself, and is never erased", .0.first().map(|(_, uuid)| uuid.to_string()).unwrap_or_default())]
    Evidence(Vec<(usize, Uuid)>),
    /// The entry that says what is erased cannot be made.
    #[error("the entry that says what is erased {0}")]
    Record(#[from] Fault),
    /// The entry AUDIT.ERASE was not stored, or it is not known.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The database does not answer, or an entry was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn unknown(uuids: &[(usize, Uuid)]) -> String {
    match uuids {
        [(_, uuid)] => format!("the log has no entry {uuid}"),
        [(_, uuid), ..] => format!("the log has no entry {uuid}, nor {} other(s) of the list", uuids.len() - 1),
        [] => "the log does not have these entries".to_owned(),
    }
}
