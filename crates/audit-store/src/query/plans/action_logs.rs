//! Plans of the queries of action logs.

use audit_domain::{ActionLogFilter, ActionLogSortField, Interval, WalkOrder};

use super::{Db, one, ways};
use crate::query::*;

const BY_POSITION: &str = "SEARCH action_logs USING INDEX sqlite_autoindex_action_logs_1 (channel_id=? AND position=?)";
const NEWEST_FIRST: &str = "ORDER BY created_at DESC, position DESC LIMIT ? OFFSET ?";

fn any() -> ActionLogFilter {
    ActionLogFilter::default()
}

fn text() -> Option<String> {
    Some("7".to_owned())
}

fn search() -> ActionLogFilter {
    ActionLogFilter { search: text(), ..any() }
}

const ONE_LEVEL: Interval = Interval { start: 7, end: 8 };
const THREE_LEVELS: Interval = Interval { start: 7, end: 10 };
const SPAN: Interval = Interval { start: 1, end: i64::MAX - 1 };

/// Places and page of a list newest first, by one index and without a sort; what is not counted by the counters is counted by
/// the same index.
fn assert_by_index(db: &mut Db, filter: ActionLogFilter, counts: usize, condition: &str, index: &str, range: &str) {
    let plans = db.list::<ActionLogs>(one(), filter, &[]);
    let found = format!("SEARCH action_logs USING COVERING INDEX action_logs_by_{index} ({range})");
    let count = (format!("SELECT COUNT(*) FROM action_logs WHERE {condition}"), found.clone());
    let places = (format!("SELECT position FROM action_logs WHERE {condition} {NEWEST_FIRST}"), found);
    assert_eq!(plans[..counts], vec![count; counts]);
    assert_eq!(plans[counts], places);
    assert_eq!(plans[counts + 1].1, BY_POSITION);
}

#[test]
fn a_list_newest_first_is_read_off_an_index_whatever_it_is_filtered_by() {
    let mut db = Db::new();
    assert_by_index(&mut db, any(), 0, "(channel_id = ?)", "created_at", "channel_id=?");
    for (column, filter) in [
        ("level", ActionLogFilter { level: ONE_LEVEL, ..any() }),
        ("logger_name", ActionLogFilter { logger_name: text(), ..any() }),
        ("app_name", ActionLogFilter { app_name: text(), ..any() }),
    ] {
        let (condition, range) = (format!("((channel_id = ?) AND ({column} = ?))"), format!("channel_id=? AND {column}=?"));
        assert_by_index(&mut db, filter.clone(), 0, &condition, column, &range);
        let condition = format!("(({condition} AND (created_at >= ?)) AND (created_at < ?))");
        let range = format!("{range} AND created_at>? AND created_at<?");
        assert_by_index(&mut db, ActionLogFilter { created_at: SPAN, ..filter }, 2, &condition, column, &range);
    }
    let condition = "(((channel_id = ?) AND (created_at >= ?)) AND (created_at < ?))";
    let range = "channel_id=? AND created_at>? AND created_at<?";
    assert_by_index(&mut db, ActionLogFilter { created_at: SPAN, ..any() }, 2, condition, "created_at", range);
}

#[test]
fn a_range_of_levels_is_counted_by_the_counters_and_read_level_by_level() {
    let mut db = Db::new();
    let levels = ActionLogFilter { level: THREE_LEVELS, ..any() };
    let of_level = "SEARCH action_logs USING COVERING INDEX action_logs_by_level (channel_id=? AND level=?)";
    assert_eq!(ways(&db.list::<ActionLogs>(one(), levels.clone(), &[])), [of_level, of_level, of_level, BY_POSITION]);
    let behind = "SEARCH action_logs USING COVERING INDEX action_logs_by_level (channel_id=? AND level=? AND created_at>?)";
    let plans = db.walk::<ActionLogs>(WalkOrder::Timestamp, false, vec![1], levels.clone());
    assert_eq!(ways(&plans), [behind, behind, behind, BY_POSITION]);
    // Behind a name, a range of levels leads nowhere.
    let plans = db.list::<ActionLogs>(one(), ActionLogFilter { app_name: text(), ..levels }, &[]);
    let of_app = "SEARCH action_logs USING INDEX action_logs_by_app_name (channel_id=? AND app_name=?)";
    assert_eq!(ways(&plans)[..2], [of_app, of_app]);
}

#[test]
fn of_several_conditions_the_most_selective_leads_the_way() {
    let mut db = Db::new();
    let logger = ActionLogFilter { logger_name: text(), ..any() };
    let level = ActionLogFilter { level: ONE_LEVEL, ..any() };
    for (filter, column) in [
        (ActionLogFilter { app_name: text(), level: ONE_LEVEL, ..logger.clone() }, "logger_name"),
        (ActionLogFilter { level: THREE_LEVELS, ..logger }, "logger_name"),
        (ActionLogFilter { app_name: text(), ..level }, "level"),
    ] {
        let way = format!("SEARCH action_logs USING INDEX action_logs_by_{column} (channel_id=? AND {column}=?)");
        assert_eq!(ways(&db.list::<ActionLogs>(one(), filter.clone(), &[]))[..2], [way.as_str(); 2], "{filter:?}");
    }
}

