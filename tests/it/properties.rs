//! What holds for every key, nonce, body and parameter, not only for those of the examples.

use std::collections::BTreeMap;
use std::future::Future;

use http::HeaderValue;
use koogallery::cipher::field::{Ciphertext, EncryptError, EncryptType, FieldCipher, MAX_PLAINTEXT};
use koogallery::key::{AccessKey, KeyRing};
use koogallery::result_code::ResultCode;
use koogallery::signature::{VerifyError, Window, auth_token, body_sign, callback_v2};
use koogallery::timestamp::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::support::*;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any text, control characters and those outside the basic plane included.
fn text(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    vec(any::<char>(), length).prop_map(String::from_iter)
}

/// Keys of any length, longer than an HMAC block too.
fn any_key() -> impl Strategy<Value = AccessKey> {
    prop_oneof![text(1..100), "[0-9a-f]{8}-[0-9a-f]{4}"]
        .prop_filter_map("no key", |text| AccessKey::new(text.trim()).ok())
}

fn any_nonce() -> impl Strategy<Value = String> {
    "[0-9A-Za-z]{1,64}"
}

/// Times whose milliseconds have 13 digits.
fn any_time() -> impl Strategy<Value = Timestamp> {
    (1_000_000_000_000_i64..10_000_000_000_000).prop_map(Timestamp::from_unix_millis)
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn v2_query(signature: &str, timestamp: &str, nonce: &str) -> String {
    format!("signature={}&timestamp={}&nonce={}", encode(signature), encode(timestamp), encode(nonce))
}

/// One byte or character changed, left out or put in.
#[derive(Clone, Debug)]
enum Damage<T> {
    Replace(Index, T),
    Remove(Index),
    Insert(Index, T),
}

fn damage<T: Clone + std::fmt::Debug + 'static>(unit: impl Strategy<Value = T>) -> impl Strategy<Value = Damage<T>> {
    (any::<Index>(), unit, 0..3).prop_map(|(index, unit, kind)| match kind {
        0 => Damage::Replace(index, unit),
        1 => Damage::Remove(index),
        _ => Damage::Insert(index, unit),
    })
}

impl<T: Clone> Damage<T> {
    fn applied_to(&self, units: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut units: Vec<T> = units.into_iter().collect();
        match self {
            Self::Insert(index, unit) => units.insert(index.index(units.len() + 1), unit.clone()),
            _ if units.is_empty() => {}
            Self::Replace(index, unit) => {
                let index = index.index(units.len());
                units[index] = unit.clone();
            }
            Self::Remove(index) => drop(units.remove(index.index(units.len()))),
        }
        units
    }
}

fn damaged_text(text: &str, damage: &Damage<char>) -> String {
    damage.applied_to(text.chars()).into_iter().collect()
}

/// JSON that remembers its number literals and the order of its members.
#[derive(Clone, Debug)]
enum Json {
    Literal(String),
    Text(String),
    List(Vec<Json>),
    Object(Members),
}

type Members = Vec<(String, Json)>;

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Literal("null".to_owned())),
        any::<bool>().prop_map(|value| Json::Literal(value.to_string())),
        r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?".prop_map(Json::Literal),
        text(0..8).prop_map(Json::Text),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::List),
            btree_map(text(0..4), inner, 0..4).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn any_members() -> impl Strategy<Value = Members> {
    btree_map(text(0..4), any_json(), 0..6).prop_map(|members| members.into_iter().collect::<Members>()).prop_shuffle()
}

/// Writes JSON; the whims put in white space and escape what needs no escape. Without whims, as the marketplace does.
struct Writer<'w> {
    out: String,
    whims: std::iter::Cycle<std::slice::Iter<'w, u8>>,
}

impl<'w> Writer<'w> {
    fn object(members: &[(String, Json)], whims: &'w [u8]) -> String {
        let mut writer = Writer { out: String::new(), whims: whims.iter().cycle() };
        writer.members(members);
        writer.out
    }

    fn whim(&mut self) -> u8 {
        self.whims.next().copied().unwrap_or(0)
    }

    fn push(&mut self, token: &str) {
        self.space();
        self.out.push_str(token);
        self.space();
    }

