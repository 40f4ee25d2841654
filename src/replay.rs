//! Replay guards: stores of accepted calls, so that a captured call cannot be used again.
//!
//! V2.0: a nonce is claimed once; a repeat is refused. V1.0 tokens may come again for good reason (it is not documented
//! whether a retry carries a fresh `timeStamp`): a repeat gets the first successful answer, without a second effect.
//!
//! Ids are made of signed material only, and are claimed only after the signature was verified, so strangers cannot
//! fill the guard. A full guard **refuses** new calls, since a call that it forgets could be replayed.
//!
//! [`MemoryReplayGuard`] serves one process, `SqliteReplayGuard` (feature `sqlite`) the processes on one file,
//! `PostgresReplayGuard` (feature `deadpool-postgres-0_14`) and `RedisReplayGuard` (feature `redis-1`) several
//! replicas. A guard on another database implements [`ReplayGuard`]; `testing::replay_guard` (feature `testing`) checks
//! it.

mod memory;
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
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresReplayGuard;
#[cfg(feature = "redis-1")]
pub use redis::RedisReplayGuard;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteReplayGuard;
pub(crate) use tenant::TenantGuard;

use crate::shareable::shareable;
use crate::timestamp::Timestamp;

shareable! {
    /// A store of ids of calls that were accepted. Every method is atomic, and as durable as the engine promises, when
    /// its future resolves.
    #[doc(alias = "nonce")]
    #[doc(alias = "nonce store")]
    #[doc(alias = "replay attack")]
    pub trait ReplayGuard: Send + Sync + 'static {
        /// Claims an id until a time, when the call is too old anyway. The claim lasts up to and including that
        /// millisecond; it may also be over already.
        ///
        /// # Errors
        ///
        /// The guard is full or its store failed; the call must then be refused.
        fn claim<'a>(
            &'a self,
            id: CallId<'a>,
            until: Timestamp,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>>;

        /// Stores the successful answer to a claimed call, for as long as the claim lasts. Does nothing if the call is
        /// not claimed.
        ///
        /// # Errors
        ///
        /// The store failed.
        fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>>;
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
    /// Returns a text that no other call has, as the key in a database: at most 70 bytes of ASCII where the nonce is
    /// hexadecimal as documented.
    pub fn to_key(self) -> String {
        match self {
            // Not every store can hold U+0000.
            Self::SignedQuery(nonce) if nonce.contains('\0') => format!("v2-hex:{}", const_hex::encode(nonce)),
            Self::SignedQuery(nonce) => format!("v2:{nonce}"),
            Self::KitV2(nonce) => format!("kit:{nonce}"),
            Self::AuthToken(token) => format!("v1:{}", const_hex::encode(token)),
        }
    }
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimOutcome {
    /// The call was not claimed before, or its claim is over.
    First,
    /// The call is claimed; with the answer, if one was stored.
    Repeated(Option<Bytes>),
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
