//! Lists of users and of departments: V1.0 documents the text of a JSON array, V2.0 an array, and both forms are seen
//! under V2.0. Both are read everywhere; the text may have bare member names, as two documents print it.

use super::Version;
use crate::wire::{
    BadEntries, FieldKind, FieldProblem, FieldSpec, Fields, Members, OutgoingFields, OutgoingValue, ParseError,
    RawField, ReadField, Shaped, Warnings, WriteField, prefix_paths,
};

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

/// An object of a list. It is refused only without what names the thing.
pub(super) trait Entry: Sized {
    /// The entry's table.
    const FIELDS: &'static [FieldSpec];

    fn read(fields: Fields<'_>, warnings: &mut Warnings) -> Result<Self, ParseError>;

    /// As the documents of the generation have it.
    fn write(&self, version: Version) -> OutgoingFields;
}

impl<T: Entry> ReadField for Vec<T> {
    fn read(raw: RawField<'_>, max: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        const NO_LIST: FieldProblem = FieldProblem::NotA("a list of objects, or its JSON text");
        raw.elements(|elements| entries(&elements, max, warnings)).ok_or(NO_LIST)?
    }
}

impl<T: Entry> WriteField for Vec<T> {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Json(array(self, Version::V2))
    }
}

impl<T: Entry> Shaped for Vec<T> {
    const KIND: FieldKind = FieldKind::List(T::FIELDS);
}

impl<T: Entry> Shaped for JsonText<T> {
    const KIND: FieldKind = FieldKind::ListText(T::FIELDS);
}

impl<T: Entry> ReadField for JsonText<T> {
    fn read(raw: RawField<'_>, max: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        Vec::read(raw, max, warnings).map(Self)
    }
}

impl<T: Entry> WriteField for JsonText<T> {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(array(&self.0, Version::V1))
    }
}

fn entries<T: Entry>(elements: &[&str], max: usize, warnings: &mut Warnings) -> Result<Vec<T>, FieldProblem> {
    if elements.len() > max {
        return Err(FieldProblem::TooMany(max));
    }
    let mut entries = Vec::with_capacity(elements.len());
    let mut bad = BadEntries { first: Vec::new(), count: 0 };
    for (index, element) in elements.iter().enumerate() {
        let first = warnings.len();
        match entry(element, warnings) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                bad.count += 1;
                if bad.first.len() < BadEntries::NAMED {
                    bad.first.push((index, error));
                }
            }
        }
        if warnings.len() > first {
            prefix_paths(warnings, first, &format!("[{index}]."));
        }
    }
    if bad.count == 0 { Ok(entries) } else { Err(FieldProblem::Entries(bad)) }
}

/// An entry, which may again be the JSON text of one.
fn entry<T: Entry>(element: &str, warnings: &mut Warnings) -> Result<T, ParseError> {
    let raw = RawField::json(element);
    let object = raw.structure().filter(|json| json.trim_start().starts_with('{'));
    let object = object.ok_or_else(|| ParseError::new("entry", FieldProblem::NotA("an object"), &raw))?;
    T::read(Fields::new(&Members::from_json(object.as_bytes())?), warnings)
}

fn array<T: Entry>(entries: &[T], version: Version) -> String {
    let objects: Vec<String> = entries.iter().map(|entry| entry.write(version).into_object()).collect();
    format!("[{}]", objects.join(","))
}
