//! The authentication center: OAuth 2.0 (`/api/v1/oauth2/...`), CAS (`/api/v1/cas/...`) and logout. Joint-operation access
//! guide, "login" (2024-04-26); OneAccess API reference (2025-11-03).
//!
//! One server is the center of all tenants, which are distinguished by client id and callback address.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::exchange::{Answer, Received, single};
use super::operation::Operation;
use super::seed::SeededRandom;
use koogallery::query::push_pair;
use koogallery::redact::Sensitive;
use koogallery::timestamp::Timestamp;

/// Not documented.
const CODE_LASTS: Duration = Duration::from_secs(5 * 60);
const ACCESS_TOKEN_LASTS: Duration = Duration::from_secs(2 * 3600);
const REFRESH_TOKEN_LASTS: Duration = Duration::from_secs(30 * 24 * 3600);

/// An application of a tenant, as in `tenantSync` and `applicationSync`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tenant {
    /// The tenant (`tenantId`).
    pub tenant_id: String,
    /// The application's client id.
    pub client_id: String,
    /// Its client secret in plain text.
    pub client_secret: Sensitive,
    /// The registered callback address.
    pub callback: String,
    /// The tenant's users.
    pub users: Vec<User>,
}

impl Tenant {
    /// Creates a tenant without users.
    pub fn new(
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Sensitive>,
        callback: impl Into<String>,
    ) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            callback: callback.into(),
            users: Vec::new(),
        }
    }

    /// Adds a user.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    fn find(&self, user_name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.user_name == user_name)
    }

    /// Returns whether a browser may be redirected there: the registered address, with any query.
    fn is_registered(&self, address: &str) -> bool {
        let registered = self.callback.split('?').next();
        address.split('?').next() == registered && !address.contains('#')
    }
}

/// A user, as in `authSync`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct User {
    /// The account (`userName`).
    pub user_name: String,
    /// The person's name.
    pub name: Sensitive,
    /// `user` or `admin`.
    pub role: String,
    /// The department (`orgCode`).
    pub organization_code: String,
}

impl User {
    /// Creates a user of the role `user`.
    pub fn new(user_name: impl Into<String>, name: impl Into<Sensitive>) -> Self {
        let (user_name, name) = (user_name.into(), name.into());
        Self { user_name, name, role: "user".to_owned(), organization_code: String::new() }
    }

    fn attributes(&self, tenant: &Tenant) -> Map<String, Value> {
        let attributes = [
            ("userName", self.user_name.as_str()),
            ("name", self.name.expose()),
            ("role", &self.role),
            ("organizationCode", &self.organization_code),
            ("tenant", &tenant.tenant_id),
        ];
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}

/// The login that a code, ticket or token represents.
#[derive(Clone)]
struct Grant {
    tenant_id: String,
    user_name: String,
    until: Timestamp,
    /// The callback address or service that it was issued for; empty for tokens.
    address: String,
}

#[derive(Default)]
pub(super) struct LoginServer {
    tenants: Vec<Tenant>,
    /// The user logged in at the browser.
    session: Option<(String, String)>,
    codes: BTreeMap<String, Grant>,
    tickets: BTreeMap<String, Grant>,
    access_tokens: BTreeMap<String, Grant>,
    refresh_tokens: BTreeMap<String, Grant>,
}

/// Context of every request.
pub(super) struct Scene<'a> {
    pub(super) now: Timestamp,
    pub(super) random: &'a SeededRandom,
}

impl LoginServer {
    /// Replaces a tenant of the same id and client.
    pub(super) fn put(&mut self, tenant: Tenant) {
        self.tenants.retain(|other| (&other.tenant_id, &other.client_id) != (&tenant.tenant_id, &tenant.client_id));
        self.tenants.push(tenant);
    }

