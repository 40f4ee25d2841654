//! Families, tenants and handlers on one ledger do not see each other's work.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::licensing::*;
use koogallery::callback::orders::{OrderNotice, OrdersHandler};
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, CallbackServiceBuilder, HandlerError};
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::lease::Lease;
use koogallery::ledger::{
    Instance, LeaseOutcome, Ledger, LedgerError, MemoryLedger, MysqlLedger, PostgresLedger, SqliteLedger, Step,
    StepStatus, Target,
};
use koogallery::license_store::{LicenseStore, MemoryLicenseStore};
use koogallery::replay::MemoryReplayGuard;
use koogallery::signature::callback_v2;
use koogallery::sqlite;
use koogallery::tenant::TenantName;
use koogallery::timestamp::Timestamp;

use crate::servers::{Mysql, Schema};
use crate::support::{Answer, Log, NOW, get_request, nonce, post_request, purchase, v1_purchase, v1_query};

/// One seller with a handler for every family; they record every event in one list.
#[derive(Clone, Default)]
pub struct Handlers {
    lines: Arc<Mutex<Vec<String>>>,
    pub fails: Arc<Mutex<bool>>,
    url: Arc<Mutex<Option<String>>>,
    pub work: Arc<Mutex<Option<Arc<dyn Work>>>>,
}

/// What the seller does for an event besides recording it.
pub trait Work: Send + Sync {
    fn run(&self, line: String, completion: Completion) -> BoxFuture<'_, Result<(), HandlerError>>;
}

impl Handlers {
    async fn note(&self, line: String, completion: Completion) -> Result<(), HandlerError> {
        self.lines.lock().unwrap().push(line.clone());
        if *self.fails.lock().unwrap() {
            return Err(HandlerError::failed("not now"));
        }
        let work = self.work.lock().unwrap().clone();
        match work {
            Some(work) => work.run(line, completion).await,
            None => Ok(()),
        }
    }

    /// Takes the events recorded since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

impl SubscriptionHandler for Handlers {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        self.note(format!("saas create {} {}", purchase.order_id, purchase.instance_id), purchase.completion).await
    }
    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        self.note(format!("saas renew {}", renewal.instance_id), renewal.completion).await
    }
    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        self.note(format!("saas freeze {}", freeze.instance_id), freeze.completion).await
    }
    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        self.note(format!("saas unfreeze {}", unfreeze.instance_id), unfreeze.completion).await
    }
    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        self.note(format!("saas release {}", release.instance_id), release.completion).await
    }
    async fn upgrade(&self, upgrade: Upgrade) -> Result<(), HandlerError> {
        self.note(format!("saas upgrade {}", upgrade.instance_id), upgrade.completion).await
    }
    async fn check_change(&self, _: ChangeCheck) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn describe(&self, _: InstanceQuery) -> Result<Description, HandlerError> {
        let access = self.url.lock().unwrap().clone().map(AccessInfo::new);
        Ok(access.map(Description::new).unwrap_or_default())
    }
}

impl LicensingHandler for Handlers {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        self.note(format!("license create {} {}", purchase.order_id, purchase.instance_id), purchase.completion).await
    }
    async fn issue(&self, application: LicenseApplication) -> Result<License, HandlerError> {
        self.note(format!("license issue {}", application.instance_id), Completion::default()).await?;
        Ok(License::text(format!("LICENSE of {}", application.instance_id)))
    }
    async fn renew(&self, license: LicenseSubject, renewal: Renewal) -> Result<(), HandlerError> {
        self.note(format!("license renew {}", text(license)), renewal.completion).await
    }
    async fn freeze(&self, license: LicenseSubject, freeze: Freeze) -> Result<(), HandlerError> {
        self.note(format!("license freeze {}", text(license)), freeze.completion).await
    }
    async fn unfreeze(&self, license: LicenseSubject, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        self.note(format!("license unfreeze {}", text(license)), unfreeze.completion).await
    }
    async fn release(&self, license: LicenseSubject, release: Release) -> Result<(), HandlerError> {
        self.note(format!("license release {}", text(license)), release.completion).await
    }
}

fn text(license: LicenseSubject) -> String {
    match license {
        LicenseSubject::Code(code) => format!("code {code}"),
        LicenseSubject::Instance(id) => id,
    }
}

impl OrdersHandler for Handlers {
    async fn notified(&self, notice: OrderNotice) -> Result<(), HandlerError> {
        self.note(format!("notice {}", notice.order_line_id), notice.completion).await
    }
}

