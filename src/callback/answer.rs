//! The way out: checked, serialised once, signed where the protocol asks for it.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::CallbackError;
use crate::activity::Activity;
use crate::key::AccessKey;
use crate::result_code::ResultCode;
use crate::saas::Acknowledgement;
use crate::signature::body_sign;
use crate::text::json;
use crate::wire::{Answer, Checks, Violation};

/// Names are lower case in `http`; the server writes the documented case (see [`crate::adapter`]).
const BODY_SIGN: HeaderName = HeaderName::from_static("body-sign");

/// Checks an answer against its table and serialises it.
pub(super) fn checked(answer: &impl Answer, activity: Option<Activity>, ascii_only: bool) -> Result<Bytes, Violation> {
    Checks::run(answer, activity, ascii_only)?;
    // Serialising plain data into memory does not fail; if it did, an empty body would be refused by the marketplace.
    Ok(json::to_ascii(answer).unwrap_or_default().into())
}

/// The answer that is its result code alone.
pub(super) fn acknowledge(activity: Activity, ascii_only: bool) -> Result<Bytes, Violation> {
    checked(&Acknowledgement::new(ResultCode::Success), Some(activity), ascii_only)
}

/// The answer to a call that was not done. A refusal of the seller that breaks the table becomes an internal error.
pub(super) fn refusal(error: CallbackError, activity: Option<Activity>, ascii_only: bool) -> (CallbackError, Bytes) {
    let acknowledge = |error: &CallbackError| {
        let answer = Acknowledgement::new(error.result_code()).with_message(error.result_message());
        checked(&answer, activity, ascii_only)
    };
    match acknowledge(&error) {
        Ok(body) => (error, body),
        Err(violation) => {
            let error = CallbackError::from(violation);
            let body = acknowledge(&error).unwrap_or_default();
            (error, body)
        }
    }
}

/// The response: status 200 whatever the code, because the marketplace reads no body with another one.
pub(super) fn response(body: Bytes, signing_key: Option<&AccessKey>) -> Response<Bytes> {
    let signature = signing_key.and_then(|key| HeaderValue::try_from(body_sign::sign(key, &body)).ok());
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Answers to `GET` can hold passwords.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(signature) = signature {
        headers.insert(BODY_SIGN, signature);
    }
    response
}

/// The response to a method that no callback uses.
pub(super) fn method_not_allowed(body: Bytes) -> Response<Bytes> {
    let mut response = response(body, None);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}
