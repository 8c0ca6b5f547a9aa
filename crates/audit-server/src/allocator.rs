//! Makes glibc's allocator return memory to the system.
//!
//! glibc takes a buffer of at least 128 KiB from the system, and returns it when the buffer is
//! freed. But the first such buffer that is freed raises that size, up to 32 MiB, because taking
//! memory from the system costs time. From then on the bodies of appends come from memory that is
//! never returned, and other threads free them than reserved them. With a fixed size, batches of
//! 1,000 events over 256 connections take at most 142 to 150 MiB, and without it 150 to 167;
//! afterwards 95 and 140. The rate is the same.
//!
//! Memory in smaller pieces is free after a while, but not returned: one piece in use keeps all
//! before it. Queries on 3 · 10⁶ entries in a random order of time took 157 to 175 MiB, of which 72
//! were in use, and take 68 with [`return_free_memory`].

#![cfg_attr(all(target_os = "linux", target_env = "gnu"), expect(unsafe_code, reason = "no crate calls this without unsafe code"))]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use std::time::Duration;

/// Returns every large buffer to the system when it is freed. This must be called before other
/// threads start.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn return_large_buffers() {
    const LARGE_BYTES: libc::c_int = 128 * 1024;
    // SAFETY: the function takes two numbers, and no other thread changes the allocator's settings.
    // If it fails, the program only takes more memory.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES) };
}

/// Other allocators have no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn return_large_buffers() {}

/// The interval at which the process looks at its memory.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LOOK: Duration = Duration::from_secs(1);

/// Returns free memory to the system when the process has grown, in a thread that ends with the
/// process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn return_free_memory() {
    let watch = || {
        let mut growth = Growth::default();
        loop {
            // Without a free descriptor the memory cannot be read for now.
            if resident_bytes().is_some_and(|resident| growth.needs_trim(resident)) {
                trim();
            }
            std::thread::sleep(LOOK);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("audit-memory".to_owned()).spawn(watch) {
        tracing::warn!(%error, "free memory is not returned to the system");
    }
}

/// Other allocators return free memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn return_free_memory() {}

/// How the memory of the process has changed.
#[derive(Debug, Default)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
struct Growth {
    /// The least since free memory was last returned.
    least: Option<usize>,
    last: usize,
    /// The looks without growth that are left until a burst counts as over.
    until_calm: u8,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl Growth {
    /// The bytes by which the process may grow before free memory is returned. A process that does
    /// not grow has nothing to return that is worth the time.
    const BYTES: usize = 16 * 1024 * 1024;

    /// The looks after which a burst counts as over.
    const CALM: u8 = 3;

    /// Whether free memory is to be returned now: when the process has grown, and once more when the
    /// burst is over, because only then most of its memory is free.
    fn needs_trim(&mut self, resident: usize) -> bool {
        let least = self.least.map_or(resident, |least| least.min(resident));
        let has_grown = resident > least + Growth::BYTES;
        let was_waiting = self.until_calm > 0;
        self.until_calm = match has_grown || (was_waiting && resident > self.last) {
            true => Growth::CALM,
            false => self.until_calm.saturating_sub(1),
        };
        let is_over = was_waiting && self.until_calm == 0;
        self.last = resident;
        self.least = if has_grown || is_over { None } else { Some(least) };
        has_grown || is_over
    }
}

/// The resident memory of the process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: the function takes a number, and may be called at any time by any thread. It returns
    // whether any memory was returned, which changes nothing here.
    let _ = unsafe { libc::malloc_trim(0) };
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::{Growth, resident_bytes, return_large_buffers, trim};

    #[test]
    fn large_buffers_are_mappings_of_their_own() {
        return_large_buffers();
        // Without the setting, this raises the size from which on buffers are mappings.
        drop(std::hint::black_box(vec![1u8; 1024 * 1024]));
        let buffer = std::hint::black_box(vec![1u8; 300 * 1024]);
        // Sixteen bytes of the allocator come before the buffer in its first page.
        assert_eq!(buffer.as_ptr().addr() % 4096, 16);
    }
    #[test]
    fn memory_is_returned_after_growth_and_after_the_burst() {
        let mut growth = Growth::default();
        let mut trims = |mebibytes: &[usize]| -> Vec<bool> {
            mebibytes.iter().map(|resident| growth.needs_trim(resident * 1024 * 1024)).collect()
        };
        assert_eq!(trims(&[40, 50, 56]), [false; 3], "it grows by 16 MiB at most");
        assert_eq!(trims(&[57, 57, 57, 57]), [true, false, false, true], "once more when it has not grown for three looks");
        assert_eq!(trims(&[30, 30, 30, 30]), [false; 4]);
        // A burst that goes on, and ends with less in use than the look saw.
        assert_eq!(trims(&[150, 160, 190, 169, 150]), [true, false, true, false, false]);
        assert_eq!(trims(&[150, 72, 72]), [true, false, false]);
    }

    #[test]
    fn free_memory_between_pieces_in_use_is_returned() {
        let mut pieces: Vec<Vec<u8>> = (0..64 * 1024).map(|_| std::hint::black_box(vec![1; 1024])).collect();
        let full = resident_bytes().unwrap();
        // Every 64th piece stays, so no end of the memory is free.
        let mut number = 0;
        pieces.retain(|_| {
            number += 1;
            number % 64 == 0
        });
        trim();
        let left = resident_bytes().unwrap();
        assert!(left + 32 * 1024 * 1024 < full, "{left} of {full}");
        assert_eq!(std::hint::black_box(pieces).len(), 1024);
    }
}
