//! What signing an open-API request costs, as a multiple of the bare SHA-256 and HMAC in the same run.

use std::hint::black_box;

use criterion::Criterion;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use koogallery::key::Credentials;
use koogallery::open_api::{Api as _, query_order};
use koogallery::signature::aksk::{CanonicalRequest, Payload, Signer};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

#[path = "support/ratio.rs"]
mod ratio;

use ratio::{BATCH, ROUNDS, of_batches};

const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_000);

fn main() {
    let credentials = Credentials::new("AccessKey", "SecretKey").expect("a pair");
    let query = query_order::Request::new("CS2501020304ABCDE").with_order_line("CS2501020304ABCDE-000001");
    let (mut signed, _) = query.to_http(&Site::China.into()).into_parts();
    let sign = |parts: &mut Parts| Signer::new(&credentials).sign(parts, Payload::Bytes(b""), NOW).expect("a host");
    sign(&mut signed);

    // What no implementation can avoid: the hash of the canonical request, and the HMAC of three lines.
    let names = ["host".to_owned(), "x-sdk-date".to_owned()];
    let canonical = CanonicalRequest::new(&signed, &names, Payload::Bytes(b"")).expect("text");
    let hmac = Hmac::<Sha256>::new_from_slice(b"SecretKey").expect("any length");
    let bare = || {
        let digest = Sha256::digest(black_box(canonical.as_str()));
        hmac.clone()
            .chain_update("SDK-HMAC-SHA256\n20250102T030405Z\n")
            .chain_update(digest)
            .chain_update(digest)
            .finalize()
    };
    let prepare = || vec![signed.clone(); BATCH];
    let round = |_| of_batches(bare, prepare, |requests| requests.into_iter().for_each(|mut parts| sign(&mut parts)));
    let ratio = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("\n| work | multiple of the bare SHA-256 and HMAC | limit |\n|---|---:|---:|");
    println!("| sign a GET with two parameters | {ratio:.2} | 1.5 |");

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("aksk/bare", |bencher| bencher.iter(bare));
    criterion.bench_function("aksk/sign", |bencher| {
        bencher.iter_batched(|| signed.clone(), |mut parts| sign(&mut parts), criterion::BatchSize::SmallInput);
    });
    criterion.final_summary();
}
