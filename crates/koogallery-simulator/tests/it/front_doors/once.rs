//! Calls are sent once, also over connections that a proxy has kept open, to a server that dies over them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use koogallery_simulator::Target as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::PATH;
use super::proxy::{APACHE, CADDY, ENVOY, HAPROXY, NGINX, Program, Proxy};

/// Each of them could be used for one more try.
const KEPT_OPEN: usize = 3;

#[derive(Default)]
struct Arrived(AtomicUsize);

impl Arrived {
    /// Answers queries of `warm` when as many connections have one, and dies over others.
    async fn answer(&self, connection: TcpStream, together: &Barrier) {
        let mut lines = BufReader::new(connection).lines();
        while let Ok(Some(first)) = lines.next_line().await {
            while !lines.next_line().await.unwrap().unwrap().is_empty() {}
            if !first.contains("?warm") {
                self.0.fetch_add(1, Ordering::Relaxed);
                return;
            }
            together.wait().await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            lines.get_mut().get_mut().write_all(answer).await.unwrap();
        }
    }
}

async fn serve(arrived: Arc<Arrived>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, together) = (listener.local_addr().unwrap(), Arc::new(Barrier::new(KEPT_OPEN)));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (arrived, together) = (arrived.clone(), together.clone());
            tokio::spawn(async move { arrived.answer(connection, &together).await });
        }
    });
    address
}

async fn assert_sent_once(program: &Program) {
    let arrived = Arc::new(Arrived::default());
    let Some(proxy) = Proxy::start(program, serve(arrived.clone()).await, |text| text) else { return };
    let get = async |query: &str| {
        let request = Request::get(format!("{PATH}?{query}")).body(Bytes::new()).unwrap();
        proxy.target(PATH).call(request).await.unwrap().status
    };
    let warm = tokio::join!(get("warm=1"), get("warm=2"), get("warm=3"));
    assert_eq!(warm, (200, 200, 200), "{}", program.name);
    let status = get("activity=newInstance").await;
    let arrived = arrived.0.load(Ordering::Relaxed);
    assert!(status >= 500 && arrived == 1, "{}: arrived {arrived} times, status {status}", program.name);
}

#[tokio::test]
async fn calls_are_sent_once_over_connections_that_were_kept_open() {
    for program in [&NGINX, &HAPROXY, &CADDY, &APACHE, &ENVOY] {
        assert_sent_once(program).await;
    }
}