/// A service with every family, and a marketplace that calls it.
pub struct House {
    pub service: CallbackService,
    pub handled: Handlers,
    pub log: Log,
    pub seed: String,
    clock: Arc<ManualClock>,
}

impl House {
    /// Every family on one ledger.
    pub fn on<L: Ledger + Clone>(ledger: L) -> Self {
        let notices = ledger.clone();
        Self::with(ledger, notices, MemoryLicenseStore::new(), "", |builder| builder)
    }

    pub fn with<L: Ledger + Clone>(
        ledger: L,
        notices: impl Ledger,
        licenses: impl LicenseStore,
        seed: &str,
        configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder,
    ) -> Self {
        use InterfaceType::{Basic, General, License, V1};
        let (handled, log, clock) = (Handlers::default(), Log::default(), Arc::new(ManualClock::new(NOW)));
        let keys = [Basic, V1, License, General]
            .into_iter()
            .fold(AccessKeys::new(), |keys, interface| keys.with(interface, key_of(seed, interface)).unwrap());
        let builder = CallbackService::builder(keys, TokioRuntime)
            .subscription(handled.clone(), ledger.clone())
            .licensing(handled.clone(), ledger, licenses)
            .online_license_key(License)
            .orders(handled.clone(), notices)
            .clock(Arc::clone(&clock))
            .observer(log.clone());
        Self { service: configure(builder).build(), handled, log, clock, seed: seed.to_owned() }
    }

    pub async fn post_as(&self, interface: InterfaceType, body: &str) -> Answer {
        self.post_with_nonce(interface, body, &nonce()).await
    }

    pub async fn post_with_nonce(&self, interface: InterfaceType, body: &str, nonce: &str) -> Answer {
        let key = key_of(&self.seed, interface);
        let query = callback_v2::signed_query(&key, nonce, self.clock.now(), body.as_bytes());
        Answer::read(self.service.call(post_request(&query, body.to_owned())).await)
    }

    pub async fn saas(&self, body: &str) -> Answer {
        self.post_as(InterfaceType::Basic, body).await
    }

    /// Online License, and authorization codes.
    pub async fn license(&self, body: &str) -> Answer {
        self.post_as(InterfaceType::License, body).await
    }

    pub async fn notify(&self, order: &str) -> Answer {
        self.post_as(InterfaceType::General, &notice(order)).await
    }

    /// SaaS V1.0, and License V1.
    pub async fn v1(&self, parameters: &str) -> Answer {
        self.clock.advance(Duration::from_millis(1));
        let query = v1_query(&key_of(&self.seed, InterfaceType::V1), parameters, self.clock.now());
        self.get(&query).await
    }

    pub async fn get(&self, query: &str) -> Answer {
        Answer::read(self.service.call(get_request(query)).await)
    }

    /// A query that is the same for every house with the same keys.
    pub fn v1_query(&self, parameters: &str, millis: u64) -> String {
        let time = NOW.saturating_add(Duration::from_millis(millis));
        v1_query(&key_of(&self.seed, InterfaceType::V1), parameters, time)
    }

    /// Where its instances are, from now on.
    pub fn describe_as(&self, url: String) {
        *self.handled.url.lock().unwrap() = Some(url);
    }

    pub fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub fn set_failing(&self, fails: bool) {
        *self.handled.fails.lock().unwrap() = fails;
    }
}

pub fn key_of(seed: &str, interface: InterfaceType) -> AccessKey {
    AccessKey::new(format!("key-of-{seed}-{interface:?}")).unwrap()
}

