//! `verify --deep`: everything in a database, and what is said about it.

use std::ops::ControlFlow;

use anyhow::bail;
use audit_http::store::domain::log::{Checkpoint, Policy, Trust};
use audit_http::store::domain::{ChannelGrant, ObjectWriter};
use audit_http::store::{EntryState, Finding, NotOpened, OwnKeys, Part, ScrubProgress, ScrubRequest, ScrubSummary, ScrubbedEntry};
use indicatif::ProgressBar;

use super::report::Outcome;
use super::trusted::Trusted;
use super::{VerifyArgs, kept};
use crate::config::Settings;
use crate::progress::{self, Unit};

/// Findings that are shown, unless all of them are asked for.
const SHOWN_MAX: u64 = 100;

/// What opens checkpoints.
enum Keys {
    /// Those of the person who verifies.
    Given(Trusted),
    /// Those of the server itself.
    Own(OwnKeys),
}

impl Keys {
    fn read(settings: &Settings, args: &VerifyArgs) -> anyhow::Result<Keys> {
        if args.vkey.is_empty() && args.policy.is_none() {
            return Ok(Keys::Own(OwnKeys::read(&settings.signing)?));
        }
        Ok(Keys::Given(Trusted::read(&args.vkey, args.policy.as_deref())?))
    }

    fn open(&self, note: &str) -> Result<Checkpoint, NotOpened> {
        let trusted = match self {
            Keys::Own(keys) => return keys.open(note),
            Keys::Given(trusted) => trusted,
        };
        match trusted.of_note(note).map_err(NotOpened::NoKey)? {
            Trust::Key(key) => {
                let opened = Checkpoint::open(note, key).map_err(|error| NotOpened::Wrong(error.to_string()));
                opened.map(|(checkpoint, _)| checkpoint)
            }
            Trust::Policy(policy) => by_policy(policy, note),
        }
    }

    /// What was used, for the end of the output.
    fn sentence(&self, settings: &Settings) -> String {
        match self {
            Keys::Given(_) => "the checkpoints were verified with the keys that you gave".to_owned(),
            Keys::Own(keys) if keys.is_empty() => {
                format!("no checkpoint was verified: `{}` has no key; give --vkey KEY", settings.signing.key_file.display())
            }
            Keys::Own(_) => format!(
                "the checkpoints were verified with the server's own key, in `{}`: who has it can sign another history, so give --vkey \
                 KEY with a key that you got earlier, and --checkpoint FILE with a checkpoint that you kept",
                settings.signing.key_file.display()
            ),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Keys::Given(_) => "given",
            Keys::Own(keys) if keys.is_empty() => "none",
            Keys::Own(_) => "own",
        }
    }
}

/// A checkpoint in the database has no proof that leads to a root log, so a policy has to have the log
/// itself.
fn by_policy(policy: &Policy, note: &str) -> Result<Checkpoint, NotOpened> {
    let origin = note.lines().next().unwrap_or_default();
    if !policy.logs().iter().any(|log| log.name() == origin) {
        return Err(NotOpened::NoKey(format!("the policy does not have the log {origin}")));
    }
    policy.open(note).map(|opened| opened.checkpoint).map_err(|error| NotOpened::Wrong(error.to_string()))
}

