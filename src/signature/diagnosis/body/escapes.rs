//! Styles in which JSON libraries write the characters of a string.

use super::super::Mistake;
use super::super::search::Choice;
use crate::text::json::unquote;

/// Set of characters that a library writes as `\uXXXX`, and their spelling.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Style {
    /// ASCII characters beside the control characters.
    ascii: &'static str,
    beyond: Beyond,
    slash: Slash,
    ascii_capitals: bool,
    beyond_capitals: bool,
}

/// Set of characters outside ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    None,
    All,
    /// Those that .NET never allows: of more than one UTF-16 code unit, controls, white space, private use.
    NeverAllowed,
    /// U+2028 and U+2029, which end lines in JavaScript.
    LineSeparators,
    /// Those and U+0085.
    LineEnds,
    /// U+0080 to U+009F, and U+2000 to U+20FF.
    ControlsAndPunctuation,
}

/// Set of slashes that become `\/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slash {
    None,
    All,
    /// Of `</`.
    OfEndTags,
}

const FEWEST: Style =
    Style { ascii: "", beyond: Beyond::None, slash: Slash::None, ascii_capitals: true, beyond_capitals: false };

static UNESCAPED: Style = FEWEST;
static ASCII: Style = Style { ascii: "\u{7f}", beyond: Beyond::All, ascii_capitals: false, ..FEWEST };
static ASCII_CAPITALS: Style = Style { beyond: Beyond::All, beyond_capitals: true, ..FEWEST };
static SLASHES: Style = Style { slash: Slash::All, ascii_capitals: false, ..FEWEST };
static SLASHES_AND_ASCII: Style = Style { beyond: Beyond::All, slash: Slash::All, ascii_capitals: false, ..FEWEST };
static HTML: Style = Style { ascii: "<>&", beyond: Beyond::LineSeparators, ascii_capitals: false, ..FEWEST };
static GSON: Style = Style { ascii: "<>&='", beyond: Beyond::LineSeparators, ascii_capitals: false, ..FEWEST };
static DOTNET: Style = Style { ascii: "\"&'+<>`\u{7f}", beyond: Beyond::All, beyond_capitals: true, ..FEWEST };
static DOTNET_ALL_RANGES: Style =
    Style { ascii: "\"&'+<>`\u{7f}", beyond: Beyond::NeverAllowed, beyond_capitals: true, ..FEWEST };
static DOTNET_RELAXED: Style = Style { ascii: "\u{7f}", beyond: Beyond::NeverAllowed, beyond_capitals: true, ..FEWEST };
static NEWTONSOFT: Style = Style { beyond: Beyond::LineEnds, ascii_capitals: false, ..FEWEST };
static NEWTONSOFT_HTML: Style = Style { ascii: "<>&'\"", beyond: Beyond::LineEnds, ascii_capitals: false, ..FEWEST };
static NEWTONSOFT_ASCII: Style = Style { beyond: Beyond::All, ascii_capitals: false, ..FEWEST };
static ORG_JSON: Style =
    Style { beyond: Beyond::ControlsAndPunctuation, slash: Slash::OfEndTags, ascii_capitals: false, ..FEWEST };
static PHP_HEX: Style = Style { ascii: "<>&'\"", beyond: Beyond::All, slash: Slash::All, ..FEWEST };

/// `None` is the literal as it is given.
pub(in super::super) type Escapes = Option<&'static Style>;

pub(super) fn choice() -> Choice<Escapes> {
    Choice::right(None).or_each([
        (Mistake::Unescaped, Some(&UNESCAPED)),
        (Mistake::AsciiEscaped, Some(&ASCII)),
        (Mistake::AsciiEscaped, Some(&NEWTONSOFT_ASCII)),
        (Mistake::AsciiEscaped, Some(&ASCII_CAPITALS)),
        (Mistake::SlashesEscaped, Some(&SLASHES)),
        (Mistake::SlashesEscaped, Some(&SLASHES_AND_ASCII)),
        (Mistake::HtmlEscaped, Some(&HTML)),
        (Mistake::EscapedBy("Gson of Java"), Some(&GSON)),
        (Mistake::EscapedBy("System.Text.Json of .NET"), Some(&DOTNET)),
        (Mistake::EscapedBy("System.Text.Json of .NET, with all Unicode ranges"), Some(&DOTNET_ALL_RANGES)),
        (Mistake::EscapedBy("System.Text.Json of .NET, with relaxed escaping"), Some(&DOTNET_RELAXED)),
        (Mistake::EscapedBy("Newtonsoft.Json of .NET"), Some(&NEWTONSOFT)),
        (Mistake::EscapedBy("Newtonsoft.Json of .NET, with HTML escaping"), Some(&NEWTONSOFT_HTML)),
        (Mistake::EscapedBy("org.json of Java"), Some(&ORG_JSON)),
        (Mistake::EscapedBy("PHP's json_encode, with JSON_HEX flags"), Some(&PHP_HEX)),
    ])
}

