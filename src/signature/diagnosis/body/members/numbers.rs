//! Numbers as languages write them that read them as floating point.

use crate::text::json::string_length;

#[derive(Clone, Copy)]
pub(in super::super::super) enum Language {
    /// Whole numbers without a fraction.
    JavaScript,
    /// Every number with a fraction, large and small ones with an exponent.
    JavaDouble,
    /// Numbers with a fraction or exponent only.
    Python,
}

/// A JSON value with its numbers rewritten.
pub(super) fn rewritten(value: &str, language: Language) -> String {
    let is_of_number = |character: char| character.is_ascii_digit() || matches!(character, '-' | '+' | '.' | 'e' | 'E');
    let mut out = String::with_capacity(value.len() + 16);
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let begins_number = first == '-' || first.is_ascii_digit();
        let length = match first {
            '"' => string_length(rest),
            _ if begins_number => rest.find(|character| !is_of_number(character)).unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match begins_number.then(|| language.write(token)).flatten() {
            Some(number) => out.push_str(&number),
            None => out.push_str(token),
        }
        rest = after;
    }
    out
}

impl Language {
    fn write(self, literal: &str) -> Option<String> {
        let number: f64 = literal.parse().ok()?;
        Some(match self {
            Self::JavaScript => number.to_string(),
            Self::JavaDouble if number == 0.0 || (1e-3..1e7).contains(&number.abs()) => format!("{number:?}"),
            Self::JavaDouble => {
                let text = format!("{number:E}");
                let (digits, exponent) = text.split_once('E')?;
                format!("{digits}{}E{exponent}", if digits.contains('.') { "" } else { ".0" })
            }
            Self::Python if literal.contains(['.', 'e', 'E']) => format!("{number:?}"),
            Self::Python => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_languages_write_them() {
        let value = r#"[1,-5.0,1E2,0.10,12345678,"1.0",{"a":1e-7,"b":true}]"#;
        let written = |language| rewritten(value, language);
        assert_eq!(written(Language::JavaScript), r#"[1,-5,100,0.1,12345678,"1.0",{"a":0.0000001,"b":true}]"#);
        assert_eq!(written(Language::JavaDouble), r#"[1.0,-5.0,100.0,0.1,1.2345678E7,"1.0",{"a":1.0E-7,"b":true}]"#);
        assert_eq!(written(Language::Python), r#"[1,-5.0,100.0,0.1,12345678,"1.0",{"a":1e-7,"b":true}]"#);
    }
}
