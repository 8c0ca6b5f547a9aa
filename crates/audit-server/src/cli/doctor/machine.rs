//! Checks of the resources that the operating system gives the server.

use rustix::fs::statvfs;

use super::database::directories;
use super::{CheckContext, Finding};
use crate::limits;

/// Below this, a busy log may fill the disk within a day.
const FREE_MIB_GOOD: u64 = 1024;

/// Below this, SQLite may fail at its next checkpoint.
const FREE_MIB_MIN: u64 = 64;

pub(super) fn disk(context: &CheckContext) -> Finding {
    if context.settings.store_config().file().is_ok_and(|file| file.is_none()) {
        return Finding::Note("not checked: the disk of a database server is not visible from here".to_owned());
    }
    let Some((_, directory)) = directories(&context.settings) else {
        return Finding::Note("not checked: no directory on the path to the database exists".to_owned());
    };
    let name = directory.display();
    let space = match statvfs(&directory) {
        Ok(space) => space,
        Err(error) => return Finding::Note(format!("not checked for `{name}`: {error}")),
    };
    let free_mib = space.f_bavail.saturating_mul(space.f_frsize) / (1024 * 1024);
    match free_mib {
        free if free < FREE_MIB_MIN => Finding::bad(
            format!("only {free} MiB are free at `{name}`"),
            format!("df -h '{name}'; make room or give a --data-dir on a larger disk"),
        ),
        free if free < FREE_MIB_GOOD => Finding::Note(format!("only {free} MiB are free at `{name}`")),
        free => Finding::Good(format!("{} GiB are free at `{name}`", free / 1024)),
    }
}

/// Descriptors of the database, the log, the listening socket and the threads.
const DESCRIPTORS_OWN: u64 = 128;

/// Descriptors of a connection: its socket, and the watcher's second descriptor of it.
const DESCRIPTORS_OF_CONNECTION: u64 = 2;

/// A few browsers and applications need at least this many connections.
const CONNECTIONS_MIN: u64 = 64;

pub(super) fn descriptors(_: &CheckContext) -> Finding {
    let Some(limit) = limits::open_files() else { return Finding::Good("no limit".to_owned()) };
    let connections = limit.saturating_sub(DESCRIPTORS_OWN) / DESCRIPTORS_OF_CONNECTION;
    let text = format!("{limit} open files allow about {connections} connections at once");
    match connections {
        few if few < CONNECTIONS_MIN => Finding::bad(text, "ulimit -n 65536, or LimitNOFILE=65536 in the unit of systemd"),
        _ => Finding::Good(text),
    }
}
