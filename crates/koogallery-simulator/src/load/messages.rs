//! The purchases of a load test.

use bytes::Bytes;
use http::Request;
use koogallery::activity::Activity;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::KeyRing;
use koogallery::signature::body_sign;
use koogallery::timestamp::Timestamp;

use super::{Load, LoadError};
use crate::SeededRandom;
use crate::delivery::{Callback, DeliveryError, Endpoint, MessageBuilder};
use crate::target::{Answer, Target as _};

pub(super) struct Messages {
    endpoint: Endpoint,
    random: SeededRandom,
    template: MessageBuilder,
    /// Orders that are bought in turn; none if each call buys another.
    orders: Vec<Callback>,
    /// Of answers, where they are signed.
    answers: Option<KeyRing>,
}

impl Messages {
    pub(super) fn new(load: &Load) -> Result<Self, LoadError> {
        let (protocol, random) = (load.protocol, SeededRandom::new(load.seed));
        let (_, ring) = protocol.keys(&load.keys).ok_or(LoadError::NoKey(protocol))?;
        let message = |activity| MessageBuilder::new(protocol, activity, &random, SystemClock.now());
        let mut template = message(Activity::NewInstance)
            .or_else(|| message(Activity::GetLicense))
            .ok_or(LoadError::NoPurchases(protocol))?;
        if load.is_test {
            template.set("testFlag", "1");
        }
        let address = load.target.path().parse().map_err(|_| DeliveryError::Address)?;
        let endpoint = Endpoint::new(address, load.keys.clone());
        let orders = (0..load.orders).map(|_| purchase(&template, &random)).collect();
        let answers = protocol.signs_answers().then(|| ring.clone());
        let messages = Self { endpoint, random, template, orders, answers };
        messages.request(0, SystemClock.now())?;
        Ok(messages)
    }

    /// Signs a call.
    pub(super) fn request(&self, index: u64, now: Timestamp) -> Result<(Callback, Request<Bytes>), DeliveryError> {
        let turn = usize::try_from(index).ok().and_then(|index| index.checked_rem(self.orders.len()));
        let callback = turn.and_then(|turn| self.orders.get(turn)).cloned();
        let callback = callback.unwrap_or_else(|| purchase(&self.template, &self.random));
        let request = callback.request(&self.endpoint, now, &self.random)?;
        Ok((callback, request))
    }

    /// Returns whether an answer is signed as the protocol wants it.
    pub(super) fn is_signed(&self, answer: &Answer) -> bool {
        let Some(ring) = &self.answers else { return true };
        answer.header(body_sign::HEADER).is_some_and(|value| body_sign::verify(ring, value, &answer.body).is_ok())
    }
}

/// Returns the purchase of another order.
fn purchase(template: &MessageBuilder, random: &SeededRandom) -> Callback {
    let order_id = format!("CS{}", random.hex(15).to_uppercase());
    let mut message = template.clone();
    if message.get("orderLineId").is_some() {
        message.set("orderLineId", format!("{order_id}-000001"));
    }
    message.set("orderId", order_id);
    Callback::from(message)
}
