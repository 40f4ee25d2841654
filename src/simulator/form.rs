//! Rules for the form of an answer, applied to every one that comes, good or bad.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::call::Call;
use super::profile::Profile;
use super::report::{Exchange, Failure};
use super::session::Session;
use super::target::Answer;
use crate::activity::Activity;
use crate::cipher::field::{EncryptType, FieldCipher};
use crate::result_code::ResultCode;
use crate::signature::body_sign;

type Verdict = Result<(), Failure>;

fn broken(expected: &str, got: impl Into<String>, cause: &str) -> Verdict {
    Err(Failure { expected: expected.to_owned(), got: got.into(), cause: cause.to_owned() })
}

/// Applies every rule that there is for the profile and the answer.
pub(super) fn judge(session: &mut Session, call: &Call, answer: &Answer, exchange: &Exchange) {
    session.judge("R5", exchange, redirect(answer).err());
    session.judge("R8", exchange, encoding(answer).err());
    session.judge("D1", exchange, deadline(call, answer).err());
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    session.judge("F1", exchange, members(answer, json.as_ref()).err());
    session.judge("F2", exchange, content_type(answer).err());

    if let Some(json) = &json {
        session.judge("F7", exchange, code(call, json).err());
        let profile = session.profile;
        session.judge("F9", exchange, lengths(profile, json).err());
        session.judge("F10", exchange, escapes(answer, json).err());
        if json.get("resultCode").and_then(Value::as_str) == Some("000000") {
            if matches!(&*call.activity, "newInstance" | "queryInstance" | "getLicense") {
                session.judge("F8", exchange, mandatory(profile, &call.activity, json).err());
            }
            if statistical_times(json).next().is_some() {
                session.judge("F16", exchange, times(json).err());
            }
            if profile == Profile::SaasV1 {
                judge_secrets(session, json, exchange);
            }
        }
    }
    if session.profile.scheme().signs_answers() {
        judge_body_sign(session, answer, exchange);
    }
    let clean = clean(session, call, answer);
    session.judge("X17", exchange, clean.err());
}

fn redirect(answer: &Answer) -> Verdict {
    match answer.status {
        300..=399 => broken(
            "no redirect",
            format!("HTTP status {} to {}", answer.status, answer.header("location").unwrap_or("nowhere")),
            "the registered address redirects; the marketplace follows none",
        ),
        _ => Ok(()),
    }
}

fn encoding(answer: &Answer) -> Verdict {
    match answer.header("content-encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => broken(
            "a body that is sent as it was signed",
            format!("content-encoding: {coding}"),
            "something compresses the answer although that was not asked for",
        ),
        _ => Ok(()),
    }
}

fn deadline(call: &Call, answer: &Answer) -> Verdict {
    let limit = if call.scheme.has_nonce() { 5 } else { 20 };
    match answer.duration.as_secs() {
        taken if taken >= limit => broken(
            &format!("an answer within {limit} s"),
            format!("one after {:?}", answer.duration),
            "the work is done while the marketplace waits",
        ),
        _ => Ok(()),
    }
}

fn members(answer: &Answer, json: Option<&Value>) -> Verdict {
    let expected = "HTTP 200 with a JSON object, resultCode and resultMsg texts, the latter of at most 255 characters";
    if answer.status != 200 {
        return broken(
            expected,
            format!("HTTP status {}", answer.status),
            "the HTTP status says what the resultCode should say; anything but 200 counts as a failed call",
        );
    }
    let Some(Value::Object(members)) = json else {
        return broken(expected, "no JSON object", "the body is not JSON: an error page, or an empty answer");
    };
    match members.get("resultCode") {
        Some(Value::String(_)) => {}
        Some(other) => return broken(expected, format!("resultCode {other}"), "resultCode is not a text"),
        None => return broken(expected, "no resultCode", "resultCode is missing"),
    }
    match members.get("resultMsg") {
        Some(Value::String(text)) if text.chars().count() <= 255 => Ok(()),
        Some(Value::String(_)) => broken(expected, "a longer resultMsg", "resultMsg is too long"),
        Some(_) => broken(expected, "a resultMsg that is no text", "resultMsg is not a text"),
        None => {
            broken(expected, "no resultMsg", "resultMsg is missing; without it the marketplace cannot parse the answer")
        }
    }
}

fn content_type(answer: &Answer) -> Verdict {
    let found = answer.header("content-type").unwrap_or("none");
    let essence = found.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => broken("content type application/json", found, "the content type is not application/json"),
    }
}

