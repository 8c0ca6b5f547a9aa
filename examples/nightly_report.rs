//! A batch job for every night: reads the events of yesterday (UTC), groups them by user, writes a CSV file, and appends an
//! event that says so.
//!
//! `cargo run --release -p audit-store --example nightly_report -- sqlite://audit-data/audit.db report.csv`
//!
//! It can run again: the uuid of its own event is made from the day, so that event is stored once.

use std::collections::BTreeMap;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{EventFilter, JsonText, NewEvent, Span, Timestamp, User};
use audit_store::{Store, StoreConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: nightly_report DATABASE_URL FILE".into());
    };
    report(&url, &path, Timestamp::now()?)
}

pub(crate) fn report(url: &str, path: &str, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
    let log = Store::open(StoreConfig::new(url).create_if_missing(false))?.channel(1)?.events();
    let (yesterday, today) = (now.days_earlier(1).start_of(Span::Day), now.start_of(Span::Day));

    let mut events_by_user: BTreeMap<String, u64> = BTreeMap::new();
    for event in log.by_cursor(EventFilter::default().between(yesterday, today)) {
        let user = event?.user_name().unwrap_or_else(|| "nobody".to_owned());
        *events_by_user.entry(user).or_default() += 1;
    }

    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(["user", "events"])?;
    events_by_user.iter().try_for_each(|row| csv.serialize(row))?;
    csv.flush()?;

    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("nightly_report {yesterday}").as_bytes());
    let summary = NewEvent::of("REPORT")?.uuid(uuid).by(User::new("nightly", "nightly report"));
    let receipt = log.append(summary.content(JsonText::encode(&events_by_user)?))?;
    println!("{} users; the report is event {} at position {}", events_by_user.len(), receipt.uuid, receipt.position);
    Ok(())
}
