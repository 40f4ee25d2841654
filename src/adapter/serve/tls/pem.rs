//! What is wrong with a PEM file, in texts that never quote it: rustls's quote whole lines, and a key can stand in one.

use tokio_rustls::rustls::pki_types::pem::Error;

const MARK: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// Removes the byte order mark that editors put before a text.
pub(super) fn without_mark(file: &[u8]) -> &[u8] {
    file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file)
}

/// Finds a section that does not begin on a line of its own. rustls skips it, so that a chain is served without its end.
pub(super) fn misplaced_section(pem: &[u8]) -> Option<String> {
    let lines = pem.split(|byte| *byte == b'\n').flat_map(|line| line.split(|byte| *byte == b'\r'));
    lines.into_iter().find_map(fault)
}

fn fault(line: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(line, MARK)?;
    let (before, section) = line.split_at_checked(at)?;
    if !before.is_empty() && before.trim_ascii() != b"" && !before.ends_with(DASHES) {
        // Text around the sections, as a comment.
        return None;
    }
    if !before.is_empty() {
        return Some("a \"-----BEGIN ...-----\" does not stand at the beginning of its line".to_owned());
    }
    let label = section.get(MARK.len()..)?.trim_ascii_end().strip_suffix(DASHES);
    match label {
        Some(label) if !label.contains(&b'-') => None,
        _ => Some("there is no line break behind a \"-----BEGIN ...-----\"".to_owned()),
    }
}

/// Says what rustls found.
pub(super) fn reason(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => "a \"-----END ...-----\" is missing",
        Error::IllegalSectionStart { .. } => "a line \"-----BEGIN ...-----\" is not complete",
        Error::Base64Decode(_) => "what stands between the lines \"-----BEGIN\" and \"-----END\" is not Base64",
        Error::SectionTooLarge => "it is too large",
        _ => "it cannot be read as PEM",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_lines_of_their_own() {
        let good = [
            "",
            "-----BEGIN A B-----\nAA==\n-----END A B-----",
            "subject=x\r\n-----BEGIN A-----  \r\nAA==\r\n-----END A-----\r\n-----BEGIN B-----\r",
            "# what \"-----BEGIN A-----\" means\n",
        ];
        for text in good {
            assert_eq!(misplaced_section(text.as_bytes()), None, "{text:?}");
        }
        let bad = [
            ("  -----BEGIN A-----\n", "beginning of its line"),
            ("-----BEGIN A-----\nAA==\n-----END A----------BEGIN B-----\n", "beginning of its line"),
            ("-----BEGIN A-----\\nAA==\\n-----END A-----\\n", "no line break"),
            ("-----BEGIN A----- AA== -----END A-----\n", "no line break"),
            ("-----BEGIN A\n", "no line break"),
        ];
        for (text, part) in bad {
            let found = misplaced_section(text.as_bytes());
            assert!(found.as_ref().is_some_and(|found| found.contains(part)), "{text:?}: {found:?}");
        }
    }
}