fn code(call: &Call, json: &Value) -> Verdict {
    let code = match json.get("resultCode") {
        Some(Value::String(code)) => code.clone(),
        // Another rule tells that this is no text.
        Some(Value::Number(number)) => format!("{:0>6}", number.to_string()),
        _ => return Ok(()),
    };
    let expected = "a code of the document's table for this activity";
    let Some(known) = ResultCode::ALL.iter().find(|known| known.as_str() == code) else {
        let cause = match code.len() {
            6 => "the code is in no table",
            _ => "a code has six characters; the seven digits printed in one document are a misprint",
        };
        return broken(expected, format!("{code:?}"), cause);
    };
    match activity_of(&call.activity) {
        Some(activity) if !known.allowed_for(activity) => {
            broken(expected, format!("{code} to {activity}"), "the code has no meaning for this activity")
        }
        _ => Ok(()),
    }
}

fn activity_of(name: &str) -> Option<Activity> {
    use Activity as A;
    let all = [
        A::NewInstance,
        A::QueryInstance,
        A::RefreshInstance,
        A::UpdateInstanceStatus,
        A::ReleaseInstance,
        A::UpgradeInstance,
        A::ChangeInstanceCheck,
        A::ExpireInstance,
        A::Upgrade,
        A::InstanceStatus,
        A::TenantSync,
        A::ApplicationSync,
        A::AuthSync,
        A::SingleOrgSync,
        A::AllOrgSync,
        A::RefreshLicenseCode,
        A::UpdateLicenseCodeStatus,
        A::ReleaseLicenseCode,
        A::GetLicense,
        A::RefreshLicense,
        A::ExpireLicense,
        A::ReleaseLicense,
        A::OrderNotify,
    ];
    all.into_iter().find(|activity| activity.as_str() == name)
}

/// Every access data and usage in an answer.
fn app_infos(json: &Value) -> impl Iterator<Item = &Value> {
    let described = json.get("info").and_then(Value::as_array).into_iter().flatten();
    json.get("appInfo")
        .into_iter()
        .chain(described.filter_map(|info| info.get("appInfo")))
        .filter(|info| !info.is_null())
}

fn usages(json: &Value) -> impl Iterator<Item = &Value> {
    let described = json.get("info").and_then(Value::as_array).into_iter().flatten();
    described.filter_map(|info| info.get("usageInfo")).filter_map(Value::as_array).flatten()
}

fn is_filled(json: &Value, name: &str) -> bool {
    json.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

fn mandatory(profile: Profile, activity: &str, json: &Value) -> Verdict {
    let lacks = |name: &str| {
        broken(&format!("{name} in the answer to {activity}"), "it is missing", "a mandatory field is missing")
    };
    if activity != "queryInstance" && !is_filled(json, "instanceId") {
        return lacks("instanceId");
    }
    if profile == Profile::SaasV1 && activity == "newInstance" && json.get("appInfo").is_none() {
        return lacks("appInfo.frontEndUrl");
    }
    if activity == "queryInstance" {
        let infos = json.get("info").and_then(Value::as_array).into_iter().flatten();
        if infos.into_iter().any(|info| !is_filled(info, "instanceId")) {
            return lacks("info[].instanceId");
        }
    }
    if app_infos(json).any(|info| !is_filled(info, "frontEndUrl")) {
        return lacks("appInfo.frontEndUrl");
    }
    if usages(json).any(|usage| usage.get("usageValue").is_none_or(Value::is_null)) {
        return lacks("usageInfo[].usageValue");
    }
    if usages(json).any(|usage| !is_filled(usage, "statisticalTime")) {
        return lacks("usageInfo[].statisticalTime");
    }
    Ok(())
}

fn lengths(profile: Profile, json: &Value) -> Verdict {
    let mut measured = vec![(json, "instanceId", 64)];
    let described = json.get("info").and_then(Value::as_array).into_iter().flatten();
    measured.extend(described.map(|info| (info, "instanceId", 64)));
    for info in app_infos(json) {
        let table = [("frontEndUrl", 512), ("adminUrl", 512), ("userName", 128), ("password", 128), ("memo", 1024)];
        measured.extend(table.map(|(name, max)| (info, name, max)));
    }
    for usage in usages(json) {
        measured.extend([("relatedInstanceId", 64), ("dashboardUrl", 512)].map(|(name, max)| (usage, name, max)));
    }
    for (object, name, max) in measured {
        match object.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.chars().count() > max => {
                let got = format!("{} characters", text.chars().count());
                return broken(&format!("{name} of at most {max} characters"), got, "a field is too long");
            }
            Some(Value::String(text)) if profile == Profile::SaasV1 && name != "memo" && !text.is_ascii() => {
                return broken(&format!("{name} in ASCII"), "other characters", "only memo may hold Chinese");
            }
            Some(Value::String(_)) => {}
            Some(_) => return broken(&format!("{name} as a text"), "another JSON type", "a field has the wrong type"),
        }
    }
    Ok(())
}

