//! The programs in `benches/peers`: written to a folder of the build with what they need, run there, and read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use http::header::AUTHORIZATION;
use koogallery::key::Credentials;
use koogallery::signature::body_sign;
use koogallery_benches::calls::{Calls, KEY};
use serde_json::Value;

use crate::secrets::{AK, PLAIN, SK, query, sealed, sign};
use koogallery_benches::ratio::median;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers");

/// A row of another program.
pub struct Measured {
    pub group: String,
    pub by: String,
    pub median: f64,
    pub best: f64,
}

/// A program that can be run.
struct Peer {
    name: &'static str,
    command: Vec<String>,
}

/// The programs whose runtimes this machine has, and why others are left out.
pub struct Peers {
    ready: Vec<Peer>,
    folder: PathBuf,
    pub not_run: Vec<String>,
    pub versions: Vec<(String, String)>,
    runs: Vec<Measured>,
}

impl Peers {
    /// Installs what the programs need beside the build, once.
    pub fn install(calls: &Calls, answer: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
        fs::create_dir_all(&folder).expect("the folder of the build");
        let mut peers = Self { ready: Vec::new(), folder, not_run: Vec::new(), versions: Vec::new(), runs: Vec::new() };
        let jackson = peers.java();
        let node_modules = peers.node();
        peers.python();
        let input = input(calls, answer, jackson, node_modules.as_deref());
        fs::write(peers.folder.join("input.txt"), input).expect("the folder of the build");
        peers
    }

    fn java(&mut self) -> bool {
        if !self.has("Java", "java", "-version") {
            return false;
        }
        let script = format!("{SOURCES}/jackson {}", self.folder.display());
        let jackson = said(Command::new("sh").arg("-c").arg(script));
        let classes = self.folder.join("classes");
        let class_path = jackson.clone().unwrap_or_default();
        let mut sources: Vec<_> = ["Peer", "Samples", "Tuned", "Query"].into_iter().collect();
        match &jackson {
            Ok(_) => sources.push("Json"),
            Err(error) => self.not_run.push(format!("Java with JSON: no Jackson: {error}")),
        }
        // Without Jackson a class of the same name stands for what cannot be run.
        let files = sources.iter().map(|name| format!("{SOURCES}/{name}.java"));
        let files = files.chain(jackson.is_err().then(|| format!("{SOURCES}/without/Json.java")));
        let compiled = said(Command::new("javac").args(["-cp", &class_path, "-d"]).arg(&classes).args(files));
        match compiled {
            Ok(_) => {
                let class_path = format!("{}:{class_path}", classes.display());
                let command = ["java", "-cp", &class_path, "Peer"].map(str::to_owned);
                self.ready.push(Peer { name: "Java", command: command.into() });
            }
            Err(error) => self.not_run.push(format!("Java: {error}")),
        }
        jackson.is_ok()
    }

    fn node(&mut self) -> Option<PathBuf> {
        if !self.has("Node", "node", "--version") {
            return None;
        }
        let command = ["node", &format!("{SOURCES}/peer.mjs")].map(str::to_owned);
        self.ready.push(Peer { name: "Node", command: command.into() });
        let modules = self.folder.join("node_modules");
        if !modules.join("@huaweicloud").exists() {
            fs::copy(format!("{SOURCES}/package.json"), self.folder.join("package.json")).expect("the folder");
            let install =
                said(Command::new("npm").args(["install", "--silent", "--no-audit"]).current_dir(&self.folder));
            if let Err(error) = install {
                self.not_run.push(format!("the official SDK for Node: {error}"));
                return None;
            }
        }
        Some(modules)
    }

