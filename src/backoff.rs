//! Exponential back-off: pauses double after each failure, and half of each is random, so that many clients do not come
//! back at once.

use std::time::Duration;

use crate::random::Random;

/// Returns the pause after a failure, given the number of failures before it: between half and the whole of
/// `first * 2^failures_before`, which is at most `longest`.
pub(crate) fn pause(first: Duration, longest: Duration, failures_before: u32, random: &dyn Random) -> Duration {
    let pause = first.saturating_mul(1 << failures_before.min(16)).min(longest);
    let mut drawn = [0];
    // Without randomness the pause is merely not random.
    let _ = random.fill(&mut drawn);
    pause / 2 + pause.mul_f64(f64::from(drawn[0]) / 512.0)
}
