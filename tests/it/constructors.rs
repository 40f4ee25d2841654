//! What sellers build in their own tests has a constructor: a struct with public fields that may gain more of them cannot be built
//! outside the crate otherwise.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use koogallery::adapter::serve::tls::Validity;
use koogallery::heartbeat::Permit;
use koogallery::timestamp::Timestamp;
use koogallery::wire::{FieldError, FieldProblem, FieldWarning, Violation, ViolationKind};

/// Structs that only the crate makes, with how a test gets one.
const MADE_BY_THE_CRATE: &[(&str, &str)] = &[
    ("AgeTooShort", "Housekeeper refuses an age"),
    ("ApiError", "Api::from_http reads an answer"),
    ("ApiSpec", "ApiSpec::ALL"),
    ("BadEntries", "the requests of the Kit read a list"),
    ("CenterError", "Exchange::from_http reads an answer"),
    ("Consumed", "PackageBook::consume on a store in memory"),
    ("Copied", "Ciphertext::from_copied"),
    ("Difference", "aksk::diff_with_gateway"),
    ("Entry", "UsageStore::claim on a store in memory"),
    ("ExportedRecord", "Export::read"),
    ("FieldSpec", "FIELDS of each message"),
    ("Hardware", "DeviceFingerprint::hardware"),
    ("LimitError", "Api::check of a request"),
    ("MessageSpec", "Protocol::spec"),
    ("MistakenSignature", "diagnosis::mistaken_signatures"),
    ("RawPair", "query::raw_pairs"),
    ("RecordDraft", "Meter on a store in memory"),
    ("UnknownField", "UnknownFields::insert_text"),
];

#[test]
fn every_struct_with_fields_can_be_built_or_is_made_by_the_crate() {
    let mut without = BTreeSet::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let source = fs::read_to_string(file).unwrap();
        without.extend(open_structs(&source).filter(|name| !is_constructed(&source, name)).map(str::to_owned));
    }
    let expected: BTreeSet<String> = MADE_BY_THE_CRATE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(without, expected, "give it a constructor, or name it in MADE_BY_THE_CRATE");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The public structs with public fields that are marked as growing.
fn open_structs(source: &str) -> impl Iterator<Item = &str> {
    source.split("#[non_exhaustive]\n").skip(1).filter_map(|after| {
        let declared = after.strip_prefix("pub struct ")?;
        let end = declared.find(|letter: char| !letter.is_alphanumeric())?;
        let fields = declared[end..].split("\n}").next().filter(|fields| !fields.contains(";\n"))?;
        fields.contains("\n    pub ").then_some(&declared[..end])
    })
}

/// Whether a block of methods has a public function without `self` that returns the type, or it has a `Default` or a `From`.
fn is_constructed(source: &str, name: &str) -> bool {
    let derives = source.split(&format!("pub struct {name}")).next().unwrap_or_default();
    let derives = derives.rsplit("#[derive(").next().and_then(|after| after.lines().next()).unwrap_or_default();
    let converts = source.split("\nimpl").any(|block| {
        let head = block.lines().next().unwrap_or_default();
        head.ends_with(&format!(" for {name} {{")) && (head.contains("Default") || head.contains(" From<"))
    });
    if converts || derives.contains("Default") {
        return true;
    }
    let blocks = source.split("\nimpl").skip(1).filter(|block| {
        let head = block.lines().next().unwrap_or_default();
        !head.contains(" for ") && head.contains(&format!(" {name}"))
    });
    blocks.flat_map(|block| block.split("\n}\n").next().unwrap_or_default().split("    pub ").skip(1)).any(|item| {
        let signature = item.split(" {\n").next().unwrap_or_default();
        let returned = signature.rsplit("->").next().unwrap_or_default();
        let is_method = signature.contains("self");
        item.contains("fn ")
            && !is_method
            && signature.contains("->")
            && (returned.contains("Self") || returned.contains(name))
    })
}

#[test]
fn they_are_built() {
    let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
    assert_eq!(Validity::new(at(0), at(86_400 * 3), at(86_400)).days_left(), 2);
    assert_eq!(Permit::new(at(1)).to_string(), "the License is valid");
    let field = FieldError::new("orderId", FieldProblem::Missing);
    assert!(field.to_string().starts_with("field \"orderId\""), "{field}");
    assert_eq!(FieldWarning::new("orderLine[0]", FieldProblem::Missing).path, "orderLine[0]");
    assert_eq!(Violation::new("resultMsg", ViolationKind::Empty).field, "resultMsg");
    assert!(Permit::new(at(1)).answered_at.saturating_add(Duration::from_secs(1)) > at(1));
}
