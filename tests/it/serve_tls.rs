//! The server that ends TLS itself.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use koogallery::adapter::serve::Server;
use koogallery::adapter::serve::tls::{Observer, Tls, TlsEvent};
use koogallery::adapter::tower::Endpoint;
use rcgen::{CertificateParams, KeyPair};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

use crate::existing_apps::{echo, echoes, upgrade};
use crate::process;
use crate::sockets::{head, post_bytes, split, talk};
use crate::support::*;

/// A certificate of `localhost` with its key, in a folder of their own.
struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    fn new() -> Self {
        Self::valid(-1, 90)
    }

    /// Valid from and until so many days from now.
    fn valid(from: i64, until: i64) -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.renew(from, until);
        this
    }

    fn renew(&self, from: i64, until: i64) {
        let (certificate, key) = made(from, until);
        fs::write(self.cert(), certificate).unwrap();
        fs::write(self.key(), key).unwrap();
    }

    fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn tls(&self, log: &TlsLog) -> Tls {
        Tls::from_files(self.cert(), self.key())
            .unwrap()
            .observer(log.clone())
            .reload_interval(Duration::from_millis(50))
    }

    /// Trusts this certificate alone.
    async fn connect(
        &self,
        address: SocketAddr,
        alpn: &[&str],
        versions: Versions,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.cert()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

type Versions = &'static [&'static SupportedProtocolVersion];
const BOTH: Versions = &[&TLS13, &TLS12];
const ONLY_1_2: Versions = &[&TLS12];
const ONLY_1_3: Versions = &[&TLS13];

/// Certificate and key in PEM.
fn made(from: i64, until: i64) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now + time::Duration::days(from), now + time::Duration::days(until));
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[derive(Clone, Default)]
struct TlsLog(Arc<Mutex<Vec<String>>>);

