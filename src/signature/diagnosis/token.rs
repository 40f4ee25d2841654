//! The tokens of V1.0, over a query and over a body.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use time::UtcOffset;
use zeroize::Zeroizing;

use super::charset::{self, Charset};
use super::encoders::{ENCODERS, Encoder};
use super::java::{Table, hash_order};
use super::keys::{self, KeyText};
use super::making::{MARKS, Making};
use super::search::{Budget, Choice, Make, Mistaken, diagnose, each};
use super::written::{self, Form, Written};
use super::{Diagnosis, Mistake, verdict};
use crate::cipher::field::{EncryptType, FieldCipher};
use crate::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use crate::query::{self, NON_UNRESERVED, Plus};
use crate::signature::auth_token::{self, TIME_STAMP, TOKEN};
use crate::signature::auth_token_body::{self, is_blank};
use crate::signature::{VerifyError, Window, header};
use crate::text::json;
use crate::timestamp::{CHINA, Timestamp};

/// Finds the mistake in the `authToken` of a V1.0 call; arguments as for [`auth_token::verify`].
///
/// `interface` is [`InterfaceType::V1`].
pub fn auth_token(
    keys: &AccessKeys,
    interface: InterfaceType,
    query: &str,
    now: Timestamp,
    window: Window,
) -> Diagnosis {
    let Some(ring) = keys.get(interface) else { return Diagnosis::NoKey(interface) };
    let verify = |window| auth_token::verify(ring, query, now, window).map(|verified| verified.key_index());
    if let Some(verdict) = verdict(window, verify) {
        return verdict;
    }
    let token = query::raw_pairs(query).find(|pair| pair.name == TOKEN);
    let token = token.and_then(|pair| pair.decoded_value(Plus::Space)).unwrap_or_default();
    // Verification restores them as well.
    let written = match written::read(&query::plus_restored(&token), Form::Base64) {
        Ok(written) => written,
        Err(diagnosis) => return diagnosis,
    };
    Call::of_query(keys::candidates(keys, interface, ring), query, written).diagnose()
}

/// Finds the mistake in the `authToken` of a V1.0 Kit call; arguments as for [`auth_token_body::verify`].
///
/// `interface` is [`InterfaceType::V1`], unless the Kit has a key of its own.
pub fn auth_token_body(
    keys: &AccessKeys,
    interface: InterfaceType,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    window: Window,
) -> Diagnosis {
    let Some(ring) = keys.get(interface) else { return Diagnosis::NoKey(interface) };
    let verify = |body: &[u8], window| {
        auth_token_body::verify(ring, headers, body, now, window).map(|verified| verified.key_index())
    };
    if let Some(verdict) = verdict(window, |window| verify(body, window)) {
        return match (&verdict, body.strip_prefix("\u{feff}".as_bytes())) {
            (Diagnosis::Refused(VerifyError::UndecodableBody), Some(bare)) if verify(bare, window).is_ok() => {
                Diagnosis::Explained(vec![Mistake::ByteOrderMark])
            }
            _ => verdict,
        };
    }
    let token = header(headers, TOKEN).ok().flatten().unwrap_or_default();
    let token = query::decode(auth_token_body::unquoted(token), Plus::Literal).unwrap_or_default();
    let written = match written::read(&query::plus_restored(&token), Form::Base64) {
        Ok(written) => written,
        Err(diagnosis) => return diagnosis,
    };
    Call::of_body(keys::candidates(keys, interface, ring), body, written).diagnose()
}

/// Returns the tokens that the known mistakes give a V1.0 call; its own token is not looked at.
pub(super) fn mistaken_query(ring: &KeyRing, keys: &AccessKeys, interface: InterfaceType, query: &str) -> Mistaken {
    Call::of_query(keys::candidates(keys, interface, ring), query, Written::unknown()).with_choices(each)
}

/// Returns the tokens that the known mistakes give a V1.0 Kit call; its own token is not looked at.
pub(super) fn mistaken_body(ring: &KeyRing, keys: &AccessKeys, interface: InterfaceType, body: &[u8]) -> Mistaken {
    Call::of_body(keys::candidates(keys, interface, ring), body, Written::unknown()).with_choices(each)
}

/// Names and values in the order received.
type Parameters = Vec<(String, String)>;

/// Selection of the signed parameters and their values.
enum Selected {
    All,
    NotBlank,
    Known(&'static [&'static str]),
    Without(String),
    WithEmptyToken,
    EmptyAsNull,
    Decrypted(EncryptType),
    ExtendParamsDecoded,
}

