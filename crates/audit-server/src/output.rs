//! A file that is whole or not there: written beside its place, flushed to the disk, then renamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Where an export goes: a file, packed if its name ends in `.gz`, or stdout.
pub(crate) struct Output {
    writer: Writer,
    /// The file while it is written, and its place; `None` for stdout and what is no regular file.
    unfinished: Option<Unfinished>,
    name: String,
}

enum Writer {
    Stdout(BufWriter<StdoutLock<'static>>),
    Plain(BufWriter<File>),
    Packed(GzEncoder<BufWriter<File>>),
}

impl Output {
    /// `-` is stdout.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Output> {
        if path == Path::new("-") {
            let writer = Writer::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()));
            return Ok(Output { writer, unfinished: None, name: "stdout".to_owned() });
        }
        let name = path.display().to_string();
        let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        // A pipe or a device is written to; renaming a file over it would only take it away.
        let unfinished = if special { None } else { Some(Unfinished::beside(path)?) };
        let file = match &unfinished {
            Some(unfinished) => private().open(&unfinished.path),
            None => File::options().write(true).open(path),
        };
        let file = BufWriter::with_capacity(BUFFER_BYTES, file.with_context(|| format!("cannot write `{name}`"))?);
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

    /// Puts the file in its place; before this, the place holds what it held.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Output { writer, unfinished, name } = self;
        let finish = || -> io::Result<()> {
            let file = match writer {
                Writer::Stdout(mut writer) => return writer.flush(),
                Writer::Plain(writer) => writer.into_inner()?,
                Writer::Packed(writer) => writer.finish()?.into_inner()?,
            };
            match unfinished {
                Some(unfinished) => {
                    file.sync_all()?;
                    unfinished.rename()
                }
                None => Ok(()),
            }
        };
        finish().with_context(|| format!("cannot write {name}"))
    }
}

/// A new file for its owner alone: events tell of persons.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

const BUFFER_BYTES: usize = 256 * 1024;

/// The file while it is written; removed again unless it is renamed.
struct Unfinished {
    path: PathBuf,
    place: PathBuf,
    directory: PathBuf,
}

impl Unfinished {
    fn beside(place: &Path) -> anyhow::Result<Unfinished> {
        let name = place.file_name().filter(|_| !place.is_dir());
        let name = name.with_context(|| format!("`{}` is a directory: name a file in it", place.display()))?;
        let mut unfinished = OsString::from(".");
        unfinished.push(name);
        unfinished.push(format!(".{}.tmp", std::process::id()));
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        Ok(Unfinished { path: directory.join(unfinished), place: place.to_owned(), directory })
    }

    fn rename(self) -> io::Result<()> {
        fs::rename(&self.path, &self.place)?;
        // The new name is on the disk once its directory is.
        File::open(&self.directory)?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, path = %self.path.display(), "an unfinished file was left behind"),
        }
    }
}
