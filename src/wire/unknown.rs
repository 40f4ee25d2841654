//! Members that no table of the documents lists.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::{self, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::raw::RawField;

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
    pub(super) fn new(name: String, raw: &RawField<'_>) -> Self {
        Self { name, value: raw.as_received().to_owned(), json: !matches!(raw, RawField::Text(_)) }
    }
}

impl fmt::Debug for UnknownField {
    /// The value is left out: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: [redacted]", self.name)
    }
}

/// The fields that no table of the document lists, sorted by name.
///
/// Their serde form is a JSON object with every value as it was received; it is for JSON alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownFields(pub(super) Vec<UnknownField>);

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

    /// Returns whether there are none.
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
            fields.push(UnknownField::new(name, &RawField::json(raw.get())));
        }
        Ok(UnknownFields(fields))
    }
}
