//! The handbook and README in both languages: the same chapters, headings, tables, lists, links and samples.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manual");

/// Names of the files that hold chapters.
fn chapters(folder: &Path) -> BTreeSet<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let names = names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name != "links").collect()
}

/// A chapter, as far as it is independent of its language.
#[derive(Debug, PartialEq)]
struct Shape {
    headings: Vec<usize>,
    /// Number of columns of each row of a table, in order.
    rows: Vec<usize>,
    list_items: usize,
    /// Targets of links, each with the number of its uses.
    links: BTreeMap<String, usize>,
    /// Code with its fences.
    samples: Vec<String>,
}

struct Chapter {
    shape: Shape,
    /// Lines outside samples.
    prose: Vec<String>,
    /// Files of other chapters by the labels of links to them.
    files: BTreeMap<String, String>,
}

fn read(path: &Path, defined: &BTreeSet<String>) -> Chapter {
    let text = fs::read_to_string(path).unwrap();
    let mut shape =
        Shape { headings: Vec::new(), rows: Vec::new(), list_items: 0, links: BTreeMap::new(), samples: Vec::new() };
    let (mut prose, mut files) = (Vec::new(), BTreeMap::new());
    let mut sample: Option<String> = None;
    for line in text.lines() {
        if let Some(code) = &mut sample {
            *code += &format!("\n{line}");
            if line.trim() == "```" {
                shape.samples.extend(sample.take());
            }
            continue;
        }
        let content = line.trim_start();
        if let Some(language) = content.strip_prefix("```") {
            sample = Some(format!("```{}", sample_language(language)));
            continue;
        }
        let level = content.chars().take_while(|letter| *letter == '#').count();
        if level > 0 && content[level..].starts_with(' ') {
            shape.headings.push(level);
        }
        if content.starts_with('|') {
            shape.rows.push(content.replace("\\|", "").matches('|').count());
        }
        let number = content.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if content.starts_with("* ") || number.len() < content.len() && number.starts_with(". ") {
            shape.list_items += 1;
        }
        match line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
            Some((label, file)) => drop(files.insert(label.to_owned(), file.to_owned())),
            None => prose.push(line.to_owned()),
        }
    }
    assert!(sample.is_none(), "{}: a sample has no end", path.display());
    // A link may be broken over two lines.
    let text = prose.join(" ");
    for (start, _) in text.match_indices('[') {
        let Some(length) = text[start..].find(']') else { continue };
        let label = &text[start + 1..start + length];
        let is_text = text[start + length + 1..].starts_with('[');
        if !is_text && defined.contains(label) {
            *shape.links.entry(label.to_owned()).or_default() += 1;
        }
    }
    Chapter { shape, prose, files }
}

/// The samples are compiled once, from the English chapters.
fn sample_language(language: &str) -> &str {
    match language {
        "" | "rust" | "rust,no_run" | "rust,ignore" => "rust",
        other => other,
    }
}

fn defined_links() -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{FOLDER}/links.md")).unwrap();
    let labels = text.lines().map(|line| line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")));
    let labels: Vec<&str> = labels.map(|label| label.expect("a definition of a link").0).collect();
    let set: BTreeSet<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    assert_eq!(set.len(), labels.len(), "a link is defined twice");
    set
}

#[test]
fn both_languages_have_the_same_chapters() {
    let (english, chinese) = (chapters(Path::new(FOLDER)), chapters(&Path::new(FOLDER).join("zh")));
    assert_eq!(english, chinese);
    let manual = fs::read_to_string(format!("{FOLDER}.rs")).unwrap();
    // _01_getting_started = "getting_started" with "call";
    let rows = manual.lines().filter(|line| line.trim_start().starts_with('_'));
    let listed: Vec<&str> = rows.map(|row| row.split('"').nth(1).unwrap()).collect();
    assert_eq!(listed.len(), english.len(), "{listed:?}");
    assert_eq!(listed.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>(), english);
}

#[test]
fn both_languages_have_the_same_headings_tables_lists_links_and_samples() {
    let links = defined_links();
    let mut used = BTreeSet::new();
    for name in chapters(Path::new(FOLDER)) {
        let english = read(&Path::new(FOLDER).join(&name).with_extension("md"), &links);
        let chinese = read(&Path::new(FOLDER).join("zh").join(&name).with_extension("md"), &links);
        assert_eq!(chinese.shape.headings, english.shape.headings, "{name}");
        assert_eq!(chinese.shape.rows, english.shape.rows, "{name}");
        assert_eq!(chinese.shape.list_items, english.shape.list_items, "{name}");
        assert_eq!(chinese.shape.links, english.shape.links, "{name}");
        assert_eq!(chinese.shape.samples.len(), english.shape.samples.len(), "{name}");
        for (chinese, english) in chinese.shape.samples.iter().zip(&english.shape.samples) {
            assert_eq!(chinese, english, "{name}");
        }
        used.extend(english.shape.links.into_keys());
    }
    assert_eq!(links.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "links that no chapter uses");
}