pub fn notice(order: &str) -> String {
    format!(r#"{{"activity":"orderNotify","orderId":"{order}","orderLineId":"{order}-000001","testFlag":"0"}}"#)
}

pub fn renew(id: &str, order: &str) -> String {
    format!(
        r#"{{"activity":"refreshInstance","instanceId":"{id}","orderId":"{order}","orderLineId":"{order}-000001","scene":"RENEWAL","expireTime":"20270102155959"}}"#
    )
}

pub fn renew_code(code: &str, order: &str) -> String {
    format!(
        r#"{{"activity":"refreshLicenseCode","expireTime":"20270101155959","license":"{code}","orderId":"{order}","orderLineId":"{order}-000001","scene":"RENEWAL"}}"#
    )
}

pub fn set_status(id: &str, status: &str) -> String {
    format!(r#"{{"activity":"updateInstanceStatus","instanceId":"{id}","status":"{status}"}}"#)
}

pub fn release(id: &str) -> String {
    format!(r#"{{"activity":"releaseInstance","instanceId":"{id}"}}"#)
}

pub fn query(id: &str) -> String {
    format!(r#"{{"activity":"queryInstance","instanceId":"{id}"}}"#)
}

pub fn apply(instance: &str, event: &str) -> String {
    format!(
        r#"{{"activity":"getLicenseAsync","effectiveTime":"2025-01-01 00:00:00 z","eventId":"{event}","instanceId":"{instance}"}}"#
    )
}

pub fn get_license(order: &str, business: &str) -> String {
    format!(
        "activity=getLicense&businessId={business}&customerId=c0ffee&orderId={order}&productId=OFFI1&periodType=year&periodNumber=1&expireTime=20260101155959"
    )
}

/// A V1.0 purchase of one package.
pub fn package(order: &str, product: &str, business: &str) -> String {
    format!(
        "activity=newInstance&businessId={business}&customerId=c0ffee&orderId={order}&productId={product}&chargingMode=5&expireTime=20260101000000"
    )
}

pub async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::new(&sqlite::Database::open(path).unwrap()).await.unwrap()
}

/// A ledger as another crate may have written it before there were families in ledgers: it keeps to what a step means, and
/// knows no more.
#[derive(Default)]
struct Foreign {
    rows: Mutex<Vec<Row>>,
}

struct Row {
    instance: Arc<Instance>,
    lease: Option<(u128, Timestamp)>,
    noted: Vec<String>,
}

impl Foreign {
    fn find(rows: &mut [Row], step: &Step) -> Option<usize> {
        rows.iter().position(|row| match &step.target {
            Target::Purchase { order, .. } => row.instance.order == *order,
            Target::Instance(id) => row.instance.instance_id == *id,
        })
    }

    fn held<T>(&self, id: &str, lease: Lease, work: impl FnOnce(&mut Row) -> T) -> Result<T, LedgerError> {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.iter_mut().find(|row| row.instance.instance_id == id);
        let row = row.filter(|row| row.lease.is_some_and(|(holder, _)| holder == lease.holder));
        row.map(work).ok_or_else(|| LedgerError::LeaseLost(id.to_owned()))
    }
}

impl Ledger for Foreign {
    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        let mut rows = self.rows.lock().unwrap();
        let row = Self::find(&mut rows, step).map(|index| &rows[index]);
        let noted = row.is_some_and(|row| step.key().is_some_and(|key| row.noted.iter().any(|noted| noted == key)));
        let lease_left = row.and_then(|row| row.lease).map(|(_, end)| end.saturating_duration_since(now));
        ready(Ok(step.status(row.map(|row| row.instance.clone()), noted, lease_left.unwrap_or_default()))).boxed()
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        let mut rows = self.rows.lock().unwrap();
        let index = match (Self::find(&mut rows, step), step.initial_instance()) {
            (Some(index), _) => index,
            (None, None) => return ready(Ok(LeaseOutcome::Unknown)).boxed(),
            (None, Some(first)) if rows.iter().any(|row| row.instance.instance_id == first.instance_id) => {
                return ready(Ok(LeaseOutcome::IdTaken)).boxed();
            }
            (None, Some(first)) => {
                rows.push(Row { instance: Arc::new(first), lease: None, noted: Vec::new() });
                rows.len() - 1
            }
        };
        let row = &mut rows[index];
        let noted = step.key().is_some_and(|key| row.noted.iter().any(|noted| noted == key));
        let lease_left = row.lease.map(|(_, end)| end.saturating_duration_since(now)).unwrap_or_default();
        let begin = step.lease_outcome(step.status(Some(row.instance.clone()), noted, lease_left));
        if let LeaseOutcome::Run(_) = begin {
            row.lease = Some((lease.holder, lease.end(now)));
        }
        ready(Ok(begin)).boxed()
    }

    fn extend<'a>(&'a self, id: &'a str, lease: Lease, now: Timestamp) -> BoxFuture<'a, Result<(), LedgerError>> {
        ready(self.held(id, lease, |row| row.lease = Some((lease.holder, lease.end(now))))).boxed()
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        id: &'a str,
        lease: Lease,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        let completed = self.held(id, lease, |row| {
            step.apply(Arc::make_mut(&mut row.instance));
            row.noted.extend(step.key().map(str::to_owned));
            row.lease = None;
            row.instance.clone()
        });
        ready(completed).boxed()
    }

    fn abandon<'a>(&'a self, id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        ready(self.held(id, lease, |row| row.lease = None)).boxed()
    }

    fn instance<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        let rows = self.rows.lock().unwrap();
        let found = rows.iter().find(|row| row.instance.instance_id == id).map(|row| row.instance.clone());
        ready(Ok(found)).boxed()
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        let mut found: Vec<_> = self.rows.lock().unwrap().iter().map(|row| row.instance.clone()).collect();
        found.retain(|instance| after.is_none_or(|after| &*instance.instance_id > after));
        found.sort_by(|one, other| one.instance_id.cmp(&other.instance_id));
        found.truncate(limit);
        ready(Ok(found)).boxed()
    }
}

