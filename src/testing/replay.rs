//! The suites for replay guards.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{MINUTE, ok};
use crate::clock::{Clock as _, SystemClock};
use crate::replay::{CallId, ClaimOutcome, ContentDigest, ReplayGuard};
use crate::timestamp::Timestamp;

/// Checks the rules of a [`ReplayGuard`]; `make` returns a new, empty guard at every call.
///
/// The times that it passes are about now: a guard may end claims by the clock of its database.
///
/// ```
/// use futures_util::FutureExt as _;
/// use koogallery::replay::MemoryReplayGuard;
/// use koogallery::testing;
///
/// testing::replay_guard(async || MemoryReplayGuard::default()).now_or_never().unwrap();
/// ```
///
/// # Panics
///
/// A rule is broken, or the guard fails.
pub async fn replay_guard<G: ReplayGuard>(make: impl AsyncFn() -> G) {
    a_call_is_first_once(&make().await).await;
    another_content_under_the_same_id_is_no_repeat(&make().await).await;
    an_answer_is_returned_again(&make().await).await;
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
    for (id, content) in [(CallId::AuthToken(&[77; 32]), None), (CallId::KitV2("shared"), A)] {
        {
            let guard = open().await;
            claim(&guard, id, content).await;
            remember(&guard, id, content, b"{}").await;
        }
        let again = claim(&open().await, id, content).await;
        assert_eq!(again, repeated(b"{}"), "calls and answers are kept over a restart");
    }
    let other = claim(&open().await, CallId::KitV2("shared"), B).await;
    assert_eq!(other, ClaimOutcome::OtherContent, "contents are kept over a restart");
    of_claims_at_the_same_time_one_is_first([&open().await, &open().await], "shared").await;
}

const A: Option<ContentDigest> = Some(ContentDigest::new([0xa0; 32]));
const B: Option<ContentDigest> = Some(ContentDigest::new([0xb0; 32]));

fn repeated(answer: &'static [u8]) -> ClaimOutcome {
    ClaimOutcome::Repeated(Some(Bytes::from_static(answer)))
}

/// Claims for a minute.
async fn claim(guard: &dyn ReplayGuard, id: CallId<'_>, content: Option<ContentDigest>) -> ClaimOutcome {
    let now = SystemClock.now();
    ok("claim", guard.claim(id, content, now.saturating_add(MINUTE), now).await)
}

async fn remember(guard: &dyn ReplayGuard, id: CallId<'_>, content: Option<ContentDigest>, answer: &[u8]) {
    ok("remember_answer", guard.remember_answer(id, content, Bytes::copy_from_slice(answer)).await);
}

async fn a_call_is_first_once(guard: &dyn ReplayGuard) {
    let id = CallId::SignedQuery("nonce");
    let now = SystemClock.now();
    let until = now.saturating_add(MINUTE);
    let claim_at = async |id, now| ok("claim", guard.claim(id, A, until, now).await);
    assert_eq!(claim_at(id, now).await, ClaimOutcome::First, "a new call");
    assert_eq!(claim_at(id, until).await, ClaimOutcome::Repeated(None), "a call in its last millisecond");
    assert_eq!(claim_at(CallId::SignedQuery("other"), now).await, ClaimOutcome::First, "another call");
    assert_eq!(claim_at(id, now).await, ClaimOutcome::Repeated(None), "a call after another");
}

async fn another_content_under_the_same_id_is_no_repeat(guard: &dyn ReplayGuard) {
    let id = CallId::SignedQuery("nonce");
    assert_eq!(claim(guard, id, A).await, ClaimOutcome::First, "a new call");
    remember(guard, id, A, b"{}").await;
    for other in [B, None] {
        assert_eq!(claim(guard, id, other).await, ClaimOutcome::OtherContent, "another content under a used id");
    }
    assert_eq!(claim(guard, id, A).await, repeated(b"{}"), "the first content counts");

    let id = CallId::SignedQuery("without");
    assert_eq!(claim(guard, id, None).await, ClaimOutcome::First, "a new call");
    assert_eq!(claim(guard, id, A).await, ClaimOutcome::OtherContent, "a content where there was none");
    assert_eq!(claim(guard, id, None).await, ClaimOutcome::Repeated(None), "no content is a content too");
}

