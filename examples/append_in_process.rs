//! A service that keeps the audit log in its own process, with audit-store: append, wait for the disk, read back.
//!
//! `cargo run --release -p audit-store --example append_in_process -- sqlite://audit-data/audit.db`

use audit_store::domain::{ChannelGrant, ChannelId, EventFilter, EventSort, JsonText, NewEvent, User};
use audit_store::{AppendError, AppendRequest, ListQuery, PageNumber, Store, StoreConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: append_in_process DATABASE_URL")?;
    let store = Store::open(&StoreConfig::new(url))?;

    let user = User::from_json(JsonText::parse(r#"{"pk": 7, "username": "zoe"}"#)?)?;
    let event = store.prepare(NewEvent::new().object("orders.order", 859).by(user), ChannelId::DEFAULT)?;
    // A copy has the same uuid: it can be sent again, and is stored once.
    match store.append(AppendRequest::import(vec![event.clone()]))?.wait() {
        Ok(receipts) => println!("on disk: {} at position {}", receipts[0].uuid, receipts[0].position),
        Err(AppendError::NotStored(why)) => return Err(format!("nothing was stored: {why}").into()),
        Err(AppendError::Unknown(why)) => return Err(format!("unknown, append the same event again: {why}").into()),
    }

    let filter = EventFilter { object_id: Some("859".into()), ..EventFilter::default() };
    let page = store.list(&ListQuery {
        channels: ChannelGrant::All,
        filter,
        sort: EventSort::default(),
        page: PageNumber::Number(1),
        size: 10,
    })?;
    for event in page.records {
        println!("{}", event.to_json());
    }
    store.close();
    Ok(())
}
