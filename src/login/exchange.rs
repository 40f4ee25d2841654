//! One request to an authentication center, and how its answers are read.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Cause, CenterError, TenantLogin};
use crate::redact::Sensitive;

/// Longest answer that is read; real ones have less than 2 KiB.
const MAX_ANSWER: usize = 64 * 1024;

/// One request to a tenant's authentication center: of a [code or token](super::token), of the
/// [user's information](super::user_info), of a ticket. The trait cannot be implemented elsewhere.
pub trait Exchange: sealed::Sealed {
    /// The answer of a success.
    type Answer;

    /// The request's name in errors and logs.
    const NAME: &'static str;

    /// Returns the request, ready to be sent.
    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes>;

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// The center refused, or the answer is not in the documented form.
    fn from_http(response: &Response<Bytes>) -> Result<Self::Answer, CenterError>;
}

pub(super) mod sealed {
    /// Keeps [`Exchange`](super::Exchange) to the requests of this crate, so that it may grow.
    #[allow(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
}

/// The code and the words of an answer that is no success: those of OAuth 2.0, or those of what stands in front of the
/// center or behind it.
struct Reported {
    code: String,
    description: Option<Sensitive>,
    /// It is named `error`, which no success is.
    is_error: bool,
}

impl Reported {
    const CODES: [&str; 7] = ["error", "error_code", "errorCode", "resultCode", "result_code", "errCode", "code"];
    const DESCRIPTIONS: [&str; 9] = [
        "error_description",
        "error_msg",
        "errorMsg",
        "resultMsg",
        "result_msg",
        "errMsg",
        "message",
        "msg",
        "description",
    ];

    fn read(body: &[u8]) -> Option<Self> {
        let outer: Map<String, Value> = object(body)?;
        let nested = outer.get("error").and_then(Value::as_object);
        let members = nested.unwrap_or(&outer);
        let first = |names: &[&str]| names.iter().find_map(|name| text_of(members.get(*name)?));
        Some(Self {
            code: first(&Self::CODES)?,
            description: first(&Self::DESCRIPTIONS).map(Sensitive::from),
            is_error: nested.is_some() || outer.get("error").and_then(text_of).is_some(),
        })
    }
}

/// A text that is not blank, or a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a JSON answer of the request `E`. `refused` is what it means when the code or token presented is refused.
pub(super) fn read_json<E: Exchange, T: DeserializeOwned>(
    response: &Response<Bytes>,
    refused: &Cause,
) -> Result<T, CenterError> {
    let body = body::<E>(response)?;
    let is_error = !response.status().is_success() || Reported::read(body).is_some_and(|reported| reported.is_error);
    let answer = if is_error { None } else { object(body) };
    answer.ok_or_else(|| failed::<E>(response, refused))
}

fn cause_of(code: &str, description: Option<&Sensitive>, status: StatusCode, refused: &Cause) -> Cause {
    let description = description.map_or_else(String::new, |text| text.expose().to_ascii_lowercase());
    match code {
        "invalid_grant" | "invalid_token" => refused.clone(),
        "invalid_client" if description.contains("client id mismatch") => Cause::StaleClientId,
        "invalid_client" if description.contains("bad client credentials") => Cause::WrongClientSecret,
        "invalid_client" | "unauthorized_client" => Cause::ClientRefused,
        "unauthorized" => unauthorized(refused),
        "server_error" | "temporarily_unavailable" => Cause::Unavailable,
        _ => cause_of_status(status, refused).unwrap_or(Cause::RequestRefused),
    }
}

/// Returns what was refused: the token at the user information, and elsewhere the client.
fn unauthorized(refused: &Cause) -> Cause {
    if *refused == Cause::AccessTokenRefused { Cause::AccessTokenRefused } else { Cause::ClientRefused }
}

/// Returns the cause that the status alone shows.
fn cause_of_status(status: StatusCode, refused: &Cause) -> Option<Cause> {
    match status {
        StatusCode::UNAUTHORIZED => Some(unauthorized(refused)),
        StatusCode::FORBIDDEN => Some(Cause::Forbidden),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Some(Cause::Unavailable),
        _ if status.is_server_error() => Some(Cause::Unavailable),
        _ => None,
    }
}

/// An answer that is no success, or not the one that is documented, with what it says itself.
pub(super) fn failed<E: Exchange>(response: &Response<Bytes>, refused: &Cause) -> CenterError {
    let status = response.status();
    let reported = Reported::read(response.body());
    let cause = match &reported {
        Some(reported) => Some(cause_of(&reported.code, reported.description.as_ref(), status, refused)),
        None => cause_of_status(status, refused),
    };
    let error = cause.map_or_else(|| unexpected::<E>(response), |cause| CenterError::new::<E>(status, cause));
    match reported {
        Some(Reported { code, description, .. }) => error.reported(&code, description),
        None => error,
    }
}

/// The body without a byte order mark, unless it is too large to be an answer.
pub(super) fn body<E: Exchange>(response: &Response<Bytes>) -> Result<&[u8], CenterError> {
    if response.body().len() > MAX_ANSWER {
        return Err(unexpected::<E>(response));
    }
    Ok(response.body().strip_prefix("\u{feff}".as_bytes()).unwrap_or(response.body()))
}

/// serde would read a list as an object too, member by member.
fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok())?
}

/// An answer in another form than documented. What it says is not kept: it may hold a token.
fn unexpected<E: Exchange>(response: &Response<Bytes>) -> CenterError {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("an unnamed type").chars().take(80).collect();
    CenterError::new::<E>(response.status(), Cause::UnexpectedAnswer { content_type, length: response.body().len() })
}
