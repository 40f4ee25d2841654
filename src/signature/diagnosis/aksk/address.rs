//! Mistakes in signing path and query.

use std::cmp::Ordering;

use http::Uri;
use percent_encoding::percent_decode_str;

use super::super::Mistake;
use super::super::encoders::{ENCODERS, in_lower_case_hex};
use super::super::search::Choice;
use crate::query::raw_pairs;

pub(super) fn paths(canonical: &str, uri: &Uri) -> Choice<String> {
    let sent = uri.path();
    let with_slash = |path: &str| if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
    let each_segment = |path: &str, encode: &dyn Fn(&str) -> String| {
        with_slash(&path.split('/').map(encode).collect::<Vec<_>>().join("/"))
    };
    let [javascript, ..] = &ENCODERS;
    let whole = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    Choice::right(canonical.to_owned())
        .or(Mistake::PathWithoutSlash, canonical.strip_suffix('/').unwrap_or(canonical).to_owned())
        .or(Mistake::NotCanonical, with_slash(sent))
        .or(Mistake::NotCanonical, sent.to_owned())
        .or(Mistake::EncodedTwice, canonical.replace('%', "%25"))
        .or(Mistake::EncodedTwice, each_segment(sent, &|segment| javascript.encode(segment.as_bytes())))
        .or(Mistake::LowerCaseHex, in_lower_case_hex(canonical))
        .or(Mistake::NotEncoded, with_slash(&percent_decode_str(sent).decode_utf8_lossy()))
        .or(Mistake::QueryInPath, whole)
        .or_each(ENCODERS.iter().map(|encoder| {
            let encode = |segment: &str| encoder.encode(&decoded(segment));
            (encoder.mistake(), each_segment(sent, &encode))
        }))
}

pub(super) fn queries(canonical: &str, sent: &str) -> Choice<String> {
    let pairs: Vec<(Vec<u8>, Vec<u8>)> =
        raw_pairs(sent).map(|pair| (decoded(pair.name), decoded(pair.value))).collect();
    let sorted: Vec<(&str, &str)> = raw_pairs(canonical).map(|pair| (pair.name, pair.value)).collect();
    Choice::right(canonical.to_owned())
        .or(Mistake::NotCanonical, sent.to_owned())
        .or(Mistake::LeftOut("the query".to_owned()), String::new())
        .or(Mistake::PlusAsSpace, canonical.replace("%2B", "%20"))
        .or(Mistake::PlusAsSpace, canonical.replace("%20", "%2B"))
        .or(Mistake::Encoded, canonical.replace("%20", "+"))
        .or(Mistake::LowerCaseHex, in_lower_case_hex(canonical))
        .or(Mistake::EncodedTwice, canonical.replace('%', "%25"))
        .or(Mistake::NotEncoded, percent_decode_str(canonical).decode_utf8_lossy().into_owned())
        .or(Mistake::EqualsSignLeftOut, joined(&sorted, ""))
        .or(Mistake::SortedDescending, joined(&sorted.iter().rev().copied().collect::<Vec<_>>(), "="))
        .or_each(orders(&pairs).map(|ordered| (Mistake::QueryOrder, encoded(&ordered, canonical_encode))))
        .or_each(ENCODERS.iter().map(|encoder| {
            let mut parts: Vec<_> =
                pairs.iter().map(|(name, value)| (encoder.encode(name), encoder.encode(value))).collect();
            parts.sort();
            let parts: Vec<_> = parts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            (encoder.mistake(), joined(&parts, "="))
        }))
}

type Pair = (Vec<u8>, Vec<u8>);

/// As they stand; by decoded name and value; by name, encoded or not, with the values of a list as they stand, or in
/// order of their numbers.
fn orders(pairs: &[Pair]) -> impl Iterator<Item = Vec<Pair>> {
    let number = |(_, value): &Pair| str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
    let by_number = move |a: &Pair, b: &Pair| {
        let as_numbers = number(a).zip(number(b)).and_then(|(a, b)| a.partial_cmp(&b));
        as_numbers.unwrap_or(Ordering::Equal)
    };
    let [mut by_decoded, mut by_name, mut by_encoded_name] = [pairs; 3].map(<[Pair]>::to_vec);
    by_decoded.sort();
    by_name.sort_by(|a, b| a.0.cmp(&b.0));
    by_encoded_name.sort_by_cached_key(|(name, _)| canonical_encode(name));
    let [mut as_numbers, mut as_numbers_encoded] = [by_name.clone(), by_encoded_name.clone()];
    as_numbers.sort_by(|a, b| a.0.cmp(&b.0).then(by_number(a, b)));
    as_numbers_encoded.sort_by(|a, b| canonical_encode(&a.0).cmp(&canonical_encode(&b.0)).then(by_number(a, b)));
    [pairs.to_vec(), by_decoded, by_name, by_encoded_name, as_numbers, as_numbers_encoded].into_iter()
}

fn encoded(pairs: &[Pair], encode: impl Fn(&[u8]) -> String) -> String {
    let parts: Vec<_> = pairs.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    joined(&parts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), "=")
}

fn canonical_encode(bytes: &[u8]) -> String {
    percent_encoding::percent_encode(bytes, crate::query::NON_UNRESERVED).to_string()
}

/// The pairs, with this mark where there is no value.
fn joined(pairs: &[(&str, &str)], mark_of_empty: &str) -> String {
    let pair = |&(name, value): &(&str, &str)| {
        let mark = if value.is_empty() { mark_of_empty } else { "=" };
        [name, mark, value].concat()
    };
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn decoded(part: &str) -> Vec<u8> {
    percent_decode_str(part).collect()
}
