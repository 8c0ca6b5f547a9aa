//! The index answers what a plain scan of the log answers, at every moment; and it follows from the log alone, to the byte.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit_store::domain::{Event, EventFilter, EventSort, Interval, SortRow, Stream, Timestamp};
use audit_store::{AppendError, AppendRequest, GroupBy, NotStored, PageNumber, Prepared, Store};

use crate::common::{ActionLogs, Dice, Events, Kind, ListQuery, Raw, Scratch, append, event, log_of, of_database, only, uuid};

const HOUR: i64 = 3_600_000_000;
const TABLES: [&str; 3] = ["segments", "segment_times", "postings"];

type Rows = Vec<Vec<Option<String>>>;

/// The three tables of the index, of one snapshot.
fn dump(raw: &Raw) -> Vec<Rows> {
    raw.snapshot(|| TABLES.iter().map(|table| raw.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4"))).collect())
}

/// The segments of a log of channel 1: their sizes, in the order of positions.
fn sizes(raw: &Raw, stream: Stream) -> Vec<i64> {
    let of_log = format!("SELECT size FROM segments WHERE channel_id = 1 AND stream = {} ORDER BY first", stream.number());
    raw.strings(&of_log).iter().map(|size| size.parse().unwrap()).collect()
}

/// Changes the index behind the back of a running store. Appends and steps of the index wait meanwhile.
fn damage(raw: &Raw, sql: &str) {
    let lock = of_database("PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE", "BEGIN; LOCK TABLE logs IN EXCLUSIVE MODE");
    raw.execute(&format!("{lock}; {sql}; COMMIT"));
}

const DROP: &str = "DELETE FROM segments; DELETE FROM segment_times; DELETE FROM postings";

const INSTANTS: [&str; 6] = [
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01",
    "2023-10-16T09:59:59Z",
    "2023-10-16T10:00:00Z",
    "2023-10-16T10:30:00Z",
    "2024-01-01",
];

/// An event of channel 1 with few different values, any of which may be missing.
fn drawn(dice: &mut Dice, id: u128) -> Prepared {
    let mut members = format!(r#""uuid":"{}","timestamp":"{}""#, uuid(id), INSTANTS[dice.below(6) as usize]);
    let values = [("table_name", 3), ("content_type", 3), ("object_id", 40), ("url", 5), ("remote_addr", 4), ("action", 4)];
    for (name, different) in values {
        match dice.below(different + 1) {
            0 => {}
            number if name == "content_type" => members += &format!(r#","{name}":{number}"#),
            number => members += &format!(r#","{name}":"{number}""#),
        }
    }
    if dice.below(4) > 0 {
        let user = dice.below(6);
        members += &format!(r#","user":{{"pk":{user},"username":"u{}"}}"#, user / 2);
    }
    let (field, words) = (["price", "note", "name"][dice.below(3) as usize], ["Needle", "needle thread", "a-needle", "pin"]);
    let (old, new) = (words[dice.below(4) as usize], words[dice.below(4) as usize]);
    match dice.below(5) {
        0 => {}
        // Too many words, or too long ones, to be indexed.
        1 if dice.below(20) == 0 => {
            let many: String = (0..1_100).map(|number| format!(" {number}x")).collect();
            members += &format!(r#","content":{{"{field}":"{many} {new}"}}"#);
        }
        // Too many changed fields, in one of which the name is empty.
        1 if dice.below(20) == 0 => {
            let many: String = (0..1_100).map(|number| format!(r#""{number:04}":1,"#)).collect();
            members += &format!(r#","content":{{"new_data":{{{many}"{field}":"{new}"}}}}"#);
        }
        1 if dice.below(20) == 0 => members += r#","content":{"new_data":{"":1}}"#,
        1 => members += &format!(r#","description":"{}{new}""#, "x".repeat(70)),
        _ => members += &format!(r#","content":{{"old_data":{{"{field}":"{old}"}},"new_data":{{"{field}":"{new}"}}}}"#),
    }
    event(&format!("{{{members}}}"))
}

/// One to three conditions, and sometimes a range of time.
fn filter(dice: &mut Dice) -> EventFilter {
    let mut filter = EventFilter::default();
    for _ in 0..=dice.below(3) {
        let value = |different: u64, dice: &mut Dice| Some((1 + dice.below(different)).to_string());
        let sought =
            ["needle", "eed", "e thr", "a-need", "pin", "xneedle", "needle ", "old", "99x needle", "7x", "thread", "absent"];
        match dice.below(10) {
            7 => filter.search = Some(sought[dice.below(12) as usize].to_owned()),
            8 => filter.changed = Some(["price", "note", "absent", "", "1099", "0007"][dice.below(6) as usize].to_owned()),
            9 => filter.none_of.changed = [["price", "note", "", "0007"][dice.below(4) as usize].to_owned()].into(),
            0 => filter.table_name = value(3, dice),
            1 => filter.content_type = Some(1 + dice.below(3) as i64),
            2 => filter.object_id = value(40, dice),
            3 => filter.url = value(5, dice),
            4 => filter.remote_addr = value(4, dice),
            5 => filter.action = value(4, dice),
            _ => filter.person = Some(["1", "4", "u0", "u2"][dice.below(4) as usize].to_owned()),
        }
    }
    if dice.below(4) == 0 {
        let instant = |at: &str| Timestamp::parse(at).unwrap().micros();
        filter.timestamp = Interval { start: instant("2023-10-16T10:00:00Z"), end: instant("2023-10-16T10:30:00Z") };
    }
    filter
}

fn size(store: &Store) -> i64 {
    store.channels(only(1)).events().states().unwrap().first().map_or(0, |head| head.size)
}

/// Asks for a page of what matches, and looks whether it and its count are those of the log as it was at some moment meanwhile.
fn assert_is_a_scan(store: &Store, filter: EventFilter, page: PageNumber) {
    const SIZE: i64 = 7;
    let query = ListQuery::<Events> { channels: only(1), filter, sort: EventSort::default(), page, size: SIZE };
    let before = size(store);
    let listed = query.run(store);
    let after = size(store);
    let log = log_of::<Events>(store, 1);
    let mut matching: Vec<(SortRow, &Event)> =
        log.iter().filter(|event| query.filter.matches(event)).map(|event| (SortRow::from_event(event), event)).collect();
    matching.sort_by(|a, b| query.sort.compare(&a.0, &b.0));
    let is_of = |size: i64| {
        let known: Vec<&Event> = matching.iter().map(|(_, event)| *event).filter(|event| event.entry.position < size).collect();
        let skipped = usize::try_from((listed.number - 1) * SIZE).unwrap();
        listed.count == known.len() as i64
            && (page != PageNumber::Last || listed.number == listed.pages)
            && listed.pages == ((listed.count + SIZE - 1) / SIZE).max(1)
            && listed.records.iter().eq(known.into_iter().skip(skipped).take(SIZE as usize))
    };
    assert!((before..=after).any(is_of), "{query:?} found {listed:?} in a log of {before} to {after} events");
}

fn assert_answers(store: &Store, dice: &mut Dice, questions: usize) {
    for _ in 0..questions {
        let page = [PageNumber::Number(1), PageNumber::Number(2), PageNumber::Last][dice.below(3) as usize];
        assert_is_a_scan(store, filter(dice), page);
    }
}

/// Appends events of which some are in the log already, and others conflict with it. Returns how many requests were refused.
fn write(store: &Store, seed: u64) -> usize {
    let mut dice = Dice(seed);
    let mut request = || {
        let entries = (0..1 + dice.below(12)).map(|_| {
            let id = u128::from(dice.below(20_000));
            drawn(&mut dice, id)
        });
        AppendRequest::new(entries)
    };
    let outcomes = (0..40).map(|_| store.append(request()).map_err(AppendError::from).and_then(|pending| pending.wait()));
    outcomes.filter(|outcome| matches!(outcome, Err(AppendError::NotStored(NotStored::Conflict(_))))).count()
}

#[test]
fn answers_are_those_of_a_scan_while_eight_threads_append() {
    let scratch = Scratch::new();
    let (other, done) = (scratch.open_again(), AtomicBool::new(false));
    let conflicts = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut dice, mut rounds) = (Dice(100), 0);
            while !done.load(Ordering::Relaxed) {
                assert_answers(&scratch.store, &mut dice, 1);
                rounds += 1;
            }
            rounds
        });
        // So that there are segments of all ages, and none from time to time.
        scope.spawn(|| {
            let raw = scratch.raw();
            for round in 1.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                scratch.store.index().unwrap();
                if round % 8 == 0 {
                    damage(&raw, DROP);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let writers: Vec<_> = (0..8u64)
            .map(|thread| {
                let store = if thread % 2 == 0 { scratch.store.clone() } else { other.clone() };
                scope.spawn(move || write(&store, thread))
            })
            .collect();
        let conflicts: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 1);
        conflicts
    });
    assert!(conflicts > 0, "requests that were refused are part of the trial");
    assert_answers(&scratch.store, &mut Dice(101), 30);
    scratch.store.index().unwrap();
    assert_answers(&scratch.store, &mut Dice(101), 30);
    let (size, indexed) = (size(&scratch.store), sizes(&scratch.raw(), Stream::Events).iter().sum::<i64>());
    assert!(size > 500 && indexed == size - size % 64, "{indexed} of {size}");
}

fn filled(events: u128, action_logs: usize) -> Scratch {
    let (scratch, mut dice) = (Scratch::new(), Dice(7));
    scratch.append((0..events).map(|id| drawn(&mut dice, id)).collect());
    scratch.append((0..action_logs).map(|n| ActionLogs::entry(&format!(r#""logger_name":"{}""#, n % 5))).collect());
    scratch
}

#[test]
fn everything_is_indexed_in_segments_that_follow_from_the_size() {
    let (at_once, in_pieces) = (filled(4_700, 0), Scratch::new());
    at_once.store.index().unwrap();
    assert_eq!(sizes(&at_once.raw(), Stream::Events), [4_096, 512, 64]);
    let mut dice = Dice(7);
    let mut events: Vec<Prepared> = (0..4_700).map(|id| drawn(&mut dice, id)).collect();
    while !events.is_empty() {
        let rest = events.split_off(events.len().min(1 + dice.below(600) as usize));
        append(&in_pieces.store, std::mem::replace(&mut events, rest));
        if dice.below(2) == 0 {
            in_pieces.store.index().unwrap();
        }
    }
    in_pieces.store.index().unwrap();
    assert!(dump(&in_pieces.raw()) == dump(&at_once.raw()), "however the entries came, the index is the same to the byte");
}

#[test]
fn a_dropped_index_is_built_again_to_the_same_bytes() {
    let (scratch, mut dice) = (filled(1_000, 100), Dice(8));
    scratch.store.index().unwrap();
    let raw = scratch.raw();
    let before = dump(&raw);
    assert_eq!(sizes(&raw, Stream::Events), [vec![512], vec![64; 7]].concat());
    assert_eq!(sizes(&raw, Stream::ActionLogs), [64]);
    for part in [DROP, "DELETE FROM segments", "DELETE FROM segments WHERE first = 512"] {
        damage(&raw, part);
        assert_answers(&scratch.store, &mut dice, 10);
        scratch.store.index().unwrap();
        assert!(dump(&raw) == before, "{part}");
        assert_answers(&scratch.store, &mut dice, 10);
    }
}

#[test]
fn a_rebuilt_index_is_the_same_whatever_became_of_it() {
    let scratch = filled(1_000, 100);
    scratch.store.rebuild_index().unwrap();
    let raw = scratch.raw();
    let before = dump(&raw);
    let nothing = of_database("x''", "''::bytea");
    for part in [
        DROP.to_owned(),
        "DELETE FROM postings".to_owned(),
        "UPDATE segments SET size = size + 1".to_owned(),
        format!("UPDATE segments SET fences = {nothing}"),
        format!("UPDATE segments SET days = {nothing}"),
        format!("UPDATE segment_times SET points = {nothing}"),
        format!("UPDATE postings SET terms = {nothing}"),
    ] {
        damage(&raw, &part);
        scratch.store.rebuild_index().unwrap();
        assert!(dump(&raw) == before, "{part}");
    }
    assert_answers(&scratch.store, &mut Dice(9), 20);
}

#[track_caller]
fn assert_comes_back(raw: &Raw, before: &[Rows]) {
    let start = Instant::now();
    while dump(raw) != before {
        assert!(start.elapsed() < Duration::from_secs(60), "the index was not built again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_next_append_or_the_next_start_builds_a_dropped_index() {
    let scratch = filled(1_000, 0);
    scratch.store.index().unwrap();
    let raw = scratch.raw();
    let before = dump(&raw);
    damage(&raw, DROP);
    scratch.append_json("{}");
    assert_comes_back(&raw, &before);
    scratch.store.close();
    damage(&raw, DROP);
    let again = scratch.open_again();
    assert_comes_back(&raw, &before);
    again.close();
}

/// Both prepare steps at any time; of two that were prepared from the same index, one is done.
#[test]
fn two_stores_that_index_one_log_make_the_index_that_one_makes() {
    let (at_once, scratch) = (filled(9_000, 0), Scratch::new());
    at_once.store.index().unwrap();
    let other = scratch.open_again();
    let mut dice = Dice(7);
    let mut events: Vec<Prepared> = (0..9_000).map(|id| drawn(&mut dice, id)).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for store in [&scratch.store, &scratch.store, &other, &other] {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    store.index().unwrap();
                }
            });
        }
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(450));
            append(&scratch.store, std::mem::replace(&mut events, rest));
            if dice.below(5) == 0 {
                other.rebuild_index().unwrap();
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    scratch.store.index().unwrap();
    assert!(dump(&scratch.raw()) == dump(&at_once.raw()));
    assert_answers(&other, &mut dice, 10);
    other.close();
}

/// What the next steps would index, and since when it waits for them.
#[test]
fn the_lag_is_what_the_next_steps_will_index() {
    let scratch = Scratch::new();
    scratch.append((0..63).map(|_| event(r#"{"channel_id":2}"#)).collect());
    let first = scratch.append((0..200).map(|_| event("{}")).collect())[0];
    scratch.append(vec![ActionLogs::entry("")]);
    let lag = |stream| -> Vec<(i64, i64, Option<Timestamp>)> {
        let lags = scratch.store.index_lags(stream).unwrap();
        lags.into_iter().map(|lag| (lag.channel_id, lag.entries, lag.oldest)).collect()
    };
    scratch.store.index().unwrap();
    assert_eq!(lag(Stream::Events), [(1, 0, None), (2, 0, None)], "the last entries wait for a whole segment");
    assert_eq!(lag(Stream::ActionLogs), [(1, 0, None)]);
    damage(&scratch.raw(), DROP);
    assert_eq!(lag(Stream::Events), [(1, 192, Some(first.recorded_at)), (2, 0, None)]);
    scratch.store.index().unwrap();
    assert_eq!(lag(Stream::Events), [(1, 0, None), (2, 0, None)]);
    assert_eq!(scratch.store.check().unwrap(), Vec::<String>::new());
}

#[test]
fn counts_and_groups_of_ranges_that_cut_hours_are_exact() {
    let scratch = Scratch::new();
    let minute = |n: i64| HOUR * 24 * 365 + n * HOUR / 60;
    let events = (0..600).map(|n| {
        let at = Timestamp::from_micros(minute(n)).unwrap();
        event(&format!(r#"{{"timestamp":"{at}","table_name":"t{}","user":{}}}"#, n % 3, n % 5))
    });
    scratch.append(events.collect());
    for is_indexed in [false, true] {
        if is_indexed {
            scratch.store.index().unwrap();
        }
        for (start, end) in [(0, 600), (0, 60), (1, 59), (30, 90), (59, 61), (7, 593), (60, 540), (599, 600), (100, 100)] {
            let timestamp = Interval { start: minute(start), end: minute(end) };
            let filter = EventFilter { timestamp, ..EventFilter::default() };
            for by in [GroupBy::TableName, GroupBy::User, GroupBy::Hour, GroupBy::Day] {
                let summary = scratch.store.channels(only(1)).events().summary(&filter, by).unwrap();
                assert_eq!(summary.total, end - start);
                assert_eq!(summary.groups.iter().map(|group| group.count).sum::<i64>(), end - start, "{by:?} {start}..{end}");
            }
            let filter = EventFilter { table_name: Some("t1".to_owned()), ..filter };
            let query =
                ListQuery::<Events> { channels: only(1), filter, sort: EventSort::default(), page: PageNumber::Last, size: 1000 };
            let page = query.run(&scratch.store);
            let expected = (start..end).filter(|minute| minute % 3 == 1).count();
            assert_eq!((page.count, page.records.len()), (expected as i64, expected), "{start}..{end}");
        }
    }
}
