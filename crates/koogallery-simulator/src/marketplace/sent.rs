//! Calls as they were sent, of which the latest are kept.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::Request;

use crate::delivery::Callback;
use crate::report::WholeBodies;

/// Maximum number of bytes in all bodies together; of a single call less than 1 MB is kept.
const KEPT: usize = 64 * 1024 * 1024;

/// What a call needs beside its bodies, roughly.
const OVERHEAD: usize = 1024;

/// A call in full, to be looked at or [sent](super::Marketplace::send) again.
#[derive(Clone)]
#[non_exhaustive]
pub struct SentCall {
    /// The callback.
    pub callback: Callback,
    /// The request as it was sent, signature included.
    pub request: Request<Bytes>,
    /// The request's body without secrets, at most 256 KiB of it.
    pub request_body: String,
    /// The answer's body without secrets and personal data, at most 256 KiB of it.
    pub answer_body: String,
    /// What went wrong on purpose, as [`CallOptions::describe`](super::CallOptions::describe) returns it.
    pub purpose: String,
}

impl SentCall {
    pub(super) fn new(callback: Callback, request: Request<Bytes>, bodies: WholeBodies, purpose: String) -> Self {
        let WholeBodies { request: request_body, answer: answer_body } = bodies;
        Self { callback, request, request_body, answer_body, purpose }
    }

    fn size(&self) -> usize {
        OVERHEAD + self.request.body().len() + self.request_body.len() + self.answer_body.len()
    }
}

/// Shows no signature.
impl fmt::Debug for SentCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentCall").field("callback", &self.callback).finish_non_exhaustive()
    }
}

/// The latest calls by their number in the log.
#[derive(Default)]
pub(super) struct Sent {
    calls: VecDeque<(u64, SentCall)>,
    size: usize,
}

impl Sent {
    pub(super) fn push(&mut self, sequence: u64, call: SentCall) {
        self.size += call.size();
        self.calls.push_back((sequence, call));
        while self.size > KEPT
            && let Some((_, oldest)) = self.calls.pop_front()
        {
            self.size -= oldest.size();
        }
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&SentCall> {
        let at = self.calls.binary_search_by_key(&sequence, |(number, _)| *number).ok()?;
        self.calls.get(at).map(|(_, call)| call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use koogallery::activity::Activity;
    use koogallery::protocol::Protocol;

    #[test]
    fn a_million_small_calls_take_the_memory_of_the_latest() {
        let mut sent = Sent::default();
        for sequence in 1..=1_000_000 {
            let callback = Callback::message(Protocol::SaasV2, Activity::NewInstance, "{}");
            let bodies = WholeBodies { request: String::new(), answer: String::new() };
            sent.push(sequence, SentCall::new(callback, Request::new(Bytes::new()), bodies, String::new()));
        }
        assert!(sent.calls.len() <= KEPT / OVERHEAD && sent.calls.capacity() <= 2 * KEPT / OVERHEAD);
        assert!(sent.get(1_000_000).is_some());
    }

    #[test]
    fn the_latest_are_kept_within_a_limit() {
        let mut sent = Sent::default();
        for sequence in 1..=300 {
            let callback = Callback::message(Protocol::SaasV2, Activity::NewInstance, "{}");
            let bodies = WholeBodies { request: String::new(), answer: "x".repeat(256 * 1024) };
            sent.push(sequence, SentCall::new(callback, Request::new(Bytes::new()), bodies, String::new()));
        }
        assert!(sent.size <= KEPT && sent.size > KEPT - 300 * 1024, "{}", sent.size);
        assert!(sent.get(300).is_some() && sent.get(301).is_none() && sent.get(1).is_none());
        let first = sent.calls[0].0;
        assert!(sent.get(first).is_some() && sent.get(first - 1).is_none());
    }
}
