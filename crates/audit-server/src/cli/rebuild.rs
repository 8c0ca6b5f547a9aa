//! `rebuild`: makes anew what is derived from the log.

use crate::config::Settings;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let counters = settings.open_existing_store()?.rebuild_counters()?;
    say!("{counters} counters made from the log");
    Ok(())
}
