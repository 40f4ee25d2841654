//! Runs the program.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run ended with.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// The whole output of a run that succeeded, without its line end.
    #[track_caller]
    pub fn line(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        let line = self.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{self:?}");
        line
    }

    #[track_caller]
    pub fn says(&self, code: i32, text: &str) {
        let place = if code == 2 { &self.err } else { &self.out };
        assert!(self.code == code && place.contains(text), "{self:?} should be {code} and say {text:?}");
        assert!(code != 2 || self.out.is_empty(), "{self:?}");
    }
}

pub fn run_with(keys: &[(&str, &str)], arguments: &[&str], stdin: &[u8]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KOOGALLERY_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(keys.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // It may end without reading.
    let _ = process.stdin.take().unwrap().write_all(stdin);
    let output = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
    for (name, value) in keys.iter().filter(|(name, _)| name.ends_with("_KEY") || name.ends_with("_SK")) {
        for key in value.split(',').map(str::trim).filter(|key| key.len() > 3) {
            assert!(!run.out.contains(key) && !run.err.contains(key), "{name} stands in {run:?}");
        }
    }
    assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "no terminal, no colours: {run:?}");
    run
}

pub fn run(keys: &[(&str, &str)], arguments: &[&str]) -> Run {
    run_with(keys, arguments, b"")
}

pub fn vectors(kind: &str) -> Vec<Value> {
    let read = |source: &str| -> Vec<Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/vectors/{source}/{kind}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    // The vectors of `python` are those of `java`.
    let all: Vec<_> = ["protocol", "java"].into_iter().flat_map(read).collect();
    assert!(all.len() > 10, "{kind}");
    all
}

pub fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} of {vector}"))
}

/// A file that goes away with the test.
pub fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

pub const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
pub const BASIC: [(&str, &str); 1] = [("KOOGALLERY_BASIC_KEY", KEY)];

pub fn captured(command: &str, scheme: &str, keys: &[(&str, &str)], message: &str) -> Run {
    run_with(keys, &[command, scheme, "--request", "-"], message.as_bytes())
}
