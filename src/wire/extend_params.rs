//! Parameters that the seller defined for a product and the buyer filled in.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Serialize;

use super::fields::{Fields, ReadField, WriteField};
use super::members::Members;
use super::outgoing::OutgoingValue;
use super::problem::{FieldProblem, FieldWarning, Warnings, prefix_paths};
use super::raw::RawField;
use super::table::table;
use crate::redact::Sensitive;

table! {
    serde
    /// One extension parameter that the seller defined for the product.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct ExtendParam {
        /// Name, for instance `emailDomainName` or `platformParams`.
        pub name: String = mandatory "name", MAX;
        /// Value; may itself be JSON text.
        pub value: Sensitive = optional "value", MAX;
    }
}

impl ExtendParam {
    /// A parameter.
    pub fn new(name: impl Into<String>, value: impl Into<Sensitive>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// `saasExtendParams`: a JSON array of names and values, in Base64. The console allows three parameters per product.
///
/// Read as well: Base64 in lines, in the URL-safe alphabet or without padding, one object in place of the list, and the
/// JSON itself. A value that is no text is kept as its JSON text.
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

impl ReadField for ExtendParams {
    fn read(raw: RawField<'_>, max: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let json = match raw {
            RawField::Text(text) if !text.trim_start().starts_with(['[', '{', '"']) => {
                decoded(&RawField::Text(text).text(max)?).ok_or(EXPECTED)?
            }
            raw => return params(&raw, warnings).ok_or(EXPECTED),
        };
        params(&RawField::Text(json.into()), warnings).ok_or(EXPECTED)
    }
}

impl WriteField for ExtendParams {
    fn write(&self) -> OutgoingValue {
        let json = serde_json::to_vec(&self.0).unwrap_or_default();
        OutgoingValue::Text(STANDARD.encode(json))
    }
}

const EXPECTED: FieldProblem = FieldProblem::NotA("the Base64 form of a JSON list of names and values");

/// Base64 in whichever alphabet, with or without padding, wrapped into lines or not; and the text in it.
fn decoded(text: &str) -> Option<String> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let lines =
        text.trim_matches([' ', '\r', '\n', '\t']).bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'\t'));
    let standard: Vec<u8> = lines
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            // Base64 has no space, so one that stands there was a plus sign that was not escaped.
            b' ' => b'+',
            byte => byte,
        })
        .collect();
    String::from_utf8(ENGINE.decode(standard).ok()?).ok()
}

/// The parameters of a list, of one object, or of their JSON text. Entries that have no name are left out.
pub(crate) fn params(raw: &RawField<'_>, warnings: &mut Warnings) -> Option<ExtendParams> {
    raw.elements(|elements| {
        let mut params = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let (first, element) = (warnings.len(), RawField::json(element));
            match element.structure().map(|json| param(&json, warnings)) {
                Some(Ok(param)) => params.extend(param),
                Some(Err(problem)) => warnings.push(FieldWarning::absent("", problem, &element)),
                None if element.is_absent() => {}
                None => warnings.push(FieldWarning::absent("", FieldProblem::NotA("an object"), &element)),
            }
            prefix_paths(warnings, first, &format!("[{index}]"));
        }
        ExtendParams(params)
    })
}

/// One parameter; `None` for an object without members.
fn param(object: &str, warnings: &mut Warnings) -> Result<Option<ExtendParam>, FieldProblem> {
    let members = Members::from_json(object.as_bytes()).map_err(|_| FieldProblem::NotA("an object"))?;
    let mut fields = Fields::new(&members);
    let (name, value) = (fields.information("name", MAX), fields.information::<ParamValue>("value", MAX));
    let (unknown, noted) = fields.rest();
    if name.is_none() && value.is_none() && unknown.is_empty() && noted.is_empty() {
        return Ok(None);
    }
    let name: String = name.ok_or(FieldProblem::NotA("an object with a name"))?;
    let first = warnings.len();
    warnings.extend(noted);
    prefix_paths(warnings, first, ".");
    Ok(Some(ExtendParam { name, value: value.map(|value| value.0).unwrap_or_default() }))
}

