//! Content of a directory's rows besides their identities.

use serde::{Deserialize, Serialize};

use super::{Application, ChangeMeta, ClientSecret, Department, Tenant, User};
use crate::redact::Sensitive;

/// Kind of a row; each has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Tenant,
    Application,
    User,
    Department,
}

/// The content of a row.
#[derive(Clone)]
pub(super) enum Record {
    Tenant(TenantRecord),
    Application(ApplicationRecord),
    User(Box<User>),
    Department(Department),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TenantRecord {
    order_id: Option<String>,
    tenant_code: String,
    name: Option<Sensitive>,
    domain_name: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationRecord {
    app_id: String,
    client_id: String,
    /// As received.
    client_secret: Sensitive,
    /// Never written down; empty until it is decrypted.
    #[serde(skip)]
    plain_secret: Sensitive,
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
impl Record {
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Tenant(record) => serde_json::to_string(record),
            Self::Application(record) => serde_json::to_string(record),
            Self::User(user) => serde_json::to_string(user),
            Self::Department(department) => serde_json::to_string(department),
        }
    }

    pub(super) fn from_json(kind: Kind, json: &str) -> serde_json::Result<Self> {
        Ok(match kind {
            Kind::Tenant => Self::Tenant(serde_json::from_str(json)?),
            Kind::Application => Self::Application(serde_json::from_str(json)?),
            Kind::User => Self::User(serde_json::from_str(json)?),
            Kind::Department => Self::Department(serde_json::from_str(json)?),
        })
    }
}

impl From<Tenant> for Record {
    fn from(Tenant { meta: _, order_id, tenant_code, name, domain_name }: Tenant) -> Self {
        Self::Tenant(TenantRecord { order_id, tenant_code, name, domain_name })
    }
}

impl From<Application> for Record {
    fn from(Application { meta: _, app_id, client_id, client_secret }: Application) -> Self {
        let ClientSecret { plain, encrypted } = client_secret;
        Self::Application(ApplicationRecord { app_id, client_id, client_secret: encrypted, plain_secret: plain })
    }
}

impl From<User> for Record {
    fn from(user: User) -> Self {
        Self::User(Box::new(user))
    }
}

impl From<Department> for Record {
    fn from(department: Department) -> Self {
        Self::Department(department)
    }
}

/// Answer of a look-up, put together from a row.
pub(super) trait Entry: Sized + Send + 'static {
    const KIND: Kind;

    /// `None` for a record of another kind.
    fn assemble(meta: ChangeMeta, record: Record) -> Option<Self>;
}

impl Entry for Tenant {
    const KIND: Kind = Kind::Tenant;

    fn assemble(meta: ChangeMeta, record: Record) -> Option<Self> {
        let Record::Tenant(TenantRecord { order_id, tenant_code, name, domain_name }) = record else { return None };
        Some(Self { meta, order_id, tenant_code, name, domain_name })
    }
}

impl Entry for Application {
    const KIND: Kind = Kind::Application;

    fn assemble(meta: ChangeMeta, record: Record) -> Option<Self> {
        let Record::Application(record) = record else { return None };
        let ApplicationRecord { app_id, client_id, client_secret, plain_secret } = record;
        Some(Self { meta, app_id, client_id, client_secret: ClientSecret::new(plain_secret, client_secret) })
    }
}

impl Entry for User {
    const KIND: Kind = Kind::User;

    fn assemble(_: ChangeMeta, record: Record) -> Option<Self> {
        if let Record::User(user) = record { Some(*user) } else { None }
    }
}

impl Entry for Department {
    const KIND: Kind = Kind::Department;

    fn assemble(_: ChangeMeta, record: Record) -> Option<Self> {
        if let Record::Department(department) = record { Some(department) } else { None }
    }
}
