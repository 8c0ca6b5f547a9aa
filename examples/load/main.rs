//! An end-to-end load tool: fills a database, starts the server on it, and measures over real connections.
//!
//! `cargo build --release && cargo run --release -p audit-server --example load -- --help`
//!
//! Each part prints one Markdown table on stdout. The tool and the server share the machine, so compare ratios, growth and the
//! server's CPU time rather than rates.

#![forbid(unsafe_code)]

mod appends;
mod beside;
mod client;
mod database;
mod lag;
mod masking;
mod material;
#[path = "../../crates/audit-store/tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, clippy::unwrap_used, reason = "not all of it is needed here")]
mod postgres_server;
mod queries;
mod rates;
mod reads;
mod scratch;
mod server;
mod shuffled;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::database::Database;
use crate::material::Material;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::table::{Table, grouped};

/// Measure an audit-server from outside: appends, reads, queries, the lag of the search index, memory and disk
///
/// Needs the server's binary beside the examples: run `cargo build --release` first. The server reads its environment variables:
/// AUDIT_LOG=warn measures it without its access log, AUDIT_WORKERS=4 with four threads.
#[derive(Parser)]
#[command(name = "load")]
struct Options {
    /// An empty PostgreSQL database, such as postgres://audit@127.0.0.1/load; it keeps what is written
    #[arg(long, value_name = "URL", conflicts_with = "postgres")]
    database_url: Option<String>,
    /// Start a private PostgreSQL server from the installed binaries
    #[arg(long)]
    postgres: bool,
    /// Directory of the scratch files; its disk is part of what is measured [default: the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Events before the first measurement, and a tenth as many action logs
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    events: u64,
    /// Import the events and action logs in a random order of time, as several backfills at once would
    #[arg(long)]
    shuffled: bool,
    /// Seconds of each measurement; each query of the part `queries` has a fifth of it
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    seconds: f64,
    /// Numbers of keep-alive connections, comma-separated
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 16, 64, 256],
          value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: Vec<u16>,
    /// Keys that the connections are spread over: the server shares its places and its budget between keys
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..))]
    keys: u8,
    /// Pairs of measurements of the part `masking`: rates of a busy machine differ by a tenth, so the median of many ratios counts
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Measure one part only
    #[arg(long)]
    only: Option<Workload>,
}

/// What is measured together. `get` and `list` have a constant beside them.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    Append,
    /// Appends while eight connections send queries that take long.
    Beside,
    Get,
    List,
    Queries,
    Mixed,
    /// Appends of real records with the standard masking policy and with none; only if asked for.
    Masking,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.05..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("must be from 0.05 to 3600".to_owned()) }
}

impl Options {
    fn measures(&self, part: Workload) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn connections(&self) -> impl Iterator<Item = usize> {
        self.connections.iter().map(|count| usize::from(*count))
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let scratch = Scratch::fill(&options)?;
    if options.only == Some(Workload::Masking) {
        masking::measure(&options, &scratch)?.print();
        return Ok(());
    }
    let mut database = scratch.database()?;
    let server = Server::start(&scratch, options.keys, &[])?;
    lag::wait_until_indexed(&mut database)?;
    let (entries, kind) = (database.entries()?, database.name());
    println!("{} entries on {kind}, {} s a measurement, {} keys.", grouped(entries), options.seconds, options.keys);
    measure(&options, &server, &mut database)?;
    end(server, &scratch, &mut database)
}

/// Reads and queries come first, while the log has exactly the events that were asked for.
fn measure(options: &Options, server: &Server, database: &mut Database) -> anyhow::Result<()> {
    let material = Material::collect(server, options.events)?;
    if options.measures(Workload::Get) || options.measures(Workload::List) {
        reads::alone(options, server, &material)?.print();
    }
    if options.measures(Workload::Queries) {
        queries::measure(server, &material, options.time() / 5)?.print();
    }
    if options.measures(Workload::Mixed) {
        reads::mixed(options, server, &material)?.print();
    }
    if options.measures(Workload::Beside) {
        beside::measure(options, server, &material)?.print();
    }
    if options.measures(Workload::Append) {
        for table in appends::measure(options, server, &material, database)? {
            table.print();
        }
    }
    Ok(())
}

/// Memory, and the disk after the server closed the database, which moves the write-ahead log of SQLite into it.
fn end(server: Server, scratch: &Scratch, database: &mut Database) -> anyhow::Result<()> {
    lag::wait_until_indexed(database)?;
    let mut table = Table::new("The server at the end", &["", ""]);
    for (name, field) in [("resident memory (VmRSS)", "VmRSS"), ("most resident memory (VmHWM)", "VmHWM")] {
        if let Some(bytes) = server.memory(field) {
            table.row([name.to_owned(), format!("{:.0} MiB", bytes as f64 / 1024.0 / 1024.0)]);
        }
    }
    let entries = database.entries()?;
    server.stop()?;
    table.row(["entries in the log".to_owned(), grouped(entries)]);
    let bytes = scratch.bytes_on_disk(database)?;
    table.row(["bytes on disk an entry".to_owned(), format!("{:.0}", bytes as f64 / entries.max(1) as f64)]);
    table.print();
    Ok(())
}
