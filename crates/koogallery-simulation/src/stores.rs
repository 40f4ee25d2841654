//! The shared stores as one life of a replica reaches them: the library's engines in memory, behind faults, under the eyes of
//! the monitor, and with the planted bug.

mod guard;
mod ledger;
mod licenses;
mod usage;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::scheduler::Owner;
use crate::simulation::{Injected, Simulation};

/// The connection of one life of a replica to all stores.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) owner: Owner,
}

impl Stores {
    fn operate<'a, T, E>(
        &'a self,
        name: &'static str,
        holder: Option<u128>,
        fail: fn(Injected) -> E,
        effect: impl FnOnce(&Arc<Simulation>) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let simulation = Arc::clone(&self.simulation);
        let effect = move || effect(&simulation);
        self.simulation.operate(self.owner, name, holder, fail, effect).boxed()
    }

    /// Returns whether the process that asked cannot go on at once, so that it may lose what it is given.
    fn is_cut_off(&self) -> bool {
        self.simulation.scheduler.is_paused(self.owner)
    }
}

/// The outcome of an operation of an engine in memory, which never waits.
fn now<T, E>(operation: BoxFuture<'_, Result<T, E>>, fail: fn(Injected) -> E) -> Result<T, E> {
    operation.now_or_never().unwrap_or_else(|| Err(fail(Injected::waits())))
}
