//! The events that are appended.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use audit_store::domain::{ChannelId, NewEvent, ParseMode, Timestamp, draw_uuid_v7};
use audit_store::{Prepared, Store};
use flate2::read::MultiGzDecoder;

/// The lines of a file.
pub(crate) fn texts(path: &Path) -> anyhow::Result<Vec<String>> {
    let file = File::open(path).with_context(|| format!("cannot read {}: give --events", path.display()))?;
    let gz = path.extension().is_some_and(|extension| extension == "gz");
    let unpacked: Box<dyn Read> = if gz { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let lines = BufReader::new(unpacked).lines().collect::<Result<Vec<String>, _>>()?;
    Ok(lines.into_iter().filter(|line| !line.trim().is_empty()).collect())
}

/// The events of a file, `copies` times; the copies have uuids of their own.
pub(crate) fn read(path: &Path, copies: usize) -> anyhow::Result<Vec<Prepared>> {
    let lines = texts(path)?;
    let mut events = Vec::with_capacity(lines.len() * copies);
    for copy in 0..copies {
        for line in &lines {
            let mut event = NewEvent::parse(line, ParseMode::IMPORT)?;
            if copy > 0 {
                event.uuid = Some(draw_uuid_v7(Timestamp::now()?)?);
            }
            events.push(event);
        }
    }
    prepared(events)
}

/// Enough to see that everything runs.
pub(crate) fn few() -> anyhow::Result<Vec<Prepared>> {
    prepared((0..40).map(|number| NewEvent::new().object("orders.item", number)))
}

/// Prepares the events in a store that has none.
fn prepared(events: impl IntoIterator<Item = NewEvent>) -> anyhow::Result<Vec<Prepared>> {
    let directory = tempfile::tempdir()?;
    let log = Store::open(format!("sqlite://{}/audit.db", directory.path().display()))?.channels(ChannelId::DEFAULT).events();
    events.into_iter().map(|event| Ok(log.prepare(event)?)).collect()
}

pub(crate) fn bytes_each(events: &[Prepared]) -> usize {
    events.iter().map(|event| event.bytes()).sum::<usize>() / events.len().max(1)
}
