//! Parameters that the seller defined for a product and the buyer filled in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::fields::{FieldProblem, FieldValue, Fields, ParseError, RawField};
use super::outgoing::OutgoingValue;
use crate::redact::Sensitive;
use crate::text::json;
use crate::text::query::plus_restored;

/// One extension parameter that the seller defined for the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExtendParam {
    /// Name, for instance `emailDomainName` or `platformParams`.
    pub name: String,
    /// Value; may itself be JSON text.
    pub value: Sensitive,
}

impl ExtendParam {
    /// A parameter.
    pub fn new(name: impl Into<String>, value: impl Into<Sensitive>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// `saasExtendParams`: a JSON array of names and values, in Base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtendParams(Vec<ExtendParam>);

impl ExtendParams {
    /// The parameters in the order received.
    pub fn as_slice(&self) -> &[ExtendParam] {
        &self.0
    }

    /// The value of one parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|param| param.name == name).map(|param| param.value.expose())
    }

    fn from_json(text: &str) -> Result<Self, ParseError> {
        let objects = json::objects(text)?.into_iter();
        let params = objects.map(|object| {
            let mut fields = Fields::from_json(object.as_bytes())?;
            let name = fields.mandatory("name", 2048)?;
            let value = fields.optional("value", 2048)?.unwrap_or_default();
            Ok(ExtendParam { name, value })
        });
        params.collect::<Result<_, ParseError>>().map(Self)
    }
}

impl FromIterator<ExtendParam> for ExtendParams {
    fn from_iter<I: IntoIterator<Item = ExtendParam>>(params: I) -> Self {
        Self(params.into_iter().collect())
    }
}

impl From<ExtendParams> for Vec<ExtendParam> {
    fn from(params: ExtendParams) -> Self {
        params.0
    }
}

impl FieldValue for ExtendParams {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        const EXPECTED: FieldProblem = FieldProblem::NotA("the Base64 form of a JSON list of names and values");
        let json = STANDARD.decode(&*plus_restored(&raw.text(max)?)).map_err(|_| EXPECTED)?;
        let json = String::from_utf8(json).map_err(|_| EXPECTED)?;
        Self::from_json(&json).map_err(|_| EXPECTED)
    }

    fn write(&self) -> OutgoingValue {
        let json = serde_json::to_vec(&self.0).unwrap_or_default();
        OutgoingValue::Text(STANDARD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExtendParams, FieldProblem> {
        ExtendParams::read(RawField::Text(text.into()), 2048)
    }

    #[test]
    fn extend_params_of_the_document() {
        let params = read("W3sibmFtZSI6ImVtYWlsRG9tYWluTmFtZSIsInZhbHVlIjoidGVzdC5leGFtcGxlLmNvbSJ9XQ==").unwrap();
        assert_eq!(params.get("emailDomainName"), Some("test.example.com"));
    }

    #[test]
    fn malformed_extend_params_are_refused() {
        let encode = |json: &str| STANDARD.encode(json);
        for bad in [
            "***".to_owned(),
            encode("5"),
            encode("[5]"),
            encode("[{}]"),
            encode(&"[".repeat(2000)),
            encode("\u{feff}[]"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
        assert_eq!(read(&encode("[]")).unwrap().as_slice(), []);
    }
}