    fn space(&mut self) {
        let space = ["", " ", "\n", "\t\r\n "][usize::from(self.whim() % 4)];
        self.out.push_str(space);
    }

    fn members(&mut self, members: &[(String, Json)]) {
        self.push("{");
        for (index, (name, value)) in members.iter().enumerate() {
            if index > 0 {
                self.push(",");
            }
            self.quoted(name);
            self.push(":");
            self.value(value);
        }
        self.push("}");
    }

    fn value(&mut self, value: &Json) {
        match value {
            Json::Literal(literal) => self.push(literal),
            Json::Text(text) => self.quoted(text),
            Json::Object(members) => self.members(members),
            Json::List(values) => {
                self.push("[");
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        self.push(",");
                    }
                    self.value(value);
                }
                self.push("]");
            }
        }
    }

    fn quoted(&mut self, text: &str) {
        let mut literal = String::from("\"");
        for character in text.chars() {
            let whim = self.whim() % 4;
            match character {
                _ if whim == 1 => {
                    let units = &mut [0; 2];
                    literal.extend(character.encode_utf16(units).iter().map(|unit| format!("\\u{unit:04x}")));
                }
                '/' if whim == 2 => literal.push_str("\\/"),
                '"' => literal.push_str("\\\""),
                '\\' => literal.push_str("\\\\"),
                '\u{8}' => literal.push_str("\\b"),
                '\t' => literal.push_str("\\t"),
                '\n' => literal.push_str("\\n"),
                '\u{c}' => literal.push_str("\\f"),
                '\r' => literal.push_str("\\r"),
                '\0'..='\u{1f}' => literal.push_str(&format!("\\u{:04X}", u32::from(character))),
                plain => literal.push(plain),
            }
        }
        literal.push('"');
        self.push(&literal);
    }
}

fn canonical(members: &[(String, Json)]) -> String {
    let mut members = members.to_vec();
    members.retain(|(_, value)| !matches!(value, Json::Literal(literal) if literal == "null"));
    members.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
    Writer::object(&members, &[])
}

/// What a body says, if anything.
fn content(body: &[u8]) -> Option<Value> {
    let mut content: Value = serde_json::from_slice(body).ok()?;
    content.as_object_mut()?.retain(|_, value| !value.is_null());
    Some(content)
}

