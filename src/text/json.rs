//! JSON as the marketplace signs and expects it: the canonical form of a request body and ASCII-only output. Written by
//! hand because the canonical form must keep number literals and nested key order, which no JSON library promises.

mod ascii;
pub(crate) mod canonical;
mod plain;

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr2};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(crate) use ascii::to_ascii;
pub(crate) use canonical::canonical;

/// Greatest nesting depth of a message's values for which it has a canonical form.
pub(crate) const MAX_DEPTH: usize = 32;

/// Greatest nesting depth that is read; no JSON parser in common use takes more.
const MAX_READ_DEPTH: usize = 127;

/// Greatest number of members in the object of a message.
const MAX_MEMBERS: usize = 256;

/// A text is not an acceptable JSON object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The text is not a JSON object.
    #[error("the body is not a JSON object (line {line}, column {column})")]
    NotAnObject {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, in bytes.
        column: usize,
    },
    /// A member stands twice: it is unknown which one counts.
    #[error("member {0:?} stands more than once")]
    RepeatedMember(String),
    /// More than 256 members.
    #[error("the object has more than {MAX_MEMBERS} members")]
    TooManyMembers,
    /// More levels of nesting than are read (127), or than the canonical form has (32).
    #[error("member {0:?} nests too deep")]
    TooDeep(String),
    /// An escape in a string names no character.
    #[error("member {0:?} holds an escape that names no character")]
    InvalidEscape(String),
}

/// A name as an error shows it; no documented one is longer.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Name and value text.
pub(crate) type Member<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The members of a JSON object in the order received: name and untouched value text. None is repeated, and none nests
/// deeper than the canonical form allows.
pub(crate) fn members(body: &[u8]) -> Result<Vec<Member<'_>>, JsonError> {
    let mut reading = Reading { strict: true, ..Reading::default() };
    reading.members(body)
}

/// Members of an object that is to be read and not to be signed.
#[derive(Default)]
pub(crate) struct LenientMembers<'a> {
    /// As far as they can be read; the first of several values of a name.
    pub(crate) members: Vec<Member<'a>>,
    /// Names that stand more than once with different values. Equal repeats count once.
    pub(crate) conflicts: Vec<String>,
    /// Reason to refuse the object, if any: for a member that is left out of `members`, or as a whole.
    pub(crate) problem: Option<JsonError>,
}

pub(crate) fn lenient_members(body: &[u8]) -> LenientMembers<'_> {
    let mut reading = Reading::default();
    let (members, problem) = match reading.members(body) {
        Ok(members) => (members, reading.problem),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    LenientMembers { members, conflicts: reading.conflicts, problem }
}

#[derive(Default)]
struct Reading {
    /// Whether the first member for which the object is to be refused ends the reading; otherwise it is left out.
    strict: bool,
    problem: Option<JsonError>,
    conflicts: Vec<String>,
}

impl Reading {
    fn max_depth(&self) -> usize {
        if self.strict { MAX_DEPTH } else { MAX_READ_DEPTH }
    }

    fn members<'de>(&mut self, body: &'de [u8]) -> Result<Vec<Member<'de>>, JsonError> {
        // Checked once as a whole; from a slice every name and value would be checked by itself.
        let body = std::str::from_utf8(body).map_err(|_| JsonError::NotUtf8)?;
        plain::members(body).map_or_else(|| self.members_of_any(body), Ok)
    }

    fn members_of_any<'de>(&mut self, body: &'de str) -> Result<Vec<Member<'de>>, JsonError> {
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let outcome = deserializer.deserialize_map(&mut *self).and_then(|members| {
            deserializer.end()?;
            Ok(members)
        });
        match (outcome, &self.problem) {
            (Ok(members), _) => Ok(members),
            (Err(_), Some(problem)) => Err(problem.clone()),
            (Err(error), None) => Err(JsonError::NotAnObject { line: error.line(), column: error.column() }),
        }
    }

    /// Takes a member in, unless the object is refused for it.
    #[inline]
    fn take<'de>(
        &mut self,
        members: &mut Vec<Member<'de>>,
        name: Cow<'de, str>,
        value: &'de str,
    ) -> Result<(), JsonError> {
        if let Some((_, first)) = members.iter().find(|(known, _)| *known == name) {
            if self.strict {
                return Err(JsonError::RepeatedMember(shown(&name)));
            }
            if first != value && !self.conflicts.iter().any(|known| *known == name) {
                self.conflicts.push(name.into_owned());
            }
        } else if members.len() == MAX_MEMBERS {
            return Err(JsonError::TooManyMembers);
        } else if nests_deeper_than(self.max_depth(), value) {
            return Err(JsonError::TooDeep(shown(&name)));
        } else {
            members.push((name, Cow::Borrowed(value)));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for &mut Reading {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::with_capacity(12);
        while let Some(name) = map.next_key_seed(BorrowedText)? {
            let value: &'de RawValue = map.next_value()?;
            if let Err(problem) = self.take(&mut members, name, value.get()) {
                self.problem.get_or_insert(problem);
                if self.strict {
                    return Err(serde::de::Error::custom("refused"));
                }
            }
        }
        Ok(members)
    }
}

/// A string, borrowed where it needs no unescaping (`Cow` itself always deserializes to an owned string).
struct BorrowedText;

impl<'de> DeserializeSeed<'de> for BorrowedText {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for BorrowedText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The text of a JSON string literal; `None` where an escape names no character.
pub(crate) fn unquote(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(literal).ok().map(Cow::Owned)
}

/// The elements of a JSON array, or the one object that stands in its place.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, JsonError> {
    let at = |error: serde_json::Error| JsonError::NotAnObject { line: error.line(), column: error.column() };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(at)?;
        return Ok(elements.into_iter().map(RawValue::get).collect());
    }
    let object: &RawValue = serde_json::from_str(text).map_err(at)?;
    Ok(vec![object.get()])
}

