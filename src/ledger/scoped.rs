//! The view of a ledger with the instances of one family of one tenant.

mod listing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::completion::{HeldStep, Place};
use super::step::PURCHASE;
use super::{Effect, Instance, LeaseOutcome, Ledger, LedgerError, OrderKey, Step, StepStatus, Target};
use crate::lease::Lease;
use crate::scope::{CODES, Scope, is_reserved};
use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

/// A family of handlers with instances of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Subscriptions,
    Licenses,
    Codes,
    Notices,
}

impl Family {
    /// Returns the prefix of its ids in a ledger.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Subscriptions => "",
            Self::Licenses => "license,",
            Self::Codes => CODES,
            Self::Notices => "orders,",
        }
    }
}

/// For a question whose answer does not depend on leases.
const ANY_TIME: Timestamp = Timestamp::from_unix_millis(0);

/// A view of a ledger with the instances of one family of one tenant alone. Neither its requests nor its answers show
/// the stored ids.
///
/// Only the ids keep the families apart, so this works with every engine and needs no change of tables. Earlier
/// versions shared ids among all families. The service without a tenant name finds their instances under the old id if
/// none has the new one:
///
/// - Licenses, and packages of V1.0, which had the key of their order alone.
/// - Notices of orders. One of these may stand where the purchase of its line belongs; the purchase then goes
///   elsewhere.
///
/// An instance is from before if its purchase is not [noted](Step::key) with it. An engine of another crate may do that
/// only when the purchase is done, so that until then a License of the same order line would be taken for the same
/// thing.
pub(crate) struct Scoped {
    ledger: Arc<dyn Ledger>,
    scope: Scope,
    family: Family,
    /// True if instances may be left from before there were scopes.
    has_past: bool,
}

