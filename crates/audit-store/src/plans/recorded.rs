//! Databases with many events, and recordings of what a query runs on them.

use std::sync::{Arc, Mutex};

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, ChannelId, CursorKey, CursorOrder, CursorScope, EventFilter, JsonText, Sort, SortKey};
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};

use crate::connection::{DbConnection, Purpose};
use crate::postings::Cache;
use crate::query::*;
use crate::test_postgres::Database;
use crate::url::DatabaseUrl;
use crate::{Store, StoreConfig, dialect};

/// Nine of ten events are in channel 1. Each of 20 content types, tables and so on has as many
/// events as the statistics in the SQLite schema say. Both databases get the same rows.
const EVENTS: &str = "SELECT CASE n % 10 WHEN 0 THEN 2 ELSE 1 END AS channel_id, \
    CASE n % 10 WHEN 0 THEN n / 10 ELSE n - n / 10 - 1 END AS position, UUID AS uuid, 1700000000000000 + n * 185000000 AS timestamp, \
    1700000000000000 AS recorded_at, 0 AS producer_id, n / 3 % 20 AS content_type, CAST(n / 11 % 20 AS TEXT) AS table_name, \
    CAST(n / 7 % 5 + 5 AS TEXT) AS action, CAST(n % 40000 AS TEXT) AS object_id, CAST(n / 5 % 2000 AS TEXT) AS user_id, \
    CAST(n / 5 % 2000 AS TEXT) AS user_name, CAST(n / 2 % 10000 AS TEXT) AS url, EMPTY AS seals, HASH AS leaf_hash FROM numbers";
const EVENT_COLUMNS: &str = "channel_id, position, uuid, timestamp, recorded_at, producer_id, content_type, table_name, action, \
    object_id, user_id, user_name, url, seals, leaf_hash";
const LOGS: &str = "SELECT 1 AS channel_id, n AS position, UUID AS uuid, 1700000000000000 + n * 185000000 AS created_at, \
    1700000000000000 AS recorded_at, 0 AS producer_id, n % 50 AS level, CAST(n / 3 % 1000 AS TEXT) AS logger_name, \
    CAST(n / 7 % 30 AS TEXT) AS app_name, EMPTY AS seals, HASH AS leaf_hash FROM numbers";
const LOG_COLUMNS: &str =
    "channel_id, position, uuid, created_at, recorded_at, producer_id, level, logger_name, app_name, seals, leaf_hash";

/// The tables of entries.
const ENTRIES: [&str; 2] = ["events", "action_logs"];

const EVENTS_COUNT: i64 = 200_000;
const LOGS_COUNT: i64 = 50_000;

/// A statement, its plan, and a short form of the plan: the index, and whether it sorts.
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) plan: String,
    pub(super) way: String,
}

/// A database with many events, and the statements that were run on it.
pub(super) struct Many {
    conn: DbConnection,
    explaining: DbConnection,
    ran: Arc<Mutex<Vec<String>>>,
    // This is dropped after its connections.
    _place: Box<dyn std::any::Any>,
}

impl Many {
    pub(super) fn on_sqlite() -> Many {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", directory.path().display());
        let expressions = [("UUID", "randomblob(16)"), ("EMPTY", "x''"), ("HASH", "zeroblob(32)")];
        let numbers = |count: i64| {
            format!("WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})")
        };
        // The generated rows may be lost.
        Many::made(&url, Box::new(directory), "PRAGMA synchronous = OFF", &expressions, &numbers, "")
    }

    /// The state soon after an import, before the first ANALYZE.
    pub(super) fn on_postgres_without_statistics() -> Many {
        Many::of_postgres("")
    }

    pub(super) fn on_postgres() -> Many {
        Many::of_postgres("VACUUM ANALYZE events; VACUUM ANALYZE action_logs")
    }

    fn of_postgres(vacuum: &str) -> Many {
        let database = Database::empty();
        let url = database.url();
        let expressions =
            [("UUID", "decode(md5(n::text), 'hex')"), ("EMPTY", "''::bytea"), ("HASH", "decode(repeat('00', 32), 'hex')")];
        let numbers = |count: i64| format!("WITH numbers AS (SELECT generate_series(0, {count}::bigint - 1) AS n)");
        Many::made(&url, Box::new(database), "SET synchronous_commit = off", &expressions, &numbers, vacuum)
    }

