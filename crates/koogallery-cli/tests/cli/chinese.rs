//! The Chinese of the console beside the sources of what it translates: nothing that is said there lacks its Chinese.

use std::collections::BTreeMap;
use std::path::Path;

use crate::process::Server;
use crate::serve::{eventually, get, post};
use crate::servers::{KEYS, answering, marketplace};
use crate::support::run;

type Table = BTreeMap<String, BTreeMap<String, String>>;

fn at(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn source(path: &str) -> String {
    std::fs::read_to_string(at(path)).unwrap()
}

fn known() -> Vec<String> {
    let tables = ["rules", "mistakes", "calls", "causes", "form", "expected"];
    let path = |name: &str| format!("crates/koogallery-cli/src/commands/serve/lang/chinese/{name}.toml");
    let read = |name: &str| toml::from_str::<Table>(&source(&path(name))).unwrap();
    tables.into_iter().flat_map(|name| read(name).into_values()).flat_map(BTreeMap::into_keys).collect()
}

/// The string literals of Rust, unescaped, with `{}` for each hole or row of holes.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    while let Some(begin) = rest.find('"') {
        let mut literal = String::new();
        let mut characters = rest[begin + 1..].char_indices().peekable();
        let end = loop {
            let Some((index, character)) = characters.next() else { return found };
            match character {
                '"' => break begin + 1 + index,
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('\n') => while characters.next_if(|(_, blank)| blank.is_whitespace()).is_some() {},
                    Some('n') => literal.push('\n'),
                    Some(escaped) => literal.push(escaped),
                    None => return found,
                },
                _ => literal.push(character),
            }
        };
        found.push(with_holes(&literal));
        rest = rest[end + 1..].to_owned();
    }
    found
}

fn with_holes(literal: &str) -> String {
    let mut text = String::new();
    let mut parts = literal.split('{');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let Some((hole, after)) = part.split_once('}') else { return literal.to_owned() };
        match hole.contains(' ') {
            true => text.push_str(&format!("{{{hole}}}")),
            false if text.ends_with("{}") => {}
            false => text.push_str("{}"),
        }
        text.push_str(after);
    }
    text
}

/// The texts of errors: of `#[error("...")]`.
fn error_texts(path: &str) -> Vec<String> {
    let code = source(path);
    let parts: Vec<_> = code.split("#[error(").skip(1).filter(|part| !part.starts_with("transparent")).collect();
    assert!(parts.len() > 5, "{path}");
    parts.into_iter().filter_map(|part| literals(part).into_iter().next()).collect()
}

/// Whether a text is known, alone or as a part of another.
fn is_known(known: &[String], text: &str) -> bool {
    let text = text.strip_suffix("{}").unwrap_or(text);
    let forms = [text.to_owned(), format!("{text}{{}}"), format!("{{}}{text}"), format!("{{}}{text}{{}}")];
    forms.iter().any(|form| known.contains(form))
}

#[test]
fn no_mistake_and_no_error_lacks_its_chinese() {
    let known = known();
    for path in [
        "src/signature/diagnosis/mistake.rs",
        "src/signature.rs",
        "crates/koogallery-simulator/src/target.rs",
        "crates/koogallery-simulator/src/tls_error.rs",
        "crates/koogallery-simulator/src/marketplace/lifecycle.rs",
    ] {
        let lacking: Vec<_> = error_texts(path).into_iter().filter(|text| !is_known(&known, text)).collect();
        assert!(lacking.is_empty(), "{path}: {lacking:#?}");
    }
}

/// What is said of the mistakes behind failed checks, and of usage.
#[test]
fn no_diagnosis_lacks_its_chinese() {
    /// Those are compared, not said.
    const COMPARED: [&str; 2] = ["code fails", "HTTP status"];
    let known = known();
    let folder = "crates/koogallery-simulator/src/diagnosis";
    let mut paths: Vec<_> = std::fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    paths.retain(|name| name.to_string_lossy().ends_with(".rs"));
    paths.sort();
    let mut lacking = Vec::new();
    for name in paths {
        let texts = literals(&source(&format!("{folder}/{}", name.to_string_lossy())));
        let is_said = |text: &String| text.matches(' ').count() > 2 && !COMPARED.iter().any(|it| text.starts_with(it));
        lacking.extend(texts.into_iter().filter(is_said).filter(|text| !is_known(&known, text)));
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
    let packages = literals(&source("crates/koogallery-simulator/src/open_api_server/packages.rs"));
    let problems: Vec<_> = packages.into_iter().filter(|text| text.contains("package") && text.contains(' ')).collect();
    assert!(problems.len() > 5 && problems.iter().all(|text| known.contains(text)), "{problems:?}");
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character))
}

