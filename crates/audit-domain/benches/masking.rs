//! What masking costs beside `prepare`, on the real events.
//!
//! `cargo bench -p audit-domain --bench masking` prints nanoseconds for one record, and their ratio.
//! The records are taken in parts of a hundred. Both alternate on each part, and the fastest round of
//! each part counts: a part is short enough that some round of it runs undisturbed on a busy machine.
//! Without `--bench` (as `cargo test` runs it) there is one round, as a test that it works.

#![expect(clippy::unwrap_used, reason = "a benchmark without its data can only stop")]

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use audit_domain::{ChannelId, MaskingPolicy, NewActionLog, NewEvent, ParseMode};
use flate2::read::GzDecoder;

/// The lines of a file of the server's test data.
fn lines(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit-server/tests/data").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Records of a part.
const PART: usize = 100;

/// Measures a kind of record, and prints a line of the table.
fn measure<R: Clone>(name: &str, records: &[R], rounds: usize, mask: impl Fn(&mut R) -> bool, prepare: impl Fn(R)) {
    let (mut masking, mut preparing, mut masked) = (Duration::ZERO, Duration::ZERO, 0);
    for part in records.chunks(PART) {
        let (mut fastest_mask, mut fastest_prepare, mut masked_in_part) = (Duration::MAX, Duration::MAX, 0);
        for _ in 0..rounds {
            let mut copies = part.to_vec();
            let start = Instant::now();
            masked_in_part = copies.iter_mut().map(&mask).filter(|masked| *masked).count();
            fastest_mask = fastest_mask.min(start.elapsed());
            let start = Instant::now();
            copies.into_iter().for_each(&prepare);
            fastest_prepare = fastest_prepare.min(start.elapsed());
        }
        masking += fastest_mask;
        preparing += fastest_prepare;
        masked += masked_in_part;
    }
    let [masking, preparing] = [masking, preparing].map(|total| total.as_secs_f64() * 1e9 / records.len() as f64);
    let percent = masking / preparing * 100.0;
    println!("{name:<12} {:>7} {masked:>7} {masking:>10.0} {preparing:>10.0} {percent:>9.1} %", records.len());
}

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 15 } else { 1 };
    let policy = MaskingPolicy::standard();
    let events: Vec<NewEvent> =
        lines("events-dev.ndjson.gz").iter().map(|line| NewEvent::parse(line, ParseMode::NATIVE).unwrap()).collect();
    let logs: Vec<NewActionLog> =
        lines("action-log-dev.ndjson.gz").iter().map(|line| NewActionLog::parse(line, ParseMode::NATIVE).unwrap()).collect();
    println!("{:<12} {:>7} {:>7} {:>10} {:>10} {:>11}", "", "records", "masked", "mask ns", "prepare ns", "ratio");
    let channel = ChannelId::DEFAULT;
    let prepare_event = |event: NewEvent| drop(std::hint::black_box(event.prepare(channel).unwrap()));
    measure("events", &events, rounds, |event| event.mask(&policy).is_some(), prepare_event);
    let prepare_log = |log: NewActionLog| drop(std::hint::black_box(log.prepare(channel).unwrap()));
    measure("action logs", &logs, rounds, |log| log.mask(&policy).is_some(), prepare_log);
    let none = MaskingPolicy::none();
    measure("policy none", &events, rounds, |event| event.mask(&none).is_some(), prepare_event);
}
