//! `rebuild`: rebuilds the search indexes from the log.

use crate::config::Settings;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    settings.open_existing_store()?.rebuild_index()?;
    stdout_line!("the search index of all logs is rebuilt");
    Ok(())
}