    pub(super) fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Removes a tenant with all logins of its users.
    pub(super) fn remove(&mut self, tenant_id: &str) {
        self.tenants.retain(|tenant| tenant.tenant_id != tenant_id);
        self.session.take_if(|(tenant, _)| tenant == tenant_id);
        for grants in [&mut self.codes, &mut self.tickets, &mut self.access_tokens, &mut self.refresh_tokens] {
            grants.retain(|_, grant| grant.tenant_id != tenant_id);
        }
    }

    pub(super) fn log_in(&mut self, tenant_id: &str, user_name: &str) -> bool {
        let known = self.tenants.iter().any(|tenant| tenant.tenant_id == tenant_id && tenant.find(user_name).is_some());
        self.session = known.then(|| (tenant_id.to_owned(), user_name.to_owned()));
        known
    }

    /// Redirects the browser as the unified login page and the workbench do.
    pub(super) fn callback(&mut self, tenant_id: &str, user_name: &str, scene: &Scene<'_>) -> Option<String> {
        let tenant = self.tenants.iter().find(|tenant| tenant.tenant_id == tenant_id)?;
        tenant.find(user_name)?;
        let (address, mut query) = (tenant.callback.clone(), String::new());
        let code = self.grant_code(tenant_id, user_name, &address, scene);
        push_pair(&mut query, "code", &code);
        push_pair(&mut query, "tenant", tenant_id);
        Some(with_query(&address, &query))
    }

    fn grant_code(&mut self, tenant_id: &str, user_name: &str, address: &str, scene: &Scene<'_>) -> String {
        let code = scene.random.hex(32);
        self.codes.insert(code.clone(), grant(tenant_id, user_name, address, scene.now, CODE_LASTS));
        code
    }

    pub(super) fn answer(&mut self, request: &Received, operation: Operation, scene: &Scene<'_>) -> Answer {
        match operation {
            Operation::Authorize => self.authorize(request, scene),
            Operation::Token => self.token(request, scene),
            Operation::UserInfo => self.user_info(request, scene.now),
            Operation::CasLogin => self.cas_login(request, scene),
            Operation::ValidateTicket => self.validate(request, scene.now),
            _ => self.logout(request),
        }
    }

    fn authorize(&mut self, request: &Received, scene: &Scene<'_>) -> Answer {
        let query = request.query().unwrap_or_default();
        let refused = |why: &str| refused(StatusCode::BAD_REQUEST, "invalid_request", why);
        let client = single(&query, "client_id");
        let Some(tenant) = self.tenants.iter().find(|tenant| Some(tenant.client_id.as_str()) == client) else {
            return refused("client_id is missing or unknown");
        };
        if single(&query, "response_type") != Some("code") {
            return refused("response_type is not code");
        }
        let Some(redirect_uri) = single(&query, "redirect_uri").filter(|address| tenant.is_registered(address)) else {
            return refused("redirect_uri is missing, or not the registered callback address");
        };
        let state = single(&query, "state");
        if state.is_some_and(|state| !state.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return refused("state has characters other than letters and digits");
        }
        let tenant_id = tenant.tenant_id.clone();
        let Some((_, user_name)) = self.session.clone().filter(|(tenant, _)| *tenant == tenant_id) else {
            return login_page();
        };
        let code = self.grant_code(&tenant_id, &user_name, redirect_uri, scene);
        let mut back = String::new();
        push_pair(&mut back, "code", &code);
        push_pair(&mut back, "tenant", &tenant_id);
        if let Some(state) = state {
            push_pair(&mut back, "state", state);
        }
        Answer::redirect(&with_query(redirect_uri, &back)).about(tenant_id)
    }

