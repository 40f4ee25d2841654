//! What waits for one operation of a store, to be done together.

use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;

/// The items that wait for the next operation.
pub(crate) struct Queue<T, A>(Arc<Mutex<Vec<Waiting<T, A>>>>);

/// An item that waits, and its caller.
pub(crate) struct Waiting<T, A> {
    pub(crate) item: T,
    answer: oneshot::Sender<A>,
}

impl<T, A> Queue<T, A> {
    /// Adds an item. Returns whether it is the first one: its caller has to start an operation, which also covers all
    /// items that arrive before it takes them.
    pub(crate) fn push(&self, item: T) -> (bool, oneshot::Receiver<A>) {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Waiting { item, answer });
        (waiting.len() == 1, answered)
    }

    pub(crate) fn take(&self) -> Vec<Waiting<T, A>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T, A> Clone for Queue<T, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, A> Default for Queue<T, A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T, A> Waiting<T, A> {
    /// Answers the caller. It may have been dropped; the item is done nevertheless.
    pub(crate) fn answer(self, answer: A) {
        let _ = self.answer.send(answer);
    }
}
