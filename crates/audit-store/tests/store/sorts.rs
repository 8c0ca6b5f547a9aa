//! Lists of logs that are too large to be sorted in memory, in every order, against the order of the domain.

use audit_store::domain::{
    ActionLogFilter, ActionLogSort, ActionLogSortField, ActionLogSortRow, ChannelGrant, ChannelId, EventFilter, EventSort,
    NewEvent, ParseMode, SortField, SortKey, SortRow, Timestamp,
};
use audit_store::{PageNumber, Prepared};

use crate::common::{ActionLogs, Dice, Events, Kind, ListQuery, Scratch, log_of, only, preparer};

const HOUR: i64 = 3_600_000_000;

const FIELDS: [SortField; 6] =
    [SortField::Timestamp, SortField::ContentType, SortField::ObjectId, SortField::User, SortField::Uuid, SortField::Position];

/// Ids that are numbers, are spelled as numbers are not, share their first 300 characters, or are missing.
fn id(dice: &mut Dice) -> String {
    let long = "x".repeat(300);
    match dice.below(8) {
        0 => "null".to_owned(),
        1 => format!(r#""0{}""#, dice.below(3)),
        2 => format!(r#""{long}{}""#, dice.below(3)),
        3 => format!(r#""\ud800{}""#, dice.below(2)),
        4 => format!(r#""-{}""#, dice.below(30)),
        _ => dice.below(30).to_string(),
    }
}

/// More than half of them are of one user, and more than half of one type.
fn event(dice: &mut Dice, channel: i64) -> Prepared {
    let user = if dice.below(3) > 0 { "7".to_owned() } else { id(dice) };
    let content_type = if dice.below(3) > 0 { 7 } else { dice.below(40) };
    let (object, second) = (id(dice), dice.below(50));
    let json = format!(
        r#"{{"timestamp":"2023-10-16T10:00:{second:02}Z","object_id":{object},"content_type":{content_type},"user":{{"pk":{user}}}}}"#
    );
    preparer().channel(channel).unwrap().events().prepare(NewEvent::parse(&json, ParseMode::LENIENT).unwrap()).unwrap()
}

fn log(dice: &mut Dice) -> Prepared {
    let json = format!(r#"{{"level":{},"message":"m","created_at":"2023-10-16T10:00:{:02}Z"}}"#, dice.below(5), dice.below(50));
    ActionLogs::parse(&json, ParseMode::LENIENT).unwrap()
}

/// The last pages, the first, and some between.
fn page(dice: &mut Dice, pages: usize) -> usize {
    match dice.below(4) {
        0 => 1,
        1 => pages,
        _ => 1 + dice.below(pages as u64) as usize,
    }
}

#[test]
fn large_lists_are_in_every_order_that_is_asked_for() {
    let scratch = Scratch::new();
    let mut dice = Dice(11);
    for (channel, count) in [(1, 4_000), (2, 1_500)] {
        for _ in 0..count / 500 {
            scratch.append((0..500).map(|_| event(&mut dice, channel)).collect());
        }
    }
    scratch.store.index().unwrap();
    let all = [1, 2].map(|channel| log_of::<Events>(&scratch.store, channel));
    let only_type = EventFilter { content_type: Some(7), ..EventFilter::default() };
    for _ in 0..250 {
        let channels: &[usize] = [&[0][..], &[0, 1]][dice.below(2) as usize];
        let keys: Vec<SortKey<SortField>> = (0..1 + dice.below(3))
            .map(|_| SortKey { field: FIELDS[dice.below(6) as usize], descending: dice.below(2) > 0 })
            .collect();
        let (sort, filter) = (EventSort::by(keys), [EventFilter::default(), only_type.clone()][dice.below(2) as usize].clone());
        let mut rows: Vec<(SortRow, _)> = channels
            .iter()
            .flat_map(|at| &all[*at])
            .filter(|event| filter.matches(event))
            .map(|event| (SortRow::from_event(event), event.entry.uuid))
            .collect();
        rows.sort_by(|a, b| sort.compare(&a.0, &b.0));
        let size = [1, 10, 700][dice.below(3) as usize];
        let number = page(&mut dice, rows.len().div_ceil(size));
        let grant = ChannelGrant::Only(channels.iter().map(|at| ChannelId::new(*at as i64 + 1).unwrap()).collect());
        let page = PageNumber::Number(number as i64);
        let query = ListQuery::<Events> { channels: grant, filter, sort, page, size: size as i64 };
        let listed = query.run(&scratch.store);
        let expected = rows.iter().skip((number - 1) * size).take(size).map(|(_, uuid)| *uuid);
        assert_eq!(listed.count, rows.len() as i64);
        assert!(listed.records.iter().map(|event| event.entry.uuid).eq(expected), "{query:?}");
    }
}

#[test]
fn large_lists_of_action_logs_come_in_every_order() {
    use ActionLogSortField::{CreatedAt, Level, Position};
    let scratch = Scratch::new();
    let mut dice = Dice(12);
    for _ in 0..7 {
        scratch.append((0..500).map(|_| log(&mut dice)).collect());
    }
    scratch.store.index().unwrap();
    let all = log_of::<ActionLogs>(&scratch.store, 1);
    for _ in 0..100 {
        let keys = (0..1 + dice.below(3))
            .map(|_| SortKey { field: [CreatedAt, Level, Position][dice.below(3) as usize], descending: dice.below(2) > 0 })
            .collect();
        let sort = ActionLogSort::by(keys);
        let mut rows: Vec<_> = all.iter().map(|log| (ActionLogSortRow::from_action_log(log), log.entry.uuid)).collect();
        rows.sort_by(|a, b| sort.compare(&a.0, &b.0));
        let number = page(&mut dice, rows.len().div_ceil(10));
        let (channels, page) = (ChannelGrant::Only([ChannelId::DEFAULT].into()), PageNumber::Number(number as i64));
        let query = ListQuery::<ActionLogs> { channels, filter: ActionLogFilter::default(), sort, page, size: 10 };
        let listed = query.run(&scratch.store);
        let expected = rows.iter().skip((number - 1) * 10).take(10).map(|(_, uuid)| *uuid);
        assert!(listed.records.iter().map(|log| log.entry.uuid).eq(expected), "{query:?}");
    }
}

/// The positions of a page of a list by time.
fn page_by_time(scratch: &Scratch, filter: &EventFilter, descending: bool, (number, size): (i64, i64)) -> Vec<i64> {
    let sort = EventSort::by(vec![SortKey { field: SortField::Timestamp, descending }]);
    let query = ListQuery::<Events> { channels: only(1), filter: filter.clone(), sort, page: PageNumber::Number(number), size };
    query.run(&scratch.store).records.iter().map(|event| event.entry.position).collect()
}

#[test]
fn every_page_of_a_long_list_by_time_is_where_it_belongs() {
    let scratch = Scratch::new();
    let mut dice = Dice(3);
    let events = (0..1_400).map(|_| {
        // Hours with one event and hours with a hundred, ties, and years before 1970.
        let hour = [-5, 0, 0, 0, 1, 2, 400_000, 400_000, 400_001][dice.below(9) as usize] + (dice.below(4) / 3 * 50) as i64;
        let at = Timestamp::from_micros(hour * HOUR + dice.below(4) as i64 * HOUR / 4).unwrap();
        crate::common::event(&format!(r#"{{"timestamp":"{at}","action":"{}"}}"#, dice.below(2)))
    });
    scratch.append(events.collect());
    scratch.store.index().unwrap();
    let log = log_of::<Events>(&scratch.store, 1);
    let of_action = EventFilter { action: Some("1".to_owned()), ..EventFilter::default() };
    for filter in [EventFilter::default(), of_action] {
        for descending in [true, false] {
            let sort = EventSort::by(vec![SortKey { field: SortField::Timestamp, descending }]);
            let mut all: Vec<SortRow> = log.iter().filter(|event| filter.matches(event)).map(SortRow::from_event).collect();
            all.sort_by(|a, b| sort.compare(a, b));
            let all: Vec<i64> = all.iter().map(|row| row.position).collect();
            assert!(all.len() > 500);
            let pages = 1..=all.len().div_ceil(7) as i64;
            let paged: Vec<i64> = pages.flat_map(|number| page_by_time(&scratch, &filter, descending, (number, 7))).collect();
            assert_eq!(paged, all, "descending: {descending}");
            // Of all entries, what ends at the thousandth is found in another way than what comes after it.
            for (number, size) in [(1, 1_000), (2, 500), (3, 500), (2, 1_000), (1, 1_001), (2, 501)] {
                let skip = (number - 1) as usize * size;
                let expected: Vec<i64> = all.iter().skip(skip).take(size).copied().collect();
                let found = page_by_time(&scratch, &filter, descending, (number, size as i64));
                // A list that ends before the page has an error or no entries.
                assert_eq!(found, expected, "page {number} of {size}, descending: {descending}");
            }
        }
    }
}
