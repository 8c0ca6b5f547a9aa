//! All rows of the inventory data, posted and read back: value by value, list by list, sum by sum.

use std::collections::BTreeMap;

use audit_http::store::domain::Timestamp;
use serde_json::{Value, json};

use super::{LOGS, SUMMARY, ids_of, text_of};
use crate::common::{Ask, Client, TestServer, inventory_lines};

/// A row of the file, and the id it got.
struct Row {
    id: String,
    line: &'static str,
    values: Value,
    /// When it happened, in UTC, as the API writes it.
    at: String,
    micros: i64,
}

impl Row {
    fn is(&self, name: &str, value: &str) -> bool {
        self.values[name] == value
    }
}

/// Posts every row on one connection, so that their order in the log is that of the file.
fn post_all(server: &TestServer, client: &mut Client) -> Vec<Row> {
    let rows = inventory_lines().iter().map(|line| {
        let answer = client.ask(&Ask::post(LOGS, line.as_str()).key(&server.admin)).expect(201);
        assert_eq!((&answer["status"], answer.as_object().unwrap().len()), (&json!("success"), 2));
        let values: Value = serde_json::from_str(line).unwrap();
        let at = Timestamp::parse(values["timestamp"].as_str().unwrap()).unwrap();
        Row { id: answer["id"].as_str().unwrap().to_owned(), line, values, at: at.to_string(), micros: at.micros() }
    });
    rows.collect()
}

/// What a list with these parameters has to show: newest first, of one instant the later row first.
fn wanted<'a>(rows: &'a [Row], query: &[(&str, &str)]) -> Vec<&'a Row> {
    let matches = |row: &Row| {
        query.iter().all(|(name, value)| match *name {
            "user_id" => row.is("user_id", value) || row.is("user_name", value),
            // Days and instants in UTC are in order as texts, for all of them have four digits a year.
            "start_date" => row.at.as_str() >= *value,
            "end_date" if value.len() == 10 => &row.at[..10] <= *value,
            "end_date" => row.micros <= Timestamp::parse(value).unwrap().micros(),
            _ => row.is(name, value),
        })
    };
    let mut wanted: Vec<&Row> = rows.iter().filter(|row| matches(row)).collect();
    wanted.reverse();
    wanted.sort_by_key(|row| std::cmp::Reverse(row.micros));
    wanted
}

fn query_string(query: &[(&str, &str)]) -> String {
    query.iter().map(|(name, value)| format!("&{name}={}", value.replace('+', "%2B"))).collect()
}

/// The whole list, page after page.
fn walk(server: &TestServer, client: &mut Client, query: &[(&str, &str)], limit: usize) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let target = format!("{LOGS}?skip={}&limit={limit}{}", ids.len(), query_string(query));
        let page = ids_of(&client.ask(&Ask::get(&target).key(&server.admin)).expect(200));
        assert!(page.len() <= limit);
        if page.is_empty() {
            return ids;
        }
        ids.extend(page);
    }
}

fn sums<'a>(rows: &[&'a Row], key: impl Fn(&'a Row) -> &'a Value) -> Value {
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *sums.entry(key(row).as_str().unwrap()).or_default() += 1;
    }
    json!(sums)
}

const QUERIES: [&[(&str, &str)]; 16] = [
    &[],
    &[("user_id", "bot-22b1dcff")],
    &[("user_id", "582081791")],
    &[("user_id", "author-127f6e39")],
    &[("user_id", "nobody")],
    &[("table_name", "products")],
    &[("table_name", "Products")],
    &[("action", "DELETE")],
    &[("record_id", "30")],
    &[("start_date", "2019-04-22"), ("end_date", "2019-04-22")],
    &[("start_date", "2024-01-01")],
    &[("end_date", "2020-06-30")],
    &[("start_date", "2021-03-01T12:30:00Z"), ("end_date", "2021-03-05T06:30:00+02:00")],
    &[("start_date", "2020-01-01"), ("end_date", "2020-12-31"), ("user_id", "author-2ca5beb1"), ("action", "UPDATE")],
    &[("table_name", "products"), ("user_id", "1632666755"), ("start_date", "2019-04-22"), ("end_date", "2019-05-31")],
    &[("start_date", "2023-01-02"), ("end_date", "2023-01-01")],
];

