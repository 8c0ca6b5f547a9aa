//! The file of a database: its place, its URI for SQLite, and the only code that creates it.

mod gate;
mod identity;

pub(crate) use gate::Pass;
pub(crate) use identity::Identity;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use self::gate::Gate;
use crate::error::OpenError;
use crate::private_file::private_directories;

/// The file of an embedded database. Clones share what an open store knows about it.
#[derive(Debug, Clone)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The identity of the files when the store opened them.
    identity: OnceLock<Identity>,
    gate: Gate,
}

impl PartialEq for SqliteFile {
    fn eq(&self, other: &SqliteFile) -> bool {
        self.path == other.path
    }
}

impl Eq for SqliteFile {}

impl SqliteFile {
    pub(crate) fn new(path: PathBuf) -> SqliteFile {
        SqliteFile { path, shared: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The identity of the files when a store opened them; `None` before that.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.shared.identity.get()
    }

    /// Remembers the files. From now on, every opened connection must lead to them.
    pub(crate) fn remember(&self, identity: Identity) {
        self.shared.identity.get_or_init(|| identity);
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.shared.gate
    }

    /// Refuses to begin a new log next to the remaining files of another one.
    pub(crate) fn refuse_orphans(&self) -> Result<(), OpenError> {
        let left = ["-wal", "-shm"].map(|ending| beside(&self.path, ending)).into_iter().find(|path| path.exists());
        match left {
            Some(left) if !self.path.exists() => {
                Err(OpenError::Orphaned { path: self.path.display().to_string(), left: left.display().to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// The name that SQLite gives to a file that belongs to a database.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The characters that a URI escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');

/// The URI with which SQLite opens an existing file and never creates one. A path is a name and not
/// a URI, so all characters with a meaning in a URI are escaped.
pub(crate) fn uri(path: &Path) -> String {
    let escaped = percent_encode(path.as_os_str().as_encoded_bytes(), ESCAPED);
    // Without the empty authority, a path that begins with two slashes would name a host.
    let authority = if path.is_absolute() { "//" } else { "" };
    format!("file:{authority}{escaped}?mode=rw")
}

/// Creates the directory and the database if there is none, for their owner alone, because events
/// are about persons. Existing files keep their mode, and SQLite gives the files next to the
/// database the same mode. `fill` gives a new database its schema.
///
/// The function creates the database under another name and renames it when it is complete. So this
/// program never created an empty file in its place, and opening such a file is refused.
///
/// Returns the result of `fill`, or `None` if the database existed.
pub(crate) fn make_if_missing<T>(
    file: &SqliteFile,
    fill: impl FnOnce(&Path) -> Result<T, OpenError>,
) -> Result<Option<T>, OpenError> {
    let path = file.path();
    if path.exists() {
        return Ok(None);
    }
    file.refuse_orphans()?;
    if let Some(directory) = directory(path) {
        private_directories()
            .create(directory)
            .map_err(|error| OpenError::Directory { path: directory.display().to_string(), why: error.to_string() })?;
    }
    let fail = |error: io::Error| OpenError::from_database(&path.display().to_string(), error.to_string());
    let draft = draft(path);
    remove(&draft).map_err(fail)?;
    drop(private_file().create_new(true).open(&draft).map_err(fail)?);
    let filled = fill(&draft);
    let put = filled.and_then(|filled| Ok(put(&draft, path).map_err(fail)?.then_some(filled)));
    // The hard link is in its place by now, or nothing is.
    remove(&draft).map_err(fail)?;
    put
}

/// Puts a file in its place, unless a file is there: another process that started at the same time
/// was first.
fn put(draft: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(draft, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        // Not every file system has hard links.
        Err(_) if !path.exists() => fs::rename(draft, path)?,
        Err(error) => return Err(error),
    }
    // The name is on the disk after the directory is synchronized.
    File::open(directory(path).unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(true)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file name that no other process or thread uses for creating a database.
fn draft(path: &Path) -> PathBuf {
    static DRAFTS: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{}.new", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed)))
}

fn directory(path: &Path) -> Option<&Path> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty())
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_escaped_and_is_never_read_as_a_uri() {
        let uri = |path: &str| uri(Path::new(path));
        assert_eq!(uri("audit-data/audit.db"), "file:audit-data/audit.db?mode=rw");
        assert_eq!(uri("//srv/a b.db"), "file:////srv/a%20b.db?mode=rw");
        assert_eq!(uri("file:x?mode=memory#%41"), "file:file%3Ax%3Fmode%3Dmemory%23%2541?mode=rw");
        assert_eq!(uri("größe.db"), "file:gr%C3%B6%C3%9Fe.db?mode=rw");
    }
}
