//! Every engine of the replay guard keeps the same rules.

use std::path::Path;

use bytes::Bytes;
use koogallery::replay::{CallId, Claim, MemoryReplayGuard, ReplayGuard, SqliteReplayGuard};
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

async fn open(path: &Path) -> SqliteReplayGuard {
    SqliteReplayGuard::new(&Database::open(path).unwrap()).await.unwrap()
}

/// Runs a check on every engine.
async fn each(check: impl AsyncFn(&dyn ReplayGuard)) {
    check(&MemoryReplayGuard::default()).await;
    let folder = tempfile::tempdir().unwrap();
    check(&open(&folder.path().join("replay.db")).await).await;
}

#[tokio::test]
async fn a_call_is_first_once_until_its_time_is_over() {
    each(async |guard| {
        let id = CallId::CallbackV2("nonce");
        assert_eq!(guard.claim(id, at(100), at(0)).await.unwrap(), Claim::First);
        assert_eq!(guard.claim(id, at(100), at(100)).await.unwrap(), Claim::Repeated(None));
        assert_eq!(guard.claim(CallId::CallbackV2("other"), at(100), at(0)).await.unwrap(), Claim::First);
        assert_eq!(guard.claim(id, at(300), at(101)).await.unwrap(), Claim::First);
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_given_again_and_goes_with_its_claim() {
    each(async |guard| {
        let (id, answer) = (CallId::AuthToken(&[7; 32]), Bytes::from_static(b"{}"));
        guard.remember_answer(id, answer.clone()).await.unwrap();
        assert_eq!(guard.claim(id, at(100), at(0)).await.unwrap(), Claim::First, "only claimed calls have answers");
        assert_eq!(guard.claim(id, at(100), at(1)).await.unwrap(), Claim::Repeated(None));
        guard.remember_answer(id, answer.clone()).await.unwrap();
        assert_eq!(guard.claim(id, at(100), at(2)).await.unwrap(), Claim::Repeated(Some(answer)));
        assert_eq!(guard.claim(id, at(300), at(200)).await.unwrap(), Claim::First);
        assert_eq!(guard.claim(id, at(300), at(200)).await.unwrap(), Claim::Repeated(None));
    })
    .await;
}

#[tokio::test]
async fn sqlite_remembers_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replay.db");
    let id = CallId::AuthToken(&[7; 32]);
    {
        let guard = open(&path).await;
        guard.claim(id, at(100), at(0)).await.unwrap();
        guard.remember_answer(id, Bytes::from_static(b"{}")).await.unwrap();
    }
    let again = open(&path).await.claim(id, at(100), at(1)).await.unwrap();
    assert_eq!(again, Claim::Repeated(Some(Bytes::from_static(b"{}"))));
}
