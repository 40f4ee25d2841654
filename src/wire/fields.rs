//! Named fields of a message, whether they came as JSON members or as query parameters.

use std::borrow::Cow;

use super::outgoing::OutgoingValue;
use super::problem::{FieldProblem, FieldWarning, ParseError, Warnings, prefix_paths};
use super::raw::RawField;
use super::unknown::{UnknownField, UnknownFields};
use crate::activity::Activity;
use crate::text::json::{self, JsonError, Member};

/// The fields of one message; each is taken out once, and what is left over was unknown.
///
/// What decides (identity and effect) is read with [`mandatory`](Fields::mandatory) and [`optional`](Fields::optional), which
/// refuse the message. Everything else is read with [`information`](Fields::information), which never does.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    fields: Cow<'a, [Member<'a>]>,
    /// Names that stand more than once with different values.
    conflicts: Vec<String>,
    /// A bit per field.
    taken: [u64; 4],
    /// Whether values are JSON text, or decoded parameters.
    json: bool,
    warnings: Warnings,
}

impl<'a> Fields<'a> {
    fn new(fields: Cow<'a, [Member<'a>]>, json: bool) -> Self {
        Self { fields, conflicts: Vec::new(), taken: [0; 4], json, warnings: Vec::new() }
    }

    pub(crate) fn from_json(body: &'a [u8]) -> Result<Self, JsonError> {
        let (mut fields, conflicts) = json::lenient_members(body)?;
        fields.retain(|(name, value)| value != "null" || conflicts.iter().any(|conflict| conflict == name));
        Ok(Self { conflicts, ..Self::new(Cow::Owned(fields), true) })
    }

    /// What of a body that is refused can still be named in a log.
    pub(crate) fn for_log(body: &'a [u8]) -> Self {
        Self::new(Cow::Owned(json::readable_members(body)), true)
    }

    /// Parameters are at most 256, and none is repeated.
    pub(crate) fn from_parameters(parameters: &'a [Member<'a>]) -> Self {
        Self::new(Cow::Borrowed(parameters), false)
    }

    /// Members are at most 256, none is repeated, and none is null.
    pub(crate) fn from_members(members: &'a [Member<'a>]) -> Self {
        Self::new(Cow::Borrowed(members), true)
    }

    /// The text under a name, without taking it out; for logs.
    pub(crate) fn peek(&self, name: &str) -> Option<Cow<'a, str>> {
        let index = self.position(name)?;
        let value: Cow<'a, str> = match &self.fields {
            Cow::Borrowed(fields) => Cow::Borrowed(&fields[index].1),
            Cow::Owned(fields) => fields[index].1.clone(),
        };
        let text = match (value, self.json) {
            (Cow::Borrowed(value), true) => RawField::json(value).name(usize::MAX).ok()?,
            (Cow::Owned(value), true) => Cow::Owned(RawField::json(&value).name(usize::MAX).ok()?.into_owned()),
            (value, false) => value,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// Whether something stands under a name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some_and(|index| self.has_conflict(name) || !self.raw(index).is_absent())
    }

    fn position(&self, name: &str) -> Option<usize> {
        // The first letter tells most names apart, without a call to compare them.
        let is_it = |(known, _): &Member<'_>| known.as_bytes().first() == name.as_bytes().first() && known == name;
        self.fields.iter().position(is_it)
    }

    fn raw(&self, index: usize) -> RawField<'_> {
        let value = &self.fields[index].1;
        if self.json { RawField::json(value) } else { RawField::Text(Cow::Borrowed(value)) }
    }

    fn is_taken(&self, index: usize) -> bool {
        self.taken[index / 64 % 4] & 1 << (index % 64) != 0
    }

    /// Reads a field that is there and not empty; one that stands there with several values is not empty in all of them.
    fn take<T>(&mut self, name: &'static str, read: impl FnOnce(RawField<'_>, &mut Warnings) -> T) -> Option<T> {
        let is_ambiguous = self.has_conflict(name);
        let index = self.position(name)?;
        self.taken[index / 64 % 4] |= 1 << (index % 64);
        let mut warnings = std::mem::take(&mut self.warnings);
        let (first, raw) = (warnings.len(), self.raw(index));
        let taken = (is_ambiguous || !raw.is_absent()).then(|| read(raw, &mut warnings));
        prefix_paths(&mut warnings, first, name);
        self.warnings = warnings;
        taken
    }

    fn has_conflict(&self, name: &str) -> bool {
        !self.conflicts.is_empty() && self.conflicts.iter().any(|conflict| conflict == name)
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
        let is_ambiguous = self.has_conflict(name);
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
        let is_ambiguous = self.has_conflict(name);
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
        let flag = self.position("flag").and_then(|index| self.raw(index).integer::<u8>());
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
        let is_ambiguous = self.has_conflict(NAME);
        let activity = self.take(NAME, |raw, _| {
            let text = if is_ambiguous { Err(FieldProblem::Repeated) } else { raw.clone().text(32) };
            let text = text.map_err(|problem| ParseError::new(NAME, problem, &raw))?;
            let found = known.iter().copied().find(|activity| activity.as_str() == text);
            found.ok_or_else(|| ParseError::UnknownActivity(text.into_owned()))
        });
        activity.ok_or(ParseError::missing(NAME))?
    }

    /// What no table lists, and what was noted while reading.
    pub(crate) fn rest(mut self) -> (UnknownFields, Warnings) {
        let left = (0..self.fields.len()).filter(|index| !self.is_taken(*index));
        let keep = |index: usize| UnknownField::new(self.fields[index].0.to_string(), &self.raw(index));
        let mut fields: Vec<_> = left.map(keep).collect();
        fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        (UnknownFields(fields), std::mem::take(&mut self.warnings))
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