fn escapes(answer: &Answer, json: &Value) -> Verdict {
    let has_memo =
        app_infos(json).any(|info| info.get("memo").and_then(Value::as_str).is_some_and(|memo| !memo.is_ascii()));
    match has_memo && !answer.body.is_ascii() {
        true => broken(
            "memo in \\uXXXX escapes",
            "literal characters",
            "the JSON is written with literal non-ASCII characters",
        ),
        false => Ok(()),
    }
}

fn statistical_times(json: &Value) -> impl Iterator<Item = &str> {
    usages(json).filter_map(|usage| usage.get("statisticalTime")?.as_str())
}

fn times(json: &Value) -> Verdict {
    match statistical_times(json).find(|time| time.len() != 17 || !time.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(time) => broken("statisticalTime as yyyyMMddHHmmssSSS in UTC", time, "a time has another format"),
        None => Ok(()),
    }
}

fn judge_secrets(session: &mut Session, json: &Value, exchange: &Exchange) {
    let fields: Vec<(&str, &str)> = app_infos(json)
        .flat_map(|info| ["userName", "password"].map(|name| (name, info.get(name))))
        .filter_map(|(name, value)| Some((name, value?.as_str()?)))
        .collect();
    if fields.is_empty() {
        return;
    }
    let ciphers = [EncryptType::Aes256, EncryptType::Aes128].map(|size| FieldCipher::new(&session.key, size));
    let fitting: Vec<_> = fields
        .iter()
        .map(|(_, text)| {
            ciphers.iter().find(|cipher| cipher.decrypt(&(*text).into()).is_ok()).map(FieldCipher::encrypt_type)
        })
        .collect();
    let unreadable = fields.iter().zip(&fitting).find(|(_, fitting)| fitting.is_none());
    let readable = match unreadable {
        None => Ok(()),
        Some(((name, text), _)) => broken(
            "16 characters of IV, then Base64 of AES-CBC with PKCS#7 padding, under the key that Java's SHA1PRNG draws",
            format!("{name} of {} characters that decrypts with neither key size", text.len()),
            secret_cause(text),
        ),
    };
    session.judge("F12", exchange, readable.err());

    let announced = json.get("encryptType");
    let verdict = match announced {
        None | Some(Value::String(_)) => {
            let size = announced.and_then(Value::as_str).unwrap_or("1").parse::<EncryptType>();
            match size {
                Err(_) => broken("encryptType 1 or 2", format!("{announced:?}"), "encryptType is neither 1 nor 2"),
                Ok(size) if fitting.iter().flatten().any(|fits| *fits != size) => broken(
                    "encryptType names the key size that was used",
                    "the fields decrypt with the other size",
                    "encryptType and the cipher disagree: 1 is AES-256, 2 is AES-128",
                ),
                Ok(_) => Ok(()),
            }
        }
        Some(other) => broken("encryptType as a text", other.to_string(), "encryptType is not a text"),
    };
    session.judge("F11", exchange, verdict.err());

    for (_, text) in fields {
        let (Some(iv), Some(rest)) = (text.get(..16), text.get(16..)) else { continue };
        let seen = session.ivs.insert(iv.to_owned(), rest.to_owned());
        let verdict = match seen {
            Some(other) if other != rest => broken(
                "a new IV for every encryption",
                "one IV for two texts",
                "the IV is fixed or comes from a weak source",
            ),
            _ => Ok(()),
        };
        session.judge("F13", exchange, verdict.err());
    }
}

fn secret_cause(text: &str) -> &'static str {
    match text.get(16..) {
        None => "the text is too short to be encrypted: it is plain",
        Some("") => "there is an IV and nothing behind it",
        Some(base64) => match STANDARD.decode(base64) {
            Err(_) => "what follows the first 16 characters is not Base64: plain text, or an IV of another length",
            Ok(blocks) if blocks.len() % 16 != 0 => "the ciphertext is cut off: it is no whole number of blocks",
            Ok(_) => {
                "the AES key is another (it is neither the access key nor a plain hash of it), or blocks are missing"
            }
        },
    }
}

