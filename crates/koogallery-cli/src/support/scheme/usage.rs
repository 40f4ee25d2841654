//! `usage`.

use clap::Args;
use koogallery::key::InterfaceType;
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::usage_push;

use super::{Age, Scheme, Source, VerifyError, required};
use crate::Failure;
use crate::support::environment;

/// The newer usage push: header `signature`, Base64, with KOOGALLERY_BASIC_KEY.
#[derive(Args)]
pub struct Usage {
    /// Header `ts`: UNIX milliseconds.
    #[arg(long, value_name = "MS", required_unless_present = "request", conflicts_with = "request")]
    ts: Option<String>,
    /// Header `nonce`.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "request",
        conflicts_with = "request",
        allow_hyphen_values = true
    )]
    nonce: Option<String>,
    #[command(flatten)]
    source: Source,
}

struct Push {
    ts: String,
    nonce: String,
    signature: Option<String>,
    body: Vec<u8>,
}

impl Usage {
    fn push(&self, signature: Option<&str>) -> Result<Push, Failure> {
        Ok(match self.source.capture()? {
            Some(capture) => Push {
                ts: required(capture.header("ts"), "the header ts")?,
                nonce: required(capture.header("nonce"), "the header nonce")?,
                signature: capture.header("signature").map(str::to_owned),
                body: capture.body,
            },
            None => Push {
                ts: required(self.ts.as_deref(), "--ts")?,
                nonce: required(self.nonce.as_deref(), "--nonce")?,
                signature: signature.map(str::to_owned),
                body: self.source.body()?,
            },
        })
    }
}

impl Scheme for Usage {
    fn is_whole(&self) -> bool {
        self.source.request.is_some()
    }

    fn sign(&self) -> Result<String, Failure> {
        let ring = environment::ring(InterfaceType::Basic)?;
        let Push { ts, nonce, body, .. } = self.push(None)?;
        Ok(usage_push::sign(ring.signing_key(), &ts, &nonce, &body))
    }

    fn verify(&self, signature: Option<&str>, _: &Age) -> Result<Result<(), VerifyError>, Failure> {
        let ring = environment::ring(InterfaceType::Basic)?;
        let Push { ts, nonce, signature, body } = self.push(signature)?;
        let Some(signature) = signature else { return Ok(Err(VerifyError::Unsigned("signature"))) };
        Ok(usage_push::verify(&ring, &signature, &ts, &nonce, &body))
    }

    fn explain(&self, signature: Option<&str>, _: &Age) -> Result<Diagnosis, Failure> {
        let keys = environment::access_keys()?;
        let Push { ts, nonce, signature, body } = self.push(signature)?;
        Ok(diagnosis::usage_push(&keys, &required(signature, "the signature")?, &ts, &nonce, &body))
    }
}
