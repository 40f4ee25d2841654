//! The whole check of both generations.

use koogallery::AccessKeys;
use koogallery::ledger::Ledger;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Checker, HttpTarget, LedgerProbe, Report};

use crate::support::{Example, SERVERS, keys};

/// The same seed would be a replay on a durable store.
pub async fn check(url: &str, keys: AccessKeys, profile: Protocol, probe: LedgerProbe<impl Ledger>) -> Report {
    let checker = Checker::new(HttpTarget::new(url).unwrap(), keys).with_profile(profile).with_probe(probe);
    checker.with_seed(1 + u64::from(profile == Protocol::SaasV1)).run().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_passes_but_for_a_letter_case_that_cannot_be_written() {
    for (name, writes_the_case) in SERVERS {
        let example = Example::start(name, &[]);
        for profile in [Protocol::SaasV2, Protocol::SaasV1] {
            let probe = LedgerProbe::new(example.ledger().await);
            let report = check(&example.url("/saasproduce"), keys(), profile, probe).await;
            let expected: &[&str] = if profile == Protocol::SaasV1 && !writes_the_case { &["F4"] } else { &[] };
            assert_eq!(report.failed_ids(), expected, "{name}: {}", report.to_text(false));
            assert!(report.passed() > 55, "{name}: {}", report.to_text(false));
        }
    }
}
