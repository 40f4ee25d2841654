//! The whole check of both generations.

use std::net::TcpListener;

use futures_util::{StreamExt as _, stream};
use koogallery::AccessKeys;
use koogallery::ledger::Ledger;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Charging, Checker, HttpTarget, LedgerProbe, Report};

use crate::support::{Example, SERVERS, keys};

/// The same seed would be a replay on a durable store.
pub async fn check(url: &str, keys: AccessKeys, profile: Protocol, probe: LedgerProbe<impl Ledger>) -> Report {
    let checker = Checker::new(HttpTarget::new(url).unwrap(), keys).with_profile(profile).with_probe(probe);
    checker.with_seed(1 + u64::from(profile == Protocol::SaasV1)).run().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_passes_but_for_a_letter_case_that_cannot_be_written() {
    // A check waits most of its time.
    let whole = |(name, writes_the_case): (&'static str, bool)| async move {
        let example = Example::start(name, &[]);
        for profile in [Protocol::SaasV2, Protocol::SaasV1] {
            let probe = LedgerProbe::new(example.ledger().await);
            let report = check(&example.url("/saasproduce"), keys(), profile, probe).await;
            let expected: &[&str] = if profile == Protocol::SaasV1 && !writes_the_case { &["F4"] } else { &[] };
            assert_eq!(report.failed_ids(), expected, "{name}: {}", report.to_text(false));
            assert!(report.passed() > 55, "{name}: {}", report.to_text(false));
            eprintln!("{name}: {} checks of {profile} passed", report.passed());
        }
    };
    stream::iter(SERVERS).for_each_concurrent(3, whole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_of_its_own_writes_the_letter_case_beside_a_server_that_cannot() {
    for (name, _) in SERVERS.into_iter().filter(|(_, writes_the_case)| !writes_the_case) {
        // Free again when the server is started.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let example = Example::start(name, &["--callbacks", &address]);
        let probe = LedgerProbe::new(example.ledger().await);
        let report = check(&format!("http://{address}/saasproduce"), keys(), Protocol::SaasV1, probe).await;
        assert!(report.is_ok() && report.failed_ids().is_empty(), "{name}: {}", report.to_text(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_handbook_shows_for_existing_applications_passes() {
    for name in ["handbook_axum", "handbook_actix"] {
        let example = Example::start(name, &[]);
        let (url, probe) = (example.url("/saasproduce"), LedgerProbe::new(example.ledger().await));
        let checker = Checker::new(HttpTarget::new(&url).unwrap(), keys()).with_profile(Protocol::SaasV2);
        let checker = checker.with_probe(probe).with_charging(Some(Charging::Period));
        let report = checker.run().await.unwrap();
        assert!(report.is_ok(), "{name}: {}", report.to_text(false));
        // As the chapter says: upgrades are left out.
        assert_eq!(report.failed_ids(), ["L3"], "{name}: {}", report.to_text(false));
        assert!(report.passed() > 50, "{name}: {}", report.to_text(false));
    }
}