fn judge_body_sign(session: &mut Session, answer: &Answer, exchange: &Exchange) {
    let header = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(body_sign::HEADER)).cloned();
    let verdict = match &header {
        Some(_) => Ok(()),
        None => broken(
            "Body-Sign on every answer",
            "none",
            "answers leave without Body-Sign, perhaps only errors, past the code that signs",
        ),
    };
    session.judge("F3", exchange, verdict.err());
    let Some((name, value)) = header else { return };

    if answer.header_case_is_known {
        let verdict = match &*name == body_sign::HEADER {
            true => Ok(()),
            false => broken(
                "the name Body-Sign in exactly this letter case",
                name,
                "the server writes header names in another case; the marketplace does not recognise it",
            ),
        };
        session.judge("F4", exchange, verdict.err());
    }
    let expected = "sign_type=\"HMAC-SHA256\", signature=\"...\"";
    let verdict = body_sign::verify(&session.ring, &value, &answer.body);
    let is_malformed = matches!(verdict, Err(crate::signature::VerifyError::Malformed(_)));
    let form = match is_malformed {
        true => broken(expected, "another form", "both values have to stand in double quotes, the second as Base64"),
        false => Ok(()),
    };
    session.judge("F5", exchange, form.err());
    if is_malformed {
        return;
    }
    let verdict = match verdict {
        Ok(()) => Ok(()),
        Err(_) => broken(
            "a signature of exactly the bytes received",
            "one of something else",
            &body_sign_cause(session, &value, &answer.body),
        ),
    };
    session.judge("F6", exchange, verdict.err());
}

/// Tries what usually goes wrong.
fn body_sign_cause(session: &Session, value: &str, body: &[u8]) -> String {
    let signs = |body: &[u8]| body_sign::verify(&session.ring, value, body).is_ok();
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let compact = json.as_ref().map(Value::to_string).unwrap_or_default();
    let pretty = json.as_ref().and_then(|json| serde_json::to_string_pretty(json).ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    if signs(body.trim_ascii_end()) || signs(body.trim_ascii()) {
        "white space, perhaps a newline, is added after signing"
    } else if signs(&[body, b"\n"].concat()) {
        "a newline was signed and not sent"
    } else if signs(compact.as_bytes()) || signs(pretty.as_bytes()) {
        "the JSON is written anew after signing, in another form"
    } else if signs(text.replace('/', "\\/").as_bytes()) || signs(text.replace("\\/", "/").as_bytes()) {
        "slashes are escaped differently after signing"
    } else if signs(text.trim_start_matches('\u{feff}').as_bytes()) {
        "a byte order mark is added after signing"
    } else {
        "the signature is of another body, or made with another key (it is the bare key, without timeStamp)"
    }
    .to_owned()
}

/// What no answer may contain.
fn clean(session: &Session, call: &Call, answer: &Answer) -> Verdict {
    let body = String::from_utf8_lossy(&answer.body);
    let headers = answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(body_sign::HEADER));
    let texts: Vec<&str> = headers.map(|(_, value)| &**value).chain([&*body]).collect();
    let contains = |wanted: &str| texts.iter().any(|text| text.contains(wanted));
    let leak = |what: &str| {
        broken(
            "answers without secrets and inner details",
            what,
            "what belongs in the seller's log is told to the caller",
        )
    };
    if contains(session.key.expose()) {
        return leak("the access key");
    }
    let is_proved = |signature: &str| {
        call.proof(super::call::Proof::Signature).is_some_and(|sent| sent.eq_ignore_ascii_case(signature))
    };
    let right = call.right_signature(&session.key).filter(|signature| !is_proved(signature));
    let in_any_case =
        |text: &String| contains(text) || contains(&text.to_lowercase()) || contains(&text.to_uppercase());
    if right.as_ref().is_some_and(in_any_case) {
        return leak("the signature that would have been right");
    }
    const TRACES: [&str; 6] =
        ["Traceback (most recent", "\tat ", "\\tat ", "panicked at", "stack backtrace", "Exception in thread"];
    match TRACES.into_iter().find(|trace| contains(trace)) {
        Some(_) => leak("a stack trace"),
        None => Ok(()),
    }
}
