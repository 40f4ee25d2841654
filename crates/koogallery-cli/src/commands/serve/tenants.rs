//! Enterprises that are bound to the seller's application, and logins of their users.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koogallery::kit::{Department, Role, User as KitUser};
use koogallery::protocol::Protocol;
use koogallery::random::{self, OsRandom};
use koogallery_simulator::delivery::TenantBinding;
use koogallery_simulator::{LifecycleError, Marketplace, OpenApiServer, Tenant, User};
use serde_json::{Value, json};

use super::control::Control;
use super::form::Form;
use super::reply::NotDone;
use crate::support::client_secret;

/// The fields of a form that binds an enterprise.
pub const FIELDS: [&str; 8] = ["profile", "tenant", "callback", "instance", "app", "client", "secret", "users"];

/// The department of all users.
const DEPARTMENT: (&str, &str) = ("D1", "Head office");

/// What was bound, by tenant.
#[derive(Clone, Default)]
pub struct Tenants(Arc<Mutex<BTreeMap<String, Bound>>>);

/// A binding, and the fields of the form that makes it again.
#[derive(Clone)]
struct Bound {
    protocol: Protocol,
    binding: TenantBinding,
    fields: Vec<(String, String)>,
}

/// An enterprise that a form asks for.
pub struct Wanted {
    protocol: Protocol,
    binding: TenantBinding,
    tenant: Tenant,
    fields: Vec<(String, String)>,
}

impl Wanted {
    /// Reads a form; `center` is the address of the authentication center. Where the seller is not called, `fire` tells him
    /// of the enterprise, with the secret that it invents.
    pub fn read(form: &Form, offered: &[Protocol], center: &str, is_called: bool) -> Result<Self, String> {
        let protocol = match form.get("profile") {
            Some(name) => name.parse().map_err(|error| format!("profile: {error}"))?,
            None => *offered.first().ok_or("KOOGALLERY_KIT_KEY is not in the environment")?,
        };
        if !offered.contains(&protocol) {
            return Err(format!("{} binds no enterprise, or its key is not in the environment", protocol.id()));
        }
        let (tenant_id, callback) = addressed(form)?;
        let drawn = || random::hex(&OsRandom).map_err(|error| error.to_string());
        let secret = match (form.get("secret"), is_called) {
            (Some(given), _) => given.to_owned(),
            (None, true) => drawn()?,
            (None, false) => client_secret::INVENTED.to_owned(),
        };
        let instance_id = form.get("instance").map_or_else(drawn, |given| Ok(given.to_owned()))?;
        let or = |name: &str, default: String| form.get(name).map_or(default, str::to_owned);
        let client_id = or("client", format!("client-of-{tenant_id}"));
        let app_id = or("app", "app-1".to_owned());
        let users = form.get("users").unwrap_or("zhangsan:Zhang San");
        let fields = [
            ("profile", protocol.id()),
            ("tenant", tenant_id),
            ("callback", callback),
            ("instance", &instance_id),
            ("app", &app_id),
            ("client", &client_id),
            ("secret", &secret),
            ("users", users),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let binding = TenantBinding::new(tenant_id, app_id, instance_id);
        let mut binding = binding.with_domain(center).with_department(Department::new(DEPARTMENT.0, DEPARTMENT.1));
        // Without the seller's key he could not decrypt it.
        if let Some(encrypted) = client_secret::encrypted(&secret).map_err(|failure| failure.to_string())? {
            binding = binding.with_client(client_id.as_str(), encrypted);
        }
        let mut tenant = Tenant::new(tenant_id, client_id, secret, callback);
        for (account, name) in accounts(users)? {
            binding = binding.with_user(KitUser::new(account, name, DEPARTMENT.0, Role::User));
            let mut user = User::new(account, name);
            DEPARTMENT.0.clone_into(&mut user.organization_code);
            tenant = tenant.with_user(user);
        }
        Ok(Self { protocol, binding, tenant, fields })
    }
}

/// Checks what a form says by itself.
pub fn check(form: &Form) -> Result<(), String> {
    let protocol = form.get("profile").map(str::parse::<Protocol>).transpose();
    protocol.map_err(|error| format!("profile: {error}"))?;
    addressed(form)?;
    form.get("users").map(accounts).transpose().map(drop)
}

/// Reads the tenant, and the address to which logins return.
fn addressed(form: &Form) -> Result<(&str, &str), String> {
    let tenant_id = form.get("tenant").ok_or("tenant is missing")?;
    let callback = form.get("callback").ok_or("callback is missing: where the seller's login returns to")?;
    let is_http = |uri: http::Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    match callback.parse().is_ok_and(is_http) {
        true => Ok((tenant_id, callback)),
        false => Err("callback is not an http or https address".to_owned()),
    }
}

/// Reads users: account and name.
pub fn accounts(users: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut found = Vec::new();
    for user in users.split(',') {
        let (account, name) = user.split_once(':').unwrap_or((user, user));
        if account.trim().is_empty() {
            return Err("users must be accounts such as \"zhangsan:Zhang San,lihua\"".to_owned());
        }
        found.push((account.trim(), name.trim()));
    }
    Ok(found)
}

impl Tenants {
    /// Calls the seller, if there is one, and makes the tenant known to the authentication center.
    pub async fn bind(
        &self,
        open_api: &OpenApiServer,
        marketplace: Option<&Marketplace>,
        wanted: Wanted,
    ) -> Result<Value, LifecycleError> {
        if let Some(marketplace) = marketplace {
            marketplace.bind(wanted.protocol, &wanted.binding).await?;
        }
        let shown = shown(&wanted.tenant);
        self.put(open_api, wanted);
        Ok(shown)
    }