impl Scoped {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, tenant: Option<&TenantName>, family: Family) -> Self {
        Self { ledger, scope: Scope::new(tenant, family.prefix()), family, has_past: tenant.is_none() }
    }

    pub(crate) async fn status(&self, step: &Step, now: Timestamp) -> Result<StepStatus, LedgerError> {
        let mut status = self.ledger.status(&self.stored(step), now).await?;
        if self.may_be_elsewhere(&step.target, status.instance()) {
            // Boxed, since it is rare and large: every call would make room for it.
            status = Box::pin(self.status_elsewhere(step, status, now)).await?;
        }
        Ok(status.map(|instance| self.own(instance)))
    }

    /// Returns the status of a step that may have to be done on another instance than the one where it belongs.
    async fn status_elsewhere(
        &self,
        step: &Step,
        status: StepStatus,
        now: Timestamp,
    ) -> Result<StepStatus, LedgerError> {
        match self.elsewhere(step, status.instance()).await? {
            Some(elsewhere) => self.ledger.status(&elsewhere, now).await,
            None => Ok(status),
        }
    }

    pub(crate) async fn begin(&self, step: &Step, lease: Lease, now: Timestamp) -> Result<LeaseOutcome, LedgerError> {
        let stored = self.stored(step);
        if self.has_old_key(&step.target)
            && let Some(begin) = Box::pin(self.begin_old(step, &stored, lease, now)).await?
        {
            return Ok(begin);
        }
        let mut begin = self.ledger.begin(&stored, lease, now).await?;
        if begin != LeaseOutcome::IdTaken
            && self.may_be_elsewhere(&step.target, begin.instance())
            && let Some(elsewhere) = Box::pin(self.elsewhere(step, begin.instance())).await?
        {
            if let LeaseOutcome::Run(instance) = &begin {
                self.ledger.abandon(&instance.instance_id, lease).await?;
            }
            begin = self.ledger.begin(&elsewhere, lease, now).await?;
        }
        Ok(begin.map(|instance| self.own(instance)))
    }

    /// Begins a purchase that may be one from before, if it is or if one from before has its id.
    async fn begin_old(
        &self,
        step: &Step,
        stored: &Step,
        lease: Lease,
        now: Timestamp,
    ) -> Result<Option<LeaseOutcome>, LedgerError> {
        let Target::Purchase { proposed_id, .. } = &step.target else { return Ok(None) };
        if self.ledger.status(stored, now).await? != StepStatus::Unknown {
            return Ok(None);
        }
        if let Some(old) = self.old_instance(&step.target).await? {
            let begin = self.ledger.begin(&on_old(step, &old.instance_id), lease, now).await?;
            // Another product of the order may have got it since.
            let fits = begin.instance().is_none_or(|instance| self.fits(&step.target, instance));
            return Ok(fits.then(|| begin.map(|instance| self.own(instance))));
        }
        let is_taken = self.old_instance(&Target::Instance(proposed_id.clone())).await?.is_some();
        Ok(is_taken.then_some(LeaseOutcome::IdTaken))
    }

    pub(crate) async fn extend(&self, instance_id: &str, lease: Lease, now: Timestamp) -> Result<(), LedgerError> {
        let mut done = self.ledger.extend(&self.scope.stored(instance_id), lease, now).await;
        if let (Err(LedgerError::LeaseLost(_)), Some(old)) = (&done, self.old_id(instance_id)) {
            done = self.ledger.extend(old, lease, now).await;
        }
        done.map_err(|error| own_loss(error, instance_id))
    }

    pub(crate) async fn complete(
        &self,
        step: &Step,
        instance_id: &str,
        lease: Lease,
        now: Timestamp,
    ) -> Result<Arc<Instance>, LedgerError> {
        let held = self.held(step, instance_id, lease, now).await?;
        self.mark(&held, now).await
    }

    /// Returns a step of the holder of a lease, by the stored ids.
    pub(crate) async fn held(
        &self,
        step: &Step,
        instance_id: &str,
        lease: Lease,
        now: Timestamp,
    ) -> Result<HeldStep, LedgerError> {
        let id = self.scope.stored(instance_id);
        let mut stored = self.stored(step);
        if self.family == Family::Subscriptions
            && self.has_old_key(&step.target)
            && self.ledger.status(&stored, now).await? == StepStatus::Unknown
        {
            stored = Cow::Owned(on_old(step, &id));
        }
        let place = Place { step: stored.into_owned(), instance_id: id.into_owned() };
        let old = |id: &str| Place { step: on_old(step, id), instance_id: id.to_owned() };
        let (own_id, old_place) = (instance_id.to_owned(), self.old_id(instance_id).map(old));
        Ok(HeldStep { own_id, place, old_place, lease, begun_at: now })
    }

    /// Marks a step done.
    pub(crate) async fn mark(&self, held: &HeldStep, now: Timestamp) -> Result<Arc<Instance>, LedgerError> {
        let HeldStep { own_id, place, old_place, lease, .. } = held;
        let mut done = self.ledger.complete(&place.step, &place.instance_id, *lease, now).await;
        if let (Err(LedgerError::LeaseLost(_)), Some(old)) = (&done, old_place) {
            done = self.ledger.complete(&old.step, &old.instance_id, *lease, now).await;
        }
        done.map(|instance| self.own(instance)).map_err(|error| own_loss(error, own_id))
    }

    pub(crate) async fn abandon(&self, instance_id: &str, lease: Lease) -> Result<(), LedgerError> {
        let mut done = self.ledger.abandon(&self.scope.stored(instance_id), lease).await;
        if let (Err(LedgerError::LeaseLost(_)), Some(old)) = (&done, self.old_id(instance_id)) {
            done = self.ledger.abandon(old, lease).await;
        }
        done.map_err(|error| own_loss(error, instance_id))
    }

    pub(crate) async fn instance(&self, instance_id: &str) -> Result<Option<Arc<Instance>>, LedgerError> {
        let found = match self.ledger.instance(&self.scope.stored(instance_id)).await? {
            // Boxed, since both are rare and large.
            Some(instance) if is_notice(&instance) && Box::pin(self.is_stray_notice(&instance)).await? => None,
            None => Box::pin(self.old_instance(&Target::Instance(instance_id.to_owned()))).await?,
            found => found,
        };
        Ok(found.map(|instance| self.own(instance)))
    }

    /// Returns the step with the stored ids.
    fn stored<'s>(&self, step: &'s Step) -> Cow<'s, Step> {
        let target = match &step.target {
            Target::Purchase { order, proposed_id } => {
                match (self.scope.stored(&order.order_id), self.scope.stored(proposed_id)) {
                    (Cow::Borrowed(_), Cow::Borrowed(_)) => return Cow::Borrowed(step),
                    (order_id, proposed_id) => Target::Purchase {
                        order: OrderKey { order_id: order_id.into_owned(), ..order.clone() },
                        proposed_id: proposed_id.into_owned(),
                    },
                }
            }
            Target::Instance(id) => match self.scope.stored(id) {
                Cow::Borrowed(_) => return Cow::Borrowed(step),
                Cow::Owned(id) => Target::Instance(id),
            },
        };
        Cow::Owned(Step { target, ..step.clone() })
    }

    /// Returns the instance with the ids of its family.
    fn own(&self, mut instance: Arc<Instance>) -> Arc<Instance> {
        let own = |stored: &str| self.scope.lengthens(stored).then(|| self.scope.own(stored).map(str::to_owned))?;
        if let Some(id) = own(&instance.instance_id) {
            Arc::make_mut(&mut instance).instance_id = id;
        }
        if let Some(id) = own(&instance.order.order_id) {
            Arc::make_mut(&mut instance).order.order_id = id;
        }
        instance
    }

    /// Returns the id that an instance has if it is from before. Whether it is, a holder of its lease finds by trying.
    fn old_id<'i>(&self, instance_id: &'i str) -> Option<&'i str> {
        let is_moved = matches!(self.family, Family::Licenses | Family::Notices);
        (self.has_past && is_moved && !is_reserved(instance_id)).then_some(instance_id)
    }

    /// Returns whether [`elsewhere`](Self::elsewhere) may have an answer. It has none for nearly all calls, which this
    /// finds without a query.
    fn may_be_elsewhere(&self, target: &Target, found: Option<&Arc<Instance>>) -> bool {
        self.has_past
            && match (self.family, found) {
                (Family::Subscriptions, Some(instance)) => is_notice(instance),
                (Family::Licenses, None) => true,
                (_, None) => self.has_old_key(target),
                (_, Some(_)) => false,
            }
    }

    /// Returns the step on another instance than the one where it belongs, if it has to be done there.
    async fn elsewhere(&self, step: &Step, found: Option<&Arc<Instance>>) -> Result<Option<Step>, LedgerError> {
        Ok(match found {
            None => self.old_instance(&step.target).await?.map(|old| on_old(step, &old.instance_id)),
            Some(instance) if self.is_stray_notice(instance).await? => Some(beside(&self.stored(step))),
            Some(_) => None,
        })
    }

    /// Returns whether a purchase may have had another key before there were scopes.
    fn has_old_key(&self, target: &Target) -> bool {
        let Target::Purchase { order, .. } = target else { return false };
        self.has_past
            && match self.family {
                Family::Subscriptions => order.order_line_id.is_none() && order.product_id.is_some(),
                Family::Licenses | Family::Notices => !is_reserved(&order.order_id),
                Family::Codes => false,
            }
    }

    /// Returns the instance of a target from before there were scopes.
    async fn old_instance(&self, target: &Target) -> Result<Option<Arc<Instance>>, LedgerError> {
        let found = match target {
            Target::Purchase { order, .. } if self.has_old_key(target) => {
                let order = match self.family {
                    Family::Subscriptions => OrderKey::new(self.scope.stored(&order.order_id)),
                    _ => order.clone(),
                };
                let target = Target::Purchase { order, proposed_id: String::new() };
                self.ledger.status(&Step::new(target, Effect::Release), ANY_TIME).await?.instance().cloned()
            }
            Target::Instance(id) if self.has_past && self.family == Family::Licenses && !is_reserved(id) => {
                self.ledger.instance(id).await?
            }
            _ => None,
        };
        Ok(match found {
            Some(instance) if self.fits(target, &instance) && self.is_from_before(&instance).await? => Some(instance),
            _ => None,
        })
    }

    /// Returns whether an instance from before can be that of the target.
    fn fits(&self, target: &Target, instance: &Instance) -> bool {
        match (self.family, target) {
            (Family::Subscriptions, Target::Purchase { order, .. }) => {
                instance.product_id.is_none() || instance.product_id == order.product_id
            }
            (Family::Notices, _) => is_notice(instance),
            _ => !is_notice(instance),
        }
    }

    /// Returns whether a notice from before has the place of a subscription.
    async fn is_stray_notice(&self, instance: &Instance) -> Result<bool, LedgerError> {
        Ok(self.has_past
            && self.family == Family::Subscriptions
            && is_notice(instance)
            && self.is_from_before(instance).await?)
    }

    async fn is_from_before(&self, instance: &Instance) -> Result<bool, LedgerError> {
        let note = Step::on(&*instance.instance_id, Effect::Note { key: PURCHASE.to_owned() });
        Ok(!matches!(self.ledger.status(&note, ANY_TIME).await?, StepStatus::Done(_)))
    }
}

