//! Slots: the parts of an entry. Each slot has its own commitment, so one can be erased and the
//! leaf hash stays valid.

use sha2::{Digest, Sha256};

use crate::draw::{RandomError, fill_random};
use crate::json::JsonText;

/// Separates a slot commitment from every other hash.
const SLOT_TAG: &[u8] = b"audit-slot-v1\0";

/// Bytes of an allocation in addition to its contents.
const ALLOCATION_BYTES: usize = 16;

/// Sixteen random bytes. They keep a commitment from giving away a value that could be guessed.
pub type Salt = [u8; 16];

/// The hash of a slot in the leaf.
pub type Commitment = [u8; 32];

/// Computes `SHA-256("audit-slot-v1" 0x00 ‖ slot ‖ salt ‖ value)`.
#[must_use]
pub fn commitment(slot: u8, salt: &Salt, value: &[u8]) -> Commitment {
    let mut hash = Sha256::new();
    hash.update(SLOT_TAG);
    hash.update([slot]);
    hash.update(salt);
    hash.update(value);
    hash.finalize().into()
}

/// The opening of a slot, or the commitment of an erased slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The salt of a value that is not erased.
    Salt(Salt),
    /// The commitment that is left of an erased value.
    Commitment(Commitment),
}

/// Hides the salt, because with it a log reader could check guesses of an erased value.
impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Opening::Salt(_) => f.write_str("Salt(…)"),
            Opening::Commitment(c) => write!(f, "Commitment({})", hex::encode(c)),
        }
    }
}

/// One slot of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The number of the slot. `docs/log-format.md` says what each slot contains.
    pub number: u8,
    /// The JSON text; `None` after erasure.
    pub value: Option<JsonText>,
    /// Salt or commitment.
    pub opening: Opening,
}

impl Slot {
    /// The commitment: computed from value and salt, or stored if the value is erased.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        match (&self.opening, &self.value) {
            (Opening::Commitment(commitment), _) => *commitment,
            (Opening::Salt(salt), value) => commitment(self.number, salt, value.as_ref().map_or("", JsonText::as_str).as_bytes()),
        }
    }

    /// Whether the value was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        matches!(self.opening, Opening::Commitment(_))
    }
}

/// The slots of an entry, ascending by number, without absent and null values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slots(Vec<Slot>);

