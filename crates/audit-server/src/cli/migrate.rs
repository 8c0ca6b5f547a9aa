//! `migrate`: brings the database to the schema of this version, without serving.

use std::io::Write;

use anyhow::{Context, bail};
use audit_http::store::Migrated;
use clap::Args;

use crate::config::Settings;

/// Bring the database to the schema of this version, and report what was done
///
/// Every start of the server does this too. The command alone is for upgrades in steps, and for
/// PostgreSQL, where the owner of the tables migrates and the server runs as another role.
#[derive(Args)]
pub(super) struct MigrateArgs {
    /// Then grant this PostgreSQL role what a server needs, and revoke everything else: it can read
    /// and append, and cannot change or delete entries of the log. The role has to exist (CREATE
    /// ROLE name LOGIN)
    #[arg(long, value_name = "ROLE")]
    grant_to: Option<String>,
}

pub(super) fn run(settings: &Settings, args: &MigrateArgs) -> anyhow::Result<()> {
    let config = settings.store_config();
    let Migrated { location, made, applied } = config.migrate()?;
    let mut text = match (made, applied.is_empty()) {
        (true, _) => format!("created the database `{location}`; migrations applied:\n"),
        (false, true) => format!("the database `{location}` is up to date: nothing was changed\n"),
        (false, false) => format!("the database `{location}` is up to date now; migrations applied:\n"),
    };
    applied.iter().for_each(|name| text += &format!("  {name}\n"));
    if let Some(role) = &args.grant_to {
        if !config.grant(role)? {
            bail!("`{location}` is not a PostgreSQL database and has no roles: leave out --grant-to");
        }
        text += &format!("the role `{role}` can read and append, and cannot change or delete entries of the log\n");
    }
    std::io::stdout().write_all(text.as_bytes()).context("the migrations are done, but the report cannot be written")
}
