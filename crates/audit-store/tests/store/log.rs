//! Handles of logs, as a program that embeds the store uses them.

use std::collections::BTreeSet;

use audit_store::domain::limits::EVENTS_PER_REQUEST_MAX;
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ActionLogFilter, ChannelGrant, ChannelId, Clock, EventFilter, NewActionLog, NewEvent, Sort, SortField, SortKey, User,
};
use audit_store::{AppendError, AppendRequest, Cancel, GroupBy, NotStored, PageNumber, Store, StoreError};
use serde_json::json;

use crate::common::{Scratch, uuid};

fn not_stored<T: std::fmt::Debug>(outcome: Result<T, AppendError>) -> NotStored {
    match outcome.unwrap_err() {
        AppendError::NotStored(why) => why,
        AppendError::Unknown(why) => panic!("{why}"),
    }
}

#[test]
fn five_lines_append_and_list() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(42).unwrap().events();
    let change = (&json!({"quantity": 1}), &json!({"quantity": 2}));
    let new = NewEvent::update("orders.order", 859).by(User::new(7, "zoe")).change(change.0, change.1).unwrap();
    let receipt = log.append(new).unwrap();
    assert_eq!((receipt.channel_id.get(), receipt.position, receipt.duplicate), (42, 0, false));
    let page = log.list(EventFilter::object("859")).page(1, 10).unwrap();
    assert_eq!(page.count, 1);
    for event in page {
        assert_eq!((event.uuid(), event.leaf_hash()), (receipt.uuid, receipt.leaf_hash));
        assert_eq!((event.action().as_deref(), event.user_name().as_deref()), (Some("UPDATE"), Some("zoe")));
    }
}

#[test]
fn a_channel_is_named_by_any_integer_or_by_its_type() {
    let scratch = Scratch::new();
    let by_type = scratch.store.channel(ChannelId::DEFAULT).unwrap().events();
    by_type.append(NewEvent::new()).unwrap();
    let same =
        [scratch.store.channel(1).unwrap(), scratch.store.channel(1_i64).unwrap(), scratch.store.channels(ChannelId::DEFAULT)];
    for logs in same {
        assert_eq!((logs.clone().events().count(&EventFilter::default()).unwrap(), logs.events().channel_id().get()), (1, 1));
    }
    assert_eq!(
        scratch.store.channel(-1).unwrap_err().to_string(),
        "a channel must be an integer from 0 to 9223372036854775807 (got -1)"
    );
}

#[test]
fn a_record_goes_to_the_channel_of_its_log() {
    let scratch = Scratch::new();
    let new = NewEvent::new().channel_id(ChannelId::try_from(9).unwrap());
    assert_eq!(scratch.store.channel(3).unwrap().events().append(new).unwrap().channel_id.get(), 3);
    assert_eq!(scratch.store.channel(9).unwrap().events().states().unwrap(), []);
}

#[test]
fn records_are_appended_all_or_none_in_their_order() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(1).unwrap().events();
    let receipts = log.append_all((1..=3).map(|number| NewEvent::new().uuid(uuid(number)))).unwrap();
    assert_eq!(
        receipts.iter().map(|receipt| (receipt.uuid, receipt.position)).collect::<Vec<_>>(),
        [(uuid(1), 0), (uuid(2), 1), (uuid(3), 2)]
    );
    // A retry of an event and a new one, and another event with a uuid that is taken.
    let retry = log.append(NewEvent::new().uuid(uuid(2))).unwrap();
    assert!(retry.duplicate && retry.position == 1);
    let taken = [NewEvent::new().uuid(uuid(4)), NewEvent::new().uuid(uuid(3)).url("/other")];
    assert!(matches!(not_stored(log.append_all(taken)), NotStored::Conflict(conflicts) if conflicts[0].index == 1));
    assert_eq!(log.get(uuid(4)).unwrap(), None);
    let many = (0..=EVENTS_PER_REQUEST_MAX).map(|_| NewEvent::new());
    assert_eq!(not_stored(log.append_all(many)), NotStored::TooMany(EVENTS_PER_REQUEST_MAX + 1));
    assert_eq!(log.append_all([]).unwrap(), []);
    assert_eq!(log.count(&EventFilter::default()).unwrap(), 3);
}

#[test]
fn what_cannot_be_prepared_is_not_stored() {
    let now = std::time::SystemTime::UNIX_EPOCH;
    let scratch = Scratch::with(|config| config.clock = Clock::from_fn(move || now));
    let log = scratch.store.channel(1).unwrap().events();
    assert!(matches!(not_stored(log.append(NewEvent::new())), NotStored::Clock(_)));
    assert_eq!(not_stored(log.append(NewEvent::new().uuid(Uuid::nil()))), NotStored::NilUuid);
    assert!(matches!(log.prepare(NewEvent::new().uuid(Uuid::nil())), Err(StoreError::NilUuid)));
}

#[test]
fn a_closed_store_stores_nothing_and_says_so() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(1).unwrap().events();
    scratch.store.close();
    assert_eq!(not_stored(log.append(NewEvent::new())), NotStored::Closed);
}