/// Appends a string literal in another style. `None` where an escape names no character.
pub(super) fn push_string(out: &mut String, literal: &str, style: &Style) -> Option<()> {
    out.push('"');
    let mut before = '"';
    for character in unquote(literal)?.chars() {
        match character {
            escaped if escaped.is_ascii() && style.ascii.contains(escaped) => {
                push_escaped(out, escaped, style.ascii_capitals);
            }
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => push_escaped(out, control, style.ascii_capitals),
            '/' if style.slash == Slash::All || (style.slash == Slash::OfEndTags && before == '<') => {
                out.push_str("\\/");
            }
            other if !other.is_ascii() && style.beyond.holds(other) => push_escaped(out, other, style.beyond_capitals),
            plain => out.push(plain),
        }
        before = character;
    }
    out.push('"');
    Some(())
}

impl Beyond {
    fn holds(self, character: char) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::NeverAllowed => {
                matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{10000}'..)
                    || character.is_control()
                    || character.is_whitespace()
            }
            Self::LineSeparators => matches!(character, '\u{2028}' | '\u{2029}'),
            Self::LineEnds => matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}'),
            Self::ControlsAndPunctuation => matches!(character, '\u{80}'..='\u{9f}' | '\u{2000}'..='\u{20ff}'),
        }
    }
}

fn push_escaped(out: &mut String, character: char, capitals: bool) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.push_str(&if capitals { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_libraries_write() {
        let literal = r#""欢😀/</<\u0041>&'\"=+`\u007f\u001f\u2028\u0085""#;
        let written = |style: &Style| {
            let mut out = String::new();
            push_string(&mut out, literal, style).unwrap();
            out
        };
        let lines = "\u{2028}\u{85}";
        assert_eq!(written(&UNESCAPED), format!("\"欢😀/</<A>&'\\\"=+`\u{7f}\\u001F{lines}\""));
        assert_eq!(written(&ASCII), r#""\u6b22\ud83d\ude00/</<A>&'\"=+`\u007f\u001f\u2028\u0085""#);
        assert_eq!(written(&ASCII_CAPITALS), "\"\\u6B22\\uD83D\\uDE00/</<A>&'\\\"=+`\u{7f}\\u001F\\u2028\\u0085\"");
        assert_eq!(written(&SLASHES), format!("\"欢😀\\/<\\/<A>&'\\\"=+`\u{7f}\\u001f{lines}\""));
        assert_eq!(written(&HTML), "\"欢😀/\\u003c/\\u003cA\\u003e\\u0026'\\\"=+`\u{7f}\\u001f\\u2028\u{85}\"");
        assert_eq!(
            written(&GSON),
            "\"欢😀/\\u003c/\\u003cA\\u003e\\u0026\\u0027\\\"\\u003d+`\u{7f}\\u001f\\u2028\u{85}\""
        );
        assert_eq!(
            written(&DOTNET),
            r#""\u6B22\uD83D\uDE00/\u003C/\u003CA\u003E\u0026\u0027\u0022=\u002B\u0060\u007F\u001F\u2028\u0085""#
        );
        assert_eq!(written(&DOTNET_RELAXED), "\"欢\\uD83D\\uDE00/</<A>&'\\\"=+`\\u007F\\u001F\\u2028\\u0085\"");
        assert_eq!(written(&ORG_JSON), "\"欢😀/<\\/<A>&'\\\"=+`\u{7f}\\u001f\\u2028\\u0085\"");
        assert_eq!(
            written(&PHP_HEX),
            "\"\\u6b22\\ud83d\\ude00\\/\\u003C\\/\\u003CA\\u003E\\u0026\\u0027\\u0022=+`\u{7f}\\u001F\\u2028\\u0085\""
        );
    }
}
