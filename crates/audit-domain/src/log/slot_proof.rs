//! Slots as a proof shows them: values with their salts, and what is left of erased ones. Nobody
//! signed them, but the leaf has the commitment of each, so none can be changed.

use super::document::{DocumentError, Object};
use super::leaf::{Leaf, SLOTS_MAX};
use super::slot::{Commitment, Opening, Salt, Slot, Slots, commitment};
use crate::json::{ObjectWriter, pick, push_array};
use crate::{Stream, Timestamp};

const OPEN: &[&str] = &["slot", "name", "salt", "value"];
const ERASED: &[&str] = &["slot", "name", "commitment", "erased"];

/// One slot of an entry, as a proof shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotProof {
    /// The number of the slot.
    pub number: u8,
    /// Its name: [`Stream::slot_name`].
    pub name: String,
    /// What is shown of it.
    pub content: SlotContent,
}

/// What a proof shows of a slot.
#[derive(Clone, PartialEq, Eq)]
pub enum SlotContent {
    /// The value, and the salt with which the commitment is computed.
    Open {
        /// The salt.
        salt: Salt,
        /// The JSON text of the value, byte for byte.
        value: String,
    },
    /// The commitment. The value and its salt are erased, or the maker of the
    /// proof withholds them.
    Erased {
        /// The commitment.
        commitment: Commitment,
        /// Which entry erased the value, if that is known. Only the proof of that entry proves it.
        erasure: Option<Erasure>,
    },
}

/// When the value of a slot was erased, and which entry says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// The time.
    pub at: Timestamp,
    /// The position, in the same log, of the entry that names the slot.
    pub by_position: u64,
}

/// Hides the salt and the value.
impl std::fmt::Debug for SlotProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content = if self.is_erased() { "erased" } else { "open" };
        write!(f, "SlotProof({} {}, {content})", self.number, self.name)
    }
}

/// Hides the salt and the value.
impl std::fmt::Debug for SlotContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SlotContent::Open { .. } => f.write_str("Open(…)"),
            SlotContent::Erased { commitment, erasure } => write!(f, "Erased({}, {erasure:?})", hex::encode(commitment)),
        }
    }
}

/// The reason why the slots of a proof are not those of the leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlotFault {
    /// The leaf has a slot that is not shown.
    #[error("slot {0} of the leaf is missing")]
    Missing(u8),
    /// A slot is shown that the leaf does not have, or that is not in order.
    #[error("slot {0} is not in the leaf, or not in ascending order")]
    Extra(u8),
    /// The stream has no such slot in this version.
    #[error("slot {0} has no name in this version: verify the entry with a newer one")]
    Unknown(u8),
    /// The slot has another name.
    #[error("slot {slot} is `{expected}`, not `{got}`")]
    Name {
        /// The number.
        slot: u8,
        /// Its name.
        expected: &'static str,
        /// The name that it was given.
        got: String,
    },
    /// The salt and the value are not those of the leaf.
    #[error("the salt and the value of slot {0} do not have the commitment that is in the leaf")]
    Value(u8),
    /// The commitment is not that of the leaf.
    #[error("the commitment of the erased slot {0} is not the one in the leaf")]
    Commitment(u8),
}

impl SlotProof {
    /// Shows a slot of a stream. `None` if the stream has no slot with its number.
    #[must_use]
    pub fn of_slot(stream: Stream, slot: &Slot) -> Option<SlotProof> {
        let name = stream.slot_name(slot.number)?.to_owned();
        let content = match (&slot.opening, &slot.value) {
            (Opening::Salt(salt), Some(value)) => SlotContent::Open { salt: *salt, value: value.as_str().to_owned() },
            _ => SlotContent::Erased { commitment: slot.commitment(), erasure: None },
        };
        Some(SlotProof { number: slot.number, name, content })
    }

