//! What the allocator keeps.

/// Blocks from this size on are asked of the system and given back to it when they are freed. Left to itself glibc raises
/// the bound to the size of what was freed, and then keeps what an archive took: some 10 MB for each thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const GIVEN_BACK: i32 = 128 * 1024;

/// Fixes that, for the whole process. Elsewhere than with glibc there is nothing to fix.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "glibc has no other way to say it")]
        // SAFETY: `mallopt` takes two numbers and may be called at any time (mallopt(3)).
        let taken = unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, GIVEN_BACK) };
        if taken != 1 {
            tracing::debug!("the allocator keeps what it wants");
        }
    }
}
