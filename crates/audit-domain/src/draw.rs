//! Uuids that this program draws, and the keys of its hash tables. The functions return a `Result`,
//! because the operating system may have no random bytes: the generators of the crate `uuid` panic
//! in that case.

use std::cell::Cell;
use std::hash::RandomState;

use uuid::{Builder, Uuid};

use crate::timestamp::Timestamp;

/// The operating system has no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system has no random bytes: {0}")]
pub struct RandomError(getrandom::Error);

/// Fills `bytes` from the operating system's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(bytes).map_err(RandomError)
}

/// Draws random bytes from the operating system's generator, such as the secret of a key.
///
/// # Errors
///
/// [`RandomError`]: the operating system has no random bytes.
pub fn draw_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Draws a UUIDv7 (RFC 9562): the milliseconds of an instant, the rest of its microseconds in 12
/// bits (so that uuids of one millisecond are mostly in the order of time), and 62 random bits.
///
/// # Errors
///
/// [`RandomError`]: the operating system has no random bytes.
pub fn draw_uuid_v7(at: Timestamp) -> Result<Uuid, RandomError> {
    let mut random = [0; 8];
    fill_random(&mut random)?;
    Ok(uuid_v7(at, random))
}

/// Makes a UUIDv7 from an instant and random bytes.
#[must_use]
pub fn uuid_v7(at: Timestamp, random: [u8; 8]) -> Uuid {
    let micros = at.micros().unsigned_abs();
    // 0 to 4,095, in steps of about four.
    let [high, low] = u16::try_from(micros % 1000 * 4096 / 1000).unwrap_or(0).to_be_bytes();
    let [a, b, c, d, e, f, g, h] = random;
    Builder::from_unix_timestamp_millis(micros / 1000, &[high, low, a, b, c, d, e, f, g, h]).into_uuid()
}

/// Draws the keys with which this thread hashes, once for each thread. The standard library draws
/// them with the first `HashMap` of a thread, and panics if the operating system has no random
/// bytes.
///
/// # Errors
///
/// [`RandomError`]: the operating system has no random bytes.
pub fn draw_hash_keys() -> Result<(), RandomError> {
    thread_local!(static DRAWN: Cell<bool> = const { Cell::new(false) });
    if !DRAWN.get() {
        fill_random(&mut [0])?;
        drop(RandomState::new());
        DRAWN.set(true);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_uuid_is_a_v7_of_its_instant_in_the_order_of_time() {
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        let uuids = [1_697_446_800_000_000, 1_697_446_800_000_001, 1_697_446_800_000_999, 1_697_446_800_001_000];
        let uuids = uuids.map(|micros| uuid_v7(at(micros), [0xff; 8]));
        assert!(uuids.is_sorted());
        assert_eq!(uuids[0].to_string(), "018b37b6-aa80-7000-bfff-ffffffffffff");
        assert_eq!(uuids[2].to_string(), "018b37b6-aa80-7ffb-bfff-ffffffffffff");
        let now = Timestamp::now().unwrap();
        let drawn = draw_uuid_v7(now).unwrap();
        assert_eq!((drawn.get_version_num(), drawn.get_variant()), (7, uuid::Variant::RFC4122));
        let (seconds, nanos) = drawn.get_timestamp().unwrap().to_unix();
        assert_eq!(seconds * 1000 + u64::from(nanos) / 1_000_000, now.micros().unsigned_abs() / 1000);
        assert_ne!(drawn, draw_uuid_v7(now).unwrap());
    }
}
