//! The file of a witness: one small table, in a file that is not an audit log.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{establish, pragma, set_up};
use crate::connection::Purpose;
use crate::error::OpenError;
use crate::private_file::{make_directory_of, write_new};

/// "AUWI", so that neither program takes the file of the other one.
const APPLICATION_ID: &str = "1096111945";

/// A size or another root that goes back would be that of another past.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS witnessed (
        origin TEXT NOT NULL PRIMARY KEY,
        size BIGINT NOT NULL CHECK (size >= 0),
        root BLOB NOT NULL CHECK (length(root) = 32),
        note TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS witnessed_only_grows BEFORE UPDATE ON witnessed
    WHEN NEW.origin IS NOT OLD.origin OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root IS NOT OLD.root)
    BEGIN
        SELECT RAISE(ABORT, 'witnessed: a witness never goes back');
    END;
    CREATE TRIGGER IF NOT EXISTS witnessed_keeps_rows BEFORE DELETE ON witnessed
    BEGIN
        SELECT RAISE(ABORT, 'witnessed: a witness never forgets a log');
    END;
    CREATE TRIGGER IF NOT EXISTS witnessed_refuses_replace BEFORE INSERT ON witnessed
    WHEN EXISTS (SELECT 1 FROM witnessed WHERE origin = NEW.origin)
    BEGIN
        SELECT RAISE(ABORT, 'witnessed: a witness never replaces a log');
    END;";

/// Opens the file, and creates it for its owner alone. A file of something else is refused as it is.
pub(in super::super) fn open_witness_file(path: &Path) -> Result<SqliteConnection, OpenError> {
    let place = path.display().to_string();
    let fail = |why: String| OpenError::from_database(&place, why);
    if !path.exists() {
        make_directory_of(path).and_then(|()| write_new(path, b"")).map_err(|error| fail(error.to_string()))?;
    }
    let mut conn = establish(path).map_err(fail)?;
    let id = pragma(&mut conn, "application_id").map_err(|error| fail(error.to_string()))?;
    let is_new = id == "0" && pragma(&mut conn, "schema_version").map_err(|error| fail(error.to_string()))? == "0";
    if !is_new && id != APPLICATION_ID {
        return Err(fail("it is not the file of a witness".to_owned()));
    }
    set_up(&mut conn, path, Purpose::Write)?;
    let schema = format!("PRAGMA application_id = {APPLICATION_ID}; {SCHEMA}");
    conn.batch_execute(&schema).map_err(|error| fail(error.to_string()))?;
    Ok(conn)
}
