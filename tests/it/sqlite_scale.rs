//! SQLite: what an operation costs does not grow with what is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use koogallery::clock::{Clock as _, ManualClock, SystemClock};
use koogallery::directory::{
    Change, ChangeMeta, Department, Departments, DirectoryStore as _, Role, SqliteDirectory, Tenant, TenantRemoval,
    User, UsersChange,
};
use koogallery::heartbeat::{SqliteStateStore, StateStore as _};
use koogallery::lease::Lease;
use koogallery::ledger::{Effect, Ledger as _, OrderKey, PrunableLedger as _, SqliteLedger, Step, Target};
use koogallery::license_store::{
    ApplicationId, ApplicationOutcome, License, LicenseApplication, LicenseStore as _, SqliteLicenseStore,
};
use koogallery::metering::package::{PackageBook, SqlitePackageStore};
use koogallery::metering::{
    Correction, Cycle, Meter, RecordOutcome, RecordState, SqliteUsageStore, StatementMonth, Usage, UsageStore as _,
};
use koogallery::replay::{CallId, ReplayGuard as _, SqliteReplayGuard};
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::{Connection, Transaction};
use koogallery::timestamp::Timestamp;

use crate::postgres_stores::Backwards;
use crate::support::NOW;

const MINUTE: Duration = Duration::from_secs(60);

/// What gathers over years: other instances, delivered records, usage that is billed, tenants that left.
const FILL: &str = "
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < (SELECT count FROM temp.filled))
INSERT INTO temp.number SELECT n FROM number;
INSERT INTO koogallery_instance (instance_id, order_id, order_line_id, order_product_id, state, handler_runs, created_at)
    SELECT 'inst' || n, 'CS' || n, '', '', 'active', 0, 0 FROM number;
INSERT INTO koogallery_step SELECT 'inst' || n, 'purchase', 0 FROM number;
INSERT INTO koogallery_step SELECT 'inst' || n, 'renewal', 10000 + n FROM number;
UPDATE koogallery_instance SET state = 'released', released_at = 10000 + rowid WHERE instance_id LIKE '%00';
INSERT INTO koogallery_replay (call_id, until) SELECT 'v2:' || n, 9000000000000 + n FROM number;
INSERT INTO koogallery_license (kind, id, instance_id, progress, due_at)
    SELECT 'event', 'E' || n, 'inst', 'delivered', n FROM number;
INSERT INTO koogallery_license_state SELECT n, x'00' FROM number;
INSERT INTO koogallery_usage_record (metering_sn, instance_id, package, begin_time, end_time, record_time, amount, state, due_at,
    settled_at) SELECT printf('%032x', n), 'inst' || n % 20, '', n * 1000, n * 1000 + 1000, 0, 1, 'delivered', n, n FROM number;
INSERT INTO koogallery_usage_id SELECT 'id' || n, n FROM number;
INSERT INTO koogallery_usage_total SELECT 'old' || n, '', n, 1 FROM number;
INSERT INTO koogallery_usage_month SELECT 200001, 'inst' || n, '', 1, 1 FROM number;
INSERT INTO koogallery_tenant SELECT 'old' || n, 'inst', 0, 0, 'removed', NULL FROM number;
INSERT INTO koogallery_application SELECT 'old' || n, 'app', 'inst', 0, 0, 'removed', NULL FROM number;
INSERT INTO koogallery_user SELECT 'old', 'app', 'u' || n, 'inst', 0, 0, 'removed', NULL FROM number;
INSERT INTO koogallery_department SELECT 'old', 'D' || n, 'inst', 0, 0, 'removed', NULL FROM number;
INSERT INTO koogallery_directory_cleared SELECT 'koogallery_user', 'old' || n, 'inst', 0, 0 FROM number;
INSERT INTO koogallery_package SELECT 'inst' || n, 'pkg' || n, NULL, NULL, 100000, 0, 9000000000000, 100000, 9000000000000, 0,
    0, 'active' FROM number;
