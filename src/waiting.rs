//! What waits for one operation of a store, to be done together.

use std::sync::{Arc, PoisonError};

use futures_channel::oneshot;

/// The items that wait for the next operation. Clones share them.
pub(crate) struct Queue<T, A>(Arc<Inner<T, A>>);

struct Inner<T, A> {
    waiting: std::sync::Mutex<Vec<Waiting<T, A>>>,
    /// Held by the operation that runs. One at a time, so that others gather behind it.
    running: tokio::sync::Mutex<()>,
}

/// An item that waits, and its caller.
pub(crate) struct Waiting<T, A> {
    pub(crate) item: T,
    answer: oneshot::Sender<A>,
}

impl<T: Send + 'static, A: Send + 'static> Queue<T, A> {
    /// Adds an item and waits for its answer. `work` answers all items that have arrived once the operation before is over;
    /// it is called for one of them only.
    ///
    /// # Errors
    ///
    /// There is no answer: the runtime has ended, or `work` panicked.
    pub(crate) async fn ask<F>(
        &self,
        item: T,
        work: impl FnOnce(Vec<Waiting<T, A>>) -> F + Send + 'static,
    ) -> Result<A, oneshot::Canceled>
    where
        F: Future<Output = ()> + Send,
    {
        let (is_first, answered) = self.push(item);
        if is_first {
            let queue = self.clone();
            // A task of its own, since others wait for it too, even if this caller does not.
            drop(tokio::spawn(async move {
                let _running = queue.0.running.lock().await;
                work(queue.take()).await;
            }));
        }
        answered.await
    }

    /// Returns whether the item is the first one, whose caller has to start the operation.
    fn push(&self, item: T) -> (bool, oneshot::Receiver<A>) {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Waiting { item, answer });
        (waiting.len() == 1, answered)
    }

    fn take(&self) -> Vec<Waiting<T, A>> {
        std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T, A> Clone for Queue<T, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, A> Default for Queue<T, A> {
    fn default() -> Self {
        Self(Arc::new(Inner { waiting: std::sync::Mutex::default(), running: tokio::sync::Mutex::default() }))
    }
}

impl<T, A> Waiting<T, A> {
    /// Returns whether the caller was dropped.
    pub(crate) fn is_vain(&self) -> bool {
        self.answer.is_canceled()
    }

    /// Answers the caller. It may have been dropped; the item is done nevertheless.
    pub(crate) fn answer(self, answer: A) {
        let _ = self.answer.send(answer);
    }
}
