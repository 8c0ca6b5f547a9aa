//! Appends beside queries that take long.

use std::thread;

use anyhow::anyhow;

use crate::Options;
use crate::client::Request;
use crate::material::Material;
use crate::rates::{self, Kind, Measured};
use crate::server::Server;
use crate::table::Table;

/// Connections that ask.
const READERS: usize = 8;

/// What took a scan of the log before there was a search index, and a search for a phrase, which still looks at each event that may have
/// it.
const QUERIES: [&str; 7] = [
    "/api/v1/oms/settings/audit_events/?limit=10&content_type=12&user=7",
    "/api/v1/events?remote_addr=10.0.5.11&limit=10&count=true",
    "/api/v1/oms/settings/audit_events/?limit=10&sort=user",
    "/api/v1/events/summary?group_by=action&user=7",
    "/api/v1/audit/summary?user_id=7",
    "/api/v1/action-logs?search=timed&limit=10&count=true",
    "/api/v1/events?search=orders/1&user=7&limit=10&count=true",
];

/// Appends of single events alone, and beside the readers.
pub(crate) fn measure(options: &Options, server: &Server, material: &Material) -> anyhow::Result<Table> {
    let queries: Vec<Request> = QUERIES.into_iter().map(Request::get).collect();
    let head: Vec<&str> = ["request"].into_iter().chain(rates::HEAD).collect();
    let mut table = Table::new("Appends beside eight readers", &head);
    let mut row = |name: &str, measured: &Measured| {
        let mut cells = vec![name.to_owned()];
        cells.extend(measured.cells(0));
        table.row(cells);
    };
    for connections in options.connections() {
        let appends = || {
            let single = Kind { name: "POST of one event", requests: &material.singles, weight: 1 };
            rates::run(server, &[single], connections, options.time())
        };
        row("POST of one event, alone", &appends()?);
        let (queried, appended) = thread::scope(|scope| {
            let readers = scope.spawn(|| {
                let query = Kind { name: "queries", requests: &queries, weight: 1 };
                rates::run(server, &[query], READERS, options.time())
            });
            let appended = appends();
            anyhow::Ok((readers.join().map_err(|_| anyhow!("the readers panicked"))??, appended?))
        })?;
        // The server's processor time is that of both.
        row("POST of one event, beside the queries", &appended.without_cpu());
        row("the queries", &queried.without_cpu());
    }
    Ok(table)
}
