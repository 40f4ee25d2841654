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

use koogallery_benches::ratio::{BATCH, ROUNDS, of_batches};

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
    // What the algorithm names: the hash of the body too, empty as it is, and the HMAC under the secret key itself.
    let named = || {
        let body = Sha256::digest(black_box(b""));
        let digest = Sha256::digest(black_box(canonical.as_str()));
        Hmac::<Sha256>::new_from_slice(black_box(b"SecretKey"))
            .expect("any length")
            .chain_update("SDK-HMAC-SHA256\n20250102T030405Z\n")
            .chain_update(digest)
            .chain_update(body)
            .finalize()
    };
    let prepare = || (0..BATCH).map(|_| unsigned()).collect::<Vec<_>>();
    let sign_all = |mut requests: Vec<Parts>| {
        requests.iter_mut().for_each(sign);
        requests
    };
    let best = |ratio: &dyn Fn() -> f64| (0..ROUNDS).map(|_| ratio()).fold(f64::INFINITY, f64::min);
    println!("\n| sign a GET with two parameters, as a multiple of | | limit |\n|---|---:|---:|");
    let of_named = best(&|| of_batches(named, prepare, sign_all));
    println!("| SHA-256 of body and canonical request, HMAC under the secret key | {of_named:.2} | 1.5 |");
    let of_bare = best(&|| of_batches(bare, prepare, sign_all));
    println!("| the same without what can be kept: an empty body's hash, the key's state | {of_bare:.2} | |");

    // The part of it that is not signing: the three headers in the request's still empty map.
    let authorization = &signed.headers[AUTHORIZATION];
    let put_headers = |headers: &mut HeaderMap| {
        let value = |text: &[u8]| HeaderValue::from_bytes(black_box(text)).expect("text");
        headers.insert(HeaderName::from_static("x-sdk-date"), value(b"20250102T030405Z"));
        headers.insert(HOST, value(b"mkt.myhuaweicloud.com"));
        headers.insert(AUTHORIZATION, value(authorization.as_bytes()));
    };
    let put_all = |mut maps: Vec<HeaderMap>| {
        maps.iter_mut().for_each(put_headers);
        maps
    };
    let of_headers = best(&|| of_batches(bare, || vec![HeaderMap::new(); BATCH], put_all));
    println!("| of that, to put its three headers into an empty map | {of_headers:.2} | |");

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("aksk/bare", |bencher| bencher.iter(bare));
    criterion.bench_function("aksk/sign", |bencher| {
        bencher.iter_batched_ref(unsigned, sign, criterion::BatchSize::SmallInput);
    });
    criterion.final_summary();
}
