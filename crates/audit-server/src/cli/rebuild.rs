//! `rebuild`: rebuilds from the log what is computed from it: the search indexes, and the tiles of the
//! trees.

use crate::config::Settings;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let store = settings.open_existing_store()?;
    store.rebuild_index()?;
    stdout_line!("the search index of all logs is rebuilt");
    let repaired = store.rebuild_trees()?;
    stdout_line!("the trees of all logs have the roots of their entries; repaired tiles: {repaired}");
    Ok(())
}
