//! What is allocated, counted exactly.

use std::hint::black_box;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery::activity::Activity;
use koogallery::key::{AccessKey, KeyRing};
use koogallery::kit::v2;
use koogallery::replay::{CallId, ClaimOutcome, ContentDigest, MemoryReplayGuard, ReplayGuard as _};
use koogallery::signature::{Window, callback_v2, kit_v2};
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
fn a_kit_list_takes_memory_in_proportion_to_its_body() {
    let ring = KeyRing::new(AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9").unwrap());
    let read = |entry: &str, entries: usize| {
        let list = vec![entry; entries].join(",");
        let body = format!(r#"{{"orgInfoList":[{list}],"tenantId":"t","timeStamp":"20250101080000123"}}"#);
        let headers =
            kit_v2::signed_headers(ring.signing_key(), "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea", NOW, body.as_bytes());
        let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
        let headers: HeaderMap = headers.map(header).into_iter().collect();
        let mut is_read = false;
        let counted = allocation_counter::measure(|| {
            let verified = kit_v2::verify(&ring, &headers, body.as_bytes(), NOW, Window::default()).unwrap();
            is_read = black_box(v2::Callback::parse(Activity::AllOrgSync, &verified)).is_ok();
        });
        (is_read, counted.bytes_max as f64 / body.len() as f64)
    };
    // The shortest entries, at their most and beyond; the last are refused before they are read.
    for (entry, entries, expected) in [
        (r#"{"orgCode":"D","orgName":"n"}"#, 50_000, true),
        (r#"{"orgCode":"D","orgName":"n"}"#, 100_000, false),
        ("{}", 1_000_000, false),
        ("1", 1_000_000, false),
    ] {
        let (is_read, times) = read(entry, entries);
        println!("{entries} times {entry}: at the worst moment {times:.1} times the body");
        assert_eq!(is_read, expected);
        assert!(times <= 20.0, "{times}");
    }
}

#[test]
fn a_remembered_nonce_takes_at_most_100_bytes() {
    let until = NOW.saturating_add(Duration::from_secs(120));
    let content = Some(ContentDigest::new([1; 32]));
    let mut worst = 0.0_f64;
    // Around the sizes at which the table grows, where it is emptiest and, while it moves, there twice.
    for nonces in [1_800_u32, 14_337, 28_673, 57_345, 100_000, 114_689] {
        let guard = MemoryReplayGuard::with_capacity(1_000_000);
        let counted = allocation_counter::measure(|| {
            for index in 0..nonces {
                let nonce = format!("{index:032}");
                let claim =
                    guard.claim(CallId::SignedQuery(&nonce), content, until, NOW).now_or_never().unwrap().unwrap();
                assert_eq!(claim, ClaimOutcome::First);
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
    let content = Some(ContentDigest::new([1; 32]));
    let claim = |index: u32| {
        let nonce = format!("{index:032}");
        guard.claim(CallId::SignedQuery(&nonce), content, until, NOW).now_or_never().unwrap().is_ok()
    };
    assert!((0..10_000).all(claim));
    let counted = allocation_counter::measure(|| assert!(!(10_000..30_000).any(claim)));
    assert_eq!(counted.bytes_current, 0);
}

#[cfg(all(feature = "sqlite", feature = "tokio"))]
mod metering {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::future::{BoxFuture, ready};
    use http::{Request, Response};
    use koogallery::adapter::tokio::TokioRuntime;
    use koogallery::clock::ManualClock;
    use koogallery::metering::{Meter, Pusher, SqliteUsageStore, Usage};
    use koogallery::open_api::Client;
    use koogallery::site::Site;
    use koogallery::sqlite::Database;
    use koogallery::transport::{Transport, TransportError};

    use super::*;

    struct TakesAll;

    impl Transport for TakesAll {
        fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
            ready(Ok(Response::new(Bytes::from_static(br#"{"error_code":"MKT.0000"}"#)))).boxed()
        }
    }

    /// The most that a pusher holds at once while it sends so many records.
    fn peak(records: u32) -> u64 {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(directory.path().join("usage.db")).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let meter = runtime.block_on(async {
            let store = SqliteUsageStore::new(&database).await.unwrap();
            let meter = Meter::new(store).with_clock(Arc::clone(&clock));
            let usage = |index| Usage::new(format!("instance-{index}"), 1.into());
            meter.record_all((0..records).map(usage)).await.unwrap();
            meter
        });
        clock.advance(Duration::from_secs(3 * 3600));
        let key = AccessKey::new("key").unwrap();
        let client = Client::builder(Site::China, TakesAll, TokioRuntime).access_key(key).build().unwrap();
        let pusher = Pusher::new(meter, client, TokioRuntime);
        let counted = allocation_counter::measure(|| {
            let round = runtime.block_on(pusher.run_once()).unwrap();
            assert_eq!(round.delivered, records as usize);
        });
        counted.bytes_max
    }

    #[test]
    fn a_pusher_needs_no_more_memory_for_a_longer_backlog() {
        let (short, long) = (peak(2_000), peak(20_000));
        println!("at most {short} bytes for 2,000 records, {long} for 20,000");
        assert!(long < short + short / 10, "{short} bytes for 2,000 records, {long} for 20,000");
    }
}
