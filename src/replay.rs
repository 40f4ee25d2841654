//! Replay guards: stores of accepted calls, so that a captured call cannot be used again.
//!
//! A call is claimed before it is done, and its successful answer is kept. The same call again, which a proxy may send
//! where the first copy was not answered, and V1.0 also as a retry:
//!
//! | call | the same again |
//! |---|---|
//! | a change that succeeded | the same answer, to the byte, without a second effect |
//! | a change that failed, was cut off or still runs | as a retry: the ledger decides |
//! | V2.0 `queryInstance`, whose answer has access data in clear | refused |
//! | `changeInstanceCheck`, and every query of V1.0 | done again, since it changes nothing; not claimed |
//! | another call under the same nonce | refused |
//!
//! Calls are the same if what is signed is: nonce, time and body of V2.0 (by the signature, whatever its letter case),
//! the parameters of V1.0 (by the token). The path, other headers and the order of the query do not count.
//!
//! Ids are made of signed material only, and are claimed only after the signature was verified, so strangers cannot
//! fill the guard. A full guard **refuses** new calls, since a call that it forgets could be replayed.
//!
//! Claims live for minutes (V1.0: for hours), and the engines on a disk do not wait for it: a claim survives the end of
//! the process in any way, but the last ones may be lost in a power cut.
//!
//! [`MemoryReplayGuard`] serves one process, `SqliteReplayGuard` (feature `sqlite`) the processes on one file,
//! `PostgresReplayGuard` (feature `deadpool-postgres-0_14`), `MysqlReplayGuard` (feature `mysql_async-0_37`) and
//! `RedisReplayGuard` (feature `redis-1`) several replicas. A guard on another database implements [`ReplayGuard`]; `testing::replay_guard` (feature `testing`) checks
//! it.

mod memory;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
#[cfg(feature = "redis-1")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;
mod tenant;

use std::error::Error;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use memory::MemoryReplayGuard;
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlReplayGuard;
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresReplayGuard;
#[cfg(feature = "redis-1")]
pub use redis::{RedisReplayGuard, RedisWarning};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteReplayGuard;
pub(crate) use tenant::TenantGuard;

use crate::shareable::shareable;
use crate::timestamp::Timestamp;

shareable! {
    /// A store of ids of calls that were accepted. Every method is atomic, and as durable as the engine promises, when
    /// its future resolves.
    ///
    /// ```
    /// use futures_util::FutureExt as _;
    /// use koogallery::Timestamp;
    /// use koogallery::replay::{CallId, ClaimOutcome, MemoryReplayGuard, ReplayGuard};
    ///
    /// let guard = MemoryReplayGuard::with_capacity(1000);
    /// let (now, until) = (Timestamp::from_unix_millis(0), Timestamp::from_unix_millis(60_000));
    /// let first = guard.claim(CallId::KitV2("nonce"), None, until, now).now_or_never().unwrap()?;
    /// guard.remember_answer(CallId::KitV2("nonce"), None, "the answer".into()).now_or_never().unwrap()?;
    /// let second = guard.claim(CallId::KitV2("nonce"), None, until, now).now_or_never().unwrap()?;
    /// assert_eq!((first, second), (ClaimOutcome::First, ClaimOutcome::Repeated(Some("the answer".into()))));
    /// # Ok::<(), koogallery::replay::ReplayError>(())
    /// ```
    #[doc(alias = "重放")]
    #[doc(alias = "nonce")]
    #[doc(alias = "nonce store")]
    #[doc(alias = "replay attack")]
    pub trait ReplayGuard: Send + Sync + 'static {
        /// Claims an id until a time, when the call is too old anyway. The claim lasts up to and including that
        /// millisecond, and may last some minutes longer; it may also be over already.
        ///
        /// The call is a repeat if the id was claimed with the same content. `None` is a content too: that of calls
        /// whose id tells it, and of claims that were made before contents were kept.
        ///
        /// # Errors
        ///
        /// The guard is full or its store failed; the call must then be refused.
        fn claim<'a>(
            &'a self,
            id: CallId<'a>,
            content: Option<ContentDigest>,
            until: Timestamp,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>>;

        /// Stores the successful answer to a claimed call, for as long as the claim lasts, given the content of the
        /// claim. Does nothing if the call is not claimed. Answers have at most 16 KiB.
        ///
        /// # Errors
        ///
        /// The store failed.
        fn remember_answer<'a>(
            &'a self,
            id: CallId<'a>,
            content: Option<ContentDigest>,
            answer: Bytes,
        ) -> BoxFuture<'a, Result<(), ReplayError>>;
    }
}

/// The identity of a call among those of its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallId<'a> {
    /// The nonce of a call whose signature is in the query: SaaS V2.0, License and order notification.
    SignedQuery(&'a str),
    /// The nonce of a Kit V2.0 call.
    KitV2(&'a str),
    /// The token of a V1.0 call.
    AuthToken(&'a [u8; 32]),
}

impl CallId<'_> {
    /// Returns a text that no other call has, as the key in a database. It is ASCII, and at most 70 bytes where the nonce
    /// is hexadecimal as documented.
    pub fn to_key(self) -> String {
        match self {
            // Not every store can hold U+0000, or has an encoding for every character.
            Self::SignedQuery(nonce) if nonce.contains('\0') || !nonce.is_ascii() => {
                format!("v2-hex:{}", const_hex::encode(nonce))
            }
            Self::SignedQuery(nonce) => format!("v2:{nonce}"),
            Self::KitV2(nonce) => format!("kit:{nonce}"),
            Self::AuthToken(token) => format!("v1:{}", const_hex::encode(token)),
        }
    }
}

/// A digest of what a call says, to tell a repeat from another call under the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentDigest([u8; 32]);

impl ContentDigest {
    /// Wraps a digest, such as a verified signature.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Returns the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimOutcome {
    /// The call was not claimed before, or its claim is over.
    First,
    /// The call is claimed with the same content; with the answer, if one was stored.
    Repeated(Option<Bytes>),
    /// The id is claimed with another content.
    OtherContent,
}

/// A failed operation of a replay guard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The guard holds as many calls as it can.
    #[error("replay guard is full: it holds {0} calls")]
    Full(usize),
    /// The store failed.
    #[error("replay guard operation failed")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

impl ReplayError {
    /// Wraps the error of the database.
    pub fn store(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Store(error.into())
    }
}
