//! The members or parameters of one message, not read yet.

use std::borrow::Cow;
use std::fmt;

use super::raw::RawField;
use crate::text::json::{self, JsonError, LenientMembers, Member};

/// Names and values as received, none of them null.
#[derive(Default)]
pub(crate) struct Members<'a> {
    list: List<'a>,
    /// Where names stand.
    places: Places,
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
            places: Places::of(&members),
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
        Self { places: Places::of(parameters), list: List::Borrowed(parameters), ..Self::default() }
    }

    /// Members are at most 256, none is repeated, and none is null.
    pub(crate) fn from_members(members: &'a [Member<'a>]) -> Self {
        Self { places: Places::of(members), list: List::Borrowed(members), json: true, ..Self::default() }
    }

    /// Leaves out what no table lists when they are read, for a reader that has no use for it.
    pub(crate) fn drop_unknown(&mut self) {
        self.drops_unknown = true;
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

    #[inline]
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let is_it = |(known, _): &Member<'_>| known == name;
        let (list, place) = (self.list(), self.places.first(name)?);
        if list.get(place).is_some_and(is_it) { Some(place) } else { list.iter().position(is_it) }
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

/// For each of 64 hashes of a name, the number of the first member whose name has it, counted from 1; 0 without one.
struct Places([u8; 64]);

impl Default for Places {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Places {
    fn of(members: &[Member<'_>]) -> Self {
        let mut places = Self::default();
        // From the end, so that the first of several names with one hash stays.
        for (index, (name, _)) in members.iter().enumerate().rev() {
            places.0[hash(name)] = u8::try_from(index + 1).unwrap_or(u8::MAX);
        }
        places
    }

    /// Returns where the name stands if it stands anywhere, unless another name has the same hash.
    #[inline]
    fn first(&self, name: &str) -> Option<usize> {
        usize::from(self.0[hash(name)]).checked_sub(1)
    }
}

/// A number below 64, by the ends and the length of a name; few names of one message have the same.
#[inline]
fn hash(name: &str) -> usize {
    match name.as_bytes() {
        bytes @ [first, .., last] => (29 * usize::from(*first) + 30 * usize::from(*last) + 5 * bytes.len()) % 64,
        short => short.len(),
    }
}

impl fmt::Debug for Members<'_> {
    /// Values may be personal, and so may unknown names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} members]", self.list().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_where_it_stands_first_with_others_of_its_hash_around_it() {
        // 256 names share 64 hashes, and the last is beyond what a byte counts.
        let names = (0..254).map(|number| format!("n{number:03}")).chain([String::new(), "x".to_owned()]);
        let list: Vec<Member<'_>> = names.map(|name| (name.into(), "1".into())).collect();
        let members = Members::from_parameters(&list);
        for (index, (name, _)) in list.iter().enumerate() {
            assert_eq!(members.position(name), Some(index), "{name:?}");
        }
        assert_eq!(members.position("n254"), None);
        let twice = [("a".into(), "1".into()), ("b".into(), "2".into()), ("a".into(), "3".into())];
        assert_eq!(Members::from_parameters(&twice).position("a"), Some(0));
    }
}