pub(super) fn verify(settings: &Settings, args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let keys = Keys::read(settings, args)?;
    let open = |note: &str| keys.open(note);
    let mut older = Vec::new();
    if let Some(path) = &args.checkpoint {
        let (name, note) = (path.display().to_string(), kept::note(path)?);
        match keys.open(&note) {
            Ok(checkpoint) => older.push((name, checkpoint)),
            Err(NotOpened::NoKey(why) | NotOpened::Wrong(why)) => bail!("--checkpoint `{name}` cannot be used: {why}"),
        }
    }
    let channels = match args.channel.as_slice() {
        [] => ChannelGrant::All,
        some => ChannelGrant::Only(some.iter().copied().collect()),
    };
    let bar = progress::bar(Unit::Entries(0))?;
    let mut report = Report { is_json: args.json, shows_all: args.verbose, bar: &bar, findings: 0 };
    let request = ScrubRequest { channels, open: &open, kept: older };
    let summary = settings.store_config().scrub(&request, &mut |progress| {
        report.progress(&progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let summary = summary?;
    Ok(report.finish(&summary, &keys, settings))
}

struct Report<'a> {
    is_json: bool,
    shows_all: bool,
    bar: &'a ProgressBar,
    findings: u64,
}

impl Report<'_> {
    fn progress(&mut self, progress: &ScrubProgress<'_>) {
        match progress {
            ScrubProgress::Start { entries } => self.bar.set_length(*entries),
            ScrubProgress::Entry(entry) => {
                self.bar.inc(1);
                if self.shows_all {
                    self.entry(entry);
                }
            }
            ScrubProgress::Finding(finding) => {
                self.findings += 1;
                if self.shows_all || self.findings <= SHOWN_MAX {
                    self.finding(finding);
                }
            }
            _ => {}
        }
    }

    fn entry(&self, entry: &ScrubbedEntry) {
        let ScrubbedEntry { channel_id, stream, position, uuid, state } = entry;
        let uuid = uuid.map(|uuid| uuid.to_string());
        if self.is_json {
            self.object("entry", |object| {
                object.raw("channel_id", &channel_id.to_string()).string("stream", stream.name());
                object.raw("position", &position.to_string());
                or_null(object, "uuid", uuid.as_deref());
                object.string("status", state.name());
            });
        } else if matches!(state, EntryState::Ok | EntryState::Erased) {
            let uuid = uuid.as_deref().unwrap_or("-");
            self.line(&format!("{channel_id}/{} position {position} {uuid}: {}", stream.name(), state.name()));
        }
    }

    fn finding(&self, finding: &Finding) {
        if !self.is_json {
            return self.line(&format!("wrong: {finding}"));
        }
        self.object("finding", |object| {
            let stream = finding.log.map(|(_, number)| number.to_string());
            object.integer("channel_id", finding.log.map(|(channel_id, _)| channel_id));
            or_null(object, "stream", finding.stream().map(|stream| stream.name()).or(stream.as_deref()));
            object.string("part", finding.part.name());
            place(&finding.part, object);
            object.string("detail", &finding.what);
        });
    }

    fn finish(self, summary: &ScrubSummary, keys: &Keys, settings: &Settings) -> Outcome {
        let ScrubSummary { logs, ok, erased, missing, tampered, findings, not_checked, not_covered } = summary;
        let outcome = match (*findings, not_checked.as_slice()) {
            (1.., _) => Outcome::Wrong,
            (0, []) => Outcome::Ok,
            (0, _) => Outcome::NotChecked,
        };
        let hidden = if self.shows_all { 0 } else { findings.saturating_sub(SHOWN_MAX) };
        for (kind, texts) in [("not checked", not_checked), ("not covered", not_covered)] {
            for text in texts {
                if self.is_json {
                    self.object(&kind.replace(' ', "_"), |object| {
                        object.string("detail", text);
                    });
                } else {
                    self.line(&format!("{kind}: {text}"));
                }
            }
        }
        let counts = [("ok", ok), ("erased", erased), ("tampered", tampered), ("missing", missing), ("findings", findings)];
        if self.is_json {
            self.object("summary", |object| {
                object.string("result", outcome.name()).string("key", keys.name()).raw("logs", &logs.to_string());
                for (name, count) in counts {
                    object.raw(name, &count.to_string());
                }
                object.raw("findings_hidden", &hidden.to_string());
            });
            return outcome;
        }
        if hidden > 0 {
            self.line(&format!("{hidden} more finding(s): --verbose shows all of them"));
        }
        self.line(&keys.sentence(settings));
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        self.line(&format!("{}: {logs} log(s): {}", outcome.name(), counts.join(", ")));
        outcome
    }

    fn object(&self, kind: &str, members: impl FnOnce(&mut ObjectWriter<'_>)) {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.string("type", kind);
        members(&mut object);
        object.end();
        self.bar.suspend(|| stdout_line!("{out}"));
    }

    /// Prints a line. What it quotes from the database may be meant for the terminal.
    fn line(&self, text: &str) {
        let escaped: String =
            text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect();
        self.bar.suspend(|| stdout_line!("{escaped}"));
    }
}

/// The members that say which row it is.
fn place(part: &Part, object: &mut ObjectWriter<'_>) {
    match part {
        Part::Entry { position, uuid, fault } => {
            object.integer("position", Some(*position));
            or_null(object, "uuid", uuid.map(|uuid| uuid.to_string()).as_deref());
            object.string("fault", fault.name());
        }
        Part::Tile { level, tile, index } => {
            object.integer("level", Some((*level).into())).integer("tile", Some(*tile)).integer("hash", index.map(i64::from));
        }
        Part::Checkpoint { log_name } => {
            object.integer("log_name", Some(*log_name));
        }
        Part::Kept { name } => {
            object.string("file", name);
        }
        Part::Index { table, first, row } => {
            object.string("table", table).integer("first", Some(*first)).integer("row", Some(*row));
        }
        Part::Erasure { position } => {
            object.integer("position", Some(*position));
        }
        Part::Stray { table } => {
            object.string("table", table);
        }
        Part::LogName { number } | Part::SigningKey { number } => {
            object.integer("number", Some(*number));
        }
        _ => {}
    }
}

fn or_null(object: &mut ObjectWriter<'_>, name: &str, value: Option<&str>) {
    match value {
        Some(value) => object.string(name, value),
        None => object.raw(name, "null"),
    };
}
