//! Requests that wait for a writer. Each key has a line of its own, and the lines take turns. So if
//! one key sends more than the database can take, the other keys wait no longer than for that key's
//! share of a batch.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::AppendRequest;
use super::batch::Outcome;
use super::error::NotStored;
use super::meter::Queued;
use super::pace::BatchSize;
use crate::connection::DbConnection;
use crate::error::StoreError;

/// Requests that may wait. The append budget is usually full first; this number bounds the waiting
/// time of small requests.
const REQUESTS_MAX: usize = 4096;

/// Requests of one key that may wait: a quarter, so that one key cannot fill the queue.
const REQUESTS_OF_KEY_MAX: usize = REQUESTS_MAX / 4;

/// Other writes that may wait. Each of them blocks a thread of its caller.
const WORK_MAX: usize = 1024;

/// Bytes of the slots in a transaction.
const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The retry time for a client whose request is refused. A writer empties a full queue in about
/// this time.
pub(super) const RETRY_AFTER_SECONDS: u64 = 1;

/// A request, and the channel for its receipts.
pub(super) struct Waiting {
    pub(super) request: AppendRequest,
    pub(super) answer: oneshot::Sender<Outcome>,
    /// Counts the request as queued until a writer takes it.
    pub(super) queued: Queued,
}

/// A write that gets a connection, or the reason why there is none. Returns whether the connection
/// can be used again.
pub(super) type Work = Box<dyn FnOnce(Result<&mut DbConnection, String>) -> bool + Send>;

/// The next work of a writer.
pub(super) enum Job {
    /// Requests that form one transaction.
    Append(Vec<Waiting>),
    /// Any other write, in a transaction of its own.
    Run(Work),
}

/// The queue in front of one writer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    lines: HashMap<i64, VecDeque<Waiting>>,
    /// The keys with a line, in the order of their turns.
    turns: VecDeque<i64>,
    /// Keys whose next request was too large for the last batch.
    due: HashSet<i64>,
    requests: usize,
    work: VecDeque<Work>,
    work_was_last: bool,
    is_closed: bool,
}