async fn an_answer_is_returned_again(guard: &dyn ReplayGuard) {
    for (id, content) in [(CallId::AuthToken(&[7; 32]), None), (CallId::SignedQuery("7"), A)] {
        remember(guard, id, content, b"early").await;
        assert_eq!(claim(guard, id, content).await, ClaimOutcome::First, "only claimed calls have answers");
        let again = claim(guard, id, content).await;
        assert_eq!(again, ClaimOutcome::Repeated(None), "a claimed call without an answer");
        remember(guard, id, content, b"{}").await;
        assert_eq!(claim(guard, id, content).await, repeated(b"{}"), "the answer to a claimed call");
        assert_eq!(claim(guard, id, content).await, repeated(b"{}"), "the answer, as often as it is asked for");
    }
}

async fn an_answer_may_be_any_bytes(guard: &dyn ReplayGuard) {
    let everything: Vec<u8> = (0..=255).collect();
    let long = vec![b'x'; 16 * 1024];
    let answers: [&[u8]; 8] = [b"", b"-", b"+", b"a", b"\0", b"\r\n", &everything, &long];
    for (token, answer) in (0..).map(|index| [index; 32]).zip(answers) {
        for (id, content) in [(CallId::AuthToken(&token), None), (CallId::KitV2(&const_hex::encode(token)), B)] {
            assert_eq!(claim(guard, id, content).await, ClaimOutcome::First, "a new call");
            remember(guard, id, content, answer).await;
            let kept = ClaimOutcome::Repeated(Some(Bytes::copy_from_slice(answer)));
            assert!(claim(guard, id, content).await == kept, "answer {} is kept as it is", token[0]);
        }
    }
}

async fn a_claim_may_be_over_already(guard: &dyn ReplayGuard) {
    let now = SystemClock.now().as_unix_millis();
    for (until, now) in [(now - 1000, now), (now, now), (i64::MIN, i64::MAX)] {
        let nonce = format!("{until} {now}");
        let times = [until, now].map(Timestamp::from_unix_millis);
        let outcome = ok("claim", guard.claim(CallId::SignedQuery(&nonce), A, times[0], times[1]).await);
        assert_eq!(outcome, ClaimOutcome::First, "a claim until {until} at {now}");
    }
}

async fn kinds_of_ids_differ(guard: &dyn ReplayGuard) {
    for id in [CallId::SignedQuery("nonce"), CallId::KitV2("nonce"), CallId::KitV2("NONCE"), CallId::KitV2("nonce ")] {
        assert_eq!(claim(guard, id, A).await, ClaimOutcome::First, "{id:?} is a call of its own");
    }
    assert_eq!(claim(guard, CallId::KitV2("nonce"), A).await, ClaimOutcome::Repeated(None), "a repeated call");
}

async fn of_claims_at_the_same_time_one_is_first(guards: [&dyn ReplayGuard; 2], prefix: &str) {
    let tries = (0..200).map(|index| async move {
        let (nonce, content) = (format!("{prefix}{}", index % 20), if index % 3 == 0 { A } else { B });
        (index % 20, content, claim(guards[index % 2], CallId::SignedQuery(&nonce), content).await)
    });
    let outcomes = join_all(tries).await;
    let is_first = |outcome: &ClaimOutcome| *outcome == ClaimOutcome::First;
    for call in 0..20 {
        let of_call = || outcomes.iter().filter(|outcome| outcome.0 == call);
        let mut firsts = of_call().filter(|outcome| is_first(&outcome.2));
        let first = firsts.next().map(|outcome| outcome.1);
        assert!(
            first.is_some() && firsts.next().is_none(),
            "of ten claims of each call at the same time, one is first"
        );
        for (_, content, outcome) in of_call().filter(|outcome| !is_first(&outcome.2)) {
            let is_same = *outcome == ClaimOutcome::Repeated(None);
            assert_eq!(is_same, Some(*content) == first, "the others are compared with the first one");
        }
    }
}
