//! Calling the marketplace: every open API as a typed request and a typed response, without IO.
//!
//! A request becomes an `http::Request` ([`Api::to_http`]), which the caller signs and sends as it likes; the
//! `http::Response` becomes the typed answer or an [`ApiError`] that says what to do ([`Api::from_http`]).
//!
//! ```
//! use bytes::Bytes;
//! use koogallery::key::Credentials;
//! use koogallery::open_api::{Api as _, query_order};
//! use koogallery::signature::aksk;
//! use koogallery::site::Site;
//!
//! let query = query_order::Request::new("MOCKPERIODYEARNEW");
//! let request = query.to_http(&Site::China.into());
//! let credentials = Credentials::new("AK", "SK")?;
//! let signed = aksk::sign(request, &credentials, "20250102030405".parse()?)?;
//! assert_eq!(signed.uri().host(), Some("mkt.myhuaweicloud.com"));
//!
//! // Sent by any client; its answer:
//! let answer = Bytes::from_static(br#"{"resultCode":"MKT.0150","resultMsg":"Illegal operation"}"#);
//! let answer = http::Response::builder().status(401).body(answer)?;
//! let error = query_order::Request::from_http(&answer).unwrap_err();
//! assert!(!error.is_retryable());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod activate_license;
pub mod activate_licenses;
mod client;
mod code;
mod envelope;
mod error;
mod from_env;
mod headers;
mod limit;
mod observer;
pub mod push_usage;
pub mod push_usage_old;
pub mod query_deployed_objects;
pub mod query_license;
pub mod query_order;
pub mod report_software_usage;
mod source;
mod spec;
pub mod upload;

use bytes::Bytes;
use http::{Request, Response};

use crate::transport::BaseUrl;

pub use client::{CallError, Client, ClientBuildError, ClientBuilder, RetryPolicy};
pub use error::{ApiError, ApiErrorKind, Retry};
pub use headers::RetryAfter;
pub use limit::{Limit, LimitError};
pub use observer::{CallObserver, EndedCall, FailedAttempt, ObservedCall};
pub use source::Source;
pub use spec::{ApiSpec, RequestForm};

/// Authentication of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// AK/SK, see [`signature::aksk`](crate::signature::aksk).
    AkSk,
    /// The headers `signature`, `ts` and `nonce` under the access key of the basic interface, see
    /// [`signature::usage_push`](crate::signature::usage_push).
    AccessKey,
}

/// One open API. Its requests are those of the modules here; the trait cannot be implemented elsewhere.
///
/// All of them may be sent again when it is unknown whether they arrived: the order query changes nothing, and of usage
/// records for the same instance and period the first counts.
pub trait Api: sealed::Sealed {
    /// The answer of a success.
    type Response;

    /// The API's name in errors and logs.
    const NAME: &'static str;

    /// Authentication of its requests.
    const AUTHENTICATION: Authentication;

    /// Checks the request against the documented limits, so that nothing is sent that would be refused. The client does
    /// so before a call.
    ///
    /// # Errors
    ///
    /// The first field that breaks one.
    fn check(&self) -> Result<(), LimitError> {
        Ok(())
    }

    /// Returns the request, not yet signed. Exactly these bytes must be signed and sent.
    fn to_http(&self, base: &BaseUrl) -> Request<Bytes>;

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// The marketplace or its gateway refused, or the answer is not in the documented form.
    fn from_http(response: &Response<Bytes>) -> Result<Self::Response, ApiError>;
}

mod sealed {
    /// Keeps [`Api`](super::Api) to the requests of this crate, so that it may grow.
    #[allow(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
}
