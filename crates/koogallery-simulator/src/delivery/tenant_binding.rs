//! Binding an enterprise to a seller's application, and unbinding it: the five messages of the Kit.

use super::Callback;
use koogallery::activity::Activity;
use koogallery::kit::{AuthFlag, ChinaTime, Department, Flag, User, v1, v2};
use koogallery::protocol::Protocol;
use koogallery::redact::Sensitive;

/// An enterprise and the application that it bought, as in the messages of the Kit.
///
/// ```
/// use koogallery::kit::{Department, Role, User};
/// use koogallery::protocol::Protocol;
/// use koogallery_simulator::delivery::TenantBinding;
///
/// let binding = TenantBinding::new("tenant-1", "app-1", "instance-1")
///     .with_domain("https://tenant-1.example.com")
///     .with_client("client-1", "the secret, encrypted with the seller's RSA key")
///     .with_department(Department::new("D1", "Head office"))
///     .with_user(User::new("lihua", "Li Hua", "D1", Role::User));
/// assert_eq!(binding.bind(Protocol::KitV2).len(), 4);
/// assert!(binding.bind(Protocol::SaasV2).is_empty());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TenantBinding {
    /// The enterprise (`tenantId`), at most 64 characters.
    pub tenant_id: String,
    /// The application's id in the marketplace (`appId`), at most 64 characters.
    pub app_id: String,
    /// The instance that was bought (`instanceId`).
    pub instance_id: String,
    /// The enterprise's name.
    pub name: Sensitive,
    /// The address of its authentication center, including the scheme.
    pub domain: String,
    /// The OAuth client id.
    pub client_id: String,
    /// The OAuth client secret, encrypted with the seller's RSA key.
    pub client_secret: Sensitive,
    /// All departments. If empty, no `allOrgSync` is sent.
    pub departments: Vec<Department>,
    /// Users of the application. If empty, no `authSync` is sent.
    pub users: Vec<User>,
}

impl TenantBinding {
    /// Creates an enterprise without departments and users, at `https://TENANT.example.com`.
    pub fn new(tenant_id: impl Into<String>, app_id: impl Into<String>, instance_id: impl Into<String>) -> Self {
        let tenant_id = tenant_id.into();
        Self {
            name: format!("{tenant_id} Ltd").into(),
            domain: format!("https://{tenant_id}.example.com"),
            client_id: format!("client-of-{tenant_id}"),
            client_secret: Sensitive::from(""),
            tenant_id,
            app_id: app_id.into(),
            instance_id: instance_id.into(),
            departments: Vec::new(),
            users: Vec::new(),
        }
    }

    /// Sets the address of the enterprise's authentication center.
    #[must_use]
    pub fn with_domain(mut self, address: impl Into<String>) -> Self {
        self.domain = address.into();
        self
    }

    /// Sets the OAuth client, with its secret encrypted by the seller's RSA key. Without a secret no `applicationSync`
    /// is sent.
    #[must_use]
    pub fn with_client(mut self, id: impl Into<String>, encrypted_secret: impl Into<Sensitive>) -> Self {
        (self.client_id, self.client_secret) = (id.into(), encrypted_secret.into());
        self
    }

    /// Adds a department.
    #[must_use]
    pub fn with_department(mut self, department: Department) -> Self {
        self.departments.push(department);
        self
    }

    /// Adds a user.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Returns the calls that bind the enterprise, in order: `tenantSync`, `applicationSync`, `allOrgSync`, `authSync`.
    /// Empty for protocols other than the Kit.
    pub fn bind(&self, protocol: Protocol) -> Vec<Callback> {
        if !protocol.is_kit() {
            return Vec::new();
        }
        let mut calls = vec![self.tenant(protocol, Flag::Add)];
        if !self.client_secret.expose().is_empty() {
            calls.push(self.application(protocol, Flag::Add));
        }
        if !self.departments.is_empty() {
            calls.push(self.departments(protocol));
        }
        if !self.users.is_empty() {
            calls.push(self.users(protocol, AuthFlag::Add));
        }
        calls
    }