    /// Makes a tenant known to the authentication center, and not to the seller.
    pub fn put(&self, open_api: &OpenApiServer, wanted: Wanted) {
        let Wanted { protocol, binding, tenant, fields } = wanted;
        open_api.put_tenant(tenant);
        self.bound().insert(binding.tenant_id.clone(), Bound { protocol, binding, fields });
    }

    /// Returns the fields of the forms that bind the tenants again, secrets included.
    pub fn fields(&self) -> Vec<Vec<(String, String)>> {
        self.bound().values().map(|bound| bound.fields.clone()).collect()
    }

    /// Undoes the binding. `None` if the tenant is not bound.
    pub async fn unbind(
        &self,
        open_api: &OpenApiServer,
        marketplace: Option<&Marketplace>,
        tenant_id: &str,
    ) -> Result<Option<Value>, LifecycleError> {
        let bound = self.bound().get(tenant_id).cloned();
        let Some(Bound { protocol, binding, .. }) = bound else { return Ok(None) };
        if let Some(marketplace) = marketplace {
            marketplace.unbind(protocol, &binding).await?;
        }
        open_api.remove_tenant(tenant_id);
        self.bound().remove(tenant_id);
        Ok(Some(json!({"tenantId": tenant_id})))
    }

    /// Adds users to an enterprise that is bound; the seller gets these alone. `None` if the tenant is not bound.
    pub async fn add_users(&self, control: &Control, tenant_id: &str, users: &str) -> Result<Option<Value>, NotDone> {
        let Some(Bound { protocol, mut binding, mut fields }) = self.bound().get(tenant_id).cloned() else {
            return Ok(None);
        };
        let added = accounts(users)?;
        let user = |(account, name): (&str, &str)| KitUser::new(account, name, DEPARTMENT.0, Role::User);
        binding.users = added.into_iter().map(user).collect();
        // The last call that binds an enterprise is about its users.
        if let Some((marketplace, call)) = control.marketplace.as_ref().zip(binding.bind(protocol).pop()) {
            let outcome = marketplace.deliver(&call).await.map_err(LifecycleError::from)?;
            if !outcome.is_final() {
                return Err(LifecycleError::GivenUp { activity: call.activity(), outcome }.into());
            }
        }
        for (_, known) in fields.iter_mut().filter(|(name, _)| name == "users") {
            *known = format!("{known},{users}");
        }
        let is_called = control.marketplace.is_some();
        let wanted = Wanted::read(&Form::of(fields), &control.kits, &control.address, is_called)?;
        let shown = shown(&wanted.tenant);
        self.put(&control.open_api, wanted);
        Ok(Some(shown))
    }

    pub fn is_bound(&self, tenant_id: &str) -> bool {
        self.bound().contains_key(tenant_id)
    }

    fn bound(&self) -> MutexGuard<'_, BTreeMap<String, Bound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the tenants without their secrets.
pub fn list(open_api: &OpenApiServer) -> Value {
    open_api.tenants().iter().map(shown).collect()
}

fn shown(tenant: &Tenant) -> Value {
    let users: Vec<_> = tenant.users.iter().map(|user| user.user_name.as_str()).collect();
    let Tenant { tenant_id, client_id, callback, .. } = tenant;
    json!({"tenantId": tenant_id, "clientId": client_id, "callback": callback, "users": users})
}
