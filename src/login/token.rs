//! Access token: application to authentication center, `POST {domainName}/api/v1/oauth2/token`. Joint-operation access
//! guide, "token" and "renewal" (2024-04-26).

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::value::RawValue;

use super::exchange::sealed::Sealed;
use super::exchange::{failed, read_json};
use super::{Cause, CenterError, Exchange, TenantLogin};
use crate::query::push_pair;
use crate::redact::Sensitive;
use crate::wire::{FieldWarning, Fields, Members, ParseError};

const PATH: &str = "/api/v1/oauth2/token";

/// Exchanges an authorization code. A code works once: it must not be sent again, whatever comes back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CodeExchange {
    /// The code that the browser brought.
    pub code: Sensitive,
    /// The registered callback address. May be left out, unless the login began with
    /// [`authorize::url`](super::authorize::url).
    pub redirect_uri: Option<String>,
}

impl CodeExchange {
    /// Returns an exchange without a callback address.
    pub fn new(code: impl Into<Sensitive>) -> Self {
        Self { code: code.into(), redirect_uri: None }
    }

    /// Sets the callback address.
    #[must_use]
    pub fn with_redirect_uri(mut self, redirect_uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(redirect_uri.into());
        self
    }
}

impl Sealed for CodeExchange {}

impl Exchange for CodeExchange {
    type Answer = Tokens;

    const NAME: &'static str = "exchange code";

    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes> {
        let mut form = client(tenant);
        push_pair(&mut form, "code", self.code.expose());
        push_pair(&mut form, "grant_type", "authorization_code");
        if let Some(redirect_uri) = &self.redirect_uri {
            push_pair(&mut form, "redirect_uri", redirect_uri);
        }
        tenant.center.post_form(PATH, form)
    }

    fn from_http(response: &Response<Bytes>) -> Result<Tokens, CenterError> {
        read::<Self>(response, &Cause::CodeRefused)
    }
}

/// Requests a new access token without the user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refresh {
    /// The refresh token of the latest answer.
    pub refresh_token: Sensitive,
}

impl Refresh {
    /// Returns a request with the refresh token of the latest answer.
    pub fn new(refresh_token: impl Into<Sensitive>) -> Self {
        Self { refresh_token: refresh_token.into() }
    }
}

impl Sealed for Refresh {}

impl Exchange for Refresh {
    type Answer = Tokens;

    const NAME: &'static str = "refresh token";

    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes> {
        let mut form = client(tenant);
        push_pair(&mut form, "grant_type", "refresh_token");
        push_pair(&mut form, "refresh_token", self.refresh_token.expose());
        tenant.center.post_form(PATH, form)
    }

    fn from_http(response: &Response<Bytes>) -> Result<Tokens, CenterError> {
        read::<Self>(response, &Cause::RefreshTokenRefused)
    }
}

fn client(tenant: &TenantLogin) -> String {
    let mut form = String::new();
    push_pair(&mut form, "client_id", &tenant.client_id);
    push_pair(&mut form, "client_secret", tenant.client_secret.expose());
    form
}

/// Tokens of an authentication center.
///
/// Only the access token has to be there: anything else that was not sent or could not be read is `None`, and
/// [`warnings`](Tokens::warnings) names what could not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token.
    pub access_token: Sensitive,
    /// `Bearer`.
    pub token_type: Option<String>,
    /// Lifetime of the access token from now on; 2 hours by default.
    pub expires_in: Option<Duration>,
    /// `get_user_info`.
    pub scope: Option<String>,
    /// Good for 30 days by default. The documents disagree on whether there is one; where a refresh brings none, keep
    /// the one that was used.
    pub refresh_token: Option<Sensitive>,
    /// Members that could not be read or are not quite as documented.
    pub warnings: Vec<FieldWarning>,
}

impl Tokens {
    /// Returns an access token with nothing else set.
    pub fn new(access_token: impl Into<Sensitive>) -> Self {
        Self {
            access_token: access_token.into(),
            token_type: None,
            expires_in: None,
            scope: None,
            refresh_token: None,
            warnings: Vec::new(),
        }
    }

    fn read(answer: &str) -> Result<Self, ParseError> {
        let members = Members::from_json(answer.as_bytes())?;
        let mut fields = Fields::new(&members);
        let tokens = Self {
            access_token: fields.mandatory("access_token", usize::MAX)?,
            token_type: fields.information("token_type", usize::MAX),
            expires_in: fields
                .information::<u32>("expires_in", usize::MAX)
                .map(|seconds| Duration::from_secs(seconds.into())),
            scope: fields.information("scope", usize::MAX),
            refresh_token: fields.information("refresh_token", usize::MAX),
            warnings: Vec::new(),
        };
        Ok(Self { warnings: fields.rest().1, ..tokens })
    }
}

fn read<E: Exchange>(response: &Response<Bytes>, refused: &Cause) -> Result<Tokens, CenterError> {
    let answer: Box<RawValue> = read_json::<E, _>(response, refused)?;
    let tokens = Tokens::read(answer.get()).map_err(|_| failed::<E>(response, refused))?;
    let token = tokens.access_token.expose();
    // It has to stand in a header.
    let usable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if usable { Ok(tokens) } else { Err(failed::<E>(response, refused)) }
}
