//! The handler of the Kit: tenants, applications, users and departments of joint-operation products, the same for both
//! versions of the Kit.

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::callback::HandlerError;
use crate::callback::handler::subscription::refuse;
use crate::directory::DirectoryStore;
pub use crate::directory::{
    Application, ApplicationRemoval, Change, ChangeMeta, ClientSecret, Department, DepartmentChange, DepartmentRemoval,
    Departments, Role, Tenant, TenantRemoval, User, UsersChange, UsersRemoval,
};

/// The seller's directory. Every [`DirectoryStore`] is one.
///
/// **Write idempotent methods**: changes set states, and each may be repeated, come late, or come before what it refers to.
/// Removing what does not exist succeeds, also for an unknown instance. A method that is not done when the answer is due is
/// dropped, so it should do its work in one transaction.
///
/// The methods for departments refuse by default; products without the organization sync of the Kit do not need them.
///
/// ```
/// use koogallery::callback::HandlerError;
/// use koogallery::callback::directory::{
///     Application, ApplicationRemoval, Departments, DepartmentChange, DepartmentRemoval, DirectoryHandler, Tenant,
///     TenantRemoval, UsersChange, UsersRemoval,
/// };
///
/// /// A product that only counts its users, and has no use for departments.
/// struct Counter;
///
/// impl DirectoryHandler for Counter {
///     async fn put_tenant(&self, tenant: Tenant) -> Result<(), HandlerError> {
///         println!("{} is bound", tenant.tenant_code);
///         Ok(())
///     }
///
///     async fn remove_tenant(&self, _: TenantRemoval) -> Result<(), HandlerError> {
///         Ok(())
///     }
///
///     async fn put_application(&self, _: Application) -> Result<(), HandlerError> {
///         Ok(())
///     }
///
///     async fn remove_application(&self, _: ApplicationRemoval) -> Result<(), HandlerError> {
///         Ok(())
///     }
///
///     async fn put_users(&self, change: UsersChange) -> Result<(), HandlerError> {
///         println!("{} users may log in", change.users.len());
///         Ok(())
///     }
///
///     async fn revoke_users(&self, _: UsersRemoval) -> Result<(), HandlerError> {
///         Ok(())
///     }
///
///     async fn remove_users(&self, _: UsersRemoval) -> Result<(), HandlerError> {
///         Ok(())
///     }
///
///     // The other two are as this one by default.
///     async fn put_department(&self, _: DepartmentChange) -> Result<(), HandlerError> {
///         Err(HandlerError::unsupported("put_department"))
///     }
/// #     async fn remove_department(&self, _: DepartmentRemoval) -> Result<(), HandlerError> {
/// #         Err(HandlerError::unsupported("remove_department"))
/// #     }
/// #     async fn put_departments(&self, _: Departments) -> Result<(), HandlerError> {
/// #         Err(HandlerError::unsupported("put_departments"))
/// #     }
/// }
/// ```
#[doc(alias = "单点登录")]
#[doc(alias = "SSO")]
#[doc(alias = "single sign-on")]
pub trait DirectoryHandler: Send + Sync + 'static {
    /// Stores an enterprise that was bound or changed.
    #[doc(alias = "tenantSync")]
    fn put_tenant(&self, tenant: Tenant) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Removes an enterprise that was unbound.
    fn remove_tenant(&self, removal: TenantRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Stores the OAuth client of an application. Its secret is decrypted.
    #[doc(alias = "applicationSync")]
    fn put_application(&self, application: Application) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Removes the OAuth client of an application.
    fn remove_application(&self, removal: ApplicationRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Stores users who may use an application, or have changed.
    #[doc(alias = "authSync")]
    fn put_users(&self, users: UsersChange) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Revokes the authorization of users.
    fn revoke_users(&self, users: UsersRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Removes users.
    fn remove_users(&self, users: UsersRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Stores a department that is new or has changed. Default: refuses.
    #[doc(alias = "singleOrgSync")]
    fn put_department(&self, change: DepartmentChange) -> impl Future<Output = Result<(), HandlerError>> + Send {
        refuse("put_department", change)
    }

    /// Removes a department. Default: refuses.
    fn remove_department(&self, removal: DepartmentRemoval) -> impl Future<Output = Result<(), HandlerError>> + Send {
        refuse("remove_department", removal)
    }

    /// Stores all departments of an enterprise. Default: refuses.
    #[doc(alias = "allOrgSync")]
    fn put_departments(&self, departments: Departments) -> impl Future<Output = Result<(), HandlerError>> + Send {
        refuse("put_departments", departments)
    }
}

/// Makes each store a handler.
macro_rules! stores_handle {
    ($($method:ident($change:ident) = $variant:ident;)*) => {
        impl<S: DirectoryStore> DirectoryHandler for S {
            $(async fn $method(&self, change: $change) -> Result<(), HandlerError> {
                Ok(self.apply(Change::$variant(change)).await?)
            })*
        }

        impl<H: DirectoryHandler> ErasedDirectory for H {
            fn handle(&self, change: Change) -> BoxFuture<'_, Result<(), HandlerError>> {
                async move {
                    match change {
                        $(Change::$variant(change) => self.$method(change).await,)*
                    }
                }
                .boxed()
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

/// A handler with its type erased.
pub(in crate::callback) trait ErasedDirectory: Send + Sync + 'static {
    fn handle(&self, change: Change) -> BoxFuture<'_, Result<(), HandlerError>>;
}