    fn token(&mut self, request: &Received, scene: &Scene<'_>) -> Answer {
        let refused = |code: &str, why: &str| refused(StatusCode::BAD_REQUEST, code, why);
        if !request.content_type().starts_with("application/x-www-form-urlencoded") {
            return refused("invalid_request", "The content type is not application/x-www-form-urlencoded");
        }
        let form = request.form().unwrap_or_default();
        let Some(tenant) =
            self.tenants.iter().find(|tenant| Some(tenant.client_id.as_str()) == single(&form, "client_id"))
        else {
            return refused("invalid_client", "Client ID mismatch");
        };
        if single(&form, "client_secret") != Some(tenant.client_secret.expose()) {
            return refused("invalid_client", "Bad client credentials");
        }
        let tenant = tenant.clone();
        let valid = |grant: &Grant| grant.tenant_id == tenant.tenant_id && scene.now < grant.until;
        match single(&form, "grant_type") {
            Some("authorization_code") => {
                // A code works once, whatever the result.
                let grant = single(&form, "code").and_then(|code| self.codes.remove(code)).filter(valid);
                let Some(grant) = grant else { return refused("invalid_grant", "Invalid authorization code") };
                if single(&form, "redirect_uri").is_some_and(|address| address != grant.address) {
                    return refused("invalid_grant", "Redirect URI mismatch");
                }
                let refresh_token = format!("rt-{}", scene.random.hex(32));
                let lasting = Grant { until: scene.now.saturating_add(REFRESH_TOKEN_LASTS), ..grant.clone() };
                self.refresh_tokens.insert(refresh_token.clone(), lasting);
                self.issue(grant, &refresh_token, scene)
            }
            Some("refresh_token") => {
                let token = single(&form, "refresh_token").unwrap_or_default();
                match self.refresh_tokens.get(token).cloned().filter(valid) {
                    Some(grant) => self.issue(grant, token, scene),
                    None => refused("invalid_grant", "Invalid refresh token"),
                }
            }
            _ => refused("unsupported_grant_type", "grant_type is neither authorization_code nor refresh_token"),
        }
    }

    /// A refresh token stays valid. (The documents do not say whether a refresh issues a new one.)
    fn issue(&mut self, grant: Grant, refresh_token: &str, scene: &Scene<'_>) -> Answer {
        let access_token = format!("at-{}", scene.random.hex(32));
        let tenant_id = grant.tenant_id.clone();
        let until = scene.now.saturating_add(ACCESS_TOKEN_LASTS);
        self.access_tokens.insert(access_token.clone(), Grant { until, ..grant });
        let body = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_LASTS.as_secs(),
            "scope": "get_user_info",
            "refresh_token": refresh_token,
        });
        Answer::json(StatusCode::OK, "", &body).about(tenant_id)
    }

    fn user_info(&self, request: &Received, now: Timestamp) -> Answer {
        let token = request.header(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        let grant = token.and_then(|token| self.access_tokens.get(token)).filter(|grant| now < grant.until);
        match grant.and_then(|grant| self.attributes(grant)) {
            Some((_, attributes)) => {
                let tenant = grant.map(|grant| grant.tenant_id.clone()).unwrap_or_default();
                Answer::json(StatusCode::OK, "", &Value::Object(attributes)).about(tenant)
            }
            None => refused(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "Full authentication is required to access this resource",
            ),
        }
    }

    fn attributes(&self, grant: &Grant) -> Option<(String, Map<String, Value>)> {
        let tenant = self.tenants.iter().find(|tenant| tenant.tenant_id == grant.tenant_id)?;
        let user = tenant.find(&grant.user_name)?;
        Some((user.user_name.clone(), user.attributes(tenant)))
    }

    fn logout(&mut self, request: &Received) -> Answer {
        self.session = None;
        let query = request.query().unwrap_or_default();
        single(&query, "redirect_url").map_or_else(login_page, Answer::redirect)
    }

    fn cas_login(&mut self, request: &Received, scene: &Scene<'_>) -> Answer {
        let query = request.query().unwrap_or_default();
        let service = single(&query, "service").unwrap_or_default();
        let Some((tenant_id, user_name)) = self.session.clone() else { return login_page() };
        let of_tenant = |tenant: &&Tenant| tenant.tenant_id == tenant_id;
        if !self.tenants.iter().filter(of_tenant).any(|tenant| tenant.is_registered(service)) {
            return refused(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the service is not the registered callback address",
            );
        }
        let ticket = format!("ST-{}", scene.random.hex(32));
        let mut back = String::new();
        push_pair(&mut back, "ticket", &ticket);
        self.tickets.insert(ticket, grant(&tenant_id, &user_name, service, scene.now, CODE_LASTS));
        Answer::redirect(&with_query(service, &back)).about(tenant_id)
    }

    /// Always HTTP 200. Without `format` the answer is XML; the documents disagree.
    fn validate(&mut self, request: &Received, now: Timestamp) -> Answer {
        let query = request.query().unwrap_or_default();
        let is_json = single(&query, "format") == Some("JSON");
        let service = single(&query, "service").unwrap_or_default();
        let ticket = single(&query, "ticket").unwrap_or_default();
        // A ticket works once, whatever the result.
        let grant = self.tickets.remove(ticket).filter(|grant| now < grant.until);
        let outcome = match grant {
            None => Err(("INVALID_TICKET", "the ticket is unknown, used up or expired")),
            Some(grant) if grant.address != service => {
                Err(("INVALID_SERVICE", "the ticket was issued for another service"))
            }
            Some(grant) => self.attributes(&grant).ok_or(("INTERNAL_ERROR", "the user is no longer known")),
        };
        let code = outcome.as_ref().err().map_or("", |(code, _)| *code);
        let answer = if is_json {
            Answer::json(StatusCode::OK, code, &cas_json(&outcome))
        } else {
            Answer::text(StatusCode::OK, "application/xml;charset=UTF-8", code, cas_xml(&outcome))
        };
        answer.explained(outcome.err().map(|(_, why)| why.to_owned()))
    }
}

