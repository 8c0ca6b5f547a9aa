//! Limits that the operating system sets for the program.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that the program may have: the hard limit, which [`raise`] puts into effect. `None`
/// means no limit.
pub(crate) fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the limit of open files to the hard limit. The soft limit is small by default, for
/// programs that use `select`. A server that reaches it accepts no connection.
pub(crate) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(?current, ?maximum, "the limit of open files was raised"),
        Err(error) => tracing::warn!(%error, ?current, ?maximum, "the limit of open files cannot be raised"),
    }
}
