//! Remembering calls, so that a captured one cannot be used again.
//!
//! V2.0: a nonce is claimed once; a repeat is refused. V1.0 tokens may honestly come again (nobody documents whether a
//! retry carries a fresh `timeStamp`): a repeat gets the first successful answer, without a second effect.
//!
//! Ids rest on signed material only, and are claimed only after the signature was verified, so strangers cannot fill the
//! guard. A guard that is full **refuses** new calls: forgetting one would let it be replayed.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;
mod tenant;

use std::error::Error;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use memory::MemoryReplayGuard;
#[cfg(feature = "postgres")]
pub use postgres::PostgresReplayGuard;
#[cfg(feature = "redis")]
pub use redis::RedisReplayGuard;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteReplayGuard;
pub(crate) use tenant::TenantGuard;

use crate::timestamp::Timestamp;

/// A store of ids of calls that were accepted.
pub trait ReplayGuard: Send + Sync + 'static {
    /// Claims an id until a time (when the call would be too old anyway).
    ///
    /// # Errors
    ///
    /// The guard is full or its store failed; the call must then be refused.
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Claim, ReplayError>>;

    /// Keeps the successful answer to a claimed call, for as long as the claim lasts.
    ///
    /// # Errors
    ///
    /// The store failed.
    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>>;
}

impl<G: ReplayGuard + ?Sized> ReplayGuard for std::sync::Arc<G> {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Claim, ReplayError>> {
        (**self).claim(id, until, now)
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        (**self).remember_answer(id, answer)
    }
}

/// What identifies a call among those of its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallId<'a> {
    /// The nonce of a call signed in its query: SaaS V2.0, Licenses, order notification.
    SignedQuery(&'a str),
    /// The nonce of a Kit V2.0 call.
    KitV2(&'a str),
    /// The token of a V1.0 call.
    AuthToken(&'a [u8; 32]),
}

#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
impl CallId<'_> {
    fn to_text(self) -> String {
        match self {
            Self::SignedQuery(nonce) => format!("v2:{nonce}"),
            Self::KitV2(nonce) => format!("kit:{nonce}"),
            Self::AuthToken(token) => format!("v1:{}", const_hex::encode(token)),
        }
    }
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// Not seen before.
    First,
    /// Seen before; with the answer, if one was remembered.
    Repeated(Option<Bytes>),
}

/// Why an id could not be claimed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// As many ids as the guard can hold are still within their time.
    #[error("the replay guard holds its limit of {0} calls")]
    Full(usize),
    /// The store failed.
    #[error("the replay guard's store failed")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
