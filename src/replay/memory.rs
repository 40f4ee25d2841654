//! The replay guard in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::timestamp::Timestamp;

/// A replay guard that lives as long as the process.
///
/// Holds 64 bits of a randomly keyed hash of a nonce and 64 of the call's content, or 96 of a token, at most 100 bytes of
/// memory per call with everything; the answer to a change comes on top. After a restart a captured V2.0 call could be used
/// again for up to a minute. The ledger still keeps its effect from happening twice: a replayed purchase, renewal or upgrade
/// is known to it, and a replayed change of the status is older than the last one.
#[derive(Debug)]
pub struct MemoryReplayGuard {
    capacity: usize,
    hasher: RandomState,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    claimed: HashMap<CallHash, Claimed, BuildHasherDefault<AlreadyHashed>>,
    answers: HashMap<CallHash, Bytes, BuildHasherDefault<AlreadyHashed>>,
    /// No claim ends before this second, so that a full guard is not searched in vain at every call.
    next_expiry: u32,
    /// Number of claims at which the next search pays.
    sweep_at: usize,
}

#[derive(Debug)]
struct Claimed {
    /// The second in which it ends, since 1970.
    until: u32,
    content: Content,
}

/// The beginning of the digest. Only the marketplace could make another call with the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Content([u8; 8]);

impl From<Option<ContentDigest>> for Content {
    fn from(content: Option<ContentDigest>) -> Self {
        content.and_then(|content| content.as_bytes().first_chunk().copied()).map(Self).unwrap_or_default()
    }
}

/// Bytes rather than words, whose alignment would cost 8 bytes per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CallHash([u8; 12]);

impl CallHash {
    /// 64 bits do, because the content is compared too.
    fn of_nonce(hash: u64) -> Self {
        Self::new(hash.to_ne_bytes(), [0; 8])
    }

    fn new(long: [u8; 8], short: [u8; 8]) -> Self {
        let mut hash = [0; 12];
        hash[..8].copy_from_slice(&long);
        hash[8..].copy_from_slice(&short[..4]);
        Self(hash)
    }
}

impl Hash for CallHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [hash @ .., _, _, _, _] = self.0;
        state.write_u64(u64::from_ne_bytes(hash));
    }
}

/// The keys are hashes with random keys, so hashing them again would gain nothing.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

const FIRST_SWEEP: usize = 1024;
/// Room for the first calls, none of which waits for the table to grow then.
const FIRST_ROOM: usize = 64;

impl MemoryReplayGuard {
    /// Creates a guard for at most `capacity` calls within their time windows.
    pub fn with_capacity(capacity: usize) -> Self {
        let claimed = HashMap::with_capacity_and_hasher(capacity.min(FIRST_ROOM), BuildHasherDefault::default());
        let calls = Calls { claimed, next_expiry: u32::MAX, sweep_at: FIRST_SWEEP, ..Calls::default() };
        Self { capacity, hasher: RandomState::new(), calls: Mutex::new(calls) }
    }

