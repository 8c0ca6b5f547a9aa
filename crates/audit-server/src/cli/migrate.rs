//! `migrate`: brings the database to the schema of this version, without serving.

use std::io::Write;

use anyhow::Context;
use audit_http::store::Migrated;

use crate::config::Settings;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let Migrated { location, made, applied } = settings.store_config().migrate()?;
    let mut text = match (made, applied.is_empty()) {
        (true, _) => format!("made the database `{location}`; migrations applied:\n"),
        (false, true) => format!("the database `{location}` is up to date: nothing was changed\n"),
        (false, false) => format!("the database `{location}` is up to date now; migrations applied:\n"),
    };
    applied.iter().for_each(|name| text += &format!("  {name}\n"));
    std::io::stdout().write_all(text.as_bytes()).context("the migrations are done, but it cannot be said")
}
