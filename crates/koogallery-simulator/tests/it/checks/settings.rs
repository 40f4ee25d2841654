//! What a setting of the checker changes.

use bytes::Bytes;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::protocol::Protocol;
use koogallery_simulator::{
    Answer, CheckResult, Checker, Fault, LedgerProbe, Outcome, Profile, Report, Target, TargetError,
};
use serde_json::Value;
use std::time::Duration;

use super::bad::usage::{self, Seller};
use crate::good::{self, Good, Shop, Silence};

fn result<'r>(report: &'r Report, id: &str) -> &'r CheckResult {
    report.results.iter().find(|result| result.check.id == id).unwrap()
}

/// A good receiver without TLS, here or elsewhere.
struct Plain {
    service: CallbackService,
    is_local: bool,
}

impl Target for Plain {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        let mut answer = Target::call(&self.service, request).await?;
        let body = String::from_utf8_lossy(&answer.body).replace("https://", "http://");
        answer.body = body.into();
        Ok(answer)
    }

    fn is_local(&self) -> bool {
        self.is_local
    }
}

#[tokio::test]
async fn plain_http_addresses_are_noted_here_and_refused_elsewhere() {
    for is_local in [true, false] {
        let target = Plain { service: Good::new().service, is_local };
        let report = Checker::new(target, good::keys()).with_test_flag(false).run().await.unwrap();
        let found = result(&report, "F14");
        assert_eq!(found.outcome == Outcome::Passed, is_local, "{}", report.to_text(false));
        assert_eq!(found.notes.len(), usize::from(is_local));
    }
}

#[tokio::test]
async fn a_key_that_stands_in_answers_by_chance_is_not_sought() {
    let keys = || AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("00").unwrap()).unwrap();
    let builder = CallbackService::builder(keys(), TokioRuntime).observer(Silence);
    let service = builder.subscription(Shop::default(), MemoryLedger::new()).build();
    let report = Checker::new(service, keys()).run().await.unwrap();
    assert_eq!(result(&report, "X17").outcome, Outcome::Passed, "{}", report.to_text(false));
}

#[tokio::test]
async fn answer_times_are_reported_in_every_form_of_the_report() {
    let good = Good::new();
    let report =
        Checker::new(good.service, good::keys()).with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap();
    let notes = &result(&report, "D1").notes;
    for activity in ["newInstance", "queryInstance", "refreshInstance", "releaseInstance", "updateInstanceStatus"] {
        let note = notes.iter().find(|note| note.starts_with(activity)).unwrap();
        assert!(note.contains("p50") && note.contains("p95") && note.contains("p100"), "{note}");
        for text in [report.to_text(false), report.to_markdown()] {
            assert!(text.contains(note.as_str()), "{text}");
        }
        let junit = report.to_junit();
        let xml = roxmltree::Document::parse(&junit).unwrap();
        let output = xml.descendants().filter(|node| node.has_tag_name("system-out")).filter_map(|node| node.text());
        assert!(output.collect::<String>().contains(note.as_str()));
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        let reported = json["results"].as_array().unwrap().iter().find(|result| result["id"] == "D1").unwrap();
        assert!(reported["notes"].as_array().unwrap().iter().any(|reported| reported == note.as_str()));
    }
}

#[tokio::test]
async fn usage_that_comes_again_under_its_number_passes() {
    for fault in [
        Fault::ServerError(500),
        Fault::Throttled { retry_after: None },
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::TruncatedAnswer,
        Fault::PartialFailure("016".to_owned()),
    ] {
        let (good, seller) = (Good::new(), Seller::new());
        seller.fail_once(fault.clone());
        seller.push("n-1", 2);
        seller.push("n-1", 2);
        seller.push("n-2", 3);
        let checker = Checker::new(good.service, good::keys()).with_open_api(seller.open_api);
        let report = checker.run().await.unwrap();
        for id in ["Q5", "Q6"] {
            assert_eq!(result(&report, id).outcome, Outcome::Passed, "{fault}: {}", report.to_text(false));
        }
    }
}

#[tokio::test]
async fn usage_figures_that_agree_pass() {
    // A number and a text are the same usage; more may have been used than was pushed.
    let as_text = |id: &str| {
        let mut usage = usage::right(id);
        usage[0]["usageValue"] = "3.0001".into();
        usage
    };
    for figures in [usage::right, as_text] {
        let (good, seller) = (Good::new(), Seller::new());
        usage::push_of_both(&seller);
        let receiver = usage::describing(&good, figures);
        let checker = Checker::new(receiver, good::keys()).with_open_api(seller.open_api);
        let report = checker.with_only(["Q4", "Q5", "Q7", "Q8", "Q9", "Q10"]).run().await.unwrap();
        assert!(report.results.iter().all(|result| result.outcome == Outcome::Passed), "{}", report.to_text(false));
    }
}

#[tokio::test]
async fn without_failures_no_one_sees_what_becomes_of_them() {
    let (good, seller) = (Good::new(), Seller::new());
    seller.push("n-1", 2);
    let report = Checker::new(good.service, good::keys()).with_open_api(seller.open_api).run().await.unwrap();
    assert_eq!(result(&report, "Q5").outcome, Outcome::Passed);
    assert!(matches!(&result(&report, "Q6").outcome, Outcome::NotRun { why } if why.contains("faults")));
}

/// V1.0 and the console wait for 20 s; where V2.0 is concerned, what takes so long counts as never.
#[tokio::test(start_paused = true)]
async fn answers_are_waited_for_as_long_as_the_marketplace_does() {
    let check = async |profile, pause| {
        let service = Good::of(profile).service;
        let target = move |request| {
            let service = service.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                service.call(request).await
            }
        };
        let report = Checker::new(target, good::keys()).with_profile(profile);
        let report = report.with_time_budget(Duration::from_secs(100_000)).run().await.unwrap();
        report.failed_ids()
    };
    assert_eq!(check(Protocol::SaasV1.into(), 19).await, [""; 0]);
    assert_eq!(check(Profile::Console, 19).await, [""; 0]);
    assert_eq!(check(Profile::Console, 21).await, ["C12"]);
    assert!(check(Protocol::SaasV2.into(), 19).await.contains(&"A1"));
    // The Kit's calls are answered within 20 s as well, and by our service within 15.
    assert_eq!(check(Protocol::KitV2.into(), 6).await, [""; 0]);
    assert_eq!(check(Protocol::KitV2.into(), 21).await, ["D1"]);
}

/// Right as far as it was seen, which is not far enough for a "pass".
#[tokio::test(start_paused = true)]
async fn a_run_that_had_no_time_for_mandatory_checks_passes_nothing() {
    let service = Good::new().service;
    let slow = move |request| {
        let service = service.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            service.call(request).await
        }
    };
    let report = Checker::new(slow, good::keys()).with_time_budget(Duration::from_secs(60)).run().await.unwrap();
    assert_eq!(report.failed_ids(), [""; 0]);
    assert!(report.passed() > 0 && !report.is_complete() && !report.is_ok());
    let text = report.to_text(false);
    assert!(text.starts_with("INCOMPLETE  "), "{text}");
    assert!(text.contains(" for lack of time)"), "{text}");
}
