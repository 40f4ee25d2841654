//! The signature of V1.0 answers.

use super::body::Bodies;
use super::making::Making;
use super::search::diagnose;
use super::written::{self, Form, Written};
use super::{Diagnosis, Mistake, keys, verdict};
use crate::key::{AccessKeys, InterfaceType};
use crate::signature::{Window, body_sign};

/// Finds the mistake in the `Body-Sign` of an answer; arguments as for [`body_sign::verify`].
///
/// `interface` is [`InterfaceType::V1`], unless the Kit has a key of its own.
pub fn body_sign(keys: &AccessKeys, interface: InterfaceType, value: &str, body: &[u8]) -> Diagnosis {
    let Some(ring) = keys.get(interface) else { return Diagnosis::NoKey(interface) };
    let verify = |_| keys::first_to_verify(ring, |key| body_sign::verify(key, value, body));
    if let Some(verdict) = verdict(Window::default(), verify) {
        return verdict;
    }
    let (signature, mut certain) = signature_in(value);
    let Written { bytes: signature, algorithm, mistakes } = match written::read(signature, Form::Base64) {
        Ok(written) => written,
        Err(diagnosis) => return diagnosis,
    };
    certain.extend(mistakes);
    let keys = keys::candidates(keys, interface, ring);
    let making = Making::choice();
    let bodies = Bodies::new(body);
    let choices = [&[keys.mistakes(), making.mistakes()], &bodies.mistakes()[..]].concat();
    let found = diagnose(certain, &choices, bodies.budget(), |picked| {
        let &[key, made, ref body @ ..] = picked else { return false };
        bodies
            .get_to_hash(body)
            .is_some_and(|body| making[made].make(algorithm, keys[key].as_bytes(), &body) == signature)
    });
    found.or_certain(bodies.certain())
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
