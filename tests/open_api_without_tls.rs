//! Without TLS no client is built for an address in `https`, and the error names the feature. Run without the feature
//! `rustls`; `.ci/run` does.
#![cfg(all(feature = "reqwest-0_13", feature = "tokio", not(feature = "rustls")))]

use bytes::Bytes;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::open_api::{Client, ClientBuildError, ClientBuilder};
use koogallery::site::Site;
use koogallery::transport::{BaseUrl, ReqwestTransport, Transport as _, TransportError};

fn builder() -> ClientBuilder {
    Client::builder(Site::China, ReqwestTransport::new().unwrap(), TokioRuntime)
}

#[test]
fn no_client_is_built_for_https() {
    let error = builder().build().unwrap_err();
    assert_eq!(error, ClientBuildError::NoTls(Site::China.into()));
    assert_eq!(
        error.to_string(),
        "https://mkt.myhuaweicloud.com needs TLS, and the HTTP client was built without: turn on the feature `rustls`, \
         or a TLS feature of its own"
    );
    assert_eq!(format!("{error:?}"), error.to_string(), "what a program shows that ends with it");

    let desk: BaseUrl = "http://127.0.0.1:8080".parse().unwrap();
    assert!(builder().base_url(desk.clone()).build().is_ok());
    let fallback = builder().base_url(desk).fallback_url(Some(Site::Europe.into()));
    assert_eq!(fallback.build().unwrap_err(), ClientBuildError::NoTls(Site::Europe.into()));
}

#[tokio::test]
async fn https_without_a_client_names_the_feature_too() {
    let request = http::Request::get("https://127.0.0.1:1/").body(Bytes::new()).unwrap();
    let error = ReqwestTransport::new().unwrap().send(request).await.unwrap_err();
    assert!(matches!(error, TransportError::NoTls), "{error:?}");
    assert!(error.to_string().contains("`rustls`"), "{error}");
}
