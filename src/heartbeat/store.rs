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
