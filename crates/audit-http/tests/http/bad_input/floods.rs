//! Small requests that would be much work if every repetition in them counted.

use std::time::{Duration, Instant};

use super::Bench;
use crate::common::Ask;

const OMS: &str = "/api/v1/oms/settings/audit_events/";

/// Far more than either takes, and far less than they took when each repetition cost the double or the square.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_sort_of_thousands_of_keys_costs_no_more_than_one_of_each() {
    let bench = Bench::start();
    let start = Instant::now();
    let many = "user,-object_id,content_type,-uuid,timestamp,".repeat(400);
    let few = "user,-object_id,content_type,-uuid,timestamp";
    let of = |sort: &str| bench.server.get(&bench.reader, &format!("{OMS}?sort={sort}")).expect(200)["results"].clone();
    assert_eq!(of(&many), of(few));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    bench.run(Vec::new());
}

#[test]
fn a_body_of_a_hundred_thousand_faulty_members_gets_the_first_hundred_named() {
    let bench = Bench::start();
    let start = Instant::now();
    let members: Vec<String> = (0..80_000).map(|n| format!("\"{n}\":1")).collect();
    let body = format!("{{\"extra\":{{}},{}}}", members.join(","));
    for path in [OMS, "/api/v1/data-warehouse/audit-events/"] {
        let answer = bench.server.ask(&Ask::post(path, body.clone()).key(&bench.writer)).expect(400);
        assert_eq!(answer.as_object().unwrap().len(), 100);
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    bench.run(Vec::new());
}
