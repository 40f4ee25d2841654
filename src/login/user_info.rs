//! User information: application to authentication center, `GET {domainName}/api/v1/oauth2/userinfo`. Joint-operation
//! access guide, "user information" (2024-04-26).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{Request, Response};
use serde_json::value::RawValue;

use super::exchange::sealed::Sealed;
use super::exchange::{failed, read_json};
use super::{Cause, CenterError, Exchange, TenantLogin};
use crate::redact::Sensitive;
use crate::wire::{FieldProblem, FieldWarning, Fields, Members, RawField, ReadField, UnknownField, Warnings};

/// Asks for the user who is logged in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserInfoQuery {
    /// The access token.
    pub access_token: Sensitive,
}

impl UserInfoQuery {
    /// Returns a query with an access token of the same authentication center.
    pub fn new(access_token: impl Into<Sensitive>) -> Self {
        Self { access_token: access_token.into() }
    }
}

impl Sealed for UserInfoQuery {}

impl Exchange for UserInfoQuery {
    type Answer = UserInfo;

    const NAME: &'static str = "user info";

    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes> {
        let mut request = tenant.center.get("/api/v1/oauth2/userinfo");
        let bearer = format!("Bearer {}", self.access_token.expose());
        // A token that cannot stand in a header gets the answer of a missing one.
        let mut bearer = HeaderValue::try_from(bearer).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    fn from_http(response: &Response<Bytes>) -> Result<UserInfo, CenterError> {
        let refused = Cause::AccessTokenRefused;
        let members: Box<RawValue> = read_json::<Self, _>(response, &refused)?;
        UserInfo::read(members.get(), "null").ok_or_else(|| failed::<Self>(response, &refused))
    }
}

/// The user who is logged in, as the authentication center describes him.
///
/// Only `userName` is always there. Mobile number and e-mail address may be masked, and come only if the seller applied
/// for them and the buyer agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserInfo {
    /// The account (`userName`), the same as in `authSync`, unique within the tenant.
    pub user_name: Sensitive,
    /// The user's id in the authentication center (`id`).
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
    /// The department (`organizationCode`), `orgCode` of the synchronization.
    pub organization_code: Option<String>,
    /// The tenant's name (`projectName`).
    pub project_name: Option<String>,
    /// The tenant (`tenant`), `tenantId` of the synchronization.
    pub tenant_id: Option<String>,
    /// Everything else with a text or a number, by its name on the wire (`accName` and `loginName` of the workbench,
    /// for instance).
    pub others: BTreeMap<String, Sensitive>,
    /// Members that could not be read.
    pub warnings: Vec<FieldWarning>,
}

impl UserInfo {
    /// Returns a user with nothing else set.
    pub fn new(user_name: impl Into<Sensitive>) -> Self {
        Self {
            user_name: user_name.into(),
            id: None,
            user_id: None,
            name: None,
            email: None,
            mobile: None,
            role: None,
            organization_name: None,
            organization_code: None,
            project_name: None,
            tenant_id: None,
            others: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads the members of a JSON object, or the attributes of CAS, where `account` (JSON) stands in for a missing
    /// user name. A list of one counts as its entry. `None` without a user name.
    pub(super) fn read(members: &str, account: &str) -> Option<Self> {
        let members = Members::from_json(members.as_bytes()).ok()?;
        let mut fields = Fields::new(&members);
        let user_name = match fields.optional::<Text>("userName", MAX).ok()? {
            Some(Text(user_name)) => user_name,
            None => Text::read(RawField::json(account), MAX, &mut Vec::new()).ok()?.0,
        };
        let user_name = Some(user_name).filter(|user_name| !user_name.expose().is_empty())?;
        let mut take = |name| fields.information::<Text>(name, MAX).map(|text| text.0);
        let plain = |text: Option<Sensitive>| text.map(|text| text.expose().to_owned());
        let user = Self {
            user_name,
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
            others: BTreeMap::new(),
            warnings: Vec::new(),
        };
        let (unknown, warnings) = fields.rest();
        let text_of = |field: &UnknownField| {
            let raw =
                if field.json { RawField::json(&field.value) } else { RawField::Text(field.value.as_str().into()) };
            Text::read(raw, MAX, &mut Vec::new()).ok().filter(|text| !text.0.expose().is_empty())
        };
        let others = unknown.iter().filter_map(|field| Some((field.name.clone(), text_of(field)?.0))).collect();
        Some(Self { others, warnings, ..user })
    }
}

/// No documented length is enforced on an answer.
const MAX: usize = usize::MAX;

/// A text or number, or a list of one.
struct Text(Sensitive);

impl ReadField for Text {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        const NO_TEXT: FieldProblem = FieldProblem::NotA("a text or number");
        match raw {
            RawField::Json(list) if list.starts_with('[') => {
                let only = |elements: Vec<&str>| match elements[..] {
                    [only] if !only.starts_with('[') => Self::read(RawField::json(only), max, &mut Vec::new()),
                    _ => Err(NO_TEXT),
                };
                RawField::Json(list).elements(only).ok_or(NO_TEXT)?
            }
            raw => Ok(Self(raw.number_as_text().text(max)?.as_ref().into())),
        }
    }
}
