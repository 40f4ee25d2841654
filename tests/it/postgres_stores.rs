//! The stores in PostgreSQL: the rules of each, several replicas at once, and the indexes that their statements use.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::poll_fn;
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::directory::{
    Application, Change, ChangeMeta, ClientSecret, Department, DepartmentSync, Departments, DirectoryStore,
    PostgresDirectory, Role, Tenant, TenantRemoval, User, UsersChange,
};
use koogallery::heartbeat::{PostgresStateStore, StateStore};
use koogallery::lease::Lease;
use koogallery::ledger::{Effect, Ledger, OrderKey, PostgresLedger, PrunableLedger, Step, Target};
use koogallery::license_store::{
    ApplicationId, ApplicationOutcome, License, LicenseApplication, LicenseStore, PostgresLicenseStore,
};
use koogallery::metering::package::{PackageBook, PostgresPackageStore};
use koogallery::metering::{
    Correction, Cycle, Meter, PostgresUsageStore, RecordOutcome, RecordState, StatementMonth, Usage, UsageStore,
};
use koogallery::postgres::{Database, DatabaseError};
use koogallery::redact::Sensitive;
use koogallery::replay::{CallId, PostgresReplayGuard, ReplayGuard};
use koogallery::testing;
use koogallery::timestamp::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::at_once;
use crate::running_totals;
use crate::servers::Schema;
use crate::support::NOW;

const MINUTE: Duration = Duration::from_secs(60);

pub struct Backwards;

impl ClientSecretDecryptor for Backwards {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        let backwards = ciphertext.strip_prefix("sealed:").ok_or(ClientSecretError)?;
        Ok(backwards.chars().rev().collect::<String>().into())
    }
}

/// Empty databases, one schema each.
#[derive(Default)]
struct Schemas(Mutex<Vec<Schema>>);

impl Schemas {
    async fn database(&self) -> Database {
        let schema = Schema::new().await.unwrap();
        let database = Database::builder(schema.config()).connections(2).connect(NoTls).await.unwrap();
        self.0.lock().unwrap().push(schema);
        database
    }
}