    fn made(
        url: &str,
        place: Box<dyn std::any::Any>,
        settings: &str,
        expressions: &[(&str, &str)],
        numbers: &dyn Fn(i64) -> String,
        after: &str,
    ) -> Many {
        let store = Store::open(StoreConfig::new(url)).unwrap();
        let target = DatabaseUrl::parse(url).unwrap();
        let mut conn = dialect::open(&target, Purpose::Write).unwrap();
        let filled = |text: &str| {
            expressions
                .iter()
                .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{name} AS"), &format!("{value} AS")))
        };
        conn.batch_execute(settings).unwrap();
        for (table, columns, rows, count) in
            [("events", EVENT_COLUMNS, EVENTS, EVENTS_COUNT), ("action_logs", LOG_COLUMNS, LOGS, LOGS_COUNT)]
        {
            conn.batch_execute(&format!("INSERT INTO {table} ({columns}) {} {}", numbers(count), filled(rows))).unwrap();
        }
        let heads = [(1, 1, EVENTS_COUNT * 9 / 10), (2, 1, EVENTS_COUNT / 10), (1, 2, LOGS_COUNT)];
        for (channel, stream, size) in heads {
            conn.batch_execute(&format!("INSERT INTO logs VALUES ({channel}, {stream}, 0, 0)")).unwrap();
            let head = format!("UPDATE logs SET next_position = {size} WHERE channel_id = {channel} AND stream = {stream}");
            conn.batch_execute(&head).unwrap();
        }
        store.index().unwrap();
        store.close();
        for statement in after.split(';').filter(|statement| !statement.trim().is_empty()) {
            conn.batch_execute(statement).unwrap();
        }
        let mut conn = dialect::open(&target, Purpose::Read).unwrap();
        let ran = recording(&mut conn);
        let explaining = dialect::open(&target, Purpose::Read).unwrap();
        Many { conn, explaining, ran, _place: place }
    }

    /// The statements on the tables of entries since the last call, with their plans.
    pub(super) fn take(&mut self) -> Vec<Step> {
        self.take_that(|sql| ENTRIES.iter().any(|table| sql.contains(&format!("FROM \"{table}\""))))
    }

    /// The same for statements on the postings of several segments.
    pub(super) fn take_on_postings(&mut self) -> Vec<Step> {
        self.take_that(|sql| sql.contains("FROM segments s"))
    }

    fn take_that(&mut self, is_meant: impl Fn(&str) -> bool) -> Vec<Step> {
        let ran = std::mem::take(&mut *self.ran.lock().unwrap());
        let ran: Vec<String> = ran.into_iter().map(|sql| sql.replace('`', "\"")).collect();
        ran.iter().filter(|sql| is_meant(sql)).map(|sql| self.explain(sql)).collect()
    }

    fn explain(&mut self, recorded: &str) -> Step {
        let (sql, plans) = explained(&mut self.explaining, recorded);
        let mut ways: Vec<String> = plans.iter().map(|plan| way(plan)).collect();
        ways.dedup();
        Step { way: ways.join(" or "), sql, plan: plans.concat().join("\n") }
    }

    pub(super) fn list<T: Table>(&mut self, filter: T::Filter, sort: &[(T::SortField, bool)]) {
        let keys = sort.iter().map(|(field, descending)| SortKey { field: *field, descending: *descending });
        self.ask_list::<T>(filter, Sort::by(keys.collect()), 1);
    }

    /// Reads a page of two, newest first.
    pub(super) fn page<T: Table>(&mut self, filter: T::Filter, number: i64) {
        self.ask_list::<T>(filter, Sort::by(Vec::new()), number);
    }

    fn ask_list<T: Table>(&mut self, filter: T::Filter, sort: Sort<T::SortField>, number: i64) {
        let channels = ChannelGrant::Only([ChannelId::DEFAULT].into());
        list::<T>(&mut self.conn, &Cache::default(), &channels, &filter, &sort, (number.into(), 2)).unwrap();
    }

    pub(super) fn walk<T: Table>(&mut self, order: CursorOrder, filter: T::Filter) {
        let after = Some(CursorKey { timestamp: 1_715_000_000_000_000, channel_id: 1, position: 50_000 });
        let scope = CursorScope { order, descending: true, channels: Some(vec![1]), filter };
        page_by_cursor::<T>(&mut self.conn, &Cache::default(), &CursorRead { scope: &scope, after, size: 2, counted: false })
            .unwrap();
    }

    pub(super) fn summary(&mut self, filter: EventFilter, by: GroupBy) {
        summaries(&mut self.conn, &Cache::default(), &ChannelGrant::Only([ChannelId::DEFAULT].into()), &filter, [by]).unwrap();
    }

