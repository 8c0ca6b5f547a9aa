//! What `verify` prints, as text or as JSON, and its exit code.

use std::ops::Range;
use std::path::Path;

use audit_http::store::domain::log::{Checkpoint, Witnessed};
use audit_http::store::domain::uuid::Uuid;
use audit_http::store::domain::{ObjectWriter, push_array};
use indicatif::ProgressBar;

/// What is said about an entry.
pub(super) enum Status {
    Ok,
    /// Only its leaf was shown.
    LeafOnly,
    /// The names of the erased slots; empty in a bundle.
    Erased(String),
    Tampered(String),
}

/// What is said about a file.
pub(super) type FileResult = Result<Proven, Unproven>;

/// The reason why a file is not proven.
#[derive(Debug)]
pub(super) enum Unproven {
    /// Something in it is not what the log has.
    Wrong(String),
    /// It cannot be read, or something to check it with is missing.
    NotChecked(String),
}

/// What a file proves.
#[derive(Debug)]
pub(super) struct Proven {
    /// What is in the log.
    pub(super) what: String,
    /// For a bundle, the positions of which it has all entries; `Some(None)` if it is filtered.
    pub(super) complete: Option<Option<Range<u64>>>,
    pub(super) checkpoint: Checkpoint,
    /// The checkpoint of the root log, if that is the one of the policy.
    pub(super) root: Option<Checkpoint>,
    pub(super) witnesses: Vec<Witnessed>,
    /// How it relates to the checkpoint that somebody kept.
    pub(super) kept: Option<String>,
}

/// The result of all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Ok,
    NotChecked,
    Wrong,
}

impl Outcome {
    /// The exit code.
    pub(super) fn code(self) -> u8 {
        match self {
            Outcome::Ok => 0,
            Outcome::Wrong => 1,
            Outcome::NotChecked => 2,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Wrong => "wrong",
            Outcome::NotChecked => "not checked",
        }
    }
}

/// Entries of all files, and lines that cannot be read.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) ok: u64,
    pub(super) erased: u64,
    pub(super) tampered: u64,
    pub(super) missing: u64,
    pub(super) unreadable: u64,
    /// Entries of ranges that do not have the root of their checkpoint.
    pub(super) unproven: u64,
}

pub(super) struct Report<'a> {
    is_json: bool,
    is_verbose: bool,
    bar: &'a ProgressBar,
    file: String,
    files: u64,
    counts: Counts,
    outcome: Outcome,
}

impl<'a> Report<'a> {
    pub(super) fn new(is_json: bool, is_verbose: bool, bar: &'a ProgressBar) -> Report<'a> {
        let (file, files, counts, outcome) = (String::new(), 0, Counts::default(), Outcome::Ok);
        Report { is_json, is_verbose, bar, file, files, counts, outcome }
    }

    pub(super) fn begin(&mut self, path: &Path) {
        self.file = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
        self.files += 1;
    }

    pub(super) fn count(&mut self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.counts);
    }

    /// An entry. Of a bundle, the text has only those that are wrong.
    pub(super) fn entry(&self, position: u64, uuid: Option<Uuid>, status: &Status, is_shown: bool) {
        let (name, detail) = match status {
            Status::Ok => ("ok", None),
            Status::LeafOnly => ("ok", Some("only the leaf: the file does not have the slots")),
            Status::Erased(names) => ("erased", Some(names.as_str()).filter(|names| !names.is_empty())),
            Status::Tampered(why) => ("tampered", Some(why.as_str())),
        };
        let uuid = uuid.map(|uuid| uuid.to_string());
        if self.is_json {
            self.object("entry", |object| {
                object.raw("position", &position.to_string());
                or_null(object, "uuid", uuid.as_deref());
                object.string("status", name);
                or_null(object, "detail", detail);
            });
        } else if is_shown || self.is_verbose {
            let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            self.line(&format!("{position} {} {name}{detail}", uuid.as_deref().unwrap_or("-")));
        }
    }

    /// Positions without an entry.
    pub(super) fn missing(&self, positions: Range<u64>) {
        let Range { start, end } = positions;
        if start >= end {
            return;
        }
        if self.is_json {
            self.object("missing", |object| {
                object.raw("from", &start.to_string()).raw("to", &end.to_string());
            });
        } else if end - start == 1 {
            self.line(&format!("{start} missing"));
        } else {
            self.line(&format!("{start} to {} missing", end - 1));
        }
    }

