//! Handlers: what they leave out is refused, and a handler without a key is reported.

use std::sync::Arc;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::licensing::{LicenseSubject, LicensingHandler};
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, DebugCalls, HandlerError};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;

use crate::support::*;

/// Implements what has no default.
struct Least;

impl SubscriptionHandler for Least {
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
    async fn describe(&self, _: InstanceQuery) -> Result<Description, HandlerError> {
        Ok(Description::default())
    }
}

impl LicensingHandler for Least {
    async fn renew(&self, _: LicenseSubject, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn freeze(&self, _: LicenseSubject, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn unfreeze(&self, _: LicenseSubject, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn release(&self, _: LicenseSubject, _: Release) -> Result<(), HandlerError> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_handler_leaves_out_is_refused_and_named_in_the_log() {
    let stage = Stage::with(|builder| builder.subscription(Least, MemoryLedger::new()).debug_calls(DebugCalls::Handle));
    for (body, method) in [
        (
            r#"{"activity":"upgradeInstance","instanceId":"x","orderId":"CS1","orderLineId":"CS1-1","testFlag":"1"}"#,
            "upgrade",
        ),
        (
            r#"{"activity":"changeInstanceCheck","instanceId":"x","productInfo":{"productId":"P"},"testFlag":"1"}"#,
            "check_change",
        ),
    ] {
        let answer = stage.post(body).await;
        assert_eq!(answer.code, "000005", "{method}");
        let expected = format!("the handler does not implement `{method}`");
        assert!(stage.log.last().contains(&expected), "{}", stage.log.last());
        assert!(!answer.json.to_string().contains(method), "the answer says nothing of it");
    }
}

/// A handler that the application uses elsewhere as well.
#[tokio::test]
async fn a_shared_handler_is_the_handler() {
    let shared = Arc::new(Least);
    let stage = Stage::with(|builder| {
        builder.subscription(Arc::clone(&shared), MemoryLedger::new()).debug_calls(DebugCalls::Handle)
    });
    let purchase =
        r#"{"activity":"newInstance","businessId":"b","orderId":"CS1","orderLineId":"CS1-1","testFlag":"1"}"#;
    assert_eq!(stage.post(purchase).await.code, "000000");
    let error = SubscriptionHandler::upgrade(&shared, Upgrade::new("i", "o")).await.unwrap_err();
    assert_eq!(format!("{error:?}"), format!("{:?}", HandlerError::unsupported("upgrade")), "its own methods count");
}

#[tokio::test]
async fn the_defaults_of_the_other_handlers_refuse() {
    let error = LicensingHandler::create(&Least, Purchase::new("i", "o")).await.unwrap_err();
    assert_eq!(format!("{error:?}"), format!("{:?}", HandlerError::unsupported("create")));
}

/// One whose key is missing would refuse every call, which looks like an attack in its log.
#[test]
fn a_handler_without_a_key_is_reported_when_the_service_is_built() {
    let build = |keys: AccessKeys| {
        let log = Log::default();
        let builder = CallbackService::builder(keys, TokioRuntime).observer(log.clone());
        builder.subscription(Least, MemoryLedger::new()).build();
        log.lines()
    };
    let key = || AccessKey::new("0a1b2c3d-4e5f").unwrap();
    let missing = "no key to verify SaaS V2.0, SaaS V1.0 calls, so all of them will be refused; missing: \
                   KOOGALLERY_BASIC_KEY or KOOGALLERY_V1_KEY";
    assert_eq!(build(AccessKeys::new()), [missing]);
    assert_eq!(build(AccessKeys::new().with(InterfaceType::Kit, key()).unwrap()), [missing]);
    assert!(build(AccessKeys::new().with(InterfaceType::Basic, key()).unwrap()).is_empty());
    assert!(build(AccessKeys::new().with(InterfaceType::V1, key()).unwrap()).is_empty());
}
