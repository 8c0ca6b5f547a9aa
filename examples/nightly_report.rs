//! A batch job for every night: reads the events of yesterday (UTC), groups them by user, writes a
//! CSV file, and appends an event with the totals.
//!
//! `cargo run --release -p audit-store --example nightly_report -- sqlite://audit-data/audit.db report.csv`
//!
//! It can run again: the uuid of its own event is made from the day, so that event is stored once. If
//! events of that day arrived in between, it says that the log has other totals.

use std::collections::BTreeMap;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{EventFilter, JsonText, NewEvent, Span, Timestamp, User};
use audit_store::{AppendError, NotStored, Store, StoreConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, path] = arguments.as_slice() else { return Err("usage: nightly_report DATABASE_URL FILE".into()) };
    report(url, path, Timestamp::now()?)
}

pub(crate) fn report(url: &str, path: &str, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
    let log = Store::open(StoreConfig::new(url).create_if_missing(false))?.channel(1)?.events();
    let (yesterday, today) = (now.days_earlier(1).start_of(Span::Day), now.start_of(Span::Day));

    let mut events_by_user: BTreeMap<String, u64> = BTreeMap::new();
    for event in log.by_cursor(EventFilter::default().between(yesterday, today)) {
        let event = event?;
        let user = event.user_name().or_else(|| event.user_id()).unwrap_or_else(|| "nobody".to_owned());
        *events_by_user.entry(user).or_default() += 1;
    }

    // The file gets its name when it is complete and the report is in the log.
    let draft = format!("{path}.new");
    let mut csv = csv::Writer::from_path(&draft)?;
    csv.write_record(["user", "events"])?;
    events_by_user.iter().try_for_each(|row| csv.serialize(row))?;
    csv.flush()?;
    let totals = BTreeMap::from([("events", events_by_user.values().sum()), ("users", events_by_user.len() as u64)]);
    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("nightly_report {yesterday}").as_bytes());
    let summary = NewEvent::with_action("REPORT")?.uuid(uuid).by(User::new("nightly", "nightly report"));
    let appended = log.append(summary.content(JsonText::encode(&totals)?));
    let receipt = appended.map_err(|error| match error {
        AppendError::NotStored(NotStored::Conflict(_)) => format!("the log has other totals of that day than {draft}"),
        error => error.to_string(),
    })?;
    println!("{} users; the report is event {}", events_by_user.len(), receipt.uuid);
    Ok(std::fs::rename(draft, path)?)
}
