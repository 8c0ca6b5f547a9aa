//! Plans of the queries of events.

use audit_domain::{EventFilter, EventSort, Interval, SortField, WalkOrder};

use super::{Db, one, ways};
use crate::query::*;

const PAGE_BY_POSITION: &str = "WHERE ((channel_id = ?) AND (position IN (?, ?)))";
const BY_POSITION: &str = "SEARCH events USING INDEX sqlite_autoindex_events_1 (channel_id=? AND position=?)";
const NEWEST_FIRST: &str = "ORDER BY timestamp DESC, position DESC LIMIT ? OFFSET ?";

/// Counts, places and page of a filtered list, newest first, all by one index and without a sort. What the counters know is not
/// counted; of a range of time, its first and its last part of an hour are.
fn assert_by_index(db: &mut Db, filter: EventFilter, counts: usize, condition: &str, index: &str, range: &str) {
    let plans = db.list::<Events>(one(), filter, &[]);
    let found = format!("SEARCH events USING COVERING INDEX {index} ({range})");
    let count = (format!("SELECT COUNT(*) FROM events WHERE {condition}"), found.clone());
    let places = (format!("SELECT position FROM events WHERE {condition} {NEWEST_FIRST}"), found);
    assert_eq!(plans[..counts], vec![count; counts]);
    assert_eq!(plans[counts], places);
    let page = &plans[counts + 1];
    assert!(page.0.ends_with(PAGE_BY_POSITION) && page.1 == BY_POSITION, "{page:?}");
}

#[test]
fn a_list_newest_first_is_read_off_an_index_whatever_it_is_filtered_by() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let text = || Some("7".to_owned());
    let span = Interval { start: 1, end: i64::MAX - 1 };
    for (column, filter, counts, counts_of_span) in [
        ("content_type", EventFilter { content_type: Some(7), ..any() }, 0, 2),
        ("table_name", EventFilter { table_name: text(), ..any() }, 0, 2),
        ("object_id", EventFilter { object_id: text(), ..any() }, 1, 1),
        ("user_id", EventFilter { user: text(), ..any() }, 0, 1),
        ("action", EventFilter { action: text(), ..any() }, 0, 2),
        ("url", EventFilter { url: text(), ..any() }, 1, 1),
    ] {
        let (index, range) = (format!("events_by_{column}"), format!("channel_id=? AND {column}=?"));
        let condition = format!("((channel_id = ?) AND ({column} = ?))");
        assert_by_index(&mut db, filter.clone(), counts, &condition, &index, &range);
        let condition = format!("(({condition} AND (timestamp >= ?)) AND (timestamp < ?))");
        let range = format!("{range} AND timestamp>? AND timestamp<?");
        assert_by_index(&mut db, EventFilter { timestamp: span, ..filter }, counts_of_span, &condition, &index, &range);
    }
    let condition = "(((channel_id = ?) AND (timestamp >= ?)) AND (timestamp < ?))";
    let range = "channel_id=? AND timestamp>? AND timestamp<?";
    assert_by_index(&mut db, EventFilter { timestamp: span, ..any() }, 2, condition, "events_by_timestamp", range);
}

#[test]
fn a_list_of_everything_counts_nothing_and_reads_one_index() {
    let plans = Db::new().list::<Events>(one(), EventFilter::default(), &[]);
    let places = format!("SELECT position FROM events WHERE (channel_id = ?) {NEWEST_FIRST}");
    assert_eq!(plans.len(), 2);
    assert_eq!(plans[0], (places, "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=?)".to_owned()));
    assert!(plans[1].0.ends_with(PAGE_BY_POSITION) && plans[1].1 == BY_POSITION);
}

