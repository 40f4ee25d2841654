//! The seller's handlers: slow now and then, failing now and then, with accounts that compare the fence.

use std::sync::Arc;
use std::time::Duration;

use koogallery::callback::HandlerError;
use koogallery::callback::licensing::{License, LicenseApplication, LicenseSubject, LicensingHandler};
use koogallery::callback::subscription::{
    AccessInfo, ChangeCheck, Description, Freeze, InstanceQuery, Purchase, Release, Renewal, SubscriptionHandler,
    Unfreeze, Upgrade,
};

use crate::Bug;
use crate::scheduler::Owner;
use crate::simulation::{Injected, Simulation};

/// The prefix of the ids of Licenses in the ledger.
pub(crate) const LICENSES: &str = "license,";

/// The handlers in one life of a replica.
#[derive(Clone)]
pub(crate) struct Seller {
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) owner: Owner,
    /// Before the ids of its instances, as the ledger has them.
    pub(crate) prefix: &'static str,
}

impl Seller {
    /// Does one change: takes its time, writes to the account in the middle, and may fail before or after.
    async fn change(&self, id: &str, change: &str, token: u32) -> Result<(), HandlerError> {
        let id = format!("{}{id}", self.prefix);
        self.simulation.monitor().run_started(&id, change, token, self.owner);
        let outcome = self.work(&id, change, token).await;
        self.simulation.monitor().run_ended(&id, change, token, self.owner, outcome.is_ok());
        outcome
    }

    async fn work(&self, id: &str, change: &str, token: u32) -> Result<(), HandlerError> {
        self.take_time().await;
        self.fail_if_drawn("the seller's code failed before it wrote")?;
        let token = if self.simulation.has(Bug::NoFence) { u32::MAX } else { token };
        if !self.simulation.monitor().write(id, change, token, self.owner) {
            return Err(HandlerError::failed("a later run has written"));
        }
        self.take_time().await;
        self.fail_if_drawn("the seller's code failed after it wrote")
    }

    async fn take_time(&self) {
        let Simulation { rng, scheduler, .. } = &*self.simulation;
        let rates = self.simulation.rates();
        if rng.chance(rates.slow_handler) {
            self.simulation.monitor().count_fault("handler slow");
            scheduler.sleep(rng.between(Duration::from_secs(1), Duration::from_secs(9))).await;
        } else if rng.chance(500) {
            scheduler.sleep(rng.between(Duration::ZERO, Duration::from_millis(300))).await;
        }
    }

    fn fail_if_drawn(&self, why: &'static str) -> Result<(), HandlerError> {
        let Simulation { rng, .. } = &*self.simulation;
        if rng.chance(self.simulation.rates().handler / 2) {
            self.simulation.monitor().count_fault("handler failed");
            return Err(HandlerError::failed(Injected::because(why)));
        }
        Ok(())
    }

    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        let Purchase { instance_id, order_id, fence, .. } = purchase;
        self.simulation.monitor().saw_id(&order_id, &instance_id);
        self.change(&instance_id, "create", fence.token).await
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        let change = format!("renew {}", renewal.order_id);
        self.change(&renewal.instance_id, &change, renewal.fence.token).await
    }
}

impl SubscriptionHandler for Seller {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        self.create(purchase).await
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        self.renew(renewal).await
    }

    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        self.change(&freeze.instance_id, "freeze", freeze.fence.token).await
    }

    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        self.change(&unfreeze.instance_id, "unfreeze", unfreeze.fence.token).await
    }

    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        self.change(&release.instance_id, "release", release.fence.token).await
    }

    async fn upgrade(&self, upgrade: Upgrade) -> Result<(), HandlerError> {
        let change = format!("upgrade {}", upgrade.order_id);
        self.change(&upgrade.instance_id, &change, upgrade.fence.token).await
    }

    async fn check_change(&self, _change: ChangeCheck) -> Result<(), HandlerError> {
        self.take_time().await;
        Ok(())
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let address = format!("https://app.example.com/{}", query.instance_id);
        Ok(Description::new(AccessInfo::new(address)))
    }
}

impl LicensingHandler for Seller {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        self.create(purchase).await
    }

    /// Every run makes another one, so that it shows which one counts.
    async fn issue(&self, application: LicenseApplication) -> Result<License, HandlerError> {
        let (id, token) = (format!("application {}", application.id.value()), application.fence.token);
        self.simulation.monitor().run_started(&id, "issue", token, self.owner);
        self.take_time().await;
        let outcome = self.fail_if_drawn("no License could be made");
        // It may be made and lost before it is kept, so that making it again is no second run.
        self.simulation.monitor().run_ended(&id, "issue", token, self.owner, false);
        outcome.map(|()| License::text(format!("LICENSE-{:016x}", self.simulation.rng.number())))
    }

    async fn renew(&self, _license: LicenseSubject, renewal: Renewal) -> Result<(), HandlerError> {
        self.renew(renewal).await
    }

    async fn freeze(&self, _license: LicenseSubject, freeze: Freeze) -> Result<(), HandlerError> {
        self.change(&freeze.instance_id, "freeze", freeze.fence.token).await
    }

    async fn unfreeze(&self, _license: LicenseSubject, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        self.change(&unfreeze.instance_id, "unfreeze", unfreeze.fence.token).await
    }

    async fn release(&self, _license: LicenseSubject, release: Release) -> Result<(), HandlerError> {
        self.change(&release.instance_id, "release", release.fence.token).await
    }
}
