//! Pauses after failures: they double, and half of each is drawn, so that many clients do not come back at once.

use std::time::Duration;

use crate::random::Random;

/// The pause after this many failures that came before, between half and the whole of its length.
pub(crate) fn pause(first: Duration, longest: Duration, failures_before: u32, random: &dyn Random) -> Duration {
    let pause = first.saturating_mul(1 << failures_before.min(16)).min(longest);
    let mut drawn = [0];
    // Without randomness the pause is merely not drawn.
    let _ = random.fill(&mut drawn);
    pause / 2 + pause.mul_f64(f64::from(drawn[0]) / 512.0)
}
