//! The replay guard.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use koogallery::replay::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use koogallery::timestamp::Timestamp;

use super::{Stores, now};
use crate::Bug;

/// Claims are kept for longer than a replica whose clock is behind takes the call.
const KEPT_AFTER: Duration = Duration::from_secs(300);

/// A [`CallId`] that is not borrowed.
#[derive(Clone)]
enum OwnedId {
    SignedQuery(String),
    KitV2(String),
    AuthToken([u8; 32]),
    Other,
}

impl OwnedId {
    fn of(id: CallId<'_>) -> Self {
        match id {
            CallId::SignedQuery(nonce) => Self::SignedQuery(nonce.to_owned()),
            CallId::KitV2(nonce) => Self::KitV2(nonce.to_owned()),
            CallId::AuthToken(token) => Self::AuthToken(*token),
            _ => Self::Other,
        }
    }

    fn borrowed(&self) -> CallId<'_> {
        match self {
            Self::SignedQuery(nonce) => CallId::SignedQuery(nonce),
            Self::KitV2(nonce) => CallId::KitV2(nonce),
            Self::AuthToken(token) => CallId::AuthToken(token),
            Self::Other => CallId::SignedQuery(""),
        }
    }
}

impl ReplayGuard for Stores {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        _asked: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        let id = OwnedId::of(id);
        self.operate("guard claim", None, ReplayError::store, move |simulation| {
            if simulation.has(Bug::ClaimForgotten) {
                return Ok(ClaimOutcome::First);
            }
            let at = simulation.scheduler.now().saturating_sub(KEPT_AFTER);
            now(simulation.guard.claim(id.borrowed(), content, until, at), ReplayError::store)
        })
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        let id = OwnedId::of(id);
        self.operate("guard remember", None, ReplayError::store, move |simulation| {
            now(simulation.guard.remember_answer(id.borrowed(), content, answer), ReplayError::store)
        })
    }
}
