//! The identity of the files of a database. If a file is removed or replaced while a program has it
//! open, the program continues to write to the old file and sees no error: everything that it
//! acknowledges from then on is lost.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::beside;

/// The identity of a file, independent of its name.
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

    /// On systems without file numbers, only a missing file is noticed.
    #[cfg(not(unix))]
    fn from_metadata(_: &Metadata) -> FileId {
        FileId { device: 0, inode: 0 }
    }
}

/// The files of a database at the time of opening.
#[derive(Debug)]
pub(crate) struct Identity {
    database: Known,
    /// The file with the newest entries, which are nowhere else.
    wal: Known,
    /// The file through which processes see each other's locks and commits.
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

    /// Describes what happened to the file, unless it is in its place.
    fn fault(&self) -> Option<String> {
        let path = self.path.display();
        match fs::metadata(&self.path) {
            Ok(metadata) if FileId::from_metadata(&metadata) == self.id => None,
            Ok(_) => Some(format!("the file `{path}` was replaced by another one while it was open")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Some(format!("the file `{path}` was removed or renamed while it was open"))
            }
            Err(error) => Some(format!("the file `{path}` cannot be read any more: {error}")),
        }
    }
}

impl Identity {
    /// Reads the identity of the existing files. A connection that has read must be open, so that
    /// all of them exist.
    pub(crate) fn now(path: &Path) -> Result<Identity, String> {
        // SQLite names the other files after the target of a symbolic link.
        let target = fs::canonicalize(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        Ok(Identity {
            // The name is the given one, because a link with another target is another database.
            database: Known::now(path.to_owned())?,
            wal: Known::now(beside(&target, "-wal"))?,
            shared_memory: Known::now(beside(&target, "-shm"))?,
        })
    }

    /// Describes what happened to the files, unless all of them are in their place.
    pub(crate) fn fault(&self) -> Option<String> {
        [&self.database, &self.wal, &self.shared_memory].into_iter().find_map(Known::fault)
    }

    /// Whether the database file itself is in its place. If so, one of the files next to it is not.
    pub(crate) fn has_database(&self) -> bool {
        self.database.fault().is_none()
    }

    /// The bytes of the WAL file.
    pub(crate) fn wal_bytes(&self) -> Option<u64> {
        Some(fs::metadata(&self.wal.path).ok()?.len())
    }

    /// The path under which the operating system still shows the database of this process, whatever
    /// happened to its name.
    pub(crate) fn rescue(&self) -> Option<PathBuf> {
        let open = fs::read_dir("/proc/self/fd").ok()?.flatten();
        // Reading the metadata of the link does not open the file. Opening and closing it would
        // release the locks that this process has on it.
        let is_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| FileId::from_metadata(&metadata) == self.database.id);
        let found = open.map(|entry| entry.path()).find(is_it)?;
        Some(Path::new("/proc").join(std::process::id().to_string()).join("fd").join(found.file_name()?))
    }
}