    pub(super) fn at<T: Table>(&mut self, positions: &[i64]) {
        T::at(&mut self.conn, 1, positions).unwrap();
    }

    pub(super) fn find<T: Table>(&mut self) {
        T::find_checked(&mut self.conn, 1, RecordKey::Uuid(Uuid::from_u128(7)), None).unwrap();
    }
}

/// Records the statements that run on a connection.
pub(super) fn recording(conn: &mut DbConnection) -> Arc<Mutex<Vec<String>>> {
    let ran = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&ran);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            log.lock().unwrap().push(query.to_string());
        }
    });
    ran
}

/// A small database, and every kind of statement that was run on it.
pub(super) struct Small {
    conn: DbConnection,
    ran: Arc<Mutex<Vec<String>>>,
}

impl Small {
    pub(super) fn new(mut conn: DbConnection) -> Small {
        let ran = recording(&mut conn);
        Small { conn, ran }
    }

    pub(super) fn conn(&mut self) -> &mut DbConnection {
        &mut self.conn
    }

    /// Runs a list, a walk in each order, and a count, in one channel and in two.
    pub(super) fn reads<T: Table>(&mut self, filter: T::Filter) {
        for channels in [vec![1], vec![1, 2]] {
            let grant = ChannelGrant::Only(channels.iter().filter_map(|id| ChannelId::new(*id)).collect());
            list::<T>(&mut self.conn, &Cache::default(), &grant, &filter, &Sort::by(Vec::new()), (1.into(), 2)).unwrap();
            for order in [CursorOrder::Timestamp, CursorOrder::Position] {
                let channels = Some(channels.clone());
                let scope = CursorScope { order, descending: false, channels, filter: filter.clone() };
                page_by_cursor::<T>(
                    &mut self.conn,
                    &Cache::default(),
                    &CursorRead { scope: &scope, after: None, size: 2, counted: true },
                )
                .unwrap();
            }
        }
    }

    /// Groups all entries and those that an index finds, in all channels, and looks up a record in
    /// several channels.
    pub(super) fn summaries(&mut self) {
        let filter = EventFilter { url: Some("7".to_owned()), ..EventFilter::default() };
        for filter in [EventFilter::default(), filter] {
            for by in [GroupBy::Action, GroupBy::Hour] {
                summaries(&mut self.conn, &Cache::default(), &ChannelGrant::All, &filter, [by]).unwrap();
            }
        }
        find_in_several::<Events>(
            &mut self.conn,
            &ChannelGrant::All,
            Some(ChannelId::DEFAULT),
            RecordKey::Uuid(Uuid::from_u128(7)),
            None,
        )
        .unwrap();
    }

    /// The statements without their values and without parts that only make them hard to read.
    pub(super) fn take(&mut self) -> Vec<String> {
        let ran = std::mem::take(&mut *self.ran.lock().unwrap());
        let tables = [
            "events",
            "action_logs",
            "logs",
            "segments",
            "segment_times",
            "postings",
            "trees",
            "tiles",
            "checkpoints",
            "erasures",
            "root_entries",
            "cosignatures",
        ];
        let plain = |sql: String| {
            let sql = sql.split(" -- binds").next().unwrap_or_default().replace('"', "");
            let sql = tables.iter().fold(sql, |sql, table| {
                [" ", "(", ","].iter().fold(sql, |sql, before| sql.replace(&format!("{before}{table}."), before))
            });
            sql.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        ran.into_iter().map(plain).collect()
    }
}

/// A recorded statement, and its bound values as literals.
struct Recorded<'a> {
    sql: &'a str,
    values: Vec<String>,
}

