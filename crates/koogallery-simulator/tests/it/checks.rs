//! The checker is checked: a good receiver passes everything, and every bad one fails the checks that name its mistake.

#![allow(clippy::cmp_owned)] // JSON values compare otherwise than their texts

mod bad;
mod causes;
mod client_secrets;
mod connection;
mod forms;
mod hostile;
mod picture;
mod probes;
mod reports;
mod settings;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::good::{self, Good};
use futures_util::{StreamExt as _, stream};
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery::clock::ManualClock;
use koogallery::protocol::Protocol;
use koogallery_simulator::{
    Charging, Check, CheckError, Checker, HttpProbe, HttpTarget, LedgerProbe, Outcome, Probe as _, Profile, Report,
    Severity,
};

/// What needs a connection.
const CONNECTION: [&str; 4] = ["R2", "R3", "R6", "D5"];
/// What takes its time.
const SLOW: [&str; 5] = ["R7", "X15", "X18", "D4", "D5"];
/// What is for `https`.
const PLAIN: [&str; 2] = ["R2", "R3"];
/// What is for two keys, for servers that are notified of orders too, and for answers that a good receiver has no reason
/// for.
const NEVER: [&str; 3] = ["X20", "I14", "L16"];
/// What is for sellers who take their time or push usage, and for clocks that can be moved.
const PROMPT: [&str; 9] = ["I12", "I13", "D2", "D3", "Q5", "Q6", "Q8", "Q9", "Q10"];

/// Everything passed but what these have in common with the profile's checks.
fn assert_all_passed(report: &Report, not_run: &[&[&str]]) {
    assert!(report.is_ok() && report.failures().next().is_none(), "{}", report.to_text(false));
    let skipped: Vec<_> = report
        .results
        .iter()
        .filter(|result| matches!(result.outcome, Outcome::NotRun { .. }))
        .map(|result| result.check.id)
        .collect();
    let checks = Check::of(report.profile).into_iter().map(|check| check.id);
    let not_run: Vec<_> = checks.filter(|id| not_run.concat().contains(id)).collect();
    assert_eq!(skipped, not_run, "{}", report.to_text(false));
}

const SAAS: [Protocol; 2] = [Protocol::SaasV2, Protocol::SaasV1];

#[tokio::test]
async fn a_good_receiver_passes_in_process() {
    for (profile, not_run) in SAAS.into_iter().zip([&[][..], &["F4"]]) {
        let good = Good::new();
        let checker = Checker::new(good.service, good::keys()).with_profile(profile).with_seed(1);
        let report = checker.with_probe(LedgerProbe::new(good.ledger)).with_timing_checks(true).run().await.unwrap();
        assert_all_passed(&report, &[&CONNECTION, &PROMPT, &NEVER, not_run]);
    }
}

/// What is not run, since no such answer comes.
const OTHERS: [(Protocol, &[&str]); 6] = [
    (Protocol::KitV1, &["L13", "F4", "L16"]),
    (Protocol::KitV2, &["L13", "L16"]),
    (Protocol::LicenseCode, &["L16"]),
    (Protocol::LicenseOnline, &["I14", "I12", "I13", "D2", "D3", "L16"]),
    (Protocol::LicenseV1, &["I14", "I12", "F4", "L16"]),
    (Protocol::OrderNotify, &["L16"]),
];

#[tokio::test]
async fn good_receivers_of_the_other_families_pass() {
    for (profile, not_run) in OTHERS {
        let good = Good::of(profile.into());
        let checker = Checker::new(good.service, good::keys()).with_profile(profile).with_timing_checks(true);
        let report = checker.with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap();
        assert_all_passed(&report, &[&CONNECTION, &["X20"], not_run]);
        assert!(report.passed() > 20);
    }
}

