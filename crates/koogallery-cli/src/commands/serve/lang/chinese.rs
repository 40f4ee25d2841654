//! What the library and the simulator say, in Chinese: tables of texts, with holes for what differs.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// The tables, by section.
const TABLES: [&str; 6] = [
    include_str!("chinese/rules.toml"),
    include_str!("chinese/mistakes.toml"),
    include_str!("chinese/calls.toml"),
    include_str!("chinese/causes.toml"),
    include_str!("chinese/form.toml"),
    include_str!("chinese/expected.toml"),
];

/// Longer texts stay as they are, and what stands in holes of holes of holes: a seller's text may be made of marks alone.
const LONGEST: usize = 4096;
const DEPTH: usize = 6;

/// Mistakes that come together are joined so.
const AND: (&str, &str) = ("; and ", "；并且");

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::read);

type Table = BTreeMap<String, BTreeMap<String, String>>;

/// Returns a text in Chinese; what no table has stays as it is.
pub fn chinese(english: &str) -> String {
    let found = if english.len() > LONGEST { None } else { CATALOG.find(english, DEPTH) };
    found.unwrap_or_else(|| english.to_owned())
}

#[derive(Default)]
struct Catalog {
    /// Texts without holes.
    whole: HashMap<String, String>,
    /// Those with the most letters first: they say more about what stands there.
    patterns: Vec<Pattern>,
}

/// A text with holes.
struct Pattern {
    /// The English text before, between and after the holes.
    english: Vec<String>,
    chinese: Vec<Piece>,
}

enum Piece {
    Text(String),
    /// The number of a hole, from 0.
    Hole(usize),
}

impl Catalog {
    fn read() -> Self {
        let mut catalog = Self::default();
        // A table that cannot be read translates nothing; a test reads them all.
        let tables = TABLES.iter().filter_map(|table| toml::from_str::<Table>(table).ok());
        for (english, chinese) in tables.flat_map(BTreeMap::into_values).flatten() {
            match english.contains("{}") {
                true => catalog.patterns.push(Pattern::new(&english, &chinese)),
                false => drop(catalog.whole.insert(english, chinese)),
            }
        }
        catalog.patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.letters()));
        catalog
    }

    fn find(&self, english: &str, depth: usize) -> Option<String> {
        if let Some(chinese) = self.whole.get(english) {
            return Some(chinese.clone());
        }
        let depth = depth.checked_sub(1)?;
        let quoted = english.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if let Some(chinese) = quoted.and_then(|inside| self.whole.get(inside)) {
            return Some(format!("“{chinese}”"));
        }
        if english.contains(AND.0) && !self.patterns.iter().any(|pattern| pattern.is_before_and(english)) {
            return Some(
                english.split(AND.0).map(|part| self.or_as_it_is(part, depth)).collect::<Vec<_>>().join(AND.1),
            );
        }
        // What says more than a mark comes first.
        let framed = self.patterns.iter().take_while(|pattern| pattern.letters() > FRAME);
        if let Some(found) = framed.clone().find_map(|pattern| self.filled(pattern, english, depth)) {
            return Some(found);
        }
        let others = self.patterns.iter().skip(framed.count());
        self.counts(english).or_else(|| others.into_iter().find_map(|pattern| self.filled(pattern, english, depth)))
    }

    fn or_as_it_is(&self, part: &str, depth: usize) -> String {
        self.find(part, depth).unwrap_or_else(|| part.to_owned())
    }

    fn filled(&self, pattern: &Pattern, english: &str, depth: usize) -> Option<String> {
        let found = pattern.holes(english)?;
        let filled = pattern.chinese.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Hole(number) => found.get(*number).map_or_else(String::new, |part| self.or_as_it_is(part, depth)),
        });
        Some(filled.collect())
    }

    /// Returns a list of names with their counts, such as `newInstance 3, unknown activity 1, 2 others`.
    fn counts(&self, english: &str) -> Option<String> {
        let is_count = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let one = |item: &str| match item.rsplit_once(' ')? {
            (name, count) if is_count(count) => Some(format!("{} {count}", self.whole.get(name).map_or(name, |it| it))),
            (count, "others" | "more") if is_count(count) => Some(format!("其他{count}种")),
            _ => None,
        };
        let items: Option<Vec<_>> = english.split(", ").map(one).collect();
        items.filter(|items| items.len() > 1).map(|items| items.join("、"))
    }
}

impl Pattern {
    fn new(english: &str, chinese: &str) -> Self {
        let mut pieces = Vec::new();
        let (mut rest, mut next) = (chinese, 0);
        while let Some((before, hole, after)) = first_hole(rest) {
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Hole(hole.map_or(next, |number| number.saturating_sub(1))));
            next += 1;
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Self { english: english.split("{}").map(str::to_owned).collect(), chinese: pieces }
    }

