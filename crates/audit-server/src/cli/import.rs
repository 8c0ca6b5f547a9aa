//! `import`: appends the records of NDJSON files in their order. A repeated import appends nothing
//! twice.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use audit_http::store::Store;
use audit_http::store::domain::{ChannelId, Format, InputError, JsonError, ParseMode};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::appender::{Appender, OnRefusal};
use crate::config::Settings;
use crate::documents::each_document;
use crate::lines::{LINE_BYTES_MAX, Line, Lines};
use crate::new_entry::{Kind, NewEntry};
use crate::progress::{self, Unit};
use crate::repeats::Repeat;
use crate::source::{Source, SourceLine};

/// Append the records of NDJSON files: one record a line, in the shape of the native API and of
/// `export`
///
/// An interrupted import can be run again: it counts the records that are in the log already and
/// does not append them twice. A record without a `uuid` gets one made from the path of its file
/// (from the root, without links and `.gz`), the number of its line and its text, so this also
/// works for such records, in whatever directory the command runs. With `--source`, the given name
/// and the name of the file replace the path: use it for a file that was moved or renamed since the
/// last import, or if another file takes the path of an imported one (a log that is rotated in
/// place). From stdin without `--source` the record gets a random uuid, and a second run would
/// append it again. A record without a time gets the time of its first import. The import drops
/// members that only the server sets, and skips a byte order mark at the start of a file. The
/// server may be running.
#[derive(Args)]
pub(super) struct ImportArgs {
    /// Files, unpacked if their names end in `.gz`; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Kind of the records
    #[arg(long, value_enum, default_value_t = Kind::Events)]
    kind: Kind,
    /// Format of another system; each file is one document, or has one on each line
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["kind", "source"], value_parser = format_parser())]
    format: Option<Format>,
    /// Channel of the records that do not name one [default: the setting default_channel]
    #[arg(long, value_name = "N")]
    channel: Option<ChannelId>,
    /// Name of the origin of the lines, such as the name of a host; it distinguishes lines without
    /// a uuid, instead of the path of the file
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Skip lines that are not a valid record, or whose uuid belongs to another record, instead of
    /// stopping at the first; the exit code is 1 all the same
    #[arg(long)]
    skip_invalid: bool,
    /// Take objects without any known member and records of other systems as they are, with all their
    /// members in `extra`, instead of refusing them
    #[arg(long, conflicts_with = "format")]
    lenient: bool,
}

pub(super) fn run(settings: &Settings, args: &ImportArgs) -> anyhow::Result<()> {
    let bytes = length_of(&args.files)?;
    let store = settings.open_store_to_append()?;
    let mut import = Import {
        store: &store,
        files: &args.files,
        kind: args.kind,
        format: args.format,
        source: args.source.as_deref(),
        mode: if args.lenient { ParseMode::IMPORT } else { NewEntry::STRICT },
        channel: args.channel.unwrap_or(settings.default_channel()),
        appender: Appender::new(&store, if args.skip_invalid { OnRefusal::Skip } else { OnRefusal::Stop }),
        bar: progress::bar(Unit::Bytes(bytes))?,
        faulty: 0,
    };
    let outcome = (0..args.files.len()).try_for_each(|index| import.file(index)).and_then(|()| import.finish());
    import.bar.finish_and_clear();
    let counts = import.appender.counts();
    let skipped = if args.skip_invalid { import.faulty } else { 0 };
    stdout_line!("{} imported, {} duplicates, {skipped} skipped", counts.new, counts.known);
    if counts.future > 0 {
        let seconds = settings.future_warning.as_secs();
        stderr_line!("warning: {} record(s) have a time more than {seconds} s ahead of this machine's clock", counts.future);
    }
    outcome?;
    match import.faulty {
        0 => Ok(()),
        faulty if args.skip_invalid => bail!("{faulty} faulty line(s) were skipped"),
        _ => bail!("stopped at a faulty line; the lines before it are in the log"),
    }
}

