//! The seller's code panics, in any of its methods: `000005`, signed where answers are signed, and the next call is served.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use koogallery::callback::HandlerError;
use koogallery::callback::directory::*;
use koogallery::callback::licensing::{License, LicenseApplication, LicenseSubject, LicensingHandler};
use koogallery::callback::orders::{OrderNotice, OrdersHandler};
use koogallery::callback::subscription::*;
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::key::InterfaceType;
use koogallery::ledger::MemoryLedger;
use koogallery::license_store::MemoryLicenseStore;
use koogallery::redact::Sensitive;

use crate::kit::{self, APPLICATION, TENANT};
use crate::license_calls::{self, apply, code_status, get_license, notice};
use crate::support::*;

/// Serves, panics when a method is called, or panics in its future.
#[derive(Clone, Default)]
struct Bomb(Arc<AtomicU8>);

const SERVES: u8 = 0;
const PANICS: [u8; 2] = [1, 2];

impl Bomb {
    fn set(&self, mood: u8) {
        self.0.store(mood, Ordering::Relaxed);
    }

    fn go_off<T: Send + 'static>(&self, value: T) -> impl Future<Output = Result<T, HandlerError>> + Send + use<T> {
        let mood = self.0.load(Ordering::Relaxed);
        assert!(mood != PANICS[0], "the seller's code panicked");
        async move {
            tokio::task::yield_now().await;
            assert!(mood != PANICS[1], "the seller's code panicked later");
            Ok(value)
        }
    }
}

type Done = Result<(), HandlerError>;

impl SubscriptionHandler for Bomb {
    fn create(&self, _: Purchase) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn renew(&self, _: Renewal) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn freeze(&self, _: Freeze) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn unfreeze(&self, _: Unfreeze) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn release(&self, _: Release) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn upgrade(&self, _: Upgrade) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn check_change(&self, _: ChangeCheck) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn describe(&self, _: InstanceQuery) -> impl Future<Output = Result<Description, HandlerError>> + Send {
        self.go_off(Description::new(AccessInfo::new("https://app.example.com")))
    }
}

impl LicensingHandler for Bomb {
    fn create(&self, _: Purchase) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn issue(&self, _: LicenseApplication) -> impl Future<Output = Result<License, HandlerError>> + Send {
        self.go_off(License::text("LICENSE-1"))
    }
    fn renew(&self, _: LicenseSubject, _: Renewal) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn freeze(&self, _: LicenseSubject, _: Freeze) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn unfreeze(&self, _: LicenseSubject, _: Unfreeze) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn release(&self, _: LicenseSubject, _: Release) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
}

impl OrdersHandler for Bomb {
    fn notified(&self, _: OrderNotice) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
}

impl DirectoryHandler for Bomb {
    fn put_tenant(&self, _: Tenant) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn remove_tenant(&self, _: TenantRemoval) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn put_application(&self, _: Application) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn remove_application(&self, _: ApplicationRemoval) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn put_users(&self, _: UsersChange) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn revoke_users(&self, _: UsersRemoval) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
    fn remove_users(&self, _: UsersRemoval) -> impl Future<Output = Done> + Send {
        self.go_off(())
    }
}

impl ClientSecretDecryptor for Bomb {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        assert!(self.0.load(Ordering::Relaxed) == SERVES, "the decryptor panicked");
        Ok(ciphertext.into())
    }
}

/// Answers are checked for their signature where they are read.
fn assert_failed(what: &str, answer: &Answer, log: &Log) {
    assert_eq!(answer.code, "000005", "{what}: {}", answer.json);
    assert!(log.last().contains("panicked"), "{what}: {}", log.last());
    assert!(!answer.body.windows(8).any(|part| part == b"panicked"));
}

