//! Generated action logs, with messages and traces to search.

use audit_store::domain::{ActionLogFilter, ActionLogSortField, ActionLogValues, Interval};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Bounds, CHANNELS, Population, TIMESTAMPS, Take, characters, few, member, narrow, several, sought, texts};
use crate::common::ActionLogs;

impl Population for ActionLogs {
    fn record() -> BoxedStrategy<String> {
        record().boxed()
    }

    fn conditions() -> BoxedStrategy<ActionLogFilter> {
        conditions().boxed()
    }

    fn fields() -> Vec<ActionLogSortField> {
        vec![ActionLogSortField::CreatedAt, ActionLogSortField::Level, ActionLogSortField::Position]
    }

    fn bounds(filter: &mut ActionLogFilter) -> Bounds<'_> {
        let ActionLogFilter { uuid, one_of, none_of, created_at, recorded_at, position, .. } = filter;
        Bounds { uuid, one_of: &mut one_of.uuid, none_of: &mut none_of.uuid, time: created_at, recorded_at, position }
    }
}

const LEVELS: [i64; 7] = [0, 10, 20, 25, 30, 40, 50];

/// Texts with something to find: in either case, spelled with escapes, across characters that JSON or SQL would spell otherwise.
const MESSAGES: [&str; 12] = [
    r#""Needle""#,
    r#""a \u006eEEDLE b""#,
    r#""need" "#,
    r#""needle\u0000needle""#,
    r#""caf\u00e9 %_""#,
    r#""Café \\ \"x\"""#,
    r#""CAFÉ""#,
    r#""line\nline""#,
    r#""\ud800needl\ud800e""#,
    r#""\ud83d\ude00""#,
    r#""""#,
    r#""u00e9""#,
];

/// What is searched for.
const SOUGHT: [&str; 16] =
    ["needle", "NEEDLE", "need", "café", "CAFÉ", "é", "\\", "\"", "\n", "\0", "%", "_", "😀", "u00e9", "", "absent"];

fn record() -> impl Strategy<Value = String> {
    let message = select(MESSAGES.to_vec()).prop_map(|text| format!("\"message\":{text}"));
    let trace = member("trace", MESSAGES.map(str::to_owned).to_vec());
    let names = (member("logger_name", texts()), member("app_name", texts()), member("correlation_id", texts()));
    let always = (select(LEVELS.to_vec()), select(TIMESTAMPS.to_vec()), select(CHANNELS.to_vec()));
    (message, trace, names, always).prop_map(|(message, trace, (logger, app, correlation), (level, at, channel))| {
        let always = format!(r#""level":{level},"created_at":"{at}","channel_id":{channel}"#);
        let given = [Some(message), trace, logger, app, correlation, Some(always)].into_iter().flatten();
        format!("{{{}}}", given.collect::<Vec<_>>().join(","))
    })
}

/// One level, or any bounds: some of them empty, some beyond every level there is.
fn levels() -> impl Strategy<Value = Interval> {
    let bound = (any::<bool>(), any::<bool>(), select(vec![i64::MIN, -1, 0, 10, 20, 24, 25, 30, 50, 51, i64::MAX]));
    let bounds = prop::collection::vec(bound, 1..3).prop_map(|bounds| {
        let mut interval = Interval::default();
        bounds.into_iter().for_each(|(lower, inclusive, value)| narrow(&mut interval, lower, inclusive, value));
        interval
    });
    let one = select(LEVELS.to_vec()).prop_map(|level| Interval { start: level, end: level + 1 });
    prop_oneof![1 => one, 2 => bounds]
}

const VALUES: [Take<ActionLogValues>; 4] = [
    |to, from| to.level.clone_from(&from.level),
    |to, from| to.logger_name.clone_from(&from.logger_name),
    |to, from| to.app_name.clone_from(&from.app_name),
    |to, from| to.correlation_id.clone_from(&from.correlation_id),
];

fn values() -> impl Strategy<Value = ActionLogValues> {
    let levels = several(vec![-1, 0, 10, 20, 24, 25, 30, 40, 50, 51]);
    let text = || several(characters(texts()));
    let all = (levels, text(), text(), text()).prop_map(|(level, logger_name, app_name, correlation_id)| ActionLogValues {
        uuid: [].into(),
        level,
        logger_name,
        app_name,
        correlation_id,
    });
    few(all, &VALUES, 2)
}

const CONDITIONS: [Take<ActionLogFilter>; 8] = [
    |to, from| to.matches_nothing.clone_from(&from.matches_nothing),
    |to, from| to.level.clone_from(&from.level),
    |to, from| to.logger_name.clone_from(&from.logger_name),
    |to, from| to.app_name.clone_from(&from.app_name),
    |to, from| to.correlation_id.clone_from(&from.correlation_id),
    |to, from| to.search.clone_from(&from.search),
    |to, from| to.one_of.clone_from(&from.one_of),
    |to, from| to.none_of.clone_from(&from.none_of),
];

fn conditions() -> impl Strategy<Value = ActionLogFilter> {
    let search = select(SOUGHT.to_vec()).prop_map(Some);
    let matches_nothing = prop::bool::weighted(0.1);
    let names = (sought(texts()), sought(texts()), sought(texts()));
    let lists = (values(), values());
    let all = (levels(), names, search, matches_nothing, lists).prop_map(
        |(level, (logger_name, app_name, correlation_id), search, matches_nothing, (one_of, none_of))| {
            let search = search.map(str::to_owned);
            let filter = ActionLogFilter { matches_nothing, level, logger_name, app_name, ..ActionLogFilter::default() };
            ActionLogFilter { correlation_id, search, one_of, none_of, ..filter }
        },
    );
    few(all, &CONDITIONS, 3)
}
