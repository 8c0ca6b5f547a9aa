//! What a request is: all or nothing, answered after the commit, idempotent by uuid.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use audit_store::domain::{ChannelGrant, ChannelId, ParseMode, Timestamp, limits, slot};
use audit_store::{AppendError, AppendRequest, Conflict, NotStored, Receipt};

use crate::common::{ActionLogs, Events, Kind, Scratch, assert_receipt, checked_logs, checked_logs_of, event, uuid};

fn with_uuid(number: u128, rest: &str) -> audit_store::Prepared {
    event(&format!(r#"{{"uuid":"{}"{rest}}}"#, uuid(number)))
}

fn refused(scratch: &Scratch, events: Vec<audit_store::Prepared>) -> NotStored {
    match scratch.store.append(AppendRequest::new(events)).unwrap().wait().unwrap_err() {
        AppendError::NotStored(why) => why,
        AppendError::Unknown(why) => panic!("{why}"),
    }
}

fn conflict(index: usize, number: u128, within_request: bool) -> Conflict {
    Conflict { index, uuid: uuid(number), within_request }
}

#[test]
fn receipts_are_in_request_order_and_name_the_stored_entries() {
    let scratch = Scratch::new();
    let events = ["1", "8", "1", "0", "8"].map(|channel| event(&format!(r#"{{"channel_id":{channel},"user":{channel}}}"#)));
    let uuids = events.each_ref().map(|event| event.uuid());
    let request = AppendRequest::new(events).producer(12);
    let before = Timestamp::now().unwrap();
    let receipts = scratch.store.append(request).unwrap().wait().unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.uuid).collect::<Vec<_>>(), uuids);
    let places: Vec<_> = receipts.iter().map(|receipt| (receipt.channel_id.get(), receipt.position, receipt.duplicate)).collect();
    assert_eq!(places, [(1, 0, false), (8, 0, false), (1, 1, false), (0, 0, false), (8, 1, false)]);
    for receipt in &receipts {
        let stored = scratch.get(receipt);
        assert_receipt(&stored.entry, receipt);
        assert_eq!(stored.entry.producer_id, 12);
        assert!((before..=Timestamp::now().unwrap()).contains(&stored.entry.recorded_at));
    }
    assert_eq!(checked_logs(&scratch.store).len(), 5);
}

#[test]
fn a_conflict_refuses_the_whole_request_and_names_every_culprit() {
    let scratch = Scratch::new();
    scratch.append(vec![with_uuid(1, r#","user":1"#), with_uuid(2, r#","user":1"#)]);
    let request = vec![
        with_uuid(3, ""),
        with_uuid(1, r#","user":2"#),
        with_uuid(4, r#","channel_id":9"#),
        with_uuid(2, r#","user":1"#),
        with_uuid(2, r#","user":3"#),
        with_uuid(3, r#","user":4"#),
    ];
    let expected = vec![conflict(1, 1, false), conflict(4, 2, false), conflict(5, 3, true)];
    assert_eq!(refused(&scratch, request), NotStored::Conflict(expected));
    let stored: Vec<_> = checked_logs(&scratch.store).into_iter().map(|event| event.entry.uuid).collect();
    assert_eq!(stored, [uuid(1), uuid(2)]);
    // What was refused blocks nothing: the same uuids are free for another event.
    assert_eq!(scratch.append(vec![with_uuid(3, r#","user":4"#)])[0].position, 2);
    assert_eq!(scratch.append(vec![with_uuid(4, r#","channel_id":9,"user":5"#)])[0].position, 0);
}

/// A uuid stands for one event and one action log of its channel: the streams are two logs.
#[test]
fn one_request_may_go_to_both_streams_of_several_channels() {
    let scratch = Scratch::new();
    let entries = |says: &str| {
        let of = |channel: i64, number: u128| format!(r#""channel_id":{channel},"uuid":"{}","x":"{says}""#, uuid(number));
        vec![
            ActionLogs::entry(&of(1, 1)),
            Events::entry(&of(1, 1)),
            ActionLogs::entry(&of(1, 2)),
            Events::entry(&of(2, 1)),
            ActionLogs::entry(&of(2, 1)),
            Events::entry(&of(1, 2)),
        ]
    };
    let receipts = scratch.append(entries("a"));
    let places: Vec<_> = receipts.iter().map(|receipt| (receipt.channel_id.get(), receipt.position, receipt.duplicate)).collect();
    assert_eq!(places, [(1, 0, false), (1, 0, false), (1, 1, false), (2, 0, false), (2, 0, false), (1, 1, false)]);
    for (receipt, is_log) in receipts.iter().zip([true, false, true, false, true, false]) {
        if is_log {
            assert_receipt(&scratch.get_of::<ActionLogs>(receipt).entry, receipt);
        } else {
            assert_receipt(&scratch.get(receipt).entry, receipt);
        }
    }
    let duplicates: Vec<Receipt> = receipts.iter().map(|receipt| Receipt { duplicate: true, ..*receipt }).collect();
    assert_eq!(scratch.append(entries("a")), duplicates);
    let mut mixed = entries("a");
    mixed[4] = entries("b").remove(4);
    mixed.push(ActionLogs::entry(r#""channel_id":7"#));
    assert_eq!(refused(&scratch, mixed), NotStored::Conflict(vec![conflict(4, 1, false)]));
    assert_eq!((checked_logs(&scratch.store).len(), checked_logs_of::<ActionLogs>(&scratch.store).len()), (3, 3));
}

#[test]
fn a_retry_of_an_action_log_gets_a_receipt_or_is_refused_whole() {
    let scratch = Scratch::new();
    let log = |number: u128, rest: &str| {
        ActionLogs::parse(&format!(r#"{{"uuid":"{}",{rest}}}"#, uuid(number)), ParseMode::LENIENT).unwrap()
    };
    let full = r#""level":20,"message":"m","logger_name":"l","trace":"t","created_at":"2023-10-16""#;
    let first = scratch.append(vec![log(1, full)])[0];
    for retry in [
        full,
        r#""trace":"t","message":"m","logger_name":"l","level":20"#,
        r#""level":20,"message":"m","logger_name":"l","trace":"t","created_at":"2023-10-16T02:00:00+02:00""#,
    ] {
        assert_eq!(scratch.append(vec![log(1, retry), log(1, retry)]), [Receipt { duplicate: true, ..first }; 2]);
    }
    for other in [
        r#""level":30,"message":"m","logger_name":"l","trace":"t""#,
        r#""level":20,"message":"\u006d","logger_name":"l","trace":"t""#,
        r#""level":20,"message":"m","trace":"t""#,
        r#""level":20,"message":"m","logger_name":"l","trace":"t","app_name":"""#,
        r#""level":20,"message":"m","logger_name":"l""#,
        r#""level":20,"message":"m","logger_name":"l","trace":"t","x":1"#,
        r#""level":20,"message":"m","logger_name":"l","trace":"t","created_at":"2023-10-17""#,
    ] {
        let request = vec![log(2, r#""level":0,"message":"new""#), log(1, other)];
        assert_eq!(refused(&scratch, request), NotStored::Conflict(vec![conflict(1, 1, false)]), "{other}");
    }
    assert_eq!(checked_logs_of::<ActionLogs>(&scratch.store).len(), 1);
    let stored = scratch.get_of::<ActionLogs>(&first);
    crate::common::erase::<ActionLogs>(&scratch.raw(), &stored.entry, &[0, 1]);
    let retry = r#""level":50,"message":"other","trace":"t""#;
    assert_eq!(
        scratch.append(vec![log(1, retry)]),
        [Receipt { duplicate: true, erased: true, ..first }],
        "what is erased counts as equal"
    );
    let other = log(1, r#""level":50,"message":"other","trace":"u""#);
    assert_eq!(refused(&scratch, vec![other]), NotStored::Conflict(vec![conflict(0, 1, false)]));
}

#[test]
fn a_uuid_is_unique_inside_its_channel_only() {
    let scratch = Scratch::new();
    let receipts = scratch.append(vec![with_uuid(1, r#","channel_id":1"#), with_uuid(1, r#","channel_id":2,"user":5"#)]);
    assert!(receipts.iter().all(|receipt| !receipt.duplicate && receipt.position == 0));
}

#[test]
fn a_retry_gets_the_first_receipt_without_filled_in_values() {
    let scratch = Scratch::new();
    let full = r#","timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":7,"url":"/x""#;
    let first = scratch.append(vec![with_uuid(1, full)])[0];
    let derived = scratch.append(vec![with_uuid(2, r#","content":{"new_data":1}"#)])[0];
    let retries = [
        (with_uuid(1, full), first),
        (with_uuid(1, r#","object_id":"7","url":"/x""#), first),
        (with_uuid(1, r#","timestamp":"2023-10-16T00:00:00+00:00","object_id":7,"url":"/x""#), first),
        (with_uuid(2, r#","content":{"new_data":1},"action":"CREATE""#), derived),
        (with_uuid(2, r#","content":{"new_data":1}"#), derived),
    ];
    for (retry, first) in retries {
        assert_eq!(scratch.append(vec![retry]), [Receipt { duplicate: true, ..first }]);
    }
    for other in [
        with_uuid(1, r#","timestamp":"2023-10-17","object_id":7,"url":"/x""#),
        with_uuid(1, r#","action":"LOGOUT","object_id":7,"url":"/x""#),
        with_uuid(1, r#","content_type":5,"object_id":7,"url":"/x""#),
        with_uuid(1, r#","table_name":"a.c","object_id":7,"url":"/x""#),
        with_uuid(1, r#","object_id":8,"url":"/x""#),
        with_uuid(1, r#","object_id":7,"url":"\/x""#),
        with_uuid(1, r#","object_id":7"#),
        with_uuid(1, r#","object_id":7,"url":"/x","extra":{}"#),
    ] {
        assert_eq!(refused(&scratch, vec![other]), NotStored::Conflict(vec![conflict(0, 1, false)]));
    }
    assert_eq!(refused(&scratch, vec![with_uuid(2, "")]), NotStored::Conflict(vec![conflict(0, 2, false)]));
    assert_eq!(checked_logs(&scratch.store).len(), 2);
}

#[test]
fn a_uuid_repeated_in_a_request_is_a_duplicate_of_the_first() {
    let scratch = Scratch::new();
    let receipts = scratch.append(vec![event("{}"), with_uuid(1, r#","user":1"#), with_uuid(1, r#","user":1"#), event("{}")]);
    let places: Vec<_> = receipts.iter().map(|receipt| (receipt.position, receipt.duplicate)).collect();
    assert_eq!(places, [(0, false), (1, false), (1, true), (2, false)]);
    let again = scratch.append(vec![with_uuid(1, r#","user":1"#), with_uuid(1, r#","user":1"#)]);
    assert_eq!(again, [Receipt { duplicate: true, ..receipts[1] }; 2]);
}

#[test]
fn every_repetition_of_a_stored_event_is_compared_with_it() {
    let scratch = Scratch::new();
    let first = scratch.append(vec![with_uuid(1, r#","user":1,"action":"LOGIN""#)])[0];
    let sparse = || with_uuid(1, r#","user":1"#);
    let again = scratch.append(vec![sparse(), with_uuid(1, r#","user":1,"action":"LOGIN""#), sparse()]);
    assert_eq!(again, [Receipt { duplicate: true, ..first }; 3]);
    let other = vec![sparse(), with_uuid(1, r#","user":1,"action":"LOGOUT""#)];
    assert_eq!(refused(&scratch, other), NotStored::Conflict(vec![conflict(1, 1, false)]));
}

/// One read for each mention would keep the log locked for minutes.
#[test]
fn thousands_of_mentions_of_a_stored_uuid_are_answered_right() {
    let scratch = Scratch::new();
    let large = format!(r#","url":"/{}""#, "x".repeat(limits::EVENT_BYTES_MAX - 1_000));
    let first = scratch.append(vec![with_uuid(1, &large), with_uuid(2, r#","user":1"#)]);
    let small = |count: usize, user: i64| vec![with_uuid(2, &format!(r#","user":{user}"#)); count];
    let duplicate = |number: usize| Receipt { duplicate: true, ..first[number] };
    let conflicts = |indexes: std::ops::Range<usize>, number| indexes.map(|index| conflict(index, number, false)).collect();

    assert_eq!(scratch.append(small(5_000, 1)), vec![duplicate(1); 5_000]);
    assert_eq!(refused(&scratch, small(5_000, 2)), NotStored::Conflict(conflicts(0..5_000, 2)));
    let tiny = vec![with_uuid(1, ""); limits::EVENTS_PER_REQUEST_MAX];
    assert_eq!(refused(&scratch, tiny), NotStored::Conflict(conflicts(0..limits::EVENTS_PER_REQUEST_MAX, 1)));

    // Conflicts come in the order of the request, and a conflict of one uuid does not make the other one a conflict.
    let mut mixed: Vec<_> = (0..1_000).flat_map(|_| [with_uuid(2, r#","user":1"#), with_uuid(1, "")]).collect();
    mixed.push(with_uuid(3, ""));
    let odd = (0..1_000).map(|number| conflict(2 * number + 1, 1, false)).collect();
    assert_eq!(refused(&scratch, mixed), NotStored::Conflict(odd));
    let mut late = small(3_000, 1);
    late[2_000] = small(1, 2).remove(0);
    late[0] = with_uuid(1, "");
    let mut expected: Vec<Conflict> = conflicts(2_000..2_001, 2);
    expected.insert(0, conflict(0, 1, false));
    assert_eq!(refused(&scratch, late), NotStored::Conflict(expected));
    let receipts = scratch.append([vec![with_uuid(1, &large); 5], small(2_000, 1), vec![with_uuid(3, "")]].concat());
    assert_eq!(receipts[..5], [duplicate(0); 5]);
    assert_eq!(receipts[5..2_005], vec![duplicate(1); 2_000]);
    assert_eq!((receipts[2_005].position, receipts[2_005].duplicate), (2, false));
    assert_eq!(checked_logs(&scratch.store).len(), 3);
}

/// To read the stored name for each mention would keep the log locked for seconds.
#[test]
fn mentions_of_an_event_with_a_long_name_take_no_longer() {
    let scratch = Scratch::new();
    let long = format!(r#","table_name":"{}""#, "x".repeat(limits::EVENT_BYTES_MAX - 1_000));
    let first = scratch.append(vec![with_uuid(1, &long), with_uuid(2, r#","table_name":"x""#)]);
    let time = |number: u128| {
        let entries = vec![with_uuid(number, ""); limits::EVENTS_PER_REQUEST_MAX];
        let start = Instant::now();
        let receipts = scratch.append(entries);
        let took = start.elapsed();
        let stored = first.iter().find(|receipt| receipt.uuid == uuid(number)).copied().unwrap();
        assert!(receipts.iter().all(|receipt| *receipt == Receipt { duplicate: true, ..stored }));
        took
    };
    // The best of three, on a machine that has other things to do.
    let best = |number| (0..3).map(|_| time(number)).min().unwrap();
    let (long, short) = (best(1), best(2));
    assert!(long < short + Duration::from_millis(500), "{long:?} and {short:?}");
}

#[test]
fn a_clone_of_an_event_whose_uuid_was_made_here_is_a_duplicate() {
    let scratch = Scratch::new();
    let one = event("{}");
    let first = scratch.append(vec![one.clone()])[0];
    let again = scratch.append(vec![event("{}"), one])[1];
    assert_eq!(again, Receipt { duplicate: true, ..first });
    assert_eq!(checked_logs(&scratch.store).len(), 2);
}

#[test]
fn nothing_in_a_request_is_nothing_in_the_log() {
    let scratch = Scratch::new();
    assert_eq!(scratch.append(vec![]), []);
    assert_eq!(scratch.store.try_append(AppendRequest::new([])).unwrap().wait().unwrap(), []);
    assert_eq!(checked_logs(&scratch.store), []);
}

#[test]
fn too_many_and_too_large_are_refused_before_the_queue() {
    let scratch = Scratch::new();
    let many = vec![event("{}"); limits::EVENTS_PER_REQUEST_MAX + 1];
    assert_eq!(scratch.store.append(AppendRequest::new(many)).unwrap_err(), NotStored::TooMany(10_001));
    let mut large = audit_store::domain::NewEvent::new();
    large.description = Some(audit_store::domain::JsonText::string(&"x".repeat(limits::EVENT_BYTES_MAX + 4096)));
    let large = scratch.store.channels(ChannelId::DEFAULT).events().prepare(large).unwrap();
    let bytes = limits::EVENT_BYTES_MAX + 4096 + 2;
    for append in [|s: &Scratch, r| s.store.append(r).map(|_| ()), |s: &Scratch, r| s.store.try_append(r).map(|_| ())] {
        let request = AppendRequest::new([event("{}"), large.clone()]);
        assert_eq!(append(&scratch, request).unwrap_err(), NotStored::TooLarge { index: 1, bytes });
    }
    assert_eq!(checked_logs(&scratch.store), []);
}

#[test]
fn the_largest_request_is_one_commit() {
    let scratch = Scratch::new();
    let receipts = scratch.append((0..limits::EVENTS_PER_REQUEST_MAX).map(|_| event("{}")).collect());
    assert!(receipts.iter().map(|receipt| receipt.position).eq(0..limits::EVENTS_PER_REQUEST_MAX as i64));
    assert!(receipts.iter().all(|receipt| receipt.recorded_at == receipts[0].recorded_at));
}

#[test]
fn the_time_of_a_log_never_goes_back() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    let future = Timestamp::parse("2100-01-01").unwrap();
    scratch.raw().execute(&format!("UPDATE logs SET recorded_at = {} WHERE channel_id = 1", future.micros()));
    let receipts = scratch.append(vec![event("{}"), event(r#"{"channel_id":2}"#)]);
    assert_eq!(receipts[0].recorded_at, future);
    assert!(receipts[1].recorded_at < future, "another log has its own time");
    assert_eq!(scratch.append_json("{}").recorded_at, future);
    assert!(scratch.append_one::<ActionLogs>("").0.recorded_at < future, "and so has the other stream");
    checked_logs(&scratch.store);
}

#[test]
fn a_request_that_adds_nothing_leaves_the_heads_alone() {
    let scratch = Scratch::new();
    let first = scratch.append(vec![with_uuid(1, "")])[0];
    scratch.append(vec![with_uuid(1, "")]);
    refused(&scratch, vec![with_uuid(2, r#","channel_id":3"#), with_uuid(1, r#","user":1"#)]);
    let heads = scratch.store.channels(ChannelGrant::All).events().states().unwrap();
    assert_eq!(heads.len(), 1, "channel 3 has no log");
    assert_eq!((heads[0].size, heads[0].recorded_at), (1, Some(first.recorded_at)));
    assert_eq!(scratch.append(vec![with_uuid(2, r#","channel_id":3"#)])[0].position, 0);
}

#[test]
fn erased_slots_count_as_equal_in_a_retry() {
    let scratch = Scratch::new();
    let first = scratch.append(vec![with_uuid(1, r#","user":{"pk":7},"url":"/x""#)])[0];
    let mut stored = scratch.get(&first);
    crate::common::erase::<Events>(&scratch.raw(), &stored.entry, &[slot::USER]);
    let leaf = stored.leaf_data();
    stored = scratch.get(&first);
    assert!(stored.entry.slots.get(slot::USER).unwrap().is_erased() && stored.leaf_data() == leaf);
    let again = scratch.append(vec![with_uuid(1, r#","user":{"pk":7},"url":"/x""#)]);
    assert_eq!(again, [Receipt { duplicate: true, erased: true, ..first }]);
    let other = vec![with_uuid(1, r#","user":{"pk":7},"url":"/y""#)];
    assert_eq!(refused(&scratch, other), NotStored::Conflict(vec![conflict(0, 1, false)]));
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn receipts_can_be_awaited_on_any_executor() {
    let scratch = Scratch::new();
    let mut future = pin!(scratch.store.append(AppendRequest::new([event("{}")])).unwrap().into_future());
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let receipts = loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(receipts) => break receipts.unwrap(),
            Poll::Pending => std::thread::park(),
        }
    };
    assert_receipt(&scratch.get(&receipts[0]).entry, &receipts[0]);
}

#[test]
fn a_client_that_does_not_wait_has_appended_all_the_same() {
    let scratch = Scratch::new();
    drop(scratch.store.append(AppendRequest::new([with_uuid(1, "")])).unwrap());
    assert_eq!(scratch.append_json("{}").position, 1);
    assert!(scratch.store.channels(ChannelId::DEFAULT).events().get(uuid(1)).unwrap().is_some());
}

/// One look-up for each would keep the log locked for seconds.
#[test]
fn a_large_request_can_be_sent_again_in_any_order() {
    let scratch = Scratch::new();
    let json = |number: u128| {
        let channel = 1 + number % 3;
        format!(r#"{{"uuid":"{}","channel_id":{channel},"timestamp":"2023-10-16","object_id":{number}}}"#, uuid(number + 1))
    };
    let request = |numbers: &[u128]| numbers.iter().map(|number| event(&json(*number))).collect::<Vec<_>>();
    let numbers: Vec<u128> = (0..1_000).collect();
    let first = scratch.append(request(&numbers));
    assert!(first.iter().all(|receipt| !receipt.duplicate));
    let reversed: Vec<u128> = numbers.iter().rev().copied().collect();
    let twice: Vec<u128> = numbers.iter().flat_map(|number| [*number, *number]).collect();
    for order in [numbers.clone(), reversed, twice] {
        let receipts = scratch.append(request(&order));
        for (number, receipt) in order.iter().zip(receipts) {
            assert_eq!(receipt, Receipt { duplicate: true, ..first[*number as usize] });
        }
    }
    // Known and new ones in one request, and one that is not the same.
    let receipts = scratch.append(request(&[5, 2_000, 7]));
    assert_eq!(receipts.iter().map(|receipt| receipt.duplicate).collect::<Vec<_>>(), [true, false, true]);
    let mut other = request(&numbers);
    other[500] = event(&json(500).replace("2023", "2024"));
    assert_eq!(refused(&scratch, other), NotStored::Conflict(vec![conflict(500, 501, false)]));
    assert_eq!(checked_logs(&scratch.store).len(), 1_001);
}
