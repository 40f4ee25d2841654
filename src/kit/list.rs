//! Lists of users and of departments: V1.0 documents the text of a JSON array, V2.0 an array, and both forms are seen
//! under V2.0. Both are read everywhere; the text may have bare member names, as two documents print it.

use super::Version;
use crate::text::json;
use crate::wire::{FieldProblem, FieldValue, Fields, OutgoingFields, OutgoingValue, ParseError, RawField};

/// Users or departments in one call.
pub const MAX_ENTRIES: usize = 50_000;

/// A list that V1.0 sends as the text of a JSON array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonText<T>(Vec<T>);

impl<T> JsonText<T> {
    /// The entries in the order received.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for JsonText<T> {
    fn from(entries: Vec<T>) -> Self {
        Self(entries)
    }
}

impl<T> From<JsonText<T>> for Vec<T> {
    fn from(list: JsonText<T>) -> Self {
        list.0
    }
}

/// An object of a list.
pub(super) trait Entry: Sized {
    fn read(fields: Fields<'_>) -> Result<Self, ParseError>;

    /// As the documents of the generation have it.
    fn write(&self, version: Version) -> OutgoingFields;
}

impl<T: Entry> FieldValue for Vec<T> {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        match raw {
            RawField::Json(array) => entries(array, max),
            RawField::Text(text) => match entries(&text, max) {
                Err(NO_LIST) => entries(&json::with_quoted_names(&text), max),
                outcome => outcome,
            },
        }
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Json(array(self, Version::V2))
    }
}

impl<T: Entry> FieldValue for JsonText<T> {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        Vec::read(raw, max).map(Self)
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(array(&self.0, Version::V1))
    }
}

const NO_LIST: FieldProblem = FieldProblem::NotA("a list of objects, or its JSON text");

fn entries<T: Entry>(text: &str, max: usize) -> Result<Vec<T>, FieldProblem> {
    let objects = json::objects(text).map_err(|_| NO_LIST)?;
    if objects.len() > max {
        return Err(FieldProblem::TooMany(max));
    }
    let entry = |(index, object): (usize, &str)| {
        let entry = Fields::from_json(object.as_bytes()).map_err(ParseError::from).and_then(T::read);
        entry.map_err(|error| FieldProblem::Entry { index, error: Box::new(error) })
    };
    objects.into_iter().enumerate().map(entry).collect()
}

fn array<T: Entry>(entries: &[T], version: Version) -> String {
    let objects: Vec<String> = entries.iter().map(|entry| entry.write(version).into_object()).collect();
    format!("[{}]", objects.join(","))
}
