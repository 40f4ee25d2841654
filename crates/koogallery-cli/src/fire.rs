//! `fire`: one call of the marketplace's, changed at will.

use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use koogallery::activity::Activity;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::{Callback, Draft, Verdict};
use koogallery_simulator::{Attempt, Manner, Marketplace, SeededRandom};
use serde_json::Value;

use crate::environment::{access_keys, missing_for};
use crate::output::Color;
use crate::seed::Seed;
use crate::seller::{Seller, was_sent};
use crate::{Answer, Failure, Output, client_secret, runtime};

const EXAMPLES: &str = "\
Every mandatory field is invented; --set changes what matters. A field that holds a number or a list takes its JSON.

Examples:
  koogallery fire newInstance --url http://127.0.0.1:8080/saasproduce
  koogallery fire refreshInstance --url http://127.0.0.1:8080/x --set instanceId=i-1 --set expireTime=20300101000000
  koogallery fire expireInstance --url http://127.0.0.1:8080/x --profile saas-v1 --set instanceId=i-1
  koogallery fire newInstance --url http://127.0.0.1:8080/x --without orderId

Exit codes: 0 the seller has understood (000000, or 000004 where it counts), 1 not, also if no answer came, 2 nothing could
be sent.";

/// Make one call of a seller's endpoint as the marketplace does, and show what comes back.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Fire {
    /// What the call is about.
    #[arg(value_parser = named(&Activity::ALL, Activity::as_str), hide_possible_values = true)]
    activity: Activity,
    /// The production address.
    #[arg(long)]
    url: String,
    /// The family of callbacks; the newest that has the activity, and whose key is in the environment, unless given.
    #[arg(long, value_name = "NAME", value_parser = named(&Protocol::ALL, Protocol::id))]
    profile: Option<Protocol>,
    /// Gives a field a value; may be given several times.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Leaves a field out; may be given several times.
    #[arg(long, value_name = "FIELD")]
    without: Vec<String>,
    /// Says that it is only a test (testFlag 1).
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: Seller,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form FIELD=VALUE")?;
    if name.is_empty() { Err("the field has no name".to_owned()) } else { Ok((name.to_owned(), value.to_owned())) }
}

/// One of these names, which a wrong one is answered with.
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
        let mut draft = Draft::new(protocol, self.activity, &random, SystemClock.now())
            .ok_or_else(|| Failure::new(format!("{} has no {}", protocol.id(), self.activity)))?;
        client_secret::encrypt(&mut draft)?;
        if self.test {
            set(&mut draft, "testFlag", "1")?;
        }
        for (name, value) in &self.set {
            set(&mut draft, name, value)?;
        }
        self.without.iter().for_each(|name| draft.remove(name));
        let target = self.seller.target(&self.url)?;
        let marketplace = Marketplace::builder(target, keys).seed(seed.wrapping_add(1)).build();
        let attempt = runtime::block_on(async {
            let made = marketplace.call(&Callback::from(draft), &Manner::default()).await;
            made.map_err(|error| Failure::of("nothing was sent", &error))
        })?;
        match &attempt.verdict {
            Verdict::Unanswered { error } if !was_sent(error) => Err(Failure::of("nothing was sent", error)),
            _ => show(&attempt, output),
        }
    }

    fn protocol(&self, keys: &AccessKeys) -> Result<Protocol, Failure> {
        if let Some(given) = self.profile {
            return given.keys(keys).map(|_| given).ok_or_else(|| missing_for(given));
        }
        let (random, now) = (SeededRandom::new(0), SystemClock.now());
        let offers = |protocol: &Protocol| Draft::new(*protocol, self.activity, &random, now).is_some();
        let mut offering: Vec<_> = Protocol::ALL.into_iter().filter(offers).collect();
        // V1.0 signs its answers.
        offering.sort_by_key(|protocol| protocol.signs_answers());
        let keyed = offering.iter().find(|protocol| protocol.keys(keys).is_some());
        match (keyed, offering.first()) {
            (Some(first), _) => Ok(*first),
            (None, Some(first)) => Err(missing_for(*first)),
            (None, None) => Err(Failure::new(format!("no family of callbacks has {}", self.activity))),
        }
    }
}

/// As text, unless the field holds something else.
fn set(draft: &mut Draft, name: &str, value: &str) -> Result<(), Failure> {
    let is_text = draft.get(name).is_none_or(Value::is_string);
    let value = match is_text {
        true => Value::from(value),
        false => serde_json::from_str(value).map_err(|error| Failure::of(format!("{name} is no JSON"), &error))?,
    };
    draft.set(name, value);
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
    let (color, word, answer) = match &attempt.verdict {
        Verdict::Done { .. } => (Color::Green, "understood", Answer::Yes),
        Verdict::Processing { .. } => (Color::Green, "in progress", Answer::Yes),
        Verdict::Refused { .. } => (Color::Red, "refused", Answer::No),
        Verdict::Unanswered { .. } => (Color::Red, "no answer", Answer::No),
        _ => (Color::Red, "not understood", Answer::No),
    };
    output.verdict(color, word, &format!(": {} {}: {}", attempt.protocol.id(), attempt.activity, attempt.verdict))?;
    Ok(answer)
}
