//! Texts of the documents.

/// What a document says of itself.
pub const ABOUT: &str = "\
Made by `koogallery schema` from the tables that the library `koogallery` reads and writes messages with. The marketplace \
publishes no such document; its access guides are the source, and where they are silent or contradict each other the \
schemas are lenient.

In messages of the marketplace, further members may come at any time. `x-class` says what a member is for: `identity` \
names who or what, `effect` says what to do, and both are to be checked; `information` decides nothing, and a message must \
not be refused for it. `x-documented-mandatory` marks what the guides call mandatory, and `x-documented-max` is their \
length or number where it is not to be enforced. In what the seller sends, there are no further members.";

/// Returns a documentation comment as Markdown for readers of no Rust.
pub fn plain(doc: &str) -> String {
    let mut text = String::new();
    let mut rest = doc.trim();
    while let Some(start) = rest.find("[`") {
        text.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let Some(end) = after.find("`]") else {
            text.push_str(&rest[start..]);
            return text;
        };
        text.push_str(&after[..=end]);
        rest = &after[end + 2..];
        // The target of a link.
        if let Some(target) = rest.strip_prefix('(') {
            rest = target.split_once(')').map_or(rest, |(_, rest)| rest);
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn links_become_their_text() {
        assert_eq!(plain(" See [`a::b`](crate::a::b), or [`C`]. [x]"), "See `a::b`, or `C`. [x]");
        assert_eq!(plain("broken [`x"), "broken [`x");
    }
}
