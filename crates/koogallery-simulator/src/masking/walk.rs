//! Walks through a JSON text, even one that is cut off, and masks values by their names.

use super::characters::{Written, masked_number};
use super::{Masking, is_personal};

/// Values that are personal in addition to those with a personal name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Usual,
    /// In a list of `{name, value}`, where only the value is personal.
    Pairs,
}

impl Names {
    fn are_personal(self, name: &str) -> bool {
        match self {
            Self::Usual => is_personal(name),
            Self::Pairs => name == "value",
        }
    }
}

impl Masking {
    pub(super) fn walk(&self, text: &str, found: &mut Vec<String>, depth: usize) -> String {
        self.masked_json(text, Names::Usual, found, depth)
    }

    /// A list of names and values, with the values masked.
    pub(super) fn walk_values(&self, text: &str, found: &mut Vec<String>) -> String {
        self.masked_json(text, Names::Pairs, found, 0)
    }

    fn masked_json(&self, text: &str, names: Names, found: &mut Vec<String>, depth: usize) -> String {
        let mut out = String::with_capacity(text.len());
        // Whether everything in the object or list is personal, from the outermost to the innermost.
        let mut containers = vec![false];
        // The name of the next value.
        let mut name: Option<String> = None;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (token, after) = rest.split_at(match first {
                '"' => string_length(rest),
                first if is_bare(first) => rest.find(|character| !is_bare(character)).unwrap_or(rest.len()),
                first => first.len_utf8(),
            });
            rest = after;
            let may_be_name = first == '"' || is_bare(first);
            let is_name = may_be_name && after.trim_start().starts_with(':');
            let is_inside = containers.last() == Some(&true);
            let is_personal = is_inside || name.as_deref().is_some_and(|name| names.are_personal(name));
            match first {
                '"' => {
                    let (inner, end) = token[1..].strip_suffix('"').map_or((&token[1..], ""), |inner| (inner, "\""));
                    let written = Written::in_json(inner);
                    let masked = if is_name {
                        self.value(None, written.text(), false, found, super::MAX_DEPTH)
                    } else {
                        self.value(name.as_deref(), written.text(), is_personal, found, depth)
                    };
                    out.extend(["\"", &written.replaced(&masked), end]);
                    name = is_name.then(|| written.text().to_owned());
                }
                '{' | '[' => {
                    containers.push(is_personal);
                    out.push(first);
                    name = None;
                }
                '}' | ']' => {
                    if containers.len() > 1 {
                        containers.pop();
                    }
                    out.push(first);
                    name = None;
                }
                first if is_bare(first) && is_name => {
                    out.push_str(token);
                    name = Some(token.to_owned());
                }
                first if is_bare(first) => {
                    if is_personal {
                        found.push(token.to_owned());
                        out.push_str(&masked_number(token));
                    } else {
                        out.push_str(token);
                    }
                    name = None;
                }
                other => out.push(other),
            }
        }
        out
    }
}

/// Returns whether the byte may be part of a number, a literal or an unquoted name.
fn is_bare(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '-' | '+' | '.')
}

/// Returns the length of the string literal at the beginning of `text`, including quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |inner| inner + 2)
}
