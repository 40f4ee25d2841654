//! What verifying and answering a callback costs, as multiples of the bare work in the same run.
//!
//! First the ratios, then single figures by criterion. The run fails if hashing itself is crippled (see `guard`).

use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use koogallery::callback::CallbackService;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::replay::{CallId, ContentDigest, MemoryReplayGuard, ReplayGuard as _};
use koogallery::signature::{Window, auth_token, body_sign, callback_v2};
use koogallery::timestamp::Timestamp;
use sha2::{Digest as _, Sha256, Sha512};

use koogallery_benches::calls::{Calls, KEY, NONCE, NOW};
use koogallery_benches::ratio::{BATCH, ROUNDS, of_batches, one_round};

fn main() -> ExitCode {
    let bench = Bench::new();
    let healthy = bench.guard();
    bench.ratios();
    let mut criterion = Criterion::default().configure_from_args();
    bench.single_figures(&mut criterion);
    criterion.final_summary();
    if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Bench {
    calls: Calls,
    hmac: Hmac<Sha256>,
}

impl Bench {
    fn new() -> Self {
        Self { calls: Calls::new(), hmac: Hmac::new_from_slice(KEY.as_bytes()).expect("any length") }
    }

    /// The two hashes of a V2.0 signature and the compare, with the keyed state cached: what no implementation can avoid.
    fn bare_v2(&self) -> bool {
        let digest = self.hmac.clone().chain_update(black_box(self.calls.body.as_bytes())).finalize().into_bytes();
        let outer = self.hmac.clone().chain_update(KEY).chain_update(NONCE).chain_update("1735689600123");
        // 64 characters of digest; that they are not hex changes nothing for the hash.
        outer.chain_update(digest).chain_update(digest).verify_slice(&[0; 32]).is_ok()
    }

    /// The two hashes of a V1.0 exchange: the token, whose key changes with every call, and `Body-Sign`.
    fn bare_v1(&self, signing_string: &str, answer: &[u8]) -> [u8; 32] {
        let key = [KEY, "20250101000000123"].concat();
        let token = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length");
        black_box(token.chain_update(black_box(signing_string)).finalize());
        self.hmac.clone().chain_update(black_box(answer)).finalize().into_bytes().into()
    }

    fn verify_v2(&self) -> bool {
        let (query, body) = (black_box(&self.calls.v2_query), black_box(self.calls.body.as_bytes()));
        callback_v2::verify(&self.calls.ring, query, body, NOW, Window::default()).is_ok()
    }

    fn ratios(&self) {
        let requests = self.calls.v2(BATCH);
        let whole = || of_batches(|| self.bare_v2(), || (self.calls.service(true), requests.clone()), answer);
        let of_all = || of_batches(|| self.bare_v2(), || (self.calls.service_of_all(), requests.clone()), answer);
        let works: [(&str, &str, &dyn Fn() -> f64); 5] = [
            ("V2.0: verify a 300-byte body", "1.15", &|| one_round(|| self.bare_v2(), || self.verify_v2())),
            ("V2.0: verify, parse, ledger hit, answer", "4", &whole),
            ("V2.0: the same on a server of all families", "4.4", &of_all),
            ("V1.0: 14 parameters, the same way, `Body-Sign` included", "6", &|| self.v1_ratio(false)),
            ("V1.0: the same, account and password encrypted", "-", &|| self.v1_ratio(true)),
        ];
        let mut ratios = [f64::INFINITY; 5];
        for _ in 0..ROUNDS {
            for (least, (_, _, measure)) in ratios.iter_mut().zip(&works) {
                *least = least.min(measure());
            }
        }
        println!("\n| work | multiple of the bare HMACs | limit |\n|---|---:|---:|");
        for (ratio, (work, limit, _)) in ratios.iter().zip(&works) {
            println!("| {work} | {ratio:.2} | {limit} |");
        }
    }

    fn v1_ratio(&self, login: bool) -> f64 {
        let requests = self.calls.v1(BATCH);
        let sample = self.calls.service(login).call(requests[0].clone()).now_or_never().expect("a ledger hit");
        let verified =
            auth_token::verify(&self.calls.ring, &self.calls.v1_query, NOW, Window::default()).expect("valid");
        let pairs: Vec<_> = verified.parameters().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs.len(), 14);
        let (signing_string, body) = (pairs.join("&"), sample.body().clone());
        let prepare = || (self.calls.service(login), requests.clone());
        of_batches(|| self.bare_v1(&signing_string, &body), prepare, answer)
    }

    /// `target-cpu=native` with fat LTO makes SHA-256 some 40 times slower (llvm/llvm-project#142368). A bare SHA-512 is
    /// not touched by that, so the ratio of the two tells.
    fn guard(&self) -> bool {
        const EXPECTED: f64 = 0.7;
        let found = one_round(
            || {
                let digest = Sha512::digest(black_box(self.calls.body.as_bytes()));
                Sha512::digest(digest)
            },
            || self.verify_v2(),
        );
        let healthy = found < 5.0 * EXPECTED;
        println!("verification: {found:.2} times a bare SHA-512 of the body and its digest (expected {EXPECTED})");
        if !healthy {
            eprintln!("SHA-256 is crippled in this build: do not combine target-cpu=native with fat LTO");
        }
        healthy
    }

    fn single_figures(&self, criterion: &mut Criterion) {
        let mut verify = criterion.benchmark_group("verify");
        verify.bench_function("bare_hmacs", |bencher| bencher.iter(|| self.bare_v2()));
        verify.bench_function("callback_v2", |bencher| bencher.iter(|| self.verify_v2()));
        verify.bench_function("auth_token", |bencher| {
            bencher.iter(|| {
                auth_token::verify(&self.calls.ring, black_box(&self.calls.v1_query), NOW, Window::default()).is_ok()
            });
        });
        verify.finish();

        let mut whole = criterion.benchmark_group("ledger_hits_50");
        for (name, requests) in [("v2", self.calls.v2(BATCH)), ("v1", self.calls.v1(BATCH))] {
            let prepare = || (self.calls.service(true), requests.clone());
            whole.bench_function(name, |bencher| bencher.iter_batched(prepare, answer, BatchSize::LargeInput));
        }
        whole.finish();

        let mut sign = criterion.benchmark_group("sign");
        let body = self.calls.body.as_bytes();
        sign.bench_function("body_sign", |bencher| bencher.iter(|| body_sign::sign(&self.calls.key, black_box(body))));
        sign.finish();

        let cipher = FieldCipher::new(&self.calls.key, EncryptType::Aes256);
        let sealed = cipher.encrypt("administrator-account-32-bytes-x").expect("short enough");
        let mut field = criterion.benchmark_group("field_cipher");
        field.bench_function("encrypt_32B", |bencher| {
            bencher.iter(|| cipher.encrypt("administrator-account-32-bytes-x"))
        });
        field.bench_function("decrypt_48B", |bencher| bencher.iter(|| cipher.decrypt(black_box(&sealed))));
        field.finish();

        let mut replay = criterion.benchmark_group("replay");
        let guard = MemoryReplayGuard::with_capacity(usize::MAX);
        let content = Some(ContentDigest::new([1; 32]));
        let mut calls = 0_u64;
        replay.bench_function("memory_claim", |bencher| {
            bencher.iter(|| {
                calls += 1;
                // One claim per millisecond, so that the guard holds 120,000 of them, as under steady load.
                let now = Timestamp::from_unix_millis(i64::try_from(calls).expect("a count"));
                let nonce = format!("{calls:032}");
                guard
                    .claim(CallId::SignedQuery(&nonce), content, now.saturating_add(Duration::from_secs(120)), now)
                    .now_or_never()
            });
        });
        replay.finish();
    }
}

fn answer((service, requests): (CallbackService, Vec<Request<Bytes>>)) {
    for request in requests {
        // Pinned where it is made, as servers do: otherwise moving it is measured as well.
        let answer = pin!(service.call(request)).now_or_never().expect("a ledger hit does not wait");
        assert!(black_box(answer).body().starts_with(br#"{"resultCode":"000000""#));
    }
}
