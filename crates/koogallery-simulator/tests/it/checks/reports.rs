//! The forms of a report, and what none of them may show.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Answer, Checker, Outcome, Profile, Report, Target, TargetError};
use serde_json::Value;

use crate::good::{self, Good, KEY};

/// Tells everything it knows, so that everything there is to hide is in some exchange.
async fn gossip(profile: impl Into<Profile>) -> (Report, Vec<String>) {
    let good = Good::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (service, signatures) = (good.service.clone(), Arc::clone(&seen));
    let target = move |request: Request<Bytes>| {
        let (service, signatures) = (service.clone(), Arc::clone(&signatures));
        async move {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let response = service.call(request).await;
            let is_accepted = response.body().windows(8).any(|bytes| bytes == b"\"000000\"");
            let sent =
                query.split('&').find_map(|pair| pair.strip_prefix("signature=").or(pair.strip_prefix("authToken=")));
            if let (true, Some(sent)) = (is_accepted, sent) {
                signatures.lock().unwrap().push(sent.to_owned());
            }
            let mut json: Value = serde_json::from_slice(response.body()).unwrap();
            json["resultMsg"] = format!("{KEY} <&\"'\u{1}]]> | {query} `").into();
            Response::builder()
                .header("x-key", KEY)
                .header("content-type", KEY)
                .status(201)
                .body(Bytes::from(json.to_string()))
                .unwrap()
        }
    };
    let report = Checker::new(target, good::keys()).with_profile(profile).run().await.unwrap();
    let signatures = seen.lock().unwrap().clone();
    (report, signatures)
}

#[tokio::test]
async fn no_report_shows_a_key_or_a_signature() {
    for profile in [Protocol::SaasV2, Protocol::SaasV1] {
        let (report, signatures) = gossip(profile).await;
        assert!(!signatures.is_empty() && report.failures().count() > 2);
        let debug = format!("{report:?}");
        for text in
            [report.to_text(true), report.to_json(), report.to_junit(), report.to_markdown(), report.to_html(), debug]
        {
            assert!(!text.contains(KEY));
            assert!(!text.contains("Init#2025pw"));
            for signature in &signatures {
                assert!(!text.contains(signature.as_str()), "{profile}: {signature}");
            }
        }
    }
}

#[tokio::test]
async fn every_form_says_the_same() {
    let (report, _) = gossip(Protocol::SaasV2).await;
    let failed = report.failures().count();

    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!((json["ok"] == false, json["failed"].as_u64()), (true, Some(failed as u64)));
    assert_eq!(json["results"].as_array().unwrap().len(), report.results.len());

    let junit = report.to_junit();
    let xml = roxmltree::Document::parse(&junit).unwrap();
    let count = |name| xml.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!(count("testcase"), report.results.len());
    assert_eq!(count("failure").to_string(), xml.root_element().attribute("failures").unwrap());

    let causes = json["causes"].as_array().unwrap();
    assert_eq!(causes.len(), report.causes.len());
    assert_eq!(
        (&causes[0]["headline"], &causes[0]["severity"]),
        (&report.causes[0].headline.clone().into(), &"must".into())
    );
    assert_eq!(causes[0]["checks"].as_array().unwrap().len(), report.causes[0].checks.len());
    assert_eq!(count("property"), causes.len());
    for failure in xml.descendants().filter(|node| node.has_tag_name("failure")) {
        let id = failure.parent().unwrap().attribute("name").unwrap().split(' ').next().unwrap();
        let cause = report.causes.iter().find(|cause| cause.checks.contains(&id)).unwrap();
        assert!(failure.attribute("message").unwrap().starts_with(&cause.headline), "{id}");
    }
    let html = report.to_html();
    let html = parsed(&html);
    let headings: Vec<_> =
        html.descendants().filter(|node| node.has_tag_name("h2")).filter_map(|node| node.text()).collect();
    for (number, cause) in (1..).zip(&report.causes) {
        assert!(headings.contains(&&*format!("{number}. {}", cause.headline)), "{headings:?}");
    }
    assert_eq!(html.descendants().filter(|node| node.has_tag_name("details")).count(), failed);

    let text = report.to_text(false);
    assert!(text.starts_with("FAIL  saas-v2 on in process"), "{text}");
    assert!(!text.contains('\x1b') && report.to_text(true).contains('\x1b'));
    assert!(report.to_markdown().contains("| F1 | must | **failed** |"));
}

fn parsed(html: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(html, options).unwrap_or_else(|error| panic!("{error}: {html}"))
}

#[tokio::test]
async fn failures_of_one_cause_stand_together() {
    let (report, _) = gossip(Protocol::SaasV2).await;
    let text = report.to_text(false);
    // On the first screen, and above its checks.
    assert_eq!(text.matches("the content type is not application/json").count(), 2, "{text}");
}

