//! License products and order notification through the service.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all, ready};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::licensing::*;
use koogallery::callback::orders::{OrderNotice, OrdersHandler};
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, CallbackServiceBuilder, HandlerError, Refusal};
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType, KeyRing};
use koogallery::lease::{Fence, Lease};
use koogallery::ledger::{MemoryLedger, SqliteLedger};
use koogallery::license_store::{
    ApplicationId, ApplicationOutcome, Applied, LicenseStore, LicenseStoreError, MemoryLicenseStore,
    SqliteLicenseStore, StoredApplication,
};
use koogallery::open_api::{Client, RetryPolicy};
use koogallery::result_code::ResultCode;
use koogallery::signature::{auth_token, body_sign, callback_v2};
use koogallery::site::Site;
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use koogallery::transport::{Transport, TransportError};
use serde_json::{Value, json};

use crate::support::{Answer, Log, NOW, Seller, get_request, nonce, post_request, purchase, v1_query};

fn key_of(interface: InterfaceType) -> AccessKey {
    AccessKey::new(format!("key-of-{interface:?}")).unwrap()
}

fn keys() -> AccessKeys {
    use InterfaceType::{Basic, General, Kit, License, V1};
    [Basic, V1, Kit, License, General]
        .into_iter()
        .fold(AccessKeys::new(), |keys, interface| keys.with(interface, key_of(interface)).unwrap())
}

/// Makes Licenses with running numbers, and writes down what it receives.
#[derive(Clone, Default)]
struct Maker {
    reported: Arc<Mutex<Vec<String>>>,
    made: Arc<Mutex<Vec<LicenseApplication>>>,
    pause: Arc<Mutex<Duration>>,
    refuses: Arc<Mutex<Option<ResultCode>>>,
    fails: Arc<Mutex<bool>>,
    known_codes: Arc<Mutex<Vec<String>>>,
}

impl Maker {
    fn note(&self, what: &str, key: &LicenseSubject) -> Result<(), HandlerError> {
        let id = match key {
            LicenseSubject::Code(code) if !self.known_codes.lock().unwrap().contains(code) => {
                return Err(Refusal::new(ResultCode::InstanceNotFound).into());
            }
            LicenseSubject::Code(code) => format!("code {code}"),
            LicenseSubject::Instance(id) => format!("instance {id}"),
        };
        self.reported.lock().unwrap().push(format!("{what} {id}"));
        Ok(())
    }

    fn reported(&self) -> Vec<String> {
        self.reported.lock().unwrap().clone()
    }

    fn made(&self) -> usize {
        self.made.lock().unwrap().len()
    }
}

impl LicensingHandler for Maker {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        self.note("create", &LicenseSubject::Instance(purchase.instance_id))
    }
    async fn issue(&self, application: LicenseApplication) -> Result<License, HandlerError> {
        let pause = *self.pause.lock().unwrap();
        tokio::time::sleep(pause).await;
        if let Some(code) = *self.refuses.lock().unwrap() {
            return Err(Refusal::new(code).into());
        }
        if *self.fails.lock().unwrap() {
            return Err(HandlerError::failed("the signer is locked"));
        }
        self.made.lock().unwrap().push(application);
        Ok(License::text(format!("LICENSE-{}", self.made())))
    }
    async fn renew(&self, license: LicenseSubject, renewal: Renewal) -> Result<(), HandlerError> {
        self.note(&format!("renew to {}", renewal.expire_time), &license)
    }
    async fn freeze(&self, license: LicenseSubject, _: Freeze) -> Result<(), HandlerError> {
        self.note("freeze", &license)
    }
    async fn unfreeze(&self, license: LicenseSubject, _: Unfreeze) -> Result<(), HandlerError> {
        self.note("unfreeze", &license)
    }
    async fn release(&self, license: LicenseSubject, _: Release) -> Result<(), HandlerError> {
        self.note("release", &license)
    }
}

/// Keeps notices, and fails if it should.
#[derive(Clone, Default)]
struct Books {
    notices: Arc<Mutex<Vec<OrderNotice>>>,
    fails: Arc<Mutex<bool>>,
}

impl OrdersHandler for Books {
    async fn notified(&self, notice: OrderNotice) -> Result<(), HandlerError> {
        self.notices.lock().unwrap().push(notice);
        if *self.fails.lock().unwrap() { Err(HandlerError::failed("the books are closed")) } else { Ok(()) }
    }
}

/// The marketplace's open APIs: takes uploads, knows every order, and fails as often as it should.
#[derive(Clone, Default)]
struct Marketplace {
    uploads: Arc<Mutex<Vec<(String, String)>>>,
    failures: Arc<Mutex<VecDeque<Value>>>,
}