    /// Returns what stands in the holes; `None` for another text.
    fn holes<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (first, others) = self.english.split_first()?;
        let (last, between) = others.split_last()?;
        let mut rest = text.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut holes = Vec::new();
        for part in between {
            let (hole, after) = rest.split_once(part.as_str())?;
            holes.push(hole);
            rest = after;
        }
        holes.push(rest);
        Some(holes)
    }

    /// Returns whether a list of mistakes is only a part of this text.
    fn is_before_and(&self, text: &str) -> bool {
        self.letters() > FRAME && self.holes(text).is_some()
    }

    /// Returns how many letters stand around the holes.
    fn letters(&self) -> usize {
        self.english.iter().map(String::len).sum()
    }
}

/// Letters of a text around its holes that are more than a mark between them.
const FRAME: usize = 12;

/// Returns what stands before the first hole, its number where it has one, and what stands after it.
fn first_hole(text: &str) -> Option<(&str, Option<usize>, &str)> {
    let mut from = 0;
    loop {
        let begin = from + text.get(from..)?.find('{')?;
        let end = begin + text.get(begin..)?.find('}')?;
        let inside = text.get(begin + 1..end)?;
        if inside.is_empty() || inside.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some((text.get(..begin)?, inside.parse().ok(), text.get(end + 1..)?));
        }
        from = begin + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use koogallery::open_api::push_usage::RecordCode;
    use koogallery_simulator::{Check, Profile};

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character))
    }

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn no_rule_lacks_its_chinese() {
        for check in Profile::all().flat_map(Check::of) {
            for text in [check.title, check.hint] {
                assert!(CATALOG.whole.get(text).is_some_and(|chinese| is_chinese(chinese)), "{}: {text}", check.id);
            }
        }
    }

    #[test]
    fn no_code_of_a_usage_record_lacks_its_chinese() {
        for code in 0..=99 {
            let (meaning, _) = RecordCode::new(&code.to_string()).meaning();
            assert!(CATALOG.whole.contains_key(meaning), "{code}: {meaning}");
        }
    }

    #[test]
    fn tables_have_each_text_once_with_the_same_holes() {
        let mut known = HashMap::new();
        for (english, chinese) in TABLES.iter().flat_map(|text| table(text).into_values()).flatten() {
            let pattern = Pattern::new(&english, &chinese);
            let hole = |piece: &Piece| match piece {
                Piece::Hole(number) => Some(*number),
                Piece::Text(_) => None,
            };
            let mut holes: Vec<_> = pattern.chinese.iter().filter_map(hole).collect();
            holes.sort_unstable();
            assert_eq!(holes, (0..pattern.english.len() - 1).collect::<Vec<_>>(), "{english}");
            assert_ne!(english, chinese);
            assert_eq!(known.insert(english.clone(), chinese), None, "{english}");
        }
    }

    #[test]
    fn a_text_of_marks_alone_ends_soon() {
        for mark in ["a: ", "a; ", "a; and ", "a, instance ", "a 1, "] {
            assert!(chinese(&mark.repeat(LONGEST / mark.len())).len() >= LONGEST / 2, "{mark}");
            let longer = mark.repeat(LONGEST);
            assert_eq!(chinese(&longer), longer);
        }
    }

    #[test]
    fn holes_are_looked_up_as_well() {
        for (english, expected) in [
            ("000000, instance i-1", "000000，实例i-1"),
            ("a call without a signature is accepted", "没有签名的调用被接受"),
            ("a call 61 s old is refused with 000002, not with 000001", "61秒前的调用以000002拒绝，而不是000001"),
            ("lost answer of push-usage, 2 more", "push-usage：响应丢失，还有2次"),
            ("out of order of newInstance, 2 more", "乱序：newInstance，还有2次"),
            (
                "verified wrongly: values were decoded twice: decode each exactly once; and the parts of the signed text are in \
                 the wrong order; right signatures are refused (resultCode 000001)",
                "验签方法错误：值解码了两次：每个值应恰好解码一次；并且签名文本各部分的顺序错误；正确的签名被拒绝（resultCode 000001）",
            ),
            ("newInstance 3, unknown activity 1, 2 others", "newInstance 3、未知的接口 1、其他2种"),
            ("expected instanceId to be 1, got 2", "期望instanceId为1，实际为2"),
            (
                "record \"sn-1\": \"005\", \"the unique id was reported before\"",
                "话单\"sn-1\"：\"005\"，“唯一ID已上报过”",
            ),
            ("something else", "something else"),
        ] {
            assert_eq!(chinese(english), expected);
        }
    }
}
