//! Settings of glibc's allocator.
//!
//! glibc takes a buffer of at least 128 KiB from the system, and returns it when the buffer is
//! freed. But the first such buffer that is freed raises that size, up to 32 MiB, because taking
//! memory from the system costs time. From then on the bodies of appends come from memory that is
//! never returned, and other threads free them than reserved them. With a fixed size, batches of
//! 1,000 events over 256 connections take at most 142 to 150 MiB, and without it 150 to 167;
//! afterwards 95 and 140. The rate is the same.

#![cfg_attr(all(target_os = "linux", target_env = "gnu"), expect(unsafe_code, reason = "no crate sets this without unsafe code"))]

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

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::return_large_buffers;

    #[test]
    fn large_buffers_are_mappings_of_their_own() {
        return_large_buffers();
        // Without the setting, this raises the size from which on buffers are mappings.
        drop(std::hint::black_box(vec![1u8; 1024 * 1024]));
        let buffer = std::hint::black_box(vec![1u8; 300 * 1024]);
        // Sixteen bytes of the allocator come before the buffer in its first page.
        assert_eq!(buffer.as_ptr().addr() % 4096, 16);
    }
}
