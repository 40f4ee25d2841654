//! Endpoints behind TLS, good and bad.

use std::sync::Arc;
use std::time::{Duration, Instant};

use koogallery::adapter::serve::Server;
use koogallery::adapter::serve::tls::Tls;
use koogallery::adapter::tower::Endpoint;
use koogallery_simulator::{Checker, HttpProbe, HttpTarget, LedgerProbe, Outcome, Probe as _, Report, TargetUrlError};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

use super::{NEVER, PROMPT, SLOW, assert_all_passed};
use crate::good::{self, Good};

/// How an endpoint presents itself.
#[derive(Clone, Copy)]
pub struct Front {
    name: &'static str,
    /// From now, in days.
    from: i64,
    until: i64,
    versions: &'static [&'static SupportedProtocolVersion],
    /// Whether a client that knows TLS 1.1 only gets a ServerHello.
    knows_1_1: bool,
    /// How many handshakes there are before it hangs.
    handshakes: u32,
}

pub const GOOD: Front = Front {
    name: "localhost",
    from: -1,
    until: 90,
    versions: &[&TLS12, &TLS13],
    knows_1_1: false,
    handshakes: u32::MAX,
};

const ONLY_1_2: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_1_3: &[&SupportedProtocolVersion] = &[&TLS13];

/// A certificate, its key, and its authority in PEM.
pub struct Made {
    pub certificate: rcgen::Certificate,
    pub key: KeyPair,
    pub authority: String,
}

/// An authority of its own for every endpoint, and its certificate in PEM.
fn acceptor(front: Front) -> (TlsAcceptor, String) {
    let made = made(front);
    let key = PrivateKeyDer::try_from(made.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(front.versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.authority)
}

pub fn made(front: Front) -> Made {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "staging");
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut server = CertificateParams::new(vec![front.name.to_owned()]).unwrap();
    let now = OffsetDateTime::now_utc();
    server.not_before = now + time::Duration::days(front.from);
    server.not_after = now + time::Duration::days(front.until);
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    Made { certificate, key, authority: pem }
}

/// The beginning of an answer that goes on with TLS 1.1.
fn server_hello_1_1() -> Vec<u8> {
    let hello = [&[3, 2][..], &[7; 32], &[0, 0xc0, 0x14, 0]].concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 2, 0, length + 4, 2, 0, 0, length], &*hello].concat()
}

/// Whether the client offers TLS 1.1 and nothing newer.
async fn is_old(stream: &TcpStream) -> bool {
    let mut hello = [0; 11];
    stream.peek(&mut hello).await.is_ok_and(|length| length == hello.len()) && hello[9..] == [3, 2]
}

/// A good receiver behind a proxy that ends TLS; its URL and its authority.
async fn serve(front: Front, good: &Good) -> (String, String) {
    let backend = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend_address = backend.local_addr().unwrap();
    let endpoint = Endpoint::new(good.service.clone());
    tokio::spawn(async move { Server::new().serve(backend, endpoint, std::future::pending()).await });

    let (acceptor, pem) = acceptor(front);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/isv/produce", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let mut left = front.handshakes;
        while let Ok((mut stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            let hangs = left == 0;
            left = left.saturating_sub(1);
            tokio::spawn(async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                if front.knows_1_1 && is_old(&stream).await {
                    let _ = stream.write_all(&server_hello_1_1()).await;
                    return;
                }
                let Ok(mut secured) = acceptor.accept(stream).await else { return };
                let mut backend = TcpStream::connect(backend_address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut secured, &mut backend).await;
            });
        }
    });
    (url, pem)
}

async fn check(front: Front) -> Report {
    let good = Good::new();
    let (url, pem) = serve(front, &good).await;
    let target = HttpTarget::new(&url).unwrap().with_root_certificates(pem.as_bytes()).unwrap();
    Checker::new(target, good::keys()).with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap()
}

fn failure(report: &Report, id: &str) -> String {
    let result = report.results.iter().find(|result| result.check.id == id).unwrap();
    match &result.outcome {
        Outcome::Failed(failure) => format!("{} / {}", failure.got, failure.cause),
        other => panic!("{id}: {other:?}"),
    }
}