fn is_verified(ring: &KeyRing, query: &str, body: &[u8], now: Timestamp) -> Result<(), VerifyError> {
    callback_v2::verify(ring, query, body, now, Window::default()).map(|_| ())
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_signed_v2_call_is_verified(
        key in any_key(),
        nonce in any_nonce(),
        time in any_time(),
        body in prop_oneof![any_bytes(), any_members().prop_map(|members| canonical(&members).into_bytes())],
        upper in vec(any::<bool>(), 1..9),
    ) {
        let ring = KeyRing::new(key.clone());
        let query = callback_v2::signed_query(&key, &nonce, time, &body);
        let verified = callback_v2::verify(&ring, &query, &body, time, Window::default()).unwrap();
        prop_assert_eq!((verified.nonce(), verified.time(), verified.body()), (&*nonce, time, &*body));

        let timestamp = time.as_unix_millis().to_string();
        let signature = callback_v2::sign(&key, &nonce, &timestamp, &body);
        let mixed = signature.chars().zip(upper.iter().cycle());
        let mixed: String =
            mixed.map(|(digit, upper)| if *upper { digit.to_ascii_uppercase() } else { digit }).collect();
        for signature in [signature.to_uppercase(), mixed] {
            prop_assert_eq!(is_verified(&ring, &v2_query(&signature, &timestamp, &nonce), &body, time), Ok(()));
        }
    }

    #[test]
    fn another_key_does_not_verify(key in any_key(), other in any_key(), body in any_bytes(), time in any_time()) {
        let sample = |key: &AccessKey| callback_v2::sign(key, "nonce", "1", b"");
        prop_assume!(sample(&key) != sample(&other));
        let query = callback_v2::signed_query(&key, "nonce", time, &body);
        prop_assert_eq!(is_verified(&KeyRing::new(other.clone()), &query, &body, time), Err(VerifyError::Mismatch));
        let ring = KeyRing::new(other).with_previous(key);
        let verified = callback_v2::verify(&ring, &query, &body, time, Window::default()).unwrap();
        prop_assert_eq!(verified.key_index(), 1);
    }

    #[test]
    fn a_changed_v2_body_is_refused(
        members in any_members(),
        noise in any_bytes(),
        whims in vec(any::<u8>(), 1..40),
        damage in damage(any::<u8>()),
    ) {
        let ring = KeyRing::new(key());
        for body in [noise, canonical(&members).into_bytes(), Writer::object(&members, &whims).into_bytes()] {
            let query = callback_v2::signed_query(&key(), "nonce", NOW, &body);
            let damaged = damage.applied_to(body.iter().copied());
            if damaged == body {
                continue;
            }
            match is_verified(&ring, &query, &damaged, NOW) {
                // Damage may make two names one, or the first bytes those of compressed data.
                Err(VerifyError::Mismatch | VerifyError::RepeatedMember(_) | VerifyError::Compressed(_)) => {}
                Err(error) => prop_assert!(false, "{}", error),
                // A blank between tokens: it says the same.
                Ok(()) => prop_assert!(content(&body).is_some() && content(&body) == content(&damaged)),
            }
        }
    }

    #[test]
    fn a_changed_v2_query_is_refused(
        nonce in any_nonce(),
        body in any_bytes(),
        which in 0..3_usize,
        damage in damage(prop_oneof![any::<char>(), proptest::char::range('0', '9'), proptest::char::range('a', 'z')]),
    ) {
        let timestamp = NOW.as_unix_millis().to_string();
        let mut values = [callback_v2::sign(&key(), &nonce, &timestamp, &body), timestamp, nonce];
        let damaged = damaged_text(&values[which], &damage);
        prop_assume!(damaged != values[which] && (which > 0 || !damaged.eq_ignore_ascii_case(&values[0])));
        values[which] = damaged;
        let [signature, timestamp, nonce] = &values;
        prop_assert!(is_verified(&KeyRing::new(key()), &v2_query(signature, timestamp, nonce), &body, NOW).is_err());
    }

    /// By design: order, white space, escapes and top-level nulls are nothing that a message says.
    #[test]
    fn what_was_signed_canonically_may_be_written_in_any_way(
        members in any_members(),
        whims in vec(any::<u8>(), 1..40),
    ) {
        let ring = KeyRing::new(key());
        let canonical = canonical(&members);
        let query = callback_v2::signed_query(&key(), "nonce", NOW, canonical.as_bytes());
        for written in [Writer::object(&members, &whims), Writer::object(&members, &[]), format!("\n{canonical} ")] {
            prop_assert_eq!(is_verified(&ring, &query, written.as_bytes(), NOW), Ok(()), "{}", written);
        }
    }

    /// The other way round there is one spelling only: the canonical form of a body is never anything but canonical.
    #[test]
    fn what_was_signed_as_written_may_not_be_rewritten(members in any_members(), whims in vec(any::<u8>(), 1..40)) {
        let ring = KeyRing::new(key());
        let (written, canonical) = (Writer::object(&members, &whims), canonical(&members));
        prop_assume!(written != canonical);
        let query = callback_v2::signed_query(&key(), "nonce", NOW, written.as_bytes());
        prop_assert_eq!(is_verified(&ring, &query, written.as_bytes(), NOW), Ok(()));
        for rewritten in [canonical, format!(" {written}")] {
            prop_assert_eq!(is_verified(&ring, &query, rewritten.as_bytes(), NOW), Err(VerifyError::Mismatch));
        }
    }

    #[test]
    fn a_repeated_member_has_no_canonical_form(
        members in any_members(),
        value in any_json(),
        which in any::<Index>(),
        whims in vec(any::<u8>(), 0..40),
    ) {
        prop_assume!(!members.is_empty());
        let mut repeating = members.clone();
        repeating.push((members[which.index(members.len())].0.clone(), value));
        let query = callback_v2::signed_query(&key(), "nonce", NOW, canonical(&members).as_bytes());
        let body = Writer::object(&repeating, &whims);
        let outcome = is_verified(&KeyRing::new(key()), &query, body.as_bytes(), NOW);
        let name = &repeating[repeating.len() - 1].0;
        prop_assert_eq!(outcome, Err(VerifyError::RepeatedMember(name.clone())));
    }
}

