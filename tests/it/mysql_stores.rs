//! The stores in MySQL or MariaDB: the rules of each, several replicas at once, and the indexes that their statements use.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::clock::ManualClock;
use koogallery::directory::{
    Change, ChangeMeta, Department, DepartmentSync, Departments, DirectoryStore, MysqlDirectory, Role, TenantRemoval,
    User, UsersChange,
};
use koogallery::heartbeat::{MysqlStateStore, StateStore};
use koogallery::lease::Lease;
use koogallery::ledger::{
    Effect, LeaseOutcome, Ledger, LedgerError, MysqlLedger, OrderKey, PrunableLedger, State, Step, StepStatus, Target,
};
use koogallery::license_store::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, MysqlLicenseStore,
};
use koogallery::metering::package::{MysqlPackageStore, Package, PackageBook, PackageError, WhenUsedUp};
use koogallery::metering::{
    Correction, Cycle, Meter, MysqlUsageStore, RecordOutcome, RecordState, Recorded, Usage, UsageStore,
};
use koogallery::mysql::{Database, DatabaseError};
use koogallery::redact::Sensitive;
use koogallery::replay::{CallId, ClaimOutcome, MysqlReplayGuard, ReplayGuard};
use koogallery::testing;
use koogallery::timestamp::Timestamp;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, IsolationLevel, TxOpts, params};
use tokio::time::sleep;

use crate::at_once;
use crate::running_totals;
use crate::servers::Mysql;
use crate::support::NOW;

struct Backwards;

impl ClientSecretDecryptor for Backwards {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        let backwards = ciphertext.strip_prefix("sealed:").ok_or(ClientSecretError)?;
        Ok(backwards.chars().rev().collect::<String>().into())
    }
}

/// Empty databases.
#[derive(Default)]
struct Places(Mutex<Vec<Mysql>>);

impl Places {
    async fn database(&self) -> Database {
        let place = Mysql::new().await.unwrap();
        let database = Database::builder(place.opts()).connections(2).connect().await.unwrap();
        self.0.lock().unwrap().push(place);
        database
    }
}

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn lease(holder: u128) -> Lease {
    Lease::new(holder, Duration::from_secs(60))
}

fn order(order_id: &str, instance_id: &str) -> Step {
    let target = Target::Purchase { order: OrderKey::new(order_id), proposed_id: instance_id.to_owned() };
    Step::new(target, Effect::Create { product_id: None, expire_time: None })
}

/// The error of the database behind that of a store.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> &'e DatabaseError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let shared = error.downcast_ref::<Arc<dyn Error + Send + Sync>>();
        if let Some(found) = shared.map_or_else(|| error.downcast_ref(), |error| error.downcast_ref()) {
            return found;
        }
        cause = error.source();
    }
    panic!("{error:?}")
}

