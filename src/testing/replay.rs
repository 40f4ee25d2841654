//! The suites for replay guards.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::ok;
use crate::replay::{CallId, ClaimOutcome, ReplayGuard};
use crate::timestamp::Timestamp;

/// Checks the rules of a [`ReplayGuard`]; `make` returns a new, empty guard at every call.
///
/// Some databases end claims by a clock of their own. For these, `wait` has to let the given time pass; for other
/// guards it does nothing.
///
/// ```
/// use futures_util::FutureExt as _;
/// use koogallery::replay::MemoryReplayGuard;
/// use koogallery::testing;
///
/// testing::replay_guard(async || MemoryReplayGuard::default(), async |_| ()).now_or_never().unwrap();
/// ```
///
/// # Panics
///
/// A rule is broken, or the guard fails.
pub async fn replay_guard<G: ReplayGuard>(make: impl AsyncFn() -> G, wait: impl AsyncFn(Duration)) {
    a_call_is_first_once_until_its_time_is_over(&make().await, &wait).await;
    an_answer_is_returned_again_and_ends_with_its_claim(&make().await, &wait).await;
    an_answer_may_be_any_bytes(&make().await).await;
    a_claim_may_be_over_already(&make().await).await;
    kinds_of_ids_differ(&make().await).await;
    let one = make().await;
    of_claims_at_the_same_time_one_is_first([&one, &one], "").await;
}

/// Checks the rules of a [`ReplayGuard`] that several processes share; `open` opens the same guard at every call.
///
/// # Panics
///
/// A rule is broken, or the guard fails.
pub async fn shared_replay_guard<G: ReplayGuard>(open: impl AsyncFn() -> G) {
    let id = CallId::AuthToken(&[77; 32]);
    {
        let guard = open().await;
        claim(&guard, id, 9000, 0).await;
        ok("remember_answer", guard.remember_answer(id, Bytes::from_static(b"{}")).await);
    }
    let again = claim(&open().await, id, 9000, 1).await;
    let kept = ClaimOutcome::Repeated(Some(Bytes::from_static(b"{}")));
    assert_eq!(again, kept, "calls and answers are kept over a restart");
    of_claims_at_the_same_time_one_is_first([&open().await, &open().await], "shared").await;
}

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

async fn claim(guard: &dyn ReplayGuard, id: CallId<'_>, until: i64, now: i64) -> ClaimOutcome {
    ok("claim", guard.claim(id, at(until), at(now)).await)
}

async fn a_call_is_first_once_until_its_time_is_over(guard: &dyn ReplayGuard, wait: &impl AsyncFn(Duration)) {
    let id = CallId::SignedQuery("nonce");
    assert_eq!(claim(guard, id, 3000, 0).await, ClaimOutcome::First, "a new call");
    assert_eq!(claim(guard, id, 3000, 3000).await, ClaimOutcome::Repeated(None), "a call in its last millisecond");
    assert_eq!(claim(guard, CallId::SignedQuery("other"), 3000, 0).await, ClaimOutcome::First, "another call");
    wait(Duration::from_millis(3100)).await;
    assert_eq!(claim(guard, id, 6000, 3001).await, ClaimOutcome::First, "a call whose claim is over");
}

async fn an_answer_is_returned_again_and_ends_with_its_claim(guard: &dyn ReplayGuard, wait: &impl AsyncFn(Duration)) {
    let (id, answer) = (CallId::AuthToken(&[7; 32]), Bytes::from_static(b"{}"));
    ok("remember_answer", guard.remember_answer(id, answer.clone()).await);
    assert_eq!(claim(guard, id, 3000, 0).await, ClaimOutcome::First, "only claimed calls have answers");
    assert_eq!(claim(guard, id, 3000, 1).await, ClaimOutcome::Repeated(None), "a claimed call without an answer");
    ok("remember_answer", guard.remember_answer(id, answer.clone()).await);
    assert_eq!(claim(guard, id, 3000, 2).await, ClaimOutcome::Repeated(Some(answer)), "the answer to a claimed call");
    wait(Duration::from_millis(3100)).await;
    assert_eq!(claim(guard, id, 7000, 4000).await, ClaimOutcome::First, "a call whose claim is over");
    assert_eq!(claim(guard, id, 7000, 4000).await, ClaimOutcome::Repeated(None), "an answer ends with its claim");
}

async fn an_answer_may_be_any_bytes(guard: &dyn ReplayGuard) {
    let everything: Vec<u8> = (0..=255).collect();
    let long = vec![b'x'; 100_000];
    let answers: [&[u8]; 7] = [b"", b"-", b"+", b"\0", b"\r\n", &everything, &long];
    for (token, answer) in (0..).map(|index| [index; 32]).zip(answers) {
        let (id, answer) = (CallId::AuthToken(&token), Bytes::copy_from_slice(answer));
        assert_eq!(claim(guard, id, 9000, 0).await, ClaimOutcome::First, "a new token");
        ok("remember_answer", guard.remember_answer(id, answer.clone()).await);
        let again = claim(guard, id, 9000, 0).await;
        assert!(again == ClaimOutcome::Repeated(Some(answer)), "answer {} is kept as it is", token[0]);
    }
}

async fn a_claim_may_be_over_already(guard: &dyn ReplayGuard) {
    for (until, now) in [(0, 1000), (1000, 1000), (i64::MIN, i64::MAX)] {
        let nonce = format!("{until} {now}");
        let outcome = claim(guard, CallId::SignedQuery(&nonce), until, now).await;
        assert_eq!(outcome, ClaimOutcome::First, "a claim until {until} at {now}");
    }
}

async fn kinds_of_ids_differ(guard: &dyn ReplayGuard) {
    for id in [CallId::SignedQuery("nonce"), CallId::KitV2("nonce"), CallId::KitV2("NONCE"), CallId::KitV2("nonce ")] {
        assert_eq!(claim(guard, id, 9000, 0).await, ClaimOutcome::First, "{id:?} is a call of its own");
    }
    assert_eq!(claim(guard, CallId::KitV2("nonce"), 9000, 0).await, ClaimOutcome::Repeated(None), "a repeated call");
}

async fn of_claims_at_the_same_time_one_is_first(guards: [&dyn ReplayGuard; 2], prefix: &str) {
    // The second round is on claims that are over, and have to end while others are made.
    for (until, now) in [(20_000, 0), (40_000, 20_001)] {
        let tries = (0..200).map(|index| async move {
            let nonce = format!("{prefix}{}/{now}", index % 20);
            claim(guards[index % 2], CallId::SignedQuery(&nonce), until, now).await == ClaimOutcome::First
        });
        let firsts = join_all(tries).await.into_iter().filter(|is_first| *is_first).count();
        assert_eq!(firsts, 20, "of ten claims of each call at the same time, one is first");
    }
}
