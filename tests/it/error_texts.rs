//! A snapshot of every error text, so that a change of one is seen in review. Logs are searched for them.
//!
//! After a change on purpose: `INSTA_UPDATE=always cargo test --all-features --test it error_texts`.

use std::fs;
use std::path::Path;

#[test]
fn every_error_text_is_as_reviewed() {
    let mut texts = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut texts);
    assert!(texts.lines().count() > 150, "the attributes are found");
    insta::assert_snapshot!(texts);
}

/// Appends the file of each `#[error(...)]` and its text, for all files of a folder in order of their names.
fn collect(folder: &Path, prefix: &str, texts: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), texts);
        } else {
            for (text, subject) in error_attributes(&fs::read_to_string(&path).unwrap()) {
                texts.push_str(&format!("{prefix}{name} {subject}: {text}\n"));
            }
        }
    }
}

/// The text of each attribute, and the variant or struct that it belongs to.
fn error_attributes(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find("#[error(") {
        rest = &rest[start + "#[error(".len()..];
        let Some(end) = rest.find(")]\n") else { break };
        let text = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
        rest = &rest[end..];
        let subject =
            rest.lines().skip(1).map(str::trim).find(|line| !line.starts_with('#') && !line.starts_with("//"));
        let subject = subject.unwrap_or_default().trim_start_matches("pub struct ").trim_start_matches("pub enum ");
        let subject = subject.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        found.push((text, subject.to_owned()));
    }
    found
}
