//! Types of field values.

use std::borrow::Cow;

use time::UtcOffset;

use super::fields::{FieldProblem, FieldValue, RawField};
use super::outgoing::OutgoingValue;
use crate::amount::Amount;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

impl FieldValue for String {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        raw.text(max).map(Cow::into_owned)
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.clone())
    }
}

impl FieldValue for Sensitive {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        String::read(raw, max).map(Self::from)
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.expose().to_owned())
    }
}

/// Text on the wire; a JSON boolean is taken as well.
impl FieldValue for bool {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        let text = match raw {
            RawField::Json(json) => Cow::Borrowed(json),
            text => text.text(max)?,
        };
        match text {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(FieldProblem::NotA("true or false")),
        }
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

impl FieldValue for u32 {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        let text = raw.scalar(max)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).ok_or(FieldProblem::NotA("a whole number"))
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

impl FieldValue for Amount {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        raw.scalar(max)?.parse().map_err(|_| FieldProblem::NotA("a decimal number"))
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

/// In UTC; a message whose zone is a matter of configuration keeps the text instead.
impl FieldValue for Timestamp {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        let text = raw.text(max)?;
        Self::parse_compact(&text, UtcOffset::UTC)
            .map_err(|_| FieldProblem::NotA("a time of the form yyyyMMddHHmmss or yyyyMMddHHmmssSSS"))
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}

/// Whether a call is real.
///
/// On the wire absent, null, empty, `0` (production) or `1` (debugging), as text or number; anything else is refused,
/// because taking it for either could create what nobody bought or lose what somebody did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

impl FieldValue for TestFlag {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        match &*raw.scalar(max)? {
            "0" => Ok(Self::Production),
            "1" => Ok(Self::Debug),
            _ => Err(FieldProblem::NotA("0 or 1")),
        }
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.as_str().to_owned())
    }
}

/// Declares an enum of documented texts that keeps texts it does not know.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $wire:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* #[doc = concat!("\n\n`", $wire, "` on the wire.")] $variant, )*
            /// A value that the document did not know when this version was made.
            Other(String),
        }

        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($wire => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
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

        impl $crate::wire::FieldValue for $name {
            fn read(raw: $crate::wire::RawField<'_>, max: usize) -> Result<Self, $crate::wire::FieldProblem> {
                raw.text(max).map(|text| Self::from(&*text))
            }

            fn write(&self) -> $crate::wire::OutgoingValue {
                $crate::wire::OutgoingValue::Text(self.as_str().to_owned())
            }
        }
    };
}
pub(crate) use open_enum;