    /// A line that cannot be read.
    pub(super) fn unreadable(&self, number: u64, why: &str) {
        if self.is_json {
            self.object("unreadable", |object| {
                object.raw("line", &number.to_string()).string("detail", why);
            });
        } else {
            self.line(&format!("line {number} cannot be read: {why}"));
        }
    }

    /// The result of the file.
    pub(super) fn end(&mut self, result: &FileResult) {
        let outcome = match result {
            Ok(_) => Outcome::Ok,
            Err(Unproven::Wrong(_)) => Outcome::Wrong,
            Err(Unproven::NotChecked(_)) => Outcome::NotChecked,
        };
        self.outcome = self.outcome.max(outcome);
        if self.is_json {
            self.object("file", |object| {
                object.string("result", outcome.name());
                match result {
                    Ok(proven) => proven.write(object),
                    Err(Unproven::Wrong(why) | Unproven::NotChecked(why)) => drop(object.string("detail", why)),
                }
            });
        } else {
            self.line(&match result {
                Ok(proven) => proven.sentence(),
                Err(Unproven::Wrong(why)) => format!("wrong: {why}"),
                Err(Unproven::NotChecked(why)) => format!("not checked: {why}"),
            });
        }
    }

    /// Prints the summary.
    pub(super) fn finish(self) -> Outcome {
        let (result, files) = (self.outcome.name(), self.files);
        let Counts { ok, erased, tampered, missing, unreadable, unproven } = self.counts;
        let counts = [
            ("ok", ok),
            ("erased", erased),
            ("tampered", tampered),
            ("missing", missing),
            ("unreadable", unreadable),
            ("unproven", unproven),
        ];
        if self.is_json {
            let mut out = String::new();
            let mut object = ObjectWriter::new(&mut out);
            object.string("type", "summary").string("result", result).raw("files", &files.to_string());
            for (name, count) in counts {
                object.raw(name, &count.to_string());
            }
            object.end();
            stdout_line!("{out}");
        } else {
            // Most files have nothing of the rare kinds.
            let shown = counts.iter().enumerate().filter(|(index, (_, count))| *index < 4 || *count > 0);
            let counts: Vec<String> = shown.map(|(_, (name, count))| format!("{count} {name}")).collect();
            stdout_line!("{result}: {files} file(s): {}", counts.join(", "));
        }
        self.outcome
    }

    fn object(&self, kind: &str, members: impl FnOnce(&mut ObjectWriter<'_>)) {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.string("type", kind).string("file", &self.file);
        members(&mut object);
        object.end();
        self.bar.suspend(|| stdout_line!("{out}"));
    }

    /// Prints a line about the file. What it quotes from the file may be meant for the terminal.
    fn line(&self, text: &str) {
        let is_harmless = |character: char| !character.is_control();
        let escaped: String = if text.chars().all(is_harmless) {
            text.to_owned()
        } else {
            text.chars().map(|c| if is_harmless(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
        };
        self.bar.suspend(|| stdout_line!("{}: {escaped}", self.file));
    }
}

fn or_null(object: &mut ObjectWriter<'_>, name: &str, value: Option<&str>) {
    match value {
        Some(value) => object.string(name, value),
        None => object.raw(name, "null"),
    };
}

impl Proven {
    fn sentence(&self) -> String {
        let Proven { what, complete, checkpoint, root, witnesses, kept } = self;
        let mut text = format!("proven: {what} of {}, checkpoint of {} entries", checkpoint.origin(), checkpoint.size());
        if let Some(root) = root {
            text += &format!(", in {}", root.origin());
        }
        if !witnesses.is_empty() {
            let names: Vec<&str> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
            text += &format!(", cosigned by {}", names.join(", "));
        }
        if let Some(kept) = kept {
            text += &format!(", {kept}");
        }
        if *complete == Some(None) {
            text += "; the bundle is filtered, so it does not prove that no others match";
        }
        text
    }

    fn write(&self, object: &mut ObjectWriter<'_>) {
        object.string("origin", self.checkpoint.origin()).raw("size", &self.checkpoint.size().to_string());
        if let Some(complete) = &self.complete {
            object.raw("complete", if complete.is_some() { "true" } else { "false" });
        }
        if let Some(Some(Range { start, end })) = &self.complete {
            object.raw("from", &start.to_string()).raw("to", &end.to_string());
        }
        object.nested("witnesses", |out| {
            push_array(out, &self.witnesses, |witness, out| {
                let mut object = ObjectWriter::new(out);
                object.string("name", &witness.name).raw("time", &witness.time.to_string());
                object.end();
            });
        });
        if let Some(kept) = &self.kept {
            object.string("detail", kept);
        }
    }
}
