//! Erasure: whose values leave a log, and the entry that says so.
//!
//! The entry is appended before anything is erased, and names positions and slots. It never names the
//! person: it stays in the log permanently. See `docs/decisions/0059-erasure.md`.

use serde::Deserialize;
use uuid::Uuid;

use crate::event::slot;
use crate::limits::{ERASURE_UUIDS_MAX, REASON_CHARS_MAX};
use crate::reserved::is_reserved;
use crate::{
    ActionLogSubject, ERASE, Entry, Fault, JsonText, NewActionLog, NewEvent, ObjectWriter, Stream, Subject, action_log_slot,
    push_array,
};

/// Whether an entry says what happened to the log itself. Such entries are evidence, and never erased.
#[must_use]
pub fn is_evidence(stream: Stream, entry: &Entry) -> bool {
    let name = match stream {
        Stream::Events => {
            let subject = entry.slots.value(slot::SUBJECT).and_then(Subject::from_slot);
            subject.and_then(|subject| subject.action).map(|action| action.json().clone())
        }
        Stream::ActionLogs => {
            let subject = entry.slots.value(action_log_slot::SUBJECT).and_then(ActionLogSubject::from_slot);
            subject.and_then(|subject| subject.logger_name)
        }
        // All of them are evidence.
        Stream::Checkpoints => return true,
    };
    name.is_some_and(|name| is_reserved(&name))
}

/// Python's level `INFO`.
const LEVEL: i64 = 20;

/// A reason that has this text of the request would name the person. Shorter ids are in many texts.
const TELLING_CHARS: usize = 5;

/// Whose values are erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureOf {
    /// All events of a user, by id.
    User(String),
    /// The entries with these uuids.
    Uuids(Vec<Uuid>),
}

/// A wish to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewErasure {
    /// The log of the channel.
    pub stream: Stream,
    /// Whose values.
    pub of: ErasureOf,
    /// The slots, by number.
    pub slots: Vec<u8>,
    /// Why, for the log. It must not name the person.
    pub reason: String,
}

impl NewErasure {
    /// The slots that are erased unless others are named: all but the subject, so that it stays known
    /// what was done to which object.
    #[must_use]
    pub fn default_slots(stream: Stream) -> Vec<u8> {
        stream.slot_numbers().filter(|number| *number != slot::SUBJECT).collect()
    }

    /// What is wrong: the member, and a sentence about it.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut fault = |member, what: String| faults.push((member, what));
        match &self.of {
            ErasureOf::User(id) if id.is_empty() => fault("user", "must be the id of a user, as text".to_owned()),
            ErasureOf::User(_) if self.stream != Stream::Events => {
                fault("user", "is known of events only: name the action logs by uuids".to_owned());
            }
            ErasureOf::Uuids(uuids) if uuids.is_empty() || uuids.len() > ERASURE_UUIDS_MAX => {
                fault("uuids", format!("must have 1 to {ERASURE_UUIDS_MAX} uuids, has {}", uuids.len()));
            }
            _ => {}
        }
        if self.slots.is_empty() || self.slots.iter().any(|number| self.stream.slot_name(*number).is_none()) {
            let names: Vec<&str> = self.stream.slot_names().collect();
            fault("slots", format!("must be one or more of {}", names.join(", ")));
        }
        let chars = self.reason.chars().count();
        if self.reason.trim().is_empty() || chars > REASON_CHARS_MAX {
            fault("reason", format!("must say why, in 1 to {REASON_CHARS_MAX} characters: it stays in the log"));
        }
        if let ErasureOf::User(id) = &self.of
            && id.chars().count() >= TELLING_CHARS
            && self.reason.contains(id.as_str())
        {
            fault("reason", "must not have the id of the user: it stays in the log permanently".to_owned());
        }
        faults
    }
}

/// What an entry says that is erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRecord {
    /// The first and the last position of each run of entries, ascending, with gaps between them.
    pub positions: Vec<(i64, i64)>,
    /// The slots, by number, ascending.
    pub slots: Vec<u8>,
    /// Why.
    pub reason: String,
}

/// The document in the entry.
#[derive(Deserialize)]
struct Document {
    positions: Vec<(i64, i64)>,
    slots: Vec<String>,
    reason: String,
}

