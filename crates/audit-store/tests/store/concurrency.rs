//! Many threads append while others walk: positions stay gapless, nothing acknowledged is missing, and a conflict touches
//! nobody else.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, Event, EventFilter, JsonText, PreparedEntry, Walk, WalkOrder, slot};
use audit_store::{AppendError, AppendRequest, Receipt, Store, WalkQuery};

use crate::common::{Dice, Events, Scratch, assert_receipt, checked_logs, event, log_of, uuid};

const CHANNELS: u64 = 3;
const REQUESTS: u64 = 12;

/// Uuids from here on belong to one thread; below, several threads use them, with the same event or with another.
const SHARED: u64 = 30;
const CONTESTED: u64 = 60;

/// One event and what it says, so that it can be compared with what is stored.
#[derive(Clone)]
struct Sent {
    channel: i64,
    uuid: Uuid,
    says: String,
    event: PreparedEntry,
}

fn sent(channel: u64, number: u128, says: String) -> Sent {
    let uuid = uuid(number);
    let event = event(&format!(r#"{{"uuid":"{uuid}","channel_id":{channel},"content":{says},"user":{channel}}}"#));
    Sent { channel: channel as i64, uuid, says, event }
}

/// The requests of one thread: events of its own, events that others send as well, and uuids that others fight for.
fn requests(thread: u64) -> Vec<Vec<Sent>> {
    let mut dice = Dice(thread);
    let mut own = 0;
    let mut event = |dice: &mut Dice| match dice.below(10) {
        0 | 1 => {
            let number = dice.below(SHARED);
            sent(number % CHANNELS, number.into(), format!(r#""shared {number}""#))
        }
        2 => {
            let number = SHARED + dice.below(CONTESTED - SHARED);
            sent(number % CHANNELS, number.into(), format!(r#""thread {}""#, thread % 3))
        }
        _ => {
            own += 1;
            sent(dice.below(CHANNELS), u128::from(1000 + thread * 1000 + own), format!(r#"["{thread}",{own}]"#))
        }
    };
    (0..REQUESTS).map(|_| (0..1 + dice.below(5)).map(|_| event(&mut dice)).collect()).collect()
}

type Outcome = (Vec<Sent>, Result<Vec<Receipt>, AppendError>);

/// Sends a request in one of the two ways; a server's clients come back when it is busy.
fn send(store: &Store, events: &[Sent], blocking: bool) -> Result<Vec<Receipt>, AppendError> {
    let request = || AppendRequest::import(events.iter().map(|sent| sent.event.clone()).collect());
    loop {
        let pending = if blocking { store.append(request()) } else { store.try_append(request()) };
        match pending {
            Err(AppendError::Busy { .. }) => std::thread::sleep(Duration::from_millis(1)),
            pending => return pending?.wait(),
        }
    }
}

fn run(store: &Store, thread: u64) -> Vec<Outcome> {
    let outcome = |(index, events): (usize, Vec<Sent>)| {
        let outcome = send(store, &events, index % 2 == 0);
        (events, outcome)
    };
    requests(thread).into_iter().enumerate().map(outcome).collect()
}

/// What has to hold once everybody has an answer.
fn verify(store: &Store, outcomes: &[Outcome]) {
    let stored: HashMap<(i64, Uuid), Event> =
        checked_logs(store).into_iter().map(|event| ((event.channel_id.get(), event.uuid), event)).collect();
    let mut firsts: HashMap<(i64, Uuid), usize> = HashMap::new();
    let mut conflicts = 0;
    for (events, outcome) in outcomes {
        match outcome {
            Ok(receipts) => {
                assert_eq!(receipts.len(), events.len());
                for (sent, receipt) in events.iter().zip(receipts) {
                    let event = &stored[&(sent.channel, sent.uuid)];
                    assert_receipt(event, receipt);
                    assert_eq!(event.slots.value(slot::CONTENT).map(JsonText::as_str), Some(sent.says.as_str()));
                    *firsts.entry((sent.channel, sent.uuid)).or_default() += usize::from(!receipt.duplicate);
                }
            }
            Err(AppendError::Conflict(culprits)) => {
                conflicts += 1;
                for culprit in culprits {
                    let sent = &events[culprit.index];
                    assert_eq!(sent.uuid, culprit.uuid);
                    assert!(culprit.within_request || !sent.event.is_retry_of(&stored[&(sent.channel, sent.uuid)]));
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(firsts.values().all(|count| *count == 1), "exactly one request was the first with an event");
    assert_eq!(firsts.keys().collect::<HashSet<_>>(), stored.keys().collect(), "what is stored was acknowledged");
    assert!(conflicts > 10, "the threads did fight: {conflicts}");
    assert!(stored.keys().any(|(_, id)| *id < uuid(SHARED.into())));
}

/// Follows a log by cursor until the writers are done and it has come to the end; every page goes on where the last one ended.
fn follow(store: &Store, channel: i64, size: usize, done: &AtomicBool) -> usize {
    let walk = |after: Option<i64>| {
        let mut filter = EventFilter::default();
        if let Some(position) = after {
            filter.position.over(position);
        }
        Walk { order: WalkOrder::Position, descending: false, channels: Some(vec![channel]), filter }
    };
    let (mut seen, mut last_time) = (0, None);
    loop {
        let finished = done.load(Ordering::SeqCst);
        let walk = walk((seen > 0).then_some(seen - 1));
        let mut after = None;
        loop {
            let page = store.walk(&WalkQuery { walk: walk.clone(), after, size, counted: true }).unwrap();
            for event in &page.records {
                assert_eq!(event.position, seen, "no gap, nothing twice");
                assert!(last_time <= Some(event.recorded_at));
                (seen, last_time) = (seen + 1, Some(event.recorded_at));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if finished {
            return seen as usize;
        }
    }
}

/// Runs the writers of all stores at once, with walkers beside them.
fn under_load(stores: &[&Store], threads: u64) -> Vec<Outcome> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..CHANNELS as i64)
            .map(|channel| {
                let (store, done) = (stores[channel as usize % stores.len()], &done);
                scope.spawn(move || follow(store, channel, 1 + 5 * channel as usize, done))
            })
            .collect();
        let writers: Vec<_> =
            (0..threads).flat_map(|thread| stores.iter().map(move |store| scope.spawn(move || run(store, thread)))).collect();
        let outcomes: Vec<Outcome> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        done.store(true, Ordering::SeqCst);
        let walked: Vec<usize> = walkers.into_iter().map(|walker| walker.join().unwrap()).collect();
        for (channel, walked) in walked.into_iter().enumerate() {
            assert_eq!(walked, log_of::<Events>(stores[0], channel as i64).len());
        }
        outcomes
    })
}

#[test]
fn sixty_four_threads_append_while_others_walk() {
    let scratch = Scratch::new();
    let outcomes = under_load(&[&scratch.store], 64);
    assert_eq!(outcomes.len() as u64, 64 * REQUESTS);
    verify(&scratch.store, &outcomes);
}

#[test]
fn two_servers_on_one_file_share_the_log_and_their_clients_retries() {
    let scratch = Scratch::new();
    let other = scratch.open_again();
    // Both get the requests of the same clients: each event is the other's retry.
    let outcomes = under_load(&[&scratch.store, &other], 16);
    verify(&scratch.store, &outcomes);
    verify(&other, &outcomes);
}

/// A counted page is of one snapshot: the count never lags behind, or runs ahead of, what the page can see.
#[test]
fn a_page_and_its_count_are_of_one_snapshot() {
    let scratch = Scratch::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let walk =
                Walk { order: WalkOrder::Position, descending: true, channels: Some(vec![1]), filter: EventFilter::default() };
            while !done.load(Ordering::SeqCst) {
                let query = WalkQuery { walk: walk.clone(), after: None, size: 1, counted: true };
                let page = scratch.store.walk(&query).unwrap();
                let newest = page.records.first().map_or(0, |event| event.position + 1);
                assert_eq!(page.count, Some(newest));
                let mut filtered = query.clone();
                filtered.walk.filter.user = Some("1".to_owned());
                let page = scratch.store.walk(&filtered).unwrap();
                assert_eq!(page.count, Some(page.records.first().map_or(0, |event| event.position + 1)));
            }
        });
        for number in 0..300u32 {
            let events = vec![sent(1, u128::from(number) + 1, "1".to_owned()).event; 1];
            scratch.append(events);
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    assert!(scratch.store.get(&crate::common::only(1), ChannelId::DEFAULT, uuid(300)).unwrap().is_some());
}
