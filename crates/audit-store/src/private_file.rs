//! Files and directories for their owner alone, written so that they are whole after a crash.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Makes directories for their owner alone, as far as they do not exist.
pub(crate) fn private_directories() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Writes a file under another name, flushes it, and renames it.
pub(crate) fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = draft_of(path);
    write_draft(&draft, contents)?;
    fs::rename(&draft, path)?;
    flush_directory_of(path)
}

/// Writes and flushes a draft for its owner alone.
pub(crate) fn write_draft(draft: &Path, contents: &[u8]) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = new_private(draft)?;
    belong_like_the_directory(draft)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Gives a file that root makes to the owner of its directory: a server that runs as another user has to read
/// and replace it.
#[cfg(unix)]
fn belong_like_the_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let directory = fs::metadata(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    if fs::metadata(path)?.uid() == directory.uid() {
        return Ok(());
    }
    // Only root may do this, and only then it is needed.
    match chown(path, Some(directory.uid()), Some(directory.gid())) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

#[cfg(not(unix))]
fn belong_like_the_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The name of the draft of a file.
pub(crate) fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Flushes the names of a directory, so that a renamed file keeps its name after a loss of power.
#[cfg(unix)]
pub(crate) fn flush_directory_of(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(directory) => fs::File::open(directory)?.sync_all(),
        None => fs::File::open(".")?.sync_all(),
    }
}

/// Other systems flush no directories.
#[cfg(not(unix))]
pub(crate) fn flush_directory_of(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the directory of a file, for its owner alone.
pub(crate) fn make_directory_of(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(directory) => private_directories().create(directory),
        None => Ok(()),
    }
}

/// Makes a file that does not exist yet: whole or not at all.
pub(crate) fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = draft_of(path);
    write_draft(&draft, contents)?;
    // Unlike a rename, a link does not replace a file that another process made meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    flush_directory_of(path)
}

fn new_private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
