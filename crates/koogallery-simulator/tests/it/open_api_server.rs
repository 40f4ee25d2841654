//! The open-API server, called by the library's own clients: in process and over sockets.

mod bad_input;
mod deliveries;
mod faults;
mod licenses;
mod login;
mod orders;
mod packages;
mod signatures;
mod sockets;
mod uploads;
mod usage;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::{AccessKey, Credentials};
use koogallery::open_api::{Api, Authentication, CallError, Client, ClientBuilder, RetryPolicy};
use koogallery::signature::{aksk, usage_push};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use koogallery::transport::Transport;
use koogallery_simulator::{OpenApiServer, OpenApiServerBuilder, SeededRandom};
use serde_json::Value;

/// 2025-01-02 03:04:05 UTC.
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_000);

fn credentials() -> Credentials {
    Credentials::new("DEMOAK0000000001", "DEMOSK0000000001demosk").unwrap()
}

fn access_key() -> AccessKey {
    AccessKey::new("test-access-key").unwrap()
}

/// A server under a clock that stands still, and a client that tries once.
struct Stage {
    open_api: OpenApiServer,
    clock: Arc<ManualClock>,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        Self::with(|open_api| open_api)
    }

    fn with(configure: impl FnOnce(OpenApiServerBuilder) -> OpenApiServerBuilder) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let open_api =
            OpenApiServer::builder().clock(Arc::clone(&clock)).credentials(credentials()).access_keys(access_key());
        let open_api = configure(open_api).build();
        let client = client(open_api.clone(), &clock).build().unwrap();
        Self { open_api, clock, client }
    }

    /// As a seller's client calls that checks no limits.
    async fn call<A: Api>(&self, api: A) -> Result<A::Response, CallError> {
        if api.check().is_ok() {
            return self.client.call(&api).await;
        }
        let request = self.signed_as(A::AUTHENTICATION, api.to_http(&Site::China.into()));
        let response = self.open_api.send(request).await;
        let response = response.map_err(|source| CallError::Transport { api: A::NAME, source })?;
        Ok(A::from_http(&response)?)
    }

    fn signed_as(&self, authentication: Authentication, mut request: Request<Bytes>) -> Request<Bytes> {
        if authentication == Authentication::AkSk {
            return aksk::sign(request, &credentials(), self.clock.now()).unwrap();
        }
        let (ts, nonce) = (self.clock.now().as_unix_millis().to_string(), "a nonce that is used once".to_owned());
        let signature = usage_push::sign(&access_key(), &ts, &nonce, request.body());
        for (name, value) in [("signature", signature), ("ts", ts), ("nonce", nonce)] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    /// The code that refuses a call.
    async fn refusal<A: Api<Response: std::fmt::Debug>>(&self, api: A) -> String {
        self.call(api).await.unwrap_err().code().expect("an answer with a code").to_owned()
    }

    /// Status and body of the answer to a request that is signed here.
    fn signed(&self, request: Request<&str>) -> (u16, Value) {
        let request = request.map(|body| Bytes::copy_from_slice(body.as_bytes()));
        let response = self.open_api.answer(aksk::sign(request, &credentials(), self.clock.now()).unwrap());
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }
}

fn client(transport: impl Transport, clock: &Arc<ManualClock>) -> ClientBuilder {
    let mut once = RetryPolicy::default();
    once.attempts = 1;
    Client::builder(Site::China, transport, TokioRuntime)
        .credentials(credentials())
        .access_key(access_key())
        .clock(Arc::clone(clock))
        .random(SeededRandom::new(99))
        .retry_policy(once)
}