impl Ledger for Scoped {
    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        Self::status(self, step, now).boxed()
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        Self::begin(self, step, lease, now).boxed()
    }

    fn extend<'a>(
        &'a self,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LedgerError>> {
        Self::extend(self, instance_id, lease, now).boxed()
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        Self::complete(self, step, instance_id, lease, now).boxed()
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        Self::abandon(self, instance_id, lease).boxed()
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        Self::instance(self, instance_id).boxed()
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        self.list(after, limit).boxed()
    }
}

fn own_loss(error: LedgerError, instance_id: &str) -> LedgerError {
    match error {
        LedgerError::LeaseLost(_) => LedgerError::LeaseLost(instance_id.to_owned()),
        LedgerError::Store(_) => error,
    }
}

/// Returns the step on an instance from before, which stays one from before: the key of its purchase is not stored with
/// it.
fn on_old(step: &Step, instance_id: &str) -> Step {
    Step { target: Target::Instance(instance_id.to_owned()), ..step.clone() }
}

/// Returns the step under a key that no other instance has, since a notice from before has the right one.
fn beside(step: &Step) -> Step {
    let target = match &step.target {
        Target::Purchase { order, proposed_id } => Target::Purchase {
            order: OrderKey { order_id: format!(",{}", order.order_id), ..order.clone() },
            proposed_id: proposed_id.clone(),
        },
        Target::Instance(id) => Target::Instance(format!(",{id}")),
    };
    Step { target, ..step.clone() }
}

/// Returns whether an instance has the id that a notice gets unless another instance has it.
fn is_notice(instance: &Instance) -> bool {
    let OrderKey { order_id, order_line_id: Some(line), product_id: None } = &instance.order else { return false };
    let rest = instance.instance_id.strip_prefix(order_id.as_str()).and_then(|rest| rest.strip_prefix('/'));
    rest == Some(line.as_str())
}
