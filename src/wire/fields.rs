//! Named fields of a message, whether they came as JSON members or as query parameters.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::{self, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::outgoing::OutgoingValue;
use crate::activity::Activity;
use crate::text::json::{self, JsonError, Member};

/// Why an authenticated message could not be read. Answered as `000002`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The body is no acceptable JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is missing or not as documented.
    #[error("field {field:?} {problem}")]
    Field {
        /// Name on the wire.
        field: &'static str,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// The `activity` is none that the protocol generation knows.
    #[error("unknown activity {0:?}")]
    UnknownActivity(String),
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// Mandatory, but absent, null or empty.
    #[error("is missing or empty")]
    Missing,
    /// Longer than documented.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// Of another JSON type or another form than documented.
    #[error("is not {0}")]
    NotA(&'static str),
    /// A list with more entries than are taken.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// A list with an entry that cannot be read.
    #[error("cannot be read at entry {index}: {error}")]
    Entry {
        /// Place in the list, counted from 0.
        index: usize,
        /// What is wrong with the entry.
        error: Box<ParseError>,
    },
}

/// A value as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RawField<'a> {
    /// A JSON string or a query parameter, decoded.
    Text(Cow<'a, str>),
    /// Any other JSON value, as it stands in the body.
    Json(&'a str),
}

impl<'a> RawField<'a> {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// The text, if it is text of at most `max` characters.
    pub(crate) fn text(self, max: usize) -> Result<Cow<'a, str>, FieldProblem> {
        match self {
            // Characters are counted only where bytes do not settle it.
            Self::Text(text) if text.len() <= max || text.chars().count() <= max => Ok(text),
            Self::Text(_) => Err(FieldProblem::TooLong(max)),
            Self::Json(_) => Err(FieldProblem::NotA("a string")),
        }
    }

    /// The text of a string or of a JSON number.
    pub(crate) fn scalar(self, max: usize) -> Result<Cow<'a, str>, FieldProblem> {
        match self {
            Self::Json(number) if !number.starts_with(['{', '[', 't', 'f']) => {
                Self::Text(Cow::Borrowed(number)).text(max)
            }
            other => other.text(max),
        }
    }
}

