//! Enterprises that may use a joint-operation product, their OAuth clients, users and departments, independent of
//! protocol generations.
//!
//! The marketplace sends them with the [Kit callbacks](crate::kit); the service turns each of them into a [`Change`]. A
//! [`DirectoryStore`] keeps them by their documented identities and answers what a [login](crate::login) asks, by way
//! of [`StoreLogin`](crate::login::StoreLogin). [`MemoryDirectory`] is for tests and for trying out; `SqliteDirectory`
//! (feature `sqlite`) survives a restart; `PostgresDirectory` (feature `deadpool-postgres-0_14`) and `MysqlDirectory`
//! (feature `mysql_async-0_37`) also serve several replicas.
//!
//! ```
//! # async fn example() -> Result<(), koogallery::directory::DirectoryStoreError> {
//! use koogallery::directory::{
//!     Change, ChangeMeta, DirectoryStore, MemoryDirectory, Role, User, UsersChange, UsersRemoval,
//! };
//! use koogallery::timestamp::Timestamp;
//!
//! let directory = MemoryDirectory::new();
//! let at = |millis| ChangeMeta::new("t-5f0c", Timestamp::from_unix_millis(millis)).with_instance("inst-1001");
//! let users = vec![User::new("lihua", "李华", "D001", Role::User)];
//! directory.apply(Change::PutUsers(UsersChange::new(at(1_000), "app-77", users.clone()))).await?;
//! assert!(directory.user("t-5f0c", "app-77", "lihua").await?.is_some());
//!
//! directory.apply(Change::RemoveUsers(UsersRemoval::new(at(3_000), "app-77", vec!["lihua".into()]))).await?;
//! // A call from before the removal arrives only now.
//! directory.apply(Change::PutUsers(UsersChange::new(at(2_000), "app-77", users))).await?;
//! assert!(directory.user("t-5f0c", "app-77", "lihua").await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # Rules that every store keeps
//!
//! Changes set states, so that repeating one changes nothing. Nothing promises their order, and no change waits for
//! another: users may come before their departments and before the enterprise.
//!
//! * **Identities.** An enterprise is known by instance and tenant; the client of an application by instance, tenant
//!   and application; a user by these and the account name; a department by instance, tenant and code. A missing
//!   instance is a value of its own, the same as an empty one. Ids are compared exactly.
//! * **Several purchases** may bind the same enterprise, and what ends for one of them stays for the others. A look-up
//!   takes the data of real calls before those of tests, and then the latest.
//! * **The latest wins.** A change older than the stored state of the same identity is ignored, so that a late retry
//!   brings nothing back; of two of the same time the one that arrives later counts. Removing what is not there
//!   succeeds, and is remembered.
//! * **Tests never touch the data of real calls**, removals included; a real call replaces the data of a test, whenever
//!   it was made.
//! * **An enterprise that is unbound** takes along the clients, users and departments of the same purchase.
//!   They come back when they are sent again: a binding sends clients and departments, and a grant its users.
//! * **Users who are revoked** are kept, but no look-up gives them; of what is removed only ids remain.
//! * **A list of all departments** adds and changes, unless it shall replace ([`DepartmentSync`]).
//!
//! Source: joint-operation access guide, the five pages on synchronization (V1.0 2024-01-19 to 2025-12-30, V2.0
//! 2024-08-16 to 2025-11-13), section "idempotency" of each. They leave open what unbinding does to users, how a
//! revocation differs from a removal, and whether a list of departments replaces (unverified).

mod change;
mod department;
mod memory;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
mod path;
mod policy;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
mod reads;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod tables;
mod user;

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::shareable::shareable;

pub use change::{
    Application, ApplicationRemoval, Change, ChangeMeta, ClientSecret, DepartmentChange, DepartmentRemoval,
    Departments, Tenant, TenantRemoval, UsersChange, UsersRemoval,
};
pub use department::Department;
pub use memory::MemoryDirectory;
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlDirectory;
pub use path::department_path;
pub use policy::DepartmentSync;
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresDirectory;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteDirectory;
pub use user::{EmployeeType, Role, User};

shareable! {
    /// A store of the directory. Every method is atomic and durable when its future resolves.
    pub trait DirectoryStore: Send + Sync + 'static {
        /// Applies a change, as a whole or not at all. Idempotent.
        fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>>;

        /// Returns an enterprise that is bound.
        fn tenant<'a>(&'a self, tenant_id: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, DirectoryStoreError>>;

        /// Returns the OAuth client of an application for an enterprise, with its secret decrypted.
        fn application<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
        ) -> BoxFuture<'a, Result<Option<Application>, DirectoryStoreError>>;

        /// Returns a user who may use an application, neither revoked nor removed. [`User::enable`] says whether the
        /// account is in use.
        fn user<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
            user_name: &'a str,
        ) -> BoxFuture<'a, Result<Option<User>, DirectoryStoreError>>;

        /// Returns a department.
        fn department<'a>(
            &'a self,
            tenant_id: &'a str,
            org_code: &'a str,
        ) -> BoxFuture<'a, Result<Option<Department>, DirectoryStoreError>>;

        /// Returns users who may use an application, in order of their names, from the first after `after`, at most
        /// `limit`.
        fn users<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
            after: Option<&'a str>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<User>, DirectoryStoreError>>;

        /// Returns departments of an enterprise, in order of their codes, from the first after `after`, at most `limit`.
        fn departments<'a>(
            &'a self,
            tenant_id: &'a str,
            after: Option<&'a str>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<Department>, DirectoryStoreError>>;
    }
}

/// The store failed, or holds a secret that it cannot decrypt. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("directory operation failed")]
pub struct DirectoryStoreError(#[source] Arc<dyn Error + Send + Sync>);

impl DirectoryStoreError {
    /// Wraps the error of the store.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}
