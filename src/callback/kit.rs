//! What the Kit's two generations have in common on the way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::CallbackError;
use super::answer::checked;
use super::call::{Command, DirectoryCommand, SealedApplication};
use crate::activity::Activity;
use crate::directory::{
    ApplicationRemoval, Change, DepartmentChange, DepartmentRemoval, Departments, Scope, Tenant, TenantRemoval,
    UserNames, Users,
};
use crate::kit::v1::{application_sync, single_org_sync, tenant_sync};
use crate::kit::{self, AuthFlag, ChinaTime, Department, Flag, User};
use crate::result_code::ResultCode;
use crate::wire::{Acknowledgement, FieldProblem, ParseError, TestFlag};

/// A verified call and what its path says it is.
pub(super) struct Addressed<V> {
    pub(super) activity: Activity,
    pub(super) verified: V,
}

impl<V> Addressed<V> {
    pub(super) fn new(parts: &Parts, verified: V) -> Result<Self, CallbackError> {
        let (_, activity) =
            kit::route(parts.uri.path()).ok_or_else(|| CallbackError::UnknownPath(parts.uri.path().to_owned()))?;
        Ok(Self { activity, verified })
    }
}

/// Every Kit call is answered alike.
pub(super) fn render(activity: Activity, ascii_only: bool) -> Result<Bytes, CallbackError> {
    Ok(checked(&Acknowledgement::new(ResultCode::Success), Some(activity), ascii_only)?)
}

/// What every message says of itself.
pub(super) struct Head {
    pub(super) tenant_id: String,
    pub(super) instance_id: Option<String>,
    pub(super) time_stamp: ChinaTime,
    pub(super) test_flag: TestFlag,
}

impl From<Head> for Scope {
    fn from(head: Head) -> Self {
        Self {
            tenant_id: head.tenant_id,
            instance_id: head.instance_id,
            sent_at: head.time_stamp.into(),
            test_call: head.test_flag == TestFlag::Debug,
        }
    }
}

/// Takes the head out of any Kit request.
macro_rules! head {
    ($request:ident) => {
        $crate::callback::kit::Head {
            tenant_id: $request.tenant_id,
            instance_id: $request.instance_id,
            time_stamp: $request.time_stamp,
            test_flag: $request.test_flag,
        }
    };
}
pub(super) use head;

fn command(head: Head, change: impl FnOnce(Scope) -> Change) -> (TestFlag, Command) {
    let test_flag = head.test_flag;
    (test_flag, Command::Directory(Box::new(DirectoryCommand::Change(change(head.into())))))
}

pub(super) fn tenant(request: tenant_sync::Request) -> (TestFlag, Command) {
    let (flag, order_id, tenant_code) = (request.flag, request.order_id, request.tenant_code);
    let (name, domain_name) = (request.name, request.domain_name);
    command(head!(request), |scope| match flag {
        Flag::Delete => Change::RemoveTenant(TenantRemoval { scope }),
        Flag::Add | Flag::Modify => Change::PutTenant(Tenant { scope, order_id, tenant_code, name, domain_name }),
    })
}

pub(super) fn application(request: application_sync::Request) -> Result<(TestFlag, Command), CallbackError> {
    let (app_id, client_id, client_secret) = (request.app_id, request.client_id, request.client_secret);
    if request.flag == Flag::Delete {
        return Ok(command(head!(request), |scope| Change::RemoveApplication(ApplicationRemoval { scope, app_id })));
    }
    let missing = ParseError::Field { field: "clientSecret", problem: FieldProblem::Missing };
    let client_secret = client_secret.ok_or(missing)?;
    let test_flag = request.test_flag;
    let sealed = SealedApplication { scope: head!(request).into(), app_id, client_id, client_secret };
    Ok((test_flag, Command::Directory(Box::new(DirectoryCommand::PutApplication(sealed)))))
}

pub(super) fn users(head: Head, app_id: String, flag: AuthFlag, users: Vec<User>) -> (TestFlag, Command) {
    let names = |users: Vec<User>| users.into_iter().map(|user| user.user_name).collect();
    command(head, |scope| match flag {
        AuthFlag::Add | AuthFlag::Modify => Change::PutUsers(Users { scope, app_id, users }),
        AuthFlag::CancelAuthorization => Change::RevokeUsers(UserNames { scope, app_id, user_names: names(users) }),
        AuthFlag::Delete => Change::RemoveUsers(UserNames { scope, app_id, user_names: names(users) }),
    })
}

pub(super) fn department(request: single_org_sync::Request) -> (TestFlag, Command) {
    let (flag, org_code) = (request.flag, request.org_code);
    let (org_name, parent_code, unknown) = (request.org_name, request.parent_code, request.unknown);
    command(head!(request), |scope| match flag {
        Flag::Delete => Change::RemoveDepartment(DepartmentRemoval { scope, org_code }),
        Flag::Add | Flag::Modify => {
            let mut department = Department::new(org_code, org_name);
            department.parent_code = parent_code;
            department.unknown = unknown;
            Change::PutDepartment(DepartmentChange { scope, department })
        }
    })
}

pub(super) fn departments(head: Head, departments: Vec<Department>) -> (TestFlag, Command) {
    command(head, |scope| Change::PutDepartments(Departments { scope, departments }))
}
