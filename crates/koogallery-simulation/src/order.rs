//! One order, from the purchase to the release: what the marketplace calls for it, and what must be so after each success.

mod usage;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::ledger::{Ledger as _, State};
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery::saas::v2::change_instance_check::TargetProduct;
use koogallery::wire::RenewalScene;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome};
use koogallery_simulator::{LineSpec, OrderSpec, PlacedOrder};

use crate::marketplace::{Final, Marketplace};
use crate::monitor::AccountState;
use crate::seller::LICENSES;
use crate::{Error, Invariant};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct Order {
    pub(crate) market: Arc<Marketplace>,
    protocol: Protocol,
    placed: PlacedOrder,
    is_metered: bool,
}

impl Order {
    /// Places an order of a product that the seed draws.
    pub(crate) fn place(market: Arc<Marketplace>) -> Self {
        let rng = &market.simulation.rng;
        let protocol = match rng.below(10) {
            0..=3 => Protocol::SaasV2,
            4..=6 => Protocol::SaasV1,
            7..=8 => Protocol::LicenseOnline,
            _ => Protocol::LicenseV1,
        };
        let is_metered = matches!(protocol, Protocol::SaasV2 | Protocol::SaasV1) && rng.chance(500);
        let line = match is_metered {
            true => LineSpec::on_demand("OFFI-METERED"),
            false => LineSpec::period("OFFI-PERIOD", PeriodType::Year, 1),
        };
        let placed = market.simulation.open_api.place_order(OrderSpec::new(line));
        Self { market, protocol, placed, is_metered }
    }

    /// Runs the order to its end.
    pub(crate) async fn run(self) {
        if let Err(error) = self.lifecycle().await {
            let what = format!("the simulation cannot make a call of {}: {error}", self.placed.order_id);
            self.market.simulation.monitor().violate(Invariant::EverythingEnds, what);
        }
        self.market.open_orders.fetch_sub(1, Ordering::Relaxed);
    }

    async fn lifecycle(&self) -> Result<(), Error> {
        let id = self.purchase().await?;
        if self.is_metered {
            self.record_usage(&id);
        }
        if self.protocol == Protocol::LicenseOnline {
            self.apply_for_license(&id).await?;
        }
        for _ in 0..self.market.simulation.rng.below(5) {
            self.pause().await;
            self.change(&id).await?;
        }
        self.pause().await;
        self.release(&id).await
    }

    async fn pause(&self) {
        let pause = self.market.simulation.rng.between(Duration::from_secs(1), 4 * MINUTE);
        self.market.sleep(pause).await;
    }

    /// Returns the id of the instance as the ledger has it.
    fn stored(&self, id: &str) -> String {
        match self.protocol {
            Protocol::LicenseOnline | Protocol::LicenseV1 => format!("{LICENSES}{id}"),
            _ => id.to_owned(),
        }
    }

    async fn purchase(&self) -> Result<String, Error> {
        let callback = Callback::purchase(self.protocol, &self.placed, 0).ok_or("the protocol has no purchase")?;
        let mut repeats = 0;
        loop {
            let answer = self.market.until_final(&callback, None).await?;
            let id = answer.outcome.instance_id().ok_or("the answer to a purchase has no instance id")?.to_owned();
            self.market.simulation.monitor().saw_id(&self.placed.order_id, &id);
            self.check_license(&answer)?;
            let is_done = matches!(answer.outcome, DeliveryOutcome::Done { .. }) && self.protocol != Protocol::SaasV1;
            if is_done || self.is_created(&id).await? {
                self.check(&id, "create", Some(AccountState::Open), State::Active);
                repeats += 1;
                // The marketplace may call again after a success.
                if repeats > 1 || !self.market.simulation.rng.chance(200) {
                    return Ok(id);
                }
            }
            self.pause().await;
        }
    }

    /// Waits for a creation that goes on after its answer. False if it takes so long that the purchase is sent again.
    async fn is_created(&self, id: &str) -> Result<bool, Error> {
        let Some(query) = Callback::query(self.protocol, &[id]) else {
            // An application for the License says so later.
            return Ok(false);
        };
        for _ in 0..15 {
            if self.market.attempt(&query, None).await?.is_some() {
                return Ok(true);
            }
            self.market.sleep(MINUTE).await;
        }
        Ok(false)
    }

    /// The License of License V1 is in the answer to the purchase.
    fn check_license(&self, answer: &Final) -> Result<(), Error> {
        if self.protocol == Protocol::LicenseV1 {
            let body: serde_json::Value = serde_json::from_slice(answer.response.body())?;
            let license = body["license"].as_str().ok_or("the answer has no License")?;
            self.market.simulation.monitor().saw_license(&self.placed.order_id, license);
        }
        Ok(())
    }

