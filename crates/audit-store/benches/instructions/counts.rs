//! Counts, how they are written down, and how they are compared.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as Formatted};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::operation::SIZES;

/// How far a count may be from the one that is written down.
const TOLERATED: f64 = 0.10;

/// What changes counts though the program is the same.
#[derive(PartialEq, Eq)]
pub(crate) struct Toolchain([String; 4]);

impl Toolchain {
    pub(crate) fn of_this_machine() -> anyhow::Result<Toolchain> {
        Ok(Toolchain([said("rustc")?, said("cc")?, said("valgrind")?, std::env::consts::ARCH.to_owned()]))
    }
}

/// The first line of what a program says about its version.
fn said(program: &str) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").output().with_context(|| format!("{program} does not start"))?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().next().with_context(|| format!("{program} says no version"))?.to_owned())
}

/// Instructions of each operation, at the small size and at the large one.
pub(crate) struct Counts {
    pub(crate) toolchain: Toolchain,
    pub(crate) rows: BTreeMap<String, (u64, u64)>,
}

const HEAD: &str = "\
# Instructions of one operation, as callgrind counts them. Reviewed like code, and written by
# `cargo test --workspace --bench instructions -- --renew`; see docs/performance.md.
";

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> Formatted {
        f.write_str(HEAD)?;
        let Toolchain(parts) = &self.toolchain;
        parts.iter().try_for_each(|part| writeln!(f, "with {part}"))?;
        writeln!(
            f,
            "{:20} {:>14} {:>14} {:>8}",
            "# operation",
            format!("{} events", SIZES[0]),
            format!("{} events", SIZES[1]),
            "growth"
        )?;
        for (name, (small, large)) in &self.rows {
            writeln!(f, "{name:20} {small:14} {large:14} {:8.3}", growth((*small, *large)))?;
        }
        Ok(())
    }
}

impl Counts {
    pub(crate) fn parse(text: &str) -> anyhow::Result<Counts> {
        let lines = || text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let parts: Vec<String> = lines().filter_map(|line| Some(line.strip_prefix("with ")?.to_owned())).collect();
        let parts = <[String; 4]>::try_from(parts).ok().context("the counts do not say what they were made with")?;
        let row = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            ensure!(fields.len() == 4, "this is not a line of counts: {line}");
            Ok((fields[0].to_owned(), (fields[1].parse()?, fields[2].parse()?)))
        };
        let rows = lines().filter(|line| !line.starts_with("with ")).map(row).collect::<Result<_, _>>()?;
        Ok(Counts { toolchain: Toolchain(parts), rows })
    }

    /// Compares what was counted now with what is written down. With another toolchain only the growth says something.
    pub(crate) fn compare(&self, now: &Counts) -> Verdict {
        let mut verdict = Verdict { faults: 0, lines: Vec::new() };
        let is_comparable = self.toolchain == now.toolchain;
        if !is_comparable {
            verdict.lines.push("the toolchain is not the one of the counts: only growth is compared".to_owned());
        }
        for name in self.rows.keys().chain(now.rows.keys().filter(|name| !self.rows.contains_key(*name))) {
            let (Some(written), Some(counted)) = (self.rows.get(name), now.rows.get(name)) else {
                verdict.fault(format!("{name} is counted or written down, and not both"));
                continue;
            };
            for (size, written, counted) in [(SIZES[0], written.0, counted.0), (SIZES[1], written.1, counted.1)] {
                let change = counted as f64 / written as f64 - 1.0;
                let line = format!("{name} at {size} events: {written} written down, {:+.1} %", 100.0 * change);
                if is_comparable && change.abs() > TOLERATED { verdict.fault(line) } else { verdict.lines.push(line) }
            }
            let (written, counted) = (growth(*written), growth(*counted));
            let line = format!("{name} grows with the log by {counted:.3}, {written:.3} written down");
            if counted > written * (1.0 + TOLERATED) { verdict.fault(line) } else { verdict.lines.push(line) }
        }
        verdict
    }
}

fn growth((small, large): (u64, u64)) -> f64 {
    large as f64 / small as f64
}

/// What a comparison found.
pub(crate) struct Verdict {
    pub(crate) faults: usize,
    lines: Vec<String>,
}

impl Verdict {
    fn fault(&mut self, line: String) {
        self.faults += 1;
        self.lines.push(format!("{line}: MORE THAN {:.0} % AWAY", 100.0 * TOLERATED));
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> Formatted {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        if self.faults > 0 {
            f.write_str(
                "A count that rose without a reason is a regression: mend it. One that is meant, or that fell, is written down anew, \
                 so that the next change is compared with it:\n  cargo test --workspace --bench instructions -- --renew\n",
            )?;
        }
        Ok(())
    }
}