/// The fields of one message; each is taken out once, and what is left over was unknown.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    fields: Cow<'a, [Member<'a>]>,
    /// A bit per field.
    taken: [u64; 4],
    /// Whether values are JSON text, or decoded parameters.
    json: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn from_json(body: &'a [u8]) -> Result<Self, JsonError> {
        let mut fields = json::members(body)?;
        fields.retain(|(_, value)| value != "null");
        Ok(Self { fields: Cow::Owned(fields), taken: [0; 4], json: true })
    }

    /// Parameters are at most 256, and none is repeated.
    pub(crate) fn from_parameters(parameters: &'a [Member<'a>]) -> Self {
        Self { fields: Cow::Borrowed(parameters), taken: [0; 4], json: false }
    }

    /// Members are at most 256, none is repeated, and none is null.
    pub(crate) fn from_members(members: &'a [Member<'a>]) -> Self {
        Self { fields: Cow::Borrowed(members), taken: [0; 4], json: true }
    }

    fn is_taken(&self, index: usize) -> bool {
        self.taken[index / 64 % 4] & 1 << (index % 64) != 0
    }

    /// Reads a field that is there and not empty.
    fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(RawField<'_>) -> Result<T, FieldProblem>,
    ) -> Result<Option<T>, ParseError> {
        // The first letter tells most names apart, without a call to compare them.
        let is_it = |(known, _): &Member<'_>| known.as_bytes().first() == name.as_bytes().first() && known == name;
        let Some(index) = self.fields.iter().position(is_it) else { return Ok(None) };
        self.taken[index / 64 % 4] |= 1 << (index % 64);
        let raw =
            raw_field(&self.fields[index].1, self.json).ok_or_else(|| JsonError::InvalidEscape(name.to_owned()))?;
        if raw.is_absent() {
            return Ok(None);
        }
        read(raw).map(Some).map_err(|problem| ParseError::Field { field: name, problem })
    }

    pub(crate) fn optional<T: FieldValue>(&mut self, name: &'static str, max: usize) -> Result<Option<T>, ParseError> {
        self.take(name, |raw| T::read(raw, max))
    }

    /// As `optional`, with a value that cannot be read left among the unknown ones.
    pub(crate) fn lenient<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(RawField<'_>) -> Result<T, FieldProblem>,
    ) -> Result<Option<T>, ParseError> {
        let taken = self.taken;
        match self.take(name, read) {
            Err(ParseError::Field { .. }) => {
                self.taken = taken;
                Ok(None)
            }
            outcome => outcome,
        }
    }

    /// As `optional`, under the first of several names that is there and not empty.
    pub(crate) fn first_of<T: FieldValue>(
        &mut self,
        names: &[&'static str],
        max: usize,
    ) -> Result<Option<T>, ParseError> {
        for name in names {
            if let Some(value) = self.optional(name, max)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(crate) fn mandatory<T: FieldValue>(&mut self, name: &'static str, max: usize) -> Result<T, ParseError> {
        self.optional(name, max)?.ok_or(missing(name))
    }

    /// What the message is about: the one of `known` that its `activity` names.
    pub(crate) fn activity(&mut self, known: &[Activity]) -> Result<Activity, ParseError> {
        let activity = self.take("activity", |raw| {
            let text = raw.text(32)?;
            let found = known.iter().copied().find(|activity| activity.as_str() == text);
            Ok(found.ok_or_else(|| text.into_owned()))
        })?;
        activity.ok_or(missing("activity"))?.map_err(ParseError::UnknownActivity)
    }

    pub(crate) fn rest(self) -> Result<UnknownFields, ParseError> {
        let left = self.fields.iter().enumerate().filter(|(index, _)| !self.is_taken(*index));
        let keep = |(name, value): &Member<'a>| {
            let raw = raw_field(value, self.json).ok_or_else(|| JsonError::InvalidEscape(name.to_string()))?;
            Ok::<_, ParseError>(UnknownField::new(name.to_string(), raw))
        };
        let mut fields = left.map(|(_, field)| keep(field)).collect::<Result<Vec<_>, _>>()?;
        fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(UnknownFields(fields))
    }
}

const fn missing(field: &'static str) -> ParseError {
    ParseError::Field { field, problem: FieldProblem::Missing }
}

/// `None` where an escape in a JSON string names no character.
fn raw_field(value: &str, json: bool) -> Option<RawField<'_>> {
    match json {
        true if value.starts_with('"') => json::unquote(value).map(RawField::Text),
        true => Some(RawField::Json(value)),
        false => Some(RawField::Text(Cow::Borrowed(value))),
    }
}

/// A type that a field can hold.
pub(crate) trait FieldValue: Sized {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem>;

    fn write(&self) -> OutgoingValue;
}

/// A field that no table of the document lists.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownField {
    /// Name on the wire.
    pub name: String,
    /// The decoded text of a string or parameter; the JSON text of any other value.
    pub value: String,
    /// Whether `value` is JSON text.
    pub json: bool,
}

impl UnknownField {
    fn new(name: String, raw: RawField<'_>) -> Self {
        match raw {
            RawField::Text(text) => Self { name, value: text.into_owned(), json: false },
            RawField::Json(json) => Self { name, value: json.to_owned(), json: true },
        }
    }
}

impl fmt::Debug for UnknownField {
    /// The value is left out: nobody knows whether it is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: [redacted]", self.name)
    }
}

/// The fields that no table of the document lists, sorted by name.
///
/// Their serde form is a JSON object with every value as it was received; it is for JSON alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownFields(Vec<UnknownField>);

impl UnknownFields {
    /// The fields in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &UnknownField> {
        self.0.iter()
    }

    /// The value of one field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// Adds a text field, for messages made by tests and simulators.
    pub fn insert_text(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(UnknownField { name: name.into(), value: value.into(), json: false });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for UnknownFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for UnknownField { name, value, json } in &self.0 {
            if *json {
                map.serialize_entry(name, &RawValue::from_string(value.clone()).map_err(ser::Error::custom)?)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for UnknownFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UnknownFieldsVisitor)
    }
}

struct UnknownFieldsVisitor;

impl<'de> Visitor<'de> for UnknownFieldsVisitor {
    type Value = UnknownFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UnknownFields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
            let raw = raw_field(raw.get(), true).ok_or_else(|| de::Error::custom("an escape names no character"))?;
            fields.push(UnknownField::new(name, raw));
        }
        Ok(UnknownFields(fields))
    }
}
