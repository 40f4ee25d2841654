//! The licensed application as a process, against a marketplace on a socket.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use futures_util::stream;
use koogallery::clock::SystemClock;

use crate::license_desk::{ACCESS, Desk, Fate, LICENSE, SECRET};
use crate::process::example;

async fn receive(State(desk): State<Desk>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else { return Response::new(Body::empty()) };
    // So that a kill finds every call on its way.
    tokio::time::sleep(desk.change(|book| book.delay)).await;
    let reply = desk.receive(Request::from_parts(parts, body));
    tokio::time::sleep(desk.change(|book| book.delay)).await;
    reply.map_or_else(
        // The head goes out, and then the connection breaks.
        |_| Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]))),
        |response| response.map(Body::from),
    )
}

/// A marketplace whose answers take this long, on the way there and back.
fn serve(desk: Desk) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().fallback(receive).with_state(desk)).await.unwrap();
        });
    });
    address
}

struct App<'a> {
    program: &'a Path,
    state: &'a Path,
    marketplace: SocketAddr,
}

impl App<'_> {
    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(self.program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KOOGALLERY_")) {
            command.env_remove(name);
        }
        command
            .args(["--license", LICENSE, "--client-id", "device-1", "--state"])
            .arg(self.state)
            .args(arguments)
            .env("KOOGALLERY_AK", ACCESS)
            .env("KOOGALLERY_SK", SECRET)
            .env("KOOGALLERY_OPEN_API_URL", format!("http://{}", self.marketplace))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Uses it for one line; its status and what it printed.
    fn use_once(&self, arguments: &[&str]) -> (i32, String) {
        let mut app = self.start(arguments);
        // It may have ended before.
        let _ = app.stdin.take().unwrap().write_all(b"a line\n");
        let Output { status, stdout, .. } = app.wait_with_output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap())
    }
}

#[test]
fn it_works_as_long_as_its_license_is_good() {
    let program = example("licensed_app");
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(SystemClock);
    let expiry = "20991231155959";
    desk.change(|book| book.expire_time = Some(expiry));
    let app = App { program: &program, state: folder.path(), marketplace: serve(desk.clone()) };
    let good = (0, format!("usable: the License is valid until {expiry} UTC\nA LINE\n"));
    assert_eq!(app.use_once(&[]), good);
    assert_eq!(desk.calls(), ["query", "activate", "query", "report"]);
    // (Unless the test runs at midnight in Beijing, and then the calls are as many once more.)
    assert_eq!(app.use_once(&[]), good);
    assert!([0, 2].contains(&desk.calls().len()));

    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = App { state: elsewhere.path(), ..app };
    desk.fates([Fate::Answered(200, "<html>log in</html>"), Fate::Answered(200, "<html>log in</html>")]);
    desk.fates((0..2).map(|_| Fate::Answered(401, r#"{"error_code":"APIGW.0301","error_msg":"x"}"#)));
    let (status, text) = elsewhere.use_once(&["--offline-days", "3"]);
    assert!(status == 2 && text.starts_with("not usable: the marketplace could not be asked"), "{text}");
    assert!(text.contains("because: query license: HTTP 401"), "{text}");
    desk.change(|book| {
        book.fates.clear();
        book.status = Some("EXPIRED");
    });
    let denied = format!("not usable: the License has expired on {expiry} UTC: renew it in the marketplace\n");
    assert_eq!(elsewhere.use_once(&["--offline-days", "3"]), (2, denied));
}

#[test]
fn killed_at_any_time_it_is_activated_once_and_counted() {
    const ROUNDS: u64 = 60;
    /// Query, activation, query and report: the kill follows one of them, or none.
    const POINTS: u64 = 5;
    let program = example("licensed_app");
    let mut unfinished = 0;
    for round in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::new(SystemClock);
        desk.change(|book| (book.expire_time, book.delay) = (Some("20991231155959"), Duration::from_millis(5)));
        let app = App { program: &program, state: folder.path(), marketplace: serve(desk.clone()) };
        let mut doomed = app.start(&[]);
        // From before the first call to after the last save.
        let deadline = Instant::now() + Duration::from_secs(30);
        while (desk.change(|book| book.calls.len()) as u64) < round % POINTS {
            assert!(Instant::now() < deadline, "round {round}");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(round / POINTS * 2));
        doomed.kill().unwrap();
        doomed.wait().unwrap();
        unfinished += u64::from(desk.change(|book| book.clients.is_empty()));
        // What was sent before the kill may still arrive.
        std::thread::sleep(Duration::from_millis(20));

        let (status, text) = app.use_once(&[]);
        assert!(status == 0 && text.ends_with("A LINE\n"), "round {round}: {text}");
        desk.change(|book| {
            assert_eq!(book.activations, 1, "round {round}");
            assert_eq!(book.calls.iter().filter(|call| **call == "activate").count(), 1, "round {round}");
            assert!(book.clients["device-1"] >= 1, "round {round}");
        });
    }
    assert!((1..ROUNDS).contains(&unfinished), "{unfinished} of {ROUNDS} kills came before the report");
    println!("{ROUNDS} kills, {unfinished} of them before the report");
}
