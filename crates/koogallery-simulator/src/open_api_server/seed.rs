//! Randomness derived from a seed, so that a run can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use koogallery::random::{Random, RandomError};

/// Deterministic bytes from a seed: SHA-256 of seed and count. For simulations only, because they are predictable.
///
/// ```
/// use koogallery::random::Random as _;
/// use koogallery_simulator::SeededRandom;
///
/// let draw = |random: SeededRandom| {
///     let mut bytes = [0; 40];
///     random.fill(&mut bytes).map(|()| bytes)
/// };
/// assert_eq!(draw(SeededRandom::new(7))?, draw(SeededRandom::new(7))?);
/// assert_ne!(draw(SeededRandom::new(7))?, draw(SeededRandom::new(8))?);
/// # Ok::<(), koogallery::random::RandomError>(())
/// ```
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededRandom {
    /// Creates the generator of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }

    fn block(&self) -> [u8; 32] {
        let count = self.drawn.fetch_add(1, Ordering::Relaxed);
        Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(count.to_be_bytes()).finalize().into()
    }

    /// Returns this many hex digits, at most 64.
    pub(crate) fn hex(&self, digits: usize) -> String {
        let mut text = const_hex::encode(self.block());
        text.truncate(digits);
        text
    }

    /// Returns this many capital letters, at most 32.
    pub(crate) fn letters(&self, count: usize) -> String {
        self.block().iter().take(count).map(|byte| char::from(b'A' + byte % 26)).collect()
    }

    /// Returns a number below `bound`, nearly evenly distributed.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let first = self.block().first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(first) % bound.max(1)
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for part in buffer.chunks_mut(32) {
            part.copy_from_slice(&self.block()[..part.len()]);
        }
        Ok(())
    }
}
