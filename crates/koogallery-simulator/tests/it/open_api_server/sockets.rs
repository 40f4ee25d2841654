//! The server on a socket.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use koogallery::open_api::{CallError, Client, activate_license, push_usage, query_order, upload};
use koogallery::transport::{ReqwestTransport, TransportError};
use koogallery_simulator::{Fault, FaultRule, Instance, LineSpec, OrderSpec, Upload, serve_open_api};
use tokio::net::TcpListener;

use super::{NOW, Stage, client};

/// The stage's server behind a socket, and a client that reaches it there.
async fn served(stage: &Stage) -> Client {
    served_within(stage, Duration::from_secs(30)).await
}

async fn served_within(stage: &Stage, timeout: Duration) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve_open_api(listener, stage.open_api.clone(), pending()));
    let reqwest = reqwest::Client::builder().timeout(timeout).build().unwrap();
    let transport = ReqwestTransport::with_client(reqwest);
    client(transport, &Arc::clone(&stage.clock)).base_url(url.parse().unwrap()).build().unwrap()
}

#[tokio::test]
async fn every_kind_of_request_arrives() {
    let stage = Stage::new();
    let client = served(&stage).await;
    let order = stage.open_api.place_order(OrderSpec::new(LineSpec::one_time("OFFI 1/ü")));
    let reported = client.call(&query_order::Request::new(&order.order_id)).await.unwrap();
    assert_eq!(reported.order_lines[0].products[0].product_id, "OFFI 1/ü");

    let begin = NOW.saturating_sub(Duration::from_secs(60));
    stage.open_api.put_instance(Instance::on_demand("i1", begin));
    let record = push_usage::UsageRecord::new("sn-1", "i1", begin, NOW, "1".parse().unwrap());
    client.call(&push_usage::Request::new(vec![record]).unwrap()).await.unwrap();
    assert_eq!(stage.open_api.usage().len(), 1);

    stage.open_api.open_license_application("event 1");
    client.call(&upload::Request::characters("event 1", "LICENSE")).await.unwrap();
    stage.open_api.open_license_application("e2");
    let large = bytes::Bytes::from(vec![7; 3 << 20]);
    client.upload(&upload::Streamed::prepare("e2", "x.lic", large.clone()).await.unwrap()).await.unwrap();
    assert_eq!(stage.open_api.upload("e2"), Some(Upload::File { name: "x.lic".to_owned(), bytes: large }));
}

#[tokio::test]
async fn a_lost_answer_closes_the_connection() {
    let stage = Stage::new();
    let client = served(&stage).await;
    for (fault, has_effect) in [(Fault::LostRequest, false), (Fault::NoConnection, false), (Fault::LostAnswer, true)] {
        let license = stage.open_api.new_license();
        stage.open_api.put_license(license.clone());
        stage.open_api.add_fault(FaultRule::new(fault.clone()).with_times(1));
        let error = client.call(&activate_license::Request::new(&license.license)).await.unwrap_err();
        let CallError::Transport { source, .. } = error else { panic!("{fault}: {error}") };
        assert!(matches!(source, TransportError::Broken(_)), "{fault}: {source:?}");
        assert_eq!(stage.open_api.license(&license.license).unwrap().activated_at.is_some(), has_effect);
    }
    assert!(client.call(&query_order::Request::new("MOCKONDEMAND")).await.is_ok(), "the next one is served");
}

#[tokio::test]
async fn a_slow_answer_comes_too_late() {
    let stage = Stage::new();
    let client = served_within(&stage, Duration::from_millis(500)).await;
    stage.open_api.add_fault(FaultRule::new(Fault::Slow(Duration::from_secs(60))).with_times(1));
    let error = client.call(&query_order::Request::new("MOCKONDEMAND")).await.unwrap_err();
    assert!(matches!(error, CallError::Transport { source: TransportError::Timeout, .. }), "{error:?}");
}

#[tokio::test]
async fn a_request_signed_for_the_site_is_refused_elsewhere() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serve_open_api(listener, stage.open_api.clone(), async { _ = stopped.await }));
    let url = format!("http://{host}/api/mkp-openapi-public/global/v1/order/query?orderId=MOCKONDEMAND");
    let signed = http::Request::get(url).header("host", "mkt.myhuaweicloud.com").body("").unwrap();
    let mut signed = koogallery::signature::aksk::sign(signed, &super::credentials(), NOW).unwrap();
    signed.headers_mut().remove("host");
    let reply = reqwest::Client::new().execute(signed.try_into().unwrap()).await.unwrap();
    assert_eq!(reply.status(), 401);
    let explanation = stage.open_api.log().pop().unwrap().explanation.join("\n");
    assert!(
        explanation.contains("Host is signed as mkt.myhuaweicloud.com, and the request has another"),
        "{explanation}"
    );
    stop.send(()).unwrap();
    served.await.unwrap();
}
