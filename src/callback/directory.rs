//! Who may use a joint-operation product, as a seller's code is told: the same changes whichever generation of the Kit the
//! call came in.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::ask::ask;
use super::call::{DirectoryCommand, Reply};
use super::exchange::Exchanging;
use super::settings::DebugCalls;
use super::{CallbackError, HandlerError, Runtime};
use crate::cipher::client_secret::ClientSecretDecryptor;
use crate::directory::DirectoryStore;
pub use crate::directory::{
    Application, ApplicationRemoval, Change, ChangeMeta, ClientSecret, Department, DepartmentChange, DepartmentRemoval,
    Departments, Role, Tenant, TenantRemoval, User, UsersChange, UsersRemoval,
};

/// The seller's directory. Every method must be written; every [`DirectoryStore`] is one.
///
/// Changes set states: **each may be repeated, come late, or come before what it refers to**, and doing it again must change
/// nothing. Removing what is not there succeeds, also for an instance that is unknown. A method that is not done when the
/// answer is due is dropped, so it should do its work in one transaction.
pub trait DirectoryHandler: Send + Sync + 'static {
    /// An enterprise is bound, or changed.
    fn put_tenant(&self, tenant: Tenant) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// An enterprise is unbound.
    fn remove_tenant(&self, removal: TenantRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// The OAuth client of an application is set. Its secret was decrypted.
    fn put_application(&self, application: Application) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// The OAuth client of an application is gone.
    fn remove_application(&self, removal: ApplicationRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Users may use an application, or have changed.
    fn put_users(&self, users: UsersChange) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Users may no longer use an application.
    fn revoke_users(&self, users: UsersRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Users are gone.
    fn remove_users(&self, users: UsersRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// A department is new, or changed.
    fn put_department(&self, change: DepartmentChange) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// A department is gone.
    fn remove_department(&self, removal: DepartmentRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// All departments of an enterprise.
    fn put_departments(&self, departments: Departments) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// A store is a handler that keeps what it is told.
macro_rules! stores_handle {
    ($($method:ident($change:ident) = $variant:ident;)*) => {
        impl<S: DirectoryStore> DirectoryHandler for S {
            $(async fn $method(&self, change: $change) -> Result<(), HandlerError> {
                Ok(self.apply(Change::$variant(change)).await?)
            })*
        }

        impl<H: DirectoryHandler> ErasedDirectory for H {
            fn handle(&self, change: Change) -> BoxFuture<'_, Result<(), HandlerError>> {
                match change {
                    $(Change::$variant(change) => self.$method(change).boxed(),)*
                }
            }
        }
    };
}

stores_handle! {
    put_tenant(Tenant) = PutTenant;
    remove_tenant(TenantRemoval) = RemoveTenant;
    put_application(Application) = PutApplication;
    remove_application(ApplicationRemoval) = RemoveApplication;
    put_users(UsersChange) = PutUsers;
    revoke_users(UsersRemoval) = RevokeUsers;
    remove_users(UsersRemoval) = RemoveUsers;
    put_department(DepartmentChange) = PutDepartment;
    remove_department(DepartmentRemoval) = RemoveDepartment;
    put_departments(Departments) = PutDepartments;
}

/// The handler with its type erased, so that the service has none.
pub(super) trait ErasedDirectory: Send + Sync + 'static {
    fn handle(&self, change: Change) -> BoxFuture<'_, Result<(), HandlerError>>;
}

/// A directory and what opens the secrets that it is told.
pub(super) struct Directory {
    pub(super) handler: Arc<dyn ErasedDirectory>,
    pub(super) decryptor: Arc<dyn ClientSecretDecryptor>,
    pub(super) runtime: Arc<dyn Runtime>,
}

impl Directory {
    pub(super) async fn reply(
        &self,
        command: DirectoryCommand,
        exchange: &Exchanging<'_>,
    ) -> Result<Reply, CallbackError> {
        let change = match command {
            DirectoryCommand::Change(change) => change,
            DirectoryCommand::PutApplication(sealed) => {
                let plain = self.decryptor.decrypt(sealed.client_secret.expose());
                let plain = plain.map_err(|_| CallbackError::Undecryptable("clientSecret"))?;
                Change::PutApplication(Application {
                    meta: sealed.meta,
                    app_id: sealed.app_id,
                    client_id: sealed.client_id,
                    client_secret: ClientSecret::new(plain, sealed.client_secret),
                })
            }
        };
        // What comes without an instance is what the test account logs in with.
        let is_invented = exchange.test_call && change.meta().instance_id.is_some();
        if !(is_invented && exchange.settings.debug_calls == DebugCalls::Answer) {
            ask(&*self.runtime, async { self.handler.handle(change).await }, exchange.time_left()).await?;
        }
        Ok(Reply::Done)
    }
}
