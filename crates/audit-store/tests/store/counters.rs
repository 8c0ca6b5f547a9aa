//! The counters are the counts of the rows: at every moment, after every kind of request, and after they were made anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use audit_store::domain::{
    ChannelId, EventFilter, EventSort, Interval, NewActionLog, PreparedEntry, Reading, SortField, SortKey, Timestamp,
};
use audit_store::{AppendError, AppendRequest, GroupBy, ListQuery, NotStored, PageNumber, Store};

use crate::common::{Dice, Raw, Scratch, event, only, uuid};

const HOUR: i64 = 3_600_000_000;

/// Channel, stream, dimension, key and, of a counter by the hour, its start.
type Counter = (i64, i64, i64, String, Option<i64>);

fn number(text: &Option<String>) -> i64 {
    text.as_ref().unwrap().parse().unwrap()
}

fn stored(conn: &Raw) -> BTreeMap<Counter, i64> {
    let sql = "SELECT channel_id, stream, dimension, key, NULL, count FROM counters
               UNION ALL SELECT channel_id, stream, dimension, key, hour, count FROM counters_by_hour";
    let counter = |row: Vec<Option<String>>| {
        let [channel, stream, dimension, key, hour, count] = row.try_into().unwrap();
        let hour = hour.map(|hour| hour.parse().unwrap());
        ((number(&channel), number(&stream), number(&dimension), key.unwrap(), hour), number(&count))
    };
    conn.rows(sql).into_iter().map(counter).collect()
}

/// What the rows say, up to the positions of the heads: dimension, table, key, and whether it is counted by the hour.
const DIMENSIONS: [(i64, i64, &str, &str, bool); 10] = [
    (1, 0, "events", "''", true),
    (1, 1, "events", "content_type", true),
    (1, 2, "events", "table_name", true),
    (1, 3, "events", "action", true),
    (1, 4, "events", "user_id", false),
    (1, 5, "events", "COALESCE(user_name, user_id)", false),
    (2, 0, "action_logs", "''", true),
    (2, 6, "action_logs", "level", true),
    (2, 7, "action_logs", "logger_name", true),
    (2, 8, "action_logs", "app_name", true),
];

fn counted(conn: &Raw) -> BTreeMap<Counter, i64> {
    let mut counts = BTreeMap::new();
    for (stream, dimension, table, key, hourly) in DIMENSIONS {
        let time = if stream == 1 { "timestamp" } else { "created_at" };
        let sql = format!(
            "SELECT t.channel_id, CAST({key} AS TEXT), {time} FROM {table} t JOIN logs l
             ON l.channel_id = t.channel_id AND l.stream = {stream} AND t.position < l.next_position WHERE {key} IS NOT NULL"
        );
        for row in conn.rows(&sql) {
            let [channel, key, at] = row.try_into().unwrap();
            let (channel, key, at) = (number(&channel), key.unwrap(), number(&at));
            *counts.entry((channel, stream, dimension, key.clone(), None)).or_default() += 1;
            if hourly {
                *counts.entry((channel, stream, dimension, key, Some(at.div_euclid(HOUR) * HOUR))).or_default() += 1;
            }
        }
    }
    counts
}

/// Both in one snapshot.
fn assert_counters(conn: &Raw) -> usize {
    let (stored, counted) = conn.snapshot(|| (stored(conn), counted(conn)));
    assert_eq!(stored, counted);
    stored.len()
}

const TIMES: [&str; 6] = [
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01",
    "2023-10-16T09:59:59Z",
    "2023-10-16T10:00:00Z",
    "2023-10-16T10:30:00Z",
    "2024-01-01",
];

fn action_log(json: &str, channel: i64) -> PreparedEntry {
    NewActionLog::parse(json, Reading::NATIVE).unwrap().prepare(ChannelId::new(channel).unwrap()).unwrap()
}

