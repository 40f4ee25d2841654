//! Ledgers: which instance belongs to which order, its lifecycle state, and the changes that were applied to it.
//!
//! The ledger makes the effects of callbacks idempotent. It fixes the instance id of an order when it first sees the
//! order, before any work; gives one caller at a time a [`Lease`] to work on an instance; and marks a step done only
//! after the work. So a crash at any point leaves either nothing, or an instance in [`State::Creating`] or a step not
//! done, which a retry completes.
//!
//! [`MemoryLedger`] is for tests; `SqliteLedger` (feature `sqlite`) survives a restart; `PostgresLedger` (feature
//! `deadpool-postgres-0_14`) and `MysqlLedger` (feature `mysql_async-0_37`) also serve several replicas.
//!
//! # A ledger on another database
//!
//! Implement [`Ledger`] with whatever transactions the database offers. Engines keep no rules of their own: what a step
//! means is in the methods of [`Step`], the same for all.
//!
//! | method of the ledger | rule |
//! |---|---|
//! | [`status`](Ledger::status) | [`Step::status`] of the instance that the step's [`target`](Step::target) names, with what is left of its lease |
//! | [`begin`](Ledger::begin) | [`Step::initial_instance`] where there is none, then [`Step::lease_outcome`]; where it lets the step run, [`Step::unsettles`] |
//! | [`complete`](Ledger::complete) | [`Step::apply`], and the [`Step::key`] is stored with the instance |
//!
//! A database that replicas on several machines share decides about leases by its own clock, in the statements, as it is
//! after the wait for a lock: `clock_timestamp()` in PostgreSQL, `SYSDATE(6)` in MySQL. A replica whose clock is ahead
//! would take leases from holders that are still at work. Where all processes share one clock, `now` of the caller may
//! be used.
//!
//! `testing::ledger` (feature `testing`) checks that an engine keeps them; `examples/custom_ledger.rs` shows one.
//!
//! # Old records
//!
//! A ledger keeps every instance and every step until they are deleted: some 0.4 kB for an instance, 0.25 kB for a renewal
//! or an upgrade. [`PrunableLedger`] deletes what is old, and a [`Housekeeper`](crate::housekeeping::Housekeeper) does so
//! regularly. All engines of this crate are prunable; an engine of your own need not be.
//!
//! # Several services on one ledger
//!
//! One ledger serves every handler of a service, and the services of several
//! [tenants](crate::callback::CallbackServiceBuilder::tenant). Each sees only its own instances: a service puts a
//! prefix before the ids of orders and instances unless they are those of subscriptions without a tenant name
//! (`license,ID`, `code:ID`, `orders,ID`, `@TENANT,ID`, and so on). So read instances through
//! [`CallbackService::ledger`](crate::callback::CallbackService::ledger) and
//! [`license_ledger`](crate::callback::CallbackService::license_ledger), which remove it again.

mod completion;
mod memory;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
mod prune;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod renewal;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod row;
mod scoped;
#[cfg(feature = "sqlite")]
mod sqlite;
mod step;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod tables;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod together;

use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use completion::Completion;
pub(crate) use completion::HeldStep;
pub use memory::MemoryLedger;
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlLedger;
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresLedger;
pub use prune::{PrunableLedger, Pruned};
pub(crate) use scoped::{Family, Scoped};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
pub use step::{Effect, LeaseOutcome, Step, StepStatus, Target};

use crate::lease::Lease;
use crate::shareable::shareable;
use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

