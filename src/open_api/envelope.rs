//! Members that all answers have, under several sets of names.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Response, StatusCode, Uri};
use serde::de::DeserializeOwned;

use super::code::{is_of_gateway, is_same, meaning_of, normalized};
use super::{ApiError, ApiErrorKind, Retry, headers};
use crate::text::json::{self, LenientMembers, Member};
use crate::wire::lenient::Scalar;

/// The names of the code and the text: of the order query, of all other APIs, and of what stands in front of them.
const CODE: [&str; 5] = ["resultCode", "error_code", "errorCode", "result_code", "code"];
const MESSAGE: [&str; 5] = ["resultMsg", "error_msg", "errorMsg", "result_msg", "message"];
const REQUEST_ID: [&str; 2] = ["request_id", "requestId"];

/// Code, text and request id, wherever an answer has them.
#[derive(Default)]
struct Envelope {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Envelope {
    fn read(body: &[u8]) -> Self {
        let Some((outer, members)) = Self::of_object(body) else { return Self::default() };
        if outer.code.is_some() {
            return outer;
        }
        let nested = members.iter().find(|(name, _)| name == "error");
        let (inner, _) = nested.and_then(|(_, error)| Self::of_object(error.as_bytes())).unwrap_or_default();
        Self { request_id: inner.request_id.or(outer.request_id), ..inner }
    }

    /// A member that stands more than once with different values says nothing.
    fn of_object(object: &[u8]) -> Option<(Self, Vec<Member<'_>>)> {
        let LenientMembers { members, conflicts, problem: None } = json::lenient_members(object) else { return None };
        let scalar = |names: &[&str]| {
            let found = names.iter().filter(|name| !conflicts.iter().any(|conflict| conflict == *name));
            let values = found.filter_map(|name| members.iter().find(|(known, _)| known == name));
            let mut texts =
                values.filter_map(|(_, value)| serde_json::from_str::<Scalar>(value).ok()).map(String::from);
            texts.find(|text| !text.trim().is_empty())
        };
        let envelope = Self { code: scalar(&CODE), message: scalar(&MESSAGE), request_id: scalar(&REQUEST_ID) };
        Some((envelope, members))
    }
}

/// Reads an answer whose success is one of the codes given.
pub(super) fn read<T: DeserializeOwned>(
    api: &'static str,
    success: &[&str],
    response: &Response<Bytes>,
) -> Result<T, ApiError> {
    let body = body(response);
    let Envelope { code, message, request_id } = Envelope::read(body);
    let code = code.as_deref().map(normalized);
    let is_success = response.status().is_success()
        && code.as_deref().is_some_and(|code| success.iter().any(|success| is_same(success, code)));
    let error = match is_success {
        true => match serde_json::from_slice(body) {
            Ok(answer) => return Ok(answer),
            Err(error) => malformed(api, response, error),
        },
        false => refusal(api, response, code, message.unwrap_or_default()),
    };
    Err(ApiError { request_id: request_id.or(error.request_id), ..error })
}

/// A success that lacks what it is about.
pub(super) fn malformed(
    api: &'static str,
    response: &Response<Bytes>,
    error: impl Error + Send + Sync + 'static,
) -> ApiError {
    failed(api, response, ApiErrorKind::Malformed(Arc::new(error)), Retry::No)
}

fn refusal(api: &'static str, response: &Response<Bytes>, code: Option<String>, message: String) -> ApiError {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if status.is_redirection() {
        let host = header(LOCATION).and_then(|location| location.parse::<Uri>().ok());
        let host = host.and_then(|location| Some(location.host()?.chars().take(80).collect()));
        return failed(api, response, ApiErrorKind::Redirected { host }, Retry::No);
    }
    let Some(code) = code else {
        let content_type = header(CONTENT_TYPE).unwrap_or("an unnamed type").chars().take(80).collect();
        let kind = ApiErrorKind::UnexpectedContent { content_type, length: response.body().len() };
        // An answer that should be a success may be cut off; a retry shows.
        let retry = if status.is_success() { Retry::BackOff } else { retry_by(status) };
        return failed(api, response, kind, retry);
    };
    let known = meaning_of(&code, status);
    let retry = known.map_or_else(|| retry_by(status), |(_, retry)| retry);
    let kind = match known {
        Some((meaning, _)) if is_of_gateway(&code) => ApiErrorKind::Gateway { code, message, meaning },
        _ => ApiErrorKind::Refused { code, message, meaning: known.map(|(meaning, _)| meaning) },
    };
    failed(api, response, kind, retry)
}

/// An error with what the answer's head shows. Some statuses decide whether the request may be sent again, whatever the
/// code says.
fn failed(api: &'static str, response: &Response<Bytes>, kind: ApiErrorKind, retry: Retry) -> ApiError {
    let (status, headers) = (response.status(), response.headers());
    let retry_after = headers::retry_after(headers);
    let retry = match status {
        StatusCode::PRECONDITION_FAILED => Retry::No,
        StatusCode::TOO_MANY_REQUESTS => Retry::BackOff,
        StatusCode::PAYLOAD_TOO_LARGE if retry_after.is_none() => Retry::No,
        StatusCode::PAYLOAD_TOO_LARGE => Retry::BackOff,
        StatusCode::SERVICE_UNAVAILABLE if retry_after.is_some() => Retry::BackOff,
        _ => retry,
    };
    ApiError {
        api,
        kind,
        status,
        retry,
        retry_after,
        request_id: headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
        answered_at: headers::date(headers),
        clock_difference: None,
    }
}

/// Decides by the status, where no code does. The marketplace means "called too often" by 406.
fn retry_by(status: StatusCode) -> Retry {
    let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::NOT_ACCEPTABLE, StatusCode::REQUEST_TIMEOUT];
    if status.is_server_error() || passes.contains(&status) { Retry::BackOff } else { Retry::No }
}

/// The body, without the mark that some programs put at the beginning of a UTF-8 text.
fn body(response: &Response<Bytes>) -> &[u8] {
    response.body().strip_prefix("\u{feff}".as_bytes()).unwrap_or(response.body())
}
