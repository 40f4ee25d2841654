//! How often a fault is injected.

use std::fmt;

use super::SeededRandom;

/// How often a fault is injected into the calls that it concerns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frequency {
    /// Calls to come, if they are limited.
    pub(crate) left: Option<u32>,
    /// Percentage of calls.
    pub(crate) percent: u8,
}

impl Frequency {
    pub(crate) const ALWAYS: Self = Self { left: None, percent: 100 };

    /// Returns whether the next call is one of them, and counts it.
    pub(crate) fn draw(&mut self, random: &SeededRandom) -> bool {
        if self.is_used_up() || self.percent < 100 && random.below(100) >= u64::from(self.percent) {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.left == Some(0)
    }
}

/// Such as `, 2 more, 10 %`.
impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(left) = self.left {
            write!(f, ", {left} more")?;
        }
        match self.percent {
            100.. => Ok(()),
            percent => write!(f, ", {percent} %"),
        }
    }
}
