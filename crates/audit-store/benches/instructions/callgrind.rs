//! Has valgrind's callgrind count what this program does in `counted_operation`.
//!
//! Valgrind shows a program the same processor on every machine that has AVX2, an Intel Haswell without SHA extensions. So neither
//! glibc's choice of memcpy nor that of the crates for hashes depends on the machine.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::operation::{Operation, make_log};

/// The argument with which this program is run under valgrind; an operation and a directory follow.
pub(crate) const OPERATE: &str = "--operate";

/// The instructions of each operation at one size of log.
pub(crate) fn counts(directory: &Path, size: usize) -> anyhow::Result<Vec<u64>> {
    let log = directory.join("log");
    make_log(&log, size)?;
    Operation::ALL.into_iter().map(|operation| count(directory, &log, operation)).collect()
}

fn count(directory: &Path, log: &Path, operation: Operation) -> anyhow::Result<u64> {
    // Each starts with the same file: an append changes it.
    let copy = directory.join(operation.name());
    std::fs::create_dir(&copy)?;
    std::fs::copy(log.join("audit.db"), copy.join("audit.db"))?;
    let output = copy.join("callgrind");
    let ran = Command::new("valgrind")
        // Two patterns for one function: of two options with the same pattern callgrind takes one.
        .args(["--tool=callgrind", "--zero-before=*::counted_operation", "--dump-after=*counted_operation"])
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(std::env::current_exe()?)
        .args([OPERATE, operation.name()])
        .arg(&copy)
        .output()
        .context("valgrind does not start; it is the Debian package valgrind")?;
    ensure!(ran.status.success(), "{} failed under valgrind: {}", operation.name(), String::from_utf8_lossy(&ran.stderr));
    let text =
        std::fs::read_to_string(output.with_extension("1")).context("valgrind did not see the function that it was to count")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).context("callgrind wrote no totals")?;
    Ok(total.trim().parse::<u64>()? / operation.times())
}
