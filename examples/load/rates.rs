//! Many connections that ask as fast as they are answered.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::client::{Connection, Request};
use crate::server::Server;
use crate::table::{grouped, millis, percentile};

/// The head of a table whose rows [`Measured::cells`] makes.
pub(crate) const HEAD: [&str; 7] =
    ["connections", "requests/s", "p50, ms", "p99, ms", "503 with Retry-After", "errors", "server CPU, ms a request"];

/// Requests of one kind, used in turn.
pub(crate) struct Kind<'a> {
    pub(crate) name: &'static str,
    pub(crate) requests: &'a [Request],
    /// How many of the requests of a mix are of this kind.
    pub(crate) weight: usize,
}

/// What became of the requests of a kind.
#[derive(Default)]
struct RequestStats {
    /// Answers with a status of success; sorted at the end.
    took: Vec<Duration>,
    /// 503 with Retry-After: the server is busy and says when to come back.
    busy: u64,
    errors: u64,
    first_error: Option<String>,
}

impl RequestStats {
    fn add(&mut self, other: RequestStats) {
        self.took.extend(other.took);
        self.busy += other.busy;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// What was measured at one number of connections.
pub(crate) struct Measured {
    connections: usize,
    stats: Vec<RequestStats>,
    time: Duration,
    cpu: Option<Duration>,
}

/// Asks for a time. Each connection sends its next request when the last is answered; after a 503 it waits as it is told, since one
/// that does not would measure how fast the server refuses.
pub(crate) fn run(server: &Server, kinds: &[Kind<'_>], connections: usize, time: Duration) -> anyhow::Result<Measured> {
    let turns: Vec<usize> = kinds.iter().enumerate().flat_map(|(at, kind)| std::iter::repeat_n(at, kind.weight)).collect();
    let opened = (0..connections).map(|number| server.connect(number)).collect::<anyhow::Result<Vec<_>>>()?;
    let (before, start) = (server.cpu(), Instant::now());
    let mut stats: Vec<RequestStats> = kinds.iter().map(|_| RequestStats::default()).collect();
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for (number, connection) in opened.into_iter().enumerate() {
            let builder = thread::Builder::new().stack_size(256 * 1024);
            let turns = &turns;
            workers.push(builder.spawn_scoped(scope, move || work(connection, number, kinds, turns, start + time))?);
        }
        for worker in workers {
            let done = worker.join().map_err(|_| anyhow!("a connection panicked"))?;
            stats.iter_mut().zip(done).for_each(|(tally, done)| tally.add(done));
        }
        anyhow::Ok(())
    })?;
    let time = start.elapsed();
    let cpu = server.cpu().zip(before).map(|(after, before)| after - before);
    for (tally, kind) in stats.iter_mut().zip(kinds) {
        tally.took.sort_unstable();
        if let Some(error) = &tally.first_error {
            eprintln!("{} at {connections} connections: {error}", kind.name);
        }
    }
    Ok(Measured { connections, stats, time, cpu })
}

/// One connection, until the end.
fn work(mut connection: Connection, number: usize, kinds: &[Kind<'_>], turns: &[usize], end: Instant) -> Vec<RequestStats> {
    let mut stats: Vec<RequestStats> = kinds.iter().map(|_| RequestStats::default()).collect();
    // Not all with the same request: 37 apart, they meet rarely.
    for turn in number * 37.. {
        if Instant::now() >= end {
            break;
        }
        let at = turns[turn % turns.len()];
        let (kind, tally) = (&kinds[at], &mut stats[at]);
        let asked = Instant::now();
        let answer = connection.exchange(&kind.requests[turn % kind.requests.len()]);
        match answer.map(|answer| (answer.status, answer.retry_after)) {
            Ok((200..300, _)) => tally.took.push(asked.elapsed()),
            Ok((503, Some(wait))) => {
                tally.busy += 1;
                thread::sleep(wait.min(end.saturating_duration_since(Instant::now())));
            }
            other => {
                tally.errors += 1;
                tally.first_error.get_or_insert_with(|| said(other, connection.body()));
            }
        }
    }
    stats
}

fn said(answer: io::Result<(u16, Option<Duration>)>, body: &[u8]) -> String {
    match answer {
        Ok((status, _)) => format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(300)])),
        Err(error) => error.to_string(),
    }
}

impl Measured {
    /// What was measured in several rounds of the same.
    pub(crate) fn together(rounds: Vec<Measured>) -> Measured {
        let mut all = Measured { connections: 0, stats: Vec::new(), time: Duration::ZERO, cpu: Some(Duration::ZERO) };
        for round in rounds {
            all.connections = round.connections;
            all.time += round.time;
            all.cpu = all.cpu.zip(round.cpu).map(|(all, round)| all + round);
            all.stats.resize_with(round.stats.len(), RequestStats::default);
            all.stats.iter_mut().zip(round.stats).for_each(|(all, round)| all.add(round));
        }
        all.stats.iter_mut().for_each(|tally| tally.took.sort_unstable());
        all
    }

    /// Without the server's processor time, where something else was measured at the same time.
    pub(crate) fn without_cpu(self) -> Measured {
        Measured { cpu: None, ..self }
    }

    /// Successful requests a second, of one kind.
    pub(crate) fn rate(&self, kind: usize) -> f64 {
        self.stats[kind].took.len() as f64 / self.time.as_secs_f64()
    }

    /// The row of one kind. CPU time can be told for the only kind of a run.
    pub(crate) fn cells(&self, kind: usize) -> Vec<String> {
        let tally = &self.stats[kind];
        let cpu = if self.stats.len() == 1 { self.cpu_a_request() } else { None };
        self.row(self.rate(kind), percentile(&tally.took, 50), percentile(&tally.took, 99), tally.busy, tally.errors, cpu)
    }

    /// The row of all kinds together, without times: they would mix short and long requests.
    pub(crate) fn all(&self) -> Vec<String> {
        let sum = |of: fn(&RequestStats) -> u64| self.stats.iter().map(of).sum();
        let rate = (0..self.stats.len()).map(|kind| self.rate(kind)).sum();
        self.row(rate, None, None, sum(|tally| tally.busy), sum(|tally| tally.errors), self.cpu_a_request())
    }

    fn row(
        &self,
        rate: f64,
        p50: Option<Duration>,
        p99: Option<Duration>,
        busy: u64,
        errors: u64,
        cpu: Option<Duration>,
    ) -> Vec<String> {
        let (connections, rate) = (self.connections.to_string(), grouped(rate.round() as u64));
        vec![connections, rate, millis(p50), millis(p99), grouped(busy), grouped(errors), millis(cpu)]
    }

    /// The server's processor time for each answered request.
    pub(crate) fn cpu_a_request(&self) -> Option<Duration> {
        let served: usize = self.stats.iter().map(|tally| tally.took.len()).sum();
        self.cpu.filter(|_| served > 0).map(|cpu| cpu.div_f64(served as f64))
    }
}
