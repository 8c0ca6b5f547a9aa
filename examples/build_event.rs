//! Builds an audit event from two states of an object, cuts it into slots and prints its leaf hash.
//!
//! `cargo run -p audit-domain --example build_event`

use audit_domain::{Change, ChannelId, JsonText, NewEvent, Timestamp, User};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let before = json!({"sku": "A-1", "quantity": 100, "price": 29.99, "tags": ["new"]});
    let after = json!({"sku": "A-1", "quantity": 85, "price": 29.99, "stock_location": 4});
    let change = Change::between(&before, &after)?.ok_or("the two states are the same")?;
    let user = User::new(7, "zoë");

    let event = NewEvent::update("inventory.product", 859).by(user).with_change(&change)?.prepare(ChannelId::DEFAULT)?;

    println!("event {} of {}", event.uuid(), event.timestamp());
    for slot in event.slots().iter() {
        println!("slot {}: {}", slot.number, slot.value.as_ref().map_or("erased", JsonText::as_str));
    }
    // The log says when it records an event; until then the present stands in for it.
    println!("leaf {}", event.leaf_hash(0, Timestamp::now()?));
    Ok(())
}
