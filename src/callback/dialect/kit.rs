//! Callback handling that the Kit's two generations have in common.

use crate::callback::CallbackError;
use crate::callback::command::{Command, DirectoryCommand, SealedApplication};
use crate::directory::{
    ApplicationRemoval, Change, ChangeMeta, Department, DepartmentChange, DepartmentRemoval, Departments, Tenant,
    TenantRemoval, User, UsersChange, UsersRemoval,
};
use crate::kit::v1::{application_sync, single_org_sync, tenant_sync};
use crate::kit::{self, AuthFlag, Flag};
use crate::timestamp::Timestamp;
use crate::wire::{ParseError, TestFlag};

impl From<kit::User> for User {
    fn from(user: kit::User) -> Self {
        Self {
            user_name: user.user_name,
            name: user.name,
            org_code: user.org_code,
            role: user.role.map(|role| role.as_str().into()),
            enable: user.enable,
            position: user.position,
            employee_code: user.employee_code,
            mobile: user.mobile,
            email: user.email,
            employee_type: user.employee_type.map(|kind| kind.as_str().into()),
            work_place: user.work_place,
            entry_date: user.entry_date,
            extension: user.extension,
            unknown: user.unknown,
        }
    }
}

impl From<kit::Department> for Department {
    fn from(department: kit::Department) -> Self {
        let kit::Department { org_code, org_name, parent_code, unknown } = department;
        Self { org_code, org_name, parent_code, unknown }
    }
}

/// Fields that every message has.
pub(in crate::callback) struct Head {
    pub(in crate::callback) tenant_id: String,
    pub(in crate::callback) instance_id: Option<String>,
    pub(in crate::callback) sent_at: Timestamp,
    pub(in crate::callback) test_flag: TestFlag,
}

impl From<Head> for ChangeMeta {
    fn from(head: Head) -> Self {
        Self {
            tenant_id: head.tenant_id,
            instance_id: head.instance_id,
            sent_at: head.sent_at,
            test_call: head.test_flag == TestFlag::Debug,
        }
    }
}

/// Takes the head out of any Kit request; one without a time of its own counts as made when it was signed.
macro_rules! head {
    ($request:ident, $signed_at:ident) => {
        $crate::callback::dialect::kit::Head {
            tenant_id: $request.tenant_id,
            instance_id: $request.instance_id,
            sent_at: $request.time_stamp.map_or($signed_at, Into::into),
            test_flag: $request.test_flag,
        }
    };
}
pub(in crate::callback) use head;

fn command(head: Head, change: impl FnOnce(ChangeMeta) -> Change) -> (TestFlag, Command) {
    let test_flag = head.test_flag;
    (test_flag, Command::Directory(Box::new(DirectoryCommand::Change(change(head.into())))))
}

pub(in crate::callback) fn tenant(
    request: tenant_sync::Request,
    signed_at: Timestamp,
) -> Result<(TestFlag, Command), CallbackError> {
    let change: Box<dyn FnOnce(ChangeMeta) -> Change> = match request.flag {
        Flag::Delete => Box::new(|meta| Change::RemoveTenant(TenantRemoval { meta })),
        Flag::Add | Flag::Modify => {
            let (order_id, name) = (request.order_id, request.name);
            let tenant_code = request.tenant_code.ok_or_else(|| ParseError::missing("tenantCode"))?;
            let domain_name = request.domain_name.ok_or_else(|| ParseError::missing("domainName"))?;
            Box::new(|meta| Change::PutTenant(Tenant { meta, order_id, tenant_code, name, domain_name }))
        }
    };
    Ok(command(head!(request, signed_at), change))
}

pub(in crate::callback) fn application(
    request: application_sync::Request,
    signed_at: Timestamp,
) -> Result<(TestFlag, Command), CallbackError> {
    let app_id = request.app_id;
    if request.flag == Flag::Delete {
        let head = head!(request, signed_at);
        return Ok(command(head, |meta| Change::RemoveApplication(ApplicationRemoval { meta, app_id })));
    }
    let client_id = request.client_id.ok_or_else(|| ParseError::missing("clientId"))?;
    let client_secret = request.client_secret.ok_or_else(|| ParseError::missing("clientSecret"))?;
    let test_flag = request.test_flag;
    let meta = head!(request, signed_at).into();
    let sealed = SealedApplication { meta, app_id, client_id, client_secret };
    Ok((test_flag, Command::Directory(Box::new(DirectoryCommand::PutApplication(sealed)))))
}

pub(in crate::callback) fn users(
    head: Head,
    app_id: String,
    flag: AuthFlag,
    users: Vec<kit::User>,
) -> (TestFlag, Command) {
    let names = |users: Vec<kit::User>| users.into_iter().map(|user| user.user_name).collect();
    command(head, |meta| match flag {
        AuthFlag::Add | AuthFlag::Modify => {
            let users = users.into_iter().map(Into::into).collect();
            Change::PutUsers(UsersChange { meta, app_id, users })
        }
        AuthFlag::CancelAuthorization => Change::RevokeUsers(UsersRemoval { meta, app_id, user_names: names(users) }),
        AuthFlag::Delete => Change::RemoveUsers(UsersRemoval { meta, app_id, user_names: names(users) }),
    })
}

pub(in crate::callback) fn department(request: single_org_sync::Request, signed_at: Timestamp) -> (TestFlag, Command) {
    let (flag, org_code) = (request.flag, request.org_code);
    let (org_name, parent_code, unknown) = (request.org_name, request.parent_code, request.unknown);
    command(head!(request, signed_at), |meta| match flag {
        Flag::Delete => Change::RemoveDepartment(DepartmentRemoval { meta, org_code }),
        Flag::Add | Flag::Modify => {
            let department = Department { org_code, org_name, parent_code, unknown };
            Change::PutDepartment(DepartmentChange { meta, department })
        }
    })
}

pub(in crate::callback) fn departments(head: Head, departments: Vec<kit::Department>) -> (TestFlag, Command) {
    let departments = departments.into_iter().map(Into::into).collect();
    command(head, |meta| Change::PutDepartments(Departments { meta, departments }))
}
