//! What becomes of a JSON body on its way through parsers, serialisers, editors and charsets.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Mistake;
use super::search::Choice;
use crate::text::json::{self, Tokens, members, push_quoted, unquote};
use crate::text::query::{self, Plus};

/// The choices that make the signed body out of the given one.
pub(super) struct Bodies<'a> {
    given: &'a [u8],
    pub(super) order: Choice<Order>,
    pub(super) spacing: Choice<Spacing>,
    pub(super) escapes: Choice<Escapes>,
    pub(super) edge: Choice<Edge>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Given,
    /// Sorted on the top level, nulls dropped: the canonical form.
    Canonical,
    SortedWithNulls,
    WithoutNulls,
    Descending,
    Deep,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    Given,
    None,
    /// `, ` and `: `.
    Spaced,
    /// So many spaces for each level.
    Indented(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    Given,
    Fewest,
    Ascii,
    AsciiCapitals,
    Slashes,
    SlashesAndAscii,
    Html,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Given,
    WithEnd(&'static str),
    WithoutLineBreak,
    WithMark,
    WithoutMark,
    Crlf,
    Lf,
    Trimmed,
    Empty,
    Latin1,
    FromLatin1,
    QuestionMarks,
    Decoded,
}

const MARK: &str = "\u{feff}";

impl<'a> Bodies<'a> {
    pub(super) fn new(given: &'a [u8]) -> Self {
        let order = Choice::right(Order::Given).or_each([
            (Mistake::Nulls, Order::WithoutNulls),
            (Mistake::BodySorted, Order::SortedWithNulls),
            (Mistake::BodySorted, Order::Canonical),
            (Mistake::SortedDescending, Order::Descending),
            (Mistake::BodySortedDeep, Order::Deep),
        ]);
        let spacing = Choice::right(Spacing::Given).or_each([
            (Mistake::BodyCompacted, Spacing::None),
            (Mistake::BodySpaced, Spacing::Spaced),
            (Mistake::BodyIndented, Spacing::Indented(2)),
            (Mistake::BodyIndented, Spacing::Indented(4)),
        ]);
        let escapes = Choice::right(Escapes::Given).or_each([
            (Mistake::Unescaped, Escapes::Fewest),
            (Mistake::AsciiEscaped, Escapes::Ascii),
            (Mistake::AsciiEscaped, Escapes::AsciiCapitals),
            (Mistake::SlashesEscaped, Escapes::Slashes),
            (Mistake::SlashesEscaped, Escapes::SlashesAndAscii),
            (Mistake::HtmlEscaped, Escapes::Html),
        ]);
        let edge = Choice::right(Edge::Given).or_each([
            (Mistake::TrailingLineBreak, Edge::WithEnd("\n")),
            (Mistake::TrailingLineBreak, Edge::WithEnd("\r\n")),
            (Mistake::TrailingLineBreak, Edge::WithoutLineBreak),
            (Mistake::ByteOrderMark, Edge::WithMark),
            (Mistake::ByteOrderMark, Edge::WithoutMark),
            (Mistake::LineBreaks, Edge::Crlf),
            (Mistake::LineBreaks, Edge::Lf),
            (Mistake::BodyTrimmed, Edge::Trimmed),
            (Mistake::EmptyBody, Edge::Empty),
            (Mistake::Charset, Edge::Latin1),
            (Mistake::Charset, Edge::FromLatin1),
            (Mistake::Charset, Edge::QuestionMarks),
            (Mistake::BodyDecoded, Edge::Decoded),
        ]);
        Self { given, order, spacing, escapes, edge }
    }

    /// For a scheme in which the canonical form counts first, and the body as given is as good.
    pub(super) fn canonical_first(given: &'a [u8]) -> Self {
        let order = Choice::right(Order::Canonical).or_each([
            (Mistake::Unsorted, Order::Given),
            (Mistake::Unsorted, Order::WithoutNulls),
            (Mistake::Nulls, Order::SortedWithNulls),
            (Mistake::SortedDescending, Order::Descending),
            (Mistake::BodySortedDeep, Order::Deep),
        ]);
        Self { order, ..Self::new(given) }
    }

    pub(super) fn mistakes(&self) -> [&[Mistake]; 4] {
        [self.order.mistakes(), self.spacing.mistakes(), self.escapes.mistakes(), self.edge.mistakes()]
    }

    /// The body of these choices; `None` where it is no JSON to be written in such a way.
    pub(super) fn get(&self, [order, spacing, escapes, edge]: [usize; 4]) -> Option<Cow<'a, [u8]>> {
        let style = (self.order[order], self.spacing[spacing], self.escapes[escapes]);
        let edge = self.edge[edge];
        if style == (Order::Given, Spacing::Given, Escapes::Given) {
            return changed(Cow::Borrowed(self.given), edge);
        }
        // What stands around the JSON text is no part of it, and comes off where it is read.
        let text = str::from_utf8(self.given).ok()?;
        let text = text.strip_prefix(MARK).unwrap_or(text).trim();
        let ordered = match style.0 {
            Order::Given => {
                members(text.as_bytes()).ok()?;
                Cow::Borrowed(text)
            }
            order => Cow::Owned(reordered(text, order)?),
        };
        changed(Cow::Owned(rewritten(&ordered, style.1, style.2)?.into_bytes()), edge)
    }
}

