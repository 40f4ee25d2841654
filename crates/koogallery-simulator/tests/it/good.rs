//! A good receiver.

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackEvent, CallbackService, CallbackServiceBuilder, HandlerError, Observer};
use koogallery::clock::{Clock, SystemClock};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::license_store::MemoryLicenseStore;
use koogallery::protocol::Protocol;
use koogallery::testing::AcceptAll;
use koogallery_simulator::Profile;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::families::{NoSecrets, Unhurried};

pub const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";

pub const KIT_KEY: &str = "kit-key-0123456789";

pub fn keys() -> AccessKeys {
    use InterfaceType::{Basic, General, Kit, License};
    let keys = [(Basic, KEY), (Kit, KIT_KEY), (License, "license-key-0123"), (General, "general-key-0123")];
    keys.into_iter()
        .fold(AccessKeys::new(), |keys, (interface, key)| keys.with(interface, AccessKey::new(key).unwrap()).unwrap())
}

pub struct Good {
    pub service: CallbackService,
    pub ledger: Arc<MemoryLedger>,
}

impl Good {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// With other keys than those that all have.
    pub fn with_keys(keys: AccessKeys) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let builder = CallbackService::builder(keys, TokioRuntime).observer(Silence);
        Self { service: builder.subscription(Shop::default(), Arc::clone(&ledger)).build(), ledger }
    }

    pub fn with(configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder) -> Self {
        Self::with_ledger(|builder, _| configure(builder))
    }

    pub fn with_ledger(
        configure: impl FnOnce(CallbackServiceBuilder, Arc<MemoryLedger>) -> CallbackServiceBuilder,
    ) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let builder = builder().subscription(Shop::default(), Arc::clone(&ledger));
        Self { service: configure(builder, Arc::clone(&ledger)).build(), ledger }
    }

    /// Opening takes so long, and an answer must not take longer than the deadline.
    pub fn slow(profile: impl Into<Profile>, opening: Duration, deadline: Duration) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let builder = match profile.into().protocol() {
            Protocol::LicenseOnline => {
                builder().licensing(Unhurried(opening), Arc::clone(&ledger), MemoryLicenseStore::new())
            }
            _ => builder().subscription(Shop { opening, ..Shop::default() }, Arc::clone(&ledger)),
        };
        Self { service: builder.v1_deadline(deadline).v2_deadline(deadline).build(), ledger }
    }

    /// A receiver of the calls of a profile.
    pub fn of(profile: Profile) -> Self {
        Self::at(profile, SystemClock)
    }

    /// A receiver of the calls of a profile that lives by this clock.
    pub fn at(profile: impl Into<Profile>, clock: impl Clock) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let builder = match profile.into().protocol() {
            Protocol::SaasV1 | Protocol::SaasV2 => return Self::with(|builder| builder.clock(clock)),
            Protocol::KitV1 | Protocol::KitV2 => builder().directory(AcceptAll::new(), NoSecrets),
            Protocol::OrderNotify => builder().orders(AcceptAll::new(), Arc::clone(&ledger)),
            _ => builder().licensing(AcceptAll::new(), Arc::clone(&ledger), MemoryLicenseStore::new()),
        };
        Self { service: builder.clock(clock).build(), ledger }
    }
}

fn builder() -> CallbackServiceBuilder {
    CallbackService::builder(keys(), TokioRuntime).observer(Silence)
}

/// Thousands of refused calls would be reported on stderr.
pub struct Silence;

impl Observer for Silence {
    fn on_event(&self, _: &CallbackEvent<'_>) {}
}

/// The subscription handler of all tests: it remembers purchases, and does nothing else.
#[derive(Clone, Default)]
pub struct Shop {
    opening: Duration,
    pub purchases: Arc<Mutex<Vec<Purchase>>>,
}

impl SubscriptionHandler for Shop {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        tokio::time::sleep(self.opening).await;
        self.purchases.lock().unwrap().push(purchase);
        Ok(())
    }
    async fn renew(&self, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn release(&self, _: Release) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn upgrade(&self, _: Upgrade) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn check_change(&self, _: ChangeCheck) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let access = AccessInfo::new(format!("https://app.example.com/{}", query.instance_id));
        let description = Description::new(access.with_login("admin", "Init#2025pw").with_memo("欢迎"));
        Ok(description.with_usage(UsageInfo::new("12.5".parse().unwrap(), SystemClock.now())))
    }
}
