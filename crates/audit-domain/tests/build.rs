//! Events and action logs as a program builds them and reads them, through the public interface.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use audit_domain::uuid::Uuid;
use audit_domain::{
    Action, ActionLog, ActionLogFilter, Change, ChannelGrant, ChannelId, Event, EventFilter, Fault, JsonText, NewActionLog,
    NewEvent, ParseMode, PreparedEntry, Timestamp, User,
};
use serde_json::json;

fn text(json: &str) -> JsonText {
    JsonText::parse(json).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn channel() -> ChannelId {
    ChannelId::try_from(42).unwrap()
}

/// An entry that an append at the first position would have made.
fn stored<E: From<audit_domain::Entry>>(prepared: PreparedEntry) -> E {
    let now = at("2026-11-30T00:00:00Z");
    let leaf_hash = prepared.leaf_hash(5, now);
    E::from(prepared.into_entry(5, 0, now, leaf_hash))
}

const EVENT: &str = r#"{"uuid":"5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11","channel_id":42,"timestamp":"2026-11-29T01:00:00Z",
    "action":"SHIP","content_type":41,"table_name":"orders.order","object_id":"A-859","user":{"pk":7,"username":"zoe"},
    "remote_addr":"10.0.0.1","url":"/orders/859","description":"sent","query_params":{"a":1},"post_data":[2],"headers":{"h":3},
    "content":{"old_data":{"quantity":1},"new_data":{"quantity":2}},"extra":{"batch":9}}"#;