/// Runs a check on a shared ledger of every engine.
async fn each(check: impl AsyncFn(Arc<dyn Ledger>)) {
    check(Arc::new(MemoryLedger::new())).await;
    check(Arc::new(Foreign::default())).await;
    let folder = tempfile::tempdir().unwrap();
    check(Arc::new(open(&folder.path().join("ledger.db")).await)).await;
    if let Some(schema) = Schema::new().await {
        check(Arc::new(PostgresLedger::new(&schema.database().await).await.unwrap())).await;
    }
    if let Some(place) = Mysql::new().await {
        check(Arc::new(MysqlLedger::new(&place.database().await).await.unwrap())).await;
    }
}

#[tokio::test]
async fn a_notice_before_the_purchase_of_its_line_costs_no_sale() {
    each(async |ledger| {
        let house = House::on(ledger);
        for _ in 0..2 {
            assert_eq!(house.notify("CS1").await.code, "000000");
        }
        for business in ["b1", "b2"] {
            let answer = house.saas(&purchase("CS1", business)).await;
            assert_eq!((answer.code.as_str(), answer.instance_id()), ("000000", "b1"));
        }
        assert_eq!(house.notify("CS1").await.code, "000000");
        assert_eq!(house.handled.take(), ["notice CS1-000001", "saas create CS1 b1"]);
        assert_eq!(house.saas(&query("b1")).await.code, "000000");
    })
    .await;
}

#[tokio::test]
async fn a_purchase_before_the_notice_of_its_line_swallows_no_notice() {
    each(async |ledger| {
        let house = House::on(ledger);
        for _ in 0..2 {
            assert_eq!(house.saas(&purchase("CS1", "b1")).await.instance_id(), "b1");
        }
        house.set_failing(true);
        assert_eq!(house.notify("CS1").await.code, "000005");
        house.set_failing(false);
        for _ in 0..2 {
            assert_eq!(house.notify("CS1").await.code, "000000");
        }
        let expected = ["saas create CS1 b1", "notice CS1-000001", "notice CS1-000001"];
        assert_eq!(house.handled.take(), expected, "a failed notice is delivered again");
    })
    .await;
}

