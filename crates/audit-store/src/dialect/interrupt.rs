//! Ends statements of SQLite that take too long. This is the only unsafe code of this crate.
//!
//! SQLite calls a progress handler after every so many steps and asks whether to continue. The
//! handler is set by the handle of a connection, and diesel gives out neither the handle nor a way
//! to set one. So this module registers a function that SQLite calls for each connection that this
//! process opens. See `docs/decisions/0034-queries-end.md`.

#![expect(unsafe_code, reason = "neither diesel nor another crate offers a progress handler for a connection of diesel's")]

use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;

use libsqlite3_sys as sqlite;

use crate::limit;

/// Steps between two calls: a few microseconds of work, of which a call takes less than a
/// hundredth.
const STEPS: c_int = 1000;

/// Makes SQLite set the progress handler on every connection that this process opens from now on.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: `opened` has the signature with which SQLite calls it, and is a function, which
        // lives as long as the process.
        let code = unsafe { sqlite::sqlite3_auto_extension(Some(opened)) };
        if code != sqlite::SQLITE_OK {
            tracing::error!(code, "queries of SQLite cannot be interrupted: they may take longer than they should");
        }
    });
}

/// Sets the progress handler. SQLite calls this for each connection that is opened.
unsafe extern "C" fn opened(db: *mut sqlite::sqlite3, _: *mut *mut c_char, _: *const sqlite::sqlite3_api_routines) -> c_int {
    // SAFETY: SQLite passes the connection that it is opening. `asked` needs no data and lives as
    // long as the process.
    unsafe { sqlite::sqlite3_progress_handler(db, STEPS, Some(asked), std::ptr::null_mut()) };
    sqlite::SQLITE_OK
}

/// SQLite calls this in the thread that runs a statement. Any result other than 0 ends the
/// statement.
extern "C" fn asked(_: *mut c_void) -> c_int {
    c_int::from(limit::is_over())
}