fn lease(holder: u128) -> Lease {
    Lease::new(holder, Duration::from_secs(60))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_keeps_the_rules() {
    let Some(schema) = Schema::new().await else { return };
    let schemas = Schemas::default();
    let open = async |database: &Database| PostgresDirectory::new(database, Backwards).await.unwrap();
    testing::directory_store(async |list| open(&schemas.database().await).await.with_department_sync(list)).await;
    testing::shared_directory_store(async || open(&schema.database().await).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_license_store_keeps_the_rules() {
    let Some(schema) = Schema::new().await else { return };
    let schemas = Schemas::default();
    let open = async |database: &Database| PostgresLicenseStore::new(database).await.unwrap();
    testing::license_store(async || open(&schemas.database().await).await).await;
    testing::shared_license_store(async || open(&schema.database().await).await).await;
    let database = schemas.database().await;
    testing::replicated_license_store(async || open(&database).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_usage_store_keeps_the_rules() {
    let Some(schema) = Schema::new().await else { return };
    let schemas = Schemas::default();
    let open = async |database: &Database| PostgresUsageStore::new(database).await.unwrap();
    testing::usage_store(async || open(&schemas.database().await).await).await;
    testing::shared_usage_store(async || open(&schema.database().await).await).await;
    let database = schemas.database().await;
    testing::replicated_usage_store(async || open(&database).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_package_store_keeps_the_rules() {
    let Some(schema) = Schema::new().await else { return };
    let schemas = Schemas::default();
    let open = async |database: &Database| {
        let usage = PostgresUsageStore::new(database).await.unwrap();
        let packages = PostgresPackageStore::new(&usage).await.unwrap();
        (usage, packages)
    };
    testing::package_store(async || open(&schemas.database().await).await).await;
    testing::shared_package_store(async || open(&schema.database().await).await).await;
    let database = schemas.database().await;
    testing::replicated_package_store(async || open(&database).await).await;
}

#[tokio::test]
async fn the_state_store_keeps_the_rules() {
    let Some(schema) = Schema::new().await else { return };
    testing::state_store(async || PostgresStateStore::new(&schema.database().await).await.unwrap()).await;
}

#[tokio::test]
async fn every_store_has_statements_for_administrators() {
    let Some(schema) = Schema::new().await else { return };
    let admin = schema.client().await;
    let schemas = [
        PostgresLedger::schema(),
        PostgresLedger::named_schema("other").unwrap(),
        PostgresReplayGuard::schema(),
        PostgresDirectory::schema(),
        PostgresLicenseStore::schema(),
        PostgresUsageStore::schema(),
        PostgresPackageStore::schema(),
        PostgresStateStore::schema(),
    ];
    // Twice, since nobody remembers whether it was done.
    for schema in schemas.iter().chain(&schemas) {
        admin.batch_execute(&schema.statements(0)).await.unwrap();
    }
    let role = format!("{}_role", schema.name);
    admin
        .batch_execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {role}",
            name = schema.name
        ))
        .await
        .unwrap();
    let mut config = schema.config();
    config.options(format!("-c search_path={} -c role={role}", schema.name));
    let database = Database::connect_with(config, NoTls).await.unwrap();
    PostgresLedger::named(&database, "other").await.unwrap();
    PostgresLedger::new(&database).await.unwrap();
    PostgresReplayGuard::new(&database).await.unwrap();
    PostgresDirectory::new(&database, Backwards).await.unwrap();
    PostgresLicenseStore::new(&database).await.unwrap();
    PostgresStateStore::new(&database).await.unwrap();
    let store = PostgresUsageStore::new(&database).await.unwrap();
    PostgresPackageStore::new(&store).await.unwrap();
    let meter = Meter::new(store);
    meter.record(Usage::new("inst", "1".parse().unwrap())).await.unwrap();
    drop((meter, database));
    admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_bill_at_once_lose_and_double_nothing() {
    let Some(schema) = Schema::new().await else { return };
    let mut stores = vec![];
    for _ in 0..3 {
        // The machine may be busy with other tests.
        let database =
            Database::builder(schema.config()).timeout(Duration::from_secs(60)).connect(NoTls).await.unwrap();
        stores.push(PostgresUsageStore::new(&database).await.unwrap());
    }
    let overlaps = async || {
        let overlaps = "SELECT count(*) FROM koogallery_usage_record AS one JOIN koogallery_usage_record AS other \
                        ON one.instance_id = other.instance_id AND one.metering_sn < other.metering_sn \
                        AND one.begin_time < other.end_time AND other.begin_time < one.end_time";
        schema.client().await.query_one(overlaps, &[]).await.unwrap().get(0)
    };
    at_once::bill(stores.try_into().unwrap(), overlaps).await;
}

#[tokio::test]
async fn usage_of_before_running_totals_counts_in_them() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    let before = "DROP TABLE koogallery_usage_total; DROP TABLE koogallery_usage_month; \
                  UPDATE koogallery_schema SET version = 1 WHERE store = 'usage'";
    let make_old = async || schema.client().await.batch_execute(before).await.unwrap();
    running_totals::of_before(async || PostgresUsageStore::new(&database).await.unwrap(), make_old).await;
}

#[tokio::test]
async fn usage_in_a_transaction_of_the_sellers_own_counts_if_that_commits() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    let store = PostgresUsageStore::new(&database).await.unwrap();
    let meter = Meter::new(store.clone()).with_clock(koogallery::clock::ManualClock::new(NOW));
    let entry = meter.entry(Usage::new("inst", "1.5".parse().unwrap()).with_id("call-1")).unwrap();
    for (commits, records) in [(false, 0), (true, 1), (true, 1)] {
        let outcome = database
            .transaction(async |transaction| {
                transaction.batch_execute("CREATE TABLE IF NOT EXISTS own (id BIGINT)").await?;
                let recorded = PostgresUsageStore::record_in(transaction, &entry).await?;
                if !commits {
                    transaction.batch_execute("SELECT 1 / 0").await?;
                }
                Ok(recorded)
            })
            .await;
        assert_eq!(outcome.is_ok(), commits, "{outcome:?}");
        assert_eq!(store.status(NOW).await.unwrap().open.records, records);
    }
    assert_eq!(store.status(NOW).await.unwrap().open.usage.to_string(), "1.5", "counted once");
}

#[tokio::test]
async fn a_deduction_in_a_transaction_of_the_sellers_own_counts_if_that_commits() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    let usage = PostgresUsageStore::new(&database).await.unwrap();
    let packages = PostgresPackageStore::new(&usage).await.unwrap();
    let clock = koogallery::clock::ManualClock::new(NOW);
    let book = PackageBook::new(Meter::new(usage.clone()).with_clock(clock), packages);
    let deduction = at_once::package_of_ten(&book).await;
    for (commits, used) in [(false, 0), (true, 4), (true, 4)] {
        let outcome = database
            .transaction(async |transaction| {
                let outcome = PostgresPackageStore::record_in(transaction, &deduction).await?;
                if !commits {
                    transaction.batch_execute("SELECT 1 / 0").await?;
                }
                Ok(outcome)
            })
            .await;
        assert_eq!(outcome.is_ok(), commits, "{outcome:?}");
        at_once::has_used(&book, &usage, used).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_license_at_once_agree() {
    let Some(schema) = Schema::new().await else { return };
    let mut stores = vec![];
    for _ in 0..3 {
        stores.push(PostgresLicenseStore::new(&schema.database().await).await.unwrap());
    }
    at_once::license(stores.try_into().unwrap()).await;
}

#[tokio::test]
async fn a_character_that_cannot_be_stored_is_a_clear_error() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    let ledger = PostgresLedger::new(&database).await.unwrap();
    let error = ledger.instance("a\0b").await.unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref());
    assert!(matches!(source, Some(DatabaseError::Character(_))), "{error:?}");
    let directory = PostgresDirectory::new(&database, Backwards).await.unwrap();
    let mut user = User::new("lihua", "a\0b", "D001", Role::User);
    user.position = Some("\u{0}\u{1F600}".into());
    let meta = ChangeMeta::new("tenant", NOW);
    directory.apply(Change::PutUsers(UsersChange::new(meta, "app", vec![user.clone()]))).await.unwrap();
    assert_eq!(directory.user("tenant", "app", "lihua").await.unwrap(), Some(user), "what is no id may have any");
}

#[tokio::test]
async fn a_list_of_many_users_is_one_statement() {
    let Some(schema) = Schema::new().await else { return };
    let patient = Database::builder(schema.config()).timeout(Duration::from_secs(60)).connect(NoTls).await.unwrap();
    let directory = PostgresDirectory::new(&patient, Backwards).await.unwrap();
    let mut users: Vec<User> =
        (0..20_000).map(|n| User::new(format!("u{n:05}"), "before", "D001", Role::User)).collect();
    // The last of two with one name counts.
    users.push(User::new("u00007", "after", "D001", Role::User));
    let meta = ChangeMeta::new("tenant", NOW);
    directory.apply(Change::PutUsers(UsersChange::new(meta, "app", users))).await.unwrap();
    let page = directory.users("tenant", "app", Some("u00006"), 2).await.unwrap();
    assert_eq!(page[0].name.as_ref().unwrap().expose(), "after");
    assert_eq!(page[1].user_name.expose(), "u00008");
}

/// Connects as the driver does, and keeps what the server says of its plans.
struct Explained(Arc<Mutex<Vec<String>>>);

impl deadpool_postgres::Connect for Explained {
    fn connect(
        &self,
        config: &tokio_postgres::Config,
    ) -> Pin<
        Box<dyn Future<Output = Result<(tokio_postgres::Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>,
    > {
        let (config, plans) = (config.clone(), Arc::clone(&self.0));
        Box::pin(async move {
            let (client, mut connection) = config.connect(NoTls).await?;
            let task = tokio::spawn(async move {
                while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                    if let AsyncMessage::Notice(notice) = message
                        && notice.message().contains("plan:")
                    {
                        plans.lock().unwrap().push(notice.message().to_owned());
                    }
                }
            });
            client.batch_execute("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0").await?;
            client.batch_execute("SET auto_explain.log_level = notice; SET client_min_messages = notice").await?;
            Ok((client, task))
        })
    }
}

/// Fills the tables so that no plan reads a table as a whole because it is small.
const FILL: &str = "
INSERT INTO koogallery_instance SELECT 'inst' || n, 'CS' || n, '', '', NULL, 'active', NULL, 0, NULL, NULL, 0
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_step SELECT 'inst' || n, 'purchase', 0 FROM generate_series(1, 20000) AS n;
UPDATE koogallery_instance SET state = 'released', released_at = substr(instance_id, 5)::BIGINT
    WHERE instance_id LIKE '%00';
INSERT INTO koogallery_step SELECT 'inst' || n, 'renewal', n FROM generate_series(1, 20000, 100) AS n;
INSERT INTO koogallery_replay SELECT 'v2:' || n, n FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_license
    SELECT 'event', 'E' || n, 'inst', NULL, NULL, NULL, CASE WHEN n % 100 = 0 THEN 'due' ELSE 'delivered' END, n
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_license_state SELECT n, '' FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_usage_open SELECT 'inst' || n, n * 100, '', n * 100 + 100, n * 100, 1
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_usage_record
    SELECT md5(n::text), 'inst' || n % 200, '', n * 1000, n * 1000 + 1000, 0, 1,
    CASE n % 100 WHEN 0 THEN 'pending' WHEN 1 THEN 'fix' WHEN 2 THEN 'dead' ELSE 'delivered' END, 0, n, NULL, NULL,
    NULL, n, n % 200 = 1 FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_usage_id SELECT 'id' || n, n FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_usage_total SELECT 'inst' || n, CASE n % 3 WHEN 0 THEN '' ELSE 'r' || n END, n, 1
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_usage_month SELECT 202000 + n % 12, 'inst' || n, '', 1, 1 FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_tenant SELECT 't' || n, 'inst', 0, FALSE, 'removed' FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_application SELECT 't' || n, 'app', 'inst', 0, FALSE, 'removed'
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_user SELECT 't' || n % 4, 'app', 'u' || n, 'inst', 0, FALSE, 'present',
    (SELECT record FROM koogallery_user) FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_department SELECT 't' || n % 4, 'D' || n, 'inst', 0, FALSE, 'removed'
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_directory_cleared SELECT 'koogallery_user', 't' || n, 'inst', 0, FALSE
    FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_package SELECT 'inst' || n % 200, 'pkg' || n, NULL, NULL, 100000, 0, 9000000000000, 100000,
    9000000000000, 0, 0, 'active' FROM generate_series(1, 20000) AS n;
INSERT INTO koogallery_reservation SELECT 'inst' || n % 200, 'r' || n, NULL, 10000, '[]', 0, 9000000000000,
    CASE n % 7 WHEN 0 THEN 'open' ELSE 'canceled' END, n FROM generate_series(1, 20000) AS n;
ANALYZE;
";

#[tokio::test]
async fn every_statement_uses_an_index() {
    let Some(schema) = Schema::new().await else { return };
    let plans = Arc::default();
    let manager = deadpool_postgres::Manager::from_connect(
        schema.config(),
        Explained(Arc::clone(&plans)),
        deadpool_postgres::ManagerConfig::default(),
    );
    let database = Database::from_pool(deadpool_postgres::Pool::builder(manager).max_size(2).build().unwrap());
    let ledger = PostgresLedger::new(&database).await.unwrap();
    let guard = PostgresReplayGuard::new(&database).await.unwrap();
    let licenses = PostgresLicenseStore::new(&database).await.unwrap();
    let states = PostgresStateStore::new(&database).await.unwrap();
    let usage = PostgresUsageStore::new(&database).await.unwrap();
    let packages = PostgresPackageStore::new(&usage).await.unwrap();
    let directory = PostgresDirectory::new(&database, Backwards).await.unwrap();
    let directory = directory.with_department_sync(DepartmentSync::Replace);
    let users = vec![User::new("u", "name", "D001", Role::User)];
    directory.apply(Change::PutUsers(UsersChange::new(ChangeMeta::new("first", NOW), "app", users))).await.unwrap();
    schema.client().await.batch_execute(FILL).await.unwrap();
    plans.lock().unwrap().clear();

    // The plans of the statements that the operation runs use these indexes, and read no table as a whole. Only totals and
    // statements read all open sums.
    macro_rules! check {
        ($operation:expr, $($index:expr),+) => {{
            $operation.await.unwrap();
            let plans: Vec<String> = std::mem::take(&mut *plans.lock().unwrap());
            let plans = plans.join("\n");
            for index in [$($index),+] {
                let uses = [format!(" using {index} "), format!(" on {index} "), format!("Arbiter Indexes: {index}\n")];
                let is_used = uses.iter().any(|used| plans.contains(used));
                assert!(is_used, "{index} is not used by {}:\n{plans}", stringify!($operation));
            }
            let may_read_sums = ["usage.status", "usage.statement"].iter().any(|name| stringify!($operation).starts_with(name));
            let is_allowed = |line: &str| {
                line.contains("koogallery_usage_delivered") || may_read_sums && line.contains("koogallery_usage_open")
            };
            let scans = plans.lines().filter(|line| line.contains("Seq Scan on koogallery") && !is_allowed(line));
            assert_eq!(scans.count(), 0, "a whole table is read by {}:\n{plans}", stringify!($operation));
        }};
    }
    let order = |id: &str| {
        let target = Target::Purchase { order: OrderKey::new(id), proposed_id: format!("new-{id}") };
        Step::new(target, Effect::Create { product_id: None, expire_time: None })
    };
    let freeze = Step::on("inst7", Effect::Freeze);
    let by_order = "koogallery_instance_order_id_order_line_id_order_product_id_key";
    check!(ledger.status(&order("CS5"), NOW), by_order);
    check!(
        ledger.status(&Step::on("inst5", Effect::Note { key: "k".into() }), NOW),
        "koogallery_instance_pkey",
        "koogallery_step_pkey"
    );
    check!(ledger.begin(&order("CS6"), lease(1), NOW), by_order);
    check!(ledger.begin(&freeze, lease(1), NOW), "koogallery_instance_pkey");
    check!(ledger.extend("inst7", lease(1), NOW), "koogallery_instance_pkey");
    check!(ledger.complete(&freeze, "inst7", lease(1), NOW), "koogallery_instance_pkey");
    check!(ledger.instance("inst5"), "koogallery_instance_pkey");
    check!(ledger.instances(Some("inst5"), 100), "koogallery_instance_pkey");
    check!(
        ledger.prune(Timestamp::from_unix_millis(5_000), 10, NOW),
        "koogallery_instance_released",
        "koogallery_instance_pkey",
        "koogallery_step_done",
        "koogallery_step_pkey"
    );

    check!(
        guard.claim(CallId::SignedQuery("x"), None, SystemClock.now().saturating_add(MINUTE), NOW),
        "koogallery_replay_until",
        "koogallery_replay_pkey"
    );
    check!(
        guard.claim(CallId::SignedQuery("x"), None, SystemClock.now().saturating_add(MINUTE), NOW),
        "koogallery_replay_pkey"
    );
    check!(guard.remember_answer(CallId::SignedQuery("x"), None, "{}".into()), "koogallery_replay_pkey");

    let id = ApplicationId::Event("E100".into());
    check!(licenses.apply(LicenseApplication::new(id.clone(), "inst"), NOW), "koogallery_license_pkey");
    check!(licenses.claim(&id, lease(1), NOW), "koogallery_license_pkey");
    check!(licenses.claim_due(lease(1), NOW, 10), "koogallery_license_due");
    check!(licenses.extend(&id, lease(1), NOW), "koogallery_license_pkey");
    check!(licenses.keep(&id, License::text("L")), "koogallery_license_pkey");
    check!(licenses.settle(&id, lease(1), ApplicationOutcome::Delivered), "koogallery_license_pkey");
    check!(licenses.application(&id), "koogallery_license_pkey");
    check!(states.load("7"), "koogallery_license_state_pkey");

    let meter = Meter::new(usage.clone())
        .with_clock(koogallery::clock::ManualClock::new(Timestamp::from_unix_millis(20_000_000)));
    let entry = |instance: &str| {
        meter
            .entry(
                Usage::new(instance, "1".parse().unwrap())
                    .with_id(format!("call-{instance}"))
                    .with_time(Timestamp::from_unix_millis(10_000_000)),
            )
            .unwrap()
    };
    check!(
        usage.record(vec![entry("inst7"), entry("new")]),
        "koogallery_usage_record_end",
        "koogallery_usage_total_pkey"
    );
    let renewed = meter.clone().with_cycle(Cycle::AtRenewal);
    let usage_at_renewal = Usage::new("inst9", "1".parse().unwrap()).with_package("inst12");
    check!(renewed.record(usage_at_renewal), "koogallery_usage_total_pkey");
    check!(renewed.begin_cycle("inst9", NOW), "koogallery_usage_total_pkey");
    check!(meter.usage_info("inst9"), "koogallery_usage_total_pkey");
    let until = Timestamp::from_unix_millis(5_000);
    check!(usage.close_periods(until), "koogallery_usage_open_end", "koogallery_usage_open_pkey");
    check!(usage.close_instance("inst19000", NOW), "koogallery_usage_open_pkey");
    check!(usage.claim(lease(1), NOW, 10), "koogallery_usage_record_due");
    check!(usage.claim_held(lease(1), NOW, 10), "koogallery_usage_record_held");
    let sn = usage.records(RecordState::Dead, None, 1).await.unwrap().remove(0).record.metering_sn;
    plans.lock().unwrap().clear();
    check!(
        usage.settle(lease(1), NOW, vec![(sn.clone(), RecordOutcome::Held { at: NOW })]),
        "koogallery_usage_record_pkey"
    );
    let mut correction = Correction::default();
    correction.package_instance_id = Some("inst12".to_owned());
    check!(
        usage.correct(&sn, correction, Cycle::Never, NOW),
        "koogallery_usage_record_pkey",
        "koogallery_usage_total_pkey"
    );
    check!(usage.records(RecordState::Dead, Some("5"), 10), "koogallery_usage_record_page");
    check!(usage.records(RecordState::Delivered, Some("5"), 10), "koogallery_usage_record_page");
    check!(usage.forget(until), "koogallery_usage_record_settled", "koogallery_usage_id_time");
    check!(usage.settle(lease(1), NOW, vec![(sn.clone(), RecordOutcome::Delivered)]), "koogallery_usage_month_pkey");
    let month = StatementMonth::of(NOW).unwrap();
    check!(usage.statement(month, None, 10), "koogallery_usage_month_pkey", "koogallery_usage_record_left");
    check!(usage.status(until), "koogallery_usage_record_left");

    let book = PackageBook::new(meter.clone(), packages);
    let named = |id: &str| Usage::new("inst7", "1".parse().unwrap()).with_id(id);
    check!(book.record(named("split")), "koogallery_package_pkey", "koogallery_reservation_open");
    check!(
        async { book.reserve(named("job"), MINUTE).await.map(drop) },
        "koogallery_package_pkey",
        "koogallery_usage_id_pkey",
        "koogallery_reservation_pkey"
    );
    check!(async { book.reserve(named("job"), MINUTE).await?.commit(1.into()).await }, "koogallery_reservation_pkey");
    check!(book.end("pkg7"), "koogallery_package_package", "koogallery_package_pkey");

    let meta = |tenant: &str| ChangeMeta::new(tenant, NOW).with_instance("inst");
    let users = vec![User::new("u7", "name", "D001", Role::User)];
    check!(
        directory.apply(Change::PutUsers(UsersChange::new(meta("t3"), "app", users))),
        "koogallery_directory_cleared_pkey"
    );
    let departments = vec![Department::new("D1", "name")];
    check!(
        directory.apply(Change::PutDepartments(Departments::new(meta("t3"), departments))),
        "koogallery_department_pkey"
    );
    check!(
        directory.apply(Change::PutTenant(Tenant::new(meta("t9"), "c", "n", "d"))),
        "koogallery_directory_cleared_pkey"
    );
    let secret = ClientSecret::new("s", "sealed:s");
    check!(
        directory.apply(Change::PutApplication(Application::new(meta("t9"), "app", "c", secret))),
        "koogallery_directory_cleared_pkey"
    );
    check!(directory.tenant("t9"), "koogallery_tenant_pkey");
    check!(directory.application("t9", "app"), "koogallery_application_pkey");
    check!(directory.user("t3", "app", "u7"), "koogallery_user_pkey");
    check!(directory.users("t3", "app", Some("u5"), 10), "koogallery_user_pkey");
    check!(directory.department("t3", "D7"), "koogallery_department_pkey");
    check!(directory.departments("t3", Some("D5"), 10), "koogallery_department_pkey");
    check!(
        directory.apply(Change::RemoveTenant(TenantRemoval::new(meta("t9")))),
        "koogallery_user_pkey",
        "koogallery_application_pkey",
        "koogallery_department_pkey"
    );
}