#[tokio::test]
async fn no_family_takes_the_orders_and_instances_of_another_for_its_own() {
    each(async |ledger| {
        let house = House::on(ledger);
        // The same order, line and business id for all.
        for _ in 0..2 {
            assert_eq!(house.saas(&purchase("CS1", "b1")).await.instance_id(), "b1");
            assert_eq!(house.license(&purchase("CS1", "b1")).await.instance_id(), "b1");
            assert_eq!(house.license(&renew_code("b1", "CS1")).await.code, "000000");
            assert_eq!(house.notify("CS1").await.code, "000000");
        }
        let handled = ["saas create CS1 b1", "license create CS1 b1", "license renew code b1", "notice CS1-000001"];
        assert_eq!(house.handled.take(), handled);
        // V1 and V1.0 know orders without lines.
        for _ in 0..2 {
            assert_eq!(house.v1(&get_license("CS2", "v1")).await.instance_id(), "v1");
            assert_eq!(house.v1(&v1_purchase("CS2", "v1")).await.instance_id(), "v1");
        }
        let handled = ["license create CS2 v1", "license issue v1", "saas create CS2 v1"];
        assert_eq!(house.handled.take(), handled);

        for _ in 0..2 {
            assert_eq!(house.license(&renew("b1", "CS3")).await.code, "000000");
            assert_eq!(house.saas(&set_status("b1", "FREEZE")).await.code, "000000");
        }
        for _ in 0..2 {
            assert_eq!(house.license(&release("b1")).await.code, "000000");
            assert_eq!(house.saas(&renew("b1", "CS3")).await.code, "000000");
        }
        assert_eq!(house.handled.take(), ["license renew b1", "saas freeze b1", "license release b1", "saas renew b1"]);
        assert_eq!(house.license(&renew("b1", "CS4")).await.code, "000003", "released");
        assert_eq!(house.license(&renew_code("b1", "CS4")).await.code, "000000", "a code of its own");

        // What only another family knows is unknown.
        house.saas(&purchase("CS5", "saas")).await;
        house.license(&purchase("CS6", "license")).await;
        house.handled.take();
        let logged = house.log.lines().join("\n");
        assert!(!logged.contains("license,") && !logged.contains("orders,"), "{logged}");
        assert_eq!(house.license(&renew("saas", "CS7")).await.code, "000003");
        assert_eq!(house.saas(&renew("license", "CS7")).await.code, "000003");
        assert_eq!(house.saas(&query("license")).await.code, "000003");
        assert_eq!(house.saas(&renew("license,license", "CS7")).await.code, "000003");
        assert_eq!(house.saas(&release("code:b1")).await.code, "000003");
        assert_eq!(house.saas(&release("CS1/CS1-000001")).await.code, "000003");
        assert_eq!(house.handled.take(), Vec::<String>::new());

        let ids = async |ledger: &dyn Ledger, size: usize| {
            let mut ids: Vec<String> = Vec::new();
            loop {
                let page = ledger.instances(ids.last().map(String::as_str), size).await.unwrap();
                assert!(page.len() <= size);
                if page.is_empty() {
                    return ids;
                }
                ids.extend(page.iter().map(|instance| instance.instance_id.clone()));
            }
        };
        for size in [1, 2, 3, 100] {
            assert_eq!(ids(house.service.ledger().unwrap(), size).await, ["b1", "saas", "v1"], "{size}");
            assert_eq!(ids(house.service.license_ledger().unwrap(), size).await, ["b1", "license", "v1"], "{size}");
        }
    })
    .await;
}

#[tokio::test]
async fn ids_that_look_like_those_of_another_scope_are_ids_all_the_same() {
    each(async |ledger| {
        let house = House::on(ledger);
        for (order, id) in [("CS1", "code:PL1"), ("CS2", "@acme"), ("CS3", "CS4/CS4-000001"), ("orders,CS4", "b4")] {
            assert_eq!(house.saas(&purchase(order, id)).await.instance_id(), id);
            assert_eq!(house.saas(&purchase(order, "other")).await.instance_id(), id);
        }
        assert_eq!(house.handled.take().len(), 4);
        assert_eq!(house.notify("CS4").await.code, "000000");
        assert_eq!(house.saas(&purchase("CS4", "b5")).await.instance_id(), "b5");
        assert_eq!(house.license(&renew_code("PL1", "CS9")).await.code, "000000");
        assert_eq!(house.saas(&release("code:PL1")).await.code, "000000");
        assert_eq!(house.license(&renew_code("PL1", "CS10")).await.code, "000000", "another thing was released");
        let handled = [
            "notice CS4-000001",
            "saas create CS4 b5",
            "license renew code PL1",
            "saas release code:PL1",
            "license renew code PL1",
        ];
        assert_eq!(house.handled.take(), handled);
    })
    .await;
}

/// Two services on the same stores, even with the same keys.
fn neighbors<L: Ledger + Clone>(ledger: L, seeds: [&str; 2]) -> [House; 2] {
    let (guard, licenses) = (Arc::new(MemoryReplayGuard::default()), Arc::new(MemoryLicenseStore::new()));
    [(None, seeds[0]), (Some("acme"), seeds[1])].map(|(tenant, seed)| {
        House::with(ledger.clone(), ledger.clone(), Arc::clone(&licenses), seed, |builder| {
            let builder = builder.replay_guard(Arc::clone(&guard));
            match tenant {
                Some(tenant) => builder.tenant(TenantName::new(tenant).unwrap()),
                None => builder,
            }
        })
    })
}