#[test]
fn the_other_orders_have_these_plans() {
    let mut db = Db::new();
    let by_position = "SEARCH action_logs USING COVERING INDEX sqlite_autoindex_action_logs_1 (channel_id=?)";
    // Known: a level may be erased, and null last is the order of no index.
    let by_level = "SEARCH action_logs USING INDEX sqlite_autoindex_action_logs_1 (channel_id=?); USE TEMP B-TREE FOR ORDER BY";
    for descending in [false, true] {
        let mut list = |field| db.list::<ActionLogs>(one(), any(), &[(field, descending)]);
        assert_eq!(ways(&list(ActionLogSortField::Position)), [by_position, BY_POSITION]);
        assert_eq!(ways(&list(ActionLogSortField::Level)), [by_level, BY_POSITION]);
    }
}

#[test]
fn a_walk_starts_behind_its_cursor_and_never_sorts() {
    let mut db = Db::new();
    let by_time = "SEARCH action_logs USING INDEX action_logs_by_created_at (channel_id=? AND created_at<?)";
    let by_logger = "SEARCH action_logs USING INDEX action_logs_by_logger_name (channel_id=? AND logger_name=? AND created_at<?)";
    let by_position = "SEARCH action_logs USING INDEX sqlite_autoindex_action_logs_1 (channel_id=? AND position>?)";
    for searched in [None, text()] {
        let all = ActionLogFilter { search: searched, ..any() };
        let logger = ActionLogFilter { logger_name: text(), ..all.clone() };
        assert_eq!(ways(&db.walk::<ActionLogs>(WalkOrder::Timestamp, true, vec![1], all.clone()))[0], by_time);
        assert_eq!(ways(&db.walk::<ActionLogs>(WalkOrder::Timestamp, true, vec![1], logger))[0], by_logger);
        assert_eq!(ways(&db.walk::<ActionLogs>(WalkOrder::Position, false, vec![1], all))[0], by_position);
    }
    let ranged = ActionLogFilter { position: Interval { start: 0, end: 900 }, ..search() };
    assert_eq!(ways(&db.walk::<ActionLogs>(WalkOrder::Timestamp, true, vec![1], ranged))[0], by_time);
    // Of a search by position, the database looks at nothing that would have it sort for each stride.
    for filter in [
        ActionLogFilter { logger_name: text(), ..search() },
        ActionLogFilter { created_at: SPAN, ..search() },
        ActionLogFilter { level: THREE_LEVELS, ..search() },
    ] {
        let plans = db.walk::<ActionLogs>(WalkOrder::Position, false, vec![1], filter);
        assert!(!plans.is_empty() && ways(&plans).iter().all(|way| *way == by_position), "{plans:?}");
    }
}

/// What a search finds in a list is sorted here: steps of an ordered statement would each sort all that is left.
#[test]
fn a_search_of_a_list_is_one_statement_without_a_sort() {
    let mut db = Db::new();
    let level = "SEARCH action_logs USING INDEX action_logs_by_level (channel_id=? AND level>? AND level<?)";
    for (filter, way) in [
        (search(), "SEARCH action_logs USING INDEX action_logs_by_created_at (channel_id=?)"),
        (
            ActionLogFilter { logger_name: text(), ..search() },
            "SEARCH action_logs USING INDEX action_logs_by_logger_name (channel_id=? AND logger_name=?)",
        ),
        (ActionLogFilter { level: THREE_LEVELS, ..search() }, level),
        (
            ActionLogFilter { created_at: SPAN, ..search() },
            "SEARCH action_logs USING INDEX action_logs_by_created_at (channel_id=? AND created_at>? AND created_at<?)",
        ),
    ] {
        let plans = db.list::<ActionLogs>(one(), filter, &[]);
        assert!(plans[0].0.starts_with("SELECT position, created_at, level, logger_name, app_name, message, trace FROM"));
        assert!(ways(&plans)[0] == way && plans[1..].iter().all(|(_, way)| way == BY_POSITION), "{plans:?}");
    }
}

#[test]
fn a_summary_of_a_channel_is_read_off_the_counters() {
    let mut db = Db::new();
    let keys = "SEARCH counters USING PRIMARY KEY (channel_id=? AND stream=? AND dimension=?)";
    for by in [ActionLogGroupBy::Level, ActionLogGroupBy::LoggerName, ActionLogGroupBy::AppName] {
        summaries(&mut db.conn, &one(), &any(), &[by]).unwrap();
        assert_eq!(ways(&db.plans_on("counters")), [keys]);
        summaries(&mut db.conn, &one(), &any(), &[by]).unwrap();
        assert!(db.plans_on("action_logs").is_empty(), "{by:?}");
    }
    let hours = "SEARCH counters_by_hour USING PRIMARY KEY (channel_id=? AND stream=? AND dimension=? AND key=?)";
    for by in [ActionLogGroupBy::Hour, ActionLogGroupBy::Day] {
        summaries(&mut db.conn, &one(), &ActionLogFilter { app_name: text(), ..any() }, &[by]).unwrap();
        assert_eq!(ways(&db.plans_on("counters_by_hour")), [hours]);
    }
}
