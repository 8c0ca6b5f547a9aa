//! By which index each family of queries goes, on a million generated events and with the statistics that each database has of them:
//! the same table for both.

use audit_domain::{ActionLogFilter, EventFilter, Interval, SortField, WalkOrder};

use super::recorded::{Million, Step};
use crate::query::*;

/// Queries, and the indexes by which their statements on the table of entries go, in their order; a `+ sort` behind it where rows
/// are sorted.
type Family = (&'static str, fn(&mut Million), &'static [&'static str]);

fn text() -> Option<String> {
    Some("7".to_owned())
}

fn any() -> EventFilter {
    EventFilter::default()
}

fn logs() -> ActionLogFilter {
    ActionLogFilter::default()
}

/// Ten days and half an hour, somewhere in the middle.
const SPAN: Interval = Interval { start: 1_715_000_000_000_000, end: 1_715_865_800_000_000 };

const PAGE: &str = "events_pkey";
const LOGS_PAGE: &str = "action_logs_pkey";

const FAMILIES: [Family; 29] = [
    ("an event by its uuid", |db| db.find::<Events>(), &["events_channel_id_uuid_key"]),
    ("a list of everything", |db| db.list::<Events>(any(), &[]), &["events_by_timestamp", PAGE]),
    ("a page far behind the first", |db| db.page::<Events>(any(), 300_000), &["events_by_timestamp", PAGE]),
    (
        "a list of a content type",
        |db| db.list::<Events>(EventFilter { content_type: Some(7), ..any() }, &[]),
        &["events_by_content_type", PAGE],
    ),
    (
        "a list of a table",
        |db| db.list::<Events>(EventFilter { table_name: text(), ..any() }, &[]),
        &["events_by_table_name", PAGE],
    ),
    ("a list of an action", |db| db.list::<Events>(EventFilter { action: text(), ..any() }, &[]), &["events_by_action", PAGE]),
    ("a list of a user", |db| db.list::<Events>(EventFilter { user: text(), ..any() }, &[]), &["events_by_user_id", PAGE]),
    (
        "a list of an object, counted by its index",
        |db| db.list::<Events>(EventFilter { object_id: text(), ..any() }, &[]),
        &["events_by_object_id", "events_by_object_id", PAGE],
    ),
    (
        "a list of a url, counted by its index",
        |db| db.list::<Events>(EventFilter { url: text(), ..any() }, &[]),
        &["events_by_url", "events_by_url", PAGE],
    ),
    (
        "a list of a range of time: what is left of hours is counted by the index",
        |db| db.list::<Events>(EventFilter { timestamp: SPAN, ..any() }, &[]),
        &["events_by_timestamp", "events_by_timestamp", "events_by_timestamp", PAGE],
    ),
    (
        "a list of a content type in a range of time",
        |db| db.list::<Events>(EventFilter { timestamp: SPAN, content_type: Some(7), ..any() }, &[]),
        &["events_by_content_type", "events_by_content_type", "events_by_content_type", PAGE],
    ),
    (
        "a list of a user in a range of time",
        |db| db.list::<Events>(EventFilter { timestamp: SPAN, user: text(), ..any() }, &[]),
        &["events_by_user_id", "events_by_user_id", PAGE],
    ),
    (
        "an object of a content type: the object leads",
        |db| db.list::<Events>(EventFilter { object_id: text(), content_type: Some(9), ..any() }, &[]),
        &["events_by_object_id", "events_by_object_id", PAGE],
    ),
    (
        "a user's events of an action: the user leads",
        |db| db.list::<Events>(EventFilter { user: text(), action: text(), ..any() }, &[]),
        &["events_by_user_id", "events_by_user_id", PAGE],
    ),
    (
        "an object's events in the order of positions",
        |db| db.list::<Events>(EventFilter { object_id: text(), ..any() }, &[(SortField::Position, false)]),
        &["events_by_object_id", "events_by_object_id + sort", PAGE],
    ),
    ("a list in the order of positions", |db| db.list::<Events>(any(), &[(SortField::Position, true)]), &[PAGE, PAGE]),
    (
        "a range of positions, counted by the key",
        |db| {
            db.list::<Events>(EventFilter { position: Interval { start: 500, end: 700 }, ..any() }, &[(SortField::Position, false)])
        },
        &[PAGE, PAGE, PAGE],
    ),
    ("a walk by time", |db| db.walk::<Events>(WalkOrder::Timestamp, any()), &["events_by_timestamp"]),
    (
        "a walk by time of a user",
        |db| db.walk::<Events>(WalkOrder::Timestamp, EventFilter { user: text(), ..any() }),
        &["events_by_user_id"],
    ),
    (
        "a walk by time of an action",
        |db| db.walk::<Events>(WalkOrder::Timestamp, EventFilter { action: text(), ..any() }),
        &["events_by_action"],
    ),
    ("a walk by position", |db| db.walk::<Events>(WalkOrder::Position, any()), &[PAGE]),
    ("a summary of everything: nothing is read but counters", |db| db.summary(any(), GroupBy::TableName), &[]),
    (
        "a summary of a url",
        |db| db.summary(EventFilter { url: text(), ..any() }, GroupBy::ContentType),
        &["events_by_url", "events_by_url"],
    ),
    ("an action log by its uuid", |db| db.find::<ActionLogs>(), &["action_logs_channel_id_uuid_key"]),
    ("a list of action logs", |db| db.list::<ActionLogs>(logs(), &[]), &["action_logs_by_created_at", LOGS_PAGE]),
    (
        "a list of a level",
        |db| db.list::<ActionLogs>(ActionLogFilter { level: Interval { start: 7, end: 8 }, ..logs() }, &[]),
        &["action_logs_by_level", LOGS_PAGE],
    ),
    (
        "a list of a logger",
        |db| db.list::<ActionLogs>(ActionLogFilter { logger_name: text(), ..logs() }, &[]),
        &["action_logs_by_logger_name", LOGS_PAGE],
    ),
    (
        "a list of an application",
        |db| db.list::<ActionLogs>(ActionLogFilter { app_name: text(), ..logs() }, &[]),
        &["action_logs_by_app_name", LOGS_PAGE],
    ),
    (
        "a walk by time of a logger",
        |db| db.walk::<ActionLogs>(WalkOrder::Timestamp, ActionLogFilter { logger_name: text(), ..logs() }),
        &["action_logs_by_logger_name"],
    ),
];

fn assert_plans(mut db: Million) {
    let mut wrong = Vec::new();
    for (name, ask, wanted) in FAMILIES {
        ask(&mut db);
        let steps = db.take();
        let ways: Vec<&str> = steps.iter().map(|step| step.way.as_str()).collect();
        if ways != wanted {
            let plans: String = steps.iter().map(|Step { sql, plan, .. }| format!("\n{sql}\n{plan}")).collect();
            wrong.push(format!("{name}: {ways:?} instead of {wanted:?}{plans}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_million_events_are_read_by_these_indexes_on_sqlite() {
    assert_plans(Million::on_sqlite());
}

#[test]
fn a_million_events_are_read_by_these_indexes_on_postgresql() {
    assert_plans(Million::on_postgres());
}
