//! Named fields of a message, whether they came as JSON members or as query parameters.

use super::members::Members;
use super::outgoing::OutgoingValue;
use super::problem::{FieldProblem, FieldWarning, ParseError, Warnings, prefix_paths};
use super::raw::RawField;
use super::unknown::{UnknownField, UnknownFields};
use crate::activity::Activity;

/// The fields of one message; each is taken out once, and what is left over was unknown.
///
/// Fields that decide (identity and effect) are read with [`mandatory`](Fields::mandatory) and
/// [`optional`](Fields::optional), which refuse the message. Everything else is read with
/// [`information`](Fields::information), which never does.
#[derive(Debug)]
pub(crate) struct Fields<'m> {
    members: &'m Members<'m>,
    /// A bit per member.
    taken: [u64; 4],
    warnings: Warnings,
}

impl<'m> Fields<'m> {
    pub(crate) fn new(members: &'m Members<'m>) -> Self {
        Self { members, taken: [0; 4], warnings: Vec::new() }
    }

    fn is_taken(&self, index: usize) -> bool {
        self.taken[index / 64 % 4] & 1 << (index % 64) != 0
    }

    /// Takes out a field that is there and not empty, with its place; one that stands there with several values is not
    /// empty in all of them.
    #[inline]
    fn take(&mut self, name: &'static str) -> Option<(usize, RawField<'m>)> {
        let index = self.members.position(name)?;
        self.taken[index / 64 % 4] |= 1 << (index % 64);
        let raw = self.members.raw(index);
        let is_there = !raw.is_absent() || self.members.has_conflict(name);
        is_there.then_some((index, raw))
    }

    /// Puts the name of the field before the paths of what was noted inside of it.
    #[inline]
    fn prefix(&mut self, first: usize, name: &'static str) {
        if self.warnings.len() > first {
            prefix_paths(&mut self.warnings, first, name);
        }
    }

    /// A field that decides something and may be absent.
    pub(crate) fn optional<T: ReadField>(&mut self, name: &'static str, max: usize) -> Result<Option<T>, ParseError> {
        self.decisive(name, max, false)
    }

    /// A field that decides something and must be there; blanks alone are nothing.
    pub(crate) fn mandatory<T: ReadField>(&mut self, name: &'static str, max: usize) -> Result<T, ParseError> {
        self.decisive(name, max, true)?.ok_or_else(|| ParseError::missing(name))
    }

    fn decisive<T: ReadField>(
        &mut self,
        name: &'static str,
        max: usize,
        is_mandatory: bool,
    ) -> Result<Option<T>, ParseError> {
        let Some((index, raw)) = self.take(name) else { return Ok(None) };
        let first = self.warnings.len();
        let read = if self.members.has_conflict(name) {
            Err(FieldProblem::Repeated)
        } else if is_mandatory && raw.is_blank() {
            Err(FieldProblem::Missing)
        } else {
            T::read(raw, max, &mut self.warnings)
        };
        self.prefix(first, name);
        match read {
            Ok(value) => Ok(Some(value)),
            Err(problem) => Err(self.refusal(name, problem, index)),
        }
    }

    /// Looks at the value once more, so that nothing is copied where all is well.
    #[cold]
    fn refusal(&self, name: &'static str, problem: FieldProblem, index: usize) -> ParseError {
        ParseError::new(name, problem, &self.members.raw(index))
    }

    /// A field that decides nothing: kept whole where it is too long, and where it cannot be read absent here and left
    /// among the unknown ones.
    pub(crate) fn information<T: ReadField>(&mut self, name: &'static str, max: usize) -> Option<T> {
        let before = self.taken;
        let (index, raw) = self.take(name)?;
        let first = self.warnings.len();
        let mut read = match self.members.has_conflict(name) {
            true => Err(FieldProblem::Repeated),
            false if raw.is_blank() => return None,
            false => T::read(raw.number_as_text(), max, &mut self.warnings),
        };
        if let Err(FieldProblem::TooLong(max)) = read {
            let raw = self.members.raw(index);
            self.warnings.truncate(first);
            read = T::read(raw.clone().number_as_text(), usize::MAX, &mut self.warnings);
            self.warnings.push(FieldWarning::taken("", FieldProblem::TooLong(max), &raw));
        }
        if let Err(problem) = &read {
            // What was noted inside of it is all in its raw text.
            self.warnings.truncate(first);
            self.warnings.push(FieldWarning::absent("", problem.clone(), &self.members.raw(index)));
            self.taken = before;
        }
        self.prefix(first, name);
        read.ok()
    }

    /// A field that decides something, and is needed only where the message's `flag` does not say that something is
    /// deleted.
    pub(crate) fn unless_deleted<T: ReadField>(
        &mut self,
        name: &'static str,
        max: usize,
    ) -> Result<Option<T>, ParseError> {
        let flag = self.members.position("flag").and_then(|index| self.members.raw(index).integer::<u8>());
        match flag {
            // A message without a readable flag is refused for that one, by its own row.
            None | Some(0 | 3) => Ok(self.information(name, max)),
            Some(_) => self.mandatory(name, max).map(Some),
        }
    }

    /// As `information`, under the first of several names that gives a value.
    pub(crate) fn information_of<T: ReadField>(&mut self, names: &[&'static str], max: usize) -> Option<T> {
        names.iter().find_map(|name| self.information(name, max))
    }

    /// Returns the one of `known` that the message's `activity` names.
    pub(crate) fn activity(&mut self, known: &[Activity]) -> Result<Activity, ParseError> {
        const NAME: &str = "activity";
        let (index, raw) = self.take(NAME).ok_or_else(|| ParseError::missing(NAME))?;
        let text = if self.members.has_conflict(NAME) { Err(FieldProblem::Repeated) } else { raw.text(32) };
        let text = text.map_err(|problem| ParseError::new(NAME, problem, &self.members.raw(index)))?;
        let found = known.iter().copied().find(|activity| activity.as_str() == text);
        found.ok_or_else(|| ParseError::UnknownActivity(text.into_owned()))
    }

    /// Returns the fields that no table lists, and the warnings noted while reading.
    pub(crate) fn rest(self) -> (UnknownFields, Warnings) {
        if self.members.drops_unknown() {
            return (UnknownFields::default(), self.warnings);
        }
        let left = (0..self.members.len()).filter(|index| !self.is_taken(*index));
        let keep = |index| UnknownField::new(self.members.name(index).to_owned(), &self.members.raw(index));
        let mut fields: Vec<_> = left.map(keep).collect();
        fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        (UnknownFields(fields), self.warnings)
    }
}

/// A type that can be read from a field.
pub(crate) trait ReadField: Sized {
    /// Reads a value of at most `max` characters or entries. What is noted inside of it has its path from here on.
    fn read(raw: RawField<'_>, max: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem>;
}

/// A type that can be written as a field.
pub(crate) trait WriteField {
    fn write(&self) -> OutgoingValue;
}
