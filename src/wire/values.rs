//! Types of field values.

use std::borrow::Cow;

use time::UtcOffset;

use super::fields::{ReadField, WriteField};
use super::outgoing::OutgoingValue;
use super::problem::{FieldProblem, Warnings};
use super::raw::RawField;
use crate::amount::Amount;
use crate::cipher::field::Ciphertext;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

impl ReadField for String {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.text(max).map(Cow::into_owned)
    }
}

/// Name of something in a list or an answer: text, or a number written as digits alone.
pub(crate) struct Name(pub(crate) String);

impl ReadField for Name {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.name(max).map(|text| Self(text.into_owned()))
    }
}

impl WriteField for String {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.clone())
    }
}

impl ReadField for Sensitive {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.text(max).map(|text| Self::from(&*text))
    }
}

impl WriteField for Sensitive {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.expose().to_owned())
    }
}

impl ReadField for Ciphertext {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.text(max).map(|text| Self::from(&*text))
    }
}

impl WriteField for Ciphertext {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.as_str().to_owned())
    }
}

impl ReadField for bool {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.truth().ok_or(FieldProblem::NotA("true or false"))
    }
}

impl WriteField for bool {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

impl ReadField for u32 {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.integer().ok_or(FieldProblem::NotA("a whole number"))
    }
}

impl WriteField for u32 {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

impl ReadField for i32 {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.integer().ok_or(FieldProblem::NotA("a whole number"))
    }
}

impl WriteField for i32 {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

impl ReadField for Amount {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        raw.number().ok_or(FieldProblem::NotA("a decimal number"))
    }
}

impl WriteField for Amount {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

/// In UTC; a message whose zone is a matter of configuration keeps the text instead.
impl ReadField for Timestamp {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        const EXPECTED: FieldProblem = FieldProblem::NotA("a time of the form yyyyMMddHHmmss or yyyyMMddHHmmssSSS");
        let text = raw.name(max).map_err(|_| EXPECTED)?;
        Self::parse_compact(&text, UtcOffset::UTC).map_err(|_| EXPECTED)
    }
}

impl WriteField for Timestamp {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

/// Whether a call is real.
///
/// On the wire absent, null, empty, `0` or `false` (production), `1` or `true` (debugging), as text or number. Anything
/// else is refused: taken for production it could create what was never bought, taken for a test it could lose what
/// was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a pair: a call is real, or is not")]
pub enum TestFlag {
    /// A customer's call.
    #[default]
    Production,
    /// A call of the debugging page or of the daily dial test; its values are invented.
    Debug,
}

impl TestFlag {
    pub(crate) fn as_str(self) -> &'static str {
        if self == Self::Debug { "1" } else { "0" }
    }
}

impl ReadField for TestFlag {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        match raw.truth() {
            Some(false) => Ok(Self::Production),
            Some(true) => Ok(Self::Debug),
            None => Err(FieldProblem::NotA("0 or 1")),
        }
    }
}

impl WriteField for TestFlag {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.as_str().to_owned())
    }
}

/// A text that the documents did not list when this version was made.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unlisted(Box<str>);

impl Unlisted {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Declares an enum of documented texts that keeps texts it does not know. Their variant is hidden: a match of it would
/// miss a text as soon as that gets a variant of its own.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $wire:literal, )* }
    ) => {
        $(#[$meta])*
        ///
        /// A text that the documents do not list is kept: [`as_str`](Self::as_str) returns it, and `From<&str>` or
        /// `FromStr` makes it.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* #[doc = concat!("\n\n`", $wire, "` on the wire.")] $variant, )*
            #[doc(hidden)]
            _Unlisted($crate::wire::Unlisted),
        }

        impl $name {
            /// Returns the text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::_Unlisted(text) => text.as_str(),
                }
            }
        }

        impl $crate::wire::Shaped for $name {
            const KIND: $crate::wire::FieldKind = $crate::wire::FieldKind::Words(&[$($wire),*]);
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($wire => Self::$variant,)*
                    unlisted => Self::_Unlisted($crate::wire::Unlisted::new(unlisted)),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(&*std::borrow::Cow::<str>::deserialize(deserializer)?))
            }
        }

        impl $crate::wire::ReadField for $name {
            fn read(
                raw: $crate::wire::RawField<'_>,
                max: usize,
                _: &mut $crate::wire::Warnings,
            ) -> Result<Self, $crate::wire::FieldProblem> {
                raw.code(max).map(|text| Self::from(&*text))
            }
        }

        impl $crate::wire::WriteField for $name {
            fn write(&self) -> $crate::wire::OutgoingValue {
                $crate::wire::OutgoingValue::Text(self.as_str().to_owned())
            }
        }
    };
}
pub(crate) use open_enum;
