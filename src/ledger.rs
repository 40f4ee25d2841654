//! What was done: which instance belongs to which order, in what state it is, and which changes it has seen.
//!
//! The ledger makes effects happen once. It fixes the instance id of an order at first sight, before any work; gives one
//! caller at a time the [`Lease`] to work on an instance; and notes a step as done only after the work. So a crash at any
//! point leaves either nothing, or an instance in [`State::Creating`] or a step not done, which a retry completes.
//!
//! Engines keep no policy of their own: what a step means is in [`Step`], the same for all. [`MemoryLedger`] is for tests
//! and for trying out; `SqliteLedger` (feature `sqlite`) survives a restart; `PostgresLedger` (feature `postgres`) also
//! serves several replicas.
//!
//! One ledger serves every handler of a service, and the services of several
//! [tenants](crate::callback::CallbackServiceBuilder::tenant). Each sees its own instances in it alone: a service puts
//! something in front of the ids of orders and instances unless they are those of subscriptions without a tenant name
//! (`license,ID`, `code:ID`, `orders,ID`, `@TENANT,ID`, and so on). So look at instances through
//! [`CallbackService::ledger`](crate::callback::CallbackService::ledger) and
//! [`license_ledger`](crate::callback::CallbackService::license_ledger), which take it off again.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod scoped;
#[cfg(feature = "sqlite")]
mod sqlite;
mod step;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use memory::MemoryLedger;
#[cfg(feature = "postgres")]
pub use postgres::PostgresLedger;
pub(crate) use scoped::{Family, Scoped};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
pub use step::{Begin, Effect, Look, Step, Target};

use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

/// A store of instances and the steps done on them. Every method is atomic and durable when its future resolves.
///
/// Ids are texts that are equal if their bytes are, of up to some 200 bytes with what a service puts in front of them. An
/// engine need not know what that is.
pub trait Ledger: Send + Sync + 'static {
    /// What is known about a step, without changing anything.
    fn look<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Result<Look, LedgerError>>;

    /// Asks for the lease to do a step. Fixes the instance id of an order that was not seen before, and notes the step's
    /// [key](Step::key) with it.
    fn begin<'a>(&'a self, step: &'a Step, lease: Lease, now: Timestamp) -> BoxFuture<'a, Result<Begin, LedgerError>>;

    /// Prolongs a lease while the work goes on.
    ///
    /// # Errors
    ///
    /// [`LedgerError::LeaseLost`] if somebody else has the instance by now.
    fn extend<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>>;

    /// Notes a step's [key](Step::key), if it has one, does what the step does to the record, and gives the lease back, all
    /// in one.
    ///
    /// # Errors
    ///
    /// [`LedgerError::LeaseLost`] if somebody else has the instance by now; nothing is noted then.
    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>>;

    /// Gives the lease back without noting anything, so that a retry can run at once.
    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>>;

    /// One instance.
    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>>;

    /// Instances in order of their ids, from the first after `after`, at most `limit`.
    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>>;
}

impl<L: Ledger + ?Sized> Ledger for Arc<L> {
    fn look<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Result<Look, LedgerError>> {
        (**self).look(step)
    }

    fn begin<'a>(&'a self, step: &'a Step, lease: Lease, now: Timestamp) -> BoxFuture<'a, Result<Begin, LedgerError>> {
        (**self).begin(step, lease, now)
    }

    fn extend<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        (**self).extend(instance_id, lease)
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        (**self).complete(step, instance_id, lease, now)
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        (**self).abandon(instance_id, lease)
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        (**self).instance(instance_id)
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        (**self).instances(after, limit)
    }
}

/// What identifies a purchase: retries carry the same values, other purchases do not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct OrderKey {
    /// The order.
    pub order_id: String,
    /// The order line; V1.0 has none.
    pub order_line_id: Option<String>,
    /// The product, where one order makes an instance per product (pay-per-use, and packages of it).
    pub product_id: Option<String>,
}

impl OrderKey {
    /// A purchase identified by its order alone.
    pub fn new(order_id: impl Into<String>) -> Self {
        Self { order_id: order_id.into(), order_line_id: None, product_id: None }
    }

    /// Adds the order line.
    #[must_use]
    pub fn with_order_line(mut self, order_line_id: impl Into<String>) -> Self {
        self.order_line_id = Some(order_line_id.into());
        self
    }

    /// Adds the product.
    #[must_use]
    pub fn with_product(mut self, product_id: impl Into<String>) -> Self {
        self.product_id = Some(product_id.into());
        self
    }
}

/// One instance as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// The id that the marketplace was given; it never changes.
    pub instance_id: String,
    /// The purchase.
    pub order: OrderKey,
    /// The product now, as far as a call has told it.
    pub product_id: Option<String>,
    /// Where in its life it is.
    pub state: State,
    /// When it expires, as far as a call has told it.
    pub expire_time: Option<Timestamp>,
    /// How often the seller's handler was started for it.
    pub handler_runs: u32,
}

/// Where in its life an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Its id is fixed; its creation is going on, or waits for a retry.
    Creating,
    /// In use.
    Active,
    /// Unusable, data kept.
    Frozen,
    /// Gone for good.
    Released,
}

impl State {
    /// A lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Released => "released",
        }
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    fn from_word(word: &str) -> Option<Self> {
        [Self::Creating, Self::Active, Self::Frozen, Self::Released].into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The right to work on one instance, for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it: a random number per run.
    pub holder: u128,
    /// When it may be taken by somebody else, unless it is extended.
    pub until: Timestamp,
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Lease {
    fn holder_text(self) -> String {
        format!("{:032x}", self.holder)
    }
}

/// Why the ledger could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Somebody else works on the instance by now.
    #[error("the lease on instance {0:?} was lost")]
    LeaseLost(String),
    /// The store failed.
    #[error("the ledger's store failed")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
/// Returns what a service with this tenant name, or none, sees of its subscriptions in a ledger: where there is no service to
/// [ask](crate::callback::CallbackService::ledger).
pub fn subscriptions_of(ledger: Arc<dyn Ledger>, tenant: Option<&TenantName>) -> impl Ledger + use<> {
    Scoped::new(ledger, tenant, Family::Subscriptions)
}

/// Returns what a service with this tenant name, or none, sees of the instances of its Licenses in a ledger.
pub fn licenses_of(ledger: Arc<dyn Ledger>, tenant: Option<&TenantName>) -> impl Ledger + use<> {
    Scoped::new(ledger, tenant, Family::Licenses)
}
