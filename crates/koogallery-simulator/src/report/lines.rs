//! Texts of other parties in lines of limited length.

/// Columns of a line for people.
pub(super) const WIDTH: usize = 110;

/// Characters of a line of evidence.
const EVIDENCE: usize = 270;

/// A longer value, such as 300 times the same letter, says no more than its beginning.
const VALUE: usize = 80;

/// Terminals execute control characters, and some characters change the order of the others.
pub(super) fn printable(text: &str) -> String {
    let is_harmful = |character: char| match character {
        '\n' | '\t' => false,
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => true,
        character => character.is_control(),
    };
    text.replace("\r\n", "\n").replace(is_harmful, "\u{fffd}")
}

/// Writes a text in one line: line breaks as `\n`.
pub(super) fn one_line(text: &str) -> String {
    printable(text).trim_end().replace('\n', "\\n").replace('\t', " ")
}

/// Writes a text in one line of limited length, without the middle of long values.
pub(super) fn evidence(text: &str) -> String {
    let is_value = |character: char| !character.is_whitespace() && !"\"'&=,{}[]<>".contains(character);
    let mut shortened = String::new();
    let mut rest = &*one_line(text);
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|character| is_value(character) != is_value(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        match part.chars().count() > VALUE {
            true => shortened.push_str(&cut(part, 32, 8)),
            false => shortened.push_str(part),
        }
        rest = after;
    }
    cut(&shortened, EVIDENCE * 2 / 3, EVIDENCE / 3 - 30)
}

/// Leaves out the middle of a text, and says how much that is.
pub(super) fn cut(text: &str, head: usize, tail: usize) -> String {
    /// Characters of the remark about it.
    const REMARK: usize = 32;
    // Bytes are counted faster, and are never fewer.
    let count = if text.len() <= head + tail { 0 } else { text.chars().count() };
    if count <= head + tail + REMARK {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    let left_out = count - head - tail;
    format!("{beginning}...[{left_out} characters left out]...{end}")
}

/// Returns how many columns of a terminal a text takes. Chinese characters take two each.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(character: char) -> usize {
    if character < '\u{1100}' { 1 } else { 2 }
}

/// Shortens a word to some columns.
pub(super) fn clipped(word: &str, limit: usize) -> String {
    const MORE: &str = "...";
    match columns(word) <= limit {
        true => word.to_owned(),
        false => pieces(word, limit.saturating_sub(MORE.len())).next().unwrap_or_default().to_owned() + MORE,
    }
}

/// Shortens a text to some columns, between words if possible.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    let mut lines = wrapped(text, limit, 1);
    lines.pop().unwrap_or_default()
}

/// Breaks a text into at most so many lines, between words if possible; what is too long ends in `...`.
pub(super) fn wrapped(text: &str, limit: usize, most: usize) -> Vec<String> {
    const MORE: &str = "...";
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        for piece in pieces(word, limit) {
            if !line.is_empty() && columns(&line) + 1 + columns(piece) > limit {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(piece);
        }
    }
    lines.push(line);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            let room = limit.saturating_sub(MORE.len() + 1);
            while columns(last) > room && last.contains(' ') {
                last.truncate(last.rfind(' ').unwrap_or_default());
            }
            let shown = pieces(last, room).next().map_or(0, str::len);
            last.truncate(shown);
            last.push(' ');
            last.push_str(MORE);
        }
    }
    lines
}

/// Splits a word that is longer than a line.
fn pieces(word: &str, limit: usize) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let mut taken = 0;
        let is_over = |character: char| {
            taken += width(character);
            taken > limit
        };
        let end = rest.find(is_over).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 11, 1), ["one two ..."]);
        assert_eq!(wrapped("one two three four", 9, 1), ["one ..."]);
        assert_eq!(wrapped("", 9, 1), [""]);
        assert_eq!(wrapped("abcdefghijkl mn", 10, 9), ["abcdefghij", "kl mn"]);
        assert_eq!(wrapped("abcdefghijkl mn", 10, 1), ["abcdef ..."]);
        assert_eq!(shortened("张三李四王五", 8), "张三 ...");
        assert_eq!((clipped("abcdefgh", 8), clipped("abcdefghi", 8)), ("abcdefgh".to_owned(), "abcde...".to_owned()));
    }

    #[test]
    fn long_texts_keep_both_ends() {
        let value = "x".repeat(300);
        let shown = evidence(&format!(r#"{{"businessId":"{value}","orderId":"CS1"}}"#));
        assert!(
            shown.ends_with(r#"xxxxxxxx","orderId":"CS1"}"#) && shown.contains("[260 characters left out]"),
            "{shown}"
        );
        let words = "ab ".repeat(1000);
        let shown = evidence(&words);
        assert!(shown.chars().count() <= 300 && shown.contains("characters left out"), "{shown}");
        assert_eq!(evidence("<h1>\r\n\tError\u{7}\u{202e}</h1>\n"), "<h1>\\n Error\u{fffd}\u{fffd}</h1>");
        assert_eq!(cut("short", 2, 2), "short");
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_longer_than_its_limit(text in "\\PC{0,400}", limit in 8_usize..120, most in 1_usize..4) {
            let lines = wrapped(&text, limit, most);
            proptest::prop_assert!(lines.len() <= most);
            for line in &lines {
                proptest::prop_assert!(columns(line) <= limit, "{line}");
            }
            proptest::prop_assert!(evidence(&text).chars().count() <= 300);
        }
    }
}