fn notes(report: &Report) -> String {
    report.results.iter().flat_map(|result| result.notes.clone()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_good_receiver_passes() {
    for profile in super::SAAS {
        let good = Good::new();
        let (url, pem) = serve(GOOD, &good).await;
        let target = HttpTarget::new(&url).unwrap().with_root_certificates(pem.as_bytes()).unwrap();
        let began = Instant::now();
        let checker =
            Checker::new(target, good::keys()).with_profile(profile).with_probe(LedgerProbe::new(good.ledger));
        let report = checker.run().await.unwrap();
        assert_all_passed(&report, &[&SLOW, &PROMPT, &NEVER]);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let notes = notes(&report);
        for note in ["TCP ", "TLS 1.2 and TLS 1.3 are supported", "added by the user", "valid until 20"] {
            assert!(notes.contains(note), "{note}: {notes}");
        }
        for written in
            [report.to_text(false), report.to_json(), report.to_markdown(), report.to_junit(), report.to_html()]
        {
            assert!(written.contains("added by the user"), "{written}");
        }
        let line = format!("koogallery fire newInstance --url {url} --profile {} --set orderId=", profile.id());
        assert!(report.to_json().contains(&line), "{line}");
    }
}

/// The library's server ends TLS itself.
#[tokio::test]
async fn a_server_without_a_proxy_passes() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = made(GOOD);
    std::fs::write(&certificate, made.certificate.pem()).unwrap();
    std::fs::write(&key, made.key.serialize_pem()).unwrap();
    for profile in super::SAAS {
        let good = Good::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/isv/produce", listener.local_addr().unwrap().port());
        let (tls, endpoint) = (Tls::from_files(&certificate, &key).unwrap(), Endpoint::new(good.service.clone()));
        tokio::spawn(async move { Server::new().serve_tls(listener, tls, endpoint, std::future::pending()).await });
        let target = HttpTarget::new(&url).unwrap().with_root_certificates(made.authority.as_bytes()).unwrap();
        let checker = Checker::new(target, good::keys()).with_profile(profile);
        let report = checker.with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap();
        assert_all_passed(&report, &[&SLOW, &PROMPT, &NEVER]);
        assert!(notes(&report).contains("TLS 1.2 and TLS 1.3 are supported"), "{}", notes(&report));
    }
}

#[tokio::test]
async fn an_address_without_tls_or_without_a_name_is_named() {
    for (url, wanted) in [
        ("http://koogallery.invalid/produce", "an http one"),
        // Nobody answers there, and nobody has to.
        ("https://0.0.0.0:1/produce", "an IP address"),
    ] {
        let report = Checker::new(HttpTarget::new(url).unwrap(), good::keys()).run().await.unwrap();
        assert!(failure(&report, "R3").contains(wanted), "{}", report.to_text(false));
    }
}

#[tokio::test]
async fn a_certificate_from_no_one_is_named() {
    let good = Good::new();
    let (url, _) = serve(GOOD, &good).await;
    let report = Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).run().await.unwrap();
    assert_eq!(report.failed_ids(), ["R1", "R2"]);
    let failure = failure(&report, "R1");
    assert!(failure.contains("issuer is not trusted") && failure.contains("the whole chain"), "{failure}");
    // The authority of another does not help.
    let (_, other) = acceptor(GOOD);
    let target = HttpTarget::new(&url).unwrap().with_root_certificates(other.as_bytes()).unwrap();
    let report = Checker::new(target, good::keys()).run().await.unwrap();
    assert_eq!(report.failed_ids(), ["R1", "R2"]);
}

