//! `replay`: repeats a captured call.

pub(crate) mod resign;

use bytes::Bytes;
use clap::Args;
use http::Request;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::signature::body_sign;
use koogallery_simulator::{self as simulator, Masking, Profile, Target as _};

use crate::support::capture_folder::CaptureFolder;
use crate::support::environment::{access_keys, masking, missing, missing_for};
use crate::support::http_message::{Capture, query_of};
use crate::support::output::{Color, printable};
use crate::support::scheme::body_sign_diagnosis;
use crate::support::signed_call::{SignedCall, activity, interface_of, result_code, scheme_of};
use crate::support::target::{TargetArgs, was_sent};
use crate::support::{forwarding, runtime};
use crate::{Answer, Failure, Output};
use resign::Signed;

const EXAMPLES: &str = "\
Examples:
  koogallery replay 0001-newInstance --url http://127.0.0.1:8080
  koogallery replay 12 --url http://127.0.0.1:8080/saasproduce --profile license-code

The call is signed again, with the current time and a new nonce; everything else stays as it was captured. The path is that
of the capture, unless the address has one. Masked values stay masked, except a client secret: a new one is encrypted for
the key in KOOGALLERY_RSA_PRIVATE_KEY_FILE.

Exit codes: 0 the result code is the same as in the capture, 1 it differs, or there was no answer, 2 nothing could be sent.";

/// Repeat a captured call with a new signature, and compare the result codes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// The id of the capture, or its number.
    id: String,
    /// The seller's server.
    #[arg(long, value_name = "URL")]
    url: String,
    #[command(flatten)]
    folder: CaptureFolder,
    /// The call's profile, if its form does not determine the key.
    #[arg(long, value_name = "NAME")]
    profile: Option<Profile>,
    #[command(flatten)]
    seller: TargetArgs,
}

impl Replay {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let (id, capture) = self.folder.request(&self.id)?;
        let target = self.seller.target(&self.url)?;
        let keys = access_keys()?;
        let headers = capture.header_map()?;
        let (method, captured_target) = capture.request_line()?;
        let query = query_of(captured_target);
        let captured_path = captured_target.split('?').next().unwrap_or_default();
        let call = SignedCall { path: captured_path, query, headers: &headers, body: &capture.body };
        let activity = activity(call);
        let scheme = self.profile.map_or_else(|| scheme_of(call), |profile| Some(profile.protocol().scheme()));
        let scheme = scheme
            .ok_or_else(|| Failure::new(format!("{id} has no signature; use --profile to choose how to sign it")))?;
        let (interface, ring) = match self.profile.map(Profile::protocol) {
            Some(protocol) => protocol.keys(&keys).ok_or_else(|| missing_for(protocol))?,
            None => {
                let interface = interface_of(scheme, &activity, &keys);
                (interface, keys.get(interface).ok_or_else(|| missing(interface))?)
            }
        };
        let signed = Signed::new(scheme, ring.signing_key(), call, SystemClock.now())?;

        let path = path_of(target.path(), captured_path);
        let request = request(method, &path, &signed, &capture)?;
        let answer = match runtime::block_on(async { Ok(target.call(request).await) })? {
            Err(error) if !was_sent(&error) => return Err(Failure::of(target.name(), &error)),
            answer => answer,
        };

        let mut masking = masking(&keys);
        masking.add_secret(&signed.signature);
        let shown_query =
            if signed.query.is_empty() { String::new() } else { format!("?{}", query_shown(&masking, &signed.query)) };
        output.note(&format!("{method} {}{shown_query}", masking.text(&path)))?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                output.status(Color::Red, "no answer", &format!(": {error}"))?;
                return Ok(Answer::No);
            }
        };
        show(output, &masking, &answer)?;
        if let Some((name, value)) = header(&answer, body_sign::HEADER) {
            let interface = if scheme.has_nonce() { koogallery::key::InterfaceType::V1 } else { interface };
            let diagnosis = body_sign_diagnosis(&keys, interface, name, value, &answer.body);
            output.note(&format!("Body-Sign: {}", masking.text(&diagnosis.to_string())))?;
        } else if !scheme.has_nonce() {
            output.note("Body-Sign: missing")?;
        }
        let recorded = match self.folder.entry(&id) {
            Some(entry) => entry.result_code,
            None => result_code(&self.folder.answer(&id)?.body),
        };
        compare(output, recorded.as_deref(), result_code(&answer.body).as_deref())
    }
}

