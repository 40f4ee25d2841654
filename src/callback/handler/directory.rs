//! Who may use a joint-operation product, as a seller's code is told: the same changes whichever generation of the Kit the
//! call came in.

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::callback::HandlerError;
use crate::directory::DirectoryStore;
pub use crate::directory::{
    Application, ApplicationRemoval, Change, ClientSecret, Department, DepartmentChange, DepartmentRemoval,
    Departments, Role, Scope, Tenant, TenantRemoval, User, UserNames, Users,
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
    fn put_users(&self, users: Users) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Users may no longer use an application.
    fn revoke_users(&self, users: UserNames) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Users are gone.
    fn remove_users(&self, users: UserNames) -> impl Future<Output = Result<(), HandlerError>> + Send;

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
    put_users(Users) = PutUsers;
    revoke_users(UserNames) = RevokeUsers;
    remove_users(UserNames) = RemoveUsers;
    put_department(DepartmentChange) = PutDepartment;
    remove_department(DepartmentRemoval) = RemoveDepartment;
    put_departments(Departments) = PutDepartments;
}

/// The handler with its type erased, so that the service has none.
pub(in crate::callback) trait ErasedDirectory: Send + Sync + 'static {
    fn handle(&self, change: Change) -> BoxFuture<'_, Result<(), HandlerError>>;
}