#[tokio::test]
async fn subscriptions() {
    let bomb = Bomb::default();
    let handler = bomb.clone();
    let stage = Stage::with(|builder| builder.subscription(handler, MemoryLedger::new()));
    let posts = [
        purchase("CS1", "b"),
        r#"{"activity":"refreshInstance","expireTime":"20270101000000","instanceId":"b","orderId":"CS3","orderLineId":"CS3-1","scene":"RENEWAL"}"#.to_owned(),
        r#"{"activity":"updateInstanceStatus","instanceId":"b","status":"FREEZE"}"#.to_owned(),
        r#"{"activity":"updateInstanceStatus","instanceId":"b","status":"UNFREEZE"}"#.to_owned(),
        r#"{"activity":"upgradeInstance","instanceId":"b","orderId":"CS4","orderLineId":"CS4-1"}"#.to_owned(),
        r#"{"activity":"changeInstanceCheck","instanceId":"b","productInfo":{}}"#.to_owned(),
        r#"{"activity":"queryInstance","instanceId":"b"}"#.to_owned(),
        r#"{"activity":"releaseInstance","instanceId":"b"}"#.to_owned(),
    ];
    for body in &posts {
        for mood in PANICS {
            bomb.set(mood);
            assert_failed(body, &stage.post(body).await, &stage.log);
        }
        bomb.set(SERVES);
        assert_eq!(stage.post(body).await.code, "000000", "{body}");
    }
    let gets = [
        v1_purchase("CS2", "n"),
        "activity=refreshInstance&expireTime=20270102000000&instanceId=n&orderId=CS3&productId=P".to_owned(),
        "activity=expireInstance&instanceId=n&orderId=CS1".to_owned(),
        "activity=queryInstance&instanceId=n".to_owned(),
        "activity=releaseInstance&instanceId=n".to_owned(),
    ];
    for query in &gets {
        for mood in PANICS {
            bomb.set(mood);
            assert_failed(query, &stage.get(query).await, &stage.log);
        }
        bomb.set(SERVES);
        assert_eq!(stage.get(query).await.code, "000000", "{query}");
    }
}

#[tokio::test]
async fn licenses_and_notices() {
    let bomb = Bomb::default();
    let (licensing, orders) = (bomb.clone(), bomb.clone());
    let stage = license_calls::Stage::on(MemoryLicenseStore::new(), |builder| {
        builder.licensing(licensing, MemoryLedger::new(), MemoryLicenseStore::new()).orders(orders, MemoryLedger::new())
    });
    let calls = [
        (InterfaceType::Basic, purchase("CS1", "b")),
        (InterfaceType::License, code_status("code", "FREEZE")),
        (InterfaceType::General, notice("CS2")),
    ];
    for (interface, body) in &calls {
        for mood in PANICS {
            bomb.set(mood);
            assert_failed(body, &stage.post_as(*interface, body).await, &stage.log);
        }
        bomb.set(SERVES);
        assert_eq!(stage.post_as(*interface, body).await.code, "000000", "{body}");
    }
    // What failed once is tried again later, so that there is another event each time.
    for mood in PANICS {
        bomb.set(mood);
        let body = apply("b", &format!("event-{mood}"), "device");
        assert_failed(&body, &stage.post_as(InterfaceType::Basic, &body).await, &stage.log);
    }
    let query = get_license("CS3", "v1");
    for mood in PANICS {
        bomb.set(mood);
        assert_failed(&query, &stage.v1(&query).await, &stage.log);
    }
    bomb.set(SERVES);
    assert_eq!(stage.v1(&query).await.code, "000000");
}

#[tokio::test]
async fn directories_and_decryptors() {
    let bomb = Bomb::default();
    let (directory, decryptor) = (bomb.clone(), bomb.clone());
    let stage = kit::Stage::with(|builder| builder.directory(directory, decryptor));
    for (message, members) in [("tenantSync", TENANT), ("applicationSync", APPLICATION)] {
        let body = kit::body(members);
        for mood in PANICS {
            bomb.set(mood);
            assert_failed(message, &stage.v1(message, &body).await, &stage.log);
            assert_failed(message, &stage.v2(message, &body).await, &stage.log);
        }
        bomb.set(SERVES);
        assert_eq!(stage.v2(message, &body).await.code, "000000");
    }
}