impl<'a> Recorded<'a> {
    /// Parses a recording. A list of numbers is bytes, and no text of these queries has a bracket.
    fn parse(recorded: &'a str, blob: fn(&str) -> String) -> Recorded<'a> {
        let (sql, binds) = recorded.split_once(" -- binds: ").unwrap();
        let binds = binds.replace("Some(", "").replace(')', "").replace("None", "null");
        let literal = |value: &str| match value.chars().next() {
            Some('[') => {
                let elements = JsonText::elements(value, usize::MAX).unwrap();
                if elements.iter().all(|element| element.starts_with('"')) {
                    return format!("'{{{}}}'::text[]", elements.join(","));
                }
                blob(&elements.iter().map(|byte| format!("{:02x}", byte.parse::<u8>().unwrap())).collect::<String>())
            }
            Some('"') => format!("'{}'", value.trim_matches('"')),
            _ => value.to_owned(),
        };
        Recorded { sql, values: JsonText::elements(&binds, usize::MAX).unwrap().into_iter().map(literal).collect() }
    }

    /// The statement with its values.
    fn with_values(&self) -> String {
        let mut values = self.values.iter();
        let (mut out, mut rest) = (String::new(), self.sql.chars().peekable());
        while let Some(next) = rest.next() {
            if next != '?' && !(next == '$' && rest.peek().is_some_and(char::is_ascii_digit)) {
                out.push(next);
                continue;
            }
            while rest.peek().is_some_and(char::is_ascii_digit) {
                rest.next();
            }
            out.push_str(values.next().unwrap());
        }
        out
    }

    /// The types of the parameters that do not follow from the compared expressions.
    fn types(&self) -> String {
        let of_parameter = |number| if self.sql.contains(&format!("${number} IS NULL")) { "text" } else { "unknown" };
        (1..=self.values.len()).map(of_parameter).collect::<Vec<_>>().join(", ")
    }
}

/// The statement with its values and its plans: one for these values, and for PostgreSQL also the
/// generic plan that a prepared statement may get.
fn explained(conn: &mut DbConnection, recorded: &str) -> (String, Vec<Vec<String>>) {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    match conn {
        DbConnection::Sqlite(conn) => {
            let sql = Recorded::parse(recorded, |hex| format!("x'{hex}'")).with_values();
            let rows: Vec<Line> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn).unwrap();
            (sql, vec![rows.into_iter().map(|row| row.detail).collect()])
        }
        DbConnection::Postgres(conn) => {
            let recorded = Recorded::parse(recorded, |hex| format!("'\\x{hex}'::bytea"));
            let sql = recorded.with_values();
            let of_these_values = plan_of_postgres(conn, &sql);
            let prepare = format!("PREPARE kept ({}) AS {}", recorded.types(), recorded.sql);
            conn.batch_execute(&format!("SET plan_cache_mode = force_generic_plan; {prepare}")).unwrap();
            let of_any_values = plan_of_postgres(conn, &format!("EXECUTE kept ({})", recorded.values.join(", ")));
            conn.batch_execute("DEALLOCATE kept; RESET plan_cache_mode").unwrap();
            (sql, vec![of_these_values, of_any_values])
        }
    }
}

fn plan_of_postgres(conn: &mut diesel::PgConnection, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let rows: Vec<Line> = diesel::sql_query(format!("EXPLAIN {sql}")).load(conn).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// The index of a plan, by the name that PostgreSQL gives to indexes of keys, and whether rows are
/// sorted.
fn way(plan: &[String]) -> String {
    // In SQLite, a list of numbers is a table.
    let plan: Vec<&String> = plan.iter().filter(|line| !line.contains("json_each")).collect();
    let own = [
        ("sqlite_autoindex_events_1", "events_pkey"),
        ("sqlite_autoindex_events_2", "events_channel_id_uuid_key"),
        ("sqlite_autoindex_action_logs_1", "action_logs_pkey"),
        ("sqlite_autoindex_action_logs_2", "action_logs_channel_id_uuid_key"),
    ];
    let words: Vec<&str> = plan.iter().flat_map(|line| line.split_whitespace()).collect();
    let named = words.windows(2).filter(|pair| matches!(pair[0], "INDEX" | "using")).map(|pair| pair[1]);
    let bitmaps = words.windows(5).filter(|five| five[..4] == ["Bitmap", "Index", "Scan", "on"]).map(|five| five[4]);
    let names: Vec<&str> = named
        .chain(bitmaps)
        .map(|name| own.iter().find(|(sqlite, _)| *sqlite == name).map_or(name, |(_, postgres)| postgres))
        .collect();
    let scans = plan.iter().any(|line| line.contains("Seq Scan") || line.starts_with("SCAN"));
    // PostgreSQL may sort rows to group them.
    let groups = plan.iter().any(|line| line.contains("GroupAggregate"));
    let sorts = !groups
        && plan.iter().any(|line| {
            let line = line.trim_start_matches([' ', '-', '>']);
            line.starts_with("Sort ") || line.starts_with("Incremental Sort ") || line.contains("TEMP B-TREE FOR ORDER BY")
        });
    format!("{}{}{}", names.join(" & "), if scans { "a scan" } else { "" }, if sorts { " + sort" } else { "" })
}
