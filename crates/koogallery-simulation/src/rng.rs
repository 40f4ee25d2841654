//! Everything that a seed draws.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use koogallery::random::{Random, RandomError};

/// One stream of random numbers, from which everything in a simulation draws.
#[derive(Clone)]
pub(crate) struct Rng(Arc<Mutex<fastrand::Rng>>);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a number below `bound`, which is above 0.
    pub(crate) fn below(&self, bound: usize) -> usize {
        self.draw(|rng| rng.usize(..bound))
    }

    /// Returns true in so many of a thousand cases.
    pub(crate) fn chance(&self, permille: u32) -> bool {
        permille > 0 && self.draw(|rng| rng.u32(..1000)) < permille
    }

    /// Returns a time from `least` to `most`.
    pub(crate) fn between(&self, least: Duration, most: Duration) -> Duration {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.draw(|rng| rng.u64(millis(least)..=millis(most))))
    }

    /// Returns a number from `-most` to `most`.
    pub(crate) fn around_zero(&self, most: i64) -> i64 {
        self.draw(|rng| rng.i64(-most..=most))
    }

    /// Returns a number of any size.
    pub(crate) fn number(&self) -> u64 {
        self.draw(|rng| rng.u64(..))
    }
}

impl Random for Rng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.draw(|rng| rng.fill(buffer));
        Ok(())
    }
}