/// The `seals` of a stored row do not fit its slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored salts and commitments do not match the slots: {0}")]
pub struct OpeningsError(&'static str);

impl Slots {
    /// Draws a salt for every value from the operating system's generator.
    ///
    /// # Errors
    ///
    /// [`RandomError`]: the operating system has no random bytes.
    pub fn with_new_salts<const N: usize>(values: [(u8, Option<JsonText>); N]) -> Result<Slots, RandomError> {
        debug_assert!(values.is_sorted_by(|a, b| a.0 < b.0), "slots are ascending by definition of the leaf");
        let mut salts = [[0u8; 16]; N];
        fill_random(salts.as_flattened_mut())?;
        // Thousands of entries wait for their commit, so none reserves memory for slots that it
        // does not have.
        let mut slots = Vec::with_capacity(values.iter().filter(|(_, value)| value.is_some()).count());
        let present = values.into_iter().zip(salts).filter_map(|((number, value), salt)| {
            value.map(|value| Slot { number, value: Some(value), opening: Opening::Salt(salt) })
        });
        slots.extend(present);
        Ok(Slots(slots))
    }

    /// Restores slots from stored values and the output of [`Slots::encode_openings`].
    ///
    /// # Errors
    ///
    /// [`OpeningsError`]: the two do not fit each other, because something other than the log
    /// changed the row.
    pub fn from_stored(stored: &[u8], mut value: impl FnMut(u8) -> Option<JsonText>) -> Result<Slots, OpeningsError> {
        let mut slots = Vec::with_capacity(stored.len() / 18);
        let mut rest = stored;
        while let Some((&[number, kind], tail)) = rest.split_first_chunk::<2>() {
            let opening = match kind {
                0 => tail.split_first_chunk().map(|(salt, tail)| (Opening::Salt(*salt), tail)),
                1 => tail.split_first_chunk().map(|(commitment, tail)| (Opening::Commitment(*commitment), tail)),
                _ => None,
            };
            let (opening, tail) = opening.ok_or(OpeningsError("a salt or commitment is incomplete or has an unknown kind"))?;
            let value = value(number);
            if value.is_some() != matches!(opening, Opening::Salt(_)) {
                return Err(OpeningsError("a slot has a value without a salt, or a salt without a value"));
            }
            slots.push(Slot { number, value, opening });
            rest = tail;
        }
        if !rest.is_empty() || !slots.is_sorted_by(|a, b| a.number < b.number) {
            return Err(OpeningsError("the salts and commitments are not a list of ascending slots"));
        }
        Ok(Slots(slots))
    }

    /// Encodes the salts and commitments of all slots for storage: for each slot its number, then 0
    /// and the salt, or 1 and the commitment.
    #[must_use]
    pub fn encode_openings(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 18);
        for slot in &self.0 {
            match &slot.opening {
                Opening::Salt(salt) => {
                    out.extend_from_slice(&[slot.number, 0]);
                    out.extend_from_slice(salt);
                }
                Opening::Commitment(commitment) => {
                    out.extend_from_slice(&[slot.number, 1]);
                    out.extend_from_slice(commitment);
                }
            }
        }
        out
    }

    /// Erases the values of some slots: each loses its value and its salt, and keeps its commitment.
    /// Returns whether there was one that is not erased already.
    pub fn erase(&mut self, numbers: &[u8]) -> bool {
        let open = self.0.iter_mut().filter(|slot| !slot.is_erased() && numbers.contains(&slot.number));
        let mut erased = false;
        for slot in open {
            *slot = Slot { number: slot.number, value: None, opening: Opening::Commitment(slot.commitment()) };
            erased = true;
        }
        erased
    }

    /// All slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter()
    }

    /// The slot with a number.
    #[must_use]
    pub fn get(&self, number: u8) -> Option<&Slot> {
        self.0.iter().find(|slot| slot.number == number)
    }

    /// The value of a slot; `None` if it is absent or erased.
    #[must_use]
    pub fn value(&self, number: u8) -> Option<&JsonText> {
        self.get(number).and_then(|slot| slot.value.as_ref())
    }

    /// Slot numbers and commitments, as the leaf lists them.
    #[must_use]
    pub fn commitments(&self) -> Vec<(u8, Commitment)> {
        self.0.iter().map(|slot| (slot.number, slot.commitment())).collect()
    }

    /// The approximate memory of the slots in bytes, with the list of their commitments.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.len() * (size_of::<Slot>() + size_of::<(u8, Commitment)>() + ALLOCATION_BYTES) + self.bytes()
    }

    /// The bytes of all values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().filter_map(|slot| slot.value.as_ref()).map(|value| value.as_str().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Slots {
        Slots::with_new_salts([(0, Some(JsonText::string("a"))), (3, None), (7, Some(JsonText::string("b")))]).unwrap()
    }

    #[test]
    fn absent_slots_are_not_listed_and_salts_differ() {
        let slots = three();
        assert_eq!(slots.iter().map(|s| s.number).collect::<Vec<_>>(), [0, 7]);
        assert_ne!(slots.get(0).unwrap().opening, slots.get(7).unwrap().opening);
        assert_ne!(three().commitments(), slots.commitments());
    }

    #[test]
    fn stored_form_comes_back_with_erased_slots() {
        let mut slots = three();
        let commitment = slots.0[1].commitment();
        assert!(slots.erase(&[3, 7]));
        assert!(!slots.erase(&[3, 7]), "it is erased already");
        assert_eq!(slots.0[1], Slot { number: 7, value: None, opening: Opening::Commitment(commitment) });
        let value = |slots: &Slots, n| slots.value(n).cloned();
        assert_eq!(Slots::from_stored(&slots.encode_openings(), |n| value(&slots, n)).unwrap(), slots);
        assert_eq!(slots.commitments()[1], (7, commitment));
    }

    #[test]
    fn refuses_seals_that_do_not_fit() {
        let slots = three();
        let value = |n| slots.value(n).cloned();
        let seals = slots.encode_openings();
        assert!(Slots::from_stored(&seals[..seals.len() - 1], value).is_err());
        assert!(Slots::from_stored(&seals, |_| None).is_err());
        assert!(Slots::from_stored(&[0, 2], value).is_err());
        let swapped = [&seals[18..], &seals[..18]].concat();
        assert!(Slots::from_stored(&swapped, value).is_err());
    }
}
