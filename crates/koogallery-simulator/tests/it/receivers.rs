//! Receivers in Python (`tests/receivers`): what others publish, with all their mistakes, and independent ones that are
//! right by the documents. The report has to name what is wrong, and nothing that is right.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol::{
    self, KitV1, KitV2, LicenseCode, LicenseOnline, LicenseV1, OrderNotify, SaasV1, SaasV2,
};
use koogallery_simulator::{Checker, HttpProbe, HttpTarget, PublicKey, Report, Severity};

const KEY: &str = "test-key-0123456789";
const KIT_KEY: &str = "kit-key-0123456789";
const RSA_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/receivers");

/// A receiver that runs until it is dropped.
struct Receiver {
    process: Child,
    port: u16,
}

impl Receiver {
    /// The keys are those that all receivers have.
    fn start(file: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("python3");
        command.current_dir(FOLDER).arg(file).args(arguments);
        // Reports of its own errors are no result of the test.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("python3 is installed");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening ").and_then(|port| port.parse().ok());
        Self { process, port: port.unwrap_or_else(|| panic!("{file} does not start: {line:?}")) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The interface whose key the calls of a protocol are signed with.
fn keys(protocol: Protocol) -> AccessKeys {
    let (interface, key) = match protocol {
        KitV1 | KitV2 => (InterfaceType::Kit, KIT_KEY),
        LicenseCode => (InterfaceType::License, KEY),
        OrderNotify => (InterfaceType::General, KEY),
        SaasV1 | LicenseV1 => (InterfaceType::V1, KEY),
        _ => (InterfaceType::Basic, KEY),
    };
    AccessKeys::new().with(interface, AccessKey::new(key).unwrap()).unwrap()
}

struct Run<'a> {
    file: &'a str,
    arguments: &'a [&'a str],
    protocol: Protocol,
    has_probe: bool,
}

impl<'a> Run<'a> {
    const fn of(file: &'a str, protocol: Protocol) -> Self {
        Self { file, arguments: &[], protocol, has_probe: false }
    }

    const fn with(self, arguments: &'a [&'a str]) -> Self {
        Self { arguments, ..self }
    }

    const fn probed(self) -> Self {
        Self { has_probe: true, ..self }
    }

    fn name(&self) -> String {
        let mut words = vec![self.file];
        words.extend(self.arguments.iter().filter(|argument| !argument.contains('/')));
        words.extend(self.has_probe.then_some("with a probe"));
        words.join(" ")
    }

    async fn report(&self) -> Report {
        let receiver = Receiver::start(self.file, self.arguments);
        let target = HttpTarget::new(&receiver.url("saasproduce")).unwrap();
        let mut checker = Checker::new(target, keys(self.protocol)).with_profile(self.protocol).with_seed(5);
        if self.has_probe {
            checker = checker.with_probe(HttpProbe::new(&receiver.url("admin/instances")).unwrap());
        }
        if self.protocol.is_kit() {
            let pem = std::fs::read_to_string(RSA_KEY).unwrap();
            let key = koogallery::cipher::client_secret::PrivateKey::from_pem(&pem).unwrap();
            checker = checker.with_public_key(key.public_key().parse::<PublicKey>().unwrap());
        }
        checker.run().await.unwrap()
    }
}

/// A receiver with mistakes.
struct Wrong {
    run: Run<'static>,
    /// Parts of the headlines of its mandatory mistakes, the first of the report first.
    must: &'static [&'static str],
    /// Parts of the headlines of others.
    other: &'static [&'static str],
}

include!("receivers/expected.rs");

#[tokio::test]
async fn published_mistakes_are_named_and_nothing_else() {
    let mut table = String::from(
        "| receiver | profile | first line | mistakes found | missed | false musts |\n|---|---|---|---|---|---|\n",
    );
    let mut wrong = Vec::new();
    let (mut found_in_all, mut right_first) = (0, 0);
    for Wrong { run, must, other } in WRONG {
        let report = run.report().await;
        let headlines: Vec<_> = report.causes.iter().map(|cause| &*cause.headline).collect();
        let is_named = |part: &&&str| headlines.iter().any(|headline| headline.contains(**part));
        let missed: Vec<_> = must.iter().chain(*other).filter(|part| !is_named(part)).collect();
        let musts = report.causes.iter().filter(|cause| cause.severity == Severity::Must);
        let false_musts: Vec<_> = musts
            .map(|cause| &*cause.headline)
            .filter(|headline| !must.iter().any(|part| headline.contains(part)))
            .collect();
        let first = headlines.first().copied().unwrap_or("none");
        let is_first = first.contains(must[0]);
        let found = must.len() + other.len() - missed.len();
        found_in_all += found;
        right_first += u32::from(is_first);
        table.push_str(&format!(
            "| {} | {} | {} | {found} | {} | {} |\n",
            run.name(),
            run.protocol.id(),
            first.replace('|', "\\|"),
            missed.len(),
            false_musts.len()
        ));
        if report.is_ok() || !is_first || !missed.is_empty() || !false_musts.is_empty() {
            wrong.push(format!(
                "{}: first {first:?}, missed {missed:?}, false {false_musts:?}\n{}",
                run.name(),
                report.to_text(false)
            ));
        }
    }
    println!("{table}\n{found_in_all} mistakes found, right first line for {right_first} of {}", WRONG.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/src/published_receivers.md");
    if std::env::var_os("KOOGALLERY_WRITE_DETECTION").is_some() {
        std::fs::write(kept, &table).unwrap();
    }
    assert_eq!(
        without_counts(&table),
        without_counts(&std::fs::read_to_string(kept).unwrap()),
        "run this with KOOGALLERY_WRITE_DETECTION=1"
    );
}

/// Numbers of calls depend on how fast a receiver answers.
fn without_counts(text: &str) -> String {
    text.chars().filter(|character| !character.is_ascii_digit()).collect()
}

#[tokio::test]
async fn receivers_that_are_right_by_the_documents_pass() {
    for run in RIGHT {
        let began = Instant::now();
        let report = run.report().await;
        let failed: Vec<_> = report.failures().map(|(result, _)| (result.check.id, result.check.severity)).collect();
        let is_known = |(id, severity): &(&str, Severity)| {
            // Two generations with one key, and a receiver that knows the documented form alone.
            *severity != Severity::Must && matches!(*id, "X20" | "A15")
        };
        assert!(report.is_ok() && failed.iter().all(is_known), "{}: {}", run.name(), report.to_text(false));
        assert!(report.passed() > 35, "{}: {}", run.name(), report.to_text(false));
        // A debug build on a busy machine takes longer than the documented 3 seconds.
        assert!(began.elapsed() < Duration::from_secs(30), "{}: {:?}", run.name(), began.elapsed());
    }
}

#[test]
fn the_helpers_of_the_receivers_agree_with_the_documents() {
    let status = Command::new("python3").current_dir(FOLDER).arg("self_test.py").status().unwrap();
    assert!(status.success());
}
