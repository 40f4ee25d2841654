//! SQLite files that others delete or lock while they are in use.

use std::fs;
use std::path::Path;
use std::time::Duration;

use koogallery::ledger::{Ledger as _, SqliteLedger};
use koogallery::metering::{SqliteUsageStore, UsageStore as _};
use koogallery::replay::SqliteReplayGuard;
use koogallery::sqlite::{Database, DatabaseError};
use koogallery::timestamp::Timestamp;

use crate::support::*;

/// The path is looked at once a second.
const A_LOOK: Duration = Duration::from_millis(1100);

async fn count(database: &Database) -> Result<i64, DatabaseError> {
    database.transaction(|work| work.query_row("SELECT count(*) FROM koogallery_instance", [], |row| row.get(0))).await
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_no_longer_there_is_an_error_of_every_store() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("test.db"), folder.path().join("away.db"));
    let database = Database::open(&path).unwrap();
    let ledger = SqliteLedger::new(&database).await.unwrap();
    let guard = SqliteReplayGuard::new(&database).await.unwrap();
    let usage = SqliteUsageStore::new(&database).await.unwrap();
    let stage = Stage::on(ledger.clone(), |builder| builder.replay_guard(guard));
    assert_eq!(stage.post(&purchase("CS1", "a")).await.code, "000000");

    type Loss = fn(&Path, &Path);
    let losses: [Loss; 2] = [
        |path, away| fs::rename(path, away).unwrap(),
        |path, away| {
            fs::rename(path, away).unwrap();
            fs::copy(away, path).unwrap();
        },
    ];
    for lose in losses {
        lose(&path, &away);
        tokio::time::sleep(A_LOOK).await;
        let refused = stage.post(&purchase("CS2", "b")).await;
        assert_eq!(refused.code, "000005");
        assert!(stage.log.last().contains("was deleted, moved or replaced while in use"), "{}", stage.log.last());
        assert!(ledger.instance("a").await.is_err());
        assert!(usage.close_periods(Timestamp::from_unix_millis(0)).await.is_err());
        assert!(matches!(count(&database).await, Err(DatabaseError::FileGone(gone)) if gone.ends_with("test.db")));

        fs::rename(&away, &path).unwrap();
        assert_eq!(count(&database).await.unwrap(), 1, "it is back");
    }
    assert_eq!(stage.post(&purchase("CS2", "c")).await.instance_id(), "c");
}

#[tokio::test]
async fn a_database_without_a_file_is_never_gone() {
    for path in [":memory:", ""] {
        let database = Database::open(path).unwrap();
        SqliteLedger::new(&database).await.unwrap();
        tokio::time::sleep(A_LOOK).await;
        assert_eq!(count(&database).await.unwrap(), 0);
    }
}
