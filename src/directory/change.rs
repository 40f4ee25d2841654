//! Changes of the directory.

use super::{Department, User};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// A change of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a store has to keep every kind of change, so a new one must not pass it by"
)]
pub enum Change {
    /// An enterprise is bound, or changed.
    PutTenant(Tenant),
    /// An enterprise is unbound.
    RemoveTenant(TenantRemoval),
    /// The OAuth client of an application is set.
    PutApplication(Application),
    /// The OAuth client of an application is gone.
    RemoveApplication(ApplicationRemoval),
    /// Users may use an application, or have changed.
    PutUsers(UsersChange),
    /// Users may no longer use an application. How this differs from a removal is documented nowhere: probably the
    /// users stay in the enterprise.
    RevokeUsers(UsersRemoval),
    /// Users are gone.
    RemoveUsers(UsersRemoval),
    /// A department is new, or changed.
    PutDepartment(DepartmentChange),
    /// A department is gone.
    RemoveDepartment(DepartmentRemoval),
    /// All departments.
    PutDepartments(Departments),
}

impl Change {
    /// Returns tenant, purchase and time of the change.
    pub fn meta(&self) -> &ChangeMeta {
        match self {
            Self::PutTenant(change) => &change.meta,
            Self::RemoveTenant(change) => &change.meta,
            Self::PutApplication(change) => &change.meta,
            Self::RemoveApplication(change) => &change.meta,
            Self::PutUsers(change) => &change.meta,
            Self::RevokeUsers(change) | Self::RemoveUsers(change) => &change.meta,
            Self::PutDepartment(change) => &change.meta,
            Self::RemoveDepartment(change) => &change.meta,
            Self::PutDepartments(change) => &change.meta,
        }
    }
}

/// Tenant, purchase and time of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeMeta {
    /// The enterprise.
    pub tenant_id: String,
    /// The purchase by which it is bound; several may bind the same enterprise. `None` while the seller applies for
    /// credentials or debugs.
    pub instance_id: Option<String>,
    /// Time of the message.
    pub sent_at: Timestamp,
    /// Whether the marketplace marked the call as a test. The login of the test account uses the data of such calls, so
    /// they are kept; they must not touch the data of a real call.
    pub test_call: bool,
}

impl ChangeMeta {
    /// Returns a real change without a purchase.
    pub fn new(tenant_id: impl Into<String>, sent_at: Timestamp) -> Self {
        Self { tenant_id: tenant_id.into(), instance_id: None, sent_at, test_call: false }
    }

    /// Marks the change as one of a test call.
    #[must_use]
    pub fn test_call(mut self) -> Self {
        self.test_call = true;
        self
    }

    /// Sets the purchase.
    #[must_use]
    pub fn with_instance(mut self, instance_id: impl Into<String>) -> Self {
        self.instance_id = Some(instance_id.into());
        self
    }
}

/// An enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tenant {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The buyer's order.
    pub order_id: Option<String>,
    /// Mark of the enterprise, unique in the marketplace: `userName@tenantCode` is a global name.
    pub tenant_code: String,
    /// Name of the enterprise; `None` where it could not be read.
    pub name: Option<Sensitive>,
    /// Address of its authentication center, as received; any text while debugging. See
    /// [`AuthenticationCenter`](crate::login::AuthenticationCenter).
    pub domain_name: String,
}

impl Tenant {
    /// Returns an enterprise without an order.
    pub fn new(
        meta: ChangeMeta,
        tenant_code: impl Into<String>,
        name: impl Into<Sensitive>,
        domain_name: impl Into<String>,
    ) -> Self {
        let (tenant_code, name, domain_name) = (tenant_code.into(), Some(name.into()), domain_name.into());
        Self { meta, order_id: None, tenant_code, name, domain_name }
    }
}

/// An enterprise is unbound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantRemoval {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
}

impl TenantRemoval {
    /// Returns the removal of that enterprise.
    pub fn new(meta: ChangeMeta) -> Self {
        Self { meta }
    }
}

/// The OAuth client of an application for an enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Application {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The application's id in the marketplace.
    pub app_id: String,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub client_secret: ClientSecret,
}

impl Application {
    /// Returns the client of that application.
    pub fn new(
        meta: ChangeMeta,
        app_id: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: ClientSecret,
    ) -> Self {
        Self { meta, app_id: app_id.into(), client_id: client_id.into(), client_secret }
    }
}

/// A client secret, decrypted, and as the marketplace encrypted it: the latter is fit to be stored, since only the
/// seller's private key opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientSecret {
    /// The secret itself.
    pub plain: Sensitive,
    /// RSA-OAEP in Base64 or hex, as received.
    pub encrypted: Sensitive,
}

impl ClientSecret {
    /// Returns a secret in both forms.
    pub fn new(plain: impl Into<Sensitive>, encrypted: impl Into<Sensitive>) -> Self {
        Self { plain: plain.into(), encrypted: encrypted.into() }
    }
}

/// The OAuth client of an application is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplicationRemoval {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The application's id in the marketplace.
    pub app_id: String,
}

impl ApplicationRemoval {
    /// Returns the removal of that application's client.
    pub fn new(meta: ChangeMeta, app_id: impl Into<String>) -> Self {
        Self { meta, app_id: app_id.into() }
    }
}

/// Users who may use an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsersChange {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The application's id in the marketplace.
    pub app_id: String,
    /// The users, identified by their account names; one who is not [enabled](User::is_enabled) may not log in.
    pub users: Vec<User>,
}

impl UsersChange {
    /// Returns a change of these users.
    pub fn new(meta: ChangeMeta, app_id: impl Into<String>, users: Vec<User>) -> Self {
        Self { meta, app_id: app_id.into(), users }
    }
}

/// Users who may no longer use an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsersRemoval {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The application's id in the marketplace.
    pub app_id: String,
    /// Their account names.
    pub user_names: Vec<Sensitive>,
}

impl UsersRemoval {
    /// Returns a removal of the users with these account names.
    pub fn new(meta: ChangeMeta, app_id: impl Into<String>, user_names: Vec<Sensitive>) -> Self {
        Self { meta, app_id: app_id.into(), user_names }
    }
}

/// A department is new, or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DepartmentChange {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The department. The one above it may be unknown, and nothing keeps a chain of them from being a circle.
    pub department: Department,
}

impl DepartmentChange {
    /// This department.
    pub fn new(meta: ChangeMeta, department: Department) -> Self {
        Self { meta, department }
    }
}

/// A department is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DepartmentRemoval {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// Its code.
    pub org_code: String,
}

impl DepartmentRemoval {
    /// The removal of the department with that code.
    pub fn new(meta: ChangeMeta, org_code: impl Into<String>) -> Self {
        Self { meta, org_code: org_code.into() }
    }
}

/// All departments of an enterprise. Whether those that are not listed are gone is documented nowhere: see
/// [`DepartmentSync`](super::DepartmentSync).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Departments {
    /// Tenant, purchase and time of the change.
    pub meta: ChangeMeta,
    /// The departments.
    pub departments: Vec<Department>,
}

impl Departments {
    /// These departments.
    pub fn new(meta: ChangeMeta, departments: Vec<Department>) -> Self {
        Self { meta, departments }
    }
}
