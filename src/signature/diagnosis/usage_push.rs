//! The header signature of the newer usage push.

use hmac::Mac as _;
use zeroize::Zeroizing;

use super::body::Bodies;
use super::making::Making;
use super::search::{Choice, diagnose};
use super::written::{self, Form, Written};
use super::{Diagnosis, Mistake, keys, v2, verdict};
use crate::key::{AccessKeys, InterfaceType, hmac_of};
use crate::signature::{Window, usage_push};

/// Finds the mistake in the signature of a usage push; arguments as for [`usage_push::verify`].
pub fn usage_push(keys: &AccessKeys, signature: &str, ts: &str, nonce: &str, body: &[u8]) -> Diagnosis {
    const INTERFACE: InterfaceType = InterfaceType::Basic;
    let Some(ring) = keys.get(INTERFACE) else { return Diagnosis::NoKey(INTERFACE) };
    let verify = |_| keys::first_to_verify(ring, |key| usage_push::verify(key, signature, ts, nonce, body));
    if let Some(verdict) = verdict(Window::default(), verify) {
        return verdict;
    }
    let Written { bytes: signature, algorithm, mistakes } = match written::read(signature, Form::Base64) {
        Ok(written) => written,
        Err(diagnosis) => return diagnosis,
    };
    let keys = keys::candidates(keys, INTERFACE, ring);
    let layout = layouts();
    let making = Making::choice();
    let times = v2::times(ts);
    let bodies = Bodies::new(body);
    let own = [keys.mistakes(), layout.mistakes(), making.mistakes(), times.mistakes()];
    let found = diagnose(mistakes, &[&own, &bodies.mistakes()[..]].concat(), bodies.budget(), |picked| {
        let &[key, parts, made, time, ref body @ ..] = picked else { return false };
        let key = keys[key].as_bytes();
        let Some(body) = bodies.get_to_hash(body) else { return false };
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
        making[made].make(algorithm, key, &text) == signature
    });
    found.or_certain(bodies.certain())
}

/// Part of the signed text.
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
