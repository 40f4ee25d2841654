//! The latest entries of a log.

use std::collections::VecDeque;

/// Maximum number of entries.
const KEPT: usize = 10_000;

/// The latest entries of a log, numbered from 1 in their order.
pub(crate) struct Ring<T> {
    entries: VecDeque<T>,
    /// The number of the latest entry.
    latest: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), latest: 0 }
    }
}

impl<T: Clone> Ring<T> {
    /// Adds an entry, given its number; the oldest is dropped if there are too many.
    pub(crate) fn push(&mut self, entry: impl FnOnce(u64) -> T) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.latest += 1;
        self.entries.push_back(entry(self.latest));
    }

    /// Returns the entries after the one of this number.
    pub(crate) fn after(&self, number: u64) -> Vec<T> {
        let dropped = self.latest - self.entries.len() as u64;
        let skipped = usize::try_from(number.saturating_sub(dropped)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skipped).cloned().collect()
    }

    /// Returns the entry of this number.
    pub(crate) fn get(&self, number: u64) -> Option<T> {
        let oldest = self.latest + 1 - self.entries.len() as u64;
        let at = usize::try_from(number.checked_sub(oldest)?).ok()?;
        self.entries.get(at).cloned()
    }

    /// Returns the latest entries that are wanted, at most so many, the latest first.
    pub(crate) fn latest_where(&self, limit: usize, is_wanted: impl Fn(&T) -> bool) -> Vec<T> {
        self.entries.iter().rev().filter(|entry| is_wanted(entry)).take(limit).cloned().collect()
    }

    /// Removes all entries. The next one has the next number.
    pub(crate) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.entries).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_entries_take_the_memory_of_the_latest() {
        let mut ring = Ring::default();
        (0..1_000_000).for_each(|_| ring.push(|number| number));
        assert_eq!((ring.entries.len(), ring.latest), (KEPT, 1_000_000));
        assert!(ring.entries.capacity() <= 2 * KEPT, "{}", ring.entries.capacity());
    }

    #[test]
    fn the_latest_are_kept_with_their_numbers() {
        let mut ring = Ring::default();
        (0..10_005).for_each(|_| ring.push(|number| number));
        assert_eq!(ring.after(0).len(), 10_000);
        assert_eq!(
            (ring.after(0)[0], ring.after(3)[0], ring.after(10_000)),
            (6, 6, vec![10_001, 10_002, 10_003, 10_004, 10_005])
        );
        assert_eq!((ring.after(10_005), ring.after(u64::MAX)), (Vec::new(), Vec::new()));
        assert_eq!((ring.get(5), ring.get(6), ring.get(10_005), ring.get(10_006)), (None, Some(6), Some(10_005), None));
        assert_eq!(ring.latest_where(2, |entry| entry % 2 == 0), [10_004, 10_002]);
        assert_eq!(ring.take().len(), 10_000);
        assert_eq!((ring.get(10_005), ring.get(0)), (None, None));
        ring.push(|number| number);
        assert_eq!((ring.after(0), ring.after(10_005), ring.after(10_006)), (vec![10_006], vec![10_006], Vec::new()));
    }
}