    async fn apply_for_license(&self, id: &str) -> Result<(), Error> {
        let simulation = &self.market.simulation;
        let event = format!("E{:016x}", simulation.rng.number());
        simulation.open_api.open_license_application(&event);
        let until = self.placed.expire_time(0);
        let callback = Callback::license_application(id, &event, simulation.scheduler.now(), until);
        self.market.until_final(&callback, None).await?;
        loop {
            if let Some(koogallery_simulator::Upload::Characters(text)) = simulation.open_api.upload(&event) {
                simulation.monitor().saw_license(&event, &text);
                return Ok(());
            }
            self.market.sleep(MINUTE).await;
        }
    }

    async fn change(&self, id: &str) -> Result<(), Error> {
        let rng = &self.market.simulation.rng;
        match rng.below(10) {
            0..=2 => self.renew(id).await,
            3..=4 => self.upgrade(id).await,
            5 => self.ask(id).await,
            _ => self.freeze_and_unfreeze(id).await,
        }
    }

    fn place_another(&self) -> PlacedOrder {
        self.market.simulation.open_api.place_order(OrderSpec::new(LineSpec::period("OFFI-2", PeriodType::Year, 1)))
    }

    async fn renew(&self, id: &str) -> Result<(), Error> {
        let order = self.place_another();
        let expiry = order.expire_time(0).ok_or("the order has no expiry")?;
        let callback = Callback::refresh(self.protocol, RenewalScene::Renewal, id, &order, expiry);
        let stored = self.stored(id);
        let unfreezes = matches!(self.protocol, Protocol::SaasV1 | Protocol::LicenseV1);
        let status = unfreezes.then_some((&*stored, "unfreeze"));
        self.market.until_final(&callback.ok_or("the protocol has no renewal")?, status).await?;
        self.check(id, &format!("renew {}", order.order_id), Some(AccountState::Open), State::Active);
        Ok(())
    }

    async fn upgrade(&self, id: &str) -> Result<(), Error> {
        let order = self.place_another();
        let Some(callback) = Callback::upgrade(self.protocol, id, &order) else { return Ok(()) };
        self.market.until_final(&callback, None).await?;
        self.check(id, &format!("upgrade {}", order.order_id), Some(AccountState::Open), State::Active);
        Ok(())
    }

    async fn ask(&self, id: &str) -> Result<(), Error> {
        if let Some(query) = Callback::query(self.protocol, &[id]) {
            self.market.until_final(&query, None).await?;
        }
        if self.protocol == Protocol::SaasV2 {
            let check = Callback::change_check(id, TargetProduct::new("OFFI-3", "SKU-3", "Larger"));
            self.market.until_final(&check, None).await?;
        }
        Ok(())
    }

    async fn freeze_and_unfreeze(&self, id: &str) -> Result<(), Error> {
        let stored = self.stored(id);
        let freeze = Callback::expiry(self.protocol, id).ok_or("the protocol has no freeze")?;
        let status = Some((&*stored, "freeze"));
        if self.market.simulation.rng.chance(300) {
            // The customer pays before the freeze is known to have succeeded.
            for _ in 0..=self.market.simulation.rng.below(2) {
                self.market.attempt(&freeze, status).await?;
            }
        } else {
            self.market.until_final(&freeze, status).await?;
            self.check(id, "freeze", Some(AccountState::Frozen), State::Frozen);
            self.pause().await;
        }
        let Some(unfreeze) = Callback::unfreezing(self.protocol, id) else { return self.renew(id).await };
        self.market.until_final(&unfreeze, Some((&stored, "unfreeze"))).await?;
        self.check(id, "unfreeze", Some(AccountState::Open), State::Active);
        Ok(())
    }

    async fn release(&self, id: &str) -> Result<(), Error> {
        let callback = Callback::release(self.protocol, id, &self.placed.order_id).ok_or("there is no release")?;
        self.market.until_final(&callback, Some((&self.stored(id), "release"))).await?;
        self.check(id, "release", Some(AccountState::Released), State::Released);
        Ok(())
    }

    /// Checks that what was answered with success is done: in the account, and in the ledger.
    fn check(&self, id: &str, change: &str, account: Option<AccountState>, state: State) {
        let simulation = &self.market.simulation;
        let stored = self.stored(id);
        let instance = simulation.ledger.instance(&stored).now_or_never().and_then(Result::ok).flatten();
        let found = instance.map(|instance| instance.state);
        let mut monitor = simulation.monitor();
        monitor.check_success(&stored, change, account);
        if found != Some(state) {
            let what = format!("{change} of {stored} succeeded, and the ledger has it {found:?}");
            monitor.violate(Invariant::SuccessIsDone, what);
        }
    }
}
