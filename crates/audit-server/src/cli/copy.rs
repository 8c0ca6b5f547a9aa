//! `copy`: a whole database into another one, such as from the embedded file to a server.

use audit_http::store::{Copied, CopyProgress, StoreConfig, copy};
use clap::Args;

use crate::config::Settings;
use crate::progress::{self, Unit};

/// Move a whole database to another place or kind, either way: the same positions, hashes, keys and tokens
///
/// The destination is made if it is not there, and must be empty or an earlier copy: one that was interrupted goes on where it
/// stopped. At the end all of it is read on both sides and compared. The source is only read; a server may go on using it, and the
/// copy says when it got more meanwhile. To move for good: copy while the server runs, stop it, copy again, and start it with the
/// new URL.
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
    let database = |url: &str| StoreConfig { database_url: url.to_owned(), ..settings.store_config() };
    let mut bar = None;
    let copied = copy(&database(&args.from), &database(&args.to), |step| match (step, &bar) {
        // Each entry counts twice: once when it is copied and once when it is compared.
        (CopyProgress::Start { entries, there }, _) => {
            let started = progress::bar(Unit::Entries(entries * 2));
            bar = started.ok().inspect(|bar| bar.inc(there));
        }
        (CopyProgress::Copied(count) | CopyProgress::Compared(count), Some(bar)) => bar.inc(count),
        (CopyProgress::Copied(_) | CopyProgress::Compared(_), None) => {}
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let Copied { entries, new, tokens, content_types, behind } = copied?;
    stdout_line!(
        "{entries} entries, {new} of them new, {tokens} token(s) and {content_types} content type(s): the same on both sides"
    );
    if behind > 0 {
        stdout_line!("the source got {behind} entries meanwhile: stop what writes to it and copy again");
    }
    Ok(())
}
