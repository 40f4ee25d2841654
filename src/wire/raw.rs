//! A value as received, and the one reader for texts, numbers and truth values of all families.

use std::borrow::Cow;

use super::problem::FieldProblem;
use crate::amount::Amount;
use crate::text::json;

/// A value as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RawField<'a> {
    /// A JSON string or a query parameter, decoded.
    Text(Cow<'a, str>),
    /// Any other JSON value, as it stands in the body.
    Json(&'a str),
    /// A JSON string with an escape that names no character, as it stands in the body.
    BadEscape(&'a str),
}

impl<'a> RawField<'a> {
    /// A value of a JSON text.
    pub(crate) fn json(value: &'a str) -> Self {
        match value.starts_with('"') {
            true => json::unquote(value).map_or(Self::BadEscape(value), Self::Text),
            false => Self::Json(value),
        }
    }

    /// Returns whether nothing stands there.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Json(json) => *json == "null",
            Self::BadEscape(_) => false,
        }
    }

    /// Returns whether nothing but blanks stands there.
    pub(crate) fn is_blank(&self) -> bool {
        // The first byte settles it for nearly all.
        let may_be = |text: &str| text.bytes().next().is_none_or(|first| !first.is_ascii_graphic());
        matches!(self, Self::Text(text) if may_be(text) && text.trim_start().is_empty())
    }

    /// The text, if it is text of at most `max` characters without U+0000, which not every store can hold.
    pub(crate) fn text(self, max: usize) -> Result<Cow<'a, str>, FieldProblem> {
        match self {
            Self::Text(text) if memchr::memchr(0, text.as_bytes()).is_some() => {
                Err(FieldProblem::NotA("a text without U+0000"))
            }
            // Characters are counted only where bytes do not settle it.
            Self::Text(text) if text.len() <= max || text.chars().count() <= max => Ok(text),
            Self::Text(_) => Err(FieldProblem::TooLong(max)),
            Self::Json(_) => Err(FieldProblem::NotA("a string")),
            Self::BadEscape(_) => Err(FieldProblem::InvalidEscape),
        }
    }

    /// Takes a number for its text, as is right where nothing is decided by it.
    pub(crate) fn number_as_text(self) -> Self {
        match self {
            Self::Json(number) if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Self::Text(Cow::Borrowed(number))
            }
            other => other,
        }
    }

    /// The text of what names something: a string, or a number written as digits alone, which has one spelling.
    pub(crate) fn name(self, max: usize) -> Result<Cow<'a, str>, FieldProblem> {
        match self {
            Self::Json(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Text(Cow::Borrowed(digits)).text(max)
            }
            other => other.text(max),
        }
    }

    /// A number, as JSON number or text, in any spelling: `5`, `"5"`, `5.0`, `"+5"`, `5E0`, `" 5 "`.
    pub(crate) fn number(&self) -> Option<Amount> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Json(json) => json.parse().ok(),
            Self::BadEscape(_) => None,
        }
    }

    /// A whole number that fits, in any spelling.
    pub(crate) fn integer<T: TryFrom<i128>>(&self) -> Option<T> {
        let plain = match self {
            Self::Text(text) => plain_integer(text),
            Self::Json(json) => plain_integer(json),
            Self::BadEscape(_) => None,
        };
        let integer = plain.or_else(|| self.number()?.to_integer())?;
        T::try_from(integer).ok()
    }

    /// A truth value: `true`, `false`, 1 or 0, in any letter case and spelling, as text or not.
    pub(crate) fn truth(&self) -> Option<bool> {
        let word = match self {
            Self::Text(text) => text.trim(),
            Self::Json(json) => json,
            Self::BadEscape(_) => return None,
        };
        match word {
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            _ => match self.integer()? {
                1_u8 => Some(true),
                0 => Some(false),
                _ => None,
            },
        }
    }

    /// The text of a documented word, and of a documented number its shortest spelling.
    pub(crate) fn code(self, max: usize) -> Result<Cow<'a, str>, FieldProblem> {
        let number = match &self {
            // A word, or a digit that stands alone, has one spelling.
            Self::Text(text) if text.len() == 1 || text.starts_with(|first: char| first.is_ascii_alphabetic()) => None,
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.map_or(self, |number: Amount| Self::Text(number.to_string().into())).text(max)
    }

    /// Reads what stands here as a list: the elements of a list, or the one object in place of a list; either may be
    /// JSON text in a string. `None` where it is nothing of the kind.
    pub(crate) fn elements<T>(&self, read: impl FnOnce(Vec<&str>) -> T) -> Option<T> {
        let json = self.structure()?;
        if let Ok(elements) = json::elements(&json) {
            return Some(read(elements));
        }
        // Two documents print lists with bare names of members.
        let quoted = json::with_quoted_names(&json);
        Some(read(json::elements(&quoted).ok()?))
    }

    /// The JSON text of the one object that stands here: as it is, in a list of one, or in a string.
    pub(crate) fn object(&self) -> Option<String> {
        let only = |elements: Vec<&str>| match elements[..] {
            [only] => Some(RawField::json(only).structure()?.into_owned()),
            _ => None,
        };
        self.elements(only)?.filter(|object| object.trim_start().starts_with('{'))
    }

    /// The JSON text of a list or an object, taken out of the strings that it may be wrapped in.
    pub(crate) fn structure(&self) -> Option<Cow<'_, str>> {
        let mut json = match self {
            Self::Text(text) => Cow::Borrowed(&**text),
            Self::Json(json) => Cow::Borrowed(*json),
            Self::BadEscape(_) => return None,
        };
        for _ in 0..MAX_WRAPPED {
            let inner = match json.trim_start_matches('\u{feff}').trim() {
                structure if structure.starts_with(['{', '[']) => None,
                string => Some(json::unquote(string)?.into_owned()),
            };
            match inner {
                None => return Some(json),
                Some(inner) => json = Cow::Owned(inner),
            }
        }
        None
    }

    /// Kind, length and pattern, without what stands there.
    pub(crate) fn form(&self) -> String {
        match self {
            Self::Text(text) => {
                let length = text.chars().count();
                let pattern = text.chars().take(SHOWN).map(pattern).collect::<String>();
                let more = if length > SHOWN { "..." } else { "" };
                format!("text of {length} characters, {pattern:?}{more}")
            }
            Self::BadEscape(_) => "text with half a character".to_owned(),
            Self::Json(json) => match json.as_bytes().first() {
                Some(b'{') => "an object".to_owned(),
                Some(b'[') => "a list".to_owned(),
                Some(b't' | b'f') => format!("the truth value {json}"),
                Some(b'n') | None => "null".to_owned(),
                _ => format!("the number {}", json.chars().take(SHOWN).map(pattern).collect::<String>()),
            },
        }
    }

    /// The decoded text, or the JSON text of any other value.
    pub(crate) fn as_received(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Json(json) | Self::BadEscape(json) => json,
        }
    }
}

/// The number that a few digits alone say, as nearly all senders write it.
fn plain_integer(text: &str) -> Option<i128> {
    let is_plain = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.bytes().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0')).into())
}

/// Characters of a value's pattern that are shown.
const SHOWN: usize = 40;

/// Greatest number of strings that a list or object may be wrapped in.
const MAX_WRAPPED: usize = 3;

fn pattern(character: char) -> char {
    match character {
        digit if digit.is_ascii_digit() => '9',
        letter if letter.is_alphanumeric() => 'a',
        mark => mark,
    }
}
