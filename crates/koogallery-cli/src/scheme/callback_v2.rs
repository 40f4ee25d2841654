//! `callback-v2`.

use clap::Args;
use http::HeaderMap;
use koogallery::signature::callback_v2;
use koogallery::signature::diagnosis::{self, Diagnosis};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Age, Interface, Scheme, Source, VerifyError, required};
use crate::environment;
use crate::failure::Failure;

/// V2.0 callbacks: `signature` in the query, hex. Orders and License codes have a key of their own (--interface).
#[derive(Args)]
pub struct CallbackV2 {
    /// `nonce` of the query, decoded.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "request",
        conflicts_with = "request",
        allow_hyphen_values = true
    )]
    nonce: Option<String>,
    /// `timestamp` of the query, its digits as they came.
    #[arg(long, value_name = "MS", required_unless_present = "request", conflicts_with = "request")]
    timestamp: Option<String>,
    #[command(flatten)]
    source: Source,
    /// The interface type whose key counts.
    #[arg(long, value_enum, default_value = "basic")]
    interface: Interface,
}

/// The raw query string, the headers and the body.
struct Call {
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl CallbackV2 {
    fn call(&self, signature: Option<&str>) -> Result<Call, Failure> {
        if let Some(capture) = self.source.capture()? {
            return Ok(Call { query: capture.query()?.to_owned(), headers: capture.header_map()?, body: capture.body });
        }
        let pairs =
            [("signature", signature), ("timestamp", self.timestamp.as_deref()), ("nonce", self.nonce.as_deref())];
        let encoded = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let pair = |(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        let query = encoded.map(pair).collect::<Vec<_>>().join("&");
        Ok(Call { query, headers: HeaderMap::new(), body: self.source.body()? })
    }
}

impl Call {
    fn parameter(&self, name: &str) -> Option<String> {
        let values = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = values.into_iter().find(|(found, _)| *found == name)?;
        Some(percent_decode_str(&value.replace('+', " ")).decode_utf8().ok()?.into_owned())
    }
}

impl Scheme for CallbackV2 {
    fn is_whole(&self) -> bool {
        self.source.request.is_some()
    }

    fn sign(&self) -> Result<String, Failure> {
        let call = self.call(None)?;
        let [nonce, timestamp] = ["nonce", "timestamp"].map(|name| required(call.parameter(name), name));
        let ring = environment::ring(self.interface.into())?;
        Ok(callback_v2::sign(ring.signing_key(), &nonce?, &timestamp?, &call.body))
    }

    fn verify(&self, signature: Option<&str>, age: &Age) -> Result<Result<(), VerifyError>, Failure> {
        let ring = environment::ring(self.interface.into())?;
        let Call { query, headers, body } = self.call(signature)?;
        let verified = callback_v2::verify(&ring, &query, &body, age.now(), age.window());
        Ok(verified.map(|_| ()).map_err(|error| error.or_compressed(&headers)))
    }

    fn explain(&self, signature: Option<&str>, age: &Age) -> Result<Diagnosis, Failure> {
        let keys = environment::access_keys()?;
        let Call { query, headers, body } = self.call(signature)?;
        let found = diagnosis::callback_v2(&keys, self.interface.into(), &query, &body, age.now(), age.window());
        Ok(match (found, VerifyError::Mismatch.or_compressed(&headers)) {
            (Diagnosis::Unexplained { .. }, compressed @ VerifyError::Compressed(_)) => Diagnosis::Refused(compressed),
            (found, _) => found,
        })
    }
}
