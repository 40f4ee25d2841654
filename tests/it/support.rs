//! A marketplace and a seller for tests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackEvent, CallbackService, CallbackServiceBuilder, HandlerError, Observer, Refusal};
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::{Clock, ManualClock};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::ledger::{Ledger, MemoryLedger};
use koogallery::signature::{auth_token, body_sign, callback_v2};
use koogallery::timestamp::Timestamp;
use serde_json::Value;

pub const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";
pub const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

pub fn key() -> AccessKey {
    AccessKey::new(KEY).unwrap()
}

pub fn keys() -> AccessKeys {
    AccessKeys::new().with(InterfaceType::Basic, key()).unwrap()
}

/// A seller that writes down what it receives, and can be made to fail.
#[derive(Clone, Default)]
pub struct Seller {
    pub events: Arc<Mutex<Vec<Event>>>,
    pub mood: Arc<Mutex<Mood>>,
    pub descriptions: Arc<Mutex<HashMap<String, Description>>>,
}

#[derive(Clone, Default)]
pub enum Mood {
    #[default]
    Willing,
    Slow(Duration),
    Refusing(Refusal),
    Failing,
    Panicking,
}

impl Seller {
    async fn note(&self, event: Event) -> Result<(), HandlerError> {
        let mood = self.mood.lock().unwrap().clone();
        self.events.lock().unwrap().push(event);
        match mood {
            Mood::Willing => Ok(()),
            Mood::Slow(duration) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
            Mood::Refusing(refusal) => Err(refusal.into()),
            Mood::Failing => Err(HandlerError::failed("the disk is full")),
            Mood::Panicking => panic!("the seller's code panicked"),
        }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub fn describe_as(&self, description: Description) {
        self.descriptions.lock().unwrap().insert(String::new(), description);
    }

    /// How often the handler ran.
    pub fn runs(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    pub fn last(&self) -> Event {
        self.events.lock().unwrap().last().unwrap().clone()
    }
}

impl SubscriptionHandler for Seller {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        self.note(Event::Create(purchase)).await
    }
    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        self.note(Event::Renew(renewal)).await
    }
    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        self.note(Event::Freeze(freeze)).await
    }
    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        self.note(Event::Unfreeze(unfreeze)).await
    }
    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        self.note(Event::Release(release)).await
    }
    async fn upgrade(&self, upgrade: Upgrade) -> Result<(), HandlerError> {
        self.note(Event::Upgrade(upgrade)).await
    }
    async fn check_change(&self, change: ChangeCheck) -> Result<(), HandlerError> {
        self.note(Event::CheckChange(change)).await
    }
    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        if let Some(description) = self.descriptions.lock().unwrap().get("") {
            return Ok(description.clone());
        }
        let url = format!("https://app.example.com/{}", query.instance_id);
        Ok(Description::new(AccessInfo::new(url).with_login("admin", "Init#2025pw").with_memo("欢迎")))
    }
}

