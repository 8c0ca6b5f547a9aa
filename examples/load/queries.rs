//! Queries one by one: how long each takes, and how much of a processor.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::client::{Connection, Request};
use crate::material::Material;
use crate::server::Server;
use crate::table::{Table, grouped, millis, percentile};

/// Results of a page.
const LIMIT: u64 = 10;

/// The OMS list, whose pages have numbers and whose count is exact.
const LIST: &str = "/api/v1/oms/settings/audit_events/?limit=10";

/// Fewest runs of a query, however long it takes.
const RUNS_MIN: usize = 5;

struct Query {
    name: String,
    request: Request,
    /// Each run asks for the page after the last one.
    is_walk: bool,
}

fn query(name: &str, path: impl Into<String>) -> Query {
    Query { name: name.to_owned(), request: Request::get(path), is_walk: false }
}

/// Each query for a time, on one connection, with nothing beside it.
pub(crate) fn measure(server: &Server, material: &Material, time: Duration) -> anyhow::Result<Table> {
    let mut connection = server.connect(0)?;
    let mut queries = Vec::new();
    for (name, filters) in [
        ("one filter", "content_type=12".to_owned()),
        ("two filters", "content_type=12&user=7".to_owned()),
        ("three filters", "content_type=12&user=7&url=/api/orders/".to_owned()),
        ("two filters and half of the time", format!("content_type=12&user=7&start_date={}", material.middle)),
    ] {
        queries.extend(pages(&mut connection, name, &filters)?);
    }
    queries.extend(others());
    let mut table = Table::new("Queries one by one", &["query", "runs", "median, ms", "server CPU, ms a query"]);
    for query in &queries {
        table.row(row(server, &mut connection, query, time)?);
    }
    Ok(table)
}

/// Page 1, the last page, and page 1,000, or the one in the middle if there are fewer.
fn pages(connection: &mut Connection, name: &str, filters: &str) -> anyhow::Result<Vec<Query>> {
    let answer = ask(connection, &Request::get(format!("{LIST}&{filters}")))?;
    let count = answer["count"].as_u64().context("a list without its count")?;
    let deep = 1_000.min(count.div_ceil(LIMIT) / 2).max(1);
    let of = |page: &str| {
        let name = format!("{name}: {} found, page {page}", grouped(count));
        query(&name, format!("{LIST}&{filters}&page={}", page.replace(',', "")))
    };
    Ok(vec![of("1"), of(&grouped(deep)), of("last")])
}

fn others() -> Vec<Query> {
    vec![
        query("sorted by object, one filter", format!("{LIST}&user=7&sort=object_id")),
        query("summary by action, one filter", "/api/v1/events/summary?group_by=action&user=7"),
        query("summary by user, two filters", "/api/v1/events/summary?group_by=user&table_name=orders.order&action=UPDATE"),
        query("summary by day, one filter", "/api/v1/events/summary?group_by=day&user=7"),
        query("inventory summary, one filter", "/api/v1/audit/summary?user_id=7"),
        query("several values, and not one", "/api/v1/events?action__in=CREATE,UPDATE&user__not=7&limit=10&count=true"),
        query("a changed field", "/api/v1/events?changed=price&limit=10&count=true"),
        query("search for a word", "/api/v1/events?search=product&limit=10&count=true"),
        query("search for two words, one filter", "/api/v1/events?search=orders/1&user=7&limit=10&count=true"),
        query("histogram by day, one filter", "/api/v1/events/histogram?span=day&user=7"),
        query("histogram by week, split by action", "/api/v1/events/histogram?span=week&split_by=action"),
        query("action logs: search, one filter", "/api/v1/action-logs?search=timed&level__gte=40&limit=10&count=true"),
        Query { is_walk: true, ..query("by cursor, 100 events a page, one filter", "/api/v1/events?user=7&limit=100") },
        Query { is_walk: true, ..query("by cursor, 100 events a page, no filter", "/api/v1/events?limit=100") },
    ]
}

/// The JSON of an answer that went well.
fn ask(connection: &mut Connection, request: &Request) -> anyhow::Result<Value> {
    let answer = connection.exchange(request)?;
    let body = connection.body();
    ensure!(answer.status == 200, "{}: {} {}", request.path(), answer.status, String::from_utf8_lossy(body));
    Ok(serde_json::from_slice(body)?)
}

fn row(server: &Server, connection: &mut Connection, query: &Query, time: Duration) -> anyhow::Result<Vec<String>> {
    // Once for the caches, and to see whether it works.
    ask(connection, &query.request)?;
    let (mut took, mut request) = (Vec::new(), query.request.clone());
    let (before, start) = (server.cpu(), Instant::now());
    while start.elapsed() < time || took.len() < RUNS_MIN {
        let asked = Instant::now();
        let answer = connection.exchange(&request)?;
        took.push(asked.elapsed());
        ensure!(answer.status == 200, "{}: {}", request.path(), answer.status);
        if query.is_walk {
            request = next(query, connection.body())?;
        }
    }
    let cpu = server.cpu().zip(before).map(|(after, before)| (after - before).div_f64(took.len() as f64));
    took.sort_unstable();
    Ok(vec![query.name.clone(), grouped(took.len() as u64), millis(percentile(&took, 50)), millis(cpu)])
}

/// The request for the page after this one; after the last page, for the first.
fn next(query: &Query, page: &[u8]) -> anyhow::Result<Request> {
    let page: Value = serde_json::from_slice(page)?;
    Ok(match page["next_cursor"].as_str() {
        Some(cursor) => Request::get(format!("{}&cursor={cursor}", query.request.path())),
        None => query.request.clone(),
    })
}