/// Words in a row that are no names.
fn is_english(text: &str) -> bool {
    let words: Vec<_> = text.split(' ').collect();
    let is_word = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.windows(4).any(|row| row.iter().all(is_word))
}

/// English sentences of a file, outside of calls, answers, and what repeats them.
fn sentences(file: &str) -> Vec<&str> {
    let is_evidence = |line: &&str| {
        line.contains("koogallery check ") || line.contains("koogallery fire ") || line.contains("resultCode\"")
    };
    let lines = file.lines().filter(|line| !is_evidence(line));
    lines.flat_map(|line| line.split(['<', '>', '|', '"', '：', ':'])).filter(|text| is_english(text)).collect()
}

fn page(server: &Server, path: &str) -> String {
    let (status, page) = get(server, path, "Accept: text/html\r\nCookie: koogallery_lang=zh-CN\r\n");
    assert_eq!(status, 200, "{path}: {page}");
    page
}

/// The texts of a page, outside of its marks.
fn texts(page: &str) -> Vec<&str> {
    page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text.trim()).collect()
}

#[test]
fn a_call_and_the_log_are_chinese() {
    let seller = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 39\r\nConnection: close\r\n\r\n\
         {\"resultCode\":\"000001\",\"resultMsg\":\"x\"}",
    );
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    assert_eq!(post(&server, "/_marketplace/calls", "profile=saas-v2&activity=newInstance&wrong_key=on", "").0, 202);
    let call = page(&server, "/_marketplace/calls/1");
    for text in
        ["用其他密钥签名", "不通过: content-type为application/json", "种已知错误都不能得到该签名", "发送时开头为"]
    {
        assert!(call.contains(text), "{text}: {call}");
    }
    let home = page(&server, "/_marketplace");
    assert!(home.contains("saas-v2 newInstance：000001（"), "{home}");
    for page in [call, home] {
        let english: Vec<_> = texts(&page).into_iter().filter(|text| is_english(text)).collect();
        assert!(english.is_empty(), "{english:#?}");
    }
    // Scripts get English, whatever the language of the page.
    let (_, script) = get(&server, "/_marketplace/calls/1", "Cookie: koogallery_lang=zh-CN\r\n");
    assert!(script.contains("signed with another key") && !is_chinese(&script), "{script}");
}

/// By the command as well, in the forms that are for people.
#[test]
fn check_writes_chinese_reports() {
    let seller = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 58\r\nConnection: close\r\n\r\n\
         {\"resultCode\":\"000000\",\"resultMsg\":\"x\",\"instanceId\":\"i-1\"}",
    );
    let url = format!("http://{seller}/x");
    let check = |more: &[&str]| run(&KEYS, &[&["check", &*url, "--profile", "saas-v2", "--lang", "zh"], more].concat());
    let report = check(&["--format", "markdown"]);
    assert_eq!(report.code, 1, "{report:?}");
    assert!(report.out.contains("没有验签") && sentences(&report.out).is_empty(), "{:#?}", sentences(&report.out));
    check(&[]).says(2, "--lang is for --format markdown, html and junit");
}

#[test]
fn a_report_is_chinese() {
    let seller = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 58\r\nConnection: close\r\n\r\n\
         {\"resultCode\":\"000000\",\"resultMsg\":\"x\",\"instanceId\":\"i-1\"}",
    );
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    for (number, profile) in [(1, "saas-v2"), (2, "saas-v1")] {
        assert_eq!(post(&server, "/_marketplace/checks", &format!("profile={profile}"), "").0, 202);
        eventually(&server, &format!("/_marketplace/checks/{number}"), |run| run["isDone"] == true);
        let page = page(&server, &format!("/_marketplace/checks/{number}"));
        assert!(page.contains("没有验签") || profile == "saas-v1", "{page}");
        let english: Vec<_> = texts(&page).into_iter().filter(|text| is_english(text)).collect();
        assert!(english.is_empty(), "{profile}: {english:#?}");
        for rule in page.split("<tr>").skip(2) {
            assert!(is_chinese(rule.rsplit("<td>").next().unwrap()), "{profile}: {rule}");
        }
        for file in ["report.md", "report.html", "report.xml", "report.json"] {
            let path = format!("/_marketplace/checks/{number}/{file}");
            let (for_scripts, report) =
                (get(&server, &path, "").1, get(&server, &path, "Cookie: koogallery_lang=zh\r\n").1);
            assert!(!for_scripts.contains("没有签名的调用"), "{file}: {for_scripts}");
            if file == "report.json" {
                assert_eq!(report, for_scripts);
            } else {
                assert!(
                    report.contains("没有签名的调用") && sentences(&report).is_empty(),
                    "{file}: {:#?}",
                    sentences(&report)
                );
            }
        }
    }
}
