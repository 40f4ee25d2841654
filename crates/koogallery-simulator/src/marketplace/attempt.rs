//! A call that was made.

use std::fmt;

use bytes::Bytes;
use http::Request;

use crate::call::Call;
use crate::delivery::{Callback, Endpoint, Verdict};
use crate::report::Exchange;
use crate::target::{Answer, TargetError};
use koogallery::activity::Activity;
use koogallery::key::KeyRing;
use koogallery::protocol::Protocol;
use koogallery::signature::body_sign;
use koogallery::timestamp::Timestamp;

/// One try of a call, and what came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// When its answer came, by the marketplace's clock.
    pub at: Timestamp,
    /// The family of callbacks.
    pub protocol: Protocol,
    /// What it was about.
    pub activity: Activity,
    /// Which try it was, counted from 1.
    pub number: u32,
    /// What the marketplace made of the answer.
    pub verdict: Verdict,
    /// What went out and what came back, without secrets.
    pub exchange: Exchange,
}

impl Attempt {
    pub(super) fn new(
        at: Timestamp,
        number: u32,
        callback: &Callback,
        request: &Request<Bytes>,
        outcome: Result<Answer, TargetError>,
        endpoint: &Endpoint,
        name: &str,
    ) -> Self {
        let (protocol, activity) = (callback.protocol(), callback.activity());
        let ring = protocol.keys(&endpoint.keys).map(|(_, ring)| ring);
        let verdict = match &outcome {
            Err(error) => Verdict::Unanswered { error: error.clone() },
            Ok(answer) => match callback.judge_answer(answer.status, &answer.body) {
                Verdict::Unreadable { status } => Verdict::Unreadable { status },
                _ if protocol.signs_answers() && !is_signed(answer, ring) => Verdict::Unsigned,
                verdict => verdict,
            },
        };
        let call = Call::of_request(protocol.scheme(), activity.as_str(), request);
        let exchange = Exchange::new(&call, &outcome, ring.map(KeyRing::signing_key), name);
        Self { at, protocol, activity, number, verdict, exchange }
    }
}

fn is_signed(answer: &Answer, ring: Option<&KeyRing>) -> bool {
    let signature = answer.header("body-sign").zip(ring);
    signature.is_some_and(|(signature, ring)| body_sign::verify(ring, signature, &answer.body).is_ok())
}

/// One line, such as `saas-v2 newInstance, try 2: 000000, instance i-1 (12 ms)`.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol.id(), self.activity)?;
        if self.number > 1 {
            write!(f, ", try {}", self.number)?;
        }
        write!(f, ": {} ({} ms)", self.verdict, self.exchange.duration.as_millis())
    }
}
