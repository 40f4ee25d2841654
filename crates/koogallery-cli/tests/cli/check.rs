//! `check`: outcomes, forms of the report, and targets that are not what they should be.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::servers::{Example, KEYS, answering, raw_server, read_request};
use crate::support::{BASIC, Run, run};

fn check(url: &str, arguments: &[&str]) -> Run {
    run(&KEYS, &[&["check", url], arguments].concat())
}

fn check_saas(address: SocketAddr) -> Run {
    check(&format!("http://{address}/saasproduce"), &["--profile", "saas-v2"])
}

#[test]
fn a_good_server_passes_in_every_form() {
    let seller = Example::start("isv_server", &[]);
    let url = seller.url("/saasproduce");
    let kit = |arguments: &[&str]| check(&url, &[&["--profile", "kit-v1"], arguments].concat());
    let text = kit(&[]);
    text.says(0, "PASS  kit-v1 on http://127.0.0.1:");
    assert_eq!(text.err, "");
    let json = kit(&["--format", "json", "--seed", "7"]);
    let reports: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &reports[0]["ok"], &reports[0]["seed"]), (0, &Value::Bool(true), &7.into()));
    assert!(reports[0]["passed"].as_u64().unwrap() > 30, "{json:?}");
    kit(&["--format", "markdown"]).says(0, "kit-v1");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.xml");
    let junit = kit(&["--format", "junit", "--output", path.to_str().unwrap()]);
    assert_eq!((junit.code, &*junit.out, &*junit.err), (0, "", ""));
    let xml = std::fs::read_to_string(path).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert!(count("testcase") > 30 && count("failure") == 0, "{xml}");
    kit(&["--output", "/no/such/folder/report.txt"]).says(2, "/no/such/folder/report.txt");
    for (name, value) in KEYS {
        assert!(!xml.contains(value) && !json.out.contains(value), "{name}");
    }
}

#[test]
fn a_bad_server_fails() {
    let careless = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let failed = check_saas(careless);
    failed.says(1, "FAIL  saas-v2");
    assert!(failed.out.contains("F1"), "{failed:?}");
    for (format, sign) in [("json", "\"ok\": false"), ("junit", "<failure"), ("markdown", "FAIL")] {
        let arguments = ["--profile", "saas-v2", "--format", format];
        check(&format!("http://{careless}/x"), &arguments).says(1, sign);
    }
}

#[test]
fn what_cannot_be_checked() {
    run(&[], &["check", "http://127.0.0.1:1/x"]).says(2, "no access key is in the environment");
    run(&BASIC, &["check", "http://127.0.0.1:1/x", "--profile", "kit-v2"])
        .says(2, "kit-v2: KOOGALLERY_KIT_KEY is not set");
    check("http://192.0.2.1/x", &[]).says(2, "--i-own-this-host");
    check("http://isv.invalid/x", &[]).says(2, "--i-own-this-host");
    check("http://169.254.169.254/latest", &["--i-own-this-host"]).says(2, "never called");
    check("nowhere", &[]).says(2, "nowhere");
    check("http://127.0.0.1:1/?a=1", &[]).says(2, "query");
    check("http://127.0.0.1:1/x", &["--profile", "saas-v9"]).says(2, "saas-v2");
    check("http://127.0.0.1:1/x", &["--probe", "nowhere"]).says(2, "nowhere");
    check("http://127.0.0.1:1/x", &["--probe", "http://127.0.0.1:1/"]).says(2, "instances cannot be listed");
    check("http://127.0.0.1:1/x", &["--profile", "saas-v2", "--only", "R1", "--only", "Z9"])
        .says(2, "there is no check Z9 in saas-v2");
    check("http://127.0.0.1:1/x", &["--charging", "monthly"]).says(2, "one-time, period, on-demand and package");
    check("http://127.0.0.1:1/x", &["--set", "productId"]).says(2, "not of the form FIELD=VALUE");
    check("http://127.0.0.1:1/x", &["--time-budget", "0"]).says(2, "--time-budget");
}

#[test]
fn selected_checks_alone_are_reported() {
    let seller = Example::start("isv_server", &[]);
    let url = seller.url("/saasproduce");
    let only = |arguments: &[&str]| check(&url, &[arguments, &["--format", "json"]].concat());
    let json = only(&["--profile", "saas-v2", "--only", "X2", "--only", "F1"]);
    let reports: Value = serde_json::from_str(&json.out).unwrap();
    let ids: Vec<_> = reports[0]["results"].as_array().unwrap().iter().map(|result| result["id"].clone()).collect();
    assert_eq!((json.code, ids), (0, vec!["X2".into(), "F1".into()]));
    // Profiles that have none of them are left out.
    let json = only(&["--profile", "saas-v1", "--profile", "kit-v2", "--only", "F4"]);
    let reports: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (json.code, &reports[0]["passed"], &reports[1]["profile"]),
        (0, &1.into(), &"kit-v2".into()),
        "{reports}"
    );
    assert_eq!(reports[1]["left_out"], "it has none of the selected checks");
}

