//! Changes to a body as bytes: by editors, proxies and character sets.

use super::super::Mistake;
use super::super::charset::{self, Charset};
use super::super::search::Choice;
use crate::query::{self, Plus};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Edge {
    Given,
    WithEnd(&'static str),
    WithoutLineBreak,
    WithMark,
    WithoutMark,
    Crlf,
    Lf,
    Trimmed,
    Empty,
    /// In the place of nothing.
    Instead(&'static str),
    Charset(Charset),
    Decoded,
}

pub(super) const MARK: &str = "\u{feff}";

pub(super) fn choice(given: &[u8]) -> Choice<Edge> {
    let choice = Choice::right(Edge::Given);
    if given.is_empty() {
        let instead = ["{}", "null", "[]", "\"\"", "\n", "undefined"];
        return choice.or_each(instead.map(|text| (Mistake::BodyNotSent(text), Edge::Instead(text))));
    }
    choice
        .or_each([
            (Mistake::TrailingLineBreak, Edge::WithEnd("\n")),
            (Mistake::TrailingLineBreak, Edge::WithEnd("\r\n")),
            (Mistake::TrailingLineBreak, Edge::WithoutLineBreak),
            (Mistake::ByteOrderMark, Edge::WithMark),
            (Mistake::ByteOrderMark, Edge::WithoutMark),
            (Mistake::LineBreaks, Edge::Crlf),
            (Mistake::LineBreaks, Edge::Lf),
            (Mistake::BodyTrimmed, Edge::Trimmed),
            (Mistake::EmptyBody, Edge::Empty),
        ])
        .or_each(charset::mistakes().map(|(mistake, charset)| (mistake, Edge::Charset(charset))))
        .or(Mistake::BodyDecoded, Edge::Decoded)
}

impl Edge {
    /// `None` where it makes no difference, or cannot be.
    pub(super) fn change(self, body: &[u8]) -> Option<Vec<u8>> {
        let text = || str::from_utf8(body).ok();
        Some(match self {
            Self::Given => body.to_vec(),
            Self::WithEnd(end) => [body, end.as_bytes()].concat(),
            Self::WithoutLineBreak => {
                let without = body.strip_suffix(b"\n")?;
                without.strip_suffix(b"\r").unwrap_or(without).to_vec()
            }
            Self::WithMark => [MARK.as_bytes(), body].concat(),
            Self::WithoutMark => body.strip_prefix(MARK.as_bytes())?.to_vec(),
            Self::Crlf => text()?.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
            Self::Lf => text()?.replace("\r\n", "\n").into_bytes(),
            Self::Trimmed => body.trim_ascii().to_vec(),
            Self::Empty => Vec::new(),
            Self::Instead(text) => text.as_bytes().to_vec(),
            Self::Charset(charset) => charset.change(body)?,
            Self::Decoded => query::decode(text()?, Plus::Space)?.into_owned().into_bytes(),
        })
    }
}
