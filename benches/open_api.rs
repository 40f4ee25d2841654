//! What signing an open-API request costs, as a multiple of the bare SHA-256 and HMAC in the same run.

use std::hint::black_box;

use criterion::Criterion;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
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
    let site = Site::China.into();
    let unsigned = || query.to_http(&site).into_parts().0;
    let sign = |parts: &mut Parts| Signer::new(&credentials).sign(parts, Payload::Bytes(b""), NOW).expect("a host");
    let mut signed = unsigned();
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
    let prepare = || (0..BATCH).map(|_| unsigned()).collect::<Vec<_>>();
    let round = |_| {
        of_batches(bare, prepare, |mut requests| {
            requests.iter_mut().for_each(sign);
            requests
        })
    };
    let ratio = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("\n| work | multiple of the bare SHA-256 and HMAC | limit |\n|---|---:|---:|");
    println!("| sign a GET with two parameters | {ratio:.2} | 1.5 |");

    // The part of it that is not signing: the three headers in the request's still empty map.
    let authorization = &signed.headers[AUTHORIZATION];
    let put_headers = |headers: &mut HeaderMap| {
        let value = |text: &[u8]| HeaderValue::from_bytes(black_box(text)).expect("text");
        headers.insert(HeaderName::from_static("x-sdk-date"), value(b"20250102T030405Z"));
        headers.insert(HOST, value(b"mkt.myhuaweicloud.com"));
        headers.insert(AUTHORIZATION, value(authorization.as_bytes()));
    };
    let round = |_| {
        let prepare = || vec![HeaderMap::new(); BATCH];
        of_batches(bare, prepare, |mut maps| {
            maps.iter_mut().for_each(put_headers);
            maps
        })
    };
    let ratio = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("| of it, to put its three headers into an empty map | {ratio:.2} | |");

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("aksk/bare", |bencher| bencher.iter(bare));
    criterion.bench_function("aksk/sign", |bencher| {
        bencher.iter_batched_ref(unsigned, sign, criterion::BatchSize::SmallInput);
    });
    criterion.final_summary();
}
