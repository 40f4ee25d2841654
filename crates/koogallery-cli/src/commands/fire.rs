//! `fire`: makes one call of the marketplace, with any field changed.

use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use koogallery::activity::Activity;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome, MessageBuilder};
use koogallery_simulator::{Attempt, CallOptions, Marketplace, SeededRandom};
use serde_json::Value;

use crate::support::assignment::assignment;
use crate::support::environment::{access_keys, missing_for};
use crate::support::output::Color;
use crate::support::seed::Seed;
use crate::support::target::{TargetArgs, was_sent};
use crate::support::{client_secret, runtime};
use crate::{Answer, Failure, Output};

const EXAMPLES: &str = "\
Mandatory fields are invented; --set overrides them. A field that holds a number or a list takes JSON.

Examples:
  koogallery fire newInstance --url http://127.0.0.1:8080/saasproduce
  koogallery fire refreshInstance --url http://127.0.0.1:8080/x --set instanceId=i-1 --set expireTime=20300101000000
  koogallery fire expireInstance --url http://127.0.0.1:8080/x --profile saas-v1 --set instanceId=i-1
  koogallery fire newInstance --url http://127.0.0.1:8080/x --without orderId
  koogallery fire tenantSync --url http://127.0.0.1:8080/x --set tenantId=t-1 --set domainName=http://127.0.0.1:9090

Exit codes: 0 the seller confirmed the call (000000, or 000004 where it counts), 1 it did not, or there was no answer, 2
nothing could be sent.";

/// Make one call as the marketplace does, and show the answer.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Fire {
    /// The activity.
    #[arg(value_parser = named(&Activity::ALL, Activity::as_str), hide_possible_values = true)]
    activity: Activity,
    /// The production address.
    #[arg(long)]
    url: String,
    /// The protocol; default: the newest that has the activity and whose key is in the environment.
    #[arg(long, value_name = "NAME", value_parser = named(&Protocol::ALL, Protocol::id))]
    profile: Option<Protocol>,
    /// Set a field; repeatable.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Remove a field; repeatable.
    #[arg(long, value_name = "FIELD")]
    without: Vec<String>,
    /// Mark the call as a test (testFlag 1).
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: TargetArgs,
}

/// Parses one of these names; an unknown one is rejected with the list.
fn named<T>(all: &[T], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T> + use<T>
where
    T: Copy + Send + Sync + 'static + FromStr<Err: std::error::Error + Send + Sync>,
{
    PossibleValuesParser::new(all.iter().map(|value| name(*value))).try_map(|name| name.parse::<T>())
}

impl Fire {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = access_keys()?;
        let protocol = self.protocol(&keys)?;
        let seed = self.seed.get()?;
        let random = SeededRandom::new(seed);
        let mut builder = MessageBuilder::new(protocol, self.activity, &random, SystemClock.now())
            .ok_or_else(|| Failure::new(format!("{} has no {}", protocol.id(), self.activity)))?;
        client_secret::encrypt(&mut builder)?;
        if self.test {
            set(&mut builder, "testFlag", "1")?;
        }
        for (name, value) in &self.set {
            set(&mut builder, name, value)?;
        }
        self.without.iter().for_each(|name| builder.remove(name));
        let target = self.seller.target(&self.url)?;
        let marketplace = Marketplace::builder(target, keys).seed(seed.wrapping_add(1)).build();
        let attempt = runtime::block_on(async {
            let made = marketplace.call(&Callback::from(builder), &CallOptions::default()).await;
            made.map_err(|error| Failure::of("nothing was sent", &error))
        })?;
        match &attempt.outcome {
            DeliveryOutcome::Unanswered { error } if !was_sent(error) => Err(Failure::of("nothing was sent", error)),
            _ => show(&attempt, output),
        }
    }

    fn protocol(&self, keys: &AccessKeys) -> Result<Protocol, Failure> {
        if let Some(given) = self.profile {
            return given.keys(keys).map(|_| given).ok_or_else(|| missing_for(given));
        }
        let (random, now) = (SeededRandom::new(0), SystemClock.now());
        let offers = |protocol: &Protocol| MessageBuilder::new(*protocol, self.activity, &random, now).is_some();
        let mut offering: Vec<_> = Protocol::ALL.into_iter().filter(offers).collect();
        // V1.0 signs its answers.
        offering.sort_by_key(|protocol| protocol.signs_answers());
        let keyed = offering.iter().find(|protocol| protocol.keys(keys).is_some());
        match (keyed, offering.first()) {
            (Some(first), _) => Ok(*first),
            (None, Some(first)) => Err(missing_for(*first)),
            (None, None) => Err(Failure::new(format!("no protocol has {}", self.activity))),
        }
    }
}

/// As a string, unless the field holds another type.
fn set(builder: &mut MessageBuilder, name: &str, value: &str) -> Result<(), Failure> {
    let is_text = builder.get(name).is_none_or(Value::is_string);
    let value = match is_text {
        true => Value::from(value),
        false => {
            serde_json::from_str(value).map_err(|error| Failure::of(format!("{name} is not valid JSON"), &error))?
        }
    };
    builder.set(name, value);
    Ok(())
}

fn show(attempt: &Attempt, output: &Output) -> Result<Answer, Failure> {
    let exchange = &attempt.exchange;
    output.note(&format!("{} {}", exchange.method, exchange.target))?;
    if !exchange.request_body.is_empty() {
        output.note(&exchange.request_body)?;
    }
    output.note("")?;
    if let Some(status) = exchange.status {
        output.note(&format!("HTTP {status}, {} ms", exchange.duration.as_millis()))?;
        for (name, value) in &exchange.answer_headers {
            output.note(&format!("{name}: {value}"))?;
        }
        output.note(&format!("\n{}\n", exchange.answer_body))?;
    }
    let (color, word, answer) = match &attempt.outcome {
        DeliveryOutcome::Done { .. } => (Color::Green, "understood", Answer::Yes),
        DeliveryOutcome::Processing { .. } => (Color::Green, "in progress", Answer::Yes),
        DeliveryOutcome::Refused { .. } => (Color::Red, "refused", Answer::No),
        DeliveryOutcome::Unanswered { .. } => (Color::Red, "no answer", Answer::No),
        _ => (Color::Red, "not understood", Answer::No),
    };
    output.status(color, word, &format!(": {} {}: {}", attempt.protocol.id(), attempt.activity, attempt.outcome))?;
    Ok(answer)
}
