//! The handbook and the READMEs name commands and options that exist, and show what is really printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::run;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn documents() -> Vec<PathBuf> {
    let mut paths = vec![format!("{ROOT}/README.md").into(), format!("{ROOT}/README.zh-CN.md").into()];
    for folder in ["src/manual", "src/manual/zh"] {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    paths
}

/// Command lines: the subcommand, with its scheme if it has one, and the options behind it.
fn commands(text: &str) -> Vec<(String, Vec<&str>)> {
    let is_name =
        |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let mut found = Vec::new();
    for begin in ["koogallery ", "koogallery-cli -- "] {
        for (start, _) in text.match_indices(begin) {
            let line = text[start + begin.len()..].split(['\n', '|', ';']).next().unwrap();
            let mut words = line.split_whitespace().peekable();
            let Some(mut command) = words.next().filter(is_name).map(str::to_owned) else { continue };
            if ["sign", "verify", "explain"].contains(&&*command) && words.peek().is_some_and(is_name) {
                command = format!("{command} {}", words.next().unwrap());
            }
            found.push((command, words.filter(|word| word.starts_with("--")).collect()));
        }
    }
    found
}

#[test]
fn commands_and_options_exist() {
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut options_seen = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        // A command that goes on in the next line.
        let text = text.replace("\\\n", " ");
        // Prose that follows the name of the command or the crate is no command line.
        let in_code = text.split('`').skip(1).step_by(2).chain(text.lines().filter_map(|line| line.strip_prefix("$ ")));
        for (command, options) in in_code.flat_map(commands) {
            let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
            let help = helps.entry(command.clone()).or_insert_with(|| run(&[], &arguments).out);
            assert!(help.contains("Usage:"), "{}: there is no command {command}", path.display());
            for option in options {
                let option = option.split('=').next().unwrap();
                let exists = help.split([' ', ',', '\n']).any(|word| word == option);
                assert!(exists, "{}: {command} has no {option}", path.display());
                options_seen += 1;
            }
        }
    }
    assert!(helps.len() >= 12 && options_seen > 30, "hardly anything was read: {:?}, {options_seen}", helps.keys());
}

/// The commands of the chapter that need no server, run by a shell as they stand there.
#[test]
fn signatures_and_ciphers_are_printed_as_shown() {
    let chapter = fs::read_to_string(format!("{ROOT}/src/manual/going_live.md")).unwrap();
    let section = chapter.split("# Signatures and ciphers").nth(1).unwrap();
    let block = section.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_koogallery")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut ran = 0;
    for entry in block.split("$ ").skip(1) {
        let (command, expected) = entry.split_once('\n').unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(folder.path()).env("PATH", &path);
        let output = shell.env("KOOGALLERY_BASIC_KEY", "a-key-for-trying-out").output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.lines().count(), expected.lines().count(), "{command}: {printed}");
        for (printed, expected) in printed.lines().zip(expected.lines()) {
            match expected.strip_suffix("...") {
                Some(begin) => assert!(printed.starts_with(begin), "{command}: {printed}"),
                None => assert_eq!(printed, expected, "{command}"),
            }
        }
        ran += 1;
    }
    assert!(ran >= 6, "{ran}");
}
