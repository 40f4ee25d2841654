//! The signature of V1.0 answers.

use hmac::Mac as _;
use sha2::{Digest as _, Sha256};

use super::body::Bodies;
use super::search::{Choice, diagnose};
use super::written::{self, Form};
use super::{Diagnosis, Mistake, keys, verdict};
use crate::key::{AccessKeys, InterfaceType, hmac_of};
use crate::signature::{Window, body_sign};

/// What is the matter with the `Body-Sign` of an answer; arguments as for [`body_sign::verify`].
///
/// `interface` is [`InterfaceType::V1`], unless the Kit has a key of its own.
pub fn body_sign(keys: &AccessKeys, interface: InterfaceType, value: &str, body: &[u8]) -> Diagnosis {
    let Some(ring) = keys.get(interface) else { return Diagnosis::NoKey(interface) };
    let verify = |_| keys::first_to_verify(ring, |key| body_sign::verify(key, value, body));
    if let Some(verdict) = verdict(Window::default(), verify) {
        return verdict;
    }
    let (signature, mut certain) = signature_in(value);
    let Some((signature, odd)) = written::read(signature, Form::Base64) else { return Diagnosis::Unreadable };
    certain.extend(odd);
    let keys = keys::candidates(keys, interface, ring);
    let plain = Choice::right(false).or(Mistake::PlainHash, true);
    let bodies = Bodies::new(body);
    let [order, spacing, escapes, edge] = bodies.mistakes();
    let choices = [keys.mistakes(), plain.mistakes(), edge, spacing, escapes, order];
    diagnose(certain, choices, |[key, is_plain, edge, spacing, escapes, order]| {
        let Some(body) = bodies.get([order, spacing, escapes, edge]) else { return false };
        let made: [u8; 32] = match plain[is_plain] {
            false => hmac_of(keys[key].as_bytes()).chain_update(&*body).finalize().into_bytes().into(),
            true => Sha256::digest(&*body).into(),
        };
        made == signature
    })
}

/// The signature in a header's value that may lack quotes, or everything else.
fn signature_in(value: &str) -> (&str, Vec<Mistake>) {
    let Some((before, after)) = value.split_once("signature") else {
        return (value, vec![Mistake::HeaderIncomplete]);
    };
    let after = after.trim_start().trim_start_matches('=').trim();
    let has_type = before.contains("sign_type") && before.contains("HMAC-SHA256");
    let quoted = |text: &str| text.trim_end_matches([',', ' ']).ends_with('"');
    let mut mistakes = Vec::new();
    if !has_type {
        mistakes.push(Mistake::HeaderIncomplete);
    } else if !quoted(before) || !quoted(after) {
        mistakes.push(Mistake::QuotesMissing);
    }
    (after.trim_matches('"'), mistakes)
}