impl Selected {
    fn of(&self, mut parameters: Parameters, blank_counts: bool, key: &KeyText) -> Option<Parameters> {
        let drops_blank =
            matches!(self, Self::NotBlank) || (!blank_counts && !matches!(self, Self::All | Self::EmptyAsNull));
        parameters.retain(|(_, value)| !drops_blank || !is_blank(value));
        match self {
            Self::All | Self::NotBlank => {}
            Self::Known(names) => parameters.retain(|(name, _)| names.contains(&name.as_str())),
            Self::Without(left_out) => parameters.retain(|(name, _)| name != left_out),
            Self::EmptyAsNull => {
                let empty = parameters.iter_mut().filter(|(_, value)| is_blank(value));
                empty.for_each(|(_, value)| *value = "null".to_owned());
            }
            Self::WithEmptyToken => parameters.push((TOKEN.to_owned(), String::new())),
            Self::Decrypted(encrypt_type) => {
                let cipher = FieldCipher::new(&AccessKey::new(key.as_str()).ok()?, *encrypt_type);
                for (name, value) in &mut parameters {
                    if matches!(name.as_str(), "mobilePhone" | "email") && !value.is_empty() {
                        *value = cipher.decrypt(&value.as_str().into()).ok()?.expose().to_owned();
                    }
                }
            }
            Self::ExtendParamsDecoded => {
                let (_, value) = parameters.iter_mut().find(|(name, _)| name == "saasExtendParams")?;
                *value = String::from_utf8(STANDARD.decode(&*value).ok()?).ok()?;
            }
        }
        Some(parameters)
    }
}

#[derive(Clone, Copy)]
enum Order {
    ByName,
    Received,
    Descending,
    IgnoringCase,
    /// That of a Java `HashMap`, in which the token may have stood as well.
    Hash(Table, bool),
}