impl Transport for Marketplace {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        if let Some(failure) = self.failures.lock().unwrap().pop_front() {
            return ready(Ok(Response::new(failure.to_string().into()))).boxed();
        }
        let answer = match request.uri().path().split('/').collect::<Vec<_>>()[..] {
            [.., "market-event", event, "file"] => {
                let body = String::from_utf8(request.body().to_vec()).unwrap();
                let license = body.split("LICENSE-").nth(1).unwrap().split('"').next().unwrap();
                self.uploads.lock().unwrap().push((event.to_owned(), format!("LICENSE-{license}")));
                json!({"error_code": "CBC.0000", "error_msg": "Success"})
            }
            [.., "order", "query"] => {
                let query = request.uri().query().unwrap();
                let id = query.split(['=', '&']).nth(1).unwrap();
                json!({"resultCode": "MKT.0000", "orderInfo": {"orderId": id, "orderType": "NEW", "orderLine": [{
                    "orderLineId": format!("{id}-000001"), "chargingMode": "PERIOD",
                    "productInfo": [{"productId": "OFFI1"}]}]}})
            }
            _ => panic!("{}", request.uri()),
        };
        ready(Ok(Response::new(answer.to_string().into()))).boxed()
    }
}

impl Marketplace {
    fn uploads(&self) -> Vec<(String, String)> {
        self.uploads.lock().unwrap().clone()
    }
}

pub struct Stage {
    service: CallbackService,
    maker: Maker,
    books: Books,
    seller: Seller,
    marketplace: Marketplace,
    pub log: Log,
    clock: Arc<ManualClock>,
}

impl Stage {
    fn new() -> Self {
        Self::on(MemoryLicenseStore::new(), |builder| builder)
    }

    /// Licenses and order notification, no SaaS.
    pub fn on(
        licenses: impl LicenseStore,
        configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder,
    ) -> Self {
        let (maker, books, seller) = (Maker::default(), Books::default(), Seller::default());
        let (marketplace, log, clock) = (Marketplace::default(), Log::default(), Arc::new(ManualClock::new(NOW)));
        let mut once = RetryPolicy::default();
        once.attempts = 1;
        let client = Client::builder(Site::China, marketplace.clone(), TokioRuntime)
            .credentials(Credentials::new("AK", "SK").unwrap())
            .retry_policy(once)
            .build()
            .unwrap();
        let builder = CallbackService::builder(keys(), TokioRuntime)
            .licensing(maker.clone(), MemoryLedger::new(), licenses)
            .orders(books.clone(), MemoryLedger::new())
            .open_api(client)
            .clock(Arc::clone(&clock))
            .observer(log.clone());
        Self { service: configure(builder).build(), maker, books, seller, marketplace, log, clock }
    }

    /// With SaaS beside them.
    fn with_saas(configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder) -> Self {
        let seller = Seller::default();
        let saas = seller.clone();
        let stage =
            Self::on(MemoryLicenseStore::new(), |builder| configure(builder.subscription(saas, MemoryLedger::new())));
        Self { seller, ..stage }
    }

    pub async fn post_as(&self, interface: InterfaceType, body: &str) -> Answer {
        let query = callback_v2::signed_query(&key_of(interface), &nonce(), self.clock.now(), body.as_bytes());
        Answer::read(self.service.call(post_request(&query, body.to_owned())).await)
    }

    async fn code(&self, body: &str) -> Answer {
        self.post_as(InterfaceType::License, body).await
    }

    async fn online(&self, body: &str) -> Answer {
        self.post_as(InterfaceType::Basic, body).await
    }

    async fn get_as(&self, interface: InterfaceType, parameters: &str) -> Answer {
        let query = v1_query(&key_of(interface), parameters, self.clock.now());
        self.get_query(&query).await
    }

    async fn get_query(&self, query: &str) -> Answer {
        let answer = Answer::read(self.service.call(get_request(query)).await);
        let ring = KeyRing::new(key_of(InterfaceType::V1));
        assert_eq!(body_sign::verify(&ring, answer.body_sign.as_deref().unwrap(), &answer.body), Ok(()));
        answer
    }

    pub async fn v1(&self, parameters: &str) -> Answer {
        self.clock.advance(Duration::from_millis(1));
        self.get_as(InterfaceType::V1, parameters).await
    }
}

fn renew_code(code: &str, order: &str) -> String {
    format!(
        r#"{{"activity":"refreshLicenseCode","expireTime":"20270101155959","license":"{code}","orderId":"{order}","orderLineId":"{order}-000001","scene":"RENEWAL"}}"#
    )
}

