//! `auth-token`.

use std::path::PathBuf;

use clap::Args;
use http::HeaderMap;
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::{auth_token, auth_token_body};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Age, Interface, Scheme, VerifyError};
use crate::Failure;
use crate::support::http_message::{Capture, header_map, query_of};
use crate::support::{environment, input};

/// V1.0 callbacks: `authToken`, Base64, over a query (GET) or a body (POST of the Kit).
#[derive(Args)]
pub struct AuthToken {
    /// The received query string, or the whole address; with or without the parameter `authToken`.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["body", "request"])]
    query: Option<String>,
    /// The body of a Kit call, byte for byte; `-` reads standard input.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["query", "request"], conflicts_with = "request")]
    body: Option<PathBuf>,
    /// The whole captured HTTP/1.1 request, instead of all other inputs; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The interface type of the key: v1, or kit if the Kit has the only key.
    #[arg(long, value_enum)]
    interface: Option<Interface>,
}

enum Call {
    Query(String),
    Body(HeaderMap, Vec<u8>),
}

impl AuthToken {
    fn call(&self, signature: Option<&str>) -> Result<Call, Failure> {
        if let Some(path) = &self.request {
            let capture = Capture::read(path)?;
            return Ok(match capture.request_line()? {
                ("GET", target) => Call::Query(query_of(target).to_owned()),
                _ => Call::Body(capture.header_map()?, capture.body),
            });
        }
        if let Some(query) = &self.query {
            let token = signature.map(|token| format!("&authToken={}", utf8_percent_encode(token, NON_ALPHANUMERIC)));
            return Ok(Call::Query([query_of(query), &token.unwrap_or_default()].concat()));
        }
        let token = signature.map(|token| ("authToken".to_owned(), token.to_owned()));
        let body = self.body.as_deref().map_or(Ok(Vec::new()), input::read)?;
        Ok(Call::Body(header_map(&token.into_iter().collect::<Vec<_>>())?, body))
    }

    /// As the service chooses: V1.0 uses one key, and the Kit's only if it is the only one.
    fn interface(&self, call: &Call, keys: &AccessKeys) -> InterfaceType {
        match (self.interface, call) {
            (Some(interface), _) => interface.into(),
            (None, Call::Body(..)) if keys.get(InterfaceType::V1).is_none() => InterfaceType::Kit,
            (None, _) => InterfaceType::V1,
        }
    }
}

impl Scheme for AuthToken {
    fn is_whole(&self) -> bool {
        self.request.is_some() || self.query.as_deref().is_some_and(|query| query.contains("authToken="))
    }

    fn sign(&self) -> Result<String, Failure> {
        let call = self.call(None)?;
        let ring = environment::ring(self.interface(&call, &environment::access_keys()?))?;
        let token = match call {
            Call::Query(query) => auth_token::sign(ring.signing_key(), &query),
            Call::Body(_, body) => auth_token_body::sign(ring.signing_key(), &body),
        };
        token.map_err(|error| Failure::of("not signed", &error))
    }

    fn verify(&self, signature: Option<&str>, age: &Age) -> Result<Result<(), VerifyError>, Failure> {
        let call = self.call(signature)?;
        let ring = environment::ring(self.interface(&call, &environment::access_keys()?))?;
        Ok(match call {
            Call::Query(query) => auth_token::verify(&ring, &query, age.now(), age.window()).map(|_| ()),
            Call::Body(headers, body) => {
                auth_token_body::verify(&ring, &headers, &body, age.now(), age.window()).map(|_| ())
            }
        })
    }

    fn explain(&self, signature: Option<&str>, age: &Age) -> Result<Diagnosis, Failure> {
        let call = self.call(signature)?;
        let keys = environment::access_keys()?;
        let interface = self.interface(&call, &keys);
        Ok(match call {
            Call::Query(query) => diagnosis::auth_token(&keys, interface, &query, age.now(), age.window()),
            Call::Body(headers, body) => {
                diagnosis::auth_token_body(&keys, interface, &headers, &body, age.now(), age.window())
            }
        })
    }
}
