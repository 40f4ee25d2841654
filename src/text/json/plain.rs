//! The usual object of a message, whose values are texts without escapes or whole numbers, in a single pass.

use std::borrow::Cow;

use memchr::memchr;

use super::{MAX_MEMBERS, Member};

/// Returns the members of an object of plain texts and whole numbers. `None` for every other object, and for what is none:
/// `serde_json` reads those, at more than twice the cost.
pub(super) fn members(body: &str) -> Option<Vec<Member<'_>>> {
    // One look at all bytes, so that only quotes end a text.
    if body.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'\\')) {
        return None;
    }
    let mut members = Vec::<Member<'_>>::with_capacity(12);
    let mut rest = after(body, b'{')?;
    loop {
        let (name, value);
        (name, rest) = literal(rest)?;
        rest = after(rest, b':')?;
        (value, rest) = literal(rest).or_else(|| number(rest))?;
        let name = &name[1..name.len() - 1];
        if members.len() == MAX_MEMBERS || members.iter().any(|(known, _)| known == name) {
            return None;
        }
        members.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        match after(rest, b',') {
            Some(next) => rest = next,
            None => return trimmed(after(rest, b'}')?).is_empty().then_some(members),
        }
    }
}

/// Returns the next text with its quotes, and what follows it.
fn literal(text: &str) -> Option<(&str, &str)> {
    let text = trimmed(text);
    let inner = text.strip_prefix('"')?;
    Some(text.split_at(memchr(b'"', inner.as_bytes())? + 2))
}

/// Returns the next whole number, and what follows it.
fn number(text: &str) -> Option<(&str, &str)> {
    let text = trimmed(text);
    let (number, rest) = text.split_at(text.bytes().position(|byte| !byte.is_ascii_digit())?);
    (number == "0" || number.starts_with(|first| first > '0')).then_some((number, rest))
}

/// Returns what follows a mark, if that is next.
fn after(text: &str, mark: u8) -> Option<&str> {
    trimmed(text).strip_prefix(char::from(mark))
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Reading;
    use super::*;

    #[test]
    fn objects_of_plain_texts_and_numbers_are_read() {
        let expected: Vec<Member<'_>> = vec![
            ("a".into(), "\"1\"".into()),
            ("欢".into(), "\"\"".into()),
            ("n".into(), "0".into()),
            ("m".into(), "12".into()),
        ];
        for body in [r#"{"a":"1","欢":"","n":0,"m":12}"#, r#" { "a" : "1" , "欢" : "" , "n" : 0 , "m" : 12 } "#] {
            assert_eq!(members(body).as_ref(), Some(&expected), "{body}");
        }
        for other in
            ["{}", r#"{"a":null}"#, r#"{"a":"\n"}"#, "{\"a\":\n\"1\"}", r#"{"a":"1","a":"1"}"#, r#"{"a":"1"}}"#]
        {
            assert_eq!(members(other), None, "{other}");
        }
        for number in ["01", "1.0", "1e5", "-1", "1 2", "1\"", ""] {
            assert_eq!(members(&format!("{{\"a\":{number}}}")), None, "{number}");
        }
        assert_eq!(members("{\"a\":1"), None);
    }

    /// A piece of an object, mostly where it belongs.
    fn pieces() -> impl Strategy<Value = String> {
        let text = prop_oneof![6 => "\"[a-c ]{0,2}\"", 1 => "\"[a\\\\n\u{1}é]{0,3}\"", 1 => "[0-9nul.\\[\\]{}-]{1,3}"];
        let space = prop_oneof![6 => "", 1 => "[ \n]{1,2}"];
        let member = (space.clone(), text.clone(), ":{0,1}|:::", space.clone(), text, space).prop_map(
            |(a, name, mark, b, value, c)| {
                [a, name, if mark.is_empty() { ":".into() } else { mark }, b, value, c].concat()
            },
        );
        (proptest::collection::vec(member, 0..4), "[{}]{0,1}")
            .prop_map(|(members, tail)| format!("{{{}}}{tail}", members.join(",")))
    }

    proptest! {
        #[test]
        fn whatever_is_read_serde_json_reads_alike(body in pieces()) {
            if let Some(read) = members(&body) {
                let mut reading = Reading { strict: true, ..Reading::default() };
                prop_assert_eq!(reading.members_of_any(&body), Ok(read));
            }
        }
    }
}
