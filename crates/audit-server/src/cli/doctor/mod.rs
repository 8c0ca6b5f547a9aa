//! `doctor`: checks everything that the server needs, changes nothing of it, and names a remedy for
//! each fault.

mod database;
mod machine;
mod network;
mod signing;

use std::cell::OnceCell;
use std::path::Path;

use anyhow::bail;
use audit_http::store::{Inspection, OpenError};

use crate::config::{self, FlagValues, SettingError, Settings};

/// The result of a check.
pub(super) enum Finding {
    /// No fault, with details.
    Good(String),
    /// Nothing is broken, but the operator should know this.
    Note(String),
    /// The server does not start, or does not work as it should.
    Bad {
        /// The fault.
        fault: String,
        /// The command or the act that corrects it.
        mend: String,
    },
}

impl Finding {
    fn bad(fault: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding::Bad { fault: fault.into(), mend: mend.into() }
    }
}

/// The state that the checks share.
pub(super) struct CheckContext {
    settings: Settings,
    /// The inspection runs once, because it waits for a database that another process keeps locked.
    inspection: OnceCell<Result<Inspection, OpenError>>,
}

impl CheckContext {
    fn is_on_a_server(&self) -> bool {
        self.settings.store_config().file().is_ok_and(|file| file.is_none())
    }

    /// Whether the schema is current and the lock is free: opening the store then changes nothing
    /// and does not wait.
    fn has_current_database(&self) -> bool {
        let is_current =
            |found: &Inspection| found.pending.is_empty() && found.unknown.is_none() && !found.locked && found.unwritable.is_none();
        self.inspection().is_ok_and(is_current)
    }

    fn inspection(&self) -> Result<&Inspection, &OpenError> {
        self.inspection.get_or_init(|| self.settings.store_config().inspect()).as_ref()
    }
}

/// The name of a check, whether it is about the database, and the check itself.
type Check = (&'static str, bool, fn(&CheckContext) -> Finding);

/// The checks, in the order in which one fault leads to the next.
const CHECKS: [Check; 13] = [
    ("data directory", true, database::directory),
    ("database", true, database::database),
    ("schema and writing", true, database::schema),
    ("database role", true, database::role),
    ("administrator", true, database::administrator),
    ("contents", true, database::contents),
    ("clock", true, database::clock),
    ("search index", true, database::search_index),
    ("signing", true, signing::signing),
    ("disk space", true, machine::disk),
    ("open files", false, machine::descriptors),
    ("TLS", false, network::tls),
    ("address", false, network::address),
];

pub(super) fn run(given: &FlagValues, file: Option<&Path>) -> anyhow::Result<()> {
    let (settings, faults) = Settings::read_all(given, file);
    let mut report = Report { bad: 0 };
    for fault in &faults {
        let mend = "correct the setting; `audit-server config check` checks it again";
        report.add("settings", Finding::bad(fault.to_string(), mend));
    }
    for warning in config::unknown_variables() {
        report.add("settings", Finding::Note(warning));
    }
    // With a default value instead, the checks would look at another database than the intended
    // one, and report no fault.
    let is_hidden = settings.is_none() || faults.iter().any(SettingError::hides_the_database);
    if is_hidden {
        let text = "not checked: the settings that select the database cannot be used; correct them and run this again";
        report.add("database", Finding::Note(text.to_owned()));
    }
    // A fault in one setting does not keep the other checks from running.
    if let Some(settings) = settings {
        report.settings(&settings, faults.is_empty());
        let context = CheckContext { inspection: OnceCell::new(), settings };
        for (name, _, check) in CHECKS.iter().filter(|(_, is_about_database, _)| !(is_hidden && *is_about_database)) {
            report.add(name, check(&context));
        }
    }
    match report.bad {
        0 => Ok(()),
        bad => bail!("{bad} check(s) failed"),
    }
}

struct Report {
    bad: usize,
}

impl Report {
    fn settings(&mut self, settings: &Settings, readable: bool) {
        let dangers = settings.dangers();
        if readable && dangers.is_empty() {
            let file = settings.file.as_ref().map_or("no settings file".to_owned(), |path| path.display().to_string());
            let mode = if settings.production { "production" } else { "development" };
            self.add("settings", Finding::Good(format!("{file}, {mode} mode")));
        }
        for danger in dangers {
            self.add(
                "settings",
                match settings.production {
                    true => Finding::bad(
                        danger.in_production().to_string(),
                        "as the fault says; `audit-server config check` checks it again",
                    ),
                    false => Finding::Note(danger.to_string()),
                },
            );
        }
        if settings.production {
            settings.advice().into_iter().for_each(|advice| self.add("settings", Finding::Note(advice)));
        }
    }

    fn add(&mut self, name: &str, finding: Finding) {
        match finding {
            Finding::Good(text) => stdout_line!("ok    {name}: {text}"),
            Finding::Note(text) => stdout_line!("note  {name}: {text}"),
            Finding::Bad { fault, mend } => {
                self.bad += 1;
                stdout_line!("FAIL  {name}: {fault}\n      fix: {mend}");
            }
        }
    }
}
