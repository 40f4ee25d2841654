//! Calls that are edited before they are sent, and calls that are sent again as they were.

use http::StatusCode;
use koogallery::activity::Activity;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery::protocol::Protocol;
use koogallery::query::{Plus, raw_pairs};
use koogallery::random::OsRandom;
use koogallery_simulator::delivery::{Callback, MessageBuilder};
use koogallery_simulator::{Attempt, CallOptions, SeededRandom, SentCall};
use serde_json::{Map, Value, json};

use super::control::Control;
use super::form::Form;
use super::lang::Lang;
use super::page::{checkbox, escaped, input, plain, select, subpage};
use super::reply::{Outcome, Refused};
use super::routes::unknown;
use crate::support::{client_secret, duration};

const FIELDS: [&str; 7] = ["profile", "activity", "message", "clock", "wrong_key", "damaged", "hang_up"];

/// Made for every call, unless they are given.
const GENERATED: [&str; 2] = ["businessId", "timeStamp"];

/// The page with the message of a new call, or of one that was sent.
pub fn page(control: &Control, lang: Lang, query: Option<&str>) -> Result<String, Refused> {
    let value = |name: &str| {
        let pair = raw_pairs(query.unwrap_or_default()).find(|pair| pair.name == name)?;
        Some(pair.decoded_value(Plus::Space)?.into_owned())
    };
    let marketplace = control.marketplace()?;
    let offered: Vec<_> = Protocol::ALL.into_iter().filter(|it| it.keys(&control.keys).is_some()).collect();
    let (protocol, activity, message) = match value("call") {
        Some(number) => {
            let sent = number.parse().ok().and_then(|number| marketplace.sent(number));
            let sent = sent.ok_or_else(|| unknown(format!("call {number} is not kept in full any more")))?;
            (sent.callback.protocol(), sent.callback.activity(), message_of(&sent))
        }
        None => {
            let protocol = value("profile").and_then(|name| name.parse().ok()).filter(|it| offered.contains(it));
            let first = || "no access key is in the environment".to_owned();
            let protocol = protocol.or(offered.first().copied()).ok_or_else(first)?;
            let wanted = value("activity").and_then(|name| name.parse().ok());
            let activity = wanted.filter(|it| protocol.activities().contains(it));
            let activity = activity.or(protocol.activities().first().copied());
            let activity = activity.ok_or_else(|| format!("{} has no activities", protocol.id()))?;
            (protocol, activity, invented(protocol, activity)?)
        }
    };
    let profiles =
        select("profile", lang.of_two("Profile", "接口类型"), plain(offered.iter().map(|it| it.id())), protocol.id());
    let activities = plain(protocol.activities().iter().map(|it| it.as_str()));
    let activities = select("activity", lang.of_two("Activity", "接口"), activities, activity.as_str());
    let choice = format!(
        "<form method=get action='/_marketplace/compose'>{profiles}{activities}<button>{}</button></form>",
        lang.of_two("New message", "新建消息")
    );
    let fields = [
        format!(
            "<input type=hidden name=profile value={}><input type=hidden name=activity value={activity}>",
            protocol.id()
        ),
        format!(
            "<label class=block>{}<textarea name=message rows=16 spellcheck=false>{}</textarea></label>",
            lang.of_two(
                "Message as JSON; businessId and timeStamp are made for each call unless they are given",
                "消息（JSON）；businessId和timeStamp未填写时自动生成"
            ),
            escaped(&format!("{message:#}"))
        ),
        input("clock", lang.of_two("Clock differs by", "时钟偏差"), "-61s, +2min"),
        checkbox("wrong_key", lang.of_two("Sign with another key", "用错误的密钥签名")),
        checkbox("damaged", lang.of_two("Add a field after signing", "签名后再加一个字段")),
        input("hang_up", lang.of_two("Disconnect after", "提前断开"), "5ms"),
    ];
    let body = format!(
        "{choice}<form method=post action='/_marketplace/calls' class=tall>{}<button>{}</button></form>",
        fields.concat(),
        lang.of_two("Send", "发送")
    );
    Ok(subpage(lang, lang.of_two("Send a call", "发送消息"), &body))
}

/// A message about something that does not exist, without what is made for each call.
fn invented(protocol: Protocol, activity: Activity) -> Result<Value, Refused> {
    let builder = builder(protocol, activity)?;
    let names = builder.names().filter(|name| !GENERATED.contains(name));
    let fields = names.map(|name| (name.to_owned(), builder.get(name).cloned().unwrap_or_default()));
    Ok(Value::Object(fields.collect()))
}