shareable! {
    /// A store of instances and the steps done on them. Every method is atomic and durable when its future resolves.
    ///
    /// Ids are compared byte by byte and take up to some 200 bytes with the prefix of a service.
    ///
    /// ```
    /// use futures_util::FutureExt as _;
    /// use koogallery::ledger::{Effect, LeaseOutcome, Ledger, LedgerError, MemoryLedger, OrderKey, Step, StepStatus, Target};
    /// use koogallery::lease::Lease;
    /// use koogallery::Timestamp;
    ///
    /// /// One change as the service does it: once, under a lease that is extended during the work.
    /// async fn once(ledger: &impl Ledger, step: &Step, lease: Lease, now: Timestamp) -> Result<bool, LedgerError> {
    ///     if let StepStatus::Done(_) = ledger.status(step, now).await? {
    ///         return Ok(false);
    ///     }
    ///     let LeaseOutcome::Run(instance) = ledger.begin(step, lease, now).await? else { return Ok(false) };
    ///     ledger.extend(&instance.instance_id, lease, now).await?;
    ///     if instance.instance_id.is_empty() {
    ///         ledger.abandon(&instance.instance_id, lease).await?; // the work failed
    ///         return Ok(false);
    ///     }
    ///     ledger.complete(step, &instance.instance_id, lease, now).await?;
    ///     Ok(true)
    /// }
    ///
    /// let target = Target::Purchase { order: OrderKey::new("CS1"), proposed_id: "instance-1".to_owned() };
    /// let step = Step::new(target, Effect::Create { product_id: None, expire_time: None });
    /// let lease = Lease::new(1, std::time::Duration::from_secs(5));
    /// let (ledger, now) = (MemoryLedger::new(), Timestamp::from_unix_millis(0));
    /// assert!(once(&ledger, &step, lease, now).now_or_never().unwrap()?);
    /// assert!(!once(&ledger, &step, lease, now).now_or_never().unwrap()?);
    /// assert_eq!(ledger.instances(None, 10).now_or_never().unwrap()?.len(), 1);
    /// # Ok::<(), LedgerError>(())
    /// ```
    #[doc(alias = "idempotency")]
    #[doc(alias = "deduplication")]
    #[doc(alias = "exactly once")]
    pub trait Ledger: Send + Sync + 'static {
        /// Returns the [status](Step::status) of a step. Changes nothing and takes no lock, since it is polled while
        /// another holder has the lease.
        fn status<'a>(
            &'a self,
            step: &'a Step,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<StepStatus, LedgerError>>;

        /// Asks for the lease to do a step.
        ///
        /// Stores the [initial instance](Step::initial_instance) of an order that was not seen before, together with
        /// the step's [key](Step::key), unless another instance has its id: then the answer is
        /// [`LeaseOutcome::IdTaken`] and nothing is stored. Where the answer is [`LeaseOutcome::Run`], stores the lease
        /// counts one more of [`Instance::handler_runs`], and stores as [`Instance::status_unsettled`] what
        /// [`Step::unsettles`] returns. The number of runs never decreases: it is the
        /// [token](crate::lease::Fence::token) of the run.
        fn begin<'a>(
            &'a self,
            step: &'a Step,
            lease: Lease,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>>;

        /// Extends a lease while the work goes on: it lasts for its duration from now, also if it was over already.
        ///
        /// # Errors
        ///
        /// [`LedgerError::LeaseLost`] if another holder has the instance.
        fn extend<'a>(
            &'a self,
            instance_id: &'a str,
            lease: Lease,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<(), LedgerError>>;

        /// Marks the step done and releases the lease of the holder, atomically: stores the step's [key](Step::key), if
        /// it has one, and [applies](Step::apply) the step to the instance.
        ///
        /// # Errors
        ///
        /// [`LedgerError::LeaseLost`] if another holder has the instance; nothing is stored then. A holder whose lease
        /// is over but was not given to another one still has it.
        fn complete<'a>(
            &'a self,
            step: &'a Step,
            instance_id: &'a str,
            lease: Lease,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>>;

        /// Releases the lease of the holder without marking anything, so that a retry can run at once.
        ///
        /// # Errors
        ///
        /// [`LedgerError::LeaseLost`] if another holder has the instance.
        fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>>;

        /// Returns one instance.
        fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>>;

        /// Returns instances in the order of their ids (by bytes), from the first after `after`, at most `limit`.
        fn instances<'a>(
            &'a self,
            after: Option<&'a str>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>>;
    }
}

/// The identity of a purchase: retries carry the same values, other purchases do not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Creates the key of a purchase identified by its order alone.
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

impl Hash for OrderKey {
    /// Hashes the order line, or the order without one: few purchases have the same.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.order_line_id.as_ref().unwrap_or(&self.order_id).hash(state);
    }
}

