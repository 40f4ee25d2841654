//! Stores of the state of a License between starts.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::shareable::shareable;

shareable! {
    /// A store of a small text per License: a file ([`FileStateStore`](super::FileStateStore)), a row
    /// (`SqliteStateStore`, feature `sqlite`; `PostgresStateStore`, feature `deadpool-postgres-0_14`; `MysqlStateStore`,
    /// feature `mysql_async-0_37`), or whatever a platform offers. `testing::state_store` (feature `testing`) checks an implementation.
    ///
    /// The text is lines of ASCII without the License code and clients' ids, but a store must not rely on this. The key
    /// is derived from the License code and is 32 lower-case hexadecimal digits.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Mutex;
    ///
    /// use futures_util::FutureExt as _;
    /// use futures_util::future::BoxFuture;
    /// use koogallery::heartbeat::{StateError, StateStore};
    ///
    /// /// Forgets at the end of the program; for tests.
    /// #[derive(Default)]
    /// struct InMemory(Mutex<HashMap<String, Vec<u8>>>);
    ///
    /// impl StateStore for InMemory {
    ///     fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
    ///         async move { Ok(self.0.lock().map_err(|error| StateError::store(error.to_string()))?.get(key).cloned()) }.boxed()
    ///     }
    ///
    ///     fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
    ///         async move {
    ///             self.0.lock().map_err(|error| StateError::store(error.to_string()))?.insert(key.to_owned(), state);
    ///             Ok(())
    ///         }
    ///         .boxed()
    ///     }
    /// }
    ///
    /// let store = InMemory::default();
    /// store.save("key", b"state".to_vec()).now_or_never().unwrap()?;
    /// assert_eq!(store.load("key").now_or_never().unwrap()?.as_deref(), Some(&b"state"[..]));
    /// # Ok::<(), StateError>(())
    /// ```
    pub trait StateStore: Send + Sync + 'static {
        /// Returns the state that was saved last, or `None` if there is none.
        fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>>;

        /// Replaces the state. Atomic, and durable when its future resolves.
        fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>>;
    }
}

/// A failure to load or save the state.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The store failed; the source says where and why.
    #[error("License state cannot be read or written")]
    Store(#[source] Arc<dyn Error + Send + Sync>),
    /// The stored state is damaged.
    #[error("License state {key} is damaged: move it away, and the marketplace is asked again")]
    Damaged {
        /// The key of the state.
        key: String,
    },
    /// It was saved by a newer version of this crate.
    #[error("License state {key} has format {version} of a newer version: use that version, or move the state away")]
    Newer {
        /// The key of the state.
        key: String,
        /// The version of its format.
        version: u32,
    },
}

impl StateError {
    /// Wraps the error of the store.
    pub fn store(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Store(Arc::from(error.into()))
    }
}
