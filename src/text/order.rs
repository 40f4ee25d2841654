//! Java's order of strings, in which the marketplace sorts names.

use std::cmp::Ordering;

/// Compares texts by their UTF-16 code units. Their bytes have the same order, but for U+E000 to U+FFFF: in UTF-16
/// these come after the characters that are written as two units.
pub(crate) fn utf16_order(a: &str, b: &str) -> Ordering {
    let rank = |byte| if matches!(byte, 0xee | 0xef) { byte + 0x10 } else { byte };
    a.bytes().map(rank).cmp(b.bytes().map(rank))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> &'static str {
        "[ab&=é\u{d7ff}\u{e000}\u{efff}\u{f000}\u{ffff}\u{10000}😀😁\u{10ffff}]{0,3}"
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_the_units(common in "\\PC{0,2}", a in texts(), b in texts()) {
            let (a, b) = (common.clone() + &a, common + &b);
            prop_assert_eq!(utf16_order(&a, &b), a.encode_utf16().cmp(b.encode_utf16()));
        }
    }
}
