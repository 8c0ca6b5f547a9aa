//! Small requests that would be much work if every repetition in them counted.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Bench, at, row};
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
fn the_first_hundred_faults_of_a_body_are_named() {
    let bench = Bench::start();
    let start = Instant::now();
    let body = format!("{{\"extra\":{{}},{}}}", members(9_999));
    for path in [OMS, "/api/v1/data-warehouse/audit-events/"] {
        let answer = bench.server.ask(&Ask::post(path, body.clone()).key(&bench.writer)).expect(400);
        assert_eq!(answer.as_object().unwrap().len(), 100);
    }
    // Records after the hundredth fault are not looked at: the last one alone would be 413.
    let large = format!("{{\"action\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let several = Ask::post("/api/v1/events", format!("[{body},{body},{large}]")).key(&bench.writer);
    assert_eq!(bench.server.ask(&several).expect(400)["errors"].as_array().unwrap().len(), 100);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    bench.run(Vec::new());
}

fn members(count: usize) -> String {
    (0..count).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",")
}

/// A member of five bytes takes three hundred while it is read.
#[test]
fn a_record_of_more_than_ten_thousand_members_gets_400() {
    let bench = Bench::start();
    let object = format!(r#"{{"action":"WIDE",{}}}"#, members(9_999));
    let largest = bench.server.post(&bench.admin, "/api/v1/events", object).expect(201);
    let stored = bench.server.get(&bench.admin, &format!("/api/v1/events/{}", largest["uuid"].as_str().unwrap())).expect(200);
    assert_eq!(stored["extra"].as_object().unwrap().len(), 9_999);
    // Those inside of a member are not counted.
    let inside = format!(r#"{{"user":{{"pk":7,{0}}},"content":{{"new_data":{{{0}}},{0}}}}}"#, members(20_000));
    let inside = bench.server.post(&bench.admin, "/api/v1/events", inside).expect(201);
    let path = format!("/api/v1/events/{}", inside["uuid"].as_str().unwrap());
    let stored = bench.server.get(&bench.admin, &path).expect(200);
    assert_eq!((&stored["action"], stored["user"]["19999"].as_i64()), (&Value::from("CREATE"), Some(1)));
    let (object, why) = (format!("{{{}}}", members(10_001)), "has more than 10000 members");
    let rows = vec![
        row(Ask::post("/api/v1/events", object.clone()).key(&bench.writer), 400, at("", why)),
        row(Ask::post("/api/v1/events", format!("[{{\"user\":1}},{object}]")).key(&bench.writer), 400, at("/1", why)),
        row(Ask::post_lines("/api/v1/events", format!("{{\"user\":1}}\n{object}")).key(&bench.writer), 400, at("/1", why)),
        row(Ask::post("/api/v1/action-logs", object.clone()).key(&bench.writer), 400, at("", why)),
        row(Ask::post(OMS, object.clone()).key(&bench.writer), 400, format!("JSON parse error - {why}")),
        row(Ask::post("/api/v1/data-warehouse/audit-events/", object.clone()).key(&bench.writer), 400, why),
        row(Ask::post("/api/v1/oms/logs/action_log/", object.clone()).key(&bench.writer), 400, why),
        row(Ask::post("/api/v1/audit/logs", object).key(&bench.writer), 400, why),
    ];
    bench.run(rows);
}
