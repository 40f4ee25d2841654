//! One request to an authentication centre, and how its answers are read.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Cause, CentreError, TenantLogin};
use crate::redact::Sensitive;
use crate::wire::lenient::optional;

/// Longest answer that is read; real ones have less than 2 KiB.
const MAX_ANSWER: usize = 64 * 1024;

/// One request to a tenant's authentication centre.
pub trait Exchange {
    /// What a success says.
    type Answer;

    /// The request's name in errors and logs.
    const NAME: &'static str;

    /// The request, ready to be sent.
    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes>;

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// The centre refused, or the answer is not in the documented form.
    fn from_http(response: &Response<Bytes>) -> Result<Self::Answer, CentreError>;
}

/// `error` and `error_description` of OAuth 2.0.
#[derive(Deserialize)]
struct OAuthError {
    #[serde(default, deserialize_with = "optional")]
    error: Option<String>,
    #[serde(default, deserialize_with = "optional")]
    error_description: Option<Sensitive>,
}

/// Reads a JSON answer of the request `E`. `refused` is what it means when the code or token presented is refused.
pub(super) fn read_json<E: Exchange, T: DeserializeOwned>(
    response: &Response<Bytes>,
    refused: Cause,
) -> Result<T, CentreError> {
    let status = response.status();
    let body = body::<E>(response)?;
    if let Some(OAuthError { error: Some(code), error_description }) = object(body) {
        let cause = cause_of(&code, error_description.as_ref(), status, refused);
        return Err(CentreError::new::<E>(status, cause).told(&code, error_description));
    }
    if status.is_success() {
        return object(body).ok_or_else(|| unexpected::<E>(response));
    }
    Err(failed::<E>(response, &refused))
}

fn cause_of(code: &str, description: Option<&Sensitive>, status: StatusCode, refused: Cause) -> Cause {
    let description = description.map_or_else(String::new, |text| text.expose().to_ascii_lowercase());
    match code {
        "invalid_grant" | "invalid_token" => refused,
        "invalid_client" if description.contains("client id mismatch") => Cause::StaleClientId,
        "invalid_client" if description.contains("bad client credentials") => Cause::WrongClientSecret,
        "invalid_client" | "unauthorized_client" => Cause::ClientRefused,
        "unauthorized" => unauthorized(&refused),
        "server_error" | "temporarily_unavailable" => Cause::Unavailable,
        _ => cause_of_status(status, &refused).unwrap_or(Cause::RequestRefused),
    }
}

/// Who was not let in: a token at the user information, and elsewhere the client.
fn unauthorized(refused: &Cause) -> Cause {
    if *refused == Cause::AccessTokenRefused { Cause::AccessTokenRefused } else { Cause::ClientRefused }
}

/// What the status alone tells.
fn cause_of_status(status: StatusCode, refused: &Cause) -> Option<Cause> {
    match status {
        StatusCode::UNAUTHORIZED => Some(unauthorized(refused)),
        StatusCode::FORBIDDEN => Some(Cause::Forbidden),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Some(Cause::Unavailable),
        _ if status.is_server_error() => Some(Cause::Unavailable),
        _ => None,
    }
}

/// An answer that says nothing in a documented form, and is no success.
pub(super) fn failed<E: Exchange>(response: &Response<Bytes>, refused: &Cause) -> CentreError {
    match cause_of_status(response.status(), refused) {
        Some(cause) => CentreError::new::<E>(response.status(), cause),
        None => unexpected::<E>(response),
    }
}

/// The body, unless it is too large to be an answer.
pub(super) fn body<E: Exchange>(response: &Response<Bytes>) -> Result<&[u8], CentreError> {
    if response.body().len() > MAX_ANSWER { Err(unexpected::<E>(response)) } else { Ok(response.body()) }
}

/// serde would read a list as an object too, member by member.
fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok())?
}

/// An answer in another form than documented. What it says is not kept: it may hold a token.
pub(super) fn unexpected<E: Exchange>(response: &Response<Bytes>) -> CentreError {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("an unnamed type").chars().take(80).collect();
    CentreError::new::<E>(response.status(), Cause::UnexpectedAnswer { content_type, length: response.body().len() })
}
