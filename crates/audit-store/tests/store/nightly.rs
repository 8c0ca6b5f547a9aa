//! The nightly batch job of `examples/`, run on a database: its file, its event, and a second run.

use audit_store::domain::{EventFilter, JsonText, NewEvent, Timestamp, User};

use crate::common::Scratch;
use crate::nightly_report::report;

#[test]
fn the_report_counts_yesterday_and_is_stored_once() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(1).unwrap().events();
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let zoe = || NewEvent::update("orders.order", 859).by(User::new(7, "zoe"));
    let odd = User::new(8, "\"Ann\", sales");
    let events = [
        zoe().timestamp(at("2026-11-28T23:59:59.999999Z")),
        zoe().timestamp(at("2026-11-29")),
        NewEvent::new().timestamp(at("2026-11-29T12:00:00Z")),
        NewEvent::new().by(User::from_json(JsonText::parse("9").unwrap()).unwrap()).timestamp(at("2026-11-29T12:30:00Z")),
        NewEvent::read("orders.order", 1).by(odd).timestamp(at("2026-11-29T13:00:00Z")),
        zoe().timestamp(at("2026-11-29T23:59:59.999999Z")),
        zoe().timestamp(at("2026-11-30")),
    ];
    log.append_all(events).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.csv");
    let run = || report(&scratch.place.config().database_url, file.to_str().unwrap(), at("2026-11-30T03:00:00Z"));
    run().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "user,events\n\"\"\"Ann\"\", sales\",1\n9,1\nnobody,1\nzoe,2\n");

    let reports = log.list(EventFilter::user("nightly")).page(1, 10).unwrap();
    assert_eq!(reports.count, 1);
    let (event, content) = (&reports.records[0], r#"{"events":5,"users":4}"#);
    assert_eq!((event.action().as_deref(), event.content().unwrap().as_str()), (Some("REPORT"), content));
    assert_eq!(event.position(), 7);

    run().unwrap();
    assert_eq!(log.count(&EventFilter::default()).unwrap(), 8, "the second run appends nothing");
    log.append(zoe().timestamp(at("2026-11-29T14:00:00Z"))).unwrap();
    let late = run().unwrap_err().to_string();
    assert!(late.contains("other totals"), "{late}");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("zoe,3"), "the file of the first report stays");
    let other = report(&scratch.place.config().database_url, "/no/such/directory/report.csv", at("2026-12-01T03:00:00Z"));
    assert!(other.is_err());
    assert_eq!(log.count(&EventFilter::default()).unwrap(), 9, "a report without its file is not in the log");
}