    fn hash(&self, id: CallId<'_>) -> CallHash {
        match id {
            CallId::SignedQuery(nonce) => CallHash::of_nonce(self.hasher.hash_one(nonce)),
            CallId::KitV2(nonce) => CallHash::of_nonce(self.hasher.hash_one(("kit", nonce))),
            // A keyed hash already, and a genuine one.
            CallId::AuthToken(token) => {
                let (words, _) = token.as_chunks::<8>();
                CallHash::new(words[0], words[1])
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(
        &self,
        id: CallId<'_>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<ClaimOutcome, ReplayError> {
        let (hash, content) = (self.hash(id), Content::from(content));
        // In the last millisecond of its second, or later.
        let until = seconds(until.as_unix_millis().saturating_add(999));
        let now = seconds(now.as_unix_millis());
        let mut calls = self.calls();
        if let Some(claimed) = calls.claimed.get(&hash).filter(|claimed| claimed.until >= now) {
            return Ok(match claimed.content == content {
                true => ClaimOutcome::Repeated(calls.answers.get(&hash).cloned()),
                false => ClaimOutcome::OtherContent,
            });
        }
        if calls.claimed.len() >= calls.sweep_at.min(self.capacity) && calls.next_expiry < now {
            calls.sweep(now);
        }
        if calls.claimed.len() >= self.capacity {
            return Err(ReplayError::Full(self.capacity));
        }
        calls.claimed.insert(hash, Claimed { until, content });
        calls.answers.remove(&hash);
        calls.next_expiry = calls.next_expiry.min(until);
        Ok(ClaimOutcome::First)
    }
}

fn seconds(millis: i64) -> u32 {
    u32::try_from(millis.div_euclid(1000).max(0)).unwrap_or(u32::MAX)
}

impl Calls {
    fn sweep(&mut self, now: u32) {
        self.claimed.retain(|_, claimed| claimed.until >= now);
        self.answers.retain(|hash, _| self.claimed.contains_key(hash));
        self.next_expiry = self.claimed.values().map(|claimed| claimed.until).min().unwrap_or(u32::MAX);
        // Twice what is left, so that sweeping costs a constant per claim.
        self.sweep_at = (2 * self.claimed.len()).max(FIRST_SWEEP);
    }
}

impl Default for MemoryReplayGuard {
    /// Creates a guard for 100,000 calls: about 800 per second with V2.0's window.
    fn default() -> Self {
        Self::with_capacity(100_000)
    }
}

impl ReplayGuard for MemoryReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        ready(self.claim_now(id, content, until, now)).boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        let (hash, content) = (self.hash(id), Content::from(content));
        let mut calls = self.calls();
        if calls.claimed.get(&hash).is_some_and(|claimed| claimed.content == content) {
            calls.answers.insert(hash, answer);
        }
        ready(Ok(())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1000 * seconds)
    }

    fn claim(guard: &MemoryReplayGuard, nonce: &str, until: i64, now: i64) -> Result<ClaimOutcome, ReplayError> {
        guard.claim_now(CallId::SignedQuery(nonce), None, at(until), at(now))
    }

    #[test]
    fn a_nonce_is_claimed_once_within_its_time() {
        let guard = MemoryReplayGuard::default();
        assert_eq!(claim(&guard, "a", 100, 0).unwrap(), ClaimOutcome::First);
        assert_eq!(claim(&guard, "a", 200, 100).unwrap(), ClaimOutcome::Repeated(None));
        assert_eq!(claim(&guard, "b", 100, 100).unwrap(), ClaimOutcome::First);
        assert_eq!(claim(&guard, "a", 200, 101).unwrap(), ClaimOutcome::First);
    }

    #[test]
    fn a_full_guard_refuses_until_time_frees_a_place() {
        let guard = MemoryReplayGuard::with_capacity(2);
        claim(&guard, "a", 100, 0).unwrap();
        claim(&guard, "b", 200, 0).unwrap();
        assert!(matches!(claim(&guard, "c", 300, 50), Err(ReplayError::Full(2))));
        assert_eq!(claim(&guard, "b", 300, 50).unwrap(), ClaimOutcome::Repeated(None), "nothing was forgotten");
        assert_eq!(claim(&guard, "c", 300, 101).unwrap(), ClaimOutcome::First);
        assert!(matches!(claim(&guard, "d", 300, 101), Err(ReplayError::Full(2))));
    }

    #[test]
    fn expired_claims_do_not_pile_up() {
        let guard = MemoryReplayGuard::default();
        for now in 0..100_000 {
            claim(&guard, &now.to_string(), now + 120, now).unwrap();
        }
        assert!(guard.calls().claimed.len() <= 2 * FIRST_SWEEP);
    }

    #[test]
    fn answers_live_as_long_as_their_claim() {
        let guard = MemoryReplayGuard::with_capacity(1);
        let (token, other) = ([1; 32], [2; 32]);
        guard.claim_now(CallId::AuthToken(&token), None, at(100), at(0)).unwrap();
        let answer = Bytes::from_static(b"x");
        guard.remember_answer(CallId::AuthToken(&token), None, answer.clone()).now_or_never().unwrap().unwrap();
        let repeated = guard.claim_now(CallId::AuthToken(&token), None, at(100), at(1)).unwrap();
        assert_eq!(repeated, ClaimOutcome::Repeated(Some(answer)));
        guard.claim_now(CallId::AuthToken(&other), None, at(300), at(200)).unwrap();
        assert!(guard.calls().answers.is_empty());
    }
}
