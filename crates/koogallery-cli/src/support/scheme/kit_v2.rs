//! `kit-v2`.

use clap::Args;
use http::HeaderMap;
use koogallery::key::InterfaceType;
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::kit_v2;

use super::{Age, Scheme, Source, VerifyError, required};
use crate::Failure;
use crate::support::environment;
use crate::support::http_message::header_map;

/// V2.0 Kit callbacks: header `x-sign`, hex, with KOOGALLERY_KIT_KEY. The body is used exactly as given.
#[derive(Args)]
pub struct KitV2 {
    /// Header `x-nonce`.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "request",
        conflicts_with = "request",
        allow_hyphen_values = true
    )]
    nonce: Option<String>,
    /// Header `x-timestamp`, its digits as received.
    #[arg(long, value_name = "MS", required_unless_present = "request", conflicts_with = "request")]
    timestamp: Option<String>,
    #[command(flatten)]
    source: Source,
}

impl KitV2 {
    fn call(&self, signature: Option<&str>) -> Result<(HeaderMap, Vec<u8>), Failure> {
        if let Some(capture) = self.source.capture()? {
            return Ok((capture.header_map()?, capture.body));
        }
        let headers =
            [("x-sign", signature), ("x-timestamp", self.timestamp.as_deref()), ("x-nonce", self.nonce.as_deref())];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Ok((header_map(&headers.collect::<Vec<_>>())?, self.source.body()?))
    }
}

impl Scheme for KitV2 {
    fn is_whole(&self) -> bool {
        self.source.request.is_some()
    }

    fn sign(&self) -> Result<String, Failure> {
        let (headers, body) = self.call(None)?;
        let header = |name: &str| required(headers.get(name).and_then(|value| value.to_str().ok()), name);
        let ring = environment::ring(InterfaceType::Kit)?;
        Ok(kit_v2::sign(ring.signing_key(), &header("x-nonce")?, &header("x-timestamp")?, &body).to_ascii_lowercase())
    }

    fn verify(&self, signature: Option<&str>, age: &Age) -> Result<Result<(), VerifyError>, Failure> {
        let ring = environment::ring(InterfaceType::Kit)?;
        let (headers, body) = self.call(signature)?;
        Ok(kit_v2::verify(&ring, &headers, &body, age.now(), age.window()).map(|_| ()))
    }

    fn explain(&self, signature: Option<&str>, age: &Age) -> Result<Diagnosis, Failure> {
        let keys = environment::access_keys()?;
        let (headers, body) = self.call(signature)?;
        Ok(diagnosis::kit_v2(&keys, &headers, &body, age.now(), age.window()))
    }
}
