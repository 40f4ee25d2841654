//! `callback-v2`.

use clap::Args;
use http::HeaderMap;
use koogallery::query::{self, Plus};
use koogallery::signature::callback_v2;
use koogallery::signature::diagnosis::{self, Diagnosis};

use super::{Age, Interface, Scheme, Source, VerifyError, required};
use crate::Failure;
use crate::support::environment;

/// V2.0 callbacks: `signature` in the query, hex. Orders and License codes have keys of their own (--interface).
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
    /// `timestamp` of the query, its digits as received.
    #[arg(long, value_name = "MS", required_unless_present = "request", conflicts_with = "request")]
    timestamp: Option<String>,
    #[command(flatten)]
    source: Source,
    /// The interface type of the key.
    #[arg(long, value_enum, default_value = "basic")]
    interface: Interface,
}

/// Returns the raw query string, the headers and the body.
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
        let mut query = String::new();
        for (name, value) in pairs.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            query::push_pair(&mut query, name, value);
        }
        Ok(Call { query, headers: HeaderMap::new(), body: self.source.body()? })
    }
}

impl Call {
    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = query::raw_pairs(&self.query);
        Some(pairs.find(|pair| pair.name == name)?.decoded_value(Plus::Space)?.into_owned())
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
