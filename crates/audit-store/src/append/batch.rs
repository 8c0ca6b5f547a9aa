//! One transaction of the writer: requests are staged whole, then inserted, and the heads move.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use audit_domain::uuid::Uuid;
use audit_domain::{Event, PreparedEvent, Stream, Timestamp};
use diesel::prelude::*;

use super::{AppendRequest, Receipt};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{AppendError, Conflict, StoreError};
use crate::query::find_event;
use crate::row::{NewEventRow, Placement};
use crate::schema::logs;

/// What became of one request.
pub(super) type Outcome = Result<Vec<Receipt>, AppendError>;

const STREAM: i16 = Stream::Events.code() as i16;

/// Whether uuids made by this server are looked up too. They cannot be in the log, unless a commit whose outcome is unknown
/// went through after all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    GivenUuids,
    AllUuids,
}

/// Appends requests in their order; each is accepted whole or has no effect. On an error, nothing of any of them is stored.
pub(super) fn commit(conn: &mut DbConnection, requests: &[&AppendRequest], lookup: Lookup) -> Result<Vec<Outcome>, StoreError> {
    dialect::write(conn, |conn| {
        let mut batch = Batch { heads: lock_heads(conn, requests)?, placed: Vec::new(), by_uuid: HashMap::new(), lookup };
        let outcomes = requests.iter().map(|request| batch.stage(conn, request)).collect::<Result<Vec<_>, _>>()?;
        batch.write(conn)?;
        Ok(outcomes)
    })
}

struct Head {
    next_position: i64,
    recorded_at: Timestamp,
    /// Whether the batch adds to this log. If not, its head keeps the time of its last event.
    grows: bool,
}

/// Locks the logs that are written, in the order of their keys, so that two servers never wait for each other.
fn lock_heads(conn: &mut DbConnection, requests: &[&AppendRequest]) -> Result<BTreeMap<i64, Head>, StoreError> {
    let events = requests.iter().flat_map(|request| &request.events);
    let channels: BTreeSet<i64> = events.map(|event| event.channel_id().get()).collect();
    let mut heads = BTreeMap::new();
    for channel_id in channels {
        let (next_position, last) = dialect::lock_head(conn, channel_id, STREAM)?;
        // The clock is read after the lock; if it went back, the log's time stands still.
        let now = Timestamp::now();
        let recorded_at = Timestamp::from_micros(last).map_or(now, |last| last.max(now));
        heads.insert(channel_id, Head { next_position, recorded_at, grows: false });
    }
    Ok(heads)
}

struct Batch<'a> {
    heads: BTreeMap<i64, Head>,
    placed: Vec<(&'a PreparedEvent, Placement)>,
    by_uuid: HashMap<(i64, Uuid), usize>,
    lookup: Lookup,
}

/// What an event of a request is.
enum Staged {
    New,
    Duplicate(Receipt),
    /// Of an earlier event of the same request, by its index there.
    Repeats(usize),
}

impl<'a> Batch<'a> {
    fn stage(&mut self, conn: &mut DbConnection, request: &'a AppendRequest) -> Result<Outcome, StoreError> {
        let mut staged = Vec::with_capacity(request.events.len());
        // Only what is new: a retry is compared with the event that is stored, however often the request repeats it.
        let mut mine: HashMap<(i64, Uuid), usize> = HashMap::with_capacity(request.events.len());
        let mut conflicts = Vec::new();
        for (index, event) in request.events.iter().enumerate() {
            let key = (event.channel_id().get(), event.uuid());
            let conflict = |within_request| Conflict { index, uuid: event.uuid(), within_request };
            if let Some(&first) = mine.get(&key) {
                if !event.is_retry_of_prepared(&request.events[first]) {
                    conflicts.push(conflict(true));
                }
                staged.push(Staged::Repeats(first));
                continue;
            }
            match self.first(conn, event, key)? {
                First::None => {
                    mine.insert(key, index);
                    staged.push(Staged::New);
                }
                First::Same(receipt) => staged.push(Staged::Duplicate(receipt)),
                First::Other => conflicts.push(conflict(false)),
            }
        }
        if conflicts.is_empty() { Ok(Ok(self.accept(request, staged)?)) } else { Ok(Err(AppendError::Conflict(conflicts))) }
    }

    /// The event of the same uuid that came first, in this batch or in the log.
    fn first(&self, conn: &mut DbConnection, event: &PreparedEvent, key: (i64, Uuid)) -> Result<First, StoreError> {
        if let Some(&place) = self.by_uuid.get(&key) {
            let (first, placement) = &self.placed[place];
            let receipt = Receipt { duplicate: true, ..receipt(first, placement) };
            return Ok(if event.is_retry_of_prepared(first) { First::Same(receipt) } else { First::Other });
        }
        if self.lookup == Lookup::GivenUuids && !event.uuid_was_given() {
            return Ok(First::None);
        }
        let stored: Option<Event> = find_event(conn, key.0, key.1)?;
        Ok(match stored {
            None => First::None,
            Some(stored) if event.is_retry_of(&stored) => First::Same(Receipt::of_duplicate(&stored)),
            Some(_) => First::Other,
        })
    }

    fn accept(&mut self, request: &'a AppendRequest, staged: Vec<Staged>) -> Result<Vec<Receipt>, StoreError> {
        let mut receipts: Vec<Receipt> = Vec::with_capacity(staged.len());
        for (event, staged) in request.events.iter().zip(staged) {
            let receipt = match staged {
                Staged::Duplicate(receipt) => receipt,
                Staged::Repeats(first) => Receipt { duplicate: true, ..receipts[first] },
                Staged::New => self.place(event, request.producer_id)?,
            };
            receipts.push(receipt);
        }
        Ok(receipts)
    }

    fn place(&mut self, event: &'a PreparedEvent, producer_id: i64) -> Result<Receipt, StoreError> {
        let channel_id = event.channel_id().get();
        // Every channel of the batch was locked at its start.
        let head = self.heads.get_mut(&channel_id).ok_or(diesel::result::Error::NotFound)?;
        let (position, recorded_at) = (head.next_position, head.recorded_at);
        head.next_position += 1;
        head.grows = true;
        let leaf_hash = event.leaf_hash(producer_id, recorded_at);
        let placement = Placement { position, recorded_at, producer_id, leaf_hash };
        let receipt = receipt(event, &placement);
        self.by_uuid.insert((channel_id, event.uuid()), self.placed.len());
        self.placed.push((event, placement));
        Ok(receipt)
    }

    fn write(&self, conn: &mut DbConnection) -> Result<(), StoreError> {
        let uuids: Vec<[u8; 16]> = self.placed.iter().map(|(event, _)| event.uuid().into_bytes()).collect();
        let rows = self.placed.iter().zip(&uuids).map(|((event, placement), uuid)| NewEventRow::new(event, uuid, placement));
        dialect::insert_events(conn, rows)?;
        for (channel_id, head) in self.heads.iter().filter(|(_, head)| head.grows) {
            diesel::update(logs::table.find((*channel_id, STREAM)))
                .set((logs::next_position.eq(head.next_position), logs::recorded_at.eq(head.recorded_at.micros())))
                .execute(conn)?;
        }
        Ok(())
    }
}

enum First {
    None,
    Same(Receipt),
    Other,
}

fn receipt(event: &PreparedEvent, placement: &Placement) -> Receipt {
    Receipt {
        uuid: event.uuid(),
        channel_id: event.channel_id(),
        position: placement.position,
        recorded_at: placement.recorded_at,
        leaf_hash: placement.leaf_hash,
        duplicate: false,
    }
}
