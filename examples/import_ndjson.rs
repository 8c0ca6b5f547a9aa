//! A batch job: imports an NDJSON file of events (`.gz` too) into an audit log, with audit-store alone.
//!
//! `cargo run --release -p audit-store --example import_ndjson -- sqlite://audit-data/audit.db events.ndjson.gz`
//!
//! Run it again after an interruption: events that are in the log already (same uuid) count as duplicates.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, bail};
use audit_store::domain::{ChannelId, NewEvent, ParseMode};
use audit_store::{AppendRequest, PendingReceipts, Prepared, Store};
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

/// Events of one request: enough to make the commit cheap, few enough to see the bar move.
const EVENTS_PER_REQUEST: usize = 500;

/// Requests on their way while the next one is parsed.
const REQUESTS_IN_FLIGHT: usize = 4;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, path] = arguments.as_slice() else { bail!("usage: import_ndjson DATABASE_URL FILE") };
    let store = Store::open(url.as_str())?;
    let file = File::open(path).with_context(|| format!("cannot read {path}"))?;
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {msg}")?;
    let bar = ProgressBar::new(file.metadata()?.len()).with_style(style);
    // The bar counts bytes of the file as they are read, before they are unpacked.
    let raw: Box<dyn Read> = Box::new(bar.wrap_read(file));
    let unpacked = if path.ends_with(".gz") { Box::new(MultiGzDecoder::new(raw)) } else { raw };

    let mut import = Import::default();
    for (number, line) in BufReader::new(unpacked).lines().enumerate() {
        let line = line.with_context(|| format!("line {}", number + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let event = NewEvent::parse(&line, ParseMode::IMPORT).with_context(|| format!("line {}", number + 1))?;
        let channel = event.channel_id.unwrap_or(ChannelId::DEFAULT);
        import.events.push(store.channels(channel).events().prepare(event)?);
        if import.events.len() == EVENTS_PER_REQUEST {
            import.send(&store)?;
            bar.set_message(import.counts());
        }
    }
    import.send(&store)?;
    import.settle(0)?;
    bar.finish_with_message(import.counts());
    println!("{}", import.counts());
    Ok(())
}

#[derive(Default)]
struct Import {
    events: Vec<Prepared>,
    in_flight: VecDeque<PendingReceipts>,
    accepted: usize,
    duplicates: usize,
}

impl Import {
    fn send(&mut self, store: &Store) -> anyhow::Result<()> {
        if !self.events.is_empty() {
            self.in_flight.push_back(store.append(AppendRequest::new(std::mem::take(&mut self.events)))?);
        }
        self.settle(REQUESTS_IN_FLIGHT)
    }

    /// Waits until at most `left` requests are on their way.
    fn settle(&mut self, left: usize) -> anyhow::Result<()> {
        while self.in_flight.len() > left {
            let Some(pending) = self.in_flight.pop_front() else { break };
            for receipt in pending.wait()? {
                if receipt.duplicate { self.duplicates += 1 } else { self.accepted += 1 }
            }
        }
        Ok(())
    }

    fn counts(&self) -> String {
        format!("{} imported, {} duplicates", self.accepted, self.duplicates)
    }
}