    fn python(&mut self) {
        if !self.has("Python", "python3", "--version") {
            return;
        }
        let environment = self.folder.join("python");
        let mut python = environment.join("bin/python").display().to_string();
        let install = || {
            if !environment.exists() {
                said(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            }
            let requirements = format!("{SOURCES}/requirements.txt");
            said(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r", &requirements]))
        };
        if let Err(error) = install() {
            self.not_run.push(format!("the packages for Python: {error}"));
            python = "python3".to_owned();
        }
        let command = [python, format!("{SOURCES}/peer.py")];
        self.ready.push(Peer { name: "Python", command: command.into() });
    }

    fn has(&mut self, name: &str, program: &str, argument: &str) -> bool {
        let output = Command::new(program).arg(argument).output();
        match output {
            Ok(output) => {
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8_lossy(&text);
                self.versions.push((name.to_owned(), text.lines().next().unwrap_or_default().to_owned()));
                true
            }
            Err(error) => {
                self.not_run.push(format!("{name}: {error}"));
                false
            }
        }
    }

    /// Runs each program once.
    pub fn run(&mut self) {
        let mut failed = Vec::new();
        for peer in &self.ready {
            let mut command = Command::new(&peer.command[0]);
            command.args(&peer.command[1..]).arg(self.folder.join("input.txt")).stderr(Stdio::inherit());
            match said(&mut command) {
                Ok(lines) => self.runs.extend(lines.lines().filter_map(read)),
                Err(error) => failed.push(format!("{}: {error}", peer.name)),
            }
        }
        for error in failed {
            if !self.not_run.contains(&error) {
                self.not_run.push(error);
            }
        }
    }

    /// Returns the medians of the runs, and the best of all.
    pub fn measured(&self) -> Vec<Measured> {
        let mut found: Vec<Measured> = Vec::new();
        for run in &self.runs {
            if found.iter().any(|row| row.group == run.group && row.by == run.by) {
                continue;
            }
            let same = || self.runs.iter().filter(|other| other.group == run.group && other.by == run.by);
            found.push(Measured {
                group: run.group.clone(),
                by: run.by.clone(),
                median: median(&mut same().map(|run| run.median).collect::<Vec<_>>()),
                best: same().map(|run| run.best).fold(f64::INFINITY, f64::min),
            });
        }
        found
    }
}

fn read(line: &str) -> Option<Measured> {
    let row: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    Some(Measured {
        group: text("group")?,
        by: text("by")?,
        median: row["median"].as_f64()?,
        best: row["best"].as_f64()?,
    })
}

/// Runs a program to its end, and returns what it printed.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        let error = [text(&output.stderr), text(&output.stdout)].concat();
        Err(error.lines().next_back().unwrap_or("no output").to_owned())
    }
}

/// What the programs work on, with what they have to find.
fn input(calls: &Calls, answer: &str, jackson: bool, node_modules: Option<&Path>) -> String {
    let mut signed = query();
    sign(&Credentials::new(AK, SK).expect("a pair"), &mut signed);
    let modules = node_modules.map(|path| path.display().to_string());
    let mut input = vec![
        ("key", KEY.to_owned()),
        ("v2_query", calls.v2_query.clone()),
        ("body", calls.body.clone()),
        ("v1_query", calls.v1_query.clone()),
        ("answer", answer.to_owned()),
        ("body_sign", body_sign::sign(&calls.key, answer.as_bytes())),
        ("plain", PLAIN.to_owned()),
        ("sealed", sealed(&calls.key).as_str().to_owned()),
        ("ak", AK.to_owned()),
        ("sk", SK.to_owned()),
        ("api_host", signed.headers["host"].to_str().expect("text").to_owned()),
        ("api_path", signed.uri.path().to_owned()),
        ("api_query", signed.uri.query().expect("two parameters").to_owned()),
        ("api_date", signed.headers["x-sdk-date"].to_str().expect("text").to_owned()),
        ("authorization", signed.headers[AUTHORIZATION].to_str().expect("text").to_owned()),
        ("jackson", jackson.to_string()),
        ("warm_up_ms", "1000".to_owned()),
        ("sample_us", "2000".to_owned()),
        ("rounds", "101".to_owned()),
    ];
    input.extend(modules.map(|path| ("node_modules", path)));
    input.iter().map(|(name, value)| format!("{name} {value}\n")).collect()
}