/// It answers 000004 and is asked until it is done; in V1.0 it answers an id without access data, once.
#[tokio::test]
async fn a_receiver_that_takes_its_time_passes() {
    for profile in [Protocol::SaasV2, Protocol::SaasV1, Protocol::LicenseOnline] {
        let good = Good::slow(profile, Duration::from_millis(150), Duration::from_millis(50));
        let checker =
            Checker::new(good.service, good::keys()).with_profile(profile).with_probe(LedgerProbe::new(good.ledger));
        let report = checker.run().await.unwrap();
        assert!(report.is_ok() && report.failures().next().is_none(), "{}", report.to_text(false));
        for id in ["D2", "I13"] {
            let result = report.results.iter().find(|result| result.check.id == id).unwrap();
            assert_eq!(result.outcome, Outcome::Passed, "{profile} {id}: nothing was slow");
        }
    }
}

/// Both handlers of a seller may share a ledger.
#[tokio::test]
async fn notices_beside_purchases_pass() {
    let good = bad::notices::with_notices();
    let checker = Checker::new(good.service, good::keys()).with_probe(LedgerProbe::new(good.ledger));
    let report = checker.with_only(["I14"]).run().await.unwrap();
    let outcomes: Vec<_> = report.results.iter().map(|result| (result.check.id, &result.outcome)).collect();
    assert_eq!(outcomes, [("I14", &Outcome::Passed)], "{}", report.to_text(false));
}

/// In the form of the example server.
#[tokio::test]
async fn instances_can_be_probed_by_url() {
    let good = Good::new();
    let ledger = Arc::clone(&good.ledger);
    let list = move || {
        let probe = LedgerProbe::new(Arc::clone(&ledger));
        async move {
            let listed = probe.instances().await.unwrap();
            let listed = listed.iter().map(|instance| {
                serde_json::json!({
                    "instanceId": instance.instance_id,
                    "orderId": instance.order_id,
                    "orderLineId": instance.order_line_id,
                    "productId": null,
                    "state": instance.state,
                    "expireTime": instance.expire_time,
                    "handlerRuns": instance.handler_runs,
                })
            });
            axum::Json(listed.collect::<Vec<_>>())
        }
    };
    let router = axum::Router::new().route("/admin/instances", axum::routing::get(list));
    let router = router.fallback_service(Endpoint::new(good.service));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { Server::new().serve(listener, router, std::future::pending()).await });
    let probe = HttpProbe::new(&format!("{url}/admin/instances")).unwrap();
    let report = Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).with_probe(probe).run().await.unwrap();
    assert_all_passed(&report, &[&PLAIN, &SLOW, &PROMPT, &NEVER]);

    // The endpoint answers there, but not with a list.
    let probe = HttpProbe::new(&format!("{url}/nowhere")).unwrap();
    let run = Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).with_seed(8).with_probe(probe).run().await;
    assert!(matches!(&run, Err(CheckError::Probe(why)) if why.to_string().contains("not a JSON array")), "{run:?}");
}