pub fn code_status(code: &str, status: &str) -> String {
    format!(r#"{{"activity":"updateLicenseCodeStatus","license":"{code}","status":"{status}"}}"#)
}

fn release_code(code: &str) -> String {
    format!(r#"{{"activity":"releaseLicenseCode","license":"{code}"}}"#)
}

pub fn apply(instance: &str, event: &str, device: &str) -> String {
    format!(
        r#"{{"activity":"getLicenseAsync","deviceFingerprint":"{device}","effectiveTime":"2025-01-01 00:00:00 z","eventId":"{event}","expireTime":"2026-01-01 00:00:00 z","instanceId":"{instance}"}}"#
    )
}

pub fn get_license(order: &str, business: &str) -> String {
    // [{"name":"identificationCode","value":"HW-1"}]
    let params = "W3sibmFtZSI6ImlkZW50aWZpY2F0aW9uQ29kZSIsInZhbHVlIjoiSFctMSJ9XQ%3D%3D";
    format!(
        "activity=getLicense&businessId={business}&customerId=c0ffee&orderId={order}&productId=OFFI1&periodType=year&periodNumber=1&expireTime=20260101155959&saasExtendParams={params}"
    )
}

pub fn notice(order: &str) -> String {
    format!(r#"{{"activity":"orderNotify","orderId":"{order}","orderLineId":"{order}-000001","testFlag":"0"}}"#)
}

#[tokio::test]
async fn an_authorization_code_lives_without_ever_having_been_created() {
    let stage = Stage::new();
    stage.maker.known_codes.lock().unwrap().push("PL1".to_owned());
    let life =
        [renew_code("PL1", "CS2"), code_status("PL1", "FREEZE"), code_status("PL1", "UNFREEZE"), release_code("PL1")];
    for call in &life {
        for _ in 0..3 {
            assert_eq!(stage.code(call).await.code, "000000", "{call}");
        }
    }
    let reported = stage.maker.reported();
    let expected = ["renew to 20270101155959 code PL1", "freeze code PL1", "unfreeze code PL1", "release code PL1"];
    assert_eq!(reported, expected, "each once");
    assert_eq!(stage.code(&renew_code("PL1", "CS3")).await.code, "000003", "released for good");
}

#[tokio::test]
async fn a_code_that_the_seller_does_not_know_is_refused_and_may_become_known() {
    let stage = Stage::new();
    assert_eq!(stage.code(&renew_code("PL9", "CS2")).await.code, "000003");
    stage.maker.known_codes.lock().unwrap().push("PL9".to_owned());
    assert_eq!(stage.code(&renew_code("PL9", "CS2")).await.code, "000000", "a refusal is not remembered");
}

#[tokio::test]
async fn an_online_license_is_uploaded_and_never_answered() {
    let stage = Stage::new();
    assert_eq!(stage.online(&purchase("CS1", "b1")).await.instance_id(), "b1");
    let answer = stage.online(&apply("b1", "event-1", "MAC|DISK|BOARD|CPU")).await;
    assert_eq!(answer.code, "000000");
    assert!(!answer.json.to_string().contains("LICENSE"));
    assert_eq!(stage.marketplace.uploads(), [("event-1".to_owned(), "LICENSE-1".to_owned())]);
    let application = stage.maker.made.lock().unwrap()[0].clone();
    assert_eq!(application.device.unwrap().expose(), "MAC|DISK|BOARD|CPU");
    assert_eq!(application.expire_time.unwrap().to_string(), "20260101000000");

    // The same application gets the same License, another one another.
    stage.online(&apply("b1", "event-1", "MAC|DISK|BOARD|CPU")).await;
    stage.online(&apply("b1", "event-2", "MAC|DISK|BOARD|CPU")).await;
    let licenses: Vec<_> = stage.marketplace.uploads().into_iter().map(|(_, license)| license).collect();
    assert_eq!(licenses, ["LICENSE-1", "LICENSE-1", "LICENSE-2"]);
    assert_eq!(stage.maker.made(), 2);

    let other_device = stage.online(&apply("b1", "event-1", "OTHER|DISK|BOARD|CPU")).await;
    assert_eq!(other_device.code, "000002");
    assert!(stage.log.last().contains("event-1"), "{}", stage.log.last());
    assert_eq!(stage.maker.made(), 2);
    assert_eq!(stage.online(&apply("b7", "event-7", "")).await.code, "000003");
    let too_long = apply("b1", "event-8", &"F".repeat(5121));
    assert_eq!(stage.online(&too_long).await.code, "000002");
}

#[tokio::test]
async fn a_license_is_made_with_the_number_of_the_attempt_and_the_end_of_the_lease() {
    let stage = Stage::on(MemoryLicenseStore::new(), |builder| builder.lease(Duration::from_secs(9)));
    stage.online(&purchase("CS1", "b1")).await;
    *stage.maker.fails.lock().unwrap() = true;
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000005");
    *stage.maker.fails.lock().unwrap() = false;
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000000");
    let made = stage.maker.made.lock().unwrap();
    assert_eq!(made[0].fence, Fence::new(2, stage.clock.now().saturating_add(Duration::from_secs(9))));
}

#[tokio::test]
async fn copies_of_an_application_make_one_license() {
    let stage = Stage::new();
    stage.online(&purchase("CS1", "b1")).await;
    *stage.maker.pause.lock().unwrap() = Duration::from_millis(20);
    let call = apply("b1", "event-1", "");
    let answers = join_all((0..20).map(|_| stage.online(&call))).await;
    assert!(answers.iter().all(|answer| answer.code == "000000" || answer.code == "000004"));
    assert!(answers.iter().any(|answer| answer.code == "000000"));
    stage.service.wait_idle().await;
    assert_eq!((stage.maker.made(), stage.marketplace.uploads().len()), (1, 1));
}

#[tokio::test]
async fn copies_of_a_v1_purchase_all_get_the_one_license() {
    let stage = Stage::new();
    *stage.maker.pause.lock().unwrap() = Duration::from_millis(20);
    let calls = (0..20).map(|index| {
        let call = get_license("CS1", &format!("b{index}"));
        let time = stage.clock.now().saturating_add(Duration::from_millis(index));
        let query = v1_query(&key_of(InterfaceType::V1), &call, time);
        let stage = &stage;
        async move { stage.get_query(&query).await }
    });
    let answers = join_all(calls).await;
    assert_eq!(answers[0].code, "000000");
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(stage.maker.made(), 1);
}

#[tokio::test]
async fn the_seller_may_refuse_a_license_with_the_documents_codes() {
    let stage = Stage::new();
    stage.online(&purchase("CS1", "b1")).await;
    *stage.maker.refuses.lock().unwrap() = Some(ResultCode::QuotaInsufficient);
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000900");
    *stage.maker.refuses.lock().unwrap() = None;
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000000");
}

#[tokio::test(start_paused = true)]
async fn a_license_that_takes_long_is_delivered_later() {
    let stage = Stage::new();
    stage.online(&purchase("CS1", "b1")).await;
    *stage.maker.pause.lock().unwrap() = Duration::from_secs(60);
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000004");
    assert!(stage.log.last().contains("answered 000004"), "{}", stage.log.last());
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000004", "still at it");
    stage.service.wait_idle().await;
    assert_eq!((stage.maker.made(), stage.marketplace.uploads().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_is_made_again_with_the_same_license() {
    let stage = Stage::new();
    stage.online(&purchase("CS1", "b1")).await;
    let down = json!({"error_code": "CBC.0999", "error_msg": "internal error"});
    stage.marketplace.failures.lock().unwrap().extend([down.clone(), down]);
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000004", "made, kept, not delivered yet");
    assert!(
        stage
            .log
            .lines()
            .iter()
            .any(|line| line.contains("failed to deliver the License for event-1 after the answer"))
    );
    let service = stage.service.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let clock = Arc::clone(&stage.clock);
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(Duration::from_secs(1));
        }
    });
    let delivering = tokio::spawn(async move {
        service.deliver_licenses(async { stopped.await.unwrap_or_default() }).await;
    });
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(stage.marketplace.uploads(), [("event-1".to_owned(), "LICENSE-1".to_owned())]);
    assert_eq!(stage.maker.made(), 1);
    stop.send(()).unwrap();
    delivering.await.unwrap();
    ticking.abort();
}

#[tokio::test(start_paused = true)]
async fn an_application_that_the_marketplace_denied_is_not_uploaded_for_ever() {
    let stage = Stage::new();
    stage.online(&purchase("CS1", "b1")).await;
    let denied = json!({"error_code": "91381038", "error_msg": "License apply has been denied."});
    stage.marketplace.failures.lock().unwrap().push_back(denied);
    assert_eq!(stage.online(&apply("b1", "event-1", "")).await.code, "000005");
    assert!(stage.log.last().contains("91381038"), "{}", stage.log.last());
    let delivering =
        tokio::time::timeout(Duration::from_secs(3600), stage.service.deliver_licenses(std::future::pending()));
    assert!(delivering.await.is_err());
    assert_eq!(stage.marketplace.uploads(), []);
}

#[tokio::test]
async fn a_license_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("licenses.db")).unwrap();
    let store = SqliteLicenseStore::new(&database).await.unwrap();
    let ledger = SqliteLedger::new(&database).await.unwrap();
    let first = Stage::on(store.clone(), |builder| builder);
    let first = Stage {
        service: CallbackService::builder(keys(), TokioRuntime)
            .licensing(first.maker.clone(), ledger.clone(), store.clone())
            .clock(Arc::clone(&first.clock))
            .observer(first.log.clone())
            .build(),
        ..first
    };
    first.online(&purchase("CS1", "b1")).await;
    // Without a client it is made and kept, and cannot be delivered.
    assert_eq!(first.online(&apply("b1", "event-1", "")).await.code, "000005");
    let v1 = first.v1(&get_license("CS9", "b9")).await;

    let second = Stage::on(MemoryLicenseStore::new(), |builder| builder.licensing(Maker::default(), ledger, store));
    second.clock.set(first.clock.now());
    second.clock.advance(Duration::from_secs(31));
    let service = second.service.clone();
    let delivering = tokio::spawn(async move { service.deliver_licenses(std::future::pending()).await });
    while second.marketplace.uploads().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    delivering.abort();
    assert_eq!(second.marketplace.uploads(), [("event-1".to_owned(), "LICENSE-1".to_owned())]);
    let again = second.v1(&get_license("CS9", "b10")).await;
    assert_eq!(v1.body, again.body, "the same License and id, for ever");
}

#[tokio::test]
async fn v1_answers_the_license_itself_and_always_the_same() {
    let stage = Stage::new();
    *stage.maker.fails.lock().unwrap() = true;
    assert_eq!(stage.v1(&get_license("CS1", "b1")).await.code, "000005");
    *stage.maker.fails.lock().unwrap() = false;
    stage.clock.advance(Duration::from_secs(3600));
    let first = stage.v1(&get_license("CS1", "b2")).await;
    assert_eq!(
        (first.code.as_str(), first.instance_id(), first.json["license"].as_str()),
        ("000000", "b1", Some("LICENSE-1"))
    );
    let application = stage.maker.made.lock().unwrap()[0].clone();
    assert_eq!(application.device.unwrap().expose(), "HW-1");
    assert_eq!(application.instance_id, "b1");
    for business in ["b3", "b4"] {
        assert_eq!(stage.v1(&get_license("CS1", business)).await.body, first.body);
    }
    assert_eq!(stage.maker.made(), 1);
    assert_eq!(stage.marketplace.uploads(), [], "V1 has no upload");

    let renewal = "activity=refreshLicense&orderId=CS2&instanceId=b1&expireTime=20270101155959";
    let expiry = "activity=expireLicense&instanceId=b1&orderId=CS1";
    let release = "activity=releaseLicense&instanceId=b1&orderId=CS1";
    for call in [expiry, renewal, renewal, release, release] {
        assert_eq!(stage.v1(call).await.code, "000000", "{call}");
    }
    let reported = stage.maker.reported();
    let life = [
        "create instance b1",
        "freeze instance b1",
        "renew to 20270101155959 instance b1",
        "unfreeze instance b1",
        "release instance b1",
    ];
    assert_eq!(reported, life);
    assert_eq!(stage.v1(&get_license("CS1", "b5")).await.body, first.body, "for ever");
}

#[tokio::test]
async fn debugging_touches_nothing() {
    let stage = Stage::new();
    let flagged = |body: &str| body.replacen('{', r#"{"testFlag":"1","#, 1);
    for call in [renew_code("PL1", "CS2"), code_status("PL1", "FREEZE"), release_code("PL1")] {
        assert_eq!(stage.code(&flagged(&call)).await.code, "000000", "{call}");
    }
    for call in [purchase("CS1", "b1"), apply("b1", "event-1", "")] {
        assert_eq!(stage.online(&flagged(&call)).await.code, "000000", "{call}");
    }
    let debugged = notice("CS1").replace(r#""testFlag":"0""#, r#""testFlag":"1""#);
    assert_eq!(stage.post_as(InterfaceType::General, &debugged).await.code, "000000");
    let v1 = stage.v1(&format!("{}&testFlag=1", get_license("CS1", "b1"))).await;
    assert_eq!((v1.code.as_str(), v1.instance_id()), ("000000", "b1"));
    assert!(v1.json["license"].is_string());
    assert_eq!((stage.maker.reported().len(), stage.maker.made()), (0, 0));
    assert_eq!((stage.books.notices.lock().unwrap().len(), stage.marketplace.uploads().len()), (0, 0));
}

#[tokio::test]
async fn a_notice_is_delivered_once_with_its_order() {
    let stage = Stage::new();
    *stage.books.fails.lock().unwrap() = true;
    assert_eq!(stage.post_as(InterfaceType::General, &notice("CS1")).await.code, "000005");
    *stage.books.fails.lock().unwrap() = false;
    let calls = join_all((0..5).map(|_| async { stage.post_as(InterfaceType::General, &notice("CS1")).await.code }));
    assert!(calls.await.iter().all(|code| code == "000000"));
    let notices = stage.books.notices.lock().unwrap().clone();
    assert_eq!(notices.len(), 2, "failed, then delivered");
    let order = notices[1].order.clone().unwrap();
    assert_eq!((notices[1].order_line_id.as_str(), order.order_id.as_str()), ("CS1-000001", "CS1"));

    stage.marketplace.failures.lock().unwrap().push_back(json!({"resultCode": "MKT.0999"}));
    assert_eq!(stage.post_as(InterfaceType::General, &notice("CS2")).await.code, "000005");
    assert_eq!(stage.books.notices.lock().unwrap().len(), 2, "never without its order");
}

#[tokio::test]
async fn a_notice_provisions_nothing_that_a_purchase_does() {
    let stage = Stage::with_saas(|builder| builder);
    for call in [notice("CS1"), purchase("CS1", "b1"), notice("CS1")] {
        let interface = if call.contains("orderNotify") { InterfaceType::General } else { InterfaceType::Basic };
        assert_eq!(stage.post_as(interface, &call).await.code, "000000");
    }
    assert_eq!((stage.seller.runs(), stage.books.notices.lock().unwrap().len()), (1, 1));
}

/// Of every family a call, and the keys that prove it.
fn a_call_of_each() -> Vec<(&'static str, &'static [InterfaceType], String)> {
    use InterfaceType::{Basic, General, License};
    vec![
        ("SaaS V2.0", &[Basic], purchase("CS1", "b1")),
        ("authorization code", &[License], renew_code("PL1", "CS2")),
        ("online License", &[Basic, License], apply("b1", "event-1", "")),
        ("order notification", &[General], notice("CS1")),
    ]
}

#[tokio::test]
async fn no_family_takes_a_call_that_was_proved_with_the_key_of_another() {
    use InterfaceType::{Basic, General, Kit, License, V1};
    for (family, its_own, call) in a_call_of_each() {
        for other in [Basic, General, Kit, License, V1].into_iter().filter(|other| !its_own.contains(other)) {
            let stage = Stage::with_saas(|builder| builder);
            let answer = stage.post_as(other, &call).await;
            assert_eq!(answer.code, "000001", "{family} with the key of {other:?}");
            assert_eq!((stage.seller.runs(), stage.maker.reported().len(), stage.maker.made()), (0, 0, 0));
        }
    }
    let stage = Stage::with_saas(|builder| builder);
    let v1_saas = "activity=queryInstance&instanceId=b1";
    for (call, code) in [(get_license("CS1", "b1").as_str(), "000000"), (v1_saas, "000003")] {
        assert_eq!(stage.v1(call).await.code, code);
        let query = auth_token::signed_query(
            &key_of(Basic),
            &format!("{call}&timeStamp={}", stage.clock.now().to_compact_millis()),
        );
        assert_eq!(stage.get_query(&query.unwrap()).await.code, "000001");
    }
}

#[tokio::test]
async fn an_activity_belongs_to_its_method() {
    let stage = Stage::with_saas(|builder| builder);
    // Messages of V1 sent as V2.0, and the reverse.
    let body = r#"{"activity":"getLicense","orderId":"CS1"}"#;
    assert_eq!(stage.post_as(InterfaceType::Basic, body).await.code, "000002");
    assert_eq!(stage.v1("activity=getLicenseAsync&instanceId=b1").await.code, "000002");
    assert_eq!(stage.v1("activity=orderNotify&orderId=CS1").await.code, "000002");
    let unknown = r#"{"activity":"getLicenses","orderId":"CS1"}"#;
    assert_eq!(stage.post_as(InterfaceType::Basic, unknown).await.code, "000002");
    assert_eq!(stage.post_as(InterfaceType::License, unknown).await.code, "000001");
}

#[tokio::test]
async fn only_handlers_or_a_key_tell_online_license_from_saas() {
    // No SaaS handler: it can only be online License.
    let stage = Stage::new();
    stage.online(&purchase("CS1", "b1")).await;
    assert_eq!(stage.maker.reported(), ["create instance b1"]);

    // Both, one key: SaaS.
    let stage = Stage::with_saas(|builder| builder);
    stage.online(&purchase("CS1", "b1")).await;
    assert_eq!((stage.seller.runs(), stage.maker.reported().len()), (1, 0));

    // Both, and a key of its own.
    let stage = Stage::with_saas(|builder| builder.online_license_key(InterfaceType::License));
    assert_eq!(stage.post_as(InterfaceType::Basic, &purchase("CS1", "b1")).await.code, "000000");
    assert_eq!(stage.post_as(InterfaceType::License, &purchase("CS2", "b2")).await.code, "000000");
    assert_eq!(stage.seller.runs(), 1);
    assert_eq!(stage.maker.reported(), ["create instance b2"]);
    assert_eq!(stage.post_as(InterfaceType::License, &apply("b2", "event-1", "")).await.code, "000000");
    let freeze = r#"{"activity":"updateInstanceStatus","instanceId":"b2","status":"FREEZE"}"#;
    assert_eq!(stage.post_as(InterfaceType::Basic, freeze).await.code, "000003", "no SaaS instance");
    assert_eq!(stage.post_as(InterfaceType::License, freeze).await.code, "000000");
}

#[tokio::test]
async fn online_license_is_taken_under_either_key_and_answered_with_the_same() {
    use InterfaceType::{Basic, General, License};
    for (configured, key) in [(Basic, Basic), (Basic, License), (License, Basic), (License, License)] {
        let stage = Stage::with_saas(|builder| builder.online_license_key(configured).sign_v2_answers(true));
        let body = apply("b1", "event-1", "");
        let nonce = nonce();
        let query = callback_v2::signed_query(&key_of(key), &nonce, NOW, body.as_bytes());
        let answer = Answer::read(stage.service.call(post_request(&query, body.clone())).await);
        assert_eq!(answer.code, "000003", "verified, and the instance is not known");
        let signature = answer.body_sign.unwrap();
        assert_eq!(
            body_sign::verify(&KeyRing::new(key_of(key)), &signature, &answer.body),
            Ok(()),
            "{configured:?} {key:?}"
        );
        let again = Answer::read(stage.service.call(post_request(&query, body)).await);
        assert_eq!(again.code, "000003", "the same call again");
        let other = apply("b1", "event-2", "");
        let other_query = callback_v2::signed_query(&key_of(key), &nonce, NOW, other.as_bytes());
        let other = Answer::read(stage.service.call(post_request(&other_query, other)).await);
        assert_eq!(other.code, "000002", "a nonce counts under both");
    }
    let stage = Stage::with_saas(|builder| builder);
    assert_eq!(stage.post_as(General, &apply("b1", "event-1", "")).await.code, "000001");

    // One of the keys is enough, whichever is named.
    for (configured, only) in [(Basic, License), (License, Basic)] {
        let keys = AccessKeys::new().with(only, key_of(only)).unwrap();
        let service = CallbackService::builder(keys, TokioRuntime)
            .licensing(Maker::default(), MemoryLedger::new(), MemoryLicenseStore::new())
            .online_license_key(configured)
            .clock(Arc::new(ManualClock::new(NOW)))
            .observer(Log::default())
            .build();
        let stage = Stage { service, ..Stage::new() };
        assert_eq!(stage.post_as(only, &purchase("CS1", "b1")).await.code, "000000");
    }
}

#[tokio::test]
async fn without_a_handler_nothing_is_taken() {
    let seller = Seller::default();
    let clock = Arc::new(ManualClock::new(NOW));
    let service = CallbackService::builder(keys(), TokioRuntime)
        .subscription(seller.clone(), MemoryLedger::new())
        .clock(Arc::clone(&clock))
        .observer(Log::default())
        .build();
    let stage = Stage { service, ..Stage::new() };
    assert_eq!(stage.post_as(InterfaceType::License, &renew_code("PL1", "CS2")).await.code, "000001");
    assert_eq!(stage.post_as(InterfaceType::Basic, &apply("b1", "event-1", "")).await.code, "000002");
    assert_eq!(stage.v1(&get_license("CS1", "b1")).await.code, "000002");
    assert_eq!(seller.runs(), 0);
}

/// Applies by V1 with these extension parameters: the code, and what the Licenses made are bound to.
async fn got_with(json: &str) -> (String, Vec<Option<String>>, String) {
    let stage = Stage::new();
    let params = percent_encoding::utf8_percent_encode(
        &base64::engine::general_purpose::STANDARD.encode(json),
        percent_encoding::NON_ALPHANUMERIC,
    )
    .to_string();
    let call = "activity=getLicense&businessId=b&customerId=c&orderId=CS1&productId=O&saasExtendParams";
    let answer = stage.v1(&format!("{call}={params}")).await;
    let device =
        |application: &LicenseApplication| application.device.as_ref().map(|device| device.expose().to_owned());
    let bound = stage.maker.made.lock().unwrap().iter().map(device).collect();
    (answer.code, bound, stage.log.last())
}

#[tokio::test]
async fn no_license_is_unbound_because_its_code_cannot_be_read() {
    for json in [
        r#"[{"name":"identificationCode","value":"HW"}]"#,
        r#"{"name":"identificationCode","value":"HW"}"#,
        r#"["{\"name\":\"identificationCode\",\"value\":\"HW\"}"]"#,
        r#"[{"name":" IdentificationCode ","value":"HW"}]"#,
        r#"[{"name":"identificationCode","value":"HW"},{"name":"identificationCode","value":"HW"}]"#,
        r#"[{"name":"identificationCode","value":"HW"},5,{"name":"seats","value":"\ud800"}]"#,
    ] {
        let (code, bound, log) = got_with(json).await;
        assert_eq!((code.as_str(), bound), ("000000", vec![Some("HW".to_owned())]), "{json}: {log}");
    }
    for json in [
        r#"[{"name":"identificationCode","value":"\ud800"}]"#,
        r#"[{"name":["identificationCode"],"value":"HW"}]"#,
        r#"[{"name":"identificationCode","value":"HW"},{"name":"identificationCode","value":"HX"}]"#,
        r#"[{"name":"identificationCode","name":"x","value":"HW"}]"#,
        r#"[{"name":"identificationCode","value":null,"value":"HW"}]"#,
        r#"[{"value":"HW"}]"#,
        r#"{"identificationCode":"HW"}"#,
        "[5]",
        "5",
    ] {
        let (code, bound, log) = got_with(json).await;
        assert_eq!((code.as_str(), bound), ("000002", vec![]), "{json}");
        assert!(log.contains(r#"getLicense (order "CS1")"#) && log.contains(r#"field "saasExtendParams""#), "{log}");
        assert!(!log.contains("HW"), "{log}");
    }
    for json in ["[]", "{}", r#"[{"name":"seats","value":"5"}]"#, r#"[{"name":"identificationCode","value":""}]"#] {
        let (code, bound, log) = got_with(json).await;
        assert_eq!((code.as_str(), bound), ("000000", vec![None]), "{json}: {log}");
    }
}

#[tokio::test]
async fn an_application_with_an_unclear_device_or_time_makes_no_license() {
    for members in [
        r#""deviceFingerprint":" ""#,
        r#""deviceFingerprint":7"#,
        r#""deviceFingerprint":["HW"]"#,
        r#""deviceFingerprint":null,"deviceFingerprint":"HW""#,
        r#""expireTime":" ""#,
        r#""expireTime":null,"expireTime":"2026-01-01 00:00:00 z""#,
        r#""expireTime":"2026-01-01""#,
        r#""expireTime":0"#,
    ] {
        let stage = Stage::new();
        let created = r#"{"activity":"newInstance","orderId":"C","orderLineId":"C-000001","businessId":"i"}"#;
        assert_eq!(stage.online(created).await.code, "000000");
        let head =
            r#""activity":"getLicenseAsync","effectiveTime":"2025-01-01 00:00:00 z","eventId":"e","instanceId":"i""#;
        assert_eq!(stage.online(&format!("{{{head},{members}}}")).await.code, "000002", "{members}");
        assert_eq!(stage.maker.made(), 0);
        let line = stage.log.last();
        assert!(line.contains(r#"online License getLicenseAsync (instance "i") answered 000002"#), "{line}");
    }
}

#[tokio::test]
async fn a_member_that_stands_twice_leads_no_call_to_another_family() {
    let stage = Stage::new();
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let odd = [r#""odd":1,"odd":{"a":[null]}"#.to_owned(), format!(r#""odd":{deep}"#)];
    for (index, odd) in odd.iter().enumerate() {
        let with = |body: String| body.replacen('{', &format!("{{{odd},"), 1);
        let answer = stage.post_as(InterfaceType::General, &with(notice(&format!("CS{index}")))).await;
        assert_eq!(answer.code, "000000", "{odd}: {}", stage.log.last());
        stage.maker.known_codes.lock().unwrap().push("k".to_owned());
        assert_eq!(stage.code(&with(renew_code("k", &format!("CS{index}")))).await.code, "000000");
    }
    assert_eq!(stage.books.notices.lock().unwrap().len(), 2);
}

/// Grants leases, and is slow to say so while `slow` is set.
struct SlowGrants {
    store: MemoryLicenseStore,
    slow: Arc<AtomicBool>,
}

type Stored<'a, T> = BoxFuture<'a, Result<T, LicenseStoreError>>;

impl LicenseStore for SlowGrants {
    fn apply(&self, application: LicenseApplication, now: Timestamp) -> Stored<'_, Applied> {
        self.store.apply(application, now)
    }
    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> Stored<'a, Option<StoredApplication>> {
        async move {
            let claimed = self.store.claim(id, lease, now).await;
            if self.slow.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            claimed
        }
        .boxed()
    }
    fn claim_due(&self, lease: Lease, now: Timestamp, limit: usize) -> Stored<'_, Vec<StoredApplication>> {
        self.store.claim_due(lease, now, limit)
    }
    fn extend<'a>(&'a self, id: &'a ApplicationId, lease: Lease, now: Timestamp) -> Stored<'a, ()> {
        self.store.extend(id, lease, now)
    }
    fn keep<'a>(&'a self, id: &'a ApplicationId, license: License) -> Stored<'a, License> {
        self.store.keep(id, license)
    }
    fn settle<'a>(&'a self, id: &'a ApplicationId, lease: Lease, outcome: ApplicationOutcome) -> Stored<'a, ()> {
        self.store.settle(id, lease, outcome)
    }
    fn application<'a>(&'a self, id: &'a ApplicationId) -> Stored<'a, Option<StoredApplication>> {
        self.store.application(id)
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_the_lease_is_granted_holds_up_no_one() {
    let slow = Arc::new(AtomicBool::new(true));
    let store = SlowGrants { store: MemoryLicenseStore::new(), slow: Arc::clone(&slow) };
    let stage = Stage::on(store, |builder| builder.lease(Duration::from_secs(3600)));
    let hung_up = tokio::time::timeout(Duration::from_millis(50), stage.v1(&get_license("CS1", "b1"))).await;
    assert!(hung_up.is_err(), "gone before the answer");
    slow.store(false, Ordering::Relaxed);
    let began = Instant::now();
    let answer = stage.v1(&get_license("CS1", "b1")).await;
    assert_eq!(answer.code, "000000");
    assert!(began.elapsed() < Duration::from_secs(5), "not after the lease, nor at the deadline");
    assert_eq!(stage.maker.made(), 1);
}
