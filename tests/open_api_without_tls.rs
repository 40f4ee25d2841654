//! A client that was built without TLS says so, at once. Run without the feature `rustls`; `.ci/run` does.
#![cfg(all(feature = "reqwest-0_13", feature = "tokio", not(feature = "rustls")))]

use std::error::Error as _;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::key::Credentials;
use koogallery::open_api::{CallError, Client, query_order};
use koogallery::site::Site;
use koogallery::transport::{ReqwestTransport, TransportError};

#[tokio::test]
async fn https_without_tls_names_the_feature() {
    let builder = Client::builder(Site::China, ReqwestTransport::new().unwrap(), TokioRuntime);
    let client = builder.credentials(Credentials::new("AK", "SK").unwrap()).build();
    let error = client.call(&query_order::Request::new("MOCKPERIODYEARNEW")).await.unwrap_err();
    assert!(matches!(error, CallError::Transport { source: TransportError::NoTls, .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert!(error.source().unwrap().to_string().contains("`rustls`"), "{error:?}");
}
