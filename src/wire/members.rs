//! The members or parameters of one message, not read yet.

use std::borrow::Cow;
use std::fmt;

use super::raw::RawField;
use crate::text::json::{self, JsonError, Member};

/// Names and values as received, none of them null.
#[derive(Default)]
pub(crate) struct Members<'a> {
    list: List<'a>,
    /// Names that stand more than once with different values.
    conflicts: Vec<String>,
    /// Whether values are JSON text, or decoded parameters.
    json: bool,
}

/// What `Cow` would be, which is not covariant.
enum List<'a> {
    Owned(Vec<Member<'a>>),
    Borrowed(&'a [Member<'a>]),
}

impl Default for List<'_> {
    fn default() -> Self {
        Self::Borrowed(&[])
    }
}

impl<'a> Members<'a> {
    pub(crate) fn from_json(object: &'a [u8]) -> Result<Self, JsonError> {
        let (mut members, conflicts) = json::lenient_members(object)?;
        members.retain(|(name, value)| value != "null" || conflicts.iter().any(|conflict| conflict == name));
        Ok(Self { list: List::Owned(members), conflicts, json: true })
    }

    /// What of an object that is refused can still be named in a log.
    pub(crate) fn for_log(object: &'a [u8]) -> Self {
        Self { list: List::Owned(json::readable_members(object)), conflicts: Vec::new(), json: true }
    }

    /// Parameters are at most 256, and none is repeated.
    pub(crate) fn from_parameters(parameters: &'a [Member<'a>]) -> Self {
        Self { list: List::Borrowed(parameters), conflicts: Vec::new(), json: false }
    }

    /// Members are at most 256, none is repeated, and none is null.
    pub(crate) fn from_members(members: &'a [Member<'a>]) -> Self {
        Self { list: List::Borrowed(members), conflicts: Vec::new(), json: true }
    }

    #[inline]
    fn list(&self) -> &[Member<'a>] {
        match &self.list {
            List::Owned(members) => members,
            List::Borrowed(members) => members,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list().len()
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.list()[index].0
    }

    #[inline]
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        // The first letter tells most names apart, without a call to compare them.
        let is_it = |(known, _): &Member<'_>| known.as_bytes().first() == name.as_bytes().first() && known == name;
        self.list().iter().position(is_it)
    }

    #[inline]
    pub(super) fn raw(&self, index: usize) -> RawField<'_> {
        let value = &self.list()[index].1;
        if self.json { RawField::json(value) } else { RawField::Text(Cow::Borrowed(value)) }
    }

    pub(super) fn has_conflict(&self, name: &str) -> bool {
        !self.conflicts.is_empty() && self.conflicts.iter().any(|conflict| conflict == name)
    }

    /// Whether something stands under a name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some_and(|index| self.has_conflict(name) || !self.raw(index).is_absent())
    }

    /// The text under a name; for logs.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let text = self.raw(self.position(name)?).name(usize::MAX).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Members<'_> {
    /// Values may be personal, and so may unknown names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} members]", self.list().len())
    }
}
