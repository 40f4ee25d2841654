//! The header signature of the newer usage push.

use hmac::Mac as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::body::Bodies;
use super::search::{Choice, diagnose};
use super::written::{self, Form};
use super::{Diagnosis, Mistake, keys, v2, verdict};
use crate::key::{AccessKeys, InterfaceType, hmac_of};
use crate::signature::{Window, usage_push};

/// What is the matter with the signature of a usage push; arguments as for [`usage_push::verify`].
pub fn usage_push(keys: &AccessKeys, signature: &str, ts: &str, nonce: &str, body: &[u8]) -> Diagnosis {
    const INTERFACE: InterfaceType = InterfaceType::Basic;
    let Some(ring) = keys.get(INTERFACE) else { return Diagnosis::NoKey(INTERFACE) };
    let verify = |_| keys::first_to_verify(ring, |key| usage_push::verify(key, signature, ts, nonce, body));
    if let Some(verdict) = verdict(Window::default(), verify) {
        return verdict;
    }
    let Some((signature, certain)) = written::read(signature, Form::Base64) else { return Diagnosis::Unreadable };
    let keys = keys::candidates(keys, INTERFACE, ring);
    let layout = layouts();
    let plain = Choice::right(false).or(Mistake::PlainHash, true);
    let times = v2::times(ts);
    let bodies = Bodies::new(body);
    let [order, spacing, escapes, edge] = bodies.mistakes();
    let choices =
        [keys.mistakes(), layout.mistakes(), plain.mistakes(), times.mistakes(), edge, spacing, escapes, order];
    diagnose(certain, choices, |[key, parts, is_plain, time, edge, spacing, escapes, order]| {
        let key = keys[key].as_bytes();
        let Some(body) = bodies.get([order, spacing, escapes, edge]) else { return false };
        let digest = || const_hex::encode(hmac_of(key).chain_update(&*body).finalize().into_bytes());
        let mut text = Zeroizing::new(Vec::with_capacity(body.len() + 128));
        for part in layout[parts] {
            match part {
                Part::Mark(mark) => text.extend_from_slice(mark.as_bytes()),
                Part::Key => text.extend_from_slice(key),
                Part::Time => text.extend_from_slice(times[time].as_bytes()),
                Part::Nonce => text.extend_from_slice(nonce.as_bytes()),
                Part::Body => text.extend_from_slice(&body),
                Part::Digest => text.extend_from_slice(digest().as_bytes()),
            }
        }
        let made: [u8; 32] = match plain[is_plain] {
            false => hmac_of(key).chain_update(&*text).finalize().into_bytes().into(),
            true => Sha256::digest(&*text).into(),
        };
        made == signature
    })
}

/// What the signed text is made of.
enum Part {
    Mark(&'static str),
    Key,
    Time,
    Nonce,
    Body,
    Digest,
}

fn layouts() -> Choice<&'static [Part]> {
    use Part::{Body, Digest, Key, Mark, Nonce, Time};
    let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
    let right: &[Part] = &[Mark("ts="), Time, Mark("&nonce="), Nonce, Mark("&body="), Body];
    Choice::right(right)
        .or(left_out("ts"), &[Mark("nonce="), Nonce, Mark("&body="), Body])
        .or(left_out("the nonce"), &[Mark("ts="), Time, Mark("&body="), Body])
        .or(left_out("the body"), &[Mark("ts="), Time, Mark("&nonce="), Nonce])
        .or(Mistake::WrongOrder, &[Mark("nonce="), Nonce, Mark("&ts="), Time, Mark("&body="), Body])
        .or(Mistake::MarksLeftOut, &[Time, Nonce, Body])
        .or(Mistake::CallbackFormula, &[Key, Nonce, Time, Digest])
        .or(Mistake::CallbackFormula, &[Key, Nonce, Time, Body])
}
