//! A scrub finds what was changed in a database, says where, and finds nothing in one that was not changed.

mod base;
mod beside;
mod changes;
mod expected;
mod thousand;
mod values;

use std::ops::ControlFlow;

use audit_store::domain::ChannelGrant;
use audit_store::domain::log::{Checkpoint, VerifierKey};
use audit_store::{Finding, NotOpened, ScrubProgress, ScrubRequest, ScrubSummary, ScrubbedEntry, StoreConfig};

/// What a scrub said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) findings: Vec<Finding>,
    pub(super) entries: Vec<ScrubbedEntry>,
    pub(super) announced: u64,
    pub(super) summary: ScrubSummary,
}

/// Scrubs a database with the keys of its logs.
pub(super) fn scrub(config: &StoreConfig, keys: &[VerifierKey], kept: Vec<(String, Checkpoint)>) -> Said {
    let open = |note: &str| {
        let origin = note.lines().next().unwrap_or_default();
        let key = keys.iter().find(|key| key.name() == origin).ok_or_else(|| NotOpened::NoKey(format!("no key of {origin}")))?;
        Checkpoint::open(note, key).map(|(checkpoint, _)| checkpoint).map_err(|error| NotOpened::Wrong(error.to_string()))
    };
    let request = ScrubRequest { channels: ChannelGrant::All, open: &open, kept };
    let mut said = Said::default();
    let summary = config.scrub(&request, &mut |progress| {
        match progress {
            ScrubProgress::Start { entries } => said.announced = entries,
            ScrubProgress::Entry(entry) => said.entries.push(entry),
            ScrubProgress::Finding(finding) => said.findings.push(finding.clone()),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    said.summary = summary.unwrap();
    assert_eq!(said.summary.findings, said.findings.len() as u64);
    said
}