#[test]
fn fields_and_charging_reach_the_calls() {
    let seller = Example::start("isv_server", &[]);
    let bought = |arguments: &[&str]| {
        let fixed = ["--profile", "saas-v1", "--only", "A1", "--format", "json"];
        let json = check(&seller.url("/saasproduce"), &[&fixed, arguments].concat());
        let reports: Value = serde_json::from_str(&json.out).unwrap_or_else(|_| panic!("{json:?}"));
        assert_eq!(reports[0]["passed"], 1, "{reports}");
        reports[0]["results"][0]["exchanges"][0]["target"].as_str().unwrap().to_owned()
    };
    let once = bought(&["--set", "customerName=Li Na", "--charging", "one-time"]);
    assert!(once.contains("customerName=Li%20Na") && !once.contains("expireTime"), "{once}");
    assert!(bought(&["--charging", "one-time", "--charging", "period"]).contains("expireTime="));
}

#[test]
fn a_run_ends_with_its_time() {
    let slow = raw_server(|mut stream| {
        read_request(&mut stream);
        std::thread::sleep(Duration::from_millis(300));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    let began = Instant::now();
    check(&format!("http://{slow}/x"), &["--profile", "saas-v2", "--time-budget", "1"])
        .says(1, "the time for the run was over");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn quiet_is_one_line_per_cause() {
    let careless = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let url = format!("http://{careless}/x");
    let quiet = check(&url, &["--profile", "saas-v2", "--profile", "saas-v1", "-q"]);
    quiet.says(1, "FAIL  saas-v2");
    let lines: Vec<_> = quiet.out.lines().collect();
    assert!(lines.len() > 3 && lines.iter().all(|line| line.starts_with("FAIL  ") || line.contains(". ")), "{quiet:?}");
    let whole = check(&url, &["--profile", "saas-v2", "--profile", "saas-v1"]);
    let mut first = whole.out.lines();
    assert!(
        first.next().unwrap().starts_with("FAIL  saas-v2") && first.next().unwrap().starts_with("FAIL  saas-v1"),
        "{whole:?}"
    );
    assert!(whole.out.lines().count() > 2 * lines.len());
}

#[test]
fn profiles_share_one_html_file() {
    let careless = answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<script>\n");
    let arguments =
        ["--profile", "saas-v2", "--profile", "saas-v1", "--only", "F4", "--only", "F1", "--format", "html"];
    let html = check(&format!("http://{careless}/x"), &arguments);
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document =
        roxmltree::Document::parse_with_options(&html.out, options).unwrap_or_else(|error| panic!("{error}: {html:?}"));
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((html.code, count("html"), count("body"), count("h1"), count("script")), (1, 1, 1, 2, 0), "{html:?}");
    let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    assert!(ids.contains(&"saas-v2-cause-1") && ids.contains(&"saas-v1-cause-1"), "{ids:?}");
    assert!(html.out.contains("&lt;script&gt;"), "{html:?}");
}

/// It fails as every other mandatory check does, so that a reader of the report alone learns it.
#[test]
fn who_is_not_there_fails() {
    let url = "http://127.0.0.1:1/x";
    check(url, &["--profile", "saas-v2"]).says(1, "unreachable from here");
    check("http://isv.invalid/x", &["--i-own-this-host", "--profile", "saas-v2"]).says(1, "cannot be resolved");
}

#[test]
fn hostile_targets_are_given_up_in_time() {
    let began = Instant::now();
    let hanging = raw_server(|stream| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let endless = raw_server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    });
    let huge = raw_server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n");
        let block = vec![b'x'; 1 << 20];
        (0..100).all(|_| stream.write_all(&block).is_ok());
    });
    for (address, says) in [(hanging, "hangs"), (endless, "larger than 4 MiB"), (huge, "larger than 4 MiB")] {
        check_saas(address).says(1, says);
    }
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
}

#[test]
fn a_compressed_answer_is_not_unpacked() {
    /// Blocks that repeat one byte, as a bomb has them.
    static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut bomb = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff".to_vec();
        bomb.extend([0xed, 0xc1, 0x01, 0x01, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee].repeat(900));
        bomb
    });
    let bombing = raw_server(|mut stream| {
        read_request(&mut stream);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", BOMB.len());
        let _ = stream.write_all(&[head.as_bytes(), &BOMB].concat());
    });
    check_saas(bombing).says(1, "gzip");
}

#[test]
fn a_redirect_is_not_followed() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let elsewhere = raw_server(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let redirecting = raw_server(move |mut stream| {
        read_request(&mut stream);
        let head = format!("HTTP/1.1 307 X\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
    });
    check_saas(redirecting).says(1, "307");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[test]
fn check_speaks_https_and_calls_no_metadata_service() {
    let check = |url: &str, more: &[&str]| run(&KEYS, &[&["check", url], more].concat());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = (&stream).write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
        }
    });
    check(&url, &[]).says(1, "the server does not speak TLS");
    check("http://169.254.169.254/x", &["--i-own-this-host"]).says(2, "never called");

    check(&url, &["--ca", "/no/such.pem"]).says(2, "/no/such.pem");
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate").unwrap();
    check(&url, &["--ca", empty.path().to_str().unwrap()]).says(2, "no usable PEM certificate");
}
