//! Takes the samples out of the handbook's chapter on existing applications, so that `handbook_axum` and `handbook_actix` run what it
//! shows. Only where they listen is changed: a test needs an address of its own.

use std::path::Path;
use std::{env, fs};

const CHAPTER: &str = "../../src/manual/existing_apps.md";

fn main() {
    println!("cargo::rerun-if-changed={CHAPTER}");
    println!("cargo::rerun-if-changed=build.rs");
    let chapter = fs::read_to_string(CHAPTER).expect("the chapter can be read");
    let folder = env::var("OUT_DIR").expect("Cargo sets it");
    for (name, mark, listening, with) in [
        ("shop", "impl SubscriptionHandler for Shop", "", ""),
        (
            "axum",
            "adapter::{axum::routes",
            r#"tokio::net::TcpListener::bind("127.0.0.1:8080").await?"#,
            "tokio::net::TcpListener::from_std(koogallery_servers::listener().map_err(|error| error.to_string())?)?",
        ),
        (
            "actix",
            "adapter::{actix::routes",
            r#".bind("127.0.0.1:8080")?"#,
            ".listen(koogallery_servers::listener().map_err(|error| error.to_string())?)?",
        ),
    ] {
        let sample = sample(&chapter, mark);
        assert!(sample.contains(listening), "the sample {name} listens in another way");
        let sample = if listening.is_empty() { sample } else { sample.replace(listening, with) };
        fs::write(Path::new(&folder).join(format!("{name}.rs")), sample).expect("the sample can be written");
    }
}

/// The lines of a sample that readers see.
fn sample(chapter: &str, mark: &str) -> String {
    let mut samples = chapter.split("\n```").filter(|sample| sample.starts_with("rust") && sample.contains(mark));
    let sample = samples.next().expect("the sample is in the chapter");
    let lines = sample.lines().skip(1).filter(|line| *line != "#" && !line.starts_with("# "));
    lines.map(|line| format!("{line}\n")).collect()
}
