//! Recordings that wait for a commit, which they share.

use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;

use super::{Entry, MeteringError, Recorded};

type Outcome = Result<Vec<Recorded>, MeteringError>;

/// The recordings that wait for the next commit.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Vec<Waiting>>>);

/// A recording that waits for its commit.
pub(super) struct Waiting {
    pub(super) entries: Vec<Entry>,
    answer: oneshot::Sender<Outcome>,
}

impl Queue {
    /// Adds a recording. Returns whether it is the first one: its caller has to start a commit, which also covers all
    /// recordings that arrive before it is made.
    pub(super) fn push(&self, entries: Vec<Entry>) -> (bool, oneshot::Receiver<Outcome>) {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Waiting { entries, answer });
        (waiting.len() == 1, answered)
    }

    pub(super) fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers every caller, given an outcome for each of its entries, in order.
pub(super) fn answer(waiting: Vec<Waiting>, outcome: Outcome) {
    let mut recorded = outcome.map(Vec::into_iter);
    for Waiting { entries, answer } in waiting {
        let outcome = match &mut recorded {
            Ok(recorded) => Ok(recorded.by_ref().take(entries.len()).collect()),
            Err(error) => Err(error.clone()),
        };
        // The caller may have been dropped; its usage is recorded nevertheless.
        let _ = answer.send(outcome);
    }
}