type Validated = Result<(String, Map<String, Value>), (&'static str, &'static str)>;

fn cas_json(outcome: &Validated) -> Value {
    match outcome {
        Ok((user, attributes)) => {
            json!({"serviceResponse": {"authenticationSuccess": {"user": user, "attributes": attributes}}})
        }
        Err((code, why)) => {
            json!({"serviceResponse": {"authenticationFailure": {"code": code, "description": why}}})
        }
    }
}

fn cas_xml(outcome: &Validated) -> String {
    let inner = match outcome {
        Err((code, why)) => format!("<cas:authenticationFailure code=\"{code}\">{why}</cas:authenticationFailure>"),
        Ok((user, attributes)) => {
            let mut elements = String::new();
            for (name, value) in attributes {
                // Writing to a string cannot fail.
                let _ = write!(elements, "<cas:{name}>{}</cas:{name}>", escaped(value.as_str().unwrap_or_default()));
            }
            let user = escaped(user);
            format!(
                "<cas:authenticationSuccess><cas:user>{user}</cas:user><cas:attributes>{elements}</cas:attributes>\
                 </cas:authenticationSuccess>"
            )
        }
    };
    format!("<cas:serviceResponse xmlns:cas=\"http://www.yale.edu/tp/cas\">{inner}</cas:serviceResponse>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn grant(tenant_id: &str, user_name: &str, address: &str, now: Timestamp, lasts: Duration) -> Grant {
    Grant {
        tenant_id: tenant_id.to_owned(),
        user_name: user_name.to_owned(),
        until: now.saturating_add(lasts),
        address: address.to_owned(),
    }
}

fn refused(status: StatusCode, error: &str, why: &str) -> Answer {
    let body = json!({"error": error, "error_description": why});
    Answer::json(status, error, &body).explained([why.to_owned()])
}

fn login_page() -> Answer {
    let page = "<!DOCTYPE html><html><body><h1>Log in</h1></body></html>".to_owned();
    Answer::text(StatusCode::OK, "text/html;charset=UTF-8", "", page)
}

fn with_query(address: &str, query: &str) -> String {
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}{query}")
}