/// The record of an instance in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// The id that was answered to the marketplace; it never changes.
    pub instance_id: String,
    /// The purchase.
    pub order: OrderKey,
    /// The current product, if a call has named it.
    pub product_id: Option<String>,
    /// Its lifecycle state.
    pub state: State,
    /// Its expiry, if a call has named it.
    pub expire_time: Option<Timestamp>,
    /// Number of leases that were granted on it, and so at least of the times that the seller's handler was started for
    /// it.
    pub handler_runs: u32,
    /// When the call was signed that last froze, unfroze or released it, or [confirmed](Step::confirms) its status; `None`
    /// if there was none, or by a version that did not store it. See [`Step::is_outdated`].
    pub status_signed_at: Option<Timestamp>,
    /// Whether a run that was to change the status has begun and come to no end: it failed, or was cut off. What the seller's
    /// system has may then differ from [`state`](Self::state). See [`Step::unsettles`].
    pub status_unsettled: bool,
}

impl Instance {
    /// Creates the record of an instance that is to be created.
    ///
    /// ```
    /// use koogallery::ledger::{Instance, OrderKey, State};
    ///
    /// let mut instance = Instance::new("instance-1", OrderKey::new("CS1"));
    /// instance.state = State::Active;
    /// instance.handler_runs = 1;
    /// ```
    pub fn new(instance_id: impl Into<String>, order: OrderKey) -> Self {
        Self {
            instance_id: instance_id.into(),
            product_id: order.product_id.clone(),
            order,
            state: State::Creating,
            expire_time: None,
            handler_runs: 0,
            status_signed_at: None,
            status_unsettled: false,
        }
    }
}

/// The lifecycle state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Its id is fixed; its creation is in progress, or waits for a retry.
    Creating,
    /// In use.
    Active,
    /// Suspended: unusable, data kept.
    Frozen,
    /// Deleted permanently.
    Released,
}

impl State {
    /// Returns the state as a lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Released => "released",
        }
    }

    /// Returns the state of a [word](Self::as_str), or `None` if there is no such state.
    ///
    /// ```
    /// use koogallery::ledger::State;
    ///
    /// assert_eq!(State::from_word(State::Frozen.as_str()), Some(State::Frozen));
    /// assert_eq!(State::from_word("Frozen"), None);
    /// ```
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Creating, Self::Active, Self::Frozen, Self::Released].into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed operation of a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another holder has the instance.
    #[error("lease on instance {0:?} was lost")]
    LeaseLost(String),
    /// The database failed; nothing was changed.
    #[error("ledger operation failed")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

impl LedgerError {
    /// Wraps the error of the database.
    pub fn store(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Store(error.into())
    }
}

/// Returns the view that a service with this tenant name, or none, has of its subscriptions in a ledger, for programs
/// without the [service](crate::callback::CallbackService::ledger) itself.
///
/// ```
/// use std::sync::Arc;
///
/// use koogallery::ledger::{Ledger, LedgerError, MemoryLedger, licenses_of, subscriptions_of};
/// use koogallery::tenant::TenantName;
///
/// async fn counts(ledger: Arc<MemoryLedger>, shop: &TenantName) -> Result<(usize, usize), LedgerError> {
///     let subscriptions = subscriptions_of(ledger.clone(), Some(shop)).instances(None, 1000).await?;
///     let licenses = licenses_of(ledger, Some(shop)).instances(None, 1000).await?;
///     Ok((subscriptions.len(), licenses.len()))
/// }
/// ```
pub fn subscriptions_of(ledger: Arc<dyn Ledger>, tenant: Option<&TenantName>) -> impl Ledger + use<> {
    Scoped::new(ledger, tenant, Family::Subscriptions)
}

/// Returns the view that a service with this tenant name, or none, has of the instances of its Licenses in a ledger.
pub fn licenses_of(ledger: Arc<dyn Ledger>, tenant: Option<&TenantName>) -> impl Ledger + use<> {
    Scoped::new(ledger, tenant, Family::Licenses)
}
