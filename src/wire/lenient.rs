//! Reading answers whose types differ between documents and wire: numbers as strings, strings as numbers, nulls
//! anywhere.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::text::json;

/// The text of a string or a number.
#[derive(Clone, Debug)]
pub(crate) struct Scalar(String);

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Scalar> for String {
    fn from(scalar: Scalar) -> Self {
        scalar.0
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        if text.starts_with('"') {
            let text = json::unquote(text).ok_or_else(|| Error::custom("an escape names no character"))?;
            return Ok(Self(text.into_owned()));
        }
        if text.starts_with(['{', '[', 't', 'f', 'n']) {
            return Err(Error::custom("neither a string nor a number"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A string or number, with the empty string and every other value taken as absent: none of them decides anything.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scalar>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok().filter(|scalar: &Scalar| !scalar.0.is_empty()))
}

/// As `text`, in another type of text.
#[cfg(feature = "cas")]
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    Ok(text(deserializer)?.map(|scalar| String::from(scalar).into()))
}

/// A list, with null taken as an empty one.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