/// An entry of either stream with few different values, some of them too long for an index.
fn entry(dice: &mut Dice) -> PreparedEntry {
    let (channel, at) = (dice.below(2), TIMES[dice.below(TIMES.len() as u64) as usize]);
    let (n, long) = (dice.below(4), "x".repeat(250 + dice.below(10) as usize));
    if dice.below(3) == 0 {
        let names = if n == 0 { String::new() } else { format!(r#","logger_name":"{n}{long}","app_name":"{n}""#) };
        return action_log(&format!(r#"{{"level":{n},"message":"m","created_at":"{at}"{names}}}"#), channel as i64);
    }
    let subject = match n {
        0 => String::new(),
        n => format!(r#","content_type":{n},"table_name":"{long}","action":"{n}","user":{{"pk":{n},"username":"u{}"}}"#, n / 2),
    };
    event(&format!(r#"{{"channel_id":{channel},"timestamp":"{at}"{subject},"uuid":"{}"}}"#, uuid(u128::from(dice.below(400)))))
}

fn append(store: &Store, entries: Vec<PreparedEntry>) -> Result<(), AppendError> {
    store.append(AppendRequest::import(entries))?.wait().map(drop)
}

#[test]
fn counters_are_the_counts_of_the_rows_at_every_moment() {
    let scratch = Scratch::new();
    let done = AtomicBool::new(false);
    let conflicts = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let conn = scratch.raw();
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                assert_counters(&conn);
                looks += 1;
            }
            looks
        });
        let other = scratch.open_again();
        let writers: Vec<_> = (0..8u64)
            .map(|thread| {
                let store = if thread % 2 == 0 { scratch.store.clone() } else { other.clone() };
                scope.spawn(move || {
                    let mut dice = Dice(thread);
                    let outcomes = (0..40).map(|_| {
                        let entries = (0..1 + dice.below(6)).map(|_| entry(&mut dice)).collect();
                        append(&store, entries)
                    });
                    outcomes.filter(|outcome| matches!(outcome, Err(AppendError::NotStored(NotStored::Conflict(_))))).count()
                })
            })
            .collect();
        let conflicts: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        done.store(true, Ordering::Relaxed);
        assert!(watcher.join().unwrap() > 1);
        conflicts
    });
    assert!(conflicts > 0, "requests that were refused are part of the trial");
    assert!(assert_counters(&scratch.raw()) > 20);
}

#[test]
fn rebuilt_counters_are_the_same_whatever_became_of_them() {
    let scratch = Scratch::new();
    let mut dice = Dice(7);
    for _ in 0..60 {
        drop(append(&scratch.store, vec![entry(&mut dice)]));
    }
    let conn = scratch.raw();
    let (before, counters) = (stored(&conn), assert_counters(&conn));
    for damage in [
        "UPDATE counters SET count = count + 1",
        "DELETE FROM counters_by_hour",
        "UPDATE counters SET channel_id = channel_id + 10",
    ] {
        conn.execute(damage);
        assert_eq!(scratch.store.rebuild_counters().unwrap(), counters as i64);
        assert_eq!(stored(&conn), before, "{damage}");
    }
}

#[test]
fn counts_and_groups_of_ranges_that_cut_hours_are_exact() {
    let scratch = Scratch::new();
    for minute in 0..600 {
        let at = Timestamp::from_micros(HOUR * 24 * 365 + minute * HOUR / 60).unwrap();
        scratch.append_json(&format!(r#"{{"timestamp":"{at}","table_name":"t{}","user":{}}}"#, minute % 3, minute % 5));
    }
    let minute = |n: i64| HOUR * 24 * 365 + n * HOUR / 60;
    for (start, end) in [(0, 600), (0, 60), (1, 59), (30, 90), (59, 61), (7, 593), (60, 540), (599, 600), (100, 100)] {
        let timestamp = Interval { start: minute(start), end: minute(end) };
        let filter = EventFilter { timestamp, ..EventFilter::default() };
        let summary = |by| scratch.store.summaries(&only(1), &filter, &[by]).unwrap().remove(0);
        for by in [GroupBy::TableName, GroupBy::User, GroupBy::Hour, GroupBy::Day] {
            let summary = summary(by);
            assert_eq!(summary.total, end - start);
            assert_eq!(summary.groups.iter().map(|group| group.count).sum::<i64>(), end - start, "{by:?} {start}..{end}");
        }
        let of_table = EventFilter { table_name: Some("t1".to_owned()), ..filter.clone() };
        let query =
            ListQuery { channels: only(1), filter: of_table, sort: EventSort::default(), page: PageNumber::Last, size: 1000 };
        let page = scratch.store.list(&query).unwrap();
        let expected = (start..end).filter(|minute| minute % 3 == 1).count();
        assert_eq!((page.count, page.records.len()), (expected as i64, expected), "{start}..{end}");
    }
}

#[test]
fn every_page_of_a_long_list_by_time_is_where_it_belongs() {
    let scratch = Scratch::new();
    let mut dice = Dice(3);
    let events = (0..700).map(|_| {
        // Hours with one event and hours with a hundred, ties, and years before 1970.
        let hour = [-5, 0, 0, 0, 1, 2, 400_000, 400_000, 400_001][dice.below(9) as usize] + (dice.below(4) / 3 * 50) as i64;
        let at = Timestamp::from_micros(hour * HOUR + dice.below(4) as i64 * HOUR / 4).unwrap();
        event(&format!(r#"{{"timestamp":"{at}","action":"{}"}}"#, dice.below(2)))
    });
    scratch.append(events.collect());
    let action = |action: &str| EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
    for filter in [EventFilter::default(), action("1")] {
        for descending in [true, false] {
            let sort = EventSort::by(vec![SortKey { field: SortField::Timestamp, descending }]);
            let page = |number, size| {
                let (filter, sort) = (filter.clone(), sort.clone());
                let query = ListQuery { channels: only(1), filter, sort, page: PageNumber::Number(number), size };
                scratch.store.list(&query).unwrap().records
            };
            let all: Vec<i64> = page(1, 1000).iter().map(|event| event.position).collect();
            assert!(all.len() > 300);
            let paged: Vec<i64> =
                (1..=all.len().div_ceil(7)).flat_map(|number| page(number as i64, 7)).map(|event| event.position).collect();
            assert_eq!(paged, all, "descending: {descending}");
        }
    }
}
