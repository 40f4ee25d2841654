//! The first valid call, in the forms in which it may come, until the endpoint accepts one.

use serde_json::Value;

use crate::charging::Charging;
use crate::message::Message;
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use crate::symptom::Symptom;
use koogallery::activity::Activity;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::protocol::{Protocol, SignatureScheme};

/// Why the plain form of the first call was not accepted, and what else was found out.
#[derive(Clone, Debug)]
pub(crate) struct FirstCall {
    /// The answer to the plain form.
    pub(crate) refusal: String,
    /// What kind of violation that was.
    pub(crate) symptom: Symptom,
    /// Optional fields without which the call is not accepted.
    pub(crate) wanted: Vec<Wanted>,
    /// What the endpoint takes for the right signature, if it is a known mistake.
    pub(crate) mistakes: Vec<String>,
    /// The answer to the same call without a signature.
    pub(crate) unsigned: Option<String>,
    /// Whether the plain form was accepted later.
    pub(crate) is_unsteady: bool,
}

/// An optional field that the endpoint cannot do without.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    /// The answer without it.
    pub(crate) refusal: String,
}

pub(super) async fn canonical(session: &mut Session) -> Checked {
    let message = session.fresh();
    let Err(stop) = attempt(session, &message).await else { return Ok(()) };
    let Stop::Failed(failure) = &stop else { return Err(stop) };
    // The report shows this call, and not the attempts to find out more.
    let shown = session.exchanges.clone();
    let (refusal, symptom) = (failure.got.clone(), failure.symptom);
    session.first_call = Some(FirstCall {
        refusal,
        symptom,
        wanted: Vec::new(),
        mistakes: Vec::new(),
        unsigned: None,
        is_unsteady: false,
    });
    if symptom != Symptom::Hang {
        if is_unsteady(session).await? {
            session.exchanges = shown;
            return Err(stop);
        }
        if in_another_form(session).await? {
            return Ok(());
        }
    }
    let message = session.fresh();
    let unsigned = session.sign(&message).with_proof(crate::call::Proof::Signature, None);
    let unsigned = described(session.send_unjudged(unsigned).await);
    let mistakes = if symptom == Symptom::Refused { super::mistakes::accepted(session).await? } else { Vec::new() };
    if let Some(first) = &mut session.first_call {
        (first.unsigned, first.mistakes) = (unsigned, mistakes);
    }
    session.exchanges = shown;
    Err(stop)
}

