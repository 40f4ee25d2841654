//! The stores of Licenses, usage and License states: the rules on every engine.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use koogallery::heartbeat::{FileStateStore, MemoryStateStore, SqliteStateStore};
use koogallery::lease::Lease;
use koogallery::ledger::{Ledger, LedgerError, MemoryLedger};
use koogallery::license_store::{
    ApplicationId, LicenseApplication, LicenseStore as _, MemoryLicenseStore, SqliteLicenseStore,
};
use koogallery::metering::package::{MemoryPackageStore, SqlitePackageStore};
use koogallery::metering::{MemoryUsageStore, SqliteUsageStore};
use koogallery::replay::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use koogallery::sqlite::Database;
use koogallery::testing;
use koogallery::timestamp::Timestamp;

use crate::delegated::delegated;

#[tokio::test]
async fn every_license_store_keeps_the_rules() {
    testing::license_store(async || MemoryLicenseStore::new()).await;
    let open = async |path| SqliteLicenseStore::new(&Database::open(path).unwrap()).await.unwrap();
    testing::license_store(async || open(":memory:".into()).await).await;
    let folder = tempfile::tempdir().unwrap();
    testing::shared_license_store(async || open(folder.path().join("licenses.db")).await).await;
}

#[tokio::test]
async fn every_usage_store_keeps_the_rules() {
    testing::usage_store(async || MemoryUsageStore::new()).await;
    let kept = MemoryUsageStore::new();
    testing::shared_usage_store(async || kept.clone()).await;
    let open = async |path| SqliteUsageStore::new(&Database::open(path).unwrap()).await.unwrap();
    testing::usage_store(async || open(":memory:".into()).await).await;
    let folder = tempfile::tempdir().unwrap();
    testing::shared_usage_store(async || open(folder.path().join("usage.db")).await).await;
}

async fn open_packages(path: impl AsRef<std::path::Path>) -> (SqliteUsageStore, SqlitePackageStore) {
    let usage = SqliteUsageStore::new(&Database::open(path).unwrap()).await.unwrap();
    let packages = SqlitePackageStore::new(&usage).await.unwrap();
    (usage, packages)
}

#[tokio::test]
async fn every_package_store_keeps_the_rules() {
    let memory = || {
        let usage = MemoryUsageStore::new();
        let packages = MemoryPackageStore::new(&usage);
        (usage, packages)
    };
    testing::package_store(async || memory()).await;
    let kept = memory();
    testing::shared_package_store(async || kept.clone()).await;
    testing::package_store(async || open_packages(":memory:").await).await;
    let folder = tempfile::tempdir().unwrap();
    testing::shared_package_store(async || open_packages(folder.path().join("packages.db")).await).await;
}

#[tokio::test]
#[should_panic(expected = "a caller that is ahead ends no lease")]
async fn a_package_store_that_believes_its_callers_is_not_for_several_machines() {
    let stores = open_packages(":memory:").await;
    testing::replicated_package_store(async || stores.clone()).await;
}

#[tokio::test]
async fn every_state_store_keeps_the_rules() {
    let memory = MemoryStateStore::default();
    testing::state_store(async || memory.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("made/when/needed");
    testing::state_store(async || FileStateStore::new(&files)).await;
    assert_eq!(std::fs::read_dir(files).unwrap().count(), 2, "nothing is left of the saving");
    let open = async |path| SqliteStateStore::new(&Database::open(path).unwrap()).await.unwrap();
    testing::state_store(async || open(folder.path().join("states.db")).await).await;
}

/// A ledger that does not notice a lost lease.
#[derive(Default)]
struct Forgiving(MemoryLedger);

impl Ledger for Forgiving {
    delegated!(0: status, begin, complete, abandon, instance, instances);

    fn extend<'a>(&'a self, id: &'a str, lease: Lease, now: Timestamp) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.0.extend(id, lease, now).map(|_| Ok(())).boxed()
    }
}

#[tokio::test]
#[should_panic(expected = "extend by a former holder")]
async fn a_ledger_that_does_not_notice_a_lost_lease_fails() {
    testing::ledger(async || Forgiving::default()).await;
}

#[tokio::test]
#[should_panic(expected = "a caller that is 4s ahead takes no lease")]
async fn a_ledger_that_believes_its_callers_is_not_for_several_machines() {
    let ledger = Arc::new(MemoryLedger::new());
    testing::replicated_ledger(async || Arc::clone(&ledger)).await;
}

#[tokio::test]
#[should_panic(expected = "a caller that is 4s ahead takes no lease")]
async fn a_license_store_that_believes_its_callers_is_not_for_several_machines() {
    let store = Arc::new(MemoryLicenseStore::new());
    testing::replicated_license_store(async || Arc::clone(&store)).await;
}

#[tokio::test]
#[should_panic(expected = "a caller that is 4s ahead takes no lease")]
async fn a_usage_store_that_believes_its_callers_is_not_for_several_machines() {
    let store = SqliteUsageStore::new(&Database::open(":memory:").unwrap()).await.unwrap();
    testing::replicated_usage_store(async || store.clone()).await;
}

#[tokio::test]
async fn a_table_of_licenses_from_before_attempts_were_counted_is_updated() {
    let database = Database::open(":memory:").unwrap();
    let id = ApplicationId::Event("E1".to_owned());
    let store = SqliteLicenseStore::new(&database).await.unwrap();
    let now = Timestamp::from_unix_millis(1_735_787_045_678);
    store.apply(LicenseApplication::new(id.clone(), "i"), now).await.unwrap();
    let before = "ALTER TABLE koogallery_license DROP COLUMN attempts";
    database.transaction(move |transaction| transaction.execute_batch(before)).await.unwrap();
    for _ in 0..2 {
        let store = SqliteLicenseStore::new(&database).await.unwrap();
        assert_eq!(store.application(&id).await.unwrap().unwrap().attempts, 0);
    }
    let claimed = store.claim(&id, Lease::new(1, Duration::from_secs(9)), now).await.unwrap();
    assert_eq!(claimed.unwrap().attempts, 1);
}

#[tokio::test]
#[should_panic(expected = "an order is kept")]
async fn a_ledger_that_forgets_fails() {
    testing::shared_ledger(async || MemoryLedger::new()).await;
}

#[tokio::test]
#[should_panic(expected = "is missing")]
async fn a_license_store_that_forgets_fails() {
    testing::shared_license_store(async || MemoryLicenseStore::new()).await;
}

/// A guard that lets everything in.
struct Open;

impl ReplayGuard for Open {
    fn claim<'a>(
        &'a self,
        _: CallId<'a>,
        _: Option<ContentDigest>,
        _: Timestamp,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        ready(Ok(ClaimOutcome::First)).boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        _: CallId<'a>,
        _: Option<ContentDigest>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        ready(Ok(())).boxed()
    }
}

#[tokio::test]
#[should_panic(expected = "a call in its last millisecond")]
async fn a_replay_guard_that_lets_everything_in_fails() {
    testing::replay_guard(async || Open).await;
}

#[tokio::test]
#[should_panic(expected = "sums and records are kept over a restart")]
async fn a_usage_store_that_forgets_fails() {
    let open = async || SqliteUsageStore::new(&Database::open(":memory:").unwrap()).await.unwrap();
    testing::shared_usage_store(open).await;
}

#[tokio::test]
#[should_panic(expected = "a state is kept over a restart")]
async fn a_state_store_that_forgets_fails() {
    testing::state_store(async || MemoryStateStore::default()).await;
}