#[tokio::test]
async fn bad_certificates_are_distinguished() {
    let cases = [
        (Front { from: -10, until: -1, ..GOOD }, "has expired: 20"),
        (Front { from: 2, ..GOOD }, "is not valid yet: 20"),
        (Front { name: "shop.example.com", ..GOOD }, "is for shop.example.com, not for localhost"),
    ];
    for (front, wanted) in cases {
        let report = check(front).await;
        assert_eq!(report.failed_ids(), ["R1", "R2"], "{}", report.to_text(false));
        for id in ["R1", "R2"] {
            assert!(failure(&report, id).contains(wanted), "{}", failure(&report, id));
        }
        let not_run = report.results.iter().filter(|result| matches!(result.outcome, Outcome::NotRun { .. }));
        assert!(not_run.count() > 20, "no call goes to a stranger");
    }
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_reported_in_time() {
    let report = check(Front { until: 29, ..GOOD }).await;
    assert_eq!(report.failed_ids(), ["R2"], "{}", report.to_text(false));
    assert!(failure(&report, "R2").contains("expires soon"));
    assert!(check(Front { until: 31, ..GOOD }).await.failed_ids().is_empty());
}

#[tokio::test]
async fn a_server_that_still_knows_tls_1_1_is_named() {
    let report = check(Front { knows_1_1: true, ..GOOD }).await;
    assert_eq!(report.failed_ids(), ["R2"], "{}", report.to_text(false));
    assert!(failure(&report, "R2").contains("a ServerHello"));
}

#[tokio::test]
async fn tls_1_2_is_asked_for_and_1_3_is_not() {
    let report = check(Front { versions: ONLY_1_2, ..GOOD }).await;
    assert_eq!(report.failed_ids(), [""; 0], "{}", report.to_text(false));
    assert!(notes(&report).contains("but not TLS 1.3"), "{}", notes(&report));
    let report = check(Front { versions: ONLY_1_3, ..GOOD }).await;
    assert_eq!(report.failed_ids(), ["R2"], "{}", report.to_text(false));
    assert!(failure(&report, "R2").contains("the documented version"));
}

#[tokio::test]
async fn a_probe_trusts_as_its_target_does() {
    let good = Good::new();
    let (url, pem) = serve(GOOD, &good).await;
    let stranger = HttpProbe::new(&url).unwrap().instances().await.unwrap_err().to_string();
    assert!(stranger.contains("issuer is not trusted"), "{stranger}");
    // The endpoint has no list, but says so.
    let trusting = HttpProbe::from(HttpTarget::new(&url).unwrap().with_root_certificates(pem.as_bytes()).unwrap());
    let answered = trusting.instances().await.unwrap_err().to_string();
    assert!(!answered.contains("TLS"), "{answered}");
}

#[tokio::test]
async fn a_host_that_no_one_knows_says_nothing_of_tls() {
    let target = HttpTarget::new("https://koogallery.invalid/produce").unwrap();
    let report = Checker::new(target, good::keys()).run().await.unwrap();
    assert_eq!(report.failed_ids(), ["R1"], "{}", report.to_text(false));
}

/// Takes every connection and does this with it.
async fn listen<Fut: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> Fut) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/produce", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).run().await.unwrap()
}

#[tokio::test]
async fn a_handshake_that_hangs_is_given_up() {
    let began = Instant::now();
    let report = listen(|mut stream| async move {
        let mut hello = [0; 4096];
        while stream.read(&mut hello).await.is_ok_and(|length| length > 0) {}
    })
    .await;
    assert_eq!(report.failed_ids(), ["R1", "R2"]);
    assert!(failure(&report, "R1").contains("no complete handshake within 5s"));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn handshakes_that_hang_later_are_given_up_too() {
    let began = Instant::now();
    let report = check(Front { handshakes: 30, ..GOOD }).await;
    assert!(report.to_text(false).contains("stops answering during the run"), "{}", report.to_text(false));
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_does_not_speak_tls_is_named() {
    let report = listen(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    assert!(failure(&report, "R1").contains("does not speak TLS"), "{}", report.to_text(false));
    let report = listen(|stream| async move { drop(stream) }).await;
    assert!(failure(&report, "R1").contains("cut off"), "{}", report.to_text(false));
}

#[test]
fn only_certificates_are_trusted() {
    let target = || HttpTarget::new("https://a.example/x").unwrap();
    for bad in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let refused = target().with_root_certificates(bad.as_bytes()).unwrap_err();
        assert!(matches!(refused, TargetUrlError::Certificate(_)), "{bad}: {refused}");
    }
    assert!(!format!("{:?}", target()).contains("BEGIN"));
}
