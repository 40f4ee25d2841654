//! The stores of Licenses, usage and License states: the rules on every engine.

use koogallery::heartbeat::{FileStateStore, MemoryStateStore, SqliteStateStore};
use koogallery::license_store::{MemoryLicenseStore, SqliteLicenseStore};
use koogallery::metering::SqliteUsageStore;
use koogallery::sqlite::Database;
use koogallery::testing;

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
    let open = async |path| SqliteUsageStore::new(&Database::open(path).unwrap()).await.unwrap();
    testing::usage_store(async || open(":memory:".into()).await).await;
    let folder = tempfile::tempdir().unwrap();
    testing::shared_usage_store(async || open(folder.path().join("usage.db")).await).await;
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
