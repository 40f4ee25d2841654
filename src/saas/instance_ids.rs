//! The list of instance ids in a query.

use crate::wire::{FieldKind, FieldProblem, OutgoingValue, RawField, ReadField, Warnings, WriteField, shaped};

/// One to 100 instance ids, joined with commas on the wire.
///
/// The documents print a maximum of 64 (V1.0) or 100 (V2.0) characters for the whole field, which contradicts 100 ids
/// of up to 64 characters; the ids are counted and measured instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceIds(Vec<String>);

impl InstanceIds {
    /// Ids per call.
    pub const MAX: usize = 100;

    /// The ids in the order received.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl<S: Into<String>> FromIterator<S> for InstanceIds {
    fn from_iter<I: IntoIterator<Item = S>>(ids: I) -> Self {
        Self(ids.into_iter().map(Into::into).collect())
    }
}

impl From<&str> for InstanceIds {
    fn from(id: &str) -> Self {
        Self(vec![id.to_owned()])
    }
}

impl From<InstanceIds> for Vec<String> {
    fn from(ids: InstanceIds) -> Self {
        ids.0
    }
}

shaped! { InstanceIds = FieldKind::InstanceIds; }

impl ReadField for InstanceIds {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        let text = raw.text(Self::MAX * (max + 1))?;
        let ids: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
        if ids.len() > Self::MAX {
            return Err(FieldProblem::NotA("a list of at most 100 instance ids"));
        }
        if ids.iter().any(String::is_empty) {
            return Err(FieldProblem::NotA("a list of instance ids without blank ones"));
        }
        if ids.iter().any(|id| id.chars().count() > max) {
            return Err(FieldProblem::TooLong(max));
        }
        Ok(Self(ids))
    }
}

impl WriteField for InstanceIds {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.0.join(","))
    }
}