#[tokio::test]
async fn the_state_store_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    testing::state_store(async || MysqlStateStore::new(&place.database().await).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    let places = Places::default();
    let open = async |database: &Database| MysqlDirectory::new(database, Backwards).await.unwrap();
    testing::directory_store(async |list| open(&places.database().await).await.with_department_sync(list)).await;
    testing::shared_directory_store(async || open(&place.database().await).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_license_store_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    let places = Places::default();
    let open = async |database: &Database| MysqlLicenseStore::new(database).await.unwrap();
    testing::license_store(async || open(&places.database().await).await).await;
    testing::shared_license_store(async || open(&place.database().await).await).await;
    let database = places.database().await;
    testing::replicated_license_store(async || open(&database).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_usage_store_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    let places = Places::default();
    let open = async |database: &Database| MysqlUsageStore::new(database).await.unwrap();
    testing::usage_store(async || open(&places.database().await).await).await;
    testing::shared_usage_store(async || open(&place.database().await).await).await;
    let database = places.database().await;
    testing::replicated_usage_store(async || open(&database).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_package_store_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    let places = Places::default();
    let open = async |database: &Database| {
        let usage = MysqlUsageStore::new(database).await.unwrap();
        let packages = MysqlPackageStore::new(&usage).await.unwrap();
        (usage, packages)
    };
    testing::package_store(async || open(&places.database().await).await).await;
    testing::shared_package_store(async || open(&place.database().await).await).await;
    let database = places.database().await;
    testing::replicated_package_store(async || open(&database).await).await;
}

/// A user of the server who may read and write the tables of a database, and no more.
struct Clerk {
    admin: Conn,
    name: String,
}

impl Clerk {
    async fn of(place: &Mysql, rights: &str) -> Self {
        let mut admin = place.client().await;
        let name = place.name.replace("koogallery_test", "kt");
        // Of the socket and of TCP.
        for host in ["127.0.0.1", "localhost"] {
            admin.query_drop(format!("CREATE USER {name}@'{host}'")).await.unwrap();
            admin.query_drop(format!("GRANT {rights} ON {}.* TO {name}@'{host}'", place.name)).await.unwrap();
        }
        Self { admin, name }
    }

    async fn database(&self, place: &Mysql) -> Database {
        Database::builder(place.opts().user(Some(&self.name))).connect().await.unwrap()
    }

    async fn drop(mut self) {
        for host in ["127.0.0.1", "localhost"] {
            self.admin.query_drop(format!("DROP USER {}@'{host}'", self.name)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_store_has_statements_for_administrators() {
    let Some(place) = Mysql::new().await else { return };
    let clerk = Clerk::of(&place, "SELECT, INSERT, UPDATE, DELETE").await;
    let database = clerk.database(&place).await;
    let error = MysqlLedger::new(&database).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Denied(_)), "{error:?}");
    let mut admin = place.client().await;
    let schemas = [
        MysqlLedger::schema(),
        MysqlLedger::named_schema("other").unwrap(),
        MysqlReplayGuard::schema(),
        MysqlDirectory::schema(),
        MysqlLicenseStore::schema(),
        MysqlUsageStore::schema(),
        MysqlPackageStore::schema(),
        MysqlStateStore::schema(),
    ];
    // Twice, since nobody remembers whether it was done.
    for schema in schemas.iter().chain(&schemas) {
        admin.query_drop(schema.statements(0)).await.unwrap();
    }
    MysqlLedger::named(&database, "other").await.unwrap();
    MysqlLedger::new(&database).await.unwrap();
    MysqlReplayGuard::new(&database).await.unwrap();
    MysqlDirectory::new(&database, Backwards).await.unwrap();
    MysqlLicenseStore::new(&database).await.unwrap();
    MysqlStateStore::new(&database).await.unwrap();
    let meter = Meter::new(MysqlUsageStore::new(&database).await.unwrap());
    meter.record(Usage::new("inst", "1".parse().unwrap())).await.unwrap();
    clerk.drop().await;
}

#[tokio::test]
async fn a_user_without_the_right_to_write_is_a_clear_error() {
    let Some(place) = Mysql::new().await else { return };
    MysqlLedger::new(&place.database().await).await.unwrap();
    let clerk = Clerk::of(&place, "SELECT").await;
    let ledger = MysqlLedger::new(&clerk.database(&place).await).await.unwrap();
    assert!(ledger.instance("id").await.unwrap().is_none());
    let error = ledger.begin(&order("CS1", "id"), lease(1), NOW).await.unwrap_err();
    assert!(matches!(cause(&error), DatabaseError::Denied(_)), "{error:?}");
    clerk.drop().await;
}

/// Ids that collations take for one, and that a narrower column would cut to one.
#[tokio::test]
async fn ids_are_compared_byte_by_byte_and_never_cut() {
    let Some(place) = Mysql::new().await else { return };
    let database = place.database().await;
    let long = "x".repeat(511);
    let ids = ["abc", "Abc", "abc ", "ábc", "a\0bc", "a'b\"c\\", "a?1", &format!("{long}a"), &format!("{long}b")];
    let ledger = MysqlLedger::new(&database).await.unwrap();
    let licenses = MysqlLicenseStore::new(&database).await.unwrap();
    let usage = MysqlUsageStore::new(&database).await.unwrap();
    let directory = MysqlDirectory::new(&database, Backwards).await.unwrap();
    let guard = MysqlReplayGuard::new(&database).await.unwrap();
    let states = MysqlStateStore::new(&database).await.unwrap();
    let meter = Meter::new(usage.clone()).with_clock(ManualClock::new(NOW));
    let mut recorded = 0;
    for (number, id) in ids.iter().enumerate() {
        let begun = ledger.begin(&order(id, id), lease(number as u128), NOW).await.unwrap();
        let LeaseOutcome::Run(instance) = &begun else { panic!("{id:?}: {begun:?}") };
        assert_eq!((&*instance.instance_id, &*instance.order.order_id), (*id, *id));
        ledger.complete(&order(id, id), id, lease(number as u128), NOW).await.unwrap();
        let application = LicenseApplication::new(ApplicationId::Event((*id).to_owned()), *id);
        let applied = licenses.apply(application.clone(), NOW).await.unwrap();
        let Applied::Accepted(stored) = applied else { panic!("{id:?}: {applied:?}") };
        assert_eq!(stored.application, application);
        let user = User::new(*id, "name", "D001", Role::User);
        let change = UsersChange::new(ChangeMeta::new(*id, NOW), *id, vec![user.clone()]);
        directory.apply(Change::PutUsers(change)).await.unwrap();
        assert_eq!(directory.user(id, id, id).await.unwrap(), Some(user), "{id:?}");
        let first = guard.claim(CallId::SignedQuery(id), None, later(60), NOW).await.unwrap();
        assert_eq!(first, ClaimOutcome::First, "{id:?}");
        states.save(id, vec![number as u8]).await.unwrap();
        // A meter refuses some of them.
        if let Ok(entry) = meter.entry(Usage::new("inst", "1".parse().unwrap()).with_id(*id)) {
            assert_eq!(usage.record(vec![entry]).await.unwrap(), [Recorded::First], "{id:?}");
            recorded += 1;
        }
    }
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(ledger.instance(id).await.unwrap().unwrap().instance_id, *id);
        assert_eq!(states.load(id).await.unwrap(), Some(vec![number as u8]));
    }
    assert_eq!(ledger.instances(None, 99).await.unwrap().len(), ids.len());
    assert!(recorded >= 5, "{recorded} usage ids");
    assert_eq!(usage.status(NOW).await.unwrap().open.usage.to_string(), recorded.to_string());
}

#[tokio::test]
async fn an_id_that_is_too_long_is_a_clear_error_before_any_statement() {
    let Some(place) = Mysql::new().await else { return };
    let database = place.database().await;
    let long = "x".repeat(513);
    let is_too_long = |error: &(dyn Error + 'static)| {
        let cause = cause(error);
        assert!(matches!(cause, DatabaseError::TooLong { length: 513, limit: 512, .. }), "{cause:?}");
    };
    let ledger = MysqlLedger::new(&database).await.unwrap();
    is_too_long(&ledger.begin(&order("CS1", &long), lease(1), NOW).await.unwrap_err());
    is_too_long(&ledger.begin(&order(&long, "id"), lease(1), NOW).await.unwrap_err());
    is_too_long(&ledger.instance(&long).await.unwrap_err());
    assert!(ledger.instances(None, 9).await.unwrap().is_empty(), "nothing is left of it");
    let licenses = MysqlLicenseStore::new(&database).await.unwrap();
    let application = LicenseApplication::new(ApplicationId::Event(long.clone()), "inst");
    is_too_long(&licenses.apply(application, NOW).await.unwrap_err());
    let directory = MysqlDirectory::new(&database, Backwards).await.unwrap();
    let users = [User::new("short", "name", "D001", Role::User), User::new(&*long, "name", "D001", Role::User)];
    let change = UsersChange::new(ChangeMeta::new("tenant", NOW), "app", users.to_vec());
    is_too_long(&directory.apply(Change::PutUsers(change)).await.unwrap_err());
    assert_eq!(directory.user("tenant", "app", "short").await.unwrap(), None, "as a whole or not at all");
    let usage = MysqlUsageStore::new(&database).await.unwrap();
    let meter = Meter::new(usage.clone()).with_clock(ManualClock::new(NOW));
    let entry = |id: &str| meter.entry(Usage::new("inst", "1".parse().unwrap()).with_id(id)).unwrap();
    is_too_long(&usage.record(vec![entry("p"), entry(&long)]).await.unwrap_err());
    assert_eq!(usage.status(NOW).await.unwrap().open.records, 0);
    // Nonces have no greatest length here.
    let guard = MysqlReplayGuard::new(&database).await.unwrap();
    guard.claim(CallId::SignedQuery(&long), None, later(60), NOW).await.unwrap();
}

#[tokio::test]
async fn a_lock_wait_that_runs_out_leaves_no_half_of_a_transaction() {
    let Some(place) = Mysql::new().await else { return };
    let database = Database::builder(place.opts()).timeout(Duration::from_secs(3)).connect().await.unwrap();
    let ledger = MysqlLedger::new(&database).await.unwrap();
    let directory = MysqlDirectory::new(&database, Backwards).await.unwrap();
    let user = |name: &str, text: &str| User::new(name, text, "D001", Role::User);
    let put = |users: Vec<User>| Change::PutUsers(UsersChange::new(ChangeMeta::new("tenant", NOW), "app", users));
    directory.apply(put(vec![user("b", "before")])).await.unwrap();

    let mut locker = place.client().await;
    let mut lock = locker.start_transaction(TxOpts::default()).await.unwrap();
    lock.query_drop("SELECT * FROM koogallery_user FOR UPDATE").await.unwrap();
    lock.query_drop(
        "INSERT INTO koogallery_instance VALUES ('id', '', '', '', NULL, 'active', NULL, 0, NULL, NULL, NULL, 0, NULL, 0)",
    )
    .await
    .unwrap();
    let began = Instant::now();
    let users = (0..300).map(|n| user(&format!("a{n}"), "after")).chain([user("b", "after")]).collect();
    let (changed, begun) = join(directory.apply(put(users)), ledger.begin(&order("CS1", "id"), lease(1), NOW)).await;
    for error in [cause(&changed.unwrap_err()), cause(&begun.unwrap_err())] {
        assert!(matches!(error, DatabaseError::Locked(_) | DatabaseError::Canceled(_)), "{error:?}");
    }
    assert!(began.elapsed() < Duration::from_millis(3300), "{:?}", began.elapsed());
    lock.rollback().await.unwrap();
    assert_eq!(directory.user("tenant", "app", "a0").await.unwrap(), None, "what came before the lock is undone");
    assert_eq!(directory.user("tenant", "app", "b").await.unwrap(), Some(user("b", "before")));
    let mut admin = place.client().await;
    let orders: Vec<String> = admin.query("SELECT order_id FROM koogallery_order").await.unwrap();
    assert_eq!(orders, [""; 0], "an order has an instance or is not there");
    let begun = ledger.begin(&order("CS1", "id"), lease(2), NOW).await.unwrap();
    assert!(matches!(begun, LeaseOutcome::Run(_)), "{begun:?}");
}

/// Creates orders at the same time, each by two calls, which come with an id each. Returns the numbers of those that were
/// created, and the errors.
async fn create_at_once(ledger: &MysqlLedger, numbers: std::ops::Range<u128>) -> (Vec<u128>, Vec<LedgerError>) {
    let creating = numbers.clone().chain(numbers).enumerate().map(|(call, number)| {
        let (ledger, lease) = (ledger.clone(), lease(call as u128));
        tokio::spawn(async move {
            let step = order(&format!("CS{number}"), &format!("id{number}-{call}"));
            ledger.status(&step, NOW).await?;
            let LeaseOutcome::Run(instance) = ledger.begin(&step, lease, NOW).await? else { return Ok(None) };
            let created = ledger.complete(&step, &instance.instance_id, lease, NOW).await?;
            assert_eq!((created.state, created.handler_runs), (State::Active, 1));
            Ok(Some(number))
        })
    });
    let creating: Vec<_> = creating.collect();
    let (mut created, mut errors) = (vec![], vec![]);
    for outcome in join_all(creating).await {
        match outcome.unwrap() {
            Ok(number) => created.extend(number),
            Err(error) => errors.push(error),
        }
    }
    created.sort_unstable();
    (created, errors)
}

/// Calls that wait for the database at the same time share transactions; what makes one wait does not end the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_at_once_take_few_statements_and_spoil_none_another() {
    let Some(place) = Mysql::new().await else { return };
    let database = Database::builder(place.opts()).timeout(Duration::from_secs(4)).connect().await.unwrap();
    let ledger = MysqlLedger::new(&database).await.unwrap();
    let mut admin = place.client().await;
    let before = executions(&mut admin).await;
    let (created, errors) = create_at_once(&ledger, 0..400).await;
    assert_eq!(created, (0..400).collect::<Vec<_>>(), "{errors:?}");
    let statements = executions(&mut admin).await - before;
    assert!(statements < 5000, "{statements} statements, with those of other tests");
    let status = ledger.status(&order("CS399", "other"), NOW).await.unwrap();
    assert!(matches!(&status, StepStatus::Done(instance) if instance.order.order_id == "CS399"), "{status:?}");

    let mut lock = admin.start_transaction(TxOpts::default()).await.unwrap();
    lock.query_drop("INSERT INTO koogallery_order VALUES ('CS407', '', '', 'other')").await.unwrap();
    let began = Instant::now();
    let (created, errors) = create_at_once(&ledger, 400..430).await;
    assert_eq!(created, (400..430).filter(|number| *number != 407).collect::<Vec<_>>());
    assert!(began.elapsed() < Duration::from_millis(4500), "{:?}", began.elapsed());
    assert_eq!(errors.len(), 2, "{errors:?}");
    for error in &errors {
        let error = cause(error);
        assert!(matches!(error, DatabaseError::Locked(_) | DatabaseError::TimedOut(_)), "{error:?}");
    }
    lock.rollback().await.unwrap();
    assert_eq!(create_at_once(&ledger, 407..408).await.0, [407]);
    let mut admin = place.client().await;
    for table in ["koogallery_instance", "koogallery_order"] {
        let rows: Option<i64> = admin.query_first(format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
        assert_eq!(rows, Some(430), "{table}");
    }
}

/// Recordings that wait for the database at the same time are decided one after the other, and written together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_from_packages_at_once_take_few_statements_and_overdraw_none() {
    let Some(place) = Mysql::new().await else { return };
    let usage = MysqlUsageStore::new(&place.database().await).await.unwrap();
    let packages = MysqlPackageStore::new(&usage).await.unwrap();
    let meter = Meter::new(usage.clone()).with_clock(ManualClock::new(NOW));
    let book = PackageBook::new(meter.clone(), packages).when_used_up(WhenUsedUp::Stop);
    let until = later(3600);
    for (instance, package) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        book.add(Package::new(package, instance, "100".parse().unwrap(), NOW, until)).await.unwrap();
    }
    let mut admin = place.client().await;
    let before = executions(&mut admin).await;
    // 250 for each instance, each call twice.
    let recording = (0..1000).map(|call| {
        let (book, number) = (book.clone(), call % 500);
        tokio::spawn(async move {
            let instance = if number % 2 == 0 { "a" } else { "b" };
            let recorded = book.record(Usage::new(instance, "1".parse().unwrap()).with_id(format!("{number}"))).await;
            recorded.map(|consumed| consumed.recorded)
        })
    });
    let recording: Vec<_> = recording.collect();
    let (mut first, mut repeated, mut refused) = (0, 0, 0);
    for outcome in join_all(recording).await {
        match outcome.unwrap() {
            Ok(Recorded::First) => first += 1,
            Ok(Recorded::Repeated) => repeated += 1,
            Err(PackageError::UsedUp { .. }) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((first, repeated), (300, 300));
    assert_eq!(refused, 400, "a refused call is refused when it is repeated");
    let statements = executions(&mut admin).await - before;
    assert!(statements < 4000, "{statements} statements, with those of other tests");
    for package in ["a1", "a2", "b1"] {
        let used: Option<i64> =
            admin.exec_first("SELECT used FROM koogallery_package WHERE package = ?", (package,)).await.unwrap();
        assert_eq!(used, Some(1_000_000), "{package}");
    }
    assert_eq!(usage.status(NOW).await.unwrap().open.usage.to_string(), "300");
    let ids: Option<i64> = admin.query_first("SELECT COUNT(*) FROM koogallery_usage_id").await.unwrap();
    assert_eq!(ids, Some(300), "those of refused calls are free");
}

/// What the version before this one runs, on the tables that this one has updated: `CREATE`, `LEND` and `MARK` of an order.
const BEFORE: [&str; 5] = [
    "INSERT INTO koogallery_order (order_id, order_line_id, order_product_id, instance_id) VALUES (:order, '', '', :id)",
    "INSERT INTO koogallery_instance (order_id, order_line_id, order_product_id, instance_id, product_id, state, handler_runs, \
     created_at) VALUES (:order, '', '', :id, NULL, 'creating', 0, 1)",
    "INSERT INTO koogallery_step (instance_id, step_key, done_at) VALUES (:id, 'purchase', 1)",
    "UPDATE koogallery_instance SET lease_holder = :holder, lease_until = (TIMESTAMPDIFF(MICROSECOND, '1970-01-01', \
     SYSDATE(6)) + 999) DIV 1000 + 60000, handler_runs = handler_runs + 1 WHERE instance_id = :id",
    "UPDATE koogallery_instance SET product_id = NULL, state = :state, expire_time = NULL, status_signed_at = NULL, \
     lease_holder = NULL, lease_until = NULL, released_at = NULL WHERE instance_id = :id",
];

/// A rolling update: a replica of the version before goes on beside one of this version, which updates the tables.
#[tokio::test]
async fn a_replica_of_the_version_before_works_beside_one_of_this() {
    let Some(place) = Mysql::new().await else { return };
    let database = place.database().await;
    MysqlLedger::new(&database).await.unwrap();
    let mut before = Conn::new(place.opts().setup(vec!["SET SESSION time_zone = '+00:00'"])).await.unwrap();
    let undo = "ALTER TABLE koogallery_instance DROP COLUMN status_unsettled; UPDATE koogallery_schema SET version = 1";
    before.query_drop(undo).await.unwrap();

    // It is at work on an order when this version comes, and begins another one later.
    let mut ledger = None;
    for number in ["CS1", "CS2"] {
        let id = format!("by the one before, {number}");
        let values = || params! { "order" => number, "id" => &*id, "holder" => "f".repeat(32), "state" => "active" };
        for statement in &BEFORE[..4] {
            before.exec_drop(*statement, values()).await.unwrap();
        }
        let ledger = match &ledger {
            Some(ledger) => ledger,
            None => ledger.insert(MysqlLedger::new(&database).await.unwrap()),
        };
        let step = order(number, "another id");
        let begun = ledger.begin(&step, lease(1), NOW).await.unwrap();
        assert!(
            matches!(&begun, LeaseOutcome::Busy { lease_left, .. } if *lease_left > Duration::from_secs(30)),
            "{begun:?}"
        );
        before.exec_drop(BEFORE[4], values()).await.unwrap();
        let status = ledger.status(&step, NOW).await.unwrap();
        let StepStatus::Done(instance) = &status else { panic!("{status:?}") };
        assert_eq!((&*instance.instance_id, instance.state), (&*id, State::Active));
        // Each takes over what the other has.
        let freeze = Step::on(&*id, Effect::Freeze);
        let begun = ledger.begin(&freeze, lease(2), NOW).await.unwrap();
        assert!(matches!(begun, LeaseOutcome::Run(_)), "{begun:?}");
        ledger.complete(&freeze, &id, lease(2), NOW).await.unwrap();
        before.exec_drop(BEFORE[4], values()).await.unwrap();
        assert_eq!(ledger.instance(&id).await.unwrap().unwrap().state, State::Active);
    }
}

/// A lease counts from the end of the wait for the row, and one that ended during the wait can be taken.
#[tokio::test]
async fn a_lease_is_measured_after_the_wait_for_its_row() {
    let Some(place) = Mysql::new().await else { return };
    let (one, other) = (MysqlLedger::new(&place.database().await).await.unwrap(), place.database().await);
    let other = MysqlLedger::new(&other).await.unwrap();
    let short = |holder| Lease::new(holder, Duration::from_millis(1000));
    one.begin(&order("CS1", "id"), short(1), NOW).await.unwrap();
    let mut locker = place.client().await;
    let mut lock = locker.start_transaction(TxOpts::default()).await.unwrap();
    lock.query_drop("SELECT * FROM koogallery_instance FOR UPDATE").await.unwrap();
    let wait = async {
        sleep(Duration::from_millis(1500)).await;
        lock.commit().await.unwrap();
    };
    let step = order("CS1", "id");
    let (begun, ()) = join(other.begin(&step, short(2), NOW), wait).await;
    assert!(matches!(begun.unwrap(), LeaseOutcome::Run(_)), "the lease ended during the wait");
    let begun = one.begin(&step, short(3), NOW).await.unwrap();
    let LeaseOutcome::Busy { lease_left, .. } = begun else { panic!("{begun:?}") };
    assert!(lease_left > Duration::from_millis(500), "{lease_left:?} are left");
}

#[tokio::test]
async fn a_lease_is_extended_while_the_pool_waits() {
    let Some(place) = Mysql::new().await else { return };
    let database = Database::builder(place.opts()).connections(1).connect().await.unwrap();
    let ledger = MysqlLedger::new(&database).await.unwrap();
    let short = Lease::new(1, Duration::from_secs(1));
    for id in ["held", "locked"] {
        ledger.begin(&order(id, id), short, NOW).await.unwrap();
    }
    let mut locker = place.client().await;
    let mut lock = locker.start_transaction(TxOpts::default()).await.unwrap();
    lock.query_drop("SELECT * FROM koogallery_instance WHERE instance_id = 'locked' FOR UPDATE").await.unwrap();
    let step = order("locked", "locked");
    let other = MysqlLedger::new(&place.database().await).await.unwrap();
    let extend = async {
        for _ in 0..10 {
            sleep(Duration::from_millis(300)).await;
            let began = Instant::now();
            ledger.extend("held", short, NOW).await.unwrap();
            assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
            let begun = other.begin(&order("held", "held"), lease(2), NOW).await.unwrap();
            assert!(matches!(begun, LeaseOutcome::Busy { .. }), "{begun:?}");
        }
    };
    let (waiting, ()) = join(ledger.begin(&step, lease(2), NOW), extend).await;
    assert!(waiting.is_err());
    lock.commit().await.unwrap();
    assert!(other.extend("held", lease(2), NOW).await.is_err(), "another holder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_bill_at_once_lose_and_double_nothing() {
    let Some(place) = Mysql::new().await else { return };
    let mut stores = vec![];
    for _ in 0..3 {
        // The machine may be busy with other tests.
        let database = Database::builder(place.opts()).timeout(Duration::from_secs(60)).connect().await.unwrap();
        stores.push(MysqlUsageStore::new(&database).await.unwrap());
    }
    let overlaps = async || {
        let overlaps = "SELECT COUNT(*) FROM koogallery_usage_record AS one JOIN koogallery_usage_record AS other \
                        ON one.instance_id = other.instance_id AND one.metering_sn < other.metering_sn \
                        AND one.begin_time < other.end_time AND other.begin_time < one.end_time";
        place.client().await.query_first(overlaps).await.unwrap().unwrap()
    };
    at_once::bill(stores.try_into().unwrap(), overlaps).await;
}

#[tokio::test]
async fn usage_of_before_running_totals_counts_in_them() {
    let Some(place) = Mysql::new().await else { return };
    let database = place.database().await;
    let before = "DROP TABLE koogallery_usage_total; DROP TABLE koogallery_usage_month; \
                  UPDATE koogallery_schema SET version = 1 WHERE store = 'usage'";
    let make_old = async || place.client().await.query_drop(before).await.unwrap();
    running_totals::of_before(async || MysqlUsageStore::new(&database).await.unwrap(), make_old).await;
}

#[tokio::test]
async fn a_ledger_of_the_first_version_is_updated() {
    let Some(place) = Mysql::new().await else { return };
    let database = place.database().await;
    let step = Step::on("inst", Effect::Freeze);
    let purchase = Target::Purchase { order: OrderKey::new("CS1"), proposed_id: "inst".to_owned() };
    let create = Step::new(purchase, Effect::Create { product_id: None, expire_time: None });
    let ledger = MysqlLedger::new(&database).await.unwrap();
    ledger.begin(&create, lease(1), NOW).await.unwrap();
    ledger.complete(&create, "inst", lease(1), NOW).await.unwrap();
    let before = "ALTER TABLE koogallery_instance DROP COLUMN status_unsettled; \
                  UPDATE koogallery_schema SET version = 1 WHERE store = 'ledger'";
    place.client().await.query_drop(before).await.unwrap();
    let ledger = MysqlLedger::new(&database).await.unwrap();
    assert!(!ledger.instance("inst").await.unwrap().unwrap().status_unsettled);
    ledger.begin(&step, lease(2), NOW).await.unwrap();
    assert!(ledger.instance("inst").await.unwrap().unwrap().status_unsettled);
}

#[tokio::test]
async fn usage_in_a_transaction_of_the_sellers_own_counts_if_that_commits() {
    let Some(place) = Mysql::new().await else { return };
    let store = MysqlUsageStore::new(&place.database().await).await.unwrap();
    let meter = Meter::new(store.clone()).with_clock(ManualClock::new(NOW));
    let entry = meter.entry(Usage::new("inst", "1.5".parse().unwrap()).with_id("call-1")).unwrap();
    let mut own = place.client().await;
    let options = || {
        let mut options = TxOpts::default();
        options.with_isolation_level(IsolationLevel::ReadCommitted);
        options
    };
    for (commits, recorded, records) in
        [(false, Recorded::First, 0), (true, Recorded::First, 1), (true, Recorded::Repeated, 1)]
    {
        let mut transaction = own.start_transaction(options()).await.unwrap();
        assert_eq!(MysqlUsageStore::record_in(&mut transaction, &entry).await.unwrap(), recorded);
        if commits { transaction.commit().await } else { transaction.rollback().await }.unwrap();
        assert_eq!(store.status(NOW).await.unwrap().open.records, records);
    }
    assert_eq!(store.status(NOW).await.unwrap().open.usage.to_string(), "1.5", "counted once");
}

#[tokio::test]
async fn a_deduction_in_a_transaction_of_the_sellers_own_counts_if_that_commits() {
    let Some(place) = Mysql::new().await else { return };
    let usage = MysqlUsageStore::new(&place.database().await).await.unwrap();
    let packages = MysqlPackageStore::new(&usage).await.unwrap();
    let book = PackageBook::new(Meter::new(usage.clone()).with_clock(ManualClock::new(NOW)), packages);
    let deduction = at_once::package_of_ten(&book).await;
    let mut own = place.client().await;
    for (commits, recorded, used) in
        [(false, Recorded::First, 0), (true, Recorded::First, 4), (true, Recorded::Repeated, 4)]
    {
        let mut options = TxOpts::default();
        options.with_isolation_level(IsolationLevel::ReadCommitted);
        let mut transaction = own.start_transaction(options).await.unwrap();
        let outcome = MysqlPackageStore::record_in(&mut transaction, &deduction).await.unwrap().unwrap();
        if commits { transaction.commit().await } else { transaction.rollback().await }.unwrap();
        assert_eq!(book.committed(outcome).recorded, recorded);
        at_once::has_used(&book, &usage, used).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_license_at_once_agree() {
    let Some(place) = Mysql::new().await else { return };
    let mut stores = vec![];
    for _ in 0..3 {
        stores.push(MysqlLicenseStore::new(&place.database().await).await.unwrap());
    }
    at_once::license(stores.try_into().unwrap()).await;
}

#[tokio::test]
async fn a_list_of_many_users_takes_few_statements() {
    let Some(place) = Mysql::new().await else { return };
    let patient = Database::builder(place.opts()).timeout(Duration::from_secs(60)).connect().await.unwrap();
    let directory = MysqlDirectory::new(&patient, Backwards).await.unwrap();
    let mut users: Vec<User> =
        (0..20_000).map(|n| User::new(format!("u{n:05}"), "before", "D001", Role::User)).collect();
    // The last of two with one name counts.
    users.push(User::new("u00007", "after", "D001", Role::User));
    let meta = ChangeMeta::new("tenant", NOW);
    let mut admin = place.client().await;
    let before = executions(&mut admin).await;
    directory.apply(Change::PutUsers(UsersChange::new(meta, "app", users))).await.unwrap();
    let statements = executions(&mut admin).await - before;
    assert!(statements < 2000, "{statements} statements, with those of other tests");
    let page = directory.users("tenant", "app", Some("u00006"), 2).await.unwrap();
    assert_eq!(page[0].name.as_ref().unwrap().expose(), "after");
    assert_eq!(page[1].user_name.expose(), "u00008");
}

async fn executions(admin: &mut Conn) -> u64 {
    let executions: Option<(String, u64)> =
        admin.query_first("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'").await.unwrap();
    executions.unwrap().1
}

/// Fills the tables, so that what reads a table as a whole shows: also where the server takes a condition to hold for a tenth of
/// the rows.
const FILL: &str = "
CREATE TABLE numbers (seq BIGINT PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO numbers WITH RECURSIVE digits AS (SELECT 0 AS digit UNION ALL SELECT digit + 1 FROM digits WHERE digit < 299)
    SELECT low.digit + 100 * high.digit + 1 FROM digits AS low JOIN digits AS high ON low.digit < 100;
INSERT INTO koogallery_instance SELECT CONCAT('inst', seq), CONCAT('CS', seq), '', '', NULL, IF(seq > 19000, 'released', 'active'),
    NULL, 0, NULL, NULL, NULL, 0, IF(seq > 19000, seq, NULL), 0 FROM numbers;
INSERT INTO koogallery_order SELECT CONCAT('CS', seq), '', '', CONCAT('inst', seq) FROM numbers;
INSERT INTO koogallery_step (instance_id, step_key, done_at)
    SELECT CONCAT('inst', seq), IF(seq % 100, 'purchase', 'renew'), 0 FROM numbers;
INSERT INTO koogallery_replay SELECT UNHEX(SHA2(seq, 256)), NULL, IF(seq > 1000, 9000000000000, seq), NULL
    FROM numbers;
INSERT INTO koogallery_license (kind, id, instance_id, progress, due_at)
    SELECT 'event', CONCAT('E', seq), 'inst', IF(seq % 100 = 0, 'due', 'delivered'), seq FROM numbers;
INSERT INTO koogallery_license_state SELECT seq, '' FROM numbers;
INSERT INTO koogallery_usage_open SELECT CONCAT('inst', seq), seq * 100, '', seq * 100 + 100, seq * 100, 1
    FROM numbers;
INSERT INTO koogallery_usage_record SELECT SHA2(seq, 224), CONCAT('inst', seq % 200), '', seq * 1000, seq * 1000 + 1000, 0, 1,
    CASE seq % 100 WHEN 0 THEN 'pending' WHEN 1 THEN 'fix' WHEN 2 THEN 'dead' ELSE 'delivered' END, 0, seq, NULL, NULL,
    NULL, seq, seq % 200 = 1 FROM numbers;
INSERT INTO koogallery_usage_id SELECT CONCAT('id', seq), seq FROM numbers;
INSERT INTO koogallery_usage_total SELECT CONCAT('inst', seq), IF(seq % 3 = 0, '', CONCAT('r', seq)), seq, 1
    FROM numbers;
INSERT INTO koogallery_package SELECT CONCAT('inst', seq % 200), CONCAT('pkg', seq), NULL, NULL, 100000, 0, 9000000000000,
    100000, 9000000000000, 0, 0, 'active' FROM numbers;
INSERT INTO koogallery_reservation SELECT CONCAT('inst', seq % 200), CONCAT('r', seq), NULL, 10000, '[]', 0, 9000000000000,
    IF(seq % 7 = 0, 'open', 'canceled'), seq FROM numbers;
INSERT INTO koogallery_tenant SELECT CONCAT('t', seq), 'inst', 0, FALSE, 'removed', NULL FROM numbers;
INSERT INTO koogallery_application SELECT CONCAT('t', seq), 'app', 'inst', 0, FALSE, 'removed', NULL FROM numbers;
INSERT INTO koogallery_user SELECT CONCAT('t', seq % 4), 'app', CONCAT('u', seq), 'inst', 0, FALSE, 'present',
    (SELECT record FROM koogallery_user WHERE tenant_id = 'first') FROM numbers;
INSERT INTO koogallery_department SELECT CONCAT('t', seq % 4), CONCAT('D', seq), 'inst', 0, FALSE, 'removed', NULL
    FROM numbers;
INSERT INTO koogallery_directory_cleared SELECT 'koogallery_user', CONCAT('t', seq), 'inst', 0, FALSE
    FROM numbers;
";

/// Lets the server refuse what reads more rows than an index spares.
const WATCHED: &str = "SET SESSION sql_safe_updates = 1, max_join_size = 2000, sql_big_selects = 0";

#[tokio::test]
async fn no_operation_reads_a_table_as_a_whole() {
    let Some(place) = Mysql::new().await else { return };
    let watched = place.opts().setup(vec![WATCHED]);
    let database = Database::builder(watched.clone()).connections(2).connect().await.unwrap();
    let directory = MysqlDirectory::new(&database, Backwards).await.unwrap();
    let directory = directory.with_department_sync(DepartmentSync::Replace);
    let users = vec![User::new("u", "name", "D001", Role::User)];
    directory.apply(Change::PutUsers(UsersChange::new(ChangeMeta::new("first", NOW), "app", users))).await.unwrap();
    let ledger = MysqlLedger::new(&database).await.unwrap();
    let guard = MysqlReplayGuard::new(&database).await.unwrap();
    let licenses = MysqlLicenseStore::new(&database).await.unwrap();
    let states = MysqlStateStore::new(&database).await.unwrap();
    let usage = MysqlUsageStore::new(&database).await.unwrap();
    let packages = MysqlPackageStore::new(&usage).await.unwrap();
    let mut admin = place.client().await;
    admin.query_drop(FILL).await.unwrap();
    for table in admin.query::<String, _>("SHOW TABLES").await.unwrap() {
        admin.query_drop(format!("ANALYZE TABLE {table}")).await.unwrap();
    }
    let mut refused = Conn::new(watched).await.unwrap();
    for whole in
        ["SELECT * FROM koogallery_step WHERE done_at = 1", "UPDATE koogallery_step SET done_at = 2 WHERE done_at = 1"]
    {
        assert!(refused.query_drop(whole).await.is_err(), "{whole}");
    }

    let freeze = Step::on("inst7", Effect::Freeze);
    ledger.status(&order("CS5", "new5"), NOW).await.unwrap();
    ledger.status(&Step::on("inst5", Effect::Note { key: "k".into() }), NOW).await.unwrap();
    ledger.begin(&order("CS6", "new6"), lease(1), NOW).await.unwrap();
    ledger.begin(&order("unknown", "new"), lease(1), NOW).await.unwrap();
    ledger.begin(&freeze, lease(1), NOW).await.unwrap();
    ledger.extend("inst7", lease(1), NOW).await.unwrap();
    ledger.complete(&freeze, "inst7", lease(1), NOW).await.unwrap();
    ledger.abandon("new", lease(1)).await.unwrap();
    ledger.instance("inst5").await.unwrap().unwrap();
    let pruned = ledger.prune(Timestamp::from_unix_millis(20_000), 10, NOW).await.unwrap();
    assert_eq!((pruned.instances, pruned.has_more), (10, true));

    for _ in 0..2 {
        guard.claim(CallId::SignedQuery("x"), None, later(60), NOW).await.unwrap();
    }
    guard.remember_answer(CallId::SignedQuery("x"), None, "{}".into()).await.unwrap();

    let id = ApplicationId::Event("E100".into());
    licenses.apply(LicenseApplication::new(id.clone(), "inst"), NOW).await.unwrap();
    licenses.claim(&id, lease(1), NOW).await.unwrap().unwrap();
    assert_eq!(licenses.claim_due(lease(1), NOW, 10).await.unwrap().len(), 10);
    licenses.extend(&id, lease(1), NOW).await.unwrap();
    licenses.keep(&id, License::text("L")).await.unwrap();
    licenses.settle(&id, lease(1), ApplicationOutcome::Delivered).await.unwrap();
    licenses.application(&id).await.unwrap().unwrap();
    states.load("7").await.unwrap().unwrap();

    let meter = Meter::new(usage.clone()).with_clock(ManualClock::new(Timestamp::from_unix_millis(20_000_000)));
    let entry = |instance: &str| {
        let usage = Usage::new(instance, "1".parse().unwrap()).with_id(format!("call-{instance}"));
        meter.entry(usage.with_time(Timestamp::from_unix_millis(10_000_000))).unwrap()
    };
    usage.record(vec![entry("inst7"), entry("new")]).await.unwrap();
    let renewed = meter.clone().with_cycle(Cycle::AtRenewal);
    renewed.record(Usage::new("inst9", "1".parse().unwrap()).with_package("inst12")).await.unwrap();
    assert!(renewed.begin_cycle("inst9", NOW).await.unwrap());
    assert_eq!(meter.usage_info("inst9").await.unwrap()[0].usage_value.to_string(), "1.0001");
    let until = Timestamp::from_unix_millis(5_000);
    assert_eq!(usage.close_periods(until).await.unwrap(), 49);
    assert_eq!(usage.close_instance("inst19000", NOW).await.unwrap(), 1);
    assert_eq!(usage.claim(lease(1), NOW, 10).await.unwrap().len(), 10);
    assert_eq!(usage.claim_held(lease(1), NOW, 10).await.unwrap().len(), 10);
    let dead = usage.records(RecordState::Dead, None, 1).await.unwrap().remove(0).record.metering_sn;
    usage.settle(lease(1), NOW, vec![(dead.clone(), RecordOutcome::Delivered)]).await.unwrap();
    usage.correct(&dead, Correction::default(), Cycle::Never, NOW).await.unwrap();
    assert_eq!(usage.forget(Timestamp::from_unix_millis(800)).await.unwrap(), 1_000);

    let book = PackageBook::new(meter.clone(), packages);
    let named = |id: &str| Usage::new("inst7", "1".parse().unwrap()).with_id(id);
    assert_eq!(book.record(named("split")).await.unwrap().recorded, Recorded::First);
    let minute = Duration::from_secs(60);
    book.reserve(named("job"), minute).await.unwrap().commit("0.5".parse().unwrap()).await.unwrap();
    book.reserve(named("other"), minute).await.unwrap().cancel().await.unwrap();
    book.end("pkg7").await.unwrap();

    let meta = |tenant: &str| ChangeMeta::new(tenant, NOW).with_instance("inst");
    let users = vec![User::new("u7", "name", "D001", Role::User)];
    directory.apply(Change::PutUsers(UsersChange::new(meta("t3"), "app", users))).await.unwrap();
    let departments = vec![Department::new("D1", "name")];
    directory.apply(Change::PutDepartments(Departments::new(meta("t20000"), departments))).await.unwrap();
    directory.apply(Change::RemoveTenant(TenantRemoval::new(meta("t9")))).await.unwrap();
    directory.tenant("t9").await.unwrap();
    directory.application("t9", "app").await.unwrap();
    directory.user("t3", "app", "u7").await.unwrap().unwrap();
    directory.department("t3", "D7").await.unwrap();

    // Pages end early, which the server does not foresee.
    let whole = Database::builder(place.opts()).connect().await.unwrap();
    let ledger = MysqlLedger::new(&whole).await.unwrap();
    assert_eq!(ledger.instances(Some("inst5"), 100).await.unwrap().len(), 100);
    let directory = MysqlDirectory::new(&whole, Backwards).await.unwrap();
    assert_eq!(directory.users("t3", "app", Some("u5"), 10).await.unwrap().len(), 10);
    assert_eq!(directory.departments("t3", Some("D5"), 10).await.unwrap().len(), 0);
    let usage = MysqlUsageStore::new(&whole).await.unwrap();
    assert_eq!(usage.records(RecordState::Delivered, Some("5"), 10).await.unwrap().len(), 10);
    assert!(usage.status(until).await.unwrap().open.records > 19_000, "totals read all open sums");
}