    /// Returns the calls that undo [`bind`](Self::bind), in reverse order; departments are deleted with their
    /// enterprise.
    pub fn unbind(&self, protocol: Protocol) -> Vec<Callback> {
        if !protocol.is_kit() {
            return Vec::new();
        }
        let mut calls = Vec::new();
        if !self.users.is_empty() {
            calls.push(self.users(protocol, AuthFlag::Delete));
        }
        if !self.client_secret.expose().is_empty() {
            calls.push(self.application(protocol, Flag::Delete));
        }
        calls.push(self.tenant(protocol, Flag::Delete));
        calls
    }

    /// Creates a `singleOrgSync` call: one department was added, changed or deleted. `None` for protocols other than
    /// the Kit.
    pub fn department_change(&self, protocol: Protocol, department: &Department, flag: Flag) -> Option<Callback> {
        protocol.is_kit().then(|| self.department(protocol, department, flag))
    }

    pub(crate) fn department(&self, protocol: Protocol, department: &Department, flag: Flag) -> Callback {
        let (Self { tenant_id, instance_id, .. }, department) = (self.clone(), department.clone());
        message(protocol, Activity::SingleOrgSync, move |now| {
            let (tenant_id, code) = (tenant_id.as_str(), department.org_code.as_str());
            let name = department.org_name.clone().unwrap_or_default();
            let mut request = v1::single_org_sync::Request::new(tenant_id, code, name, flag, now);
            request.instance_id = Some(instance_id.clone());
            request.parent_code.clone_from(&department.parent_code);
            request.to_body()
        })
    }

    pub(crate) fn tenant(&self, protocol: Protocol, flag: Flag) -> Callback {
        let binding = self.clone();
        message(protocol, Activity::TenantSync, move |now| {
            let TenantBinding { tenant_id, instance_id, name, domain, .. } = &binding;
            let code = format!("code-of-{tenant_id}");
            let mut request =
                v1::tenant_sync::Request::new(tenant_id.as_str(), code, name.clone(), domain.as_str(), flag, now);
            request.instance_id = Some(instance_id.clone());
            request.to_body()
        })
    }

    pub(crate) fn application(&self, protocol: Protocol, flag: Flag) -> Callback {
        let binding = self.clone();
        message(protocol, Activity::ApplicationSync, move |now| {
            let TenantBinding { tenant_id, app_id, instance_id, client_id, client_secret, .. } = &binding;
            let (tenant_id, app_id, client_id) = (tenant_id.as_str(), app_id.as_str(), client_id.as_str());
            let secret = client_secret.clone();
            let mut request = v1::application_sync::Request::new(tenant_id, app_id, client_id, secret, flag, now);
            request.instance_id = Some(instance_id.clone());
            request.to_body()
        })
    }

    pub(crate) fn departments(&self, protocol: Protocol) -> Callback {
        let TenantBinding { tenant_id, instance_id, departments, .. } = self.clone();
        message(protocol, Activity::AllOrgSync, move |now| {
            let (tenant_id, departments) = (tenant_id.as_str(), departments.clone());
            if protocol == Protocol::KitV1 {
                let mut request = v1::all_org_sync::Request::new(tenant_id, departments, now);
                request.instance_id = Some(instance_id.clone());
                return request.to_body();
            }
            let mut request = v2::all_org_sync::Request::new(tenant_id, departments, now);
            request.instance_id = Some(instance_id.clone());
            request.to_body()
        })
    }

    pub(crate) fn users(&self, protocol: Protocol, flag: AuthFlag) -> Callback {
        let TenantBinding { tenant_id, app_id, instance_id, users, .. } = self.clone();
        message(protocol, Activity::AuthSync, move |now| {
            let (tenant_id, app_id, users) = (tenant_id.as_str(), app_id.as_str(), users.clone());
            if protocol == Protocol::KitV1 {
                let mut request = v1::auth_sync::Request::new(tenant_id, app_id, users, now, flag, now);
                request.instance_id = Some(instance_id.clone());
                return request.to_body();
            }
            let mut request = v2::auth_sync::Request::new(tenant_id, app_id, users, now, flag, now);
            request.instance_id = Some(instance_id.clone());
            request.to_body()
        })
    }
}

fn message(
    protocol: Protocol,
    activity: Activity,
    body: impl Fn(ChinaTime) -> String + Send + Sync + 'static,
) -> Callback {
    Callback::new(protocol, activity, move |call| body(ChinaTime::from(call.at)))
}
