//! The members or parameters of one message, not read yet.

use std::borrow::Cow;
use std::fmt;

use super::raw::RawField;
use crate::text::json::{self, JsonError, LenientMembers, Member};

/// Names and values as received, none of them null.
#[derive(Default)]
pub(crate) struct Members<'a> {
    list: List<'a>,
    /// A bit for each form of a name that stands there; most that are asked for and absent have none.
    forms: u64,
    /// Names that stand more than once with different values.
    conflicts: Vec<String>,
    /// Reason to refuse the object.
    problem: Option<JsonError>,
    /// Whether values are JSON text, or decoded parameters.
    json: bool,
    /// Whether what no table lists is left out when they are read.
    drops_unknown: bool,
}

/// Stands in for `Cow`, which is not covariant here.
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
    /// Reads a JSON object.
    ///
    /// # Errors
    ///
    /// It is none, or there is a member for which it is refused.
    pub(crate) fn from_json(object: &'a [u8]) -> Result<Self, JsonError> {
        let members = Self::of_json(object);
        match members.problem {
            Some(problem) => Err(problem),
            None => Ok(members),
        }
    }

    /// Reads what can be read of a JSON object; [`check`](Self::check) says whether it is acceptable.
    pub(crate) fn of_json(object: &'a [u8]) -> Self {
        let LenientMembers { mut members, conflicts, problem } = json::lenient_members(object);
        members.retain(|(name, value)| value != "null" || conflicts.iter().any(|conflict| conflict == name));
        Self {
            forms: forms(&members),
            list: List::Owned(members),
            conflicts,
            problem,
            json: true,
            drops_unknown: false,
        }
    }

    /// Returns why the object is to be refused, if it is.
    pub(crate) fn check(&self) -> Result<(), JsonError> {
        self.problem.clone().map_or(Ok(()), Err)
    }

    /// Parameters are at most 256, and none is repeated.
    pub(crate) fn from_parameters(parameters: &'a [Member<'a>]) -> Self {
        Self { forms: forms(parameters), list: List::Borrowed(parameters), ..Self::default() }
    }

    /// Members are at most 256, none is repeated, and none is null.
    pub(crate) fn from_members(members: &'a [Member<'a>]) -> Self {
        Self { forms: forms(members), list: List::Borrowed(members), json: true, ..Self::default() }
    }

    /// Leaves out what no table lists when they are read, for a reader that has no use for it.
    pub(crate) fn without_unknown(self) -> Self {
        Self { drops_unknown: true, ..self }
    }

    pub(super) fn drops_unknown(&self) -> bool {
        self.drops_unknown
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

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.position_from(0, name)
    }

    /// The same, looked for first where it stands if the members come in the order of the table.
    #[inline]
    pub(super) fn position_from(&self, start: usize, name: &str) -> Option<usize> {
        if self.forms & form(name) == 0 {
            return None;
        }
        // The first letter distinguishes most names, without a call to compare them.
        let is_it = |(known, _): &Member<'_>| known.as_bytes().first() == name.as_bytes().first() && known == name;
        let list = self.list();
        if list.get(start).is_some_and(is_it) { Some(start) } else { list.iter().position(is_it) }
    }

    #[inline]
    pub(super) fn raw(&self, index: usize) -> RawField<'_> {
        let value = &self.list()[index].1;
        if self.json { RawField::json(value) } else { RawField::Text(Cow::Borrowed(value)) }
    }

    pub(super) fn has_conflict(&self, name: &str) -> bool {
        !self.conflicts.is_empty() && self.conflicts.iter().any(|conflict| conflict == name)
    }

    /// Returns whether something stands under a name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some_and(|index| self.has_conflict(name) || !self.raw(index).is_absent())
    }

    /// The text under a name; for logs.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let text = self.raw(self.position(name)?).name(usize::MAX).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }
}

fn forms(members: &[Member<'_>]) -> u64 {
    members.iter().fold(0, |forms, (name, _)| forms | form(name))
}

/// One of 64 bits, by first letter and length.
#[inline]
fn form(name: &str) -> u64 {
    let first = name.as_bytes().first().map_or(0, |first| usize::from(*first));
    1 << ((first + 7 * name.len()) % 64)
}

impl fmt::Debug for Members<'_> {
    /// Values may be personal, and so may unknown names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} members]", self.list().len())
    }
}