    /// Whether only the commitment is shown.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        matches!(self.content, SlotContent::Erased { .. })
    }

    fn write(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object.raw("slot", &self.number.to_string()).string("name", &self.name);
        match &self.content {
            SlotContent::Open { salt, value } => {
                object.string("salt", &hex::encode(salt)).string("value", value);
            }
            SlotContent::Erased { commitment, erasure } => {
                object.string("commitment", &hex::encode(commitment));
                match erasure {
                    Some(erasure) => object.nested("erased", |out| erasure.write(out)),
                    None => object.raw("erased", "null"),
                };
            }
        }
        object.end();
    }

    fn read(object: &Object<'_>, is_erased: bool) -> Result<SlotProof, DocumentError> {
        let number = u8::try_from(object.number("slot")?).map_err(|_| object.form("slot", "the number of a slot, 0 to 255"))?;
        let name = object.string("name")?;
        let content = match is_erased {
            true => SlotContent::Erased { commitment: object.hex("commitment")?, erasure: Erasure::read(object)? },
            false => SlotContent::Open { salt: object.hex("salt")?, value: object.string("value")? },
        };
        Ok(SlotProof { number, name, content })
    }

    fn verify(&self, stream: Stream, expected: &Commitment) -> Result<VerifiedSlot, SlotFault> {
        let number = self.number;
        let name = stream.slot_name(number).ok_or(SlotFault::Unknown(number))?;
        if self.name != name {
            return Err(SlotFault::Name { slot: number, expected: name, got: self.name.clone() });
        }
        match &self.content {
            SlotContent::Open { salt, value } if commitment(number, salt, value.as_bytes()) != *expected => {
                Err(SlotFault::Value(number))
            }
            SlotContent::Erased { commitment, .. } if commitment != expected => Err(SlotFault::Commitment(number)),
            _ => Ok(VerifiedSlot { number, name, is_erased: self.is_erased() }),
        }
    }
}

impl Erasure {
    fn write(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object.string("at", &self.at.to_string()).raw("by_position", &self.by_position.to_string());
        object.end();
    }

    fn read(slot: &Object<'_>) -> Result<Option<Erasure>, DocumentError> {
        let Some(object) = slot.object("erased", &["at", "by_position"])? else { return Ok(None) };
        let text = object.string("at")?;
        let at = Timestamp::parse(&text).ok().filter(|at| at.to_string() == text);
        let at = at.ok_or_else(|| object.form("at", "an instant such as 2023-10-16T09:00:00.929094Z"))?;
        Ok(Some(Erasure { at, by_position: object.number("by_position")? }))
    }
}

/// A slot whose commitment is the one in the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedSlot {
    /// The number of the slot.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
    /// Whether only the commitment is shown.
    pub is_erased: bool,
}

/// Shows all slots of an entry. The error is the number of a slot that the stream does not have.
pub(super) fn of_slots(stream: Stream, slots: &Slots) -> Result<Vec<SlotProof>, SlotFault> {
    slots.iter().map(|slot| SlotProof::of_slot(stream, slot).ok_or(SlotFault::Unknown(slot.number))).collect()
}

/// Adds to the erased slots which entry erased them.
pub(super) fn add_erasures(slots: &mut [SlotProof], of_slot: impl Fn(u8) -> Option<Erasure>) {
    for slot in slots {
        if let SlotContent::Erased { erasure, .. } = &mut slot.content {
            *erasure = of_slot(slot.number);
        }
    }
}

/// Writes the list of slots.
pub(super) fn write_slots(slots: &[SlotProof], out: &mut String) {
    push_array(out, slots, SlotProof::write);
}

/// Reads the member `slots`.
pub(super) fn read_slots(object: &Object<'_>) -> Result<Vec<SlotProof>, DocumentError> {
    let slots = object.objects("slots", SLOTS_MAX, |slot| if is_erased(slot) { ERASED } else { OPEN })?;
    slots.iter().map(|slot| SlotProof::read(slot, slot.has("commitment"))).collect()
}

fn is_erased(slot: &str) -> bool {
    pick(slot, &["commitment"]).is_some_and(|[commitment]| commitment.is_some())
}

/// Verifies that these are exactly the slots of the leaf.
pub(super) fn verify_slots(leaf: &Leaf, slots: &[SlotProof]) -> Result<Vec<VerifiedSlot>, SlotFault> {
    let (mut shown, mut verified) = (slots.iter(), Vec::with_capacity(slots.len()));
    for (number, expected) in &leaf.commitments {
        match shown.next() {
            Some(slot) if slot.number == *number => verified.push(slot.verify(leaf.stream, expected)?),
            Some(slot) if slot.number < *number => return Err(SlotFault::Extra(slot.number)),
            _ => return Err(SlotFault::Missing(*number)),
        }
    }
    match shown.next() {
        Some(slot) => Err(SlotFault::Extra(slot.number)),
        None => Ok(verified),
    }
}
