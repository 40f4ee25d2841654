//! An attempt to make a call.

use std::fmt;

use bytes::Bytes;
use http::Request;

use crate::call::Call;
use crate::delivery::{Callback, DeliveryOutcome, Endpoint};
use crate::report::{Exchange, Origin};
use crate::target::{Answer, TargetError};
use koogallery::activity::Activity;
use koogallery::key::KeyRing;
use koogallery::protocol::Protocol;
use koogallery::signature::body_sign;
use koogallery::timestamp::Timestamp;

/// One attempt of a call and its outcome.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Number of the call in the marketplace's log, counted from 1.
    pub sequence: u64,
    /// Time of the answer, by the marketplace's clock.
    pub at: Timestamp,
    /// The protocol.
    pub protocol: Protocol,
    /// The activity.
    pub activity: Activity,
    /// Number of the attempt, counted from 1.
    pub number: u32,
    /// The outcome.
    pub outcome: DeliveryOutcome,
    /// Request and answer, without secrets.
    pub exchange: Exchange,
}

impl Attempt {
    pub(super) fn new(
        at: Timestamp,
        number: u32,
        callback: &Callback,
        request: &Request<Bytes>,
        answer: Result<Answer, TargetError>,
        endpoint: &Endpoint,
        name: &str,
    ) -> Self {
        let (protocol, activity) = (callback.protocol(), callback.activity());
        let ring = protocol.keys(&endpoint.keys).map(|(_, ring)| ring);
        let outcome = match &answer {
            Err(error) => DeliveryOutcome::Unanswered { error: error.clone() },
            Ok(answer) => match callback.judge_answer(answer.status, &answer.body) {
                DeliveryOutcome::Unreadable { status } => DeliveryOutcome::Unreadable { status },
                _ if protocol.signs_answers() && !is_signed(answer, ring) => DeliveryOutcome::Unsigned,
                outcome => outcome,
            },
        };
        let call = Call::of_request(protocol.scheme(), activity.as_str(), request);
        let origin = Origin { target: name, profile: protocol.into(), check: None };
        let exchange = Exchange::new(&call, &answer, ring.map(KeyRing::signing_key), origin);
        Self { sequence: 0, at, protocol, activity, number, outcome, exchange }
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
        write!(f, ": {} ({} ms)", self.outcome, self.exchange.duration.as_millis())
    }
}