#[test]
fn the_order_within_a_value_is_signed() {
    let ring = KeyRing::new(key());
    let body = br#"{"activity":"changeInstanceCheck","productInfo":{"b":[1,2],"a":null}}"#;
    let query = callback_v2::signed_query(&key(), "nonce", NOW, body);
    for other in [
        r#"{"activity":"changeInstanceCheck","productInfo":{"a":null,"b":[1,2]}}"#,
        r#"{"activity":"changeInstanceCheck","productInfo":{"b":[2,1],"a":null}}"#,
        r#"{"activity":"changeInstanceCheck","productInfo":{"b":[1,2]}}"#,
        r#"{"activity":"changeInstanceCheck","productInfo":{"b":[1.0,2],"a":null}}"#,
    ] {
        assert_eq!(is_verified(&ring, &query, other.as_bytes(), NOW), Err(VerifyError::Mismatch), "{other}");
    }
}

type Parameters = Vec<(String, String)>;

/// Parameters of a V1.0 call but `authToken`, in any order.
fn any_parameters() -> impl Strategy<Value = Parameters> {
    let name = prop_oneof![text(0..6), "[A-Za-z]{1,8}", "[ +%]{1,3}"];
    let name = name.prop_filter("has its own place", |name| name != "authToken" && name != "timeStamp");
    // A name that holds a mark is refused: the marks are signed without escaping.
    let name = name.prop_filter("holds no mark", |name| !name.contains(['&', '=']));
    btree_map(name, any_value(), 0..6).prop_map(|parameters| {
        let time_stamp = ("timeStamp".to_owned(), NOW.to_compact_millis());
        parameters.into_iter().chain([time_stamp]).collect::<Parameters>()
    })
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![text(0..8), "[ +%&=]{0,4}", "%[0-9A-F]{2}"]
}