#[tokio::test]
async fn the_short_text_has_one_line_per_cause() {
    let (report, _) = gossip(Protocol::SaasV2).await;
    let text = report.to_short_text(false);
    assert_eq!(text.lines().count(), 1 + report.causes.len(), "{text}");
    assert_eq!(text.lines().next(), report.to_text(false).lines().next());
    let good = Checker::new(Good::new().service, good::keys()).run().await.unwrap();
    assert_eq!(good.to_short_text(false).lines().count(), 1);
}

/// What an answer, or a page of an error, may hold.
const NASTY: &[&str] = &[
    "</script><script>alert(1)</script>",
    "]]>",
    "<!-- ",
    "| a | b |",
    "```\n````\n",
    "~~~",
    "\u{1b}[31m\u{7}\u{0}",
    "\u{202e}\u{2028}\u{feff}\u{fffe}",
    "\r\n\tat x.y.Z(Z.java:1)\r\n",
    "&amp;&#0;\"'",
    "![x](http://127.0.0.1/x.png)",
    "资源不存在",
    "\u{85}\u{9b}",
];

/// Answers in all ways that are hard to show.
struct Nasty(AtomicUsize);

impl Target for Nasty {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let text: String = NASTY.iter().cycle().skip(number).take(NASTY.len()).copied().collect();
        let text = match number % 50 {
            9 => text.repeat(10 * 1024 * 1024 / text.len()),
            _ => text,
        };
        let body = match number % 3 {
            0 => text,
            1 => serde_json::json!({ "resultCode": "000000", "resultMsg": text, text: request.uri().to_string() })
                .to_string(),
            _ => format!("{:#}", serde_json::json!({ "resultCode": text, "instanceId": text })),
        };
        let headers =
            vec![("content-type".to_owned(), NASTY.concat()), (NASTY[number % NASTY.len()].to_owned(), String::new())];
        Ok(Answer::from_wire(200, headers, body.into(), Duration::ZERO))
    }

    fn name(&self) -> String {
        format!("http://127.0.0.1/{}", "x".repeat(200))
    }
}

#[tokio::test]
async fn nothing_that_an_endpoint_sends_breaks_a_report() {
    for profile in [Protocol::SaasV2, Protocol::SaasV1, Protocol::KitV2] {
        let report = Checker::new(Nasty(AtomicUsize::new(0)), good::keys()).with_profile(profile).run().await.unwrap();
        assert!(report.failures().count() > 3);
        assert_is_well_formed(&report);
        assert!(report.to_json().len() < 2 << 20, "{}", report.to_json().len());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn no_text_breaks_a_report(texts in proptest::collection::vec("(\\PC|[\\x00-\\x1f]|<[/!]?[a-z]|&[a-z]+;|[|`*\\[\\]\\\\]{1,5}|[a-z]{90}| ){0,80}", 1..40)) {
        let mut report = some_report().clone();
        let mut text = texts.iter().cycle().cloned();
        let mut next = || text.next().unwrap();
        let first = report.causes[0].clone();
        report.causes.resize(texts.len().max(report.causes.len()), first);
        for cause in &mut report.causes {
            (cause.headline, cause.advice) = (next(), next());
        }
        for result in &mut report.results {
            match &mut result.outcome {
                Outcome::Failed(failure) => (failure.expected, failure.got, failure.cause) = (next(), next(), next()),
                Outcome::NotRun { why } => *why = next(),
                _ => result.notes.push(next()),
            }
            for exchange in &mut result.exchanges {
                (exchange.target, exchange.request_body, exchange.answer_body) = (next(), next(), next());
                exchange.answer_headers.push((next(), next()));
            }
        }
        assert_is_well_formed(&report);
    }
}

/// One with failures.
fn some_report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(gossip(Protocol::SaasV2)).0
    })
}

