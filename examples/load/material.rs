//! What the requests are made of: events of the log itself, and their uuids.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::value::RawValue;

use crate::client::{Connection, Request};
use crate::server::Server;

/// Events of a batch.
pub(crate) const BATCH: usize = 1_000;

/// Places of the log from which batches are taken, so that they do not all name the same objects.
const PLACES: u64 = 8;

/// Events that are asked for by uuid, spread over the log, so that they are not all on one page of the database.
const GETS: u64 = 2_000;

/// What only the server sets, and the instant: an event that is appended happens now.
const LEFT_OUT: [&str; 7] = ["uuid", "channel_id", "position", "timestamp", "recorded_at", "producer_id", "leaf_hash"];

type Event = BTreeMap<String, Box<RawValue>>;

pub(crate) struct Material {
    pub(crate) singles: Vec<Request>,
    pub(crate) batches: Vec<Request>,
    pub(crate) gets: Vec<Request>,
    /// The instant of the event in the middle of the log.
    pub(crate) middle: String,
}

impl Material {
    pub(crate) fn collect(server: &Server, events: u64) -> anyhow::Result<Material> {
        let mut connection = server.connect(0)?;
        let mut material = Material { singles: Vec::new(), batches: Vec::new(), gets: Vec::new(), middle: String::new() };
        for place in 0..PLACES {
            let found = events_from(&mut connection, events * place / PLACES, BATCH)?;
            let bodies: Vec<String> = found.iter().map(as_sent).collect::<Result<_, _>>()?;
            // The last places of a small log have fewer events than a batch.
            let lines: Vec<&str> = bodies.iter().map(String::as_str).cycle().take(BATCH).collect();
            material.batches.push(Request::post("/api/v1/events", "application/x-ndjson", lines.join("\n")));
            let single = |body| Request::post("/api/v1/events", "application/json", body);
            material.singles.extend(bodies.into_iter().take(BATCH / PLACES as usize).map(single));
        }
        let gets = GETS.min(events);
        for number in 0..gets {
            // A prime that divides no number of gets: each place once, and neighbours far from each other.
            let position = (number * 7_919 % gets) * events / gets;
            let uuid = text(events_from(&mut connection, position, 1)?.first(), "uuid")?;
            material.gets.push(Request::get(format!("/api/v1/events/{uuid}")));
        }
        material.middle = text(events_from(&mut connection, events / 2, 1)?.first(), "timestamp")?;
        Ok(material)
    }
}

/// Events from a position on.
fn events_from(connection: &mut Connection, position: u64, limit: usize) -> anyhow::Result<Vec<Event>> {
    let path = format!("/api/v1/events?sort=position&position__gte={position}&limit={limit}");
    let answer = connection.exchange(&Request::get(path))?;
    ensure!(answer.status == 200, "no events: {} {}", answer.status, String::from_utf8_lossy(connection.body()));
    let page: Event = serde_json::from_slice(connection.body())?;
    let results = page.get("results").context("a page without results")?;
    Ok(serde_json::from_str(results.get())?)
}

/// The event as its application sends it.
fn as_sent(event: &Event) -> anyhow::Result<String> {
    let sent: BTreeMap<&str, &RawValue> = event
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_ref()))
        .filter(|(name, value)| !LEFT_OUT.contains(name) && value.get() != "null")
        .collect();
    Ok(serde_json::to_string(&sent)?)
}

fn text(event: Option<&Event>, name: &str) -> anyhow::Result<String> {
    let value = event.and_then(|event| event.get(name)).with_context(|| format!("an event without {name}"))?;
    Ok(serde_json::from_str(value.get())?)
}
