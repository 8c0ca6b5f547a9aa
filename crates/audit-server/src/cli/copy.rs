//! `copy`: copies a whole database into another one, such as from the embedded file to a server.

use audit_http::store::{Copied, CopyProgress, copy};
use clap::Args;
use indicatif::ProgressBar;

use crate::config::Settings;
use crate::progress::{self, Unit};

/// Copy a whole database to another place or kind, in either direction: with the same positions,
/// hashes, keys and tokens
///
/// The command creates the destination if it does not exist. The destination must be empty or an
/// earlier copy: an interrupted copy continues where it stopped. At the end the command reads all
/// of it on both sides and compares it. It only reads the source. A server may go on using the
/// source, and the command reports if the source got more entries meanwhile. To move permanently:
/// copy while the server runs, stop the server, copy again, and start the server with the new URL.
#[derive(Args)]
pub(super) struct CopyArgs {
    /// Database to read, such as sqlite://audit-data/audit.db
    #[arg(long, value_name = "URL")]
    from: String,
    /// Database to write, such as postgres://audit@db/audit
    #[arg(long, value_name = "URL")]
    to: String,
}

pub(super) fn run(settings: &Settings, args: &CopyArgs) -> anyhow::Result<()> {
    let database = |url: &str| {
        let mut config = settings.store_config();
        config.database_url = url.to_owned();
        config
    };
    let mut bar = Bar::default();
    let copied = copy(&database(&args.from), &database(&args.to), |step| bar.step(step));
    bar.end();
    let Copied { entries, new, tokens, content_types, behind } = copied?;
    stdout_line!(
        "{entries} entries, {new} of them new, {tokens} token(s) and {content_types} content type(s): the same on both sides"
    );
    if behind > 0 {
        stdout_line!("the source got {behind} entries during the copy: stop the programs that write to it, and copy again");
    }
    Ok(())
}

/// The progress of a copy.
#[derive(Default)]
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Each entry counts twice: once for the copy and once for the comparison.
    pub(super) fn step(&mut self, step: CopyProgress) {
        match (step, &self.0) {
            (CopyProgress::Start { entries, there }, _) => {
                self.0 = progress::bar(Unit::Entries(entries * 2)).ok().inspect(|bar| bar.inc(there));
            }
            (CopyProgress::Copied(count) | CopyProgress::Compared(count), Some(bar)) => bar.inc(count),
            (CopyProgress::Copied(_) | CopyProgress::Compared(_), None) => {}
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}
