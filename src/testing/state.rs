//! The suite for stores of License states.

use super::ok;
use crate::heartbeat::StateStore;

/// Checks the rules of a [`StateStore`]; `open` opens the same store at every call. It is empty at first.
///
/// ```
/// use futures_util::FutureExt as _;
/// use koogallery::heartbeat::MemoryStateStore;
/// use koogallery::testing;
///
/// let store = MemoryStateStore::default();
/// testing::state_store(async || store.clone()).now_or_never().unwrap();
/// ```
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn state_store<S: StateStore>(open: impl AsyncFn() -> S) {
    let (one, other) = ("0123456789abcdef0123456789abcdef", "f0123456789abcdef0123456789abcde");
    {
        let store = open().await;
        assert_eq!(load(&store, one).await, None, "nothing was saved");
        save(&store, one, b"one\n").await;
        assert_eq!(load(&store, other).await, None, "nothing was saved under this key");
        save(&store, other, b"other\n").await;
        save(&store, one, b"second\n").await;
        assert_eq!(load(&store, one).await.as_deref(), Some(&b"second\n"[..]), "the last state that was saved");
        assert_eq!(load(&store, other).await.as_deref(), Some(&b"other\n"[..]), "the state of another key");
    }
    let store = open().await;
    assert_eq!(load(&store, one).await.as_deref(), Some(&b"second\n"[..]), "a state is kept over a restart");
    let everything: Vec<u8> = (0..=255).collect();
    for state in [&b""[..], &everything, &vec![b'x'; 100_000]] {
        save(&store, one, state).await;
        assert!(load(&store, one).await.as_deref() == Some(state), "a state of {} bytes is kept as it is", state.len());
    }
}

async fn load(store: &dyn StateStore, key: &str) -> Option<Vec<u8>> {
    ok("load", store.load(key).await)
}

async fn save(store: &dyn StateStore, key: &str, state: &[u8]) {
    ok("save", store.save(key, state.to_vec()).await);
}