/// The bytes of all files; `None` if one of them is stdin or a pipe. It opens every file once
/// before the import starts, so that a mistyped name at the end of the list is found at once.
pub(super) fn length_of(files: &[PathBuf]) -> anyhow::Result<Option<u64>> {
    let mut bytes = Some(0);
    for path in files {
        let length = if is_stdin(path) {
            None
        } else {
            let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
        };
        bytes = bytes.zip(length).map(|(sum, length)| sum + length);
    }
    Ok(bytes)
}

/// Faulty lines that are shown. A file of another format has as many as it has lines.
const SHOWN_MAX: u64 = 20;

struct Import<'a> {
    store: &'a Store,
    files: &'a [PathBuf],
    kind: Kind,
    format: Option<Format>,
    source: Option<&'a str>,
    mode: ParseMode,
    channel: ChannelId,
    appender: Appender<'a>,
    bar: ProgressBar,
    faulty: u64,
}

impl Import<'_> {
    /// Reads one file to its end. After a faulty line has stopped the import, it reads on only to
    /// show the other faulty lines; not from stdin, which may have no end.
    fn file(&mut self, index: usize) -> anyhow::Result<()> {
        if let Some(format) = self.format {
            return self.documents(index, format);
        }
        let path = &self.files[index];
        let ends = !is_stdin(path);
        let source = Source::new(ends.then_some(path), self.source);
        let mut lines = Lines::new(open(path, &self.bar)?);
        while !self.appender.has_stopped() || (ends && self.faulty < SHOWN_MAX) {
            match lines.next() {
                Ok(Some((_, Line::Text("")))) => {}
                Ok(Some((number, line))) => {
                    self.line(at(index, number), &line, &source)?;
                    if matches!(line, Line::Utf16) {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    // The records before the error are good: they are appended, and the next run
                    // finds them in the log.
                    self.finish()?;
                    return Err(error).with_context(|| format!("{} cannot be read", self.describe(at(index, lines.number()))));
                }
            }
        }
        if let Some(repeat) = self.appender.end_of_file()? {
            self.warn_of(&repeat);
        }
        self.show_refused();
        Ok(())
    }

    /// Reads one file in the format of another system. Its events have uuids of their own.
    fn documents(&mut self, index: usize, format: Format) -> anyhow::Result<()> {
        let input = open(&self.files[index], &self.bar)?;
        each_document(format, input, |(number, outcome)| {
            let place = SourceLine { has_own_uuid: true, ..at(index, number) };
            match outcome {
                Ok(events) => {
                    for event in events {
                        match parse_line(Kind::Events, &Line::Text(event.as_str()), ParseMode::IMPORT) {
                            Ok(record) => self.appender.push(place, record.prepare(self.store, self.channel)?)?,
                            Err(fault) => self.fault(place, &fault)?,
                        }
                    }
                    self.show_refused();
                }
                Err(fault) => self.fault(place, &fault)?,
            }
            Ok::<bool, anyhow::Error>(!self.appender.has_stopped())
        })?;
        self.appender.end_of_file()?;
        self.show_refused();
        Ok(())
    }

    fn line(&mut self, mut place: SourceLine, line: &Line<'_>, source: &Source) -> anyhow::Result<()> {
        let mut record = match parse_line(self.kind, line, self.mode) {
            Ok(record) => record,
            Err(fault) => return self.fault(place, &fault),
        };
        if let Line::Text(text) = line {
            place.has_own_uuid = record.has_uuid();
            record.or_uuid(|| source.uuid_of_line(self.kind, place.line, text));
        }
        self.appender.push(place, record.prepare(self.store, self.channel)?)?;
        self.show_refused();
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.appender.finish()?;
        self.show_refused();
        if self.faulty > SHOWN_MAX {
            stderr_line!("… and {} more", self.faulty - SHOWN_MAX);
        }
        Ok(())
    }

    /// Warns about repeated lines. A file that was imported before has its new lines after the
    /// known ones.
    fn warn_of(&self, repeat: &Repeat) {
        let Repeat { first_new, first_known, known } = repeat;
        self.bar.suspend(|| {
            stderr_line!(
                "warning: {}: {known} line(s) without a uuid were duplicates, from line {} on, although line {} before them was \
                 not: lines were changed after an earlier import and are in the log twice, or another file was imported from this \
                 path and these lines are not in the log (then import the file with --source NAME)",
                self.files[first_known.file].display(),
                first_known.line,
                first_new.line,
            );
        });
    }

    /// Reports a line that is not a record. Unless faulty lines are skipped, it ends the import
    /// after everything before the line is in the log.
    fn fault(&mut self, place: SourceLine, fault: &str) -> anyhow::Result<()> {
        self.appender.refuse()?;
        self.show_refused();
        self.show(place, fault);
        Ok(())
    }

    fn show_refused(&mut self) {
        for refused in self.appender.take_refused() {
            let fault = format!("uuid {} belongs to another record of channel {}", refused.uuid, refused.channel_id);
            self.show(refused.place, &fault);
        }
    }

    fn show(&mut self, place: SourceLine, fault: &str) {
        self.faulty += 1;
        if self.faulty <= SHOWN_MAX {
            self.bar.suspend(|| stderr_line!("{}: {fault}", self.describe(place)));
        }
    }

    fn describe(&self, place: SourceLine) -> String {
        describe(&self.files[place.file], place.line)
    }
}