fn changed(body: Cow<'_, [u8]>, edge: Edge) -> Option<Cow<'_, [u8]>> {
    let text = || str::from_utf8(&body).ok();
    let made: Vec<u8> = match edge {
        Edge::Given => return Some(body),
        Edge::WithEnd(end) => [&*body, end.as_bytes()].concat(),
        Edge::WithoutLineBreak => {
            let without = body.strip_suffix(b"\n")?;
            without.strip_suffix(b"\r").unwrap_or(without).to_vec()
        }
        Edge::WithMark => [MARK.as_bytes(), &body].concat(),
        Edge::WithoutMark => body.strip_prefix(MARK.as_bytes())?.to_vec(),
        Edge::Crlf => text()?.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
        Edge::Lf => text()?.replace("\r\n", "\n").into_bytes(),
        Edge::Trimmed => body.trim_ascii().to_vec(),
        Edge::Empty => Vec::new(),
        // UTF-8 read as Latin-1, and written as UTF-8 again.
        Edge::Latin1 => body.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes(),
        Edge::FromLatin1 => text()?.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>()?,
        Edge::QuestionMarks => text()?.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect(),
        Edge::Decoded => query::decode(text()?, Plus::Space)?.into_owned().into_bytes(),
    };
    Some(Cow::Owned(made))
}

/// The members in another order, without white space between them.
fn reordered(object: &str, order: Order) -> Option<String> {
    if order == Order::Canonical {
        return json::canonical(object.as_bytes()).ok();
    }
    let mut found = members(object.as_bytes()).ok()?;
    if order == Order::WithoutNulls {
        found.retain(|(_, value)| value != "null");
    } else {
        found.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    }
    if order == Order::Descending {
        found.reverse();
    }
    let mut out = String::with_capacity(object.len());
    for (name, value) in found {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_quoted(&mut out, &name);
        out.push(':');
        out.push_str(&if order == Order::Deep { deeply_sorted(&value)? } else { value });
    }
    Some(if out.is_empty() { "{}".to_owned() } else { out + "}" })
}

/// A value with its members sorted on every level; no deeper than `members` allows.
fn deeply_sorted(value: &str) -> Option<Cow<'_, str>> {
    if value.starts_with('{') {
        return reordered(value, Order::Deep).map(Cow::Owned);
    }
    if !value.starts_with('[') {
        return Some(Cow::Borrowed(value));
    }
    let elements: Vec<&RawValue> = serde_json::from_str(value).ok()?;
    let elements = elements.into_iter().map(|element| deeply_sorted(element.get())).collect::<Option<Vec<_>>>()?;
    Some(Cow::Owned(["[", &elements.join(","), "]"].concat()))
}

/// Valid JSON with other white space and other escapes.
fn rewritten(text: &str, spacing: Spacing, escapes: Escapes) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut opened = false;
    for token in Tokens(text) {
        let opens = matches!(token, "{" | "[");
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty object or array stays on its line.
        if (opened && !closes) || (closes && !opened) {
            break_line(&mut out, spacing, depth);
        }
        match token {
            string if string.starts_with('"') => push_string(&mut out, string, escapes)?,
            other => out.push_str(other),
        }
        match (token, spacing) {
            (",", Spacing::Indented(_)) => break_line(&mut out, spacing, depth),
            (":", Spacing::Indented(_)) | ("," | ":", Spacing::Spaced) => out.push(' '),
            _ => {}
        }
        if opens {
            depth += 1;
        }
        opened = opens;
    }
    Some(out)
}

