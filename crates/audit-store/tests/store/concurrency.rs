//! Many threads append while others walk: positions stay gapless, nothing acknowledged is missing, and a conflict touches
//! nobody else.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, CursorKey, CursorOrder, CursorScope, Entry, EventFilter, JsonText, Stream};
use audit_store::{AppendError, AppendRequest, NotStored, Prepared, Receipt, Store};

use crate::common::{
    ActionLogs, CursorQuery, Dice, Events, Kind, Scratch, assert_receipt, checked_logs_of, event, log_of, on_postgres, uuid,
};

const CHANNELS: u64 = 3;
const REQUESTS: u64 = 12;

/// Uuids from here on belong to one thread; below, several threads use them, with the same event or with another.
const SHARED: u64 = 30;
const CONTESTED: u64 = 60;

/// One entry and what it says, so that it can be compared with what is stored.
#[derive(Clone)]
struct Sent {
    key: Key,
    says: String,
    entry: Prepared,
}

/// Stream, channel and uuid.
type Key = (Stream, i64, Uuid);

fn sent<K: Kind>(channel: u64, number: u128, says: &str) -> Sent {
    let (uuid, says) = (uuid(number), JsonText::string(says).to_string());
    let entry = K::entry(&format!(r#""uuid":"{uuid}","channel_id":{channel},"{}":{says}"#, K::TEXT.0));
    Sent { key: (K::STREAM, channel as i64, uuid), says, entry }
}

/// An event, or an action log: every third number is one of these.
fn either(channel: u64, number: u64, says: &str) -> Sent {
    let send = if number.is_multiple_of(3) { sent::<ActionLogs> } else { sent::<Events> };
    send(channel, number.into(), says)
}

/// The requests of one thread: events of its own, events that others send as well, and uuids that others fight for.
fn requests(thread: u64) -> Vec<Vec<Sent>> {
    let mut dice = Dice(thread);
    let mut own = 0;
    let mut event = |dice: &mut Dice| match dice.below(10) {
        0 | 1 => {
            let number = dice.below(SHARED);
            either(number / 3 % CHANNELS, number, &format!("shared {number}"))
        }
        2 => {
            let number = SHARED + dice.below(CONTESTED - SHARED);
            either(number / 3 % CHANNELS, number, &format!("thread {}", thread % 3))
        }
        _ => {
            own += 1;
            either(dice.below(CHANNELS), 1000 + thread * 1000 + own, &format!("{thread}, {own}"))
        }
    };
    (0..REQUESTS).map(|_| (0..1 + dice.below(5)).map(|_| event(&mut dice)).collect()).collect()
}

type Outcome = (Vec<Sent>, Result<Vec<Receipt>, AppendError>);

/// Sends a request in one of the two ways; a server's clients come back when it is busy.
fn send(store: &Store, events: &[Sent], blocking: bool) -> Result<Vec<Receipt>, AppendError> {
    let request = || AppendRequest::new(events.iter().map(|sent| sent.entry.clone()));
    loop {
        let pending = if blocking { store.append(request()) } else { store.try_append(request()) };
        match pending {
            Err(NotStored::Busy { .. }) => std::thread::sleep(Duration::from_millis(1)),
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
    let mut stored: HashMap<Key, (Entry, Option<JsonText>)> = HashMap::new();
    for event in checked_logs_of::<Events>(store) {
        stored.insert(key::<Events>(&event.entry), kept::<Events>(event.entry));
    }
    for log in checked_logs_of::<ActionLogs>(store) {
        stored.insert(key::<ActionLogs>(&log.entry), kept::<ActionLogs>(log.entry));
    }
    let mut firsts: HashMap<Key, usize> = HashMap::new();
    let mut conflicts = 0;
    for (events, outcome) in outcomes {
        match outcome {
            Ok(receipts) => {
                assert_eq!(receipts.len(), events.len());
                for (sent, receipt) in events.iter().zip(receipts) {
                    let (entry, says) = &stored[&sent.key];
                    assert_receipt(entry, receipt);
                    assert_eq!(says.as_ref().map(JsonText::as_str), Some(sent.says.as_str()));
                    *firsts.entry(sent.key).or_default() += usize::from(!receipt.duplicate);
                }
            }
            Err(AppendError::NotStored(NotStored::Conflict(culprits))) => {
                conflicts += 1;
                for culprit in culprits {
                    let sent = &events[culprit.index];
                    assert_eq!(sent.key.2, culprit.uuid);
                    assert!(culprit.within_request || !sent.entry.entry().is_retry_of(&stored[&sent.key].0));
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(firsts.values().all(|count| *count == 1), "exactly one request was the first with an entry");
    assert_eq!(firsts.keys().collect::<HashSet<_>>(), stored.keys().collect(), "what is stored was acknowledged");
    assert!(conflicts > 10, "the threads did fight: {conflicts}");
    for stream in [Stream::Events, Stream::ActionLogs] {
        assert!(stored.keys().any(|(of, _, id)| *of == stream && *id < uuid(SHARED.into())));
    }
}

fn key<K: Kind>(entry: &Entry) -> Key {
    (K::STREAM, entry.channel_id.get(), entry.uuid)
}

/// An entry, and what it says.
fn kept<K: Kind>(entry: Entry) -> (Entry, Option<JsonText>) {
    let says = entry.slots.value(K::TEXT.1).cloned();
    (entry, says)
}

/// Follows a log by cursor until the writers are done and it has come to the end; every page goes on where the last one ended.
fn follow<K: Kind>(store: &Store, channel: i64, size: usize, done: &AtomicBool) -> usize {
    let walk = CursorScope {
        order: CursorOrder::Position,
        descending: false,
        channels: Some(vec![channel]),
        filter: K::Filter::default(),
    };
    let (mut seen, mut last_time, mut after) = (0, None, None);
    loop {
        let finished = done.load(Ordering::SeqCst);
        loop {
            let page = K::walk(store, &CursorQuery { walk: walk.clone(), after, size, counted: true });
            for record in &page.records {
                assert_eq!(record.as_ref().position, seen, "no gap, nothing twice");
                assert!(last_time <= Some(record.as_ref().recorded_at));
                (seen, last_time) = (seen + 1, Some(record.as_ref().recorded_at));
                after = Some(CursorKey { timestamp: 0, channel_id: channel, position: record.as_ref().position });
            }
            if page.next.is_none() {
                break;
            }
        }
        if finished {
            return seen as usize;
        }
    }
}

/// Ends the walkers however the writers end: a test that fails must not run for ever.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs the writers of all stores at once, with walkers beside them.
fn under_load(stores: &[&Store], threads: u64) -> Vec<Outcome> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ended = Done(&done);
        let walkers: Vec<_> = (0..CHANNELS as i64)
            .map(|channel| {
                let (store, done) = (stores[channel as usize % stores.len()], &done);
                scope.spawn(move || {
                    let size = 1 + 5 * channel as usize;
                    if channel == 0 {
                        follow::<ActionLogs>(store, 0, 3, done)
                    } else {
                        follow::<Events>(store, channel, size, done)
                    }
                })
            })
            .collect();
        let writers: Vec<_> =
            (0..threads).flat_map(|thread| stores.iter().map(move |store| scope.spawn(move || run(store, thread)))).collect();
        let outcomes: Vec<Outcome> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        drop(ended);
        let walked: Vec<usize> = walkers.into_iter().map(|walker| walker.join().unwrap()).collect();
        for (channel, walked) in walked.into_iter().enumerate() {
            let log = match channel {
                0 => log_of::<ActionLogs>(stores[0], 0).len(),
                channel => log_of::<Events>(stores[0], channel as i64).len(),
            };
            assert!(walked == log && log > 20, "{walked} of {log}");
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
fn two_servers_on_one_file_share_the_log_and_the_retries() {
    let scratch = Scratch::new();
    let other = scratch.open_again();
    // Both get the requests of the same clients: each event is the other's retry.
    let outcomes = under_load(&[&scratch.store, &other], 16);
    verify(&scratch.store, &outcomes);
    verify(&other, &outcomes);
    if on_postgres() {
        // Its statistics are a second late at most.
        std::thread::sleep(Duration::from_millis(1200));
        let deadlocks = scratch.raw().strings("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
        assert_eq!(deadlocks, ["0"], "two waited for each other in a circle");
    }
}

/// A counted page is of one snapshot: the count never lags behind, or runs ahead of, what the page can see.
#[test]
fn a_page_and_its_count_are_of_one_snapshot() {
    let scratch = Scratch::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let walk = CursorScope {
                order: CursorOrder::Position,
                descending: true,
                channels: Some(vec![1]),
                filter: EventFilter::default(),
            };
            while !done.load(Ordering::SeqCst) {
                let query = CursorQuery { walk: walk.clone(), after: None, size: 1, counted: true };
                let page = Events::walk(&scratch.store, &query);
                let newest = page.records.first().map_or(0, |event| event.entry.position + 1);
                assert_eq!(page.count, Some(newest));
                let mut filtered = query.clone();
                filtered.walk.filter.user = Some("1".to_owned());
                let page = Events::walk(&scratch.store, &filtered);
                assert_eq!(page.count, Some(page.records.first().map_or(0, |event| event.entry.position + 1)));
            }
        });
        for number in 0..300u32 {
            let events = vec![event(&format!(r#"{{"uuid":"{}","user":1}}"#, uuid(u128::from(number) + 1)))];
            scratch.append(events);
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    assert!(scratch.store.channels(ChannelId::DEFAULT).events().get(uuid(300)).unwrap().is_some());
}
