//! Operations of one kind that wait for a database at the same time, done in one transaction.

use tokio::time::{Instant, timeout_at};

use crate::waiting::{Queue, Waiting};

/// An operation that can be done for many at once.
pub(crate) trait Batch: Clone + Send + Sync + 'static {
    type Item: Send + Sync + 'static;
    type Answer: Send + 'static;
    type Error: Send;

    /// Does all items in one transaction, which ends before `ends`. Returns an answer for each, or `None` for one that has
    /// to be done alone: the others must neither wait for it nor fail with it.
    fn run(
        &self,
        items: &[&Self::Item],
        ends: Instant,
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, Self::Error>> + Send;
}

/// What waits for the next transaction.
pub(crate) struct Batches<B: Batch> {
    batch: B,
    waiting: Queue<Asked<B::Item>, Option<B::Answer>>,
}

struct Asked<T> {
    item: T,
    ends: Instant,
}

impl<B: Batch> Batches<B> {
    pub(crate) fn new(batch: B) -> Self {
        Self { batch, waiting: Queue::default() }
    }

    /// Returns `None` if the item has to be done alone, or until `ends` was not done: also where the transaction failed,
    /// for which another item may be the reason.
    pub(crate) async fn ask(&self, item: B::Item, ends: Instant) -> Option<B::Answer> {
        let batch = self.batch.clone();
        let answer = self.waiting.ask(Asked { item, ends }, |waiting| run(batch, waiting));
        timeout_at(ends, answer).await.ok()?.ok()?
    }
}

type Caller<B> = Waiting<Asked<<B as Batch>::Item>, Option<<B as Batch>::Answer>>;

async fn run<B: Batch>(batch: B, mut waiting: Vec<Caller<B>>) {
    waiting.retain(|waiting| !waiting.is_vain());
    let Some(ends) = waiting.iter().map(|waiting| waiting.item.ends).min() else { return };
    let items: Vec<&B::Item> = waiting.iter().map(|waiting| &waiting.item.item).collect();
    let mut answers = batch.run(&items, ends).await.unwrap_or_default().into_iter();
    for waiting in waiting {
        waiting.answer(answers.next().flatten());
    }
}

impl<B: Batch> Clone for Batches<B> {
    fn clone(&self) -> Self {
        Self { batch: self.batch.clone(), waiting: self.waiting.clone() }
    }
}
