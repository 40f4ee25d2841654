//! What is allocated, counted exactly.

use std::hint::black_box;
use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::key::{AccessKey, KeyRing};
use koogallery::replay::{CallId, Claim, MemoryReplayGuard, ReplayGuard as _};
use koogallery::signature::{Window, callback_v2};
use koogallery::timestamp::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);

#[test]
fn verifying_a_raw_body_allocates_nothing() {
    let ring = KeyRing::new(AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9").unwrap());
    let body = br#"{"activity":"newInstance","businessId":"b","orderId":"CS1","orderLineId":"CS1-000001"}"#;
    let query = callback_v2::signed_query(ring.signing_key(), "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea", NOW, body);
    let counted = allocation_counter::measure(|| {
        let verified = callback_v2::verify(&ring, black_box(&query), black_box(body), NOW, Window::default());
        assert!(black_box(verified).is_ok());
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_remembered_nonce_takes_at_most_100_bytes() {
    let until = NOW.saturating_add(Duration::from_secs(120));
    let mut worst = 0.0_f64;
    // Around the sizes at which the table grows, where it is emptiest and, while it moves, there twice.
    for nonces in [1_800_u32, 14_337, 28_673, 57_345, 100_000, 114_689] {
        let guard = MemoryReplayGuard::with_capacity(1_000_000);
        let counted = allocation_counter::measure(|| {
            for index in 0..nonces {
                let nonce = format!("{index:032}");
                let claim = guard.claim(CallId::CallbackV2(&nonce), until, NOW).now_or_never().unwrap().unwrap();
                assert_eq!(claim, Claim::First);
            }
        });
        worst = worst.max(counted.bytes_max as f64 / f64::from(nonces));
    }
    println!("at the worst moment {worst:.0} bytes per nonce");
    assert!(worst <= 100.0, "{worst} bytes per nonce");
}

#[test]
fn a_full_guard_grows_no_further() {
    let guard = MemoryReplayGuard::with_capacity(10_000);
    let until = NOW.saturating_add(Duration::from_secs(120));
    let claim = |index: u32| {
        let nonce = format!("{index:032}");
        guard.claim(CallId::CallbackV2(&nonce), until, NOW).now_or_never().unwrap().is_ok()
    };
    assert!((0..10_000).all(claim));
    let counted = allocation_counter::measure(|| assert!(!(10_000..30_000).any(claim)));
    assert_eq!(counted.bytes_current, 0);
}