impl Order {
    fn sort(self, parameters: &mut Parameters) {
        match self {
            Self::Received => {}
            Self::ByName => parameters.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16())),
            Self::Descending => parameters.sort_by(|(a, _), (b, _)| b.encode_utf16().cmp(a.encode_utf16())),
            Self::IgnoringCase => parameters.sort_by_key(|(name, _)| name.to_lowercase()),
            Self::Hash(table, with_token) => {
                let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
                let names = [names.as_slice(), if with_token { &[TOKEN] } else { &[] }].concat();
                let places = hash_order(names.into_iter(), table);
                *parameters = places.into_iter().filter_map(|at| parameters.get(at).cloned()).collect();
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Joined {
    /// With a mark between them.
    Pairs(&'static str),
    Values(&'static str),
    WithoutMarks,
    PercentEncoded,
    FormEncoded,
    EncodedBy(&'static Encoder),
    /// With a mark before, or behind.
    Stray(&'static str, &'static str),
    KeyBefore,
    /// With a label before the key.
    KeyBehind(&'static str),
}

impl Joined {
    fn text(self, parameters: &[(String, String)], key: &KeyText) -> String {
        let encoded = |value: &str| utf8_percent_encode(value, NON_UNRESERVED).to_string();
        let part = |(name, value): &(String, String)| match self {
            Self::Pairs(_) | Self::Stray(..) | Self::KeyBefore | Self::KeyBehind(_) => format!("{name}={value}"),
            Self::EncodedBy(encoder) => format!("{name}={}", encoder.encode(value.as_bytes())),
            Self::Values(_) => value.clone(),
            Self::WithoutMarks => format!("{name}{value}"),
            Self::PercentEncoded => format!("{name}={}", encoded(value)),
            Self::FormEncoded => format!("{name}={}", encoded(value).replace("%20", "+")),
        };
        let parts: Vec<_> = parameters.iter().map(part).collect();
        let text = parts.join(match self {
            Self::Pairs(mark) | Self::Values(mark) => mark,
            Self::WithoutMarks => "",
            _ => "&",
        });
        match self {
            Self::Stray(before, behind) => [before, &text, behind].concat(),
            Self::KeyBefore => [key, text.as_str()].concat(),
            Self::KeyBehind(label) => [&text, label, key].concat(),
            _ => text,
        }
    }
}

/// Text beside the access key in the key of the HMAC.
#[derive(Clone)]
enum KeyForm {
    Before(String),
    Behind(String),
}

struct Call {
    written: Written,
    keys: Choice<KeyText>,
    readings: Choice<Parameters>,
    selected: Choice<Selected>,
    blank_counts: bool,
    zone: UtcOffset,
}

impl Call {
    fn of_query(keys: Choice<KeyText>, query: &str, written: Written) -> Self {
        let pairs = || query::raw_pairs(query).filter(|pair| pair.name != TOKEN);
        let read = |decode: &dyn Fn(&str) -> Option<String>| -> Parameters {
            pairs().filter_map(|pair| Some((decode(pair.name)?, decode(pair.value)?))).collect()
        };
        let once = |plus| move |raw: &str| query::decode(raw, plus).map(Cow::into_owned);
        let twice = |plus| move |raw: &str| once(plus)(&once(plus)(raw)?);
        let read_in = |charset: Charset| {
            read(&move |raw| {
                let bytes: Vec<u8> = percent_decode_str(&raw.replace('+', " ")).collect();
                String::from_utf8(charset.change(&bytes).unwrap_or(bytes)).ok()
            })
        };
        let charsets = charset::mistakes().filter(|(_, charset)| charset.is_read());
        Self {
            written,
            keys,
            readings: Choice::right(read(&once(Plus::Space)))
                .or(Mistake::PlusAsSpace, read(&once(Plus::Literal)))
                .or(Mistake::PlusAsSpace, read(&|raw| Some(once(Plus::Space)(raw)?.replace(' ', "+"))))
                .or(Mistake::PlusAsSpace, read(&|raw| Some(once(Plus::Space)(raw)?.replace('+', " "))))
                .or(Mistake::NotDecoded, read(&|raw| Some(raw.to_owned())))
                .or(Mistake::DecodedTwice, read(&twice(Plus::Space)))
                .or(Mistake::DecodedTwice, read(&twice(Plus::Literal)))
                .or_each(charsets.map(|(mistake, charset)| (mistake, read_in(charset)))),
            selected: Choice::right(Selected::All)
                .or(Mistake::EmptyLeftOut, Selected::NotBlank)
                .or(Mistake::EmptyAsNull, Selected::EmptyAsNull)
                .or(Mistake::UnknownLeftOut, Selected::Known(&auth_token::KNOWN))
                .or(Mistake::Decrypted, Selected::Decrypted(EncryptType::Aes256))
                .or(Mistake::Decrypted, Selected::Decrypted(EncryptType::Aes128))
                .or(Mistake::ExtendParamsDecoded, Selected::ExtendParamsDecoded)
                .or(Mistake::TokenSigned, Selected::WithEmptyToken),
            blank_counts: true,
            zone: UtcOffset::UTC,
        }
    }

    fn of_body(keys: Choice<KeyText>, body: &[u8], written: Written) -> Self {
        let members = json::members(body).unwrap_or_default();
        let members = || members.iter().filter(|(name, _)| name != TOKEN);
        let read = |text: &dyn Fn(&str) -> Option<String>| -> Parameters {
            members().filter_map(|(name, value)| Some((name.clone().into_owned(), text(value)?))).collect()
        };
        let text = |value: &str| auth_token_body::text_of(value).map(Cow::into_owned);
        let literal = |value: &str| Some(if value == "null" { String::new() } else { value.to_owned() });
        let inner = |value: &str| value.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
        Self {
            written,
            keys,
            readings: Choice::right(read(&text))
                .or(Mistake::NotDecoded, read(&literal))
                .or(Mistake::NotDecoded, read(&|value| inner(value).or_else(|| literal(value))))
                .or(Mistake::DecodedTwice, read(&|value| Some(query::decode(&text(value)?, Plus::Space)?.into_owned())))
                .or(
                    Mistake::DecodedTwice,
                    read(&|value| Some(query::decode(&text(value)?, Plus::Literal)?.into_owned())),
                )
                .or(Mistake::PlusAsSpace, read(&|value| Some(text(value)?.replace('+', " "))))
                .or(Mistake::PlusAsSpace, read(&|value| Some(text(value)?.replace(' ', "+")))),
            selected: Choice::right(Selected::NotBlank)
                .or(Mistake::BlankSigned, Selected::All)
                .or(Mistake::EmptyAsNull, Selected::EmptyAsNull)
                .or(Mistake::UnknownLeftOut, Selected::Known(&auth_token_body::KNOWN)),
            blank_counts: false,
            zone: CHINA,
        }
    }

    fn diagnose(self) -> Diagnosis {
        let Written { bytes: signature, mistakes, .. } = self.written.clone();
        let length: usize = self.readings[0].iter().map(|(name, value)| name.len() + value.len()).sum();
        let budget = Budget::new();
        self.with_choices(|choices, make| {
            diagnose(mistakes, choices, &budget, |picked| {
                budget.spend(length).and_then(|()| make(picked)).as_ref() == Some(&signature)
            })
        })
    }

    /// Hands out the mistakes to try, and the function that makes a token with some of them.
    fn with_choices<T>(self, search: impl FnOnce(&[&[Mistake]], &Make<'_>) -> T) -> T {
        let blank_counts = self.blank_counts;
        let names = self.readings[0].iter().filter(|(_, value)| blank_counts || !is_blank(value));
        let without = names.map(|(name, _)| (Mistake::LeftOut(name.clone()), Selected::Without(name.clone())));
        let without: Vec<_> = without.collect();
        let selected = self.selected.or_each(without);
        let time_stamp = self.readings[0].iter().find(|(name, _)| name == TIME_STAMP);
        let key_forms = key_forms(time_stamp.map_or("", |(_, value)| value), self.zone);
        let order = Choice::right(Order::ByName)
            .or(Mistake::Unsorted, Order::Received)
            .or(Mistake::SortedDescending, Order::Descending)
            .or(Mistake::SortedIgnoringCase, Order::IgnoringCase)
            .or_each(Table::ALL.map(|table| (Mistake::JavaHashOrder, Order::Hash(table, false))))
            .or_each(Table::ALL.map(|table| (Mistake::JavaHashOrder, Order::Hash(table, true))));
        let marks = MARKS.into_iter().filter(|mark| *mark != "&");
        let joined = Choice::right(Joined::Pairs("&"))
            .or(Mistake::NamesLeftOut, Joined::Values("&"))
            .or(Mistake::NamesLeftOut, Joined::Values(""))
            .or(Mistake::MarksLeftOut, Joined::WithoutMarks)
            .or(Mistake::MarksLeftOut, Joined::Pairs(""))
            .or_each(marks.map(|mark| (Mistake::OtherMarks, Joined::Pairs(mark))))
            .or(Mistake::KeyInText, Joined::KeyBefore)
            .or_each(["", "&", "&key="].map(|label| (Mistake::KeyInText, Joined::KeyBehind(label))))
            .or(Mistake::Encoded, Joined::PercentEncoded)
            .or(Mistake::Encoded, Joined::FormEncoded)
            .or(Mistake::StrayMark, Joined::Stray("", "&"))
            .or(Mistake::StrayMark, Joined::Stray("&", ""))
            .or(Mistake::StrayMark, Joined::Stray("?", ""))
            .or_each(ENCODERS.iter().map(|encoder| (encoder.mistake(), Joined::EncodedBy(encoder))));
        let making = Making::choice();
        let charsets = charset::mistakes().filter(|(_, charset)| !charset.is_read());
        let charsets = Choice::right(None).or_each(charsets.map(|(mistake, charset)| (mistake, Some(charset))));
        let choices = [
            self.keys.mistakes(),
            self.readings.mistakes(),
            selected.mistakes(),
            key_forms.mistakes(),
            order.mistakes(),
            joined.mistakes(),
            making.mistakes(),
            charsets.mistakes(),
        ];
        search(&choices, &|picked| {
            let &[key, reading, selection, form, sorted, joint, made, charset] = picked else { return None };
            let key = &self.keys[key];
            let parameters = self.readings[reading].clone();
            let mut parameters = selected[selection].of(parameters, blank_counts, key)?;
            order[sorted].sort(&mut parameters);
            let text = Zeroizing::new(joined[joint].text(&parameters, key).into_bytes());
            let text = match charsets[charset] {
                None => text,
                Some(charset) => Zeroizing::new(charset.change(&text)?),
            };
            let hmac_key = Zeroizing::new(match &key_forms[form] {
                KeyForm::Behind(time) => [key, time.as_str()].concat(),
                KeyForm::Before(time) => [time.as_str(), key].concat(),
            });
            Some(making[made].make(self.written.algorithm, hmac_key.as_bytes(), &text))
        })
    }
}

/// The time is part of the key as it stands there.
fn key_forms(time_stamp: &str, zone: UtcOffset) -> Choice<KeyForm> {
    let behind = |text: String| KeyForm::Behind(text);
    let forms = Choice::right(behind(time_stamp.to_owned()))
        .or(Mistake::TimeStampNotInKey, behind(String::new()))
        .or(Mistake::TimeStampNull, behind("null".to_owned()))
        .or(Mistake::TimeStampBeforeKey, KeyForm::Before(time_stamp.to_owned()));
    let Ok(time) = Timestamp::parse_compact(time_stamp, zone) else { return forms };
    let hours = (-12..=14_i8).filter(|hours| *hours != 0);
    let zoned = hours.filter_map(|hours| {
        let there = UtcOffset::from_whole_seconds(zone.whole_seconds() + i32::from(hours) * 3600).ok()?;
        let text = time.to_compact_millis_in(there);
        Some((Mistake::TimeZone(i64::from(hours)), behind(text.get(..time_stamp.len())?.to_owned())))
    });
    let millis = time.as_unix_millis();
    forms
        .or_each(zoned)
        .or(Mistake::TimeReformatted, behind(time_stamp.chars().take(14).collect()))
        .or(Mistake::TimeReformatted, behind(millis.to_string()))
        .or(Mistake::TimeReformatted, behind((millis / 1000).to_string()))
}