#[tokio::test]
async fn tenants_on_the_same_stores_share_nothing() {
    each(async |ledger| {
        for (round, seeds) in [["", ""], ["one", "two"]].into_iter().enumerate() {
            let order = |name: &str| format!("{name}{round}");
            let houses = neighbors(Arc::clone(&ledger), seeds);
            for (index, house) in houses.iter().enumerate() {
                // The same nonces for both.
                let nonce = |name: &str| format!("nonce{name}{round}");
                let id = format!("id{round}");
                let post = async |interface, body: &str, name: &str| {
                    house.post_with_nonce(interface, body, &nonce(name)).await
                };
                let answer = post(InterfaceType::Basic, &purchase(&order("CS"), &id), "1").await;
                assert_eq!(answer.instance_id(), id);
                let answer = post(InterfaceType::License, &purchase(&order("CS"), &id), "2").await;
                assert_eq!(answer.instance_id(), id);
                assert_eq!(post(InterfaceType::License, &renew_code("PL", &order("CS")), "3").await.code, "000000");
                assert_eq!(post(InterfaceType::General, &notice(&order("CS")), "4").await.code, "000000");
                let again = post(InterfaceType::General, &notice(&order("CS")), "4").await;
                assert_eq!(again.code, "000000", "the same call again");
                let other = post(InterfaceType::General, &notice(&order("CX")), "4").await;
                assert_eq!(other.code, "000002", "a nonce counts once for each");
                // The same token, if the keys are the same, and the other's answer must not be given to it.
                house.describe_as(format!("https://house-{index}.example.com"));
                let query = house.v1_query(&v1_purchase(&order("SV"), &format!("v1-{id}")), 7);
                for _ in 0..2 {
                    let answer = house.get(&query).await;
                    let url = answer.json["appInfo"]["frontEndUrl"].as_str().unwrap_or_default().to_owned();
                    assert_eq!(url, format!("https://house-{index}.example.com"), "{}", answer.json);
                }
                let license =
                    house.get(&house.v1_query(&get_license(&order("LV"), &format!("lv{round}-{index}")), 8)).await;
                assert_eq!(license.json["license"], format!("LICENSE of lv{round}-{index}"));
                let handled = house.handled.take();
                let expected = [
                    format!("saas create CS{round} {id}"),
                    format!("license create CS{round} {id}"),
                    "license renew code PL".to_owned(),
                    format!("notice CS{round}-000001"),
                    format!("saas create SV{round} v1-{id}"),
                    format!("license create LV{round} lv{round}-{index}"),
                    format!("license issue lv{round}-{index}"),
                ];
                assert_eq!(handled, expected);
            }
            for (index, house) in houses.iter().enumerate() {
                let ids = async |ledger: Option<&dyn Ledger>| {
                    let page = ledger.unwrap().instances(None, 100).await.unwrap();
                    page.iter().map(|instance| instance.instance_id.clone()).collect::<Vec<_>>()
                };
                let all = |names: [&str; 2]| {
                    let mut ids: Vec<_> = names
                        .iter()
                        .flat_map(|name| (0..=round).map(move |round| name.replace('#', &round.to_string())))
                        .collect();
                    ids.sort();
                    ids
                };
                assert_eq!(ids(house.service.ledger()).await, all(["id#", "v1-id#"]));
                let license = ids(house.service.license_ledger()).await;
                assert_eq!(license, all(["id#", &format!("lv#-{index}")]));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_application_is_delivered_by_its_own_tenant() {
    let houses = neighbors(Arc::new(MemoryLedger::new()), ["", ""]);
    for house in &houses {
        house.license(&purchase("CS1", "b1")).await;
    }
    // There is no client to upload with, so they stay due.
    for house in &houses {
        for event in 0..20 {
            let code = house.license(&apply("b1", &format!("event-{event}"))).await.code;
            assert_eq!(code, "000005", "{}", house.log.last());
        }
        assert_eq!(house.handled.take().len(), 21);
    }
    for house in &houses {
        house.advance(Duration::from_secs(60));
        let stop = tokio::time::sleep(Duration::from_millis(200));
        house.service.deliver_licenses(stop).await;
        house.service.wait_idle().await;
        let failures = house.log.lines().iter().filter(|line| line.contains("event-19")).count();
        assert_eq!(failures, 1, "taken up again");
    }
    for house in &houses {
        assert_eq!(house.handled.take(), Vec::<String>::new(), "made once each");
    }
}

#[test]
fn tenant_names_are_checked() {
    for name in ["a", "acme", "7", "a-b", &"x".repeat(32)] {
        assert_eq!(TenantName::new(name).unwrap().as_str(), name);
    }
    for name in ["", "Acme", "a,b", "a/b", "@a", "a b", "ä", &"x".repeat(33)] {
        assert!(TenantName::new(name).is_err(), "{name}");
    }
}
