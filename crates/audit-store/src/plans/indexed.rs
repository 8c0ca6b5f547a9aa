//! The plans of each family of queries on the tables of entries, with many generated entries and
//! with each database's statistics. Both databases have the same table of expectations.

use audit_domain::{ActionLogFilter, CursorOrder, EventFilter, EventValues, Interval, SortField};

use super::recorded::{Many, Step};
use crate::query::*;

/// A query, and the indexes that its statements on a table of entries use, in order. `+ sort`
/// follows an index if rows are sorted.
type Family = (&'static str, fn(&mut Many), &'static [&'static str]);

fn text() -> Option<String> {
    Some("7".to_owned())
}

fn users() -> EventValues {
    EventValues { user: ["7".to_owned(), "8".to_owned()].into(), ..EventValues::default() }
}

fn any() -> EventFilter {
    EventFilter::default()
}

fn logs() -> ActionLogFilter {
    ActionLogFilter::default()
}

/// Ten days and half an hour, in the middle of the entries.
const SPAN: Interval = Interval { start: 1_715_000_000_000_000, end: 1_715_865_800_000_000 };

const PAGE: &str = "events_pkey";
const LOGS_PAGE: &str = "action_logs_pkey";

/// The few rows after the index, and the rows of the page.
const INDEXED: &[&str] = &[PAGE, PAGE];
const LOGS_INDEXED: &[&str] = &[LOGS_PAGE, LOGS_PAGE];

const FAMILIES: [Family; 28] = [
    ("an event by its uuid", |db| db.find::<Events>(), &["events_channel_id_uuid_key"]),
    ("a list of everything", |db| db.list::<Events>(any(), &[]), &["events_by_timestamp", PAGE]),
    (
        "a list of everything, oldest first",
        |db| db.list::<Events>(any(), &[(SortField::Timestamp, false)]),
        &["events_by_timestamp", PAGE],
    ),
    ("a page far behind the first", |db| db.page::<Events>(any(), 60_000), INDEXED),
    ("a list of a content type", |db| db.list::<Events>(EventFilter { content_type: Some(7), ..any() }, &[]), INDEXED),
    ("a list of an object", |db| db.list::<Events>(EventFilter { object_id: text(), ..any() }, &[]), INDEXED),
    ("a list of a url", |db| db.list::<Events>(EventFilter { url: text(), ..any() }, &[]), INDEXED),
    ("a list of several users", |db| db.list::<Events>(EventFilter { one_of: users(), ..any() }, &[]), INDEXED),
    ("a list without some users", |db| db.list::<Events>(EventFilter { none_of: users(), ..any() }, &[]), INDEXED),
    (
        "a walk by time without some users",
        |db| db.walk::<Events>(CursorOrder::Timestamp, EventFilter { none_of: users(), ..any() }),
        INDEXED,
    ),
    ("a list of a range of time", |db| db.list::<Events>(EventFilter { timestamp: SPAN, ..any() }, &[]), INDEXED),
    (
        "a list of a user in a range of time",
        |db| db.list::<Events>(EventFilter { timestamp: SPAN, user: Some("500".to_owned()), ..any() }, &[]),
        INDEXED,
    ),
    (
        "an object of a content type",
        |db| db.list::<Events>(EventFilter { object_id: text(), content_type: Some(9), ..any() }, &[]),
        INDEXED,
    ),
    (
        "three filters",
        |db| db.list::<Events>(EventFilter { content_type: Some(7), action: text(), table_name: text(), ..any() }, &[]),
        INDEXED,
    ),
    (
        "a range of positions",
        |db| db.list::<Events>(EventFilter { position: Interval { start: 500, end: 700 }, ..any() }, &[]),
        &[PAGE],
    ),
    (
        "an object's events in the order of positions",
        |db| db.list::<Events>(EventFilter { object_id: text(), ..any() }, &[(SortField::Position, false)]),
        INDEXED,
    ),
    ("a list in the order of positions", |db| db.list::<Events>(any(), &[(SortField::Position, true)]), INDEXED),
    // The rows after the index are read for their sort values too.
    ("a list in the order of users", |db| db.list::<Events>(any(), &[(SortField::User, true)]), &[PAGE, PAGE, PAGE]),
    (
        "types in the order of objects and time",
        |db| {
            let sort = [(SortField::ContentType, false), (SortField::ObjectId, true), (SortField::Timestamp, true)];
            db.list::<Events>(any(), &sort);
        },
        &[PAGE, PAGE, PAGE, PAGE],
    ),
    ("a walk by time", |db| db.walk::<Events>(CursorOrder::Timestamp, any()), &["events_by_timestamp"]),
    ("a walk by time of a user", |db| db.walk::<Events>(CursorOrder::Timestamp, EventFilter { user: text(), ..any() }), INDEXED),
    ("a walk by position", |db| db.walk::<Events>(CursorOrder::Position, any()), &[PAGE]),
    ("a summary of everything", |db| db.summary(any(), GroupBy::TableName), INDEXED),
    ("a summary of a url", |db| db.summary(EventFilter { url: text(), ..any() }, GroupBy::ContentType), INDEXED),
    ("an action log by its uuid", |db| db.find::<ActionLogs>(), &["action_logs_channel_id_uuid_key"]),
    ("a list of action logs", |db| db.list::<ActionLogs>(logs(), &[]), &["action_logs_by_created_at", LOGS_PAGE]),
    (
        "a list of a level",
        |db| db.list::<ActionLogs>(ActionLogFilter { level: Interval { start: 7, end: 8 }, ..logs() }, &[]),
        LOGS_INDEXED,
    ),
    (
        "a walk by time of a logger",
        |db| db.walk::<ActionLogs>(CursorOrder::Timestamp, ActionLogFilter { logger_name: text(), ..logs() }),
        LOGS_INDEXED,
    ),
];

fn assert_plans(mut db: Many) {
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
fn an_indexed_log_is_read_by_its_keys_on_sqlite() {
    assert_plans(Many::on_sqlite());
}

#[test]
fn an_indexed_log_is_read_by_its_keys_on_postgresql() {
    assert_plans(Many::on_postgres());
}

#[test]
fn a_log_without_statistics_is_read_by_its_keys_too() {
    let mut db = Many::on_postgres_without_statistics();
    let positions: Vec<i64> = (50_000..51_000).collect();
    db.at::<Events>(&positions);
    db.at::<ActionLogs>(&positions[..500]);
    let steps = db.take();
    assert_eq!(steps.len(), 2);
    for Step { sql, plan, .. } in steps {
        // When the database compared them with each row of the channel, a thousand positions took
        // ten seconds.
        assert!(plan.contains("\"position\" = ANY") && !plan.contains("Filter"), "{sql}\n{plan}");
    }
    db.summary(any(), GroupBy::TableName);
    db.list::<Events>(EventFilter { content_type: Some(7), ..any() }, &[]);
    let steps = db.take_on_postings();
    assert_eq!(steps.len(), 3, "two for 16 segments and more, and one");
    for Step { sql, plan, .. } in steps {
        // A hash would read all blocks of the log and then drop those of other segments.
        assert!(!plan.contains("Hash") && plan.contains("(first = s.first)"), "{sql}\n{plan}");
    }
    assert_plans(db);
}
