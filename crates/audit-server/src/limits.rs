//! What the operating system lets the program have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that the program may have: the hard limit, which [`raise`] makes the one that counts. `None` is no limit.
pub(crate) fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the limit of open files to the hard limit. The soft one is kept small by default for programs that use `select`, and a
/// server that runs into it accepts nobody.
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