impl Observer for TlsLog {
    fn on_event(&self, event: &TlsEvent<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl TlsLog {
    /// Waits for a line.
    async fn has(&self, text: &str) {
        for _ in 0..100 {
            if self.0.lock().unwrap().iter().any(|line| line.contains(text)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no {text:?} in {:?}", self.0.lock().unwrap());
    }
}

/// A server that stops when the sender is dropped.
async fn start(server: Server, tls: Tls, stage: &Stage) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::new(stage.service.clone());
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(server.serve_tls(listener, tls, endpoint, async {
        let _: Result<(), _> = stopped.await;
    }));
    (address, stop)
}

async fn exchange(stream: &mut TlsStream<TcpStream>, request: &str) -> Vec<u8> {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _: std::io::Result<usize> = stream.read_to_end(&mut answer).await;
    answer
}

async fn answers(certificate: &Certificate, address: SocketAddr, stage: &Stage) {
    let mut stream = certificate.connect(address, &["http/1.1"], BOTH).await.unwrap();
    let answer = exchange(&mut stream, &post_bytes(stage, &purchase("CS1", "b"))).await;
    assert_eq!(split(&answer).1.code, "000000");
}

#[tokio::test]
async fn both_versions_carry_http_1_1_and_the_headers_case() {
    let (stage, certificate, log) = (Stage::new(), Certificate::new(), TlsLog::default());
    let (address, _stop) = start(Server::new(), certificate.tls(&log), &stage).await;
    let cases: [(Versions, ProtocolVersion); 2] =
        [(ONLY_1_2, ProtocolVersion::TLSv1_2), (ONLY_1_3, ProtocolVersion::TLSv1_3)];
    for (versions, version) in cases {
        let mut stream = certificate.connect(address, &["h2", "http/1.1"], versions).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let query = stage.signed(&v1_purchase("CS1", "b"));
        let (head, answer) = split(&exchange(&mut stream, &head("GET", &query, 0)).await);
        assert!(head.contains("\r\nBody-Sign: "), "{head}");
        assert_eq!(answer.code, "000000");
    }
    // Clients that do not negotiate get HTTP/1.1, those that want another protocol alone nothing.
    let mut stream = certificate.connect(address, &[], BOTH).await.unwrap();
    assert_eq!(split(&exchange(&mut stream, &post_bytes(&stage, &purchase("CS2", "c"))).await).1.code, "000000");
    assert!(certificate.connect(address, &["h2"], BOTH).await.is_err());
    log.has("valid until 20").await;
    log.has("89 days left").await;
}

#[tokio::test]
async fn connections_are_upgraded_behind_tls() {
    let (certificate, log) = (Certificate::new(), TlsLog::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/echo", axum::routing::get(echo));
    tokio::spawn(Server::new().serve_tls(listener, certificate.tls(&log), router, std::future::pending()));
    let mut stream = certificate.connect(address, &["http/1.1"], BOTH).await.unwrap();
    upgrade(&mut stream).await;
    echoes(&mut stream, "sealed").await;
    echoes(&mut stream, "and again").await;
}

#[tokio::test]
async fn a_changed_certificate_is_taken_without_dropping_connections() {
    let (stage, certificate, log) = (Stage::new(), Certificate::new(), TlsLog::default());
    let (address, _stop) = start(Server::new(), certificate.tls(&log), &stage).await;
    let mut old = certificate.connect(address, &["http/1.1"], BOTH).await.unwrap();
    let keep = post_bytes(&stage, &purchase("CS1", "b")).replace("Connection: close\r\n", "");
    old.write_all(keep.as_bytes()).await.unwrap();
    assert!(old.read(&mut [0; 4096]).await.unwrap() > 0);

    // Seen in the middle of a change: the certificate of one, the key of another.
    let (other, key) = made(-1, 50);
    let before = fs::read(certificate.cert()).unwrap();
    fs::write(certificate.cert(), &other).unwrap();
    log.has("the former certificate stays").await;
    log.has("is not that of the first certificate").await;
    fs::write(certificate.cert(), &before).unwrap();
    answers(&certificate, address, &stage).await;

    fs::write(certificate.cert(), &other).unwrap();
    fs::write(certificate.key(), &key).unwrap();
    log.has("49 days left").await;
    answers(&certificate, address, &stage).await;
    let answer = exchange(&mut old, &post_bytes(&stage, &purchase("CS2", "c"))).await;
    assert_eq!(split(&answer).1.code, "000000", "the old connection goes on");
}

#[tokio::test]
async fn certificates_out_of_their_time_are_reported_at_the_start() {
    for (from, until, text) in
        [(-10, -1, "the certificate EXPIRED on 20"), (2, 90, "NOT VALID before 20"), (-10, 5, "4 days left")]
    {
        let (stage, certificate, log) = (Stage::new(), Certificate::valid(from, until), TlsLog::default());
        let tls = certificate.tls(&log);
        assert_eq!(tls.validity().is_valid(), from < 0 && until > 0);
        let _running = start(Server::new(), tls, &stage).await;
        log.has(text).await;
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (good, other) = (Certificate::new(), Certificate::new());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (fs::read_to_string(good.cert()).unwrap(), fs::read_to_string(good.key()).unwrap());
    let pem = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let cases = [
        (folder.path().join("missing"), good.key(), "missing cannot be read"),
        (good.cert(), folder.path().join("missing"), "missing cannot be read"),
        (folder.path().to_owned(), good.key(), "cannot be read"),
        (file("empty", ""), good.key(), "empty holds no certificate"),
        (good.key(), good.key(), "key.pem holds no certificate"),
        (good.cert(), good.cert(), "cert.pem holds no private key"),
        (good.cert(), file("secret", &pem("ENCRYPTED PRIVATE KEY", "AAAA")), "secret has a password"),
        (file("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n"), good.key(), "cut is damaged"),
        (file("short", &pem("CERTIFICATE", "AAAA")), good.key(), "short is damaged"),
        (file("odd", &pem("CERTIFICATE", "!!!!")), good.key(), "odd is damaged"),
        (good.cert(), file("bits", &pem("PRIVATE KEY", "AAAA")), "the private key in "),
        (good.cert(), file("old", &pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA")), "old has a password"),
        (good.cert(), file("escaped", &key.replace('\n', "\\n")), "escaped is damaged: there is no line break behind"),
        (good.cert(), file("spaces", &key.replace('\n', " ")), "spaces is damaged: there is no line break behind"),
        (good.cert(), file("open", key.trim_end().trim_end_matches('-')), "open is damaged: a \"-----END ...-----\""),
        (file("glued", &format!("{0}{0}", certificate.trim_end())), good.key(), "at the beginning of its line"),
        (file("indented", &certificate.replace("-----B", " -----B")), good.key(), "at the beginning of its line"),
        (good.cert(), other.key(), "is not that of the first certificate in"),
    ];
    for (certificate, key, text) in cases {
        let error = Tls::from_files(certificate, key).unwrap_err().to_string();
        assert!(error.contains(text), "{text}: {error}");
        // Neither as text nor as a list of bytes.
        assert!(error.len() < 400 && !error.contains("77, 73"), "{error}");
    }
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    let good = Certificate::new();
    for path in [good.cert(), good.key()] {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("\u{feff}{text}").replace('\n', "\r\n")).unwrap();
    }
    assert!(Tls::from_files(good.cert(), good.key()).unwrap().validity().is_valid());
}

#[tokio::test]
async fn handshakes_that_hang_hinder_no_one_and_give_way() {
    let (stage, certificate, log) = (Stage::new(), Certificate::new(), TlsLog::default());
    let tls = certificate.tls(&log).handshake_timeout(Duration::from_secs(60));
    let (address, _stop) = start(Server::new().connections(5), tls, &stage).await;
    let mut held = Vec::new();
    for index in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Nothing, or the beginning of a ClientHello.
        stream.write_all(&[22, 3, 1, 2, 0, 1][..6 * (index % 2)]).await.unwrap();
        held.push(stream);
    }
    let began = Instant::now();
    answers(&certificate, address, &stage).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_handshake_has_its_time() {
    let (stage, certificate, log) = (Stage::new(), Certificate::new(), TlsLog::default());
    let tls = certificate.tls(&log).handshake_timeout(Duration::from_millis(100));
    let (address, _stop) = start(Server::new(), tls, &stage).await;
    let began = Instant::now();
    assert_eq!(talk(address, "").await, b"");
    assert!(began.elapsed() < Duration::from_secs(5));
    log.has("was not complete within 100ms").await;
}

#[tokio::test]
async fn callers_that_speak_something_else_get_a_clear_answer() {
    let (stage, certificate, log) = (Stage::new(), Certificate::new(), TlsLog::default());
    let (address, _stop) = start(Server::new(), certificate.tls(&log), &stage).await;
    let answer = String::from_utf8(talk(address, post_bytes(&stage, &purchase("CS1", "b"))).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use https://"), "{answer}");
    log.has("the caller speaks plain HTTP").await;

    // A ClientHello of TLS 1.1 with one cipher suite.
    let hello = [&[3, 2][..], &[7; 32], &[0, 0, 2, 0xc0, 0x14, 1, 0]].concat();
    let length = u8::try_from(hello.len()).unwrap();
    let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], &*hello].concat();
    let alert = talk(address, &record).await;
    assert_eq!(alert[..1], [21], "an alert: {alert:?}");
    log.has("neither TLS 1.2 nor 1.3").await;

    talk(address, [0x80; 100]).await;
    log.has("the handshake failed").await;
    assert_eq!(stage.seller.runs(), 0);
}

#[tokio::test]
async fn stopping_ends_handshakes_too() {
    let (stage, certificate, log) = (Stage::new(), Certificate::new(), TlsLog::default());
    let (address, stop) = start(Server::new(), certificate.tls(&log), &stage).await;
    let half = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stop);
    let mut half = half;
    let closed = tokio::time::timeout(Duration::from_secs(5), half.read(&mut [0; 16])).await.unwrap();
    assert!(closed.is_err() || closed.is_ok_and(|length| length == 0));
}

/// Runs the example until it ends.
fn isv_server(arguments: &[&str]) -> Output {
    let mut command = Command::new(process::example("isv_server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KOOGALLERY_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_example_says_why_it_does_not_start() {
    let (good, other) = (Certificate::new(), Certificate::new());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let (cert, key, other) = (path(good.cert()), path(good.key()), path(other.key()));
    let database = format!("sqlite://{}", good.folder.path().join("test.db").display());
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--tls-cert", &cert], 2, "isv_server: --tls-cert and --tls-key go together"),
        (&["--tls-key", &key], 2, "--tls-cert and --tls-key go together"),
        (&["--listen"], 2, "--listen wants a value"),
        (&["--opening-time", "soon"], 2, "--opening-time wants milliseconds, not soon"),
        (
            &["--tls-cert", "/no/such.pem", "--tls-key", &key],
            1,
            "isv_server: /no/such.pem cannot be read: No such file",
        ),
        (&["--tls-cert", &cert, "--tls-key", &other], 1, "is not that of the first certificate"),
        (
            &["--database", "koogallery.db"],
            1,
            "isv_server: the database has to be a URL, such as sqlite://koogallery.db",
        ),
        (&["--database", &database, "--listen", &taken], 1, "isv_server: cannot listen on 127.0.0.1:"),
    ];
    for (arguments, code, text) in cases {
        let output = isv_server(arguments);
        let says = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {says}");
        assert!(says.contains(text), "{arguments:?}: {says}");
    }
}

/// `cargo test --release --all-features --test it -- --ignored --nocapture what_tls_costs`
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures the machine"]
async fn what_tls_costs() {
    let certificate = Arc::new(Certificate::new());
    let database = format!("sqlite://{}", certificate.folder.path().join("test.db").display());
    let server = process::Server::start(
        Command::new(process::example("isv_server"))
            .args(["--listen", "127.0.0.1:0", "--database", &database])
            .arg("--tls-cert")
            .arg(certificate.cert())
            .arg("--tls-key")
            .arg(certificate.key())
            .env("KOOGALLERY_BASIC_KEY", KEY),
    );
    let address = server.address;
    let before = crate::request_bodies::resident(server.id());
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(certificate.connect(address, &["http/1.1"], BOTH).await.unwrap());
    }
    println!(
        "1000 idle connections: {before} MiB before, {} MiB with them",
        crate::request_bodies::resident(server.id())
    );
    drop(idle);
    for (versions, name) in [(ONLY_1_3, "TLS 1.3"), (ONLY_1_2, "TLS 1.2")] {
        let began = Instant::now();
        let callers = (0..8).map(|_| {
            let certificate = Arc::clone(&certificate);
            tokio::spawn(async move {
                for _ in 0..250 {
                    certificate.connect(address, &["http/1.1"], versions).await.unwrap();
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        let seconds = began.elapsed().as_secs_f64();
        println!("{name}: {:.0} handshakes per second, clients on the same machine", 2000.0 / seconds);
    }
}