/// Every form can be parsed, and keeps to its lines.
#[track_caller]
fn assert_is_well_formed(report: &Report) {
    let is_wild = |character: char| character.is_control() && character != '\n';
    let columns = |line: &str| line.chars().map(|character| if character < '\u{1100}' { 1 } else { 2 }).sum::<usize>();
    let text = report.to_text(false);
    assert!(!text.contains(is_wild) && !text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() <= 330), "{text}");
    let first_screen = text.lines().take_while(|line| !line.is_empty());
    assert!(first_screen.clone().count() <= 24 && first_screen.clone().all(|line| columns(line) <= 110), "{text}");
    assert_eq!(report.to_short_text(false).lines().count(), 1 + report.causes.len());

    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["causes"].as_array().unwrap().len(), report.causes.len());

    let junit = report.to_junit();
    let xml = roxmltree::Document::parse(&junit).unwrap_or_else(|error| panic!("{error}: {junit}"));
    assert_eq!(xml.descendants().filter(|node| node.has_tag_name("testcase")).count(), report.results.len());

    let html = report.to_html();
    let tree = parsed(&html);
    assert!(!tree.descendants().any(|node| node.has_tag_name("script") || node.attribute("src").is_some()));
    assert!(tree.descendants().filter(|node| node.has_tag_name("h2")).count() > report.causes.len());

    let markdown = report.to_markdown();
    assert!(!markdown.contains(is_wild), "{markdown:?}");
    let mut fence = None;
    let mut rows = 0;
    for line in markdown.lines() {
        let ticks = line.trim_start().bytes().take_while(|byte| *byte == b'`').count();
        match fence {
            Some(open) if ticks >= open && line.trim_start().len() == ticks => fence = None,
            None if ticks >= 3 => fence = Some(ticks),
            None if line.starts_with('|') => {
                let cells = line.replace("\\\\", "").replace("\\|", "").matches('|').count() - 1;
                assert!(cells == 4 || cells == 5, "{line}");
                rows += 1;
            }
            _ => {}
        }
    }
    assert_eq!(fence, None, "{markdown}");
    assert_eq!(rows, report.causes.len() + report.results.len() + 4);
}

#[tokio::test]
async fn a_first_screen_holds_the_heaviest_of_many_causes() {
    let (mut report, _) = gossip(Protocol::SaasV2).await;
    let mut cause = report.causes[0].clone();
    cause.headline = "the answer has no end, ".repeat(40);
    cause.advice = "end it ".repeat(99);
    cause.checks = vec!["F1"];
    report.causes = vec![cause; 30];
    let text = report.to_text(false);
    let screen: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert!(screen[2].starts_with(" 1. must the answer has no end, ") && screen[2].ends_with(" ... (F1)"), "{text}");
    assert!(screen[3].starts_with("      do: end it ") && screen[3].ends_with(" ..."), "{text}");
    assert_eq!(*screen.last().unwrap(), "    and 20 more, below");
    assert!(screen.len() <= 24, "{text}");
    assert!(text.contains("\n30. the answer has no end"), "{text}");
    report.causes.truncate(3);
    let screen: Vec<_> = report.to_text(false).lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
    assert_eq!(screen.len(), 2 + 3 * 4, "few causes have two lines each: {screen:#?}");
}

/// Line breaks of an error page are marked.
#[tokio::test]
async fn evidence_keeps_to_its_columns() {
    let page = |_: Request<Bytes>| async {
        let page = "<html>\r\n<body>\r\n\t<h1>Whitelabel Error Page</h1>\r\n</body>\n</html>\n";
        Response::builder().status(500).body(Bytes::from(page)).unwrap()
    };
    let text = Checker::new(page, good::keys()).run().await.unwrap().to_text(false);
    let line = "      answer    500 <html>\\n<body>\\n <h1>Whitelabel Error Page</h1>\\n</body>\\n</html>\n";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn a_selected_rule_for_every_answer_has_answers() {
    let run = |only: &'static [&'static str]| {
        Checker::new(Good::new().service, good::keys()).with_only(only.iter().copied()).run()
    };
    let rule = run(&["F1"]).await.unwrap();
    assert_eq!((rule.passed(), rule.results.len()), (1, 1), "{}", rule.to_text(false));
    let check = run(&["X2"]).await.unwrap();
    assert!(check.is_ok() && check.calls < rule.calls / 4, "{} of {}", check.calls, rule.calls);
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_check() {
    let error =
        Checker::new(Good::new().service, AccessKeys::new()).with_profile(Protocol::KitV2).run().await.unwrap_err();
    assert!(error.to_string().contains("Kit"));
}

/// The report of a receiver that says yes to everything, as its author reads it. After a change on purpose:
/// `INSTA_UPDATE=always cargo test -p koogallery-simulator --all-features --test it reads_as_reviewed`.
#[tokio::test]
async fn a_report_reads_as_reviewed() {
    let yes = |_: Request<Bytes>| async {
        let answer = Bytes::from_static(br#"{"resultCode":"000000","resultMsg":"success","instanceId":"same"}"#);
        Response::builder().header("content-type", "application/json").body(answer).unwrap()
    };
    let report = Checker::new(yes, good::keys()).with_profile(Protocol::SaasV2).with_seed(7).run().await.unwrap();
    let text = report.to_text(false);
    let (durations, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("  D1   "));
    assert_eq!(durations.len(), 7, "{durations:?}");
    insta::assert_snapshot!(without_times_and_ids(&lines.join("\n")));
}

/// Replaces times and signatures, which differ between two runs.
fn without_times_and_ids(text: &str) -> String {
    let mut shown = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_hex = word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_varying = (is_number && word.len() > 6) || is_hex;
        shown.push_str(if is_varying { "#" } else { word });
        shown.push_str(&part[word.len()..]);
    }
    shown
}