#[tokio::test]
async fn good_receivers_pass_over_http_in_time() {
    for profile in Profile::all() {
        let good = Good::of(profile);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/isv/produce", listener.local_addr().unwrap());
        let endpoint = Endpoint::new(good.service);
        tokio::spawn(async move { Server::new().serve(listener, endpoint, std::future::pending()).await });
        let began = Instant::now();
        let checker = Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).with_profile(profile).with_seed(2);
        let report = checker.with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap();
        assert!(report.is_ok() && report.failures().next().is_none(), "{}", report.to_text(false));
        if SAAS.contains(&profile.protocol()) && matches!(profile, Profile::Protocol(_)) {
            assert_all_passed(&report, &[&PLAIN, &SLOW, &PROMPT, &NEVER]);
        }
        println!("{profile}: {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60), "{profile}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn the_clock_may_be_a_virtual_one_that_is_moved() {
    for profile in SAAS {
        let clock = Arc::new(ManualClock::new("20300101000000".parse().unwrap()));
        let good = Good::with(|builder| builder.clock(Arc::clone(&clock)));
        let checker =
            Checker::new(good.service, good::keys()).with_profile(profile).with_probe(LedgerProbe::new(good.ledger));
        let moved = Arc::clone(&clock);
        let report = checker.with_clock(clock).with_time_travel(move |by| moved.advance(by)).run().await.unwrap();
        assert!(report.is_ok() && report.failures().next().is_none(), "{}", report.to_text(false));
        for id in ["I12", "L15"] {
            let result = report.results.iter().find(|result| result.check.id == id).unwrap();
            assert_eq!((&result.outcome, result.notes.len()), (&Outcome::Passed, 0), "{profile} {id}");
        }
    }
}

#[tokio::test]
async fn one_seed_makes_one_run() {
    let run = async |seed| {
        let good = Good::new();
        let report = Checker::new(good.service, good::keys()).with_seed(seed).run().await.unwrap();
        let first = report.results[0].exchanges[0].request_body.clone();
        (first, report.calls)
    };
    assert_eq!(run(5).await, run(5).await);
    assert_ne!(run(5).await.0, run(6).await.0);
}

#[tokio::test]
async fn tests_without_effects_pass_too() {
    for profile in SAAS {
        let good = Good::new();
        let checker = Checker::new(good.service, good::keys()).with_profile(profile).with_test_flag(true);
        let report = checker.with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap();
        assert!(report.failures().next().is_none(), "{}", report.to_text(false));
    }
}

#[tokio::test]
async fn the_console_profile_passes() {
    for profile in [Profile::Console, Profile::ConsoleV1, Profile::ConsoleLicense] {
        for ways in [&[][..], &[Charging::OneTime], &[Charging::OnDemand], &Charging::ALL] {
            let checker = Checker::new(Good::of(profile).service, good::keys()).with_profile(profile);
            let report = checker.with_charging(ways.iter().copied()).run().await.unwrap();
            assert_all_passed(&report, &[]);
        }
    }
}

/// What a product does not need is not a case of it.
#[tokio::test]
async fn the_cases_of_the_console_are_those_of_the_product() {
    for (profile, ways, cases) in [
        (Profile::Console, &[][..], 8),
        (Profile::Console, &[Charging::OneTime], 5),
        (Profile::Console, &[Charging::Package], 6),
        (Profile::ConsoleV1, &[], 6),
        (Profile::ConsoleV1, &[Charging::OneTime], 3),
        (Profile::ConsoleV1, &[Charging::OnDemand], 6),
        (Profile::ConsoleV1, &[Charging::Package], 7),
        (Profile::ConsoleLicense, &[], 6),
    ] {
        let checker = Checker::new(Good::of(profile).service, good::keys()).with_profile(profile);
        let report = checker.with_charging(ways.iter().copied()).run().await.unwrap();
        // Before them it is asked which upgrades there are.
        let asked = match profile {
            Profile::Console => 3,
            Profile::ConsoleV1 => 2,
            _ => 0,
        };
        assert_eq!(report.calls, cases + asked, "{profile} {ways:?}");
    }
}

#[test]
fn ids_are_unique_within_a_profile() {
    for profile in Profile::all() {
        let checks = Check::of(profile);
        let mut ids: Vec<_> = checks.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), checks.len(), "{profile}");
        assert!(checks.iter().any(|check| check.severity == Severity::Must));
        assert_eq!(profile.as_str().parse(), Ok(profile));
    }
}

/// Checks that are about what no receiver in this process has, or need time or a second key, and the files in
/// which they fail instead.
const TRIED_ELSEWHERE: [(&str, &str); 9] = [
    // There are connections, and other callers.
    ("R6", include_str!("checks/connection.rs")),
    ("D5", include_str!("checks/connection.rs")),
    // There is time between two calls.
    ("R7", include_str!("checks/connection.rs")),
    ("X15", include_str!("checks/connection.rs")),
    // There is a second key.
    ("X20", include_str!("checks/connection.rs")),
    // Something other than an answer comes.
    ("R1", include_str!("checks/hostile.rs")),
    // There is TLS to spoil.
    ("R2", include_str!("checks/tls.rs")),
    // There is an address.
    ("R3", include_str!("checks/tls.rs")),
    // There is a wire that shows letter case.
    ("F4", include_str!("checks/hostile.rs")),
];