#[test]
fn of_several_conditions_the_most_selective_leads_the_way() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let text = || Some("7".to_owned());
    let (object, typed) = (|| EventFilter { object_id: text(), ..any() }, || EventFilter { content_type: Some(7), ..any() });
    let user = || EventFilter { user: text(), ..any() };
    for (filter, column) in [
        (EventFilter { content_type: Some(7), ..object() }, "object_id"),
        (EventFilter { table_name: text(), ..object() }, "object_id"),
        (EventFilter { action: text(), content_type: Some(7), user: text(), url: text(), ..object() }, "object_id"),
        (EventFilter { action: text(), ..user() }, "user_id"),
        (EventFilter { content_type: Some(7), ..user() }, "user_id"),
        (EventFilter { action: text(), ..typed() }, "content_type"),
        (EventFilter { url: text(), ..typed() }, "url"),
    ] {
        let way = format!("SEARCH events USING INDEX events_by_{column} (channel_id=? AND {column}=?)");
        assert_eq!(ways(&db.list::<Events>(one(), filter.clone(), &[]))[..2], [way.as_str(); 2], "{filter:?}");
        // In another order, what few rows are left is sorted: better than walking the channel in that order.
        for field in [SortField::Uuid, SortField::Position] {
            let way = format!("{way}; USE TEMP B-TREE FOR ORDER BY");
            assert_eq!(ways(&db.list::<Events>(one(), filter.clone(), &[(field, true)]))[1], way, "{field:?} {filter:?}");
        }
    }
}

#[test]
fn a_summary_of_a_channel_is_read_off_the_counters() {
    let mut db = Db::new();
    let keys = "SEARCH counters USING PRIMARY KEY (channel_id=? AND stream=? AND dimension=?)";
    for by in [GroupBy::TableName, GroupBy::ContentType, GroupBy::User, GroupBy::Person, GroupBy::Action] {
        summaries(&mut db.conn, &one(), &EventFilter::default(), &[by]).unwrap();
        assert_eq!(ways(&db.plans_on("counters")), [keys]);
        summaries(&mut db.conn, &one(), &EventFilter::default(), &[by]).unwrap();
        assert!(db.plans_on("events").is_empty(), "{by:?}");
    }
    let hours = "SEARCH counters_by_hour USING PRIMARY KEY (channel_id=? AND stream=? AND dimension=? AND key=?)";
    for by in [GroupBy::Hour, GroupBy::Day] {
        summaries(&mut db.conn, &one(), &EventFilter { table_name: Some("7".to_owned()), ..EventFilter::default() }, &[by])
            .unwrap();
        assert_eq!(ways(&db.plans_on("counters_by_hour")), [hours]);
    }
    // What is filtered by something that is not counted is read off the index of that.
    let filter = EventFilter { url: Some("7".to_owned()), ..EventFilter::default() };
    summaries(&mut db.conn, &one(), &filter, &[GroupBy::Action]).unwrap();
    let count = "SEARCH events USING COVERING INDEX events_by_url (channel_id=? AND url=?)";
    let groups = "SEARCH events USING INDEX events_by_url (channel_id=? AND url=?); USE TEMP B-TREE FOR GROUP BY";
    assert_eq!(ways(&db.plans_on("events")), [count, groups]);
}

#[test]
fn a_page_far_behind_the_first_starts_where_the_counters_say() {
    let mut db = Db::new();
    let query = ListQuery {
        channels: one(),
        filter: EventFilter::default(),
        sort: EventSort::default(),
        page: PageNumber::Number(200),
        size: 2,
    };
    list::<Events>(&mut db.conn, &query).unwrap();
    let places = format!("SELECT position FROM events WHERE ((channel_id = ?) AND (timestamp < ?)) {NEWEST_FIRST}");
    let way = "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=? AND timestamp<?)";
    assert_eq!(db.plans_on("events")[0], (places, way.to_owned()));
}

#[test]
fn the_other_filters_have_these_plans() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let plans = db.list::<Events>(one(), EventFilter { uuid: Some(Uuid::nil()), ..any() }, &[]);
    assert_eq!(ways(&plans), ["SEARCH events USING COVERING INDEX sqlite_autoindex_events_2 (channel_id=? AND uuid=?)"]);
    let plans = db.list::<Events>(one(), EventFilter { position: Interval { start: 1, end: 3 }, ..any() }, &[]);
    let range = "SEARCH events USING COVERING INDEX sqlite_autoindex_events_1 (channel_id=? AND position>? AND position<?)";
    assert_eq!(ways(&plans)[0], range);
    // Known: these two walk the whole channel, newest first. Neither is a filter of a published API's list.
    let channel = "SEARCH events USING INDEX events_by_timestamp (channel_id=?)";
    for filter in [
        EventFilter { remote_addr: Some("7".to_owned()), ..any() },
        EventFilter { recorded_at: Interval { start: 1, end: i64::MAX - 1 }, ..any() },
    ] {
        assert_eq!(ways(&db.list::<Events>(one(), filter, &[])), [channel, channel, BY_POSITION]);
    }
}

