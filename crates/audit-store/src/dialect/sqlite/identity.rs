//! Which files a database is kept in. A program that keeps a file open goes on writing to it when somebody removes it or puts
//! another one in its place, and sees no error: all that it acknowledges from then on is lost.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file::beside;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    #[cfg(unix)]
    fn from_metadata(metadata: &Metadata) -> FileId {
        use std::os::unix::fs::MetadataExt;
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Where files have no numbers, only that one is missing is seen.
    #[cfg(not(unix))]
    fn from_metadata(_: &Metadata) -> FileId {
        FileId { device: 0, inode: 0 }
    }
}

/// The files of a database as they were when it was opened.
#[derive(Debug)]
pub(super) struct Identity {
    database: Known,
    /// The newest entries are in this one and nowhere else.
    wal: Known,
    /// Through this one, processes see each other's locks and commits.
    shared_memory: Known,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    id: FileId,
}

impl Known {
    fn now(path: PathBuf) -> Result<Known, String> {
        let id = FileId::from_metadata(&fs::metadata(&path).map_err(|error| format!("`{}`: {error}", path.display()))?);
        Ok(Known { path, id })
    }

    /// What became of it, unless it is where it was.
    fn fault(&self) -> Option<String> {
        let path = self.path.display();
        match fs::metadata(&self.path) {
            Ok(metadata) if FileId::from_metadata(&metadata) == self.id => None,
            Ok(_) => Some(format!("the file `{path}` was replaced by another one while it was open")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Some(format!("the file `{path}` was removed or renamed while it was open"))
            }
            Err(error) => Some(format!("the file `{path}` cannot be looked at any more: {error}")),
        }
    }
}

impl Identity {
    /// Of the files that are there now. A connection has to be open that has read, so that all of them are.
    pub(super) fn now(path: &Path) -> Result<Identity, String> {
        // SQLite names the others after the file that a symbolic link leads to.
        let target = fs::canonicalize(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        Ok(Identity {
            // By the name that was given: a link that leads elsewhere is another database.
            database: Known::now(path.to_owned())?,
            wal: Known::now(beside(&target, "-wal"))?,
            shared_memory: Known::now(beside(&target, "-shm"))?,
        })
    }

    /// What became of the files, unless all of them are where they were.
    pub(super) fn fault(&self) -> Option<String> {
        [&self.database, &self.wal, &self.shared_memory].into_iter().find_map(Known::fault)
    }

    /// Whether the database itself is at its place: then it is one of the files beside it that is not.
    pub(super) fn has_database(&self) -> bool {
        self.database.fault().is_none()
    }

    /// Bytes of the WAL file.
    pub(super) fn wal_bytes(&self) -> Option<u64> {
        Some(fs::metadata(&self.wal.path).ok()?.len())
    }

    /// Where the operating system still shows the database of this process, whatever became of its name.
    pub(super) fn rescue(&self) -> Option<PathBuf> {
        let open = fs::read_dir("/proc/self/fd").ok()?.flatten();
        // A look at the link does not open the file: closing it would give up the locks that this process has on it.
        let is_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| FileId::from_metadata(&metadata) == self.database.id);
        let found = open.map(|entry| entry.path()).find(is_it)?;
        Some(Path::new("/proc").join(std::process::id().to_string()).join("fd").join(found.file_name()?))
    }
}