/// Returns the path of the call: that of the capture, or that of the address with the Kit's suffix.
fn path_of(address: &str, captured: &str) -> String {
    match (address, captured.find("/produceAPI/")) {
        ("/", _) => captured.to_owned(),
        (base, Some(at)) => format!("{}{}", base.trim_end_matches('/'), &captured[at..]),
        (base, None) => base.to_owned(),
    }
}

pub(crate) fn request(method: &str, path: &str, signed: &Signed, capture: &Capture) -> Result<Request<Bytes>, Failure> {
    let separator = if signed.query.is_empty() { "" } else { "?" };
    let is_replaced = |name: &str| signed.headers.iter().any(|(signed, _)| signed.eq_ignore_ascii_case(name));
    let captured = capture.headers.iter().map(|(name, value)| (&**name, value.as_bytes()));
    let kept = captured.filter(|(name, value)| !is_replaced(name) && *value != b"[masked]");
    let headers: Vec<_> = kept.chain(signed.headers.iter().map(|(name, value)| (*name, value.as_bytes()))).collect();
    forwarding::request(method, &format!("{path}{separator}{}", signed.query), &headers, signed.body.clone().into())
}

/// Masks fields that V1.0 encrypts, without encrypting them again as captures need it.
fn unencrypted() -> Masking {
    Masking::default()
}

fn query_shown(masking: &Masking, query: &str) -> String {
    unencrypted().query(&masking.query(query))
}

fn header<'a>(answer: &'a simulator::Answer, wanted: &str) -> Option<(&'a str, &'a str)> {
    let found = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(name, value)| (&**name, &**value))
}

fn show(output: &Output, masking: &Masking, answer: &simulator::Answer) -> Result<(), Failure> {
    const SHOWN: usize = 4096;
    let shown = &answer.body[..answer.body.len().min(SHOWN)];
    output.note(&format!("HTTP status {}, {} ms", answer.status, answer.duration.as_millis()))?;
    if let Some(coding) = answer.compression() {
        return output.note(&format!("[{} bytes compressed with {coding}]", answer.body.len()));
    }
    let text = masking.json(&masking.text(&printable(&String::from_utf8_lossy(shown))));
    output.note(&unencrypted().json(&text))?;
    match answer.body.len() > SHOWN {
        true => output.note(&format!("... ({} bytes)", answer.body.len())),
        false => Ok(()),
    }
}

fn compare(output: &Output, recorded: Option<&str>, now: Option<&str>) -> Result<Answer, Failure> {
    let shown = |code: Option<&str>| code.unwrap_or("none").to_owned();
    if recorded == now {
        output.status(Color::Green, "same", &format!(": the result code is {} again", shown(now)))?;
        return Ok(Answer::Yes);
    }
    let line = format!(": the result code is {}, and was {}", shown(now), shown(recorded));
    output.status(Color::Red, "another", &line)?;
    Ok(Answer::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_call_goes() {
        assert_eq!(path_of("/", "/saasproduce"), "/saasproduce");
        assert_eq!(path_of("/x", "/saasproduce"), "/x");
        assert_eq!(path_of("/x/", "/a/produceAPI/v2/authSync"), "/x/produceAPI/v2/authSync");
        assert_eq!(path_of("/", "/a/produceAPI/authSync"), "/a/produceAPI/authSync");
    }
}
