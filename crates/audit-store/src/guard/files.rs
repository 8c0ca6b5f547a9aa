//! The files of the newest checkpoints: one for each log, with the note as it was signed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use audit_domain::Stream;
use audit_domain::log::{Checkpoint, Note};

use crate::error::OpenError;
use crate::log_key::{LogKey, ROOT};
use crate::private_file::{self, make_directory_of};

/// The ending of the files.
const EXTENSION: &str = "checkpoint";

/// Bytes of the largest file that is read. A checkpoint with some hundred signatures has less.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The longest wait for another program that keeps checkpoints in the same directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// What the files have at the start.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(super) notes: BTreeMap<LogKey, String>,
}

impl Files {
    /// Reads the files of a directory, if there is one.
    pub(crate) fn read(directory: &Path) -> Result<Files, OpenError> {
        let failed =
            |path: &Path, why: io::Error| OpenError::Checkpoints { path: path.display().to_string(), why: why.to_string() };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Files::default()),
            Err(error) => return Err(failed(directory, error)),
        };
        let mut notes = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(|error| failed(directory, error))?.path();
            if let Some(log) = log_of(&path)
                && let Some(note) = read(&path).map_err(|error| failed(&path, error))?
            {
                notes.insert(log, note);
            }
        }
        Ok(Files { notes })
    }

    /// The checkpoints that they have, without a look at their signatures.
    pub(crate) fn checkpoints(&self) -> impl Iterator<Item = (LogKey, Checkpoint, &str)> {
        self.notes.iter().filter_map(|(log, note)| Some((*log, checkpoint_of(note)?, note.as_str())))
    }

    /// Those of the logs of which the others have none.
    pub(crate) fn without(mut self, others: &Files) -> Files {
        self.notes.retain(|log, _| !others.notes.contains_key(log));
        self
    }

    /// Writes them into a directory, in place of those that it has.
    pub(crate) fn write_to(&self, directory: &Path) -> io::Result<()> {
        for (log, note) in &self.notes {
            let to = path_of(directory, *log);
            make_directory_of(&to)?;
            private_file::write(&to, note.as_bytes())?;
        }
        Ok(())
    }

    /// Moves the files into a directory of this name below theirs. They stay evidence, and are compared
    /// with nothing any more.
    pub(crate) fn set_aside(&self, directory: &Path, name: &str) -> Result<(), OpenError> {
        let aside = directory.join(name);
        let failed = |error: io::Error| OpenError::Checkpoints { path: aside.display().to_string(), why: error.to_string() };
        for log in self.notes.keys() {
            let to = aside.join(name_of(*log));
            make_directory_of(&to).and_then(|()| fs::rename(directory.join(name_of(*log)), to)).map_err(failed)?;
        }
        Ok(())
    }
}

/// Reads a file; `None` if there is none. What is not text, or too long for a checkpoint, is none.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The checkpoint of a note, without a look at its signatures.
fn checkpoint_of(note: &str) -> Option<Checkpoint> {
    note.parse::<Note>().ok()?.text().parse().ok()
}

/// Locks a directory until the handle is dropped. A file for this could belong to another user, such as to
/// root after an import.
pub(super) fn lock(directory: &Path) -> io::Result<fs::File> {
    let (handle, end) = (fs::File::open(directory)?, Instant::now() + LOCK_PATIENCE);
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(handle),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(1)),
            Err(fs::TryLockError::WouldBlock) => {
                return Err(io::Error::new(ErrorKind::TimedOut, "another program keeps the directory locked"));
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The file of a log.
pub(super) fn path_of(directory: &Path, log: LogKey) -> PathBuf {
    directory.join(name_of(log))
}

fn name_of((channel_id, stream): LogKey) -> String {
    if (channel_id, stream) == ROOT {
        return format!("root.{EXTENSION}");
    }
    format!("{channel_id}-{}.{EXTENSION}", stream.name())
}

/// The log of a file; `None` for other files.
fn log_of(path: &Path) -> Option<LogKey> {
    let file_name = path.file_name()?.to_str()?;
    let name = file_name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    let log = match name.split_once('-') {
        Some((channel_id, stream)) => (channel_id.parse().ok()?, Stream::from_name(stream)?),
        None => ROOT,
    };
    (file_name == name_of(log)).then_some(log)
}