/// Keeps what the seller's log would hold.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Observer for Log {
    fn on_event(&self, event: &CallbackEvent<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl Log {
    pub fn last(&self) -> String {
        self.0.lock().unwrap().last().cloned().unwrap_or_default()
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A service under a clock that stands still, and a marketplace that calls it.
pub struct Stage {
    pub service: CallbackService,
    pub seller: Seller,
    pub clock: Arc<ManualClock>,
    pub log: Log,
    pub key: AccessKey,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder) -> Self {
        Self::on(MemoryLedger::new(), configure)
    }

    pub fn on(ledger: impl Ledger, configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder) -> Self {
        let (seller, log, clock) = (Seller::default(), Log::default(), Arc::new(ManualClock::new(NOW)));
        let builder = CallbackService::builder(keys(), TokioRuntime)
            .subscription(seller.clone(), ledger)
            .clock(Arc::clone(&clock))
            .observer(log.clone());
        Self { service: configure(builder).build(), seller, clock, log, key: key() }
    }

    /// Sends a V2.0 body with a fresh nonce.
    pub async fn post(&self, body: &str) -> Answer {
        self.post_signed(
            &callback_v2::signed_query(&self.key, &nonce(), self.clock.now(), body.as_bytes()),
            body.to_owned(),
        )
        .await
    }

    pub async fn post_signed(&self, query: &str, body: impl Into<Bytes>) -> Answer {
        self.send(post_request(query, body)).await
    }

    /// Sends V1.0 parameters, `timeStamp` and `authToken` added.
    pub async fn get(&self, parameters: &str) -> Answer {
        self.get_signed(&self.signed(parameters)).await
    }

    /// The query with `timeStamp` and `authToken` added.
    pub fn signed(&self, parameters: &str) -> String {
        v1_query(&self.key, parameters, unique_time(self.clock.now()))
    }

    pub async fn get_signed(&self, query: &str) -> Answer {
        self.send(get_request(query)).await
    }

    /// A field of a V1.0 answer.
    pub fn decrypted(&self, field: &Value) -> String {
        let cipher = FieldCipher::new(&self.key, EncryptType::Aes256);
        cipher.decrypt(&field.as_str().unwrap().into()).unwrap().expose().to_owned()
    }

    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        let is_v1 = request.method() == http::Method::GET;
        let answer = Answer::read(self.service.call(request).await);
        if is_v1 {
            let ring = KeyRing::new(self.key.clone());
            assert_eq!(body_sign::verify(&ring, answer.body_sign.as_deref().unwrap(), &answer.body), Ok(()));
        }
        answer
    }
}

pub fn post_request(query: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(format!("/saasproduce?{query}"))
        .header("content-type", "application/json;charset=utf8")
        .body(body.into())
        .unwrap()
}

pub fn get_request(query: &str) -> Request<Bytes> {
    Request::get(format!("/saasproduce?{query}")).body(Bytes::new()).unwrap()
}

pub fn v1_query(key: &AccessKey, parameters: &str, time: Timestamp) -> String {
    auth_token::signed_query(key, &format!("{parameters}&timeStamp={}", time.to_compact_millis())).unwrap()
}

/// Calls of one moment differ by milliseconds, as those of the marketplace do.
fn unique_time(now: Timestamp) -> Timestamp {
    now.saturating_add(Duration::from_millis(NEXT.fetch_add(1, Ordering::Relaxed) % 10_000))
}

static NEXT: AtomicU64 = AtomicU64::new(0);

pub fn nonce() -> String {
    format!("nonce{:027}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An answer, its form checked.
#[derive(Debug, Clone)]
pub struct Answer {
    pub code: String,
    pub json: Value,
    pub body: Bytes,
    pub body_sign: Option<String>,
}

impl Answer {
    pub fn read(response: Response<Bytes>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        let body_sign = response.headers().get("body-sign").map(|value| value.to_str().unwrap().to_owned());
        Self::parse(response.into_body(), body_sign)
    }

    pub fn parse(body: Bytes, body_sign: Option<String>) -> Self {
        assert!(body.is_ascii());
        let json: Value = serde_json::from_slice(&body).unwrap();
        let code = json["resultCode"].as_str().unwrap().to_owned();
        assert_eq!(code.len(), 6);
        assert!(json["resultMsg"].is_string());
        Self { code, json, body, body_sign }
    }

    pub fn instance_id(&self) -> &str {
        self.json["instanceId"].as_str().unwrap_or_else(|| panic!("no instance id in {}", self.json))
    }
}

/// The body of a V2.0 purchase.
pub fn purchase(order: &str, business: &str) -> String {
    format!(
        r#"{{"activity":"newInstance","businessId":"{business}","orderId":"{order}","orderLineId":"{order}-000001"}}"#
    )
}

/// The parameters of a V1.0 purchase.
pub fn v1_purchase(order: &str, business: &str) -> String {
    format!(
        "activity=newInstance&businessId={business}&customerId=c0ffee&customerName=%E6%B5%8B+%2B&orderId={order}&productId=OFFI01&chargingMode=1&expireTime=20260101000000"
    )
}