INSERT INTO koogallery_reservation SELECT 'inst7', 'r' || n, NULL, 10000, '[]', 0, 9000000000000, 'canceled', 90000000000 + n
    FROM number;
";

/// Returns the steps of SQLite's machine that each operation takes, with so many rows in each table.
async fn steps(rows: usize) -> Vec<(&'static str, usize)> {
    const EACH: usize = 10;
    let count = Arc::new(AtomicUsize::new(0));
    let mut connection = Connection::open_in_memory().unwrap();
    let counter = Arc::clone(&count);
    let progress = move || {
        counter.fetch_add(EACH, Ordering::Relaxed);
        false
    };
    connection.progress_handler(EACH as i32, Some(progress)).unwrap();
    let database = Database::from_connection(connection).unwrap();
    let ledger = SqliteLedger::new(&database).await.unwrap();
    let guard = SqliteReplayGuard::new(&database).await.unwrap();
    let licenses = SqliteLicenseStore::new(&database).await.unwrap();
    let states = SqliteStateStore::new(&database).await.unwrap();
    let usage = SqliteUsageStore::new(&database).await.unwrap();
    let packages = SqlitePackageStore::new(&usage).await.unwrap();
    let directory = SqliteDirectory::new(&database, Backwards).await.unwrap();
    let fill = move |transaction: &Transaction<'_>| {
        transaction
            .execute_batch("CREATE TEMP TABLE filled (count); CREATE TEMP TABLE number (n INTEGER PRIMARY KEY)")?;
        transaction.execute("INSERT INTO temp.filled VALUES (?1)", [i64::try_from(rows).unwrap()])?;
        transaction.execute_batch(FILL)
    };
    database.transaction(fill).await.unwrap();

    let mut taken = Vec::new();
    macro_rules! measure {
        ($operation:expr) => {{
            let before = count.load(Ordering::Relaxed);
            let outcome = $operation.await.unwrap();
            taken.push((stringify!($operation), count.load(Ordering::Relaxed) - before));
            outcome
        }};
    }
    let lease = Lease::new(1, MINUTE);
    let create = |id: &str| {
        let target = Target::Purchase { order: OrderKey::new(id), proposed_id: format!("new-{id}") };
        Step::new(target, Effect::Create { product_id: None, expire_time: None })
    };
    let freeze = Step::on("inst7", Effect::Freeze);
    measure!(ledger.status(&create("CS5"), NOW));
    measure!(ledger.status(&Step::on("inst5", Effect::Note { key: "k".into() }), NOW));
    measure!(ledger.begin(&create("another"), lease, NOW));
    measure!(ledger.begin(&freeze, lease, NOW));
    measure!(ledger.extend("inst7", lease, NOW));
    measure!(ledger.complete(&freeze, "inst7", lease, NOW));
    measure!(ledger.instance("inst5"));
    measure!(ledger.instances(Some("inst5"), 10));
    measure!(ledger.prune(Timestamp::from_unix_millis(10_200), 10, NOW));

    let until = SystemClock.now().saturating_add(MINUTE);
    measure!(guard.claim(CallId::SignedQuery("x"), None, until, NOW));
    measure!(guard.claim(CallId::SignedQuery("x"), None, until, NOW));
    measure!(guard.remember_answer(CallId::SignedQuery("x"), None, "{}".into()));

    let id = ApplicationId::Event("E100".into());
    measure!(licenses.apply(LicenseApplication::new(id.clone(), "inst"), NOW));
    measure!(licenses.claim(&id, lease, NOW));
    measure!(licenses.claim_due(lease, NOW, 10));
    measure!(licenses.extend(&id, lease, NOW));
    let new = ApplicationId::Event("new".into());
    licenses.apply(LicenseApplication::new(new.clone(), "inst"), NOW).await.unwrap();
    licenses.claim(&new, lease, NOW).await.unwrap();
    measure!(licenses.keep(&new, License::text("L")));
    measure!(licenses.settle(&new, lease, ApplicationOutcome::Delivered));
    measure!(licenses.application(&id));
    measure!(states.load("7"));

    let now = Timestamp::from_unix_millis(10_000_000_000);
    let meter = Meter::new(usage.clone()).with_clock(ManualClock::new(now));
    let used = |instance: &str| Usage::new(instance, 1.into()).with_id(format!("call-{instance}"));
    measure!(meter.record(used("inst7")));
    measure!(meter.record(used("inst7").with_id("another").with_package("inst12")));
    let renewed = meter.clone().with_cycle(Cycle::AtRenewal);
    measure!(renewed.begin_cycle("inst9", NOW));
    measure!(renewed.record(used("inst9")));
    measure!(meter.usage_info("inst9"));
    measure!(usage.close_instance("inst9", now));
    measure!(usage.close_periods(now.saturating_add(60 * MINUTE)));
    let later = now.saturating_add(60 * MINUTE);
    let claimed = measure!(usage.claim(lease, later, 10));
    let [first, second, ..] = &claimed[..] else { panic!("{claimed:?}") };
    measure!(usage.settle(lease, later, vec![(first.metering_sn.clone(), RecordOutcome::Held { at: NOW })]));
    measure!(usage.claim_held(Lease::new(2, MINUTE), later, 10));
    measure!(usage.settle(lease, later, vec![(second.metering_sn.clone(), RecordOutcome::Delivered)]));
    let mut correction = Correction::default();
    correction.package_instance_id = Some("inst12".to_owned());
    measure!(usage.correct("no such number", correction, Cycle::Never, NOW));
    for state in [RecordState::Dead, RecordState::Fix, RecordState::Held, RecordState::Pending] {
        measure!(usage.records(state, None, 10));
    }
    measure!(usage.records(RecordState::Delivered, Some("00000000000000000000000000000005"), 10));
    measure!(usage.statement(StatementMonth::of(later).unwrap(), None, 10));
    measure!(usage.status(later));
    measure!(usage.forget(Timestamp::from_unix_millis(20)));

    let book = PackageBook::new(meter.clone(), packages);
    measure!(book.record(used("inst7").with_id("split")));
    let reserved = measure!(book.reserve(used("inst7").with_id("job"), MINUTE));
    measure!(reserved.commit(1.into()));
    measure!(book.end("pkg7"));

    let meta = |tenant: &str| ChangeMeta::new(tenant, NOW).with_instance("inst");
    let users = vec![User::new("u7", "name", "D001", Role::User)];
    measure!(directory.apply(Change::PutUsers(UsersChange::new(meta("t3"), "app", users.clone()))));
    let departments = vec![Department::new("D1", "name")];
    measure!(directory.apply(Change::PutDepartments(Departments::new(meta("t3"), departments.clone()))));
    measure!(directory.apply(Change::PutTenant(Tenant::new(meta("t9"), "c", "n", "d"))));
    measure!(directory.tenant("t9"));
    measure!(directory.user("t3", "app", "u7"));
    measure!(directory.users("t3", "app", None, 10));
    measure!(directory.department("t3", "D1"));
    measure!(directory.departments("t3", None, 10));
    measure!(directory.apply(Change::RemoveTenant(TenantRemoval::new(meta("t9")))));
    taken
}

#[tokio::test]
async fn no_operation_costs_more_where_more_is_stored() {
    let (few, many) = (steps(500).await, steps(10_000).await);
    assert_eq!(few.len(), many.len());
    let grows = |(few, many): (&(&str, usize), &(&'static str, usize))| {
        let slack = 100;
        (many.1 > few.1 + few.1 / 2 + slack).then(|| format!("{}: {} and {} steps", many.0, few.1, many.1))
    };
    let growing: Vec<String> = few.iter().zip(&many).filter_map(grows).collect();
    assert!(growing.is_empty(), "{}", growing.join("\n"));
    let counted = many.iter().filter(|(_, steps)| *steps > 0).count();
    assert!(counted > many.len() / 2, "{many:?}");
}
