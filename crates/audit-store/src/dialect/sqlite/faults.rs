//! SQLite's messages for a database that cannot be used as a whole, with advice for the operator.
//! No statement is the cause of these errors.

use diesel::result::Error as DieselError;

use crate::error::Unusable;

/// A fault, recognized by SQLite's message, because its error code is not available.
struct Fault {
    said: &'static str,
    advice: &'static str,
    /// Whether every write fails in the same way. Otherwise, another write may fit or may not touch
    /// the damaged part.
    hits_every_write: bool,
}

const DAMAGED: &str = "the file is damaged, or was overwritten while it was open; stop the server, keep copies of the file and its \
                       -wal, and restore a backup (docs/operations.md, Restore)";

const FAULTS: [Fault; 8] = [
    Fault {
        said: "database is locked",
        advice: "another process has been writing to it for ten seconds (a shell with an open transaction, VACUUM, an import): wait for \
                 it or end it",
        hits_every_write: true,
    },
    Fault {
        said: "database or disk is full",
        advice: "make room; the server needs no restart (docs/operations.md, Disk full)",
        hits_every_write: false,
    },
    Fault {
        said: "attempt to write a readonly database",
        advice: "look at the owner and the mode of the file, and at how its disk is mounted; then start the server again",
        hits_every_write: true,
    },
    Fault {
        said: "disk I/O error",
        advice: "look into the operating system's log for errors of its disk; if its files were touched, see docs/operations.md, \
                 When the file is gone",
        hits_every_write: true,
    },
    Fault {
        said: "unable to open database file",
        advice: "look at the permissions of its directory, and at the limit of open files",
        hits_every_write: true,
    },
    Fault {
        said: "locking protocol",
        advice: "its locks do not work; it must be on a local disk, and nothing but SQLite may touch its -shm file; then start the \
                 server again",
        hits_every_write: true,
    },
    Fault { said: "database disk image is malformed", advice: DAMAGED, hits_every_write: false },
    Fault { said: "file is not a database", advice: DAMAGED, hits_every_write: true },
];

/// The fault that an error shows, if it concerns the database as a whole.
pub(in super::super) fn unusable(error: &DieselError) -> Option<Unusable> {
    let DieselError::DatabaseError(_, info) = error else { return None };
    let fault = FAULTS.iter().find(|fault| info.message().contains(fault.said))?;
    Some(Unusable { what: info.message().to_owned(), advice: fault.advice, hits_every_write: fault.hits_every_write })
}

#[cfg(test)]
mod tests {
    use diesel::result::DatabaseErrorKind;

    use super::*;

    fn said(text: &str) -> Option<Unusable> {
        unusable(&DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned())))
    }

    #[test]
    fn faults_of_the_database_are_told_from_those_of_a_statement() {
        for text in [
            "database is locked",
            "locking protocol",
            "database disk image is malformed",
            "disk I/O error",
            "unable to open database file",
        ] {
            assert_eq!(said(text).unwrap().what, text);
        }
        for text in ["no such table: events", "events: the log is append-only"] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
