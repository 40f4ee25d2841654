//! Where randomness comes from: the operating system, unless a test hands in something else.

/// A source of unpredictable bytes, for initialisation vectors and identifiers.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// The source cannot deliver; nothing that needs randomness may then be sent.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(buffer).map_err(|_| RandomError)
    }
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct RandomError;
