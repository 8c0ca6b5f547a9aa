//! The honest client: a writer and a reader of one channel, each with a key and a connection of its own, at a modest pace.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::http::{Answer, Client};
use crate::measure::{End, Sample, Samples};

/// Between two requests of one kind.
const PACE: Duration = Duration::from_millis(25);

/// Events of 300 bytes or so, as applications send them.
fn event(number: usize) -> String {
    format!(
        r#"{{"action":"UPDATE","object_id":{number},"table_name":"orders.order","user":{{"id":7,"username":"honest"}},"url":"/orders/{number}/","content":{{"old_data":{{"state":"new"}},"new_data":{{"state":"paid","note":"{}"}}}}}}"#,
        "x".repeat(120)
    )
}

/// One request over a connection.
type Ask<'a> = dyn Fn(&mut Client) -> std::io::Result<Answer> + Sync + 'a;

pub(crate) struct Honest {
    address: SocketAddr,
    writer: String,
    reader: String,
    sent: AtomicUsize,
}

impl Honest {
    pub(crate) fn new(address: SocketAddr, writer: String, reader: String) -> Honest {
        Honest { address, writer, reader, sent: AtomicUsize::new(0) }
    }

    /// Appends and reads until `is_over`, each at its pace.
    pub(crate) fn work(&self, is_over: impl Fn() -> bool + Sync) -> Samples {
        let lines: [(&str, &str, &Ask<'_>); 3] = [
            ("append", &self.writer, &|client| {
                let number = self.sent.fetch_add(1, Ordering::Relaxed);
                client.post("/api/v1/events", "application/json", &event(number))
            }),
            ("walk", &self.reader, &|client| client.get("/api/v1/events?limit=10")),
            ("list", &self.reader, &|client| client.get("/api/v1/data-warehouse/audit-events/?table_name=orders.order")),
        ];
        std::thread::scope(|scope| {
            let is_over = &is_over;
            let lines = lines.map(|(what, key, ask)| scope.spawn(move || self.line(what, key, ask, is_over)));
            Samples(lines.into_iter().flat_map(|line| line.join().unwrap()).collect())
        })
    }

    fn line(&self, what: &'static str, key: &str, ask: &Ask<'_>, is_over: &(dyn Fn() -> bool + Sync)) -> Vec<Sample> {
        let (mut samples, mut client) = (Vec::new(), None);
        while !is_over() {
            let start = Instant::now();
            let answer = match client.take().map_or_else(|| Client::connect(self.address, key), Ok) {
                Ok(mut connection) => ask(&mut connection).inspect(|answer| client = (!closes(answer)).then_some(connection)),
                Err(error) => Err(error),
            };
            let sample = Sample { what, took: start.elapsed(), end: end(&answer) };
            samples.extend(sample.with_those_it_delayed(PACE));
            std::thread::sleep(PACE);
        }
        samples
    }
}

fn closes(answer: &Answer) -> bool {
    answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

fn end(answer: &std::io::Result<Answer>) -> End {
    match answer {
        Ok(answer) if matches!(answer.status, 200 | 201) => End::Served,
        Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => End::Refused,
        Ok(answer) => End::Wrong(format!("{answer:?}")),
        Err(error) => End::Wrong(error.to_string()),
    }
}
