//! The threads that parse bodies and make entries from them.
//!
//! They are few, and always the same threads. tokio starts and ends its threads for blocking work,
//! and each thread that ever parsed a body would keep memory of the allocator for the entries,
//! which the writer frees much later.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::not_done::{NotDone, panicked};

type Work = Box<dyn FnOnce() + Send>;

/// The threads. They end when this value is dropped.
pub(crate) struct Parsers(Sender<Work>);

impl Parsers {
    /// Starts this many threads.
    pub(crate) fn start(threads: usize) -> Parsers {
        let (work, taken) = channel::<Work>();
        let taken = Arc::new(Mutex::new(taken));
        for number in 0..threads {
            let taken = Arc::clone(&taken);
            let started = std::thread::Builder::new().name(format!("audit-parser-{number}")).spawn(move || run(&taken));
            if let Err(error) = started {
                tracing::error!(%error, "a thread that parses bodies could not be started");
            }
        }
        Parsers(work)
    }

    /// Does work on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotDone> {
        let (done, outcome) = oneshot::channel();
        let work = move || drop(done.send(catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(&*panic))));
        self.0.send(Box::new(work)).map_err(|_| NotDone::Stopping)?;
        outcome.await.map_err(|_| NotDone::Stopping)?
    }
}

fn run(taken: &Mutex<Receiver<Work>>) {
    loop {
        let work = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match work {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_outcome_and_the_thread_goes_on() {
        let parsers = Parsers::start(1);
        assert!(matches!(parsers.run(|| panic!("of a test")).await, Err::<(), _>(NotDone::Panicked)));
        let name = parsers.run(|| std::thread::current().name().map(str::to_owned)).await.unwrap();
        assert_eq!(name.as_deref(), Some("audit-parser-0"));
    }

    #[tokio::test]
    async fn threads_end_with_who_started_them() {
        let parsers = Parsers::start(2);
        let (ended, end) = std::sync::mpsc::channel::<()>();
        // The thread keeps the sender as long as the thread lives.
        parsers.run(move || KEPT.with(|kept| kept.set(Some(ended)))).await.unwrap();
        drop(parsers);
        assert!(end.recv_timeout(std::time::Duration::from_secs(10)) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }

    thread_local! {
        static KEPT: std::cell::Cell<Option<Sender<()>>> = const { std::cell::Cell::new(None) };
    }
}
