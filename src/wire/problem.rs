//! Errors of reading a message or a field of it.

use std::fmt;

use super::raw::RawField;
use crate::redact::Sensitive;
use crate::text::json::JsonError;

/// An authenticated message could not be read. Answered as `000002`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The body is no acceptable JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field that decides something is missing or not as documented.
    #[error(transparent)]
    Field(#[from] Box<FieldError>),
    /// The `activity` is none that the protocol generation knows.
    #[error("unknown activity {0:?}")]
    UnknownActivity(String),
}

impl ParseError {
    /// Returns the error for a field that holds what it must not.
    pub(crate) fn new(field: &'static str, problem: FieldProblem, raw: &RawField<'_>) -> Self {
        // The entries of a list are described one by one.
        let form = if let FieldProblem::Entries(_) = problem { String::new() } else { raw.form() };
        FieldError { field, problem, form }.into()
    }

    /// Returns the error for a field of which nothing more is to be said.
    pub(crate) fn of_field(field: &'static str, problem: FieldProblem) -> Self {
        FieldError { field, problem, form: String::new() }.into()
    }

    /// Returns the error for a mandatory field that is absent, null or empty.
    #[cold]
    pub(crate) fn missing(field: &'static str) -> Self {
        Self::of_field(field, FieldProblem::Missing)
    }
}

impl From<FieldError> for ParseError {
    fn from(error: FieldError) -> Self {
        Self::Field(Box::new(error))
    }
}

/// A field that decides something and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field:?} {problem}{}", ShownForm(form))]
#[non_exhaustive]
pub struct FieldError {
    /// Name on the wire.
    pub field: &'static str,
    /// The problem.
    pub problem: FieldProblem,
    /// The form of the value, without its content: kind, length, and the pattern of a short text with every digit as
    /// `9` and every letter as `a`. Empty where nothing did.
    pub form: String,
}

impl FieldError {
    /// Creates an error without a form, for tests.
    pub fn new(field: &'static str, problem: FieldProblem) -> Self {
        Self { field, problem, form: String::new() }
    }
}

struct ShownForm<'a>(&'a str);

impl fmt::Display for ShownForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (found {})", self.0) }
    }
}

/// A problem of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// Mandatory, but absent, null or empty.
    #[error("is missing or empty")]
    Missing,
    /// Longer than documented.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// Of another JSON type or another form than documented.
    #[error("is not {0}")]
    NotA(&'static str),
    /// Stands more than once, with different values.
    #[error("stands more than once, with different values")]
    Repeated,
    /// A text with an escape that names no character, such as half of a pair of surrogates.
    #[error("holds an escape that names no character")]
    InvalidEscape,
    /// A member that only another message has: the call was made for another path.
    #[error("belongs to another message than the path names")]
    Misplaced,
    /// A list with more entries than are taken.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// A list with entries that cannot be identified.
    #[error("{0}")]
    Entries(BadEntries),
    /// Encrypted with another key or another cipher than the seller console has.
    #[error("cannot be decrypted with the configured key")]
    Undecryptable,
    /// Encrypted with the other AES size than the one configured, and read with it.
    #[error("is encrypted with the other AES key size than the service is set to")]
    OtherEncryptType,
}

/// The entries of a list that lack what identifies them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadEntries {
    /// Place in the list, counted from 0, and what is wrong with the entry; the first [`BadEntries::NAMED`] of them.
    pub first: Vec<(usize, ParseError)>,
    /// Their number.
    pub count: usize,
}

impl BadEntries {
    /// Number of bad entries that are named at most.
    pub const NAMED: usize = 20;
}

impl fmt::Display for BadEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "has {} entries that cannot be identified: ", self.count)?;
        for (position, (index, error)) in self.first.iter().enumerate() {
            write!(f, "{}[{index}] {error}", if position > 0 { "; " } else { "" })?;
        }
        match self.count.saturating_sub(self.first.len()) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// A field of information that could not be read, or is not quite as documented. It never refuses a message.
///
/// `Display` and `Debug` give path, problem and form, and never what stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldWarning {
    /// Path of the field, for instance `orderLine[0].productInfo[0].linearValue`.
    pub path: String,
    /// The problem.
    pub problem: FieldProblem,
    /// The form of the value, without its content; as in [`FieldError::form`].
    pub form: String,
    /// The text as received (a JSON value as JSON text) where the field is absent in the model. `None` where its value
    /// was taken all the same.
    pub raw: Option<Sensitive>,
}

impl FieldWarning {
    /// Creates a warning for tests of an observer: without a form, and about a field whose value was taken.
    pub fn new(path: impl Into<String>, problem: FieldProblem) -> Self {
        Self { path: path.into(), problem, form: String::new(), raw: None }
    }

    /// Returns the warning for a field whose value is absent in the model.
    pub(crate) fn absent(path: impl Into<String>, problem: FieldProblem, raw: &RawField<'_>) -> Self {
        Self { path: path.into(), problem, form: raw.form(), raw: Some(raw.as_received().into()) }
    }

    /// Returns the warning for a field whose value was taken.
    pub(crate) fn taken(path: impl Into<String>, problem: FieldProblem, raw: &RawField<'_>) -> Self {
        Self { path: path.into(), problem, form: raw.form(), raw: None }
    }
}

impl fmt::Display for FieldWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.raw.is_some() { "left out" } else { "taken" };
        write!(f, "{} {}{}: {outcome}", self.path, self.problem, ShownForm(&self.form))
    }
}

/// Warnings noted while reading.
pub(crate) type Warnings = Vec<FieldWarning>;

/// Puts the name of the field in front of the paths of all warnings from `first` on, which were noted inside of it.
pub(crate) fn prefix_paths(warnings: &mut Warnings, first: usize, prefix: &str) {
    for warning in warnings.iter_mut().skip(first) {
        warning.path.insert_str(0, prefix);
    }
}
