//! Appends an event in the same process as the application, and reads it back.
//!
//! `cargo run --release -p audit-store --example append_in_process -- sqlite://embedded.db`

use std::time::Duration;

use audit_store::domain::{EventFilter, NewEvent, Timestamp, User, draw_uuid_v7};
use audit_store::{AppendError, Store};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: append_in_process DATABASE_URL")?;
    let log = Store::open(url)?.channel(1)?.events();

    // With a uuid, a copy of the event can be appended again, and is stored once.
    let event = NewEvent::update("orders.order", 859)
        .uuid(draw_uuid_v7(Timestamp::now()?)?)
        .by(User::new(7, "zoe"))
        .change(&json!({"state": "open"}), &json!({"state": "paid"}))?;
    let receipt = loop {
        match log.append(event.clone()) {
            Ok(receipt) => break receipt,
            Err(AppendError::NotStored(why)) => return Err(format!("nothing was stored: {why}").into()),
            Err(AppendError::Unknown(why)) => eprintln!("unknown, appending the same event again: {why}"),
        }
        std::thread::sleep(Duration::from_secs(1));
    };
    println!("on disk: {} at position {}", receipt.uuid, receipt.position);

    for event in log.list(EventFilter::object(859)).page(1, 10)? {
        println!("{} {:?} by {:?}", event.timestamp(), event.action(), event.user_name());
    }
    Ok(())
}