#[test]
fn lists_and_summaries_agree_with_six_thousand_rows() {
    let server = TestServer::start();
    let client = &mut server.connect();
    let rows = post_all(&server, client);
    assert_eq!(rows.len(), 6000);
    for row in &rows {
        detail_is_the_row(&server, client, row);
    }
    let found: Vec<usize> =
        QUERIES.iter().map(|query| lists_and_sums_are_those_of_the_file(&server, client, &rows, query)).collect();
    let empty: Vec<usize> = (0..QUERIES.len()).filter(|index| found[*index] == 0).collect();
    assert_eq!(empty, [4, 6, 15], "a query that finds nothing proves nothing, but for those that are meant to");
    list_shows_what_the_detail_shows(&server, client, &rows);
    server.stop();
}

fn detail_is_the_row(server: &TestServer, client: &mut Client, row: &Row) {
    let answer = client.ask(&Ask::get(&format!("{LOGS}/{}", row.id)).key(&server.admin));
    assert_eq!(answer.status, 200);
    let log = text_of(&answer.text(), "log");
    for name in row.values.as_object().unwrap().keys() {
        let wanted = if name == "timestamp" { format!("\"{}\"", row.at) } else { text_of(row.line, name) };
        assert_eq!(text_of(&log, name), wanted, "{name} of {}", row.line);
    }
    assert_eq!(text_of(&log, "id"), format!("\"{}\"", row.id));
}

/// Returns how many rows the query is about.
fn lists_and_sums_are_those_of_the_file(server: &TestServer, client: &mut Client, rows: &[Row], query: &[(&str, &str)]) -> usize {
    let wanted = wanted(rows, query);
    let ids: Vec<&str> = wanted.iter().map(|row| row.id.as_str()).collect();
    let limit = if wanted.len() > 100 { 1000 } else { 7 };
    assert_eq!(walk(server, client, query, limit), ids, "{query:?}");
    let first = client.ask(&Ask::get(&format!("{LOGS}?x=y{}", query_string(query))).key(&server.admin)).expect(200);
    assert_eq!(ids_of(&first), ids[..ids.len().min(100)], "a hundred are shown unless another number is asked for: {query:?}");
    let summary = client.ask(&Ask::get(&format!("{SUMMARY}?skip=5&limit=5{}", query_string(query))).key(&server.admin)).expect(200);
    let sums = json!({
        "status": "success",
        "total_logs": wanted.len(),
        "by_table": sums(&wanted, |row| &row.values["table_name"]),
        "by_user": sums(&wanted, |row| &row.values["user_name"]),
        "by_action": sums(&wanted, |row| &row.values["action"]),
    });
    assert_eq!(summary, sums, "{query:?}");
    wanted.len()
}

fn list_shows_what_the_detail_shows(server: &TestServer, client: &mut Client, rows: &[Row]) {
    let list = client.ask(&Ask::get(&format!("{LOGS}?skip=2990&limit=20")).key(&server.admin)).expect(200);
    let wanted = wanted(rows, &[]);
    for (row, log) in wanted[2990..].iter().zip(list["logs"].as_array().unwrap()) {
        let mut detail = client.ask(&Ask::get(&format!("{LOGS}/{}", row.id)).key(&server.admin)).expect(200);
        let address = detail["log"].as_object_mut().unwrap().remove("ip_address");
        assert_eq!((&detail["log"], address), (log, Some(Value::Null)));
    }
    for skip in ["6000", "9223372036854775807", "99999999999999999999"] {
        let list = client.ask(&Ask::get(&format!("{LOGS}?skip={skip}")).key(&server.admin)).expect(200);
        assert_eq!(list, json!({"status": "success", "count": 0, "logs": []}), "skip={skip}");
    }
    for limit in ["1001", "5000", "99999999999999999999"] {
        let list = client.ask(&Ask::get(&format!("{LOGS}?limit={limit}")).key(&server.admin)).expect(200);
        assert_eq!(list["count"], 1000, "limit={limit}");
    }
}
