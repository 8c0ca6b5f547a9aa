//! Plans of the queries of action logs.

use audit_domain::{ActionLogFilter, ActionLogSortField, Interval, WalkOrder};

use super::{Db, one, ways};
use crate::query::*;

#[test]
fn probe() {
    let mut db = Db::new();
    let any = ActionLogFilter::default;
    let span = Interval { start: 1, end: i64::MAX - 1 };
    let text = || Some("7".to_owned());
    for filter in [
        any(),
        ActionLogFilter { level: Interval { start: 7, end: 8 }, ..any() },
        ActionLogFilter { level: Interval { start: 7, end: 10 }, ..any() },
        ActionLogFilter { logger_name: text(), ..any() },
        ActionLogFilter { app_name: text(), ..any() },
        ActionLogFilter { created_at: span, ..any() },
        ActionLogFilter { app_name: text(), level: Interval { start: 7, end: 8 }, logger_name: text(), ..any() },
        ActionLogFilter { app_name: text(), level: Interval { start: 7, end: 8 }, created_at: span, ..any() },
    ] {
        println!("=== {filter:?}");
        for plan in db.list::<ActionLogs>(one(), filter.clone(), &[]) {
            println!("list {plan:?}");
        }
        let filter = ActionLogFilter { search: text(), ..filter };
        for plan in db.list::<ActionLogs>(one(), filter.clone(), &[]) {
            println!("search {plan:?}");
        }
        for plan in db.walk::<ActionLogs>(WalkOrder::Timestamp, true, vec![1], filter.clone()) {
            println!("walk {plan:?}");
        }
        for plan in db.walk::<ActionLogs>(WalkOrder::Position, true, vec![1], filter.clone()) {
            println!("walkpos {plan:?}");
        }
    }
}
