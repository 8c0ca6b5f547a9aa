//! Ends statements of SQLite that take too long: the only unsafe code of this workspace.
//!
//! SQLite asks a progress handler every so many steps whether to go on. It is set on a connection by its handle, and diesel gives out
//! neither the handle nor a way to set one. So this module tells SQLite what to do with each connection that this process opens.
//! See `docs/decisions/0034-queries-end.md`.

#![expect(unsafe_code, reason = "neither diesel nor another crate offers a progress handler for a connection of diesel's")]

use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;

use libsqlite3_sys as sqlite;

use crate::limit;

/// Steps between two questions: a few microseconds of work, of which a question takes less than a hundredth.
const STEPS: c_int = 1000;

/// Has every connection of this process that is opened from now on ask whether its statement is to go on.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: `opened` has the signature that SQLite calls it with, and as a function lives as long as the process.
        let code = unsafe { sqlite::sqlite3_auto_extension(Some(opened)) };
        if code != sqlite::SQLITE_OK {
            tracing::error!(code, "queries of SQLite cannot be interrupted: they may take longer than they should");
        }
    });
}

/// Called by SQLite for each connection that is opened.
unsafe extern "C" fn opened(db: *mut sqlite::sqlite3, _: *mut *mut c_char, _: *const sqlite::sqlite3_api_routines) -> c_int {
    // SAFETY: SQLite hands in the connection that it is opening; `asked` needs no data, and lives as long as the process.
    unsafe { sqlite::sqlite3_progress_handler(db, STEPS, Some(asked), std::ptr::null_mut()) };
    sqlite::SQLITE_OK
}

/// Called by SQLite in the thread that runs a statement; anything but 0 ends it.
extern "C" fn asked(_: *mut c_void) -> c_int {
    c_int::from(limit::is_over())
}
