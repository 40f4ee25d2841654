//! Extending leases, many at once.

use std::collections::HashSet;
use std::fmt;

use crate::lease::Lease;
use crate::waiting::{Queue, Waiting};

/// An engine that extends leases.
pub(super) trait Extend: Clone + Send + Sync + 'static {
    type Error: Send;

    /// Returns the holders whose leases were extended. A holder has one lease. A row that another transaction has locked
    /// is left out, so that it does not end the leases of all others.
    fn extend(&self, renewals: &[&Renewal]) -> impl Future<Output = Result<HashSet<String>, Self::Error>> + Send;
}

/// The leases of a process that are to be extended.
#[derive(Clone)]
pub(super) struct Renewals<E> {
    engine: E,
    waiting: Queue<Renewal, bool>,
}

pub(super) struct Renewal {
    pub(super) instance_id: String,
    pub(super) holder: String,
    pub(super) duration: i64,
}

impl<E: Extend> Renewals<E> {
    pub(super) fn new(engine: E) -> Self {
        Self { engine, waiting: Queue::default() }
    }

    /// Returns whether the lease was extended. If not, it may be lost, another transaction has its row locked, or the
    /// engine failed.
    pub(super) async fn extend(&self, instance_id: &str, lease: Lease) -> bool {
        let (instance_id, holder) = (instance_id.to_owned(), lease.holder_text());
        let renewal = Renewal { instance_id, holder, duration: lease.duration_millis() };
        let engine = self.engine.clone();
        self.waiting.ask(renewal, |waiting| extend_all(engine, waiting)).await.unwrap_or(false)
    }
}

async fn extend_all(engine: impl Extend, waiting: Vec<Waiting<Renewal, bool>>) {
    let renewals: Vec<&Renewal> = waiting.iter().map(|waiting| &waiting.item).collect();
    let extended = engine.extend(&renewals).await.unwrap_or_default();
    for waiting in waiting {
        let is_extended = extended.contains(&waiting.item.holder);
        waiting.answer(is_extended);
    }
}

impl<E> fmt::Debug for Renewals<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewals")
    }
}
