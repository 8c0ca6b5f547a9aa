//! The events that are appended.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use audit_store::domain::{ChannelId, NewEvent, ParseMode, PreparedEntry, Timestamp, draw_uuid_v7};
use flate2::read::MultiGzDecoder;

/// The texts of a file, `copies` times; the copies have uuids of their own.
pub(crate) fn read(path: &Path, copies: usize) -> anyhow::Result<Vec<PreparedEntry>> {
    let file = File::open(path).with_context(|| format!("cannot read {}: give --events", path.display()))?;
    let gz = path.extension().is_some_and(|extension| extension == "gz");
    let unpacked: Box<dyn Read> = if gz { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let lines = BufReader::new(unpacked).lines().collect::<Result<Vec<String>, _>>()?;
    let mut events = Vec::with_capacity(lines.len() * copies);
    for copy in 0..copies {
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            let mut event = NewEvent::parse(line, ParseMode::IMPORT)?;
            if copy > 0 {
                event.uuid = Some(draw_uuid_v7(Timestamp::now()?)?);
            }
            events.push(event.prepare(ChannelId::DEFAULT)?);
        }
    }
    Ok(events)
}

/// Enough to see that everything runs.
pub(crate) fn few() -> anyhow::Result<Vec<PreparedEntry>> {
    let event = |number: u32| Ok(NewEvent::new().object("orders.item", i64::from(number)).prepare(ChannelId::DEFAULT)?);
    (0..40).map(event).collect()
}

pub(crate) fn bytes_each(events: &[PreparedEntry]) -> usize {
    events.iter().map(|event| event.slots().bytes()).sum::<usize>() / events.len().max(1)
}
