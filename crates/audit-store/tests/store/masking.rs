//! The store masks secrets unless it is told not to.

use audit_store::StoreConfig;
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, MaskingPolicy, NewActionLog, NewEvent, ParseMode};

use crate::common::Scratch;

const SENT: &str = r#"{"post_data":{"password":"hunter2-planted","name":"zoe"}}"#;

fn event(id: Uuid) -> NewEvent {
    NewEvent::parse(SENT, ParseMode::LENIENT).unwrap().uuid(id)
}

#[test]
fn secrets_are_masked_by_default() {
    let scratch = Scratch::with(|config| config.masking = StoreConfig::new("sqlite://default.db").masking);
    let channel = || scratch.store.channel(ChannelId::DEFAULT).unwrap();
    let (events, logs, id) = (channel().events(), channel().action_logs(), Uuid::from_u128(1));
    events.append(event(id)).unwrap();
    logs.append(NewActionLog::new(40, "password=hunter2-planted").unwrap().uuid(id)).unwrap();
    let event = events.get(id).unwrap().unwrap().to_json();
    assert!(event.contains(r#"{"password":"[masked]","name":"zoe"}"#) && event.contains("standard/1"), "{event}");
    let (log, mut shown) = (logs.get(id).unwrap().unwrap(), String::new());
    log.write_json(&mut shown);
    assert!(shown.contains("password=[masked]") && shown.contains("standard/1"), "{shown}");
}

#[test]
fn without_a_policy_the_bytes_are_those_that_were_sent() {
    let scratch = Scratch::with(|config| config.masking = MaskingPolicy::none());
    let (events, id) = (scratch.store.channel(ChannelId::DEFAULT).unwrap().events(), Uuid::from_u128(1));
    events.append(event(id)).unwrap();
    let event = events.get(id).unwrap().unwrap().to_json();
    assert!(event.contains(r#""post_data":{"password":"hunter2-planted","name":"zoe"}"#) && !event.contains("standard"), "{event}");
}
