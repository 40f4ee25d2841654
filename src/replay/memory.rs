//! The replay guard in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::{CallId, ClaimOutcome, ReplayError, ReplayGuard};
use crate::timestamp::Timestamp;

/// A replay guard that lives as long as the process.
///
/// Holds 128 bits of a randomly keyed hash per call, at most 100 bytes of memory with everything. After a restart a
/// captured V2.0 call could be used again for up to a minute. The ledger still keeps its effect from happening twice: a
/// replayed purchase, renewal or upgrade is known to it, and a replayed change of the status is older than the last one.
#[derive(Debug)]
pub struct MemoryReplayGuard {
    capacity: usize,
    hashers: [RandomState; 2],
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    /// Expiry in milliseconds by hash.
    claimed: HashMap<CallHash, i64, BuildHasherDefault<AlreadyHashed>>,
    answers: HashMap<CallHash, Bytes, BuildHasherDefault<AlreadyHashed>>,
    /// No claim ends before this, so that a full guard is not searched in vain at every call.
    next_expiry: i64,
    /// Number of claims at which the next search pays.
    sweep_at: usize,
}

/// Two words rather than a `u128`, whose alignment would cost 8 bytes per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CallHash([u64; 2]);

impl Hash for CallHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
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

impl MemoryReplayGuard {
    /// Creates a guard for at most `capacity` calls within their time windows.
    pub fn with_capacity(capacity: usize) -> Self {
        let calls = Calls { next_expiry: i64::MAX, sweep_at: FIRST_SWEEP, ..Calls::default() };
        Self { capacity, hashers: [RandomState::new(), RandomState::new()], calls: Mutex::new(calls) }
    }

    fn hash(&self, id: CallId<'_>) -> CallHash {
        match id {
            CallId::SignedQuery(nonce) => CallHash(self.hashers.each_ref().map(|hasher| hasher.hash_one(nonce))),
            CallId::KitV2(nonce) => CallHash(self.hashers.each_ref().map(|hasher| hasher.hash_one(("kit", nonce)))),
            // A keyed hash already, and a genuine one.
            CallId::AuthToken(token) => {
                let (words, _) = token.as_chunks::<8>();
                CallHash([u64::from_ne_bytes(words[0]), u64::from_ne_bytes(words[1])])
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, id: CallId<'_>, until: Timestamp, now: Timestamp) -> Result<ClaimOutcome, ReplayError> {
        let (hash, until, now) = (self.hash(id), until.as_unix_millis(), now.as_unix_millis());
        let mut calls = self.calls();
        if calls.claimed.get(&hash).is_some_and(|&expiry| expiry >= now) {
            return Ok(ClaimOutcome::Repeated(calls.answers.get(&hash).cloned()));
        }
        if calls.claimed.len() >= calls.sweep_at.min(self.capacity) && calls.next_expiry < now {
            calls.sweep(now);
        }
        if calls.claimed.len() >= self.capacity {
            return Err(ReplayError::Full(self.capacity));
        }
        calls.claimed.insert(hash, until);
        calls.answers.remove(&hash);
        calls.next_expiry = calls.next_expiry.min(until);
        Ok(ClaimOutcome::First)
    }
}

impl Calls {
    fn sweep(&mut self, now: i64) {
        self.claimed.retain(|_, expiry| *expiry >= now);
        self.answers.retain(|hash, _| self.claimed.contains_key(hash));
        self.next_expiry = self.claimed.values().copied().min().unwrap_or(i64::MAX);
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
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        ready(self.claim_now(id, until, now)).boxed()
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        let hash = self.hash(id);
        let mut calls = self.calls();
        if calls.claimed.contains_key(&hash) {
            calls.answers.insert(hash, answer);
        }
        ready(Ok(())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn claim(guard: &MemoryReplayGuard, nonce: &str, until: i64, now: i64) -> Result<ClaimOutcome, ReplayError> {
        guard.claim_now(CallId::SignedQuery(nonce), at(until), at(now))
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
        guard.claim_now(CallId::AuthToken(&token), at(100), at(0)).unwrap();
        guard.remember_answer(CallId::AuthToken(&token), Bytes::from_static(b"x")).now_or_never().unwrap().unwrap();
        let repeated = guard.claim_now(CallId::AuthToken(&token), at(100), at(1)).unwrap();
        assert_eq!(repeated, ClaimOutcome::Repeated(Some(Bytes::from_static(b"x"))));
        guard.claim_now(CallId::AuthToken(&other), at(300), at(200)).unwrap();
        assert!(guard.calls().answers.is_empty());
    }
}