/// Names a line of a file.
pub(super) fn describe(path: &Path, line: u64) -> String {
    let name = if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() };
    format!("{name} line {line}")
}

/// Reads the name of a format.
pub(super) fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| Format::parse(&name).ok_or("is not a format"))
}

/// Parses the record of a line, or returns all its faults at once.
pub(super) fn parse_line(kind: Kind, line: &Line<'_>, mode: ParseMode) -> Result<NewEntry, String> {
    let text = match line {
        Line::Text(text) => text,
        Line::TooLong => return Err(format!("has more than {LINE_BYTES_MAX} bytes")),
        Line::NotUtf8 => return Err("is not UTF-8".to_owned()),
        Line::Utf16 => {
            let why = "is UTF-16, according to its byte order mark: convert the file, for example with `iconv -f UTF-16 -t UTF-8`";
            return Err(why.to_owned());
        }
    };
    let parsed = NewEntry::parse(kind, text, mode);
    // A record of another kind has no known member either, and the kind is the better advice.
    let taken = match &parsed {
        Err(InputError::Unrecognized(_)) => NewEntry::parse(kind, text, ParseMode::IMPORT).ok(),
        _ => None,
    };
    let meant = taken.as_ref().or(parsed.as_ref().ok()).and_then(|record| record.meant(text));
    if let Some(meant) = meant.filter(|_| kind == Kind::Events) {
        return Err(format!("is not an event: give --kind {meant}"));
    }
    parsed.map_err(|error| match error {
        InputError::Json(JsonError::Syntax { message, column, .. }) => format!("is not JSON: {message} at column {column}"),
        InputError::Unrecognized(unrecognized) if taken.is_some() => {
            let what = unrecognized.format().map(|format| format!("{}: give --format {format}", unrecognized.why()));
            format!("{}; --lenient takes it as it is", what.unwrap_or_else(|| unrecognized.to_string()))
        }
        other => other.to_string(),
    })
}

fn at(file: usize, line: u64) -> SourceLine {
    SourceLine { file, line, has_own_uuid: false }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The progress bar counts the bytes of the file as they are read, before they are unpacked.
pub(super) fn open(path: &Path, bar: &ProgressBar) -> anyhow::Result<Box<dyn BufRead>> {
    if is_stdin(path) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, bar.wrap_read(io::stdin().lock()))));
    }
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let raw: Box<dyn Read> = Box::new(bar.wrap_read(BufReader::with_capacity(BUFFER_BYTES, file)));
    let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let unpacked = if packed { Box::new(MultiGzDecoder::new(raw)) } else { raw };
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked)))
}

const BUFFER_BYTES: usize = 256 * 1024;