/// Characters of a name or value in one list.
const MAX: usize = 2048;

/// A value of any kind: the text of a string, and the JSON text of everything else.
struct ParamValue(Sensitive);

impl ReadField for ParamValue {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        match raw {
            RawField::BadEscape(_) => Err(FieldProblem::InvalidEscape),
            raw => Ok(Self(raw.as_received().into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(ExtendParams, Vec<String>), FieldProblem> {
        let mut warnings = Vec::new();
        let params = ExtendParams::read(RawField::Text(text.into()), 2048, &mut warnings)?;
        Ok((params, warnings.into_iter().map(|warning| warning.path).collect()))
    }

    fn encode(json: &str) -> String {
        STANDARD.encode(json)
    }

    const DOCUMENTED: &str = "W3sibmFtZSI6ImVtYWlsRG9tYWluTmFtZSIsInZhbHVlIjoidGVzdC5leGFtcGxlLmNvbSJ9XQ==";

    #[test]
    fn every_spelling_of_the_base64_is_read() {
        let wrapped: String = DOCUMENTED.chars().enumerate().fold(String::new(), |mut text, (index, character)| {
            text.extend(if index > 0 && index % 76 == 0 { "\r\n" } else { "" }.chars().chain([character]));
            text
        });
        let questions =
            encode(r#"[{"name":"emailDomainName","value":"test.example.com"},{"name":"?","value":"~~>>??"}]"#);
        assert!(questions.contains('+') || questions.contains('/'), "{questions}");
        for text in [
            DOCUMENTED,
            &format!("{DOCUMENTED}\n"),
            &format!("{DOCUMENTED}\r\n"),
            DOCUMENTED.trim_end_matches('='),
            &wrapped,
            &questions,
            &questions.replace('+', "-").replace('/', "_"),
            &questions.replace('+', " "),
            r#"[{"name":"emailDomainName","value":"test.example.com"}]"#,
        ] {
            let (params, warnings) = read(text).unwrap();
            assert_eq!((params.get("emailDomainName"), warnings), (Some("test.example.com"), vec![]), "{text:?}");
        }
    }

    #[test]
    fn values_of_other_types_are_kept_as_their_json_text() {
        for (json, expected) in [
            (r#"[{"name":"seats","value":5}]"#, "5"),
            (r#"[{"name":"seats","value":true}]"#, "true"),
            (r#"[{"name":"seats","value":{"a":[1]}}]"#, r#"{"a":[1]}"#),
            (r#"[{"name":"seats","value":[1, 2]}]"#, "[1, 2]"),
            (r#"[{"name":"seats","value":null}]"#, ""),
            (r#"[{"name":"seats"}]"#, ""),
            (r#"{"name":"seats","value":"5"}"#, "5"),
            (r#"["{\"name\":\"seats\",\"value\":\"5\"}"]"#, "5"),
            (r#""[{\"name\":\"seats\",\"value\":\"5\"}]""#, "5"),
            ("\u{feff}[{\"name\":\"seats\",\"value\":5.0}]", "5.0"),
        ] {
            let (params, warnings) = read(&encode(json)).unwrap();
            assert_eq!((params.get("seats"), warnings), (Some(expected), vec![]), "{json}");
        }
    }

    #[test]
    fn entries_that_cannot_be_read_are_left_out_one_by_one() {
        let (params, warnings) =
            read(&encode(r#"[5,{"name":"a","value":"\ud800"},{"value":"x"},{"name":"b","value":"1"},null,{}]"#))
                .unwrap();
        let names: Vec<_> = params.as_slice().iter().map(|param| &*param.name).collect();
        assert_eq!((names, params.get("b")), (vec!["a", "b"], Some("1")));
        assert_eq!(warnings, ["[0]", "[1].value", "[2]"]);
        assert_eq!(read(&encode("[]")).unwrap().0.as_slice(), []);
        assert_eq!(read(&encode("{}")).unwrap().0.as_slice(), []);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in
            ["***".to_owned(), encode("5"), encode("no json"), encode(&"[".repeat(2000)), encode("[5"), "QQ".to_owned()]
        {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