fn break_line(out: &mut String, spacing: Spacing, depth: usize) {
    if let Spacing::Indented(width) = spacing {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', width * depth));
    }
}

fn push_string(out: &mut String, literal: &str, escapes: Escapes) -> Option<()> {
    if escapes == Escapes::Given {
        out.push_str(literal);
        return Some(());
    }
    let mut fewest = String::with_capacity(literal.len());
    push_quoted(&mut fewest, &unquote(literal)?);
    for character in fewest.chars() {
        let escaped = match escapes {
            Escapes::Ascii | Escapes::SlashesAndAscii if !character.is_ascii() => Some(false),
            Escapes::AsciiCapitals if !character.is_ascii() => Some(true),
            Escapes::Html if matches!(character, '&' | '<' | '>' | '\u{2028}' | '\u{2029}') => Some(false),
            _ => None,
        };
        match (escaped, character) {
            (Some(capitals), character) => push_escaped(out, character, capitals),
            (None, '/') if matches!(escapes, Escapes::Slashes | Escapes::SlashesAndAscii) => out.push_str("\\/"),
            (None, character) => out.push(character),
        }
    }
    Some(())
}

fn push_escaped(out: &mut String, character: char, capitals: bool) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.push_str(&if capitals { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = r#"{"b":{"y":[{"d":1,"c":2},[]],"x":{}},"a":"欢/<\u0041>","n":null}"#;

    fn written(order: Order, spacing: Spacing, escapes: Escapes) -> String {
        let ordered = if order == Order::Given { GIVEN.to_owned() } else { reordered(GIVEN, order).unwrap() };
        rewritten(&ordered, spacing, escapes).unwrap()
    }

    #[test]
    fn orders() {
        let compact = |order| written(order, Spacing::Given, Escapes::Given);
        assert_eq!(compact(Order::Canonical), r#"{"a":"欢/<A>","b":{"y":[{"d":1,"c":2},[]],"x":{}}}"#);
        assert_eq!(
            compact(Order::SortedWithNulls),
            r#"{"a":"欢/<\u0041>","b":{"y":[{"d":1,"c":2},[]],"x":{}},"n":null}"#
        );
        assert_eq!(compact(Order::WithoutNulls), r#"{"b":{"y":[{"d":1,"c":2},[]],"x":{}},"a":"欢/<\u0041>"}"#);
        assert_eq!(compact(Order::Descending), r#"{"n":null,"b":{"y":[{"d":1,"c":2},[]],"x":{}},"a":"欢/<\u0041>"}"#);
        assert_eq!(compact(Order::Deep), r#"{"a":"欢/<\u0041>","b":{"x":{},"y":[{"c":2,"d":1},[]]},"n":null}"#);
        assert_eq!(reordered("{}", Order::Deep).unwrap(), "{}");
    }

    #[test]
    fn spacing() {
        assert_eq!(
            rewritten(r#"{"a":[1,{"b":-2.5e1}],"c":{}}"#, Spacing::Spaced, Escapes::Given).unwrap(),
            r#"{"a": [1, {"b": -2.5e1}], "c": {}}"#
        );
        assert_eq!(
            rewritten(r#"{"a":[1,{"b":true}],"c":{}}"#, Spacing::Indented(2), Escapes::Given).unwrap(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": true\n    }\n  ],\n  \"c\": {}\n}"
        );
        assert_eq!(rewritten("{\n \"a\" : 1 }", Spacing::None, Escapes::Given).unwrap(), "{\"a\":1}");
    }

    #[test]
    fn escapes() {
        let string = |escapes| rewritten(r#"{"a":"欢😀/<\u0041>"}"#, Spacing::Given, escapes).unwrap();
        assert_eq!(string(Escapes::Fewest), r#"{"a":"欢😀/<A>"}"#);
        assert_eq!(string(Escapes::Ascii), r#"{"a":"\u6b22\ud83d\ude00/<A>"}"#);
        assert_eq!(string(Escapes::AsciiCapitals), r#"{"a":"\u6B22\uD83D\uDE00/<A>"}"#);
        assert_eq!(string(Escapes::Slashes), r#"{"a":"欢😀\/<A>"}"#);
        assert_eq!(string(Escapes::SlashesAndAscii), r#"{"a":"\u6b22\ud83d\ude00\/<A>"}"#);
        assert_eq!(string(Escapes::Html), r#"{"a":"欢😀/\u003cA\u003e"}"#);
    }
}
