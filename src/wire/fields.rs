//! Named fields of a message, whether they came as JSON members or as query parameters.

use super::members::Members;
use super::outgoing::OutgoingValue;
use super::problem::{FieldProblem, FieldWarning, ParseError, Warnings, prefix_paths};
use super::raw::RawField;
use super::unknown::{UnknownField, UnknownFields};
use crate::activity::Activity;

/// The fields of one message; each is taken out once, and what is left over was unknown.
///
/// What decides (identity and effect) is read with [`mandatory`](Fields::mandatory) and [`optional`](Fields::optional), which
/// refuse the message. Everything else is read with [`information`](Fields::information), which never does.
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

    /// Reads a field that is there and not empty; one that stands there with several values is not empty in all of them.
    #[inline]
    fn take<T>(&mut self, name: &'static str, read: impl FnOnce(RawField<'m>, &mut Warnings) -> T) -> Option<T> {
        let index = self.members.position(name)?;
        self.taken[index / 64 % 4] |= 1 << (index % 64);
        let (first, raw) = (self.warnings.len(), self.members.raw(index));
        let is_there = !raw.is_absent() || self.members.has_conflict(name);
        let taken = is_there.then(|| read(raw, &mut self.warnings));
        if self.warnings.len() > first {
            prefix_paths(&mut self.warnings, first, name);
        }
        taken
    }

    /// A field that decides something and may be absent.
    pub(crate) fn optional<T: ReadField>(&mut self, name: &'static str, max: usize) -> Result<Option<T>, ParseError> {
        self.decisive(name, max, false)
    }

    /// A field that decides something and must be there; blanks alone are nothing.
    pub(crate) fn mandatory<T: ReadField>(&mut self, name: &'static str, max: usize) -> Result<T, ParseError> {
        self.decisive(name, max, true)?.ok_or(ParseError::missing(name))
    }

    fn decisive<T: ReadField>(
        &mut self,
        name: &'static str,
        max: usize,
        is_mandatory: bool,
    ) -> Result<Option<T>, ParseError> {
        let is_ambiguous = self.members.has_conflict(name);
        self.take(name, |raw, warnings| {
            let read = match () {
                () if is_ambiguous => Err(FieldProblem::Repeated),
                () if is_mandatory && raw.is_blank() => Err(FieldProblem::Missing),
                () => T::read(raw.clone(), max, warnings),
            };
            read.map_err(|problem| ParseError::new(name, problem, &raw))
        })
        .transpose()
    }

    /// A field that decides nothing: kept whole where it is too long, and where it cannot be read absent here and left among
    /// the unknown ones.
    pub(crate) fn information<T: ReadField>(&mut self, name: &'static str, max: usize) -> Option<T> {
        let is_ambiguous = self.members.has_conflict(name);
        let before = self.taken;
        let read = self.take(name, |raw, warnings| {
            if !is_ambiguous && raw.is_blank() {
                return Ok(None);
            }
            let first = warnings.len();
            let mut read = |max| T::read(raw.clone().number_as_text(), max, &mut *warnings);
            let (read, too_long) = match if is_ambiguous { Err(FieldProblem::Repeated) } else { read(max) } {
                Err(FieldProblem::TooLong(max)) => (read(usize::MAX), Some(FieldProblem::TooLong(max))),
                read => (read, None),
            };
            match read {
                Ok(value) => {
                    warnings.extend(too_long.map(|problem| FieldWarning::taken("", problem, &raw)));
                    Ok(Some(value))
                }
                Err(problem) => {
                    // What was noted inside of it is all in its raw text.
                    warnings.truncate(first);
                    warnings.push(FieldWarning::absent("", problem, &raw));
                    Err(())
                }
            }
        });
        if let Some(Err(())) = read {
            self.taken = before;
        }
        read?.ok()?
    }

    /// A field that decides something, and is needed only where the message's `flag` does not say that something is deleted.
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

    /// What the message is about: the one of `known` that its `activity` names.
    pub(crate) fn activity(&mut self, known: &[Activity]) -> Result<Activity, ParseError> {
        const NAME: &str = "activity";
        let is_ambiguous = self.members.has_conflict(NAME);
        let activity = self.take(NAME, |raw, _| {
            let text = if is_ambiguous { Err(FieldProblem::Repeated) } else { raw.clone().text(32) };
            let text = text.map_err(|problem| ParseError::new(NAME, problem, &raw))?;
            let found = known.iter().copied().find(|activity| activity.as_str() == text);
            found.ok_or_else(|| ParseError::UnknownActivity(text.into_owned()))
        });
        activity.ok_or(ParseError::missing(NAME))?
    }

    /// What no table lists, and what was noted while reading.
    pub(crate) fn rest(self) -> (UnknownFields, Warnings) {
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
