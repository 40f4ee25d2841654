//! The reqwest transport against servers that misbehave.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::key::Credentials;
use koogallery::open_api::{Client, query_order};
use koogallery::signature::aksk;
use koogallery::site::Site;
use koogallery::transport::{ReqwestTransport, Transport as _, TransportError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::NOW;

/// Gives every connection the same bytes, and then keeps it open if asked to.
async fn serve(answer: impl Into<Vec<u8>>, keep_open: bool) -> String {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _: std::io::Result<usize> = stream.read(&mut head).await;
                let _: std::io::Result<()> = stream.write_all(&answer).await;
                if keep_open {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    url
}

fn transport() -> ReqwestTransport {
    let client = reqwest::Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    ReqwestTransport::with_client(client).with_answer_limit(100_000)
}

async fn send(url: &str) -> Result<http::Response<Bytes>, TransportError> {
    transport().send(Request::get(format!("{url}/x?secret=1")).body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn an_answer_arrives_whole_and_a_redirect_is_not_followed() {
    let url =
        serve("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nX-Request-Id: r1\r\nContent-Length: 4\r\n\r\nbody", false)
            .await;
    let answer = ReqwestTransport::new().unwrap().send(Request::get(url).body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (302, &b"body"[..]));
    assert_eq!(answer.headers()["x-request-id"], "r1");
}

/// What the library says without TLS is in `tests/open_api_without_tls.rs`.
#[cfg(feature = "rustls")]
#[test]
fn a_client_for_https_is_built_where_there_is_tls() {
    for transport in [ReqwestTransport::new().unwrap(), transport()] {
        assert!(transport.has_tls());
        assert!(Client::builder(Site::China, std::sync::Arc::new(transport), TokioRuntime).build().is_ok());
    }
}

#[tokio::test]
async fn faults_are_distinguished() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(matches!(send(&format!("http://{nobody}")).await, Err(TransportError::Connect(_))));
    let silent = serve("", true).await;
    assert!(matches!(send(&silent).await, Err(TransportError::Timeout)));
    let endless = serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true).await;
    assert!(matches!(send(&endless).await, Err(TransportError::Timeout)));
    let reset = serve("", false).await;
    assert!(matches!(send(&reset).await, Err(TransportError::Broken(_))));
    let cut = serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false).await;
    assert!(matches!(send(&cut).await, Err(TransportError::Broken(_))));
    let garbage = serve("this is no HTTP at all\r\n\r\n", false).await;
    assert!(matches!(send(&garbage).await, Err(TransportError::Broken(_))));
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned();
    let large = serve(head + &"x".repeat(200_000), false).await;
    let error = send(&large).await.unwrap_err();
    assert!(format!("{error:?}").contains("more than 100000 bytes"), "{error:?}");
    for error in [send(&reset).await.unwrap_err(), send(&format!("http://{nobody}")).await.unwrap_err()] {
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_query_over_the_socket_is_signed_for_its_host_and_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let marketplace = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await.unwrap();
        let head = String::from_utf8(head[..length].to_vec()).unwrap();
        let body = r#"{"resultCode":"MKT.0000","orderInfo":{"orderId":"CS1","orderType":"NEW","orderLine":[]}}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        head
    });
    let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
    let client = Client::builder(Site::China, ReqwestTransport::new().unwrap(), TokioRuntime)
        .base_url(format!("http://{address}").parse().unwrap())
        .credentials(credentials.clone())
        .clock(koogallery::clock::ManualClock::new(NOW))
        .build()
        .unwrap();
    assert_eq!(client.call(&query_order::Request::new("CS 1")).await.unwrap().order_id, "CS1");

    let head = marketplace.await.unwrap();
    let mut lines = head.lines();
    let target = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut received = Request::get(format!("http://{address}{target}"));
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        received = received.header(name, value);
    }
    let (parts, ()) = received.body(()).unwrap().into_parts();
    assert_eq!(parts.headers["host"], address.to_string());
    assert_eq!(aksk::verify(&parts, b"", &credentials, NOW), Ok(()));
}
