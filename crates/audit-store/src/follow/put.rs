//! What a step stores, and how steps of many logs are stored together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Progress, Report};
use crate::append::Writers;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::log_key::LogKey;

/// A prepared step.
pub(crate) trait Put: Send + Sync + 'static {
    /// Its log.
    fn log(&self) -> LogKey;

    /// Stores it, in a transaction.
    fn put(&self, conn: &mut DbConnection) -> Result<Progress, StoreError>;
}

/// Has each writer store the steps of its logs, all of them at the same time: one that waits for the
/// database does not keep the others waiting. Reports each, and returns whether further steps are wanted.
pub(crate) fn put_all<P: Put>(writers: &Writers, prepared: Vec<P>, report: Report<'_>) -> bool {
    let mut of_writers: BTreeMap<usize, Vec<P>> = BTreeMap::new();
    for step in prepared {
        of_writers.entry(writers.number_for(step.log())).or_default().push(step);
    }
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let mut steps = of_writers.into_values();
        let own = steps.next();
        let others: Vec<_> = steps.map(|steps| scope.spawn(|| put_together(writers, steps))).collect();
        let own = own.map(|steps| put_together(writers, steps));
        own.into_iter().chain(others.into_iter().filter_map(|other| other.join().ok())).flatten().collect()
    });
    outcomes.into_iter().fold(true, |go_on, (log, outcome)| report(log, outcome) && go_on)
}

/// Stores steps of logs with the same writer in one transaction. If one of them may be at fault, each is
/// stored alone: a log does not wait for the fault of another one. The logs are in their order, so that two
/// servers lock rows in the same order.
fn put_together<P: Put>(writers: &Writers, steps: Vec<P>) -> Vec<(LogKey, Result<Progress, StoreError>)> {
    let Some(first) = steps.first().map(Put::log) else { return Vec::new() };
    let steps = Arc::new(steps);
    let together = Arc::clone(&steps);
    let put = move |conn: &mut DbConnection| {
        dialect::write(conn, |conn| together.iter().map(|step| step.put(conn)).collect::<Result<Vec<_>, StoreError>>())
    };
    let logs = steps.iter().map(Put::log);
    match writers.run_for(first, put) {
        Ok(progress) => logs.zip(progress.into_iter().map(Ok)).collect(),
        Err(error) if steps.len() == 1 => vec![(first, Err(error))],
        Err(StoreError::Unreachable(why)) => logs.map(|log| (log, Err(StoreError::Unreachable(why.clone())))).collect(),
        Err(StoreError::Closed) => logs.map(|log| (log, Err(StoreError::Closed))).collect(),
        Err(error) => {
            tracing::debug!(%error, "steps of {} logs are stored one by one", steps.len());
            let alone = |(number, log): (usize, LogKey)| {
                let steps = Arc::clone(&steps);
                (log, writers.run_for(log, move |conn| dialect::write(conn, |conn| steps[number].put(conn))))
            };
            logs.enumerate().map(alone).collect()
        }
    }
}
