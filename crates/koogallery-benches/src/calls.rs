//! Callbacks to answer, and services that have their purchases in a ledger: what the benches of callbacks measure on.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::directory::DirectoryHandler;
use koogallery::callback::subscription::{AccessInfo, Description};
use koogallery::callback::{CallbackService, CallbackServiceBuilder};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::clock::ManualClock;
use koogallery::directory::MemoryDirectory;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::ledger::{Ledger, MemoryLedger};
use koogallery::license_store::{LicenseStore, MemoryLicenseStore};
use koogallery::redact::Sensitive;
use koogallery::signature::{auth_token, callback_v2};
use koogallery::testing::AcceptAll;
use koogallery::timestamp::Timestamp;

/// The key that signs every call.
pub const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
/// The time of the calls and of the services.
pub const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);
/// The nonce of [`Calls::v2_query`].
pub const NONCE: &str = "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea";

/// Calls of one purchase in each generation, and the ledger that has them done.
#[derive(Debug)]
pub struct Calls {
    /// The key that signs them.
    pub key: AccessKey,
    /// The same, to verify with.
    pub ring: KeyRing,
    /// Body of V2.0, some 300 bytes.
    pub body: String,
    /// Query of V2.0 that signs it.
    pub v2_query: String,
    /// Query of V1.0, 14 parameters and the token.
    pub v1_query: String,
    ledger: Arc<MemoryLedger>,
}

impl Default for Calls {
    fn default() -> Self {
        Self::new()
    }
}

impl Calls {
    /// Makes the calls and the purchases.
    pub fn new() -> Self {
        let key = AccessKey::new(KEY).expect("a key");
        let body = purchase();
        assert!((290..=310).contains(&body.len()), "{}", body.len());
        let v2_query = callback_v2::signed_query(&key, NONCE, NOW, body.as_bytes());
        let v1_query = auth_token::signed_query(&key, &v1_purchase(0)).expect("a query");
        let calls = Self {
            ring: KeyRing::new(key.clone()),
            key,
            body,
            v2_query,
            v1_query,
            ledger: Arc::new(MemoryLedger::new()),
        };
        // The purchases are made once; what is measured finds them in the ledger.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for request in calls.v2(1).into_iter().chain(calls.v1(1)) {
                let answer = calls.service(true).call(request).await;
                assert!(answer.body().starts_with(br#"{"resultCode":"000000""#), "{:?}", answer.body());
            }
        });
        calls
    }

    /// Returns a service with an empty replay guard; `login` adds an account to the access data.
    pub fn service(&self, login: bool) -> CallbackService {
        self.builder(self.keys(false), login, Arc::clone(&self.ledger)).build()
    }

    /// Returns the same with every family and a key for each, that of the online License included.
    pub fn service_of_all(&self) -> CallbackService {
        let builder = self.builder(self.keys(true), true, Arc::clone(&self.ledger));
        with_all(builder, MemoryDirectory::new(), Arc::clone(&self.ledger), MemoryLicenseStore::new()).build()
    }

    /// Returns a service on these stores, of the basic family or of all.
    #[cfg(feature = "peers")]
    pub fn service_on(&self, stores: &crate::stores::Stores, of_all: bool) -> CallbackServiceBuilder {
        let crate::stores::Stores { ledger, replay, licenses, directory } = stores;
        let builder = self.builder(self.keys(of_all), true, Arc::clone(ledger)).replay_guard(Arc::clone(replay));
        match of_all {
            true => with_all(builder, Arc::clone(directory), Arc::clone(ledger), Arc::clone(licenses)),
            false => builder,
        }
    }

    fn keys(&self, of_all: bool) -> AccessKeys {
        let key = |interface| match interface {
            InterfaceType::Basic => self.key.clone(),
            other => AccessKey::new(format!("{KEY}-{other:?}")).expect("a key"),
        };
        let served = InterfaceType::ALL.into_iter().filter(|interface| of_all || *interface == InterfaceType::Basic);
        served.fold(AccessKeys::new(), |keys, interface| keys.with(interface, key(interface)).expect("a key for each"))
    }

    fn builder(&self, keys: AccessKeys, login: bool, ledger: impl Ledger) -> CallbackServiceBuilder {
        let access = AccessInfo::new("https://app.example.com").with_admin_url("https://admin.example.com");
        let access = if login { access.with_login("tenant-admin", "Init#2025pw") } else { access };
        let description = Description::new(access);
        CallbackService::builder(keys, TokioRuntime)
            .subscription(AcceptAll::new().with_description(description), ledger)
            .clock(ManualClock::new(NOW))
    }

    /// Returns calls of V2.0 that differ in their nonces.
    pub fn v2(&self, count: usize) -> Vec<Request<Bytes>> {
        self.v2_numbered(0..count)
    }

    /// Returns the calls of V2.0 whose nonces have these numbers.
    pub fn v2_numbered(&self, numbers: Range<usize>) -> Vec<Request<Bytes>> {
        let call = |index: usize| {
            let query = callback_v2::signed_query(&self.key, &format!("{index:032}"), NOW, self.body.as_bytes());
            let request = Request::post(format!("/saasproduce?{query}"));
            request
                .header("content-type", "application/json;charset=utf8")
                .body(self.body.clone().into())
                .expect("valid")
        };
        numbers.map(call).collect()
    }

    /// Returns calls of V1.0 that differ in their business ids.
    pub fn v1(&self, count: usize) -> Vec<Request<Bytes>> {
        let call = |index: usize| {
            let query = auth_token::signed_query(&self.key, &v1_purchase(index)).expect("a query");
            Request::get(format!("/saasproduce?{query}")).body(Bytes::new()).expect("valid")
        };
        (0..count).map(call).collect()
    }
}

fn with_all(
    builder: CallbackServiceBuilder,
    directory: impl DirectoryHandler,
    ledger: impl Ledger + Clone,
    licenses: impl LicenseStore,
) -> CallbackServiceBuilder {
    let builder = builder.directory(directory, NoSecrets).licensing(AcceptAll::new(), ledger.clone(), licenses);
    builder.online_license_key(InterfaceType::License).orders(AcceptAll::new(), ledger)
}

fn purchase() -> String {
    r#"{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","customField":"something that the marketplace may add in the years to come, so that the body is as long as usual","orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001","productId":"OFFI000000000000000001"}"#.to_owned()
}

fn v1_purchase(index: usize) -> String {
    format!(
        "activity=newInstance&amount=10&businessId=5d2f7c1e-8a34-4b90-9c61-{index:012}&chargingMode=1\
         &customerId=68cbc86abc2018ab880d92f36422fa0e&customerName=%E6%B5%8B%E8%AF%95&expireTime=20260101000000\
         &orderAmount=99.5&orderId=CS2501010000ABCDF&periodNumber=1&periodType=year&productId=OFFI0000000001\
         &skuCode=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0&timeStamp=20250101000000123"
    )
}

/// Opens no client secret.
pub(crate) struct NoSecrets;

impl ClientSecretDecryptor for NoSecrets {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        Err(ClientSecretError)
    }
}
