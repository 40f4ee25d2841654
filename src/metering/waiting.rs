//! Recordings that wait for a commit, which they share.

use super::{Entry, MeteringError, Recorded};
use crate::waiting;

type Outcome = Result<Vec<Recorded>, MeteringError>;

/// The recordings that wait for the next commit.
pub(super) type Queue = waiting::Queue<Vec<Entry>, Outcome>;

/// A recording that waits for its commit.
pub(super) type Waiting = waiting::Waiting<Vec<Entry>, Outcome>;

/// Answers every caller, given an outcome for each of its entries, in order.
pub(super) fn answer(waiting: Vec<Waiting>, outcome: Outcome) {
    let mut recorded = outcome.map(Vec::into_iter);
    for waiting in waiting {
        let outcome = match &mut recorded {
            Ok(recorded) => Ok(recorded.by_ref().take(waiting.item.len()).collect()),
            Err(error) => Err(error.clone()),
        };
        waiting.answer(outcome);
    }
}
