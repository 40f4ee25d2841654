//! Sources of randomness: the operating system, or another one in tests.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroize as _;

/// A source of unpredictable bytes, for initialization vectors and identifiers.
///
/// ```
/// use koogallery::random::{Random, RandomError, hex};
///
/// /// The same bytes always, for tests.
/// struct Fixed;
///
/// impl Random for Fixed {
///     fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
///         buffer.fill(0xa5);
///         Ok(())
///     }
/// }
///
/// assert_eq!(hex(&Fixed)?, "a5".repeat(16));
/// # Ok::<(), RandomError>(())
/// ```
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// The source cannot deliver; nothing that needs randomness may then be sent.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

/// Returns 16 random bytes as 32 lower-case hexadecimal digits, for ids, nonces and states.
///
/// ```
/// use koogallery::random::{self, OsRandom};
///
/// let session_id = random::hex(&OsRandom)?;
/// assert_eq!(session_id.len(), 32);
/// # Ok::<(), koogallery::random::RandomError>(())
/// ```
///
/// # Errors
///
/// The source cannot deliver.
#[doc(alias = "nonce")]
#[doc(alias = "uuid")]
pub fn hex(random: &(impl Random + ?Sized)) -> Result<String, RandomError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(const_hex::encode(bytes))
}

/// Returns a random number of 128 bits.
pub(crate) fn number(random: &dyn Random) -> Result<u128, RandomError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(buffer).map_err(|_| RandomError)
    }
}

/// A source that draws from another one in blocks, since calls of the operating system are expensive.
///
/// Every byte is returned once and wiped. A process that forks without executing another program must not use this:
/// both processes would continue with the same block.
#[derive(Debug)]
pub struct BufferedRandom<R> {
    source: R,
    block: Mutex<Block>,
}

struct Block {
    bytes: [u8; 1024],
    used: usize,
}

impl<R: Random> BufferedRandom<R> {
    /// Creates a source on top of `source`, from which nothing is drawn yet.
    pub fn new(source: R) -> Self {
        Self { source, block: Mutex::new(Block { bytes: [0; 1024], used: 1024 }) }
    }
}

impl<R: Random> Random for BufferedRandom<R> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() > block.bytes.len() - block.used {
            if buffer.len() > block.bytes.len() {
                return self.source.fill(buffer);
            }
            self.source.fill(&mut block.bytes)?;
            block.used = 0;
        }
        let range = block.used..block.used + buffer.len();
        block.used = range.end;
        buffer.copy_from_slice(&block.bytes[range.clone()]);
        block.bytes[range].zeroize();
        Ok(())
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct RandomError;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// Gives out blocks of 1, blocks of 2, and so on, then fails.
    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                3.. => Err(RandomError),
                count => {
                    buffer.fill(count + 1);
                    Ok(())
                }
            }
        }
    }

    #[test]
    fn no_byte_is_given_out_twice_and_a_failure_is_passed_on() {
        let random = BufferedRandom::new(Counting(AtomicU8::new(0)));
        let draw = |length| {
            let mut buffer = vec![0; length];
            random.fill(&mut buffer).map(|()| buffer[length - 1])
        };
        assert_eq!((draw(1000), draw(24)), (Ok(1), Ok(1)));
        assert_eq!((draw(1), draw(1024)), (Ok(2), Ok(3)));
        assert_eq!(draw(1), Err(RandomError));
        assert_eq!(draw(2000), Err(RandomError));
    }
}