/// A new check comes with a receiver that fails it.
#[test]
fn every_check_has_a_receiver_that_fails_it() {
    // Several checks may share an id, one for each family: their titles differ.
    let fails = |bad: &bad::Bad, check: &Check| {
        let is_meant = |other: &Check| (other.id, other.title) == (check.id, check.title);
        bad.fails.contains(&check.id) && Check::of(bad.profile).iter().any(is_meant)
    };
    let mut wrong = Vec::new();
    for profile in Profile::all() {
        for check in &Check::of(profile) {
            let is_in_a_row = bad::cases().any(|case| fails(case.bad, check));
            let elsewhere = TRIED_ELSEWHERE.iter().find(|(id, _)| *id == check.id);
            if is_in_a_row == elsewhere.is_some() {
                wrong.push(format!("{profile} {} ({})", check.id, check.title));
            }
            assert!(elsewhere.is_none_or(|(id, file)| file.contains(&format!("\"{id}\""))), "{}", check.id);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every bad receiver fails exactly the checks that name its mistake; the table of them is kept beside the library.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mistake_is_found_and_nothing_else() {
    let previous = Arc::new(std::panic::take_hook());
    let hook = Arc::clone(&previous);
    std::panic::set_hook(Box::new(move |panic| {
        // Some mistakes are panics.
        if panic.payload().downcast_ref::<&str>() != Some(&"the seller's code panicked") {
            hook(panic);
        }
    }));
    // No more at once than there are workers, or the wait for one would count as slow answers.
    let mut runs = stream::iter(bad::cases()).map(|case| tokio::spawn(run(case))).buffered(2);
    let mut table = String::from(include_str!("checks/detection_head.md"));
    let mut wrong = Vec::new();
    for case in bad::cases() {
        let bad = case.bad;
        table.push_str(&format!("| {} | {} | {} |\n", bad.profile, bad.mistake, bad.fails.join(", ")));
        let report = runs.next().await.unwrap().unwrap();
        if report.failed_ids() != bad.fails {
            wrong.push((case, report));
        }
    }
    let mut found = Vec::new();
    for (case, report) in wrong {
        let bad = case.bad;
        // Some mistakes are of milliseconds, which a busy machine takes for other reasons: once more, alone.
        let again = tokio::spawn(run(case)).await.unwrap();
        if again.failed_ids() != bad.fails {
            let failed = [report.failed_ids(), again.failed_ids()];
            let texts = [report, again].map(|report| report.to_text(false));
            found.push(format!("{}: expected {:?}, failed {failed:?}\n{}", bad.mistake, bad.fails, texts.join("\n")));
        }
    }
    std::panic::set_hook(Box::new(move |panic| previous(panic)));
    println!("{table}");
    assert!(found.is_empty(), "{}", found.join("\n\n"));

    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detection.md");
    if std::env::var_os("KOOGALLERY_WRITE_DETECTION").is_some() {
        std::fs::write(kept, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(kept).unwrap(), "run this with KOOGALLERY_WRITE_DETECTION=1");
}

async fn run(bad::Case { bad, good, setting }: bad::Case) -> Report {
    let good = good(bad.profile);
    let handler = (bad.handler)(&good);
    let checker = Checker::new(handler, good::keys()).with_profile(bad.profile).with_seed(3);
    let checker = if bad.has_probe { checker.with_probe(LedgerProbe::new(good.ledger)) } else { checker };
    setting(checker).run().await.unwrap()
}
