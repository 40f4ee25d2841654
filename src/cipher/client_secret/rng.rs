//! The crate's randomness in the form that the `rsa` crate draws from.

use rsa::rand_core::{TryCryptoRng, TryRng};

use crate::random::{Random, RandomError};

/// A [`Random`] as a generator of `rand_core`.
pub(super) struct Rng<'a, R: ?Sized>(pub(super) &'a R);

impl<R: Random + ?Sized> Rng<'_, R> {
    fn draw<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Random + ?Sized> TryRng for Rng<'_, R> {
    type Error = RandomError;

    fn try_next_u32(&mut self) -> Result<u32, RandomError> {
        self.draw().map(u32::from_le_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, RandomError> {
        self.draw().map(u64::from_le_bytes)
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(buffer)
    }
}

impl<R: Random + ?Sized> TryCryptoRng for Rng<'_, R> {}
