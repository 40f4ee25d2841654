//! Ids in a log.

use std::fmt;

/// Ids in a log, in brackets; nothing where there are none. Their senders are verified, their lengths may be anything.
pub(in crate::callback) struct ShownIds<'a, const N: usize>(
    pub(in crate::callback) [(&'static str, Option<&'a str>); N],
);

/// Characters of an id that are shown; no documented one is longer.
const SHOWN: usize = 64;

impl<const N: usize> fmt::Display for ShownIds<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = " (";
        for (name, id) in self.0 {
            let Some(id) = id else { continue };
            let end = id.char_indices().nth(SHOWN).map_or(id.len(), |(end, _)| end);
            write!(f, "{separator}{name} {:?}", &id[..end])?;
            separator = ", ";
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}