#[test]
fn the_other_orders_have_these_plans() {
    let mut db = Db::new();
    for (field, way) in [
        (SortField::Timestamp, "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=?)"),
        (SortField::Position, "SEARCH events USING COVERING INDEX sqlite_autoindex_events_1 (channel_id=?)"),
        (SortField::Uuid, "SEARCH events USING INDEX sqlite_autoindex_events_2 (channel_id=?)"),
    ] {
        for descending in [false, true] {
            let plans = db.list::<Events>(one(), EventFilter::default(), &[(field, descending)]);
            assert_eq!(ways(&plans), [way, BY_POSITION], "{field:?}");
        }
    }
    // Known: numbers before texts before null is no order of an index, so these sort the places of what matches.
    for (field, keys) in [
        (SortField::ContentType, "(content_type IS NULL) ASC, content_type DESC"),
        (SortField::ObjectId, "(object_num IS NULL) ASC, object_num DESC, (object_id IS NULL) ASC, object_id DESC"),
        (SortField::User, "(user_num IS NULL) ASC, user_num DESC, (user_id IS NULL) ASC, user_id DESC"),
    ] {
        let plans = db.list::<Events>(one(), EventFilter { url: Some("7".to_owned()), ..EventFilter::default() }, &[(field, true)]);
        let condition = "((channel_id = ?) AND (url = ?))";
        let sql = format!("SELECT position FROM events WHERE {condition} ORDER BY {keys}, position DESC LIMIT ? OFFSET ?");
        assert_eq!(plans[1].0, sql);
        let way = "SEARCH events USING INDEX events_by_url (channel_id=? AND url=?); USE TEMP B-TREE FOR ORDER BY";
        assert_eq!(plans[1].1, way);
    }
}

#[test]
fn a_walk_starts_behind_its_cursor_and_never_sorts() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let user = || EventFilter { user: Some("7".to_owned()), ..any() };
    let condition = "WHERE (((channel_id = ?) AND (timestamp <= ?)) AND ((timestamp < ?) OR (position < ?)))";
    let plans = db.walk::<Events>(WalkOrder::Timestamp, true, vec![1], any());
    assert!(plans[0].0.ends_with(&format!("{condition} ORDER BY timestamp DESC, position DESC LIMIT ?")), "{}", plans[0].0);
    assert_eq!(ways(&plans), ["SEARCH events USING INDEX events_by_timestamp (channel_id=? AND timestamp<?)"]);
    let plans = db.walk::<Events>(WalkOrder::Timestamp, true, vec![1], user());
    assert_eq!(ways(&plans), ["SEARCH events USING INDEX events_by_user_id (channel_id=? AND user_id=? AND timestamp<?)"]);
    let plans = db.walk::<Events>(WalkOrder::Position, false, vec![1], any());
    assert!(plans[0].0.ends_with("WHERE ((channel_id = ?) AND (position > ?)) ORDER BY position ASC LIMIT ?"), "{}", plans[0].0);
    assert_eq!(ways(&plans), ["SEARCH events USING INDEX sqlite_autoindex_events_1 (channel_id=? AND position>?)"]);
    // Merged channels: places first, by index alone, then the events of the page.
    let plans = db.walk::<Events>(WalkOrder::Timestamp, false, vec![0, 1], any());
    let place = "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=? AND timestamp>?)";
    assert_eq!(ways(&plans)[..2], [place, place]);
    assert!(plans[0].0.starts_with("SELECT timestamp, position FROM events WHERE ((channel_id = ?) AND (timestamp > ?))"));
    assert!(ways(&plans)[2..].iter().all(|way| *way == BY_POSITION));
}
