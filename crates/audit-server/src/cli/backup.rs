//! `backup` and `restore`: a directory with everything that a lost machine takes along.

use std::path::PathBuf;

use audit_http::store::{BackedUp, Restored, backup, restore};
use clap::Args;

use super::copy::Bar;
use crate::config::Settings;

/// Back up the database, the key that signs and the checkpoints into a directory, while the server runs
///
/// The copy of the database is a file, whatever the database is kept in. Every entry is read back, compared
/// and hashed, and each log is proven to extend its newest checkpoint. Run it with the same directory again,
/// and it adds what is new. The directory has the private keys and personal data: protect it as you protect
/// the original.
#[derive(Args)]
pub(super) struct BackupArgs {
    /// Directory of the backup; made if it does not exist
    directory: PathBuf,
}

/// Restore a backup into a database that does not exist or is empty
///
/// The key that signs and the checkpoints are written where this machine has none. A checkpoint that is newer
/// than the backup stays, and the server then refuses to append to its log until `log new-origin`.
#[derive(Args)]
pub(super) struct RestoreArgs {
    /// Directory that `backup` wrote
    directory: PathBuf,
}

pub(super) fn run(settings: &Settings, args: &BackupArgs) -> anyhow::Result<()> {
    let mut bar = Bar::default();
    let made = backup(&settings.store_config(), &settings.signing, &args.directory, |step| bar.step(step));
    bar.end();
    let BackedUp { copied, has_key, proven } = made?;
    let key = if has_key { "with the key that signs" } else { "without a key: this machine has none that signs" };
    stdout_line!(
        "`{}` has {} entries, {} of them new, {key}; {proven} log(s) extend their checkpoints",
        args.directory.display(),
        copied.entries,
        copied.new
    );
    Ok(())
}

pub(super) fn run_restore(settings: &Settings, args: &RestoreArgs) -> anyhow::Result<()> {
    let mut bar = Bar::default();
    let made = restore(&args.directory, &settings.store_config(), &settings.signing, |step| bar.step(step));
    bar.end();
    let Restored { copied, wrote_key, went_back } = made?;
    let key = if wrote_key { "the key that signs was restored too" } else { "the key file was left as it is" };
    stdout_line!("restored {} entries and {} token(s); {key}", copied.entries, copied.tokens);
    for why in &went_back {
        stderr_line!("{why}");
    }
    if !went_back.is_empty() {
        stderr_line!("the backup is older than what this machine has seen: see docs/operations.md, A database that went back");
    }
    Ok(())
}
