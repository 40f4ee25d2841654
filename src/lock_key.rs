//! Numbers for what is locked by a number.

use sha2::{Digest as _, Sha256};

/// Returns the number of the lock for something that several statements change together. That two things may have the
/// same number costs a wait.
pub(crate) fn lock_key(parts: &[&str]) -> i64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().first_chunk().copied().map_or(0, i64::from_be_bytes)
}
