//! Where the state of a License is kept between starts.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// Keeps a small text per License: a file ([`FileStateStore`](super::FileStateStore)), a row (`SqliteStateStore`, feature
/// `sqlite`), or whatever a platform offers. The text is lines of ASCII that hold no License code and no client's id.
///
/// The key is derived from the License code and is 32 lower-case hexadecimal digits.
pub trait StateStore: Send + Sync + 'static {
    /// The state as it was saved last; `None` if there is none.
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>>;

    /// Replaces the state; atomic, and durable when its future resolves.
    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>>;
}

/// Why the kept state is of no use.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The store failed; it says where and why.
    #[error("the License's state cannot be read or written")]
    Store(#[source] Arc<dyn Error + Send + Sync>),
    /// What was read is not what was saved.
    #[error("the License's state {key} is damaged: move it away, and the marketplace is asked anew")]
    Damaged {
        /// The key under which it is kept.
        key: String,
    },
    /// It was saved by a newer version of this crate.
    #[error("the License's state {key} has the form {version}, of a newer version: use that, or move the state away")]
    Newer {
        /// The key under which it is kept.
        key: String,
        /// The number of its form.
        version: u32,
    },
}
