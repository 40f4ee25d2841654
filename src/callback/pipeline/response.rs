//! The response: a body, signed where the protocol signs its answers.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::callback::CallbackError;
use crate::callback::dialect::AnswerRules;
use crate::key::AccessKey;
use crate::saas::Acknowledgement;
use crate::signature::body_sign;

/// Names are lower case in `http`; the server writes the documented case (see [`crate::adapter`]).
const BODY_SIGN: HeaderName = HeaderName::from_static("body-sign");

/// Writes the answer to a call that failed. A refusal of the seller that breaks the rules becomes an internal error.
pub(in crate::callback) fn refusal(error: CallbackError, rules: AnswerRules) -> (CallbackError, Bytes) {
    let acknowledge = |error: &CallbackError| {
        rules.write(&Acknowledgement::new(error.result_code()).with_message(error.result_message()))
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

/// Returns a response with status 200 whatever the result code, because the marketplace reads no body with another one.
pub(in crate::callback) fn response(body: Bytes, signing_key: Option<&AccessKey>) -> Response<Bytes> {
    let signature = signing_key.and_then(|key| HeaderValue::try_from(body_sign::sign(key, &body)).ok());
    // Room for the length too, which adapters add.
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Answers to `GET` can hold passwords, and the signature is that of the bytes sent.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    if let Some(signature) = signature {
        headers.insert(BODY_SIGN, signature);
    }
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// Returns the response to a method that no callback uses.
pub(in crate::callback) fn method_not_allowed(body: Bytes) -> Response<Bytes> {
    let mut response = response(body, None);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}
