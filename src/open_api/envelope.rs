//! What all answers have in common, under two sets of names.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::code::{gateway_digits, meaning_of};
use super::{ApiError, ApiErrorKind, Retry};
use crate::wire::lenient::{Scalar, text};

/// Code and text: `resultCode` and `resultMsg` of the order query, `error_code` and `error_msg` of all others.
#[derive(Deserialize)]
struct Envelope {
    #[serde(alias = "error_code", alias = "errorCode")]
    #[serde(rename = "resultCode", default, deserialize_with = "text")]
    code: Option<Scalar>,
    #[serde(alias = "error_msg", alias = "errorMsg")]
    #[serde(rename = "resultMsg", default, deserialize_with = "text")]
    message: Option<Scalar>,
    #[serde(default, deserialize_with = "text")]
    request_id: Option<Scalar>,
}

/// Reads an answer whose success is one of the codes given.
pub(super) fn read<T: DeserializeOwned>(
    api: &'static str,
    success: &[&str],
    response: &Response<Bytes>,
) -> Result<T, ApiError> {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let body = without_mark(response.body());
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
    let request_id = envelope.as_ref().and_then(|envelope| envelope.request_id.clone());
    let request_id = request_id.map(String::from).or_else(|| header("x-request-id").map(str::to_owned));
    let failed = |kind, retry| Err(ApiError { api, kind, status, retry, request_id: request_id.clone() });

    let Some((Some(code), message)) = envelope.map(|envelope| (envelope.code, envelope.message)) else {
        let content_type = header(CONTENT_TYPE.as_str()).unwrap_or("an unnamed type").to_owned();
        let kind = ApiErrorKind::UnexpectedContent { content_type, length: response.body().len() };
        // An answer that should be a success may be cut off; asking again tells.
        return failed(kind, if status.is_success() { Retry::BackOff } else { retry_by(status) });
    };
    // One table prints a code with a blank inside.
    let code: String = String::from(code).split_whitespace().collect();
    if status.is_success() && success.contains(&code.as_str()) {
        return serde_json::from_slice(body)
            .or_else(|error| failed(ApiErrorKind::Malformed(Arc::new(error)), Retry::No));
    }
    let message = message.map(String::from).unwrap_or_default();
    let known = meaning_of(&code, status);
    let retry = known.map_or_else(|| retry_by(status), |(_, retry)| retry);
    match known {
        Some((meaning, _)) if gateway_digits(&code).is_some() => {
            failed(ApiErrorKind::Gateway { code, message, meaning }, retry)
        }
        _ => failed(ApiErrorKind::Refused { code, message, meaning: known.map(|(meaning, _)| meaning) }, retry),
    }
}

/// The body without the byte order mark that some servers write in front of JSON.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// A success that lacks what it is about.
pub(super) fn malformed(
    api: &'static str,
    response: &Response<Bytes>,
    error: impl Error + Send + Sync + 'static,
) -> ApiError {
    let kind = ApiErrorKind::Malformed(Arc::new(error));
    ApiError { api, kind, status: response.status(), retry: Retry::No, request_id: None }
}

/// Where no code tells.
fn retry_by(status: StatusCode) -> Retry {
    let passes =
        status.is_server_error() || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
    if passes { Retry::BackOff } else { Retry::No }
}