fn builder(protocol: Protocol, activity: Activity) -> Result<MessageBuilder, Refused> {
    let mut seed = [0; 8];
    let random = koogallery::random::Random::fill(&OsRandom, &mut seed).map_err(|error| error.to_string());
    random?;
    let random = SeededRandom::new(u64::from_ne_bytes(seed));
    let missing = || format!("{} has no {activity}", protocol.id());
    let mut builder = MessageBuilder::new(protocol, activity, &random, SystemClock.now()).ok_or_else(missing)?;
    client_secret::encrypt(&mut builder).map_err(|failure| failure.to_string())?;
    Ok(builder)
}

/// The fields of a call as it was sent, without its proof.
fn message_of(sent: &SentCall) -> Value {
    let proof = sent.callback.protocol().scheme().signature_name();
    let Some(query) = sent.request.uri().query().filter(|_| sent.request.body().is_empty()) else {
        return serde_json::from_slice(sent.request.body()).unwrap_or_default();
    };
    let pairs = raw_pairs(query).filter_map(|pair| {
        let (name, value) = (pair.decoded_name(Plus::Space)?, pair.decoded_value(Plus::Space)?);
        // A new call has a new time.
        (name != proof && name != "timeStamp").then(|| (name.into_owned(), Value::from(value.into_owned())))
    });
    Value::Object(pairs.collect())
}

impl Control {
    /// Sends an edited message, signed as the form says.
    pub async fn send(&self, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &FIELDS)?;
        let missing = |name: &str| format!("{name} is missing");
        let profile = form.get("profile").ok_or_else(|| missing("profile"))?;
        let protocol: Protocol = profile.parse().map_err(|error| format!("profile: {error}"))?;
        let activity = form.get("activity").ok_or_else(|| missing("activity"))?;
        let activity: Activity = activity.parse().map_err(|error| format!("activity: {error}"))?;
        let fields: Option<Map<String, Value>> = match form.get("message") {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| format!("message: {error}"))?),
            None => None,
        };
        let mut builder = builder(protocol, activity)?;
        let message = fields.clone().map(Value::Object);
        let mut left_out = Vec::new();
        if let Some(fields) = fields {
            let is_left_out = |name: &&str| !fields.contains_key(*name) && !GENERATED.contains(name);
            left_out = builder.names().filter(is_left_out).map(str::to_owned).collect();
            left_out.iter().for_each(|name| builder.remove(name));
            fields.into_iter().for_each(|(name, value)| builder.set(&name, value));
        }
        let options = options(&form)?;
        let marketplace = self.marketplace()?;
        let noted = self.recorder.called(&form, message.as_ref(), &left_out, marketplace);
        let called = marketplace.call(&Callback::from(builder), &options).await;
        let called = called.map_err(|error| Refused(StatusCode::CONFLICT, error.to_string()))?;
        self.recorder.answered(noted, &called.outcome);
        Ok(made(&called))
    }

    /// Sends a call of the log again: the same bytes, with the same signature.
    pub async fn send_again(&self, number: u64) -> Result<Outcome, Refused> {
        let marketplace = self.marketplace()?;
        let sent = marketplace.sent(number);
        let sent = sent.ok_or_else(|| unknown(format!("call {number} is not kept in full any more")))?;
        let noted = self.recorder.repeated(number, &sent.callback, marketplace);
        let again = marketplace.send(&sent.callback, sent.request).await;
        self.recorder.answered(noted, &again.outcome);
        Ok(made(&again))
    }
}

fn made(attempt: &Attempt) -> Outcome {
    let shown = json!({"number": attempt.sequence, "outcome": attempt.outcome.to_string()});
    Outcome::DoneAt(shown, format!("calls/{}", attempt.sequence))
}

fn options(form: &Form) -> Result<CallOptions, Refused> {
    let mut options = CallOptions::default();
    if let Some(offset) = form.get("clock") {
        let wrong = || format!("clock: {offset:?} is not an offset such as \"-61s\" or \"+2min\"");
        options = match (offset.strip_prefix('-'), offset.strip_prefix('+')) {
            (Some(behind), _) => options.clock_behind(duration::parse(behind).map_err(|_| wrong())?),
            // A plus that is not encoded arrives as a space.
            (None, ahead) => options.clock_ahead(duration::parse(ahead.unwrap_or(offset)).map_err(|_| wrong())?),
        };
    }
    if form.flag("wrong_key")? {
        options = options.sign_with(AccessKey::new("a-key-of-no-seller").map_err(|error| error.to_string())?);
    }
    if form.flag("damaged")? {
        options = options.tampered();
    }
    match form.get("hang_up") {
        Some(after) => Ok(options.disconnect_after(duration::parse(after).map_err(|why| format!("hang_up: {why}"))?)),
        None => Ok(options),
    }
}