/// The text with bare names of members (`{orgCode:"D1"}`, as two documents print them) put in quotes. JSON stays as it
/// is, and what is neither stays no JSON.
pub(crate) fn with_quoted_names(text: &str) -> String {
    let in_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut rest = text;
    let mut name_may_follow = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            first if in_name(first) => rest.find(|character| !in_name(character)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if name_may_follow && in_name(first) && after.trim_start().starts_with(':') {
            out.extend(["\"", token, "\""]);
        } else {
            out.push_str(token);
        }
        if !first.is_whitespace() {
            name_may_follow = matches!(first, '{' | ',');
        }
        rest = after;
    }
    out
}

/// Counts brackets outside strings; `value` is valid JSON already, and this needs no stack.
#[inline]
fn nests_deeper_than(max: usize, value: &str) -> bool {
    matches!(value.as_bytes().first(), Some(b'{' | b'[')) && depth_exceeds(max, value)
}

fn depth_exceeds(max: usize, value: &str) -> bool {
    let mut depth = 0_usize;
    for token in Tokens(value) {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

/// Cuts valid JSON into string literals and single other characters, white space left out.
pub(crate) struct Tokens<'a>(pub(crate) &'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
        let first = self.0.chars().next()?;
        let length = if first == '"' { string_length(self.0) } else { first.len_utf8() };
        let (token, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(token)
    }
}

/// Length of the string literal that `text` begins with, quotes included.
pub(crate) fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 1;
    while let Some(mark) = bytes.get(end..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        end += mark + 1;
        if bytes[end - 1] == b'"' {
            return end;
        }
        // Whatever is escaped closes nothing.
        end += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_order_and_literals() {
        let found = members(br#" {"b":1.0,"a" : {"x":[ 1 ]},"\u0061b":"t\n"} "#).unwrap();
        let expected = [("b", "1.0"), ("a", r#"{"x":[ 1 ]}"#), ("ab", r#""t\n""#)];
        assert_eq!(found.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        assert_eq!(members(br#"{"a":1,"\u0061":2}"#).unwrap_err(), JsonError::RepeatedMember("a".to_owned()));
        for body in ["", "[]", "null", "\"x\"", "{", "{}x", "{\"a\":1,}", "\u{feff}{}", "{a:1}", "{\"a\":\"\u{0}\"}"] {
            assert!(matches!(members(body.as_bytes()), Err(JsonError::NotAnObject { .. })), "{body:?}");
        }
        assert_eq!(members(b"{\"a\":\"\xff\"}").unwrap_err(), JsonError::NotUtf8);
    }

    #[test]
    fn deep_nesting_is_refused_without_a_stack() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(members(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(members(nested(200).as_bytes()).unwrap_err(), JsonError::TooDeep("a".to_owned()));
        assert_eq!(members(nested(2_000_000).as_bytes()).unwrap_err(), JsonError::TooDeep("a".to_owned()));
    }

    #[test]
    fn bare_names_are_quoted_and_nothing_else_changes() {
        let printed = "[{orgCode:\"D1\", 名_$1 : \"a,b:c{d:\\\"\", n:[true,1,null], \"q\":{}},{x:-1e5}]";
        let quoted = "[{\"orgCode\":\"D1\", \"名_$1\" : \"a,b:c{d:\\\"\", \"n\":[true,1,null], \"q\":{}},{\"x\":-1e5}]";
        assert_eq!(with_quoted_names(printed), quoted);
        assert!(serde_json::from_str::<serde_json::Value>(quoted).is_ok());
        for other in [quoted, "", "{", "{a", "{a b:1}x", "\"{a:1", "{'a':1}", "a:1", "[a:1]"] {
            assert_eq!(with_quoted_names(other), other);
        }
    }
}