impl Queue {
    /// Queues a request.
    ///
    /// # Errors
    ///
    /// [`NotStored::Busy`] if the queue or the key's part of it is full; [`NotStored::Closed`].
    pub(super) fn try_push(&self, waiting: Waiting) -> Result<(), NotStored> {
        let mut state = self.state();
        if state.is_closed {
            return Err(NotStored::Closed);
        }
        if state.is_full_for(waiting.request.producer_id) {
            return Err(NotStored::Busy { retry_after_seconds: RETRY_AFTER_SECONDS });
        }
        state.push(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for room and queues a request.
    ///
    /// # Errors
    ///
    /// [`NotStored::Closed`] if the queue is or becomes closed.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), NotStored> {
        let mut state = self.state();
        while !state.is_closed && state.is_full_for(waiting.request.producer_id) {
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return Err(NotStored::Closed);
        }
        state.push(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for room and queues another write. Without `end` it waits without limit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Late`] after `end`; [`StoreError::Closed`].
    pub(super) fn push_work(&self, work: Work, end: Option<Instant>) -> Result<(), StoreError> {
        let mut state = self.state();
        while !state.is_closed && state.work.len() >= WORK_MAX {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(StoreError::Late);
            }
            (state, _) = self.emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return Err(StoreError::Closed);
        }
        state.work.push_back(work);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for the next job. Returns `None` once the queue is closed and empty. A request is
    /// never split: a request that is larger than its key's part of a batch waits for one batch and
    /// then begins the next.
    pub(super) fn next(&self, size: BatchSize) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.next(size) {
                self.emptied.notify_all();
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes the queue. The writer still takes the queued requests.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Closes the queue and returns the requests that no writer will take.
    pub(super) fn abandon(&self) -> Vec<Waiting> {
        // The queue closes in the same moment, because a request that is queued afterwards would
        // wait forever.
        let state = std::mem::replace(&mut *self.state(), State { is_closed: true, ..State::default() });
        self.filled.notify_all();
        self.emptied.notify_all();
        state.lines.into_values().flatten().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full_for(&self, key: i64) -> bool {
        self.requests >= REQUESTS_MAX || self.lines.get(&key).is_some_and(|line| line.len() >= REQUESTS_OF_KEY_MAX)
    }

    fn push(&mut self, waiting: Waiting) {
        let key = waiting.request.producer_id;
        let line = self.lines.entry(key).or_default();
        if line.is_empty() {
            self.turns.push_back(key);
        }
        line.push_back(waiting);
        self.requests += 1;
    }

    /// Takes batches and other writes in turn.
    fn next(&mut self, size: BatchSize) -> Option<Job> {
        let is_works_turn = !self.work_was_last || self.turns.is_empty();
        self.work_was_last = is_works_turn && !self.work.is_empty();
        if self.work_was_last {
            return self.work.pop_front().map(Job::Run);
        }
        if self.turns.is_empty() { None } else { Some(Job::Append(self.batch(size))) }
    }

    /// Takes one request of each key after the other, up to the limits of a batch.
    fn batch(&mut self, size: BatchSize) -> Vec<Waiting> {
        let (mut batch, mut entries, mut bytes) = (Vec::new(), 0, 0);
        let mut taken: HashMap<i64, usize> = HashMap::new();
        let mut passed_over = VecDeque::new();
        while entries < size.entries && bytes < BATCH_BYTES_MAX {
            let (key, must_go) = match self.turns.pop_front() {
                Some(key) => (key, false),
                // All waiting requests are too large for a share: the first of them begins the
                // batch.
                None if batch.is_empty() => match passed_over.pop_front() {
                    Some(key) => (key, true),
                    None => break,
                },
                None => break,
            };
            let others = !self.turns.is_empty() || !passed_over.is_empty() || taken.keys().any(|other| *other != key);
            let begins = batch.is_empty() && (must_go || self.due.contains(&key));
            let share = taken.entry(key).or_default();
            let next = self.lines.get(&key).and_then(VecDeque::front).map_or(0, |waiting| waiting.request.entries.len());
            if others && !begins && *share + next > size.of_key {
                if *share == 0 {
                    self.due.insert(key);
                }
                passed_over.push_back(key);
                continue;
            }
            let Some(waiting) = self.pop(key) else { continue };
            *share += waiting.request.entries.len();
            entries += waiting.request.entries.len();
            bytes += waiting.request.bytes();
            self.due.remove(&key);
            batch.push(waiting);
        }
        passed_over.append(&mut self.turns);
        self.turns = passed_over;
        batch
    }

    /// Takes the first request of a line. If the line has more requests, its key gets another turn.
    fn pop(&mut self, key: i64) -> Option<Waiting> {
        let line = self.lines.get_mut(&key)?;
        let waiting = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&key);
        } else {
            self.turns.push_back(key);
        }
        self.requests -= usize::from(waiting.is_some());
        waiting
    }
}

#[cfg(test)]
mod tests {
    use audit_domain::{ChannelId, NewEvent};

    use super::*;

    const SIZE: BatchSize = BatchSize { entries: 10_000, of_key: 1_000 };

    /// A request of a key with this many entries.
    fn request_of(key: i64, entries: usize) -> Waiting {
        let entry = NewEvent::new().prepare(ChannelId::DEFAULT).unwrap();
        let request = AppendRequest::of_entries(vec![entry; entries]).producer(key);
        Waiting { request, answer: oneshot::channel().0, queued: Queued::now() }
    }

    fn queue(requests: &[(i64, usize)]) -> Queue {
        let queue = Queue::default();
        requests.iter().for_each(|(key, entries)| queue.try_push(request_of(*key, *entries)).unwrap());
        queue
    }

    fn work() -> Work {
        Box::new(|_| true)
    }

    /// The next batch: key and number of entries of each request. `None` for another write.
    fn batch(queue: &Queue) -> Option<Vec<(i64, usize)>> {
        match queue.next(SIZE).unwrap() {
            Job::Append(batch) => {
                Some(batch.iter().map(|waiting| (waiting.request.producer_id, waiting.request.entries.len())).collect())
            }
            Job::Run(_) => None,
        }
    }

    #[test]
    fn keys_take_turns_and_each_keeps_its_order() {
        let queue = queue(&[(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 6)]);
        assert_eq!(batch(&queue).unwrap(), [(1, 1), (2, 4), (3, 6), (1, 2), (2, 5), (1, 3)]);
    }

    #[test]
    fn a_key_has_a_thousand_entries_of_a_batch_while_others_wait() {
        let mut requests = vec![(1, 300); 20];
        requests.extend([(2, 10), (2, 10)]);
        let queue = queue(&requests);
        assert_eq!(batch(&queue).unwrap(), [(1, 300), (2, 10), (1, 300), (2, 10), (1, 300)]);
        // A key that is alone has all of it.
        assert_eq!(batch(&queue).unwrap().len(), 17);
    }

    #[test]
    fn a_request_larger_than_a_share_lets_one_batch_of_others_pass() {
        let queue = queue(&[(1, 5_000), (1, 5_000), (2, 1)]);
        assert_eq!(batch(&queue).unwrap(), [(2, 1)]);
        queue.try_push(request_of(2, 1)).unwrap();
        queue.try_push(request_of(2, 1)).unwrap();
        assert_eq!(batch(&queue).unwrap(), [(1, 5_000), (2, 1), (2, 1)]);
        queue.try_push(request_of(2, 1)).unwrap();
        assert_eq!(batch(&queue).unwrap(), [(2, 1)]);
        assert_eq!(batch(&queue).unwrap(), [(1, 5_000)]);
    }

    #[test]
    fn large_requests_of_several_keys_go_one_after_the_other() {
        let queue = queue(&[(1, 5_000), (2, 6_000), (3, 7_000), (1, 1)]);
        assert_eq!(batch(&queue).unwrap(), [(1, 5_000)]);
        assert_eq!(batch(&queue).unwrap(), [(2, 6_000), (1, 1)]);
        assert_eq!(batch(&queue).unwrap(), [(3, 7_000)]);
    }

    #[test]
    fn a_batch_is_bounded_when_one_key_is_alone() {
        let queue = queue(&[(1, 6_000), (1, 6_000), (1, 6_000)]);
        assert_eq!((batch(&queue).unwrap().len(), batch(&queue).unwrap().len()), (2, 1));
    }

    #[test]
    fn one_key_fills_a_quarter_of_the_queue() {
        let queue = Queue::default();
        for key in 1..=4 {
            (0..REQUESTS_OF_KEY_MAX).for_each(|_| queue.try_push(request_of(key, 1)).unwrap());
            assert!(matches!(queue.try_push(request_of(key, 1)), Err(NotStored::Busy { .. })));
        }
        assert!(matches!(queue.try_push(request_of(5, 1)), Err(NotStored::Busy { .. })), "four quarters are all of it");
        assert_eq!(batch(&queue).unwrap().len(), 4 * SIZE.of_key);
        queue.try_push(request_of(5, 1)).unwrap();
    }

    #[test]
    fn other_writes_and_batches_take_turns() {
        let queue = queue(&[(1, 9_999), (1, 9_999), (1, 9_999)]);
        (0..3).for_each(|_| queue.push_work(work(), None).unwrap());
        let ran: Vec<bool> = (0..5).map(|_| batch(&queue).is_none()).collect();
        assert_eq!(ran, [true, false, true, false, true]);
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_no_more() {
        let queue = queue(&[(1, 1)]);
        queue.close();
        assert!(matches!(queue.push(request_of(1, 1)), Err(NotStored::Closed)));
        assert!(matches!(queue.push_work(work(), None), Err(StoreError::Closed)));
        assert!(batch(&queue).is_some() && queue.next(SIZE).is_none());
    }

    #[test]
    fn whoever_waits_for_room_is_told_when_the_queue_closes() {
        let queue = queue(&[(1, 1); REQUESTS_OF_KEY_MAX]);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| queue.push(request_of(1, 1)));
            assert_eq!(queue.abandon().len(), REQUESTS_OF_KEY_MAX);
            assert_eq!(waits.join().unwrap(), Err(NotStored::Closed));
        });
    }
}
