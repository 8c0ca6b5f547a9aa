//! A log whose entries came in a random order of time: the filled log, exported, shuffled and imported.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::scratch::Scratch;

/// Imports what another database has, each kind of records in a random order.
pub(crate) fn import(scratch: &Scratch, filled: &str) -> anyhow::Result<()> {
    for kind in ["events", "action-logs"] {
        let file = scratch.path().join(kind);
        let name = file.to_str().context("the scratch directory has a name that is not UTF-8")?;
        scratch.run(&["--database-url", filled, "export", "--kind", kind, "--output", name])?;
        shuffle(&file)?;
        scratch.run(&["import", "--kind", kind, name])?;
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// Shuffles the lines of a file, in the same way in each run.
fn shuffle(file: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(file)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for end in (1..lines.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lines.swap(end, usize::try_from(random >> 33)? % (end + 1));
    }
    Ok(fs::write(file, lines.join("\n"))?)
}
