//! Instructions that the hot paths take, counted by valgrind and compared with those kept in `instructions.txt`. Unlike times
//! they hardly depend on what else the machine does, so a path that got slower is found on a busy one too.
//!
//! Fails where a path takes 2% more than what is kept for this compiler and machine, or 2% less: then the better figure is to be
//! kept. `KOOGALLERY_WRITE_INSTRUCTIONS=1` keeps the figures of this run. Without figures for the machine it only prints them.
//!
//! Valgrind's processor has no SHA instructions, so hashing weighs more here than in time.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::pin::pin;
use std::process::{Command, ExitCode};
use std::{env, fs};

use futures_util::FutureExt as _;
use http_body_util::Full;
use koogallery::adapter::tower::Endpoint;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::key::Credentials;
use koogallery::open_api::{Api as _, query_order};
use koogallery::signature::aksk::{Payload, Signer};
use koogallery::signature::{Window, auth_token, body_sign, callback_v2};
use koogallery::site::Site;
use tower::ServiceExt as _;

use koogallery_benches::calls::{Calls, NOW};

/// Calls that are counted, after one that is not.
const CALLS: usize = 200;
/// Greatest difference from what is kept, in percent. Hash tables have random keys.
const TOLERANCE: f64 = 2.0;

const PATHS: [&str; 10] = [
    "verify_v2",
    "verify_v1",
    "sign_body",
    "whole_v2",
    "whole_v2_of_all",
    "whole_v1",
    "whole_v1_encrypted",
    "endpoint_v2",
    "encrypt_field",
    "sign_get",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let Some(path) = arguments.iter().find(|argument| PATHS.contains(&argument.as_str())) {
        take(path);
        return ExitCode::SUCCESS;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/instructions.txt");
    let mut kept = read(&fs::read_to_string(&file).unwrap_or_default());
    let host = host();
    let found: BTreeMap<String, u64> = PATHS.iter().map(|path| ((*path).to_owned(), count(path))).collect();
    let known = kept.get(&host);
    println!("\n{host}\n\n| path | instructions | kept | difference |\n|---|---:|---:|---:|");
    let mut differs = false;
    for path in PATHS {
        match known.and_then(|known| known.get(path)) {
            Some(kept) => {
                let percent = (found[path] as f64 / *kept as f64 - 1.0) * 100.0;
                differs |= percent.abs() > TOLERANCE;
                println!("| {path} | {} | {kept} | {percent:+.1}% |", found[path]);
            }
            None => println!("| {path} | {} | | |", found[path]),
        }
    }
    if env::var_os("KOOGALLERY_WRITE_INSTRUCTIONS").is_some() {
        kept.insert(host, found);
        fs::write(&file, written(&kept)).expect("the folder of the benches");
    } else if known.is_none() {
        println!("\nNothing is kept for this machine: nothing was compared.");
    } else if differs {
        eprintln!(
            "\nA path differs by more than {TOLERANCE}%. If that is meant, run with KOOGALLERY_WRITE_INSTRUCTIONS=1."
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Runs this program under valgrind, which counts inside of `counted`.
fn count(path: &str) -> u64 {
    let program = env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*instructions*counted*"])
        .arg(program)
        .arg(path)
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let total = report.lines().find_map(|line| line.split_once("Collected : ")).expect("a figure").1;
    total.trim().parse::<u64>().expect("a number") / CALLS as u64
}

/// The work whose instructions count.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

fn take(path: &str) {
    let calls = Calls::new();
    let each = |work: &dyn Fn()| {
        work();
        (0..CALLS).for_each(|_| counted(work));
    };
    let cipher = FieldCipher::new(&calls.key, EncryptType::Aes256);
    let credentials = Credentials::new("AccessKey", "SecretKey").expect("a pair");
    let query = query_order::Request::new("CS2501020304ABCDE").with_order_line("CS2501020304ABCDE-000001");
    match path {
        "verify_v2" => each(&|| {
            let body = black_box(calls.body.as_bytes());
            assert!(callback_v2::verify(&calls.ring, &calls.v2_query, body, NOW, Window::default()).is_ok());
        }),
        "verify_v1" => each(&|| {
            assert!(auth_token::verify(&calls.ring, black_box(&calls.v1_query), NOW, Window::default()).is_ok());
        }),
        "sign_body" => each(&|| drop(black_box(body_sign::sign(&calls.key, black_box(calls.body.as_bytes()))))),
        "encrypt_field" => each(&|| drop(black_box(cipher.encrypt("administrator-account-32-bytes-x")))),
        "sign_get" => {
            for _ in 0..CALLS {
                let mut parts = query.to_http(&Site::China.into()).into_parts().0;
                counted(|| Signer::new(&credentials).sign(&mut parts, Payload::Bytes(b""), NOW)).expect("a host");
            }
        }
        "endpoint_v2" => {
            let endpoint = Endpoint::new(calls.service(true));
            for (index, request) in calls.v2(CALLS + 1).into_iter().enumerate() {
                let request = request.map(Full::new);
                let answer = || endpoint.clone().oneshot(request).now_or_never().expect("a ledger hit does not wait");
                let answer = if index == 0 { answer() } else { counted(answer) }.expect("an endpoint never fails");
                assert!(answer.status().is_success());
            }
        }
        whole => {
            let service =
                if whole == "whole_v2_of_all" { calls.service_of_all() } else { calls.service(whole != "whole_v1") };
            let mut requests = if whole.starts_with("whole_v2") { calls.v2(CALLS + 1) } else { calls.v1(CALLS + 1) };
            let first = requests.pop().expect("one more than are counted");
            for (index, request) in std::iter::once(first).chain(requests).enumerate() {
                let answer = || pin!(service.call(request)).now_or_never().expect("a ledger hit does not wait");
                let answer = if index == 0 { answer() } else { counted(answer) };
                assert!(answer.body().starts_with(br#"{"resultCode":"000000""#));
            }
        }
    }
}

/// What the figures depend on: compiler, target, libc, valgrind, and the instructions that searching uses.
fn host() -> String {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let compiler = said(env::var("RUSTC").as_deref().unwrap_or("rustc"), "-vV");
    let of = |name: &str| compiler.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    #[cfg(target_arch = "x86_64")]
    let vectors = if is_x86_feature_detected!("avx2") { ", avx2" } else { "" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "";
    let (libc, valgrind) = (said("getconf", "GNU_LIBC_VERSION"), said("valgrind", "--version"));
    format!("rustc {} {}, {libc}, {valgrind}{vectors}", of("release:"), of("host:"))
}

type Kept = BTreeMap<String, BTreeMap<String, u64>>;

/// A line is a compiler, or a path of the compiler above and its figure.
fn read(text: &str) -> Kept {
    let mut kept = Kept::new();
    let mut host = String::new();
    for line in text.lines() {
        match line.strip_prefix("  ").and_then(|row| row.split_once(' ')) {
            Some((path, figure)) => {
                let figure = figure.trim().parse().expect("a number");
                kept.entry(host.clone()).or_default().insert(path.to_owned(), figure);
            }
            None => line.clone_into(&mut host),
        }
    }
    kept
}

fn written(kept: &Kept) -> String {
    let row = |(path, figure): (&String, &u64)| format!("  {path} {figure}\n");
    kept.iter().map(|(host, paths)| format!("{host}\n{}", paths.iter().map(row).collect::<String>())).collect()
}