fn v1_query_of<'p>(parameters: impl IntoIterator<Item = &'p (String, String)>) -> String {
    let pairs = parameters.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn token(parameters: &Parameters) -> (String, String) {
    ("authToken".to_owned(), auth_token::sign(&key(), &v1_query_of(parameters)).unwrap())
}

fn verified_parameters(query: &str) -> Result<BTreeMap<String, String>, VerifyError> {
    let ring = KeyRing::new(key());
    let verified = auth_token::verify(&ring, query, NOW, Window::default())?;
    Ok(verified.parameters().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[derive(Clone, Debug)]
enum Change {
    Value(Index, String),
    Name(Index, String),
    Remove(Index),
    Add(Index, String, String),
    Repeat(Index, Index, Option<String>),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any_value()).prop_map(|(index, value)| Change::Value(index, value)),
        (any::<Index>(), any_value()).prop_map(|(index, name)| Change::Name(index, name)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any_value(), any_value()).prop_map(|(index, name, value)| Change::Add(index, name, value)),
        (any::<Index>(), any::<Index>(), proptest::option::of(any_value()))
            .prop_map(|(index, place, value)| Change::Repeat(index, place, value)),
    ]
}

impl Change {
    fn applied_to(&self, parameters: &Parameters) -> Parameters {
        let mut changed = parameters.clone();
        let length = parameters.len();
        match self {
            Self::Value(index, value) => changed[index.index(length)].1.clone_from(value),
            Self::Name(index, name) => changed[index.index(length)].0.clone_from(name),
            Self::Remove(index) => drop(changed.remove(index.index(length))),
            Self::Add(place, name, value) => changed.insert(place.index(length + 1), (name.clone(), value.clone())),
            Self::Repeat(index, place, value) => {
                let (name, same) = &parameters[index.index(length)];
                let copy = (name.clone(), value.as_ref().unwrap_or(same).clone());
                changed.insert(place.index(length + 1), copy);
            }
        }
        changed
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_signed_v1_call_is_verified_in_any_order(
        (parameters, shuffled) in any_parameters().prop_flat_map(|parameters| {
            let with_token: Parameters = parameters.iter().cloned().chain([token(&parameters)]).collect();
            (Just(parameters), Just(with_token).prop_shuffle())
        }),
    ) {
        let expected: BTreeMap<_, _> = parameters.into_iter().collect();
        let query = v1_query_of(&shuffled);
        let as_form = query.replace("%20", "+");
        // What published integrations show. A name with a plus is left out, for with a space in its place it may be taken.
        let plus_not_escaped = if expected.keys().any(|name| name.contains('+')) { query.clone() } else { query.replace("%2B", "+") };
        for written in [format!("&{query}&&"), query, as_form, plus_not_escaped] {
            prop_assert_eq!(verified_parameters(&written), Ok(expected.clone()), "{}", written);
        }
    }

    #[test]
    fn a_changed_v1_call_is_refused(parameters in any_parameters(), change in any_change()) {
        let token = token(&parameters);
        let changed = change.applied_to(&parameters);
        prop_assume!(changed != parameters);
        for query in [v1_query_of(changed.iter().chain([&token])), v1_query_of([&token].into_iter().chain(&changed))] {
            let error = verified_parameters(&query).unwrap_err();
            prop_assert_eq!(error.result_code(), ResultCode::AuthenticationFailed);
        }
    }

    #[test]
    fn a_changed_token_is_refused(parameters in any_parameters(), damage in damage(any::<char>())) {
        let (name, token) = token(&parameters);
        let damaged = damaged_text(&token, &damage);
        // A space in the place of a plus is forgiven.
        prop_assume!(damaged.replace(' ', "+") != token);
        let error = verified_parameters(&v1_query_of(parameters.iter().chain([&(name, damaged)]))).unwrap_err();
        prop_assert_eq!(error.result_code(), ResultCode::AuthenticationFailed);
    }

    #[test]
    fn a_signed_answer_is_verified_and_a_changed_one_is_not(
        key in any_key(),
        body in any_bytes(),
        damage_of_body in damage(any::<u8>()),
        damage_of_header in damage(any::<char>()),
    ) {
        let ring = KeyRing::new(key.clone());
        let header = body_sign::sign(&key, &body);
        prop_assert!(HeaderValue::try_from(&header).is_ok());
        prop_assert_eq!(body_sign::verify(&ring, &header, &body), Ok(()));

        let damaged = damage_of_body.applied_to(body.iter().copied());
        if damaged != body {
            prop_assert_eq!(body_sign::verify(&ring, &header, &damaged), Err(VerifyError::Mismatch));
        }
        let (start, signature) = header.trim_end_matches('"').rsplit_once('"').unwrap();
        let damaged = damaged_text(signature, &damage_of_header);
        if damaged != signature {
            let header = format!("{start}\"{damaged}\"");
            prop_assert!(body_sign::verify(&ring, &header, &body).is_err());
        }
    }
}

#[test]
fn a_header_that_is_not_as_documented() {
    let (ring, body) = (KeyRing::new(key()), b"{}");
    let good = body_sign::sign(&key(), body);
    for bad in [
        "",
        &good.replace('"', ""),
        &good.replace('"', "'"),
        &good.replace("256", "512"),
        &good.replace("sign_type", "Sign_type"),
        &good.replace("signature", "sign"),
        &good.replace(',', ";"),
        &good[good.find("signature").unwrap()..],
        &good[..good.find(',').unwrap()],
        &format!("{good}, {good}"),
    ] {
        assert_eq!(body_sign::verify(&ring, bad, body), Err(VerifyError::Malformed("Body-Sign")), "{bad}");
    }
    // The guide prints a blank in one place.
    assert_eq!(body_sign::verify(&ring, &good.replace("signature=", "signature= "), body), Ok(()));
}

const BOTH: [EncryptType; 2] = [EncryptType::Aes256, EncryptType::Aes128];

/// The first `max` bytes or somewhat less, at a character's end.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap()]
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn a_field_survives_its_encryption(
        key in any_key(),
        text in text(0..MAX_PLAINTEXT),
        length in prop_oneof![0..=MAX_PLAINTEXT, Just(MAX_PLAINTEXT)],
    ) {
        let plaintext = cut(&text, length);
        for encrypt_type in BOTH {
            let cipher = FieldCipher::new(&key, encrypt_type);
            let [first, second] = [(); 2].map(|()| cipher.encrypt(plaintext).unwrap());
            prop_assert_ne!(&first, &second);
            for ciphertext in [first, second] {
                prop_assert!(ciphertext.as_str().len() <= 128);
                prop_assert!(ciphertext.as_str().bytes().take(16).all(|byte| byte.is_ascii_alphanumeric()));
                let decrypted = cipher.decrypt(&ciphertext).unwrap();
                prop_assert_eq!(decrypted.expose(), plaintext);
            }
        }
    }

    #[test]
    fn a_longer_field_is_refused(text in text(MAX_PLAINTEXT + 1..200)) {
        for encrypt_type in BOTH {
            let outcome = FieldCipher::new(&key(), encrypt_type).encrypt(&text);
            prop_assert_eq!(outcome.unwrap_err(), EncryptError::TooLong(text.len()));
        }
    }

    #[test]
    fn a_torn_field_never_reads_as_the_whole(text in text(0..40), end in any::<Index>()) {
        let plaintext = cut(&text, MAX_PLAINTEXT);
        for encrypt_type in BOTH {
            let cipher = FieldCipher::new(&key(), encrypt_type);
            let ciphertext = cipher.encrypt(plaintext).unwrap();
            let torn = Ciphertext::from(&ciphertext.as_str()[..end.index(ciphertext.as_str().len())]);
            prop_assert!(cipher.decrypt(&torn).map_or(true, |read| read.expose() != plaintext));
        }
    }

    #[test]
    fn decryption_is_total(text in prop_oneof![text(0..200), "[A-Za-z0-9+/]{16}[A-Za-z0-9+/ ]{0,130}={0,2}"]) {
        for encrypt_type in BOTH {
            let cipher = FieldCipher::new(&key(), encrypt_type);
            // CBC without a MAC: now and then noise decrypts. What it gives is text, and that is all that can be said.
            if let Ok(read) = cipher.decrypt(&text.as_str().into()) {
                prop_assert!(read.expose().len() < text.len());
            }
        }
    }
}

/// Query strings of every degree of likeness to a real one.
fn any_query() -> impl Strategy<Value = String> {
    let name = select(vec!["signature", "timestamp", "nonce", "authToken", "timeStamp", "activity", "%74imeStamp", ""]);
    let value =
        prop_oneof![text(0..5), "[0-9a-f]{64}", "1735787045[0-9]{3}", "[A-Za-z0-9+/]{43}=", "(%[0-9A-F]{2}){1,4}"];
    prop_oneof![
        text(0..60),
        vec((name, value), 0..6)
            .prop_map(|pairs| pairs.iter().map(|(name, value)| format!("{name}={value}&")).collect::<String>()),
    ]
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn noise_is_never_verified(
        query in any_query(),
        body in any_bytes(),
        header in prop_oneof![text(0..60), "sign_type ?= ?\"HMAC-SHA256\", ?signature=\"[A-Za-z0-9+/]{43}=\""],
        now in any::<i64>(),
    ) {
        let ring = KeyRing::new(key());
        for now in [NOW, Timestamp::from_unix_millis(now)] {
            prop_assert!(callback_v2::verify(&ring, &query, &body, now, Window::default()).is_err());
            prop_assert!(auth_token::verify(&ring, &query, now, Window::default()).is_err());
        }
        prop_assert!(body_sign::verify(&ring, &header, &body).is_err());
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn post_bytes(stage: &Stage, body: &[u8]) -> Answer {
    let query = callback_v2::signed_query(&stage.key, &nonce(), NOW, body);
    stage.post_signed(&query, body.to_vec()).await
}

/// The members of a V2.0 message, each as it should be, spoilt, or left out.
fn likely_members() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let spoilt = || {
        select(vec![r#""""#, "null", "5", "true", "{}", "[]", r#"["a"]"#, r#"" ""#, r#""\ud800""#])
            .prop_map(str::to_owned)
    };
    let id = move || {
        prop_oneof![
            20 => "[a-z]{1,3}".prop_map(|id| format!("\"{id}\"")),
            2 => spoilt(),
            1 => (63..66_usize).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
        ]
    };
    let activity = prop_oneof![
        8 => Just(r#""newInstance""#.to_owned()),
        2 => select(vec!["queryInstance", "refreshInstance", "updateInstanceStatus", "releaseInstance", "upgradeInstance",
            "changeInstanceCheck", "NewInstance", "upgrade"]).prop_map(|activity| format!("\"{activity}\"")),
        1 => spoilt(),
    ];
    let mandatory = move || proptest::option::weighted(0.9, id());
    let optional = move || proptest::option::weighted(0.3, id());
    let flag = prop_oneof![
        4 => Just(None),
        2 => select(vec!["0", r#""0""#, r#""""#, "null"]).prop_map(|flag| Some(flag.to_owned())),
        1 => select(vec!["1", r#""1""#, r#""2""#, "true", r#""yes""#]).prop_map(|flag| Some(flag.to_owned())),
    ];
    let members = (
        (proptest::option::weighted(0.95, activity), mandatory(), mandatory(), mandatory(), flag),
        (optional(), optional(), optional(), optional(), optional()),
    );
    members.prop_map(|((activity, business, order, line, flag), (product, instance, status, scene, odd))| {
        let members = [
            ("activity", activity),
            ("businessId", business),
            ("orderId", order),
            ("orderLineId", line),
            ("testFlag", flag),
            ("productId", product),
            ("instanceId", instance),
            ("status", status),
            ("scene", scene),
            ("odd", odd),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

/// Whether these members are a whole purchase; `Some(true)` where it is a debugging call.
fn purchase_of(members: &[(&str, String)]) -> Option<bool> {
    // Half a character is no value that can be read, and nothing that a purchase does not need refuses it.
    let value = |value: &str| serde_json::from_str(value).unwrap_or(Value::Bool(false));
    let members: BTreeMap<&str, Value> = members.iter().map(|(name, text)| (*name, value(text))).collect();
    let filled = |name: &'static str| members.get(name).filter(|value| !value.is_null() && *value != "");
    let id = |name: &'static str| filled(name)?.as_str().filter(|id| id.len() <= 64);
    for name in ["businessId", "orderId", "orderLineId"] {
        id(name).filter(|id| !id.trim().is_empty())?;
    }
    if filled("productId").is_some() {
        id("productId")?;
    }
    let flag = filled("testFlag").map_or_else(|| "0".to_owned(), |flag| flag.to_string().replace('"', ""));
    let flag = match flag.trim().to_lowercase().as_str() {
        "0" | "false" => false,
        "1" | "true" => true,
        _ => return None,
    };
    (id("activity")? == "newInstance").then_some(flag)
}

proptest! {
    #![proptest_config(cases(256))]

    /// No instance is known, so that nothing but a whole purchase may reach the handler.
    #[test]
    fn nothing_but_a_whole_purchase_runs_the_handler(members in likely_members()) {
        let body = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>().join(",");
        let body = format!("{{{body}}}");
        let (code, runs) = block_on(async {
            let stage = Stage::new();
            let answer = post_bytes(&stage, body.as_bytes()).await;
            (answer.code, stage.seller.runs())
        });
        match purchase_of(&members) {
            Some(is_debug) => prop_assert_eq!((&*code, runs), ("000000", usize::from(!is_debug)), "{}", body),
            None => prop_assert_eq!(runs, 0, "{}", body),
        }
        if body.contains(r#""newInstance""#) && purchase_of(&members).is_none() {
            prop_assert_eq!(&*code, "000002", "{}", body);
        }
    }

    #[test]
    fn genuine_nonsense_is_answered(bytes in any_bytes(), members in any_members(), parameters in any_parameters()) {
        let bodies = [bytes, Writer::object(&members, &[]).into_bytes()];
        let query = v1_query_of(parameters.iter().chain([&token(&parameters)]));
        let (codes, runs) = block_on(async {
            let stage = Stage::new();
            let codes = [
                post_bytes(&stage, &bodies[0]).await.code,
                post_bytes(&stage, &bodies[1]).await.code,
                stage.get_signed(&query).await.code,
            ];
            (codes, stage.seller.runs())
        });
        prop_assert_eq!((codes, runs), (["000002"; 3].map(str::to_owned), 0));
    }
}
