//! The calls of one tenant in a guard that several share.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

/// A guard in which a tenant's calls are none of another's, whatever the other's keys, nonces and tokens are: they are
/// known by a hash of the name and the id. Services without a name have their ids as they are.
pub(crate) struct TenantGuard {
    guard: Arc<dyn ReplayGuard>,
    tenant: TenantName,
}

impl TenantGuard {
    pub(crate) fn new(guard: Arc<dyn ReplayGuard>, tenant: TenantName) -> Self {
        Self { guard, tenant }
    }

    fn stored(&self, id: CallId<'_>) -> StoredId {
        let hash = |id: &[u8]| {
            // Names hold no such byte.
            let parts = [self.tenant.as_str().as_bytes(), b"\0", id];
            <[u8; 32]>::from(parts.into_iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize())
        };
        match id {
            CallId::SignedQuery(nonce) => StoredId::SignedQuery(const_hex::encode(hash(nonce.as_bytes()))),
            CallId::KitV2(nonce) => StoredId::KitV2(const_hex::encode(hash(nonce.as_bytes()))),
            CallId::AuthToken(token) => StoredId::AuthToken(hash(token)),
        }
    }
}

/// As [`CallId`], with what it refers to.
enum StoredId {
    SignedQuery(String),
    KitV2(String),
    AuthToken([u8; 32]),
}

impl StoredId {
    fn call_id(&self) -> CallId<'_> {
        match self {
            Self::SignedQuery(nonce) => CallId::SignedQuery(nonce),
            Self::KitV2(nonce) => CallId::KitV2(nonce),
            Self::AuthToken(token) => CallId::AuthToken(token),
        }
    }
}

impl ReplayGuard for TenantGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        let id = self.stored(id);
        async move { self.guard.claim(id.call_id(), content, until, now).await }.boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        let id = self.stored(id);
        async move { self.guard.remember_answer(id.call_id(), content, answer).await }.boxed()
    }
}
