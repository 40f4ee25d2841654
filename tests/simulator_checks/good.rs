//! A good receiver.

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, CallbackServiceBuilder, Exchange, HandlerError, LateFailure, Observer};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use std::sync::Arc;

pub const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";

pub fn keys() -> AccessKeys {
    AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(KEY).unwrap()).unwrap()
}

pub struct Good {
    pub service: CallbackService,
    pub ledger: Arc<MemoryLedger>,
}

impl Good {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let builder =
            CallbackService::builder(keys(), TokioRuntime).subscription(Shop, Arc::clone(&ledger)).observer(Silence);
        Self { service: configure(builder).build(), ledger }
    }
}

/// Thousands of refused calls would be told on stderr.
pub struct Silence;

impl Observer for Silence {
    fn exchange(&self, _: &Exchange<'_>) {}
    fn late_failure(&self, _: &LateFailure<'_>) {}
}

pub struct Shop;

impl SubscriptionHandler for Shop {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
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
        Ok(Description::new(access.with_login("admin", "Init#2025pw").with_memo("欢迎")))
    }
}
