//! Detects which protocols an endpoint serves, if no profile was given.
//!
//! A protocol is left out on evidence only: its correctly signed calls are answered like calls of an unknown protocol.
//! Answers that are merely wrong are checked. For every key in the environment at least one protocol is checked, so an
//! endpoint that answers nothing correctly does not pass.

use koogallery::activity::Activity;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome, MessageBuilder};
use koogallery_simulator::{CallOptions, Check, Marketplace, Profile, SeededRandom};
use serde_json::Value;

use crate::support::environment::{INTERFACES, is_set};

/// A profile that is not checked.
pub struct LeftOut {
    pub profile: Profile,
    pub why: String,
}

/// The profiles to check, and those left out.
pub struct Families {
    pub judged: Vec<Profile>,
    pub left_out: Vec<LeftOut>,
}

impl Families {
    /// Takes the given profiles.
    pub fn given(profiles: &[Profile]) -> Self {
        Self { judged: profiles.to_vec(), left_out: Vec::new() }
    }

    /// Detects the profiles that the endpoint serves. The calls are marked as tests, and are about nothing that exists.
    pub async fn served(marketplace: &Marketplace, keys: &AccessKeys, seed: u64) -> Self {
        let mut families = Self::given(&[]);
        let is_keyed = |protocol: &Protocol| keys.get(own_interface(*protocol)).is_some();
        let (keyed, others): (Vec<_>, Vec<_>) = Protocol::ALL.into_iter().partition(is_keyed);
        let calls = Calls { marketplace, random: SeededRandom::new(seed) };
        let mut silence = None;
        for (index, protocol) in keyed.into_iter().enumerate() {
            let found = match &silence {
                Some(why) => Some(String::clone(why)),
                None => match calls.evidence_against(protocol).await {
                    Ok(evidence) => evidence,
                    // A missing answer proves nothing; if it is the first, one report is enough.
                    Err(error) => {
                        silence = (index == 0).then(|| format!("no answer: {error}"));
                        None
                    }
                },
            };
            match found {
                Some(why) => families.left_out.push(LeftOut { profile: protocol.into(), why }),
                None => families.judged.push(protocol.into()),
            }
        }
        if silence.is_none() {
            INTERFACES.into_iter().filter(|interface| is_set(*interface)).for_each(|set| families.expect(set));
        }
        let not_set = |protocol: Protocol| format!("{} is not set", own_interface(protocol).env_name());
        families
            .left_out
            .extend(others.into_iter().map(|protocol| LeftOut { profile: protocol.into(), why: not_set(protocol) }));
        families
    }

    /// Leaves out the profiles that have none of these checks, if any are selected. Returns the id that no profile has.
    pub fn select<'a>(&mut self, only: &'a [String]) -> Option<&'a str> {
        let has = |profile: Profile, id: &str| Check::of(profile).iter().any(|check| check.id == id);
        let is_known = |id: &&String| self.judged.iter().any(|profile| has(*profile, id));
        let unknown = only.iter().find(|id| !is_known(id));
        let is_wanted = |profile: &Profile| only.is_empty() || only.iter().any(|id| has(*profile, id));
        let (judged, others): (Vec<_>, Vec<_>) = self.judged.iter().partition(|profile| is_wanted(profile));
        self.judged = judged;
        let none = || "it has none of the selected checks".to_owned();
        self.left_out.extend(others.into_iter().map(|profile| LeftOut { profile, why: none() }));
        unknown.map(String::as_str)
    }

    /// Takes back the first protocol of an interface of which none is served.
    fn expect(&mut self, interface: InterfaceType) {
        let is_its = |protocol: Protocol| own_interface(protocol) == interface;
        if self.judged.iter().any(|profile| is_its(profile.protocol())) {
            return;
        }
        if let Some(first) = self.left_out.iter().position(|family| is_its(family.profile.protocol())) {
            self.judged.push(self.left_out.remove(first).profile);
        }
    }
}

struct Calls<'a> {
    marketplace: &'a Marketplace,
    random: SeededRandom,
}

/// The parts of an answer that show whether a protocol is served.
struct Answer {
    status: u16,
    code: Option<String>,
}

impl Calls<'_> {
    /// Returns evidence that a protocol is not served; `None` if it may be.
    async fn evidence_against(&self, protocol: Protocol) -> Result<Option<String>, String> {
        let Some([first, second]) = calls_of(protocol) else { return Ok(None) };
        let answer = self.call(protocol, first, None).await?;
        let same_code = |other: &Answer| answer.code.is_some() && other.code == answer.code;
        Ok(match (answer.status, answer.code.as_deref()) {
            (404 | 405 | 501, None) => Some(format!("{first} is answered with HTTP status {}", answer.status)),
            (_, Some(code @ ("000001" | "000002"))) if !protocol.is_kit() => {
                let unknown = self.call(protocol, first, Some("activityOfNoFamily")).await?;
                same_code(&unknown).then(|| format!("{first} is answered {code}, like an unknown activity"))
            }
            (_, Some("000005")) if !protocol.is_kit() => {
                let other = self.call(protocol, second, None).await?;
                same_code(&other).then(|| format!("{first} and {second} are answered 000005: there is no handler"))
            }
            _ => None,
        })
    }

    async fn call(&self, protocol: Protocol, activity: Activity, name: Option<&str>) -> Result<Answer, String> {
        let builder = MessageBuilder::new(protocol, activity, &self.random, SystemClock.now());
        let mut builder = builder.ok_or_else(|| format!("{} has no {activity}", protocol.id()))?;
        builder.set("testFlag", "1");
        if let Some(name) = name {
            builder.set("activity", name);
        }
        let called = self.marketplace.call(&Callback::from(builder), &CallOptions::default()).await;
        let attempt = called.map_err(|error| error.to_string())?;
        if let DeliveryOutcome::Unanswered { error } = attempt.outcome {
            return Err(error.to_string());
        }
        let body: Option<Value> = serde_json::from_str(&attempt.exchange.answer_body).ok();
        let code = body.and_then(|body| body["resultCode"].as_str().map(str::to_owned));
        Ok(Answer { status: attempt.exchange.status.unwrap_or_default(), code })
    }
}

/// Returns two calls that no other protocol has and that create nothing. `None` for protocols with a key of their own,
/// which are expected to be served.
fn calls_of(protocol: Protocol) -> Option<[Activity; 2]> {
    use Activity::{AuthSync, ExpireInstance, ExpireLicense, GetLicenseAsync, QueryInstance, ReleaseLicense};
    Some(match protocol {
        Protocol::SaasV2 => [QueryInstance, Activity::UpgradeInstance],
        Protocol::SaasV1 => [QueryInstance, ExpireInstance],
        Protocol::LicenseOnline => [GetLicenseAsync; 2],
        Protocol::LicenseV1 => [ReleaseLicense, ExpireLicense],
        Protocol::KitV1 | Protocol::KitV2 => [AuthSync; 2],
        _ => return None,
    })
}

/// Returns the interface type whose key implies that a protocol is served. The V1.0 key does not imply the Kit.
fn own_interface(protocol: Protocol) -> InterfaceType {
    match protocol.interfaces() {
        _ if protocol.is_kit() => InterfaceType::Kit,
        [first, ..] => *first,
        [] => InterfaceType::Basic,
    }
}
