//! User information: application to authentication centre, `GET {domainName}/api/v1/oauth2/userinfo`. Joint-operation
//! access guide, "user information" (2024-04-26).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{Request, Response};
use serde_json::{Map, Value};

use super::exchange::{failed, read_json};
use super::{Cause, CentreError, Exchange, TenantLogin};
use crate::redact::Sensitive;

/// Who is logged in?
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserInfoQuery {
    /// The access token.
    pub access_token: Sensitive,
}

impl UserInfoQuery {
    /// With an access token of the same authentication centre.
    pub fn new(access_token: impl Into<Sensitive>) -> Self {
        Self { access_token: access_token.into() }
    }
}

impl Exchange for UserInfoQuery {
    type Answer = UserInfo;

    const NAME: &'static str = "user info";

    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes> {
        let mut request = tenant.centre.get("/api/v1/oauth2/userinfo");
        let bearer = format!("Bearer {}", self.access_token.expose());
        // A token that cannot stand in a header gets the answer of a missing one.
        let mut bearer = HeaderValue::try_from(bearer).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    fn from_http(response: &Response<Bytes>) -> Result<UserInfo, CentreError> {
        let refused = Cause::AccessTokenRefused;
        let members: Map<String, Value> = read_json::<Self, _>(response, &refused)?;
        UserInfo::from_members(members, Value::Null).ok_or_else(|| failed::<Self>(response, &refused))
    }
}

/// Who is logged in, in the words of the authentication centre.
///
/// Only `userName` is always there. Mobile number and e-mail address may be masked, and come only if the seller applied for
/// them and the buyer agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserInfo {
    /// The account (`userName`), the same as in `authSync`, unique within the tenant.
    pub user_name: Sensitive,
    /// The user's id in the authentication centre (`id`).
    pub id: Option<String>,
    /// The user's id (`userId`).
    pub user_id: Option<String>,
    /// The person's name (`name`).
    pub name: Option<Sensitive>,
    /// E-mail address (`email`).
    pub email: Option<Sensitive>,
    /// Mobile number (`mobile`).
    pub mobile: Option<Sensitive>,
    /// `user` or `admin` (`role`).
    pub role: Option<String>,
    /// Name of the department (`organizationName`).
    pub organization_name: Option<String>,
    /// The department (`organizationCode`), `orgCode` of the synchronisation.
    pub organization_code: Option<String>,
    /// The tenant's name (`projectName`).
    pub project_name: Option<String>,
    /// The tenant (`tenant`), `tenantId` of the synchronisation.
    pub tenant_id: Option<String>,
    /// Everything else with a text or a number, by its name on the wire (`accName` and `loginName` of the workbench, for
    /// instance).
    pub others: BTreeMap<String, Sensitive>,
}

impl UserInfo {
    /// Reads the members of a JSON object, or the attributes of CAS, where `account` stands in for a missing user name. A
    /// list of one counts as its entry. `None` without a user name.
    pub(super) fn from_members(members: Map<String, Value>, account: Value) -> Option<Self> {
        let texts = members.into_iter().filter_map(|(name, value)| Some((name, text_of(value)?)));
        let mut texts: BTreeMap<String, Sensitive> = texts.collect();
        let mut take = |name: &str| texts.remove(name);
        let plain = |text: Option<Sensitive>| text.map(|text| text.expose().to_owned());
        Some(Self {
            user_name: take("userName").or_else(|| text_of(account))?,
            id: plain(take("id")),
            user_id: plain(take("userId")),
            name: take("name"),
            email: take("email"),
            mobile: take("mobile"),
            role: plain(take("role")),
            organization_name: plain(take("organizationName")),
            organization_code: plain(take("organizationCode")),
            project_name: plain(take("projectName")),
            tenant_id: plain(take("tenant")),
            others: texts,
        })
    }
}

/// A text that is not empty, or a number.
fn text_of(value: Value) -> Option<Sensitive> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Array(mut list) if list.len() == 1 => match list.remove(0) {
            Value::Array(_) => None,
            entry => text_of(entry),
        },
        _ => None,
    }
}