/// Who reads a chapter as a file finds the others.
#[test]
fn chapters_link_to_the_files_of_the_others() {
    let links = fs::read_to_string(format!("{FOLDER}/links.md")).unwrap();
    // [going live]: super::_15_going_live
    let modules = links.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: super::_"));
    let files: BTreeMap<&str, String> =
        modules.map(|(label, module)| (label, format!("{}.md", &module[3..]))).collect();
    assert!(files.len() > 10);
    for folder in [Path::new(FOLDER).to_owned(), Path::new(FOLDER).join("zh")] {
        for name in chapters(&folder) {
            let chapter = read(&folder.join(&name).with_extension("md"), &defined_links());
            let used =
                chapter.shape.links.keys().filter_map(|label| Some((label.clone(), files.get(&**label)?.clone())));
            assert_eq!(chapter.files, used.collect(), "{name}");
            assert!(chapter.files.values().all(|file| folder.join(file).is_file()), "{name}");
        }
    }
}

#[test]
fn both_readmes_have_the_same_headings_tables_and_samples() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"]
        .map(|name| read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name), &BTreeSet::new()).shape);
    assert_eq!(chinese, english);
}

/// Samples in Chinese chapters are not compiled a second time.
#[test]
fn chinese_samples_are_ignored_by_the_compiler() {
    for name in chapters(Path::new(FOLDER)) {
        let path = Path::new(FOLDER).join("zh").join(&name).with_extension("md");
        let text = fs::read_to_string(&path).unwrap();
        let mut fences = text.lines().map(str::trim_start).filter(|line| line.starts_with("```"));
        while let (Some(begin), Some(_end)) = (fences.next(), fences.next()) {
            assert!(!["```", "```rust", "```rust,no_run"].contains(&begin), "{name}: {begin}");
        }
    }
}

/// Markdown does not close bold text that ends with punctuation right before a letter, which between Chinese sentences is easily
/// overlooked.
#[test]
fn bold_text_is_closed() {
    for name in chapters(Path::new(FOLDER)) {
        let chapter = read(&Path::new(FOLDER).join("zh").join(&name).with_extension("md"), &BTreeSet::new());
        for line in chapter.prose {
            let parts: Vec<&str> = line.split("**").collect();
            assert!(parts.len() % 2 == 1, "{name}: bold text over several lines: {line}");
            for pair in parts.windows(2).skip(1).step_by(2) {
                let (last, next) = (pair[0].chars().next_back(), pair[1].chars().next());
                let closes = last.is_some_and(char::is_alphanumeric) || next.is_none_or(|next| !next.is_alphanumeric());
                assert!(closes, "{name}: {line}");
            }
        }
    }
}

/// Pictures stand in Markdown, and are shown without a network.
#[test]
fn pictures_are_complete_in_both_languages() {
    let manual = fs::read_to_string(format!("{FOLDER}.rs")).unwrap();
    let named = manual.lines().filter_map(|line| line.split_once("\" with \"")?.1.strip_suffix("\";"));
    let named: BTreeSet<String> = named.flat_map(|name| [format!("{name}.en.svg"), format!("{name}.zh.svg")]).collect();
    let files = fs::read_dir(format!("{FOLDER}/pictures")).unwrap();
    let files: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, named);
    for file in files {
        let picture = fs::read_to_string(format!("{FOLDER}/pictures/{file}")).unwrap();
        assert!(!picture.contains("\n\n"), "{file}: a blank line would end it");
        let addresses = picture.matches("http").count();
        assert!(
            addresses == 1 && picture.contains("xmlns=\"http://www.w3.org/2000/svg\""),
            "{file} refers to something"
        );
        let is_chinese = picture.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
        assert_eq!(is_chinese, file.ends_with(".zh.svg"), "{file}");
    }
}

/// What the log is said to hold stands in the texts of the crate.
#[test]
fn texts_of_the_log_exist() {
    let mut sources = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension().and_then(|extension| extension.to_str()) {
                None => folders.push(path),
                Some("rs") => sources += &fs::read_to_string(&path).unwrap(),
                Some(_) => {}
            }
        }
    }
    let chapter = fs::read_to_string(format!("{FOLDER}/troubleshooting.md")).unwrap();
    let table = chapter.split("| The page says |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().skip(2).map(|row| row.split(" | ").nth(1).unwrap());
    let mut found = 0;
    for fragment in rows.flat_map(|log| log.split("...").flat_map(|part| part.split(", "))) {
        let fragment = fragment.trim();
        if fragment.len() > 10 && !fragment.starts_with("nothing") {
            assert!(sources.contains(fragment), "no text has {fragment:?}");
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}