/// An entry does not say what is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not say what is erased: expected the members `positions`, `slots` and `reason`")]
pub struct NotAnErasure;

impl ErasureRecord {
    /// The runs of positions that one entry names at most; an erasure of more has several entries.
    pub const RUNS_MAX: usize = 10_000;

    /// Makes the records of an erasure.
    ///
    /// `positions` are ascending.
    #[must_use]
    pub fn of_positions(positions: &[i64], slots: &[u8], reason: &str) -> Vec<ErasureRecord> {
        let runs: Vec<(i64, i64)> = positions
            .chunk_by(|one, next| one.checked_add(1) == Some(*next))
            .filter_map(|run| Some((*run.first()?, *run.last()?)))
            .collect();
        let mut slots = slots.to_vec();
        slots.sort_unstable();
        slots.dedup();
        let record =
            |runs: &[(i64, i64)]| ErasureRecord { positions: runs.to_vec(), slots: slots.clone(), reason: reason.to_owned() };
        runs.chunks(ErasureRecord::RUNS_MAX).map(record).collect()
    }

    /// The number of entries.
    #[must_use]
    pub fn entries(&self) -> i64 {
        self.positions.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The first and the last position.
    #[must_use]
    pub fn bounds(&self) -> Option<(i64, i64)> {
        Some((self.positions.first()?.0, self.positions.last()?.1))
    }

    /// Whether the value of a slot is erased.
    #[must_use]
    pub fn covers(&self, position: i64, slot: u8) -> bool {
        self.slots.binary_search(&slot).is_ok() && self.next_from(position) == Some(position)
    }

    /// The first position from a given one on.
    #[must_use]
    pub fn next_from(&self, position: i64) -> Option<i64> {
        let at = self.positions.partition_point(|(_, last)| *last < position);
        self.positions.get(at).map(|(first, _)| position.max(*first))
    }

    fn document(&self, stream: Stream) -> JsonText {
        let mut text = String::new();
        let mut object = ObjectWriter::new(&mut text);
        let run = |(first, last): &(i64, i64), out: &mut String| out.push_str(&format!("[{first},{last}]"));
        object.nested("positions", |out| push_array(out, &self.positions, run));
        let names = self.slots.iter().filter_map(|number| stream.slot_name(*number));
        object.nested("slots", |out| push_array(out, names, |name, out| out.push_str(JsonText::string(name).as_str())));
        object.string("reason", &self.reason);
        object.end();
        JsonText::from_trusted(text)
    }

    /// The event that says so, in the stream of events.
    ///
    /// # Errors
    ///
    /// None: [`Fault`] is what the name of an action may have.
    pub fn to_event(&self) -> Result<NewEvent, Fault> {
        Ok(NewEvent::with_action(ERASE)?.content(self.document(Stream::Events)))
    }

    /// The action log that says so, in the stream of action logs.
    ///
    /// # Errors
    ///
    /// None, as for [`ErasureRecord::to_event`].
    pub fn to_action_log(&self) -> Result<NewActionLog, Fault> {
        NewActionLog::new(LEVEL, "Values of entries are erased.")?.logger_name(ERASE).extra(self.document(Stream::ActionLogs))
    }

    /// Reads what an entry says.
    ///
    /// # Errors
    ///
    /// [`NotAnErasure`].
    pub fn read(stream: Stream, entry: &Entry) -> Result<ErasureRecord, NotAnErasure> {
        let slot = match stream {
            Stream::Events => slot::CONTENT,
            Stream::ActionLogs => action_log_slot::EXTRA,
            Stream::Checkpoints => return Err(NotAnErasure),
        };
        let document = entry.slots.value(slot).ok_or(NotAnErasure)?;
        let document: Document = serde_json::from_str(document.as_str()).map_err(|_| NotAnErasure)?;
        let slots: Option<Vec<u8>> = document.slots.iter().map(|name| stream.slot_number(name)).collect();
        let record = ErasureRecord { positions: document.positions, slots: slots.ok_or(NotAnErasure)?, reason: document.reason };
        let is_ordered = record.positions.iter().all(|(first, last)| 0 <= *first && first <= last)
            && record.positions.is_sorted_by(|(_, last), (first, _)| last < first)
            && record.slots.is_sorted_by(|one, next| one < next)
            && record.positions.last().is_some_and(|(_, last)| *last < entry.position);
        if is_ordered { Ok(record) } else { Err(NotAnErasure) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelId, Timestamp};

    fn record(positions: &[i64]) -> ErasureRecord {
        ErasureRecord::of_positions(positions, &[7, 1, 7], "ticket 3").remove(0)
    }

    #[test]
    fn positions_are_runs_and_each_is_covered() {
        let record = record(&[0, 1, 2, 5, 9, 10]);
        assert_eq!((record.positions.as_slice(), record.entries()), ([(0, 2), (5, 5), (9, 10)].as_slice(), 6));
        let covered: Vec<i64> = (-1..13).filter(|position| record.covers(*position, 7)).collect();
        assert_eq!(covered, [0, 1, 2, 5, 9, 10]);
        assert!(!record.covers(5, 2));
        assert_eq!([0, 3, 6, 10, 11].map(|from| record.next_from(from)), [Some(0), Some(5), Some(9), Some(10), None]);
    }

    #[test]
    fn more_runs_than_an_entry_takes_are_several() {
        let every_other: Vec<i64> = (0..2 * ErasureRecord::RUNS_MAX as i64 + 2).map(|number| number * 2).collect();
        let records = ErasureRecord::of_positions(&every_other, &[1], "x");
        assert_eq!(records.iter().map(ErasureRecord::entries).collect::<Vec<_>>(), [10_000, 10_000, 2]);
        assert!(ErasureRecord::of_positions(&[], &[1], "x").is_empty());
    }

    #[test]
    fn an_entry_says_what_is_erased_in_both_streams() {
        let record = record(&[0, 1, 4]);
        let at = |entry: crate::PreparedEntry| {
            let hash = entry.leaf_hash(0, Timestamp::MIN);
            entry.into_entry(0, 5, Timestamp::MIN, hash)
        };
        let event = at(record.to_event().unwrap().prepare(ChannelId::DEFAULT).unwrap());
        assert_eq!(ErasureRecord::read(Stream::Events, &event), Ok(record.clone()));
        let of_content = ErasureRecord { slots: vec![1, 9], ..record.clone() };
        let log = at(of_content.to_action_log().unwrap().prepare(ChannelId::DEFAULT).unwrap());
        assert_eq!(ErasureRecord::read(Stream::ActionLogs, &log), Ok(of_content));
        // It covers what was there before it.
        assert_eq!(ErasureRecord::read(Stream::Events, &Entry { position: 4, ..event.clone() }), Err(NotAnErasure));
        for (from, to) in
            [("[4,4]", "[1,4]"), ("[0,1]", "[1,0]"), ("\"user\",\"content\"", "\"content\",\"user\""), ("user", "usr")]
        {
            let text = event.slots.value(slot::CONTENT).unwrap().as_str().replace(from, to);
            let changed = at(NewEvent::new().content(JsonText::from_trusted(text)).prepare(ChannelId::DEFAULT).unwrap());
            assert_eq!(ErasureRecord::read(Stream::Events, &changed), Err(NotAnErasure), "{to}");
        }
    }

    #[test]
    fn each_fault_names_its_member() {
        let erasure = |of, slots: &[u8], reason: &str| NewErasure {
            stream: Stream::Events,
            of,
            slots: slots.to_vec(),
            reason: reason.to_owned(),
        };
        let user = |id: &str| ErasureOf::User(id.to_owned());
        let named = |erasure: NewErasure| erasure.faults().into_iter().map(|(member, _)| member).collect::<Vec<_>>();
        assert!(named(erasure(user("7"), &[1], "ticket 7")).is_empty());
        assert_eq!(named(erasure(user(""), &[], " ")), ["user", "slots", "reason"]);
        assert_eq!(named(erasure(user("zoe@shop.example"), &[1], "wish of zoe@shop.example")), ["reason"]);
        assert_eq!(
            named(erasure(ErasureOf::Uuids(Vec::new()), &[12], &"x".repeat(REASON_CHARS_MAX + 1))),
            ["uuids", "slots", "reason"]
        );
        let of_action_logs = NewErasure { stream: Stream::ActionLogs, ..erasure(user("7"), &[1], "x") };
        assert_eq!(named(of_action_logs), ["user"]);
        assert_eq!(NewErasure::default_slots(Stream::ActionLogs), [1, 2, 9, 11]);
    }
}
