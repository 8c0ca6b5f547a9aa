//! Unit tests of prepared entries.

use super::*;
use crate::ParseMode;

fn prepared(text: &str) -> PreparedEntry {
    NewEvent::parse(text, ParseMode::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap()
}

fn retry(first: &str, again: &str) -> bool {
    prepared(again).is_retry_of_prepared(&prepared(first))
}

#[test]
fn what_the_server_filled_in_is_no_conflict() {
    let full = r#"{"timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":1,"url":"/x"}"#;
    assert!(retry(full, full));
    assert!(retry(full, r#"{"object_id":1,"url":"/x"}"#));
    for other in [
        r#"{"timestamp":"2023-10-17","object_id":1,"url":"/x"}"#,
        r#"{"action":"LOGOUT","object_id":1,"url":"/x"}"#,
        r#"{"content_type":5,"object_id":1,"url":"/x"}"#,
        r#"{"table_name":"a.c","object_id":1,"url":"/x"}"#,
        r#"{"object_id":2,"url":"/x"}"#,
        r#"{"url":"/x"}"#,
        r#"{"object_id":1,"url":"\/x"}"#,
        r#"{"object_id":1}"#,
        r#"{"object_id":1,"url":"/x","user":1}"#,
    ] {
        assert!(!retry(full, other), "{other}");
    }
    assert!(!retry(r#"{"url":"/x"}"#, r#"{"url":"/x","action":"LOGIN"}"#));
}

#[test]
fn a_filled_in_type_is_not_a_conflict_before_or_after() {
    let types: ContentTypes = [crate::ContentType::new(4, "orders", "order").unwrap()].into_iter().collect();
    let filled = |text: &str| {
        NewEvent::parse(text, ParseMode::NATIVE)
            .unwrap()
            .prepare_with(ChannelId::DEFAULT, &types, &MaskingPolicy::none(), &Clock::system())
            .unwrap()
    };
    let (by_number, by_name) = (r#"{"content_type":4}"#, r#"{"table_name":"orders.order"}"#);
    for text in [by_number, by_name] {
        let FilterColumns::Event(keys) = filled(text).filter_columns().clone() else { panic!() };
        assert_eq!((keys.content_type, keys.table_name.as_deref()), (Some(4), Some("orders.order")), "{text}");
        assert!(filled(text).is_retry_of_prepared(&prepared(text)), "registered between the first time and the second");
        assert!(prepared(text).is_retry_of_prepared(&filled(text)), "and taken away");
    }
    assert!(filled(by_number).is_retry_of_prepared(&filled(by_name)));
    let both = r#"{"content_type":4,"table_name":"other.name"}"#;
    let FilterColumns::Event(keys) = filled(both).filter_columns().clone() else { panic!() };
    assert_eq!((keys.content_type, keys.table_name.as_deref()), (Some(4), Some("other.name")));
    assert!(!filled(both).is_retry_of_prepared(&filled(by_number)));
}

#[test]
fn a_record_that_is_built_with_the_nil_uuid_is_refused() {
    let event = NewEvent { uuid: Some(Uuid::nil()), ..NewEvent::default() };
    let error = event.prepare(ChannelId::DEFAULT).unwrap_err();
    assert_eq!(error, PrepareError::NilUuid);
    assert!(error.to_string().starts_with("uuid must not be the nil UUID 00000000-"), "{error}");
    let log = NewActionLog::parse(r#"{"level":20,"message":"m"}"#, ParseMode::NATIVE).unwrap();
    let log = NewActionLog { uuid: Some(Uuid::nil()), ..log };
    assert_eq!(log.prepare(ChannelId::DEFAULT), Err(PrepareError::NilUuid));
}

#[test]
fn a_retry_of_an_action_log_says_the_same() {
    let prepared = |text: &str| NewActionLog::parse(text, ParseMode::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap();
    let first = prepared(r#"{"level":20,"message":"x","app_name":"shop","created_at":"2023-10-16"}"#);
    for same in [
        r#"{"message":"x","level":20,"app_name":"shop"}"#,
        r#"{"message":"x","level":20,"app_name":"shop","created_at":"2023-10-16T00:00:00Z"}"#,
    ] {
        assert!(prepared(same).is_retry_of_prepared(&first), "{same}");
    }
    for other in [
        r#"{"message":"x","level":20}"#,
        r#"{"message":"x","level":30,"app_name":"shop"}"#,
        r#"{"message":"y","level":20,"app_name":"shop"}"#,
        r#"{"message":"x","level":20,"app_name":"shop","trace":""}"#,
        r#"{"message":"x","level":20,"app_name":"shop","more":1}"#,
        r#"{"message":"x","level":20,"app_name":"shop","created_at":"2023-10-17"}"#,
    ] {
        assert!(!prepared(other).is_retry_of_prepared(&first), "{other}");
    }
}
