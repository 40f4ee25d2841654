//! What verifying and answering a callback costs, as multiples of the bare work in the same run.
//!
//! First the ratios, then single figures by criterion. The run fails if hashing itself is crippled (see `guard`).

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::{AccessInfo, Description};
use koogallery::callback::{CallbackService, CallbackServiceBuilder};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::ManualClock;
use koogallery::directory::MemoryDirectory;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::ledger::MemoryLedger;
use koogallery::license_store::MemoryLicenseStore;
use koogallery::redact::Sensitive;
use koogallery::replay::{CallId, ContentDigest, MemoryReplayGuard, ReplayGuard as _};
use koogallery::signature::{Window, auth_token, body_sign, callback_v2};
use koogallery::testing::AcceptAll;
use koogallery::timestamp::Timestamp;
use sha2::{Digest as _, Sha256, Sha512};

use koogallery_benches::ratio::{BATCH, ROUNDS, of_batches, one_round};

const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);
const NONCE: &str = "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea";

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
    key: AccessKey,
    ring: KeyRing,
    hmac: Hmac<Sha256>,
    body: String,
    v2_query: String,
    v1_query: String,
    ledger: Arc<MemoryLedger>,
}

impl Bench {
    fn new() -> Self {
        let key = AccessKey::new(KEY).expect("a key");
        let body = purchase();
        assert!((290..=310).contains(&body.len()), "{}", body.len());
        let v2_query = callback_v2::signed_query(&key, NONCE, NOW, body.as_bytes());
        let v1_query = auth_token::signed_query(&key, &v1_purchase(0)).expect("a query");
        let bench = Self {
            ring: KeyRing::new(key.clone()),
            hmac: Hmac::new_from_slice(KEY.as_bytes()).expect("any length"),
            key,
            body,
            v2_query,
            v1_query,
            ledger: Arc::new(MemoryLedger::new()),
        };
        // The purchases are made once; what is measured finds them in the ledger.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for request in bench.v2_calls(1).into_iter().chain(bench.v1_calls(1)) {
                let answer = bench.service(true).call(request).await;
                assert!(answer.body().starts_with(br#"{"resultCode":"000000""#), "{:?}", answer.body());
            }
        });
        bench
    }

    /// A service with an empty replay guard.
    fn service(&self, login: bool) -> CallbackService {
        let keys = AccessKeys::new().with(InterfaceType::Basic, self.key.clone()).expect("one key");
        self.builder(keys, login).build()
    }

    /// The same with every family and a key for each, that of the online License included.
    fn service_of_all(&self) -> CallbackService {
        let key = |interface| match interface {
            InterfaceType::Basic => self.key.clone(),
            other => AccessKey::new(format!("{KEY}-{other:?}")).expect("a key"),
        };
        let keys = InterfaceType::ALL
            .into_iter()
            .fold(AccessKeys::new(), |keys, interface| keys.with(interface, key(interface)).expect("a key for each"));
        self.builder(keys, true)
            .directory(MemoryDirectory::new(), NoSecrets)
            .licensing(AcceptAll::new(), Arc::clone(&self.ledger), MemoryLicenseStore::new())
            .online_license_key(InterfaceType::License)
            .orders(AcceptAll::new(), Arc::clone(&self.ledger))
            .build()
    }

    fn builder(&self, keys: AccessKeys, login: bool) -> CallbackServiceBuilder {
        let access = AccessInfo::new("https://app.example.com").with_admin_url("https://admin.example.com");
        let access = if login { access.with_login("tenant-admin", "Init#2025pw") } else { access };
        let description = Description::new(access);
        CallbackService::builder(keys, TokioRuntime)
            .subscription(AcceptAll::new().with_description(description), Arc::clone(&self.ledger))
            .clock(ManualClock::new(NOW))
    }

    fn v2_calls(&self, count: usize) -> Vec<Request<Bytes>> {
        let call = |index: usize| {
            let query = callback_v2::signed_query(&self.key, &format!("{index:032}"), NOW, self.body.as_bytes());
            let request = Request::post(format!("/saasproduce?{query}"));
            request
                .header("content-type", "application/json;charset=utf8")
                .body(self.body.clone().into())
                .expect("valid")
        };
        (0..count).map(call).collect()
    }

    fn v1_calls(&self, count: usize) -> Vec<Request<Bytes>> {
        let call = |index: usize| {
            let query = auth_token::signed_query(&self.key, &v1_purchase(index)).expect("a query");
            Request::get(format!("/saasproduce?{query}")).body(Bytes::new()).expect("valid")
        };
        (0..count).map(call).collect()
    }

    /// The two hashes of a V2.0 signature and the compare, with the keyed state cached: what no implementation can avoid.
    fn bare_v2(&self) -> bool {
        let digest = self.hmac.clone().chain_update(black_box(self.body.as_bytes())).finalize().into_bytes();
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
        let (query, body) = (black_box(&self.v2_query), black_box(self.body.as_bytes()));
        callback_v2::verify(&self.ring, query, body, NOW, Window::default()).is_ok()
    }

    fn ratios(&self) {
        let requests = self.v2_calls(BATCH);
        let whole = || of_batches(|| self.bare_v2(), || (self.service(true), requests.clone()), answer);
        let of_all = || of_batches(|| self.bare_v2(), || (self.service_of_all(), requests.clone()), answer);
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
        let requests = self.v1_calls(BATCH);
        let sample = self.service(login).call(requests[0].clone()).now_or_never().expect("a ledger hit");
        let verified = auth_token::verify(&self.ring, &self.v1_query, NOW, Window::default()).expect("valid");
        let pairs: Vec<_> = verified.parameters().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs.len(), 14);
        let (signing_string, body) = (pairs.join("&"), sample.body().clone());
        let prepare = || (self.service(login), requests.clone());
        of_batches(|| self.bare_v1(&signing_string, &body), prepare, answer)
    }

    /// `target-cpu=native` with fat LTO makes SHA-256 some 40 times slower (llvm/llvm-project#142368). A bare SHA-512 is
    /// not touched by that, so the ratio of the two tells.
    fn guard(&self) -> bool {
        const EXPECTED: f64 = 0.7;
        let found = one_round(
            || {
                let digest = Sha512::digest(black_box(self.body.as_bytes()));
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
            bencher.iter(|| auth_token::verify(&self.ring, black_box(&self.v1_query), NOW, Window::default()).is_ok());
        });
        verify.finish();

        let mut whole = criterion.benchmark_group("ledger_hits_50");
        for (name, requests) in [("v2", self.v2_calls(BATCH)), ("v1", self.v1_calls(BATCH))] {
            let prepare = || (self.service(true), requests.clone());
            whole.bench_function(name, |bencher| bencher.iter_batched(prepare, answer, BatchSize::LargeInput));
        }
        whole.finish();

        let mut sign = criterion.benchmark_group("sign");
        let body = self.body.as_bytes();
        sign.bench_function("body_sign", |bencher| bencher.iter(|| body_sign::sign(&self.key, black_box(body))));
        sign.finish();

        let cipher = FieldCipher::new(&self.key, EncryptType::Aes256);
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
        let answer = service.call(request).now_or_never().expect("a ledger hit does not wait");
        assert!(black_box(answer).body().starts_with(br#"{"resultCode":"000000""#));
    }
}

fn purchase() -> String {
    r#"{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","customField":"something that the marketplace may add in the years to come, so that the body is as long as usual","orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001","productId":"OFFI000000000000000001"}"#.to_owned()
}

fn v1_purchase(index: usize) -> String {
    format!(
        "activity=newInstance&amount=10&businessId=5d2f7c1e-8a34-4b90-9c61-{index:012}&chargingMode=1\
         &customerId=68cbc86abc2018ab880d92f36422fa0e&customerName=%E6%B5%8B%E8%AF%95&expireTime=20260101000000\
         &orderAmount=99.5&orderId=CS2501010000ABCDF&periodNumber=1&periodType=year&productId=OFFI0000000001\
         &skuCode=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0&timeStamp=20250101000000123"
    )
}

/// Opens no client secret.
struct NoSecrets;

impl ClientSecretDecryptor for NoSecrets {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        Err(ClientSecretError)
    }
}