/// Finds out whether the plain form is refused only now and then, as by a limit on the rate of calls: any other form is then
/// accepted by chance.
async fn is_unsteady(session: &mut Session) -> Result<bool, Stop> {
    const TRIES: u32 = 3;
    for _ in 0..TRIES {
        if is_accepted_with(session, &Vec::new()).await? {
            if let Some(first) = &mut session.first_call {
                first.is_unsteady = true;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

async fn attempt(session: &mut Session, message: &Message) -> Checked {
    session.call(message).await?.accepted("a valid call")
}

fn described(outcome: Result<Reading, Stop>) -> Option<String> {
    match outcome {
        Ok(reading) => Some(reading.described()),
        Err(Stop::Failed(failure)) => Some(failure.got),
        Err(Stop::NotRun(_)) => None,
    }
}

/// Tries the call with every optional field; if that is accepted, finds out which of them it takes, and goes on with
/// those. Returns whether there is such a form.
async fn in_another_form(session: &mut Session) -> Result<bool, Stop> {
    let Some(optional) = accepted_form(session).await? else { return Ok(false) };
    let given = session.author.fields.clone();
    let mut needed = optional;
    let mut wanted = Vec::new();
    for name in needed.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>() {
        let fewer: Vec<_> = needed.iter().filter(|(other, _)| *other != name).cloned().collect();
        session.author.fields = with(&given, &fewer);
        let message = session.fresh();
        match attempt(session, &message).await {
            Ok(()) => needed = fewer,
            Err(Stop::Failed(failure)) => wanted.push(Wanted { name, refusal: failure.got }),
            Err(stop) => return Err(stop),
        }
    }
    session.author.fields = with(&given, &needed);
    let names: Vec<_> = needed.iter().map(|(name, _)| &**name).collect();
    session.notes.push(format!("the run goes on with {} in every purchase", names.join(", ")));
    // A server that cannot do without the flag in one call cannot in others.
    session.author.sends_flag_off = wanted.iter().any(|field| field.name == "testFlag");
    if let Some(first) = &mut session.first_call {
        first.wanted = wanted;
    }
    Ok(true)
}

/// `[{"name":"identificationCode","value":"0a1b2c3d"}]` in Base64.
const IDENTIFICATION: &str = "W3sibmFtZSI6ImlkZW50aWZpY2F0aW9uQ29kZSIsInZhbHVlIjoiMGExYjJjM2QifV0=";

/// Sent only where the buyer has authorized it.
const PERSONAL: &[&str] = &["mobilePhone", "email", "userId", "userName"];
/// Of some products, and of newer pages.
const RARE: &[&str] = &["diskSize", "bandWidth", "provisionType", "acceptanceTime", "orderAmount"];

/// Returns the first set of optional fields with which a call is accepted: all, or without those that are sent rarely, for
/// endpoints that know a fixed list.
async fn accepted_form(session: &mut Session) -> Result<Option<Fields>, Stop> {
    let mut fields = optional_fields(session);
    for left_out in [&[], PERSONAL, RARE] {
        fields.retain(|(name, _)| !left_out.contains(&&**name));
        if !fields.is_empty() && is_accepted_with(session, &fields).await? {
            return Ok(Some(fields));
        }
    }
    Ok(None)
}

type Fields = Vec<(String, Value)>;

type Changes = Vec<(String, Option<Value>)>;

fn with(given: &Changes, fields: &Fields) -> Changes {
    let added = fields.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    given.iter().cloned().chain(added).collect()
}

async fn is_accepted_with(session: &mut Session, fields: &Fields) -> Result<bool, Stop> {
    let given = session.author.fields.clone();
    session.author.fields = with(&given, fields);
    let message = session.fresh();
    let outcome = attempt(session, &message).await;
    session.author.fields = given;
    match outcome {
        Ok(()) => Ok(true),
        Err(Stop::Failed(_)) => Ok(false),
        Err(stop) => Err(stop),
    }
}

/// Returns every optional field of a purchase that the plain form lacks, with a documented value. Only V1.0 has such
/// fields.
fn optional_fields(session: &mut Session) -> Fields {
    if session.profile.scheme() != SignatureScheme::AuthToken {
        return Vec::new();
    }
    let plain = session.author.purchase_by(Charging::Period);
    let cipher = FieldCipher::new(&session.key, EncryptType::Aes256);
    let encrypted = |text| cipher.encrypt_with_iv(text, "A1b2C3d4E5f6G7h8").map(|sealed| sealed.as_str().to_owned());
    // License V1 shares the parameters of SaaS V1.0, as its page says.
    let tables = [
        plain.activity.parse().ok().and_then(|activity| session.profile.protocol().fields(activity)),
        Protocol::SaasV1.fields(Activity::NewInstance),
    ];
    let mut names: Vec<_> =
        tables.into_iter().flatten().flatten().filter(|spec| !spec.mandatory).map(|spec| spec.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut fields: Fields = names
        .into_iter()
        .filter(|name| plain.get(name).is_none())
        .filter_map(|name| {
            let text = match name {
                // Numbers and domains reserved for examples.
                "mobilePhone" => encrypted("13800000000").ok()?,
                "email" => encrypted("ada@example.com").ok()?,
                // The code that a License is bound to.
                "saasExtendParams" if plain.activity == "getLicense" => IDENTIFICATION.to_owned(),
                name => super::documented::typical(name)?.to_owned(),
            };
            Some((name.to_owned(), Value::from(text)))
        })
        .collect();
    if !session.author.test_flag && plain.get("testFlag").is_none() {
        fields.retain(|(name, _)| name != "testFlag");
        fields.push(("testFlag".to_owned(), Value::from("0")));
    }
    fields
}
