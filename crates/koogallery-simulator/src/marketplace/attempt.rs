//! An attempt to make a call.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::CallOptions;
use super::time::Time;
use crate::call::Call;
use crate::delivery::{Callback, DeliveryOutcome, Endpoint};
use crate::report::{Exchange, Origin, WholeBodies};
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
    /// Time at which the call is made again, by the marketplace's calendar; `None` if it is not.
    pub next_attempt: Option<Timestamp>,
}

/// A call to be made, with what decides about the next.
#[derive(Clone, Copy)]
pub(super) struct Planned<'a> {
    pub(super) callback: &'a Callback,
    /// Number of the attempt, counted from 1.
    pub(super) number: u32,
    pub(super) options: &'a CallOptions,
    /// Time from this call to the next, if it is refused and there is a next.
    pub(super) interval: Option<Duration>,
}

impl Attempt {
    pub(super) fn new(
        time: &Time,
        planned: &Planned<'_>,
        request: &Request<Bytes>,
        answer: Result<Answer, TargetError>,
        endpoint: &Endpoint,
        name: &str,
    ) -> (Self, WholeBodies) {
        let Planned { callback, number, interval, .. } = *planned;
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
        let (exchange, bodies) = Exchange::with_bodies(&call, &answer, ring.map(KeyRing::signing_key), origin);
        let next_attempt = interval.filter(|_| !outcome.is_final());
        let next_attempt = next_attempt.map(|interval| time.calendar().saturating_add(interval));
        let at = time.now();
        (Self { sequence: 0, at, protocol, activity, number, outcome, exchange, next_attempt }, bodies)
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