fn built() -> NewEvent {
    NewEvent::with_action("SHIP")
        .unwrap()
        .uuid(Uuid::parse_str("5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11").unwrap())
        .channel_id(channel())
        .timestamp(at("2026-11-29T01:00:00Z"))
        .content_type(41)
        .table_name("orders.order")
        .object_id("A-859")
        .by(User::new(7, "zoe"))
        .remote_addr("10.0.0.1")
        .url("/orders/859")
        .description("sent")
        .query_params(text(r#"{"a":1}"#))
        .post_data(text("[2]"))
        .headers(text(r#"{"h":3}"#))
        .change(&json!({"quantity": 1, "sku": "A"}), &json!({"quantity": 2, "sku": "A"}))
        .unwrap()
        .extra(text(r#"{"batch":9}"#))
        .unwrap()
}

#[test]
fn a_built_event_is_the_same_as_a_parsed_one() {
    assert_eq!(built(), NewEvent::parse(EVENT, ParseMode::NATIVE).unwrap());
}

#[test]
fn an_event_has_an_accessor_for_each_member() {
    let event: Event = stored(built().prepare(channel()).unwrap());
    assert_eq!(event.uuid().to_string(), "5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11");
    assert_eq!((event.channel_id(), event.position()), (channel(), 0));
    assert_eq!((event.timestamp(), event.recorded_at()), (at("2026-11-29T01:00:00Z"), at("2026-11-30T00:00:00Z")));
    assert_eq!((event.action().as_deref(), event.content_type()), (Some("SHIP"), Some(41)));
    assert_eq!((event.table_name().as_deref(), event.object_id().as_deref()), (Some("orders.order"), Some("A-859")));
    assert_eq!((event.user_id().as_deref(), event.user_name().as_deref()), (Some("7"), Some("zoe")));
    assert_eq!((event.remote_addr().as_deref(), event.url().as_deref()), (Some("10.0.0.1"), Some("/orders/859")));
    assert_eq!(event.description().as_deref(), Some("sent"));
    let raw = [event.query_params(), event.post_data(), event.headers(), event.extra()].map(|value| value.unwrap().as_str());
    assert_eq!(raw, [r#"{"a":1}"#, "[2]", r#"{"h":3}"#, r#"{"batch":9}"#]);
    let changed: Vec<String> = event.changed_fields().iter().map(|name| name.to_text()).collect();
    assert_eq!(changed, ["quantity"]);
    assert_eq!((event.producer_id(), event.leaf_hash()), (5, event.entry.leaf_hash));
}

#[test]
fn an_event_without_members_has_none() {
    let event: Event = stored(NewEvent::new().prepare(channel()).unwrap());
    let texts = [event.action(), event.table_name(), event.object_id(), event.user_id(), event.user_name(), event.url()];
    assert!(texts.iter().all(Option::is_none) && event.content_type().is_none() && event.content().is_none());
}

#[test]
fn an_event_of_an_object_is_named_after_what_happened() {
    let actions = [
        (NewEvent::create("t", 1), Action::create()),
        (NewEvent::read("t", 1), Action::read()),
        (NewEvent::update("t", 1), Action::update()),
        (NewEvent::delete("t", 1), Action::delete()),
    ];
    for (event, action) in actions {
        assert_eq!(event, NewEvent::new().action(action).object("t", 1));
    }
    assert!(matches!(NewEvent::with_action(&"x".repeat(1000)), Err(Fault::TooLong { .. })));
}

#[test]
fn a_change_may_be_one_side_or_nothing() {
    let content = |event: NewEvent| event.content.unwrap().as_str().to_owned();
    let created = NewEvent::create("t", 1).with_change(&Change::created(&json!({"a": 1})).unwrap()).unwrap();
    assert_eq!(content(created), r#"{"old_data":null,"new_data":{"a":1}}"#);
    let same = NewEvent::update("t", 1).change(&json!({"a": 1}), &json!({"a": 1})).unwrap();
    assert_eq!(content(same), r#"{"old_data":{},"new_data":{}}"#);
    let keyed: std::collections::BTreeMap<Vec<u8>, i32> = [(vec![1], 1)].into();
    assert!(NewEvent::update("t", 1).change(&keyed, &keyed).is_err());
    assert!(matches!(NewEvent::new().extra(text("[1]")), Err(Fault::NotAnObject(_))));
}

#[test]
fn an_action_log_is_built_and_read_in_the_same_way() {
    let parsed = r#"{"uuid":"5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11","channel_id":42,"created_at":"2026-11-29T01:00:00Z","level":30,
        "logger_name":"shop","app_name":"web","message":"slow","trace":"at x","extra":{"a":1}}"#;
    let new = NewActionLog::new(30, "slow")
        .unwrap()
        .uuid(Uuid::parse_str("5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11").unwrap())
        .channel_id(channel())
        .created_at(at("2026-11-29T01:00:00Z"))
        .logger_name("shop")
        .app_name("web")
        .trace("at x")
        .extra(text(r#"{"a":1}"#))
        .unwrap();
    assert_eq!(new, NewActionLog::parse(parsed, ParseMode::NATIVE).unwrap());
    let log: ActionLog = stored(new.prepare(channel()).unwrap());
    assert_eq!((log.channel_id(), log.position(), log.id()), (channel(), 0, 1));
    assert_eq!((log.created_at(), log.recorded_at()), (at("2026-11-29T01:00:00Z"), at("2026-11-30T00:00:00Z")));
    assert_eq!((log.level(), log.logger_name().as_deref(), log.app_name().as_deref()), (Some(30), Some("shop"), Some("web")));
    assert_eq!((log.message().as_deref(), log.trace().as_deref()), (Some("slow"), Some("at x")));
    assert_eq!((log.uuid(), log.extra().unwrap().as_str()), (log.entry.uuid, r#"{"a":1}"#));
    assert_eq!(NewActionLog::new(51, "x"), Err(Fault::NotOneOf("a level from 0 to 50")));
    let wanted = ActionLogFilter::logger("shop").at_least(30).between(at("2026-11-29"), at("2026-11-30"));
    assert!(wanted.matches(&log) && wanted.clone().containing("LOW").matches(&log));
    assert!(!wanted.clone().at_least(31).matches(&log) && !wanted.containing("fast").matches(&log));
    assert!(ActionLogFilter::app("web").matches(&log) && !ActionLogFilter::app("shop").matches(&log));
}

#[test]
fn a_filter_is_built_from_what_is_wanted() {
    let event: Event = stored(built().prepare(channel()).unwrap());
    let (from, to) = (at("2026-11-29"), at("2026-11-30"));
    let wanted = EventFilter::object("A-859").in_table("orders.order").with_action("SHIP").between(from, to);
    assert!(wanted.matches(&event) && wanted.clone().containing("SENT").matches(&event));
    assert!(
        EventFilter::user(7).matches(&event) && EventFilter::user("7").matches(&event) && !EventFilter::user(8).matches(&event)
    );
    for other in [
        EventFilter::object(859),
        wanted.clone().in_table("orders.line"),
        wanted.clone().with_action("UPDATE"),
        wanted.clone().between(to, Timestamp::MAX),
        wanted.clone().between(from, at("2026-11-29T01:00:00Z")),
        wanted.containing("lost"),
    ] {
        assert!(!other.matches(&event), "{other:?}");
    }
}

#[test]
fn a_channel_is_a_number_from_zero() {
    assert_eq!(ChannelId::try_from(0).unwrap().get(), 0);
    assert_eq!(
        ChannelId::try_from(-1_i64).unwrap_err().to_string(),
        "a channel must be an integer from 0 to 9223372036854775807 (got -1)"
    );
    assert_eq!(ChannelGrant::from(channel()), ChannelGrant::Only([channel()].into()));
}