#[test]
fn several_requests_may_be_in_flight() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(1).unwrap().action_logs();
    let new = |number: i64| (0..10).map(move |_| NewActionLog::new(number, "m").unwrap());
    let pending: Vec<_> = (0..5).map(|number| log.queue(new(number)).unwrap()).collect();
    let receipts = pending.into_iter().flat_map(|pending| pending.wait().unwrap());
    assert_eq!(receipts.map(|receipt| receipt.position).collect::<BTreeSet<_>>(), (0..50).collect());
    assert_eq!(log.count(&ActionLogFilter::default().at_least(3)).unwrap(), 20);
}

#[test]
fn one_request_may_have_records_of_several_logs() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.store.channel(1).unwrap(), scratch.store.channel(2).unwrap());
    let event = two.events().prepare(NewEvent::new()).unwrap();
    let log = one.action_logs().prepare(NewActionLog::new(20, "m").unwrap()).unwrap();
    let request = || AppendRequest::new([event.clone(), log.clone()]).producer(7);
    let first = scratch.store.append(request()).unwrap().wait().unwrap();
    assert_eq!(
        first.iter().map(|receipt| (receipt.uuid, receipt.channel_id.get())).collect::<Vec<_>>(),
        [(event.uuid(), 2), (log.uuid(), 1)]
    );
    let again = scratch.store.append(request()).unwrap().wait().unwrap();
    assert!(again.iter().all(|receipt| receipt.duplicate), "a copy of what is prepared can be sent again");
    let events = scratch.store.channel(2).unwrap().events();
    assert_eq!(events.find_at(0).get().unwrap().unwrap().entry.producer_id, 7);
}

/// A handle keeps the store open, in whichever thread it is.
#[test]
fn a_handle_outlives_the_variable_of_its_store() {
    let scratch = Scratch::new();
    let log = Store::open(scratch.place.config()).unwrap().channel(1).unwrap().events();
    let positions = std::thread::spawn(move || [0, 1].map(|_| log.append(NewEvent::new()).unwrap().position)).join().unwrap();
    assert_eq!(positions, [0, 1]);
    assert_eq!(scratch.store.channel(1).unwrap().events().states().unwrap()[0].size, 2);
}

/// More records than the iterator reads at once, in one channel and in two.
#[test]
fn a_walk_iterates_over_all_that_matches() {
    let scratch = Scratch::new();
    for channel in [1, 2] {
        let log = scratch.store.channel(channel).unwrap().events();
        log.append_all((0..2_500).map(|number| NewEvent::new().object("t", number % 2))).unwrap();
    }
    let log = scratch.store.channel(1).unwrap().events();
    let walk = log.by_cursor(EventFilter::object(1)).counted(true);
    let positions: Vec<i64> = walk.iter().map(|event| event.unwrap().position()).collect();
    assert_eq!(positions, (0..2_500).filter(|number| number % 2 == 1).collect::<Vec<_>>());
    assert_eq!(walk.page(2).unwrap().count, Some(1_250));
    let newest = log.by_cursor(EventFilter::default()).descending(true).into_iter().next().unwrap().unwrap();
    assert_eq!(newest.position(), 2_499);
    let both = scratch.store.channels(ChannelGrant::All).events();
    assert_eq!(both.by_cursor(EventFilter::default()).iter().map(Result::unwrap).count(), 5_000);
    assert_eq!(both.by_cursor(EventFilter::user(7)).iter().count(), 0);
}

#[test]
fn an_iterator_ends_after_its_first_error() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(1).unwrap().events();
    log.append_all((0..1_500).map(|_| NewEvent::new())).unwrap();
    let (mut events, cancel) = (log.by_cursor(EventFilter::default()).iter(), Cancel::new());
    assert!(events.by_ref().take(1_000).all(|event| event.is_ok()));
    scratch.store.cancel(&cancel);
    let rest: Vec<_> = cancel.scope(|| events.collect());
    assert!(matches!(rest[..], [Err(StoreError::Cancelled)]), "{rest:?}");
}

#[test]
fn a_list_is_newest_first_unless_it_is_sorted() {
    let scratch = Scratch::new();
    let log = scratch.store.channel(1).unwrap().events();
    log.append_all((0..5).map(|_| NewEvent::new().by(User::new(7, "zoe")))).unwrap();
    let positions =
        |page: audit_store::Page<audit_store::domain::Event>| page.into_iter().map(|event| event.position()).collect::<Vec<_>>();
    let list = log.list(EventFilter::user(7));
    assert_eq!(positions(list.page(1, 3).unwrap()), [4, 3, 2]);
    assert_eq!(positions(list.page(PageNumber::Last, 3).unwrap()), [1, 0]);
    let sorted = list.sort(Sort::by(vec![SortKey { field: SortField::Position, descending: false }]));
    assert_eq!(positions(sorted.page(1, 3).unwrap()), [0, 1, 2]);
    assert_eq!(sorted.slice(4, 3).unwrap()[0].position(), 4);
    let page = sorted.page(2, 3).unwrap();
    assert_eq!((&page).into_iter().count(), 2);
    let [by_user, by_action] = log.summaries(&EventFilter::default(), [GroupBy::User, GroupBy::Action]).unwrap();
    assert_eq!((by_user.total, by_user.groups[0].count, by_action.groups.len()), (5, 5, 1));
}
