//! Writes a file that is complete or absent: it is written next to its place, synchronized to the
//! disk, then renamed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::{NamedTempFile, TempPath};

/// The target of an export: a file, compressed if its name ends in `.gz`, or stdout.
pub(crate) struct Output {
    writer: Writer,
    /// The unfinished file and its place; `None` for stdout and for a target that is not a regular
    /// file.
    unfinished: Option<(TempPath, PathBuf)>,
    name: String,
}

enum Writer {
    Stdout(BufWriter<StdoutLock<'static>>),
    Plain(BufWriter<File>),
    Packed(GzEncoder<BufWriter<File>>),
}

impl Output {
    /// Opens the target; `-` is stdout.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Output> {
        if path == Path::new("-") {
            let writer = Writer::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()));
            return Ok(Output { writer, unfinished: None, name: "stdout".to_owned() });
        }
        let name = path.display().to_string();
        let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        // A pipe or a device is written directly, because a rename would replace it by a file.
        let (file, unfinished) = if special {
            (File::options().write(true).open(path).with_context(|| format!("cannot write `{name}`"))?, None)
        } else {
            let (file, unfinished) = beside(path)?.into_parts();
            (file, Some((unfinished, path.to_owned())))
        };
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
        let writer = if packed { Writer::Packed(GzEncoder::new(file, Compression::default())) } else { Writer::Plain(file) };
        Ok(Output { writer, unfinished, name })
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = match &mut self.writer {
            Writer::Stdout(writer) => writer.write_all(bytes),
            Writer::Plain(writer) => writer.write_all(bytes),
            Writer::Packed(writer) => writer.write_all(bytes),
        };
        written.with_context(|| format!("cannot write {}", self.name))
    }

    /// Puts the file in its place. Until then the place keeps its old contents.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Output { writer, unfinished, name } = self;
        let finish = || -> io::Result<()> {
            let file = match writer {
                Writer::Stdout(mut writer) => return writer.flush(),
                Writer::Plain(writer) => writer.into_inner()?,
                Writer::Packed(writer) => writer.finish()?.into_inner()?,
            };
            let Some((unfinished, place)) = unfinished else { return Ok(()) };
            file.sync_all()?;
            unfinished.persist(&place)?;
            // The new name is on the disk once its directory is.
            File::open(directory(&place))?.sync_all()
        };
        finish().with_context(|| format!("cannot write {name}"))
    }
}

/// Options for a new file for its owner alone, because events are about persons. It never opens an
/// existing file and does not follow a link.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

const BUFFER_BYTES: usize = 256 * 1024;

/// Creates a file that is removed unless it is renamed. It is locked as long as its process lives. So
/// the next export of the same name distinguishes the files of dead and living exports, in any
/// container.
fn beside(place: &Path) -> anyhow::Result<NamedTempFile> {
    let name = place.file_name().filter(|_| !place.is_dir());
    let name = name.with_context(|| format!("`{}` is a directory: name a file in it", place.display()))?;
    let mut start = OsString::from(".");
    start.push(name);
    start.push(".");
    clear_left_overs(directory(place), &start);
    let end = format!("{}{ENDING}", std::process::id());
    let made = tempfile::Builder::new().prefix(&start).suffix(&end).rand_bytes(0).make_in(directory(place), make);
    made.with_context(|| format!("cannot write `{}`", place.display()))
}

fn directory(place: &Path) -> &Path {
    place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates the file and locks it. Another export that clears old files may lock it first, and then
/// removes it.
fn make(path: &Path) -> io::Result<File> {
    loop {
        let file = private().open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => io::Error::other(format!("another export is writing `{}`", path.display())),
            _ => error,
        })?;
        file.lock()?;
        if has_name(&file.metadata()?) {
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn has_name(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 0
}

#[cfg(not(unix))]
fn has_name(_: &fs::Metadata) -> bool {
    true
}

const ENDING: &str = ".tmp";

/// Removes the files of killed exports of the same name: files with such a name that no living
/// process has locked.
fn clear_left_overs(directory: &Path, start: &OsStr) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| is_named_as_ours(&entry.file_name(), start)) {
        let path = entry.path();
        // Only regular files: opening a pipe would wait for its other end.
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = File::options().write(true).open(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed the unfinished file of a killed export"),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the unfinished file of an earlier export cannot be removed")
            }
        }
    }
}

/// `.NAME.PROCESS.tmp`
fn is_named_as_ours(name: &OsStr, start: &OsStr) -> bool {
    let middle = name.as_encoded_bytes().strip_prefix(start.as_encoded_bytes());
    let middle = middle.and_then(|rest| rest.strip_suffix(ENDING.as_bytes()));
    middle.is_some_and(|middle| !middle.is_empty() && middle.iter().all(u8::is_ascii_digit))
}
