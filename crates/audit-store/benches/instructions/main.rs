//! How many instructions an append, a read and a list take, compared with those that are written down in `counts.txt`: a guard
//! against changes that make them dearer. See `docs/decisions/0040-instructions-are-counted.md`.
//!
//! `cargo test --workspace --bench instructions -- --help`

mod callgrind;
mod counts;
mod operation;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use counts::{Counts, Toolchain, Verdict};
use operation::{Operation, SIZES};

const HELP: &str = "\
Counts the instructions of an append, a read and a list on SQLite, under valgrind, and compares them with counts.txt.

cargo test --workspace --bench instructions -- [OPTIONS]

  --renew     write the counts down instead of comparing them
  --rounds N  count N times, and show how far the counts of an operation are apart [default: 1]
  --help      this text";

enum Task {
    Compare {
        rounds: usize,
    },
    Renew,
    /// The part that runs under valgrind.
    Operate {
        operation: Operation,
        directory: PathBuf,
    },
}

fn task() -> anyhow::Result<Option<Task>> {
    let mut task = Task::Compare { rounds: 1 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--renew" => task = Task::Renew,
            "--rounds" => task = Task::Compare { rounds: value()?.parse::<usize>()?.max(1) },
            callgrind::OPERATE => task = Task::Operate { operation: Operation::named(&value()?)?, directory: value()?.into() },
            // What `cargo bench` adds.
            "--bench" => {}
            "--help" | "-h" => return Ok(None),
            other => bail!("{other} is not known; see --help"),
        }
    }
    Ok(Some(task))
}

fn main() -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/counts.txt");
    match task()? {
        None => println!("{HELP}"),
        Some(Task::Operate { operation, directory }) => operation.run(&directory)?,
        Some(Task::Renew) => {
            let counts = measure(1)?;
            std::fs::write(&file, counts.to_string())?;
            println!("{counts}\nwritten to {}", file.display());
        }
        Some(Task::Compare { rounds }) => {
            let counts = measure(rounds)?;
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let verdict = Counts::parse(&text)?.compare(&counts);
            println!("{counts}\n{verdict}");
            if let Verdict { faults: 1.., .. } = verdict {
                bail!("{} count(s) are not as written down", verdict.faults);
            }
        }
    }
    Ok(())
}

/// Counts each operation at each size; of several rounds, the first is what counts.
fn measure(rounds: usize) -> anyhow::Result<Counts> {
    let toolchain = Toolchain::of_this_machine()?;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let rounds: Vec<[Vec<u64>; 2]> =
        (0..rounds).map(|round| both_sizes(&directory.path().join(round.to_string()))).collect::<Result<_, _>>()?;
    let first = rounds.first().context("no round")?;
    for (row, operation) in Operation::ALL.iter().enumerate().filter(|_| rounds.len() > 1) {
        for (column, size) in SIZES.iter().enumerate() {
            let counts = rounds.iter().map(|round| round[column][row]);
            let (low, high) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
            let spread = 100.0 * (high - low) as f64 / low as f64;
            println!("{} at {size}: {low} to {high}, {spread:.3} % apart", operation.name());
        }
    }
    let of = |row| (first[0][row], first[1][row]);
    Ok(Counts { toolchain, rows: Operation::ALL.iter().enumerate().map(|(row, it)| (it.name().to_owned(), of(row))).collect() })
}

/// The counts at both sizes, each in a thread of its own: they only wait for valgrind.
fn both_sizes(directory: &Path) -> anyhow::Result<[Vec<u64>; 2]> {
    let at = |size: usize| callgrind::counts(&directory.join(size.to_string()), size);
    std::thread::scope(|scope| {
        let (small, large) = (scope.spawn(move || at(SIZES[0])), scope.spawn(move || at(SIZES[1])));
        let outcome = |thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<Vec<u64>>>| match thread.join() {
            Ok(counts) => counts,
            Err(_) => bail!("a count panicked"),
        };
        Ok([outcome(small)?, outcome(large)?])
    })
}
