//! Keys that might have been taken for the right one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Mistake;
use super::search::Choice;
use crate::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use crate::signature::VerifyError;

/// The text of a key, whether a console would show it or not.
pub(super) type KeyText = Zeroizing<String>;

/// The first key of the ring, then the others, then those of the other interface types, then the first one as it gets
/// damaged in configuration.
pub(super) fn candidates(keys: &AccessKeys, interface: InterfaceType, ring: &KeyRing) -> Choice<KeyText> {
    let text = |key: &AccessKey| Zeroizing::new(key.expose().to_owned());
    let right = text(ring.signing_key());
    let of_ring = ring.iter().enumerate().skip(1).map(|(index, key)| (Mistake::OlderKey(index), text(key)));
    let others = InterfaceType::ALL.into_iter().filter(|other| *other != interface);
    let of_others = others.filter_map(|other| Some((Mistake::OtherInterfaceKey(other), keys.get(other)?)));
    let of_others = of_others.flat_map(|(mistake, ring)| ring.iter().map(move |key| (mistake.clone(), text(key))));
    // The basic and the V1.0 key may be the same.
    let of_others = of_others.filter(|(_, other)| ring.iter().all(|key| key.expose() != other.as_str()));
    Choice::right(right.clone()).or_each(of_ring).or_each(of_others).or_each(spoilt(&right))
}

/// The index of the key with which a signature is right.
pub(super) fn first_to_verify(
    ring: &KeyRing,
    verify: impl Fn(&KeyRing) -> Result<(), VerifyError>,
) -> Result<usize, VerifyError> {
    verify(ring)?;
    Ok(ring.iter().position(|key| verify(&key.clone().into()).is_ok()).unwrap_or(0))
}

/// Returns the forms of a key that is damaged in files and settings.
pub(super) fn spoilt(key: &str) -> impl Iterator<Item = (Mistake, KeyText)> {
    let decoded = STANDARD.decode(key).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let forms = [
        (Mistake::KeyNotDecoded, STANDARD.encode(key)),
        (Mistake::KeyWithLineBreak, format!("{key}\n")),
        (Mistake::KeyWithLineBreak, format!("{key}\r\n")),
        (Mistake::KeyWithBlank, format!("{key} ")),
        (Mistake::KeyWithBlank, format!(" {key}")),
        (Mistake::KeyWithBlank, format!("{key}\t")),
        (Mistake::KeyWithBlank, format!("\u{feff}{key}")),
        (Mistake::KeyInQuotes, format!("\"{key}\"")),
        (Mistake::KeyInQuotes, format!("'{key}'")),
        (Mistake::KeyInQuotes, key.trim_matches(['"', '\'']).to_owned()),
        (Mistake::KeyWithoutHyphens, key.replace('-', "")),
        (Mistake::KeyLetterCase, key.to_uppercase()),
        (Mistake::KeyLetterCase, key.to_lowercase()),
    ];
    let decoded = decoded.map(|text| (Mistake::KeyDecoded, text));
    forms.into_iter().chain(decoded).map(|(mistake, text)| (mistake, Zeroizing::new(text)))
}
