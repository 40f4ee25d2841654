//! A user of an enterprise.

use serde::{Deserialize, Serialize};

use crate::redact::Sensitive;
use crate::wire::{UnknownFields, open_enum};

open_enum! {
    /// Rights of a user in the application.
    pub enum Role {
        /// Uses it.
        User = "user",
        /// Administers it: the application has to grant its administrator's role.
        Admin = "admin",
    }
}

open_enum! {
    /// Kind of employment.
    pub enum EmployeeType {
        /// Formal employee.
        Formal = "1",
        /// Intern.
        Intern = "2",
        /// Dispatched labor.
        Dispatched = "3",
        /// Outsourced labor.
        Outsourced = "4",
    }
}

/// One user. What is optional arrives only if the seller applied for it and the buyer agreed, and may be masked.
///
/// Only [`user_name`](User::user_name) is always there: any other member that was not sent or could not be read is
/// `None`, so that one odd member does not lock a whole enterprise out.
///
/// The serde form is for stores and keeps everything.
///
/// ```
/// use koogallery::directory::{Role, User};
///
/// let mut user = User::new("lihua", "李华", "D001", Role::Admin);
/// user.email = Some("lihua@example.com".into());
/// assert!(user.is_enabled());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct User {
    /// Account, unique in the tenant only.
    pub user_name: Sensitive,
    /// The person's name.
    pub name: Option<Sensitive>,
    /// Code of the department.
    pub org_code: Option<String>,
    /// Rights in the application; those of every user where it is `None`.
    pub role: Option<Role>,
    /// Whether the account is in use. `None` must not let the user in: see [`User::is_enabled`].
    pub enable: Option<bool>,
    /// Job title.
    pub position: Option<String>,
    /// Employee number.
    pub employee_code: Option<Sensitive>,
    /// Mobile number.
    pub mobile: Option<Sensitive>,
    /// E-mail address.
    pub email: Option<Sensitive>,
    /// Kind of employment.
    pub employee_type: Option<EmployeeType>,
    /// Place of work.
    pub work_place: Option<String>,
    /// Date of entry, as received: `yyyy-MM-dd` or with a day of one digit (`2022-11-9`).
    pub entry_date: Option<String>,
    /// Other information: fields that the buyer defined, account sets of ERP applications.
    pub extension: UnknownFields,
    /// Members that no table lists, and those that could not be read; kept as received.
    pub unknown: UnknownFields,
}

impl User {
    /// Returns an enabled user with nothing else set.
    pub fn new(
        user_name: impl Into<Sensitive>,
        name: impl Into<Sensitive>,
        org_code: impl Into<String>,
        role: Role,
    ) -> Self {
        Self {
            user_name: user_name.into(),
            name: Some(name.into()),
            org_code: Some(org_code.into()),
            role: Some(role),
            enable: Some(true),
            position: None,
            employee_code: None,
            mobile: None,
            email: None,
            employee_type: None,
            work_place: None,
            entry_date: None,
            extension: UnknownFields::default(),
            unknown: UnknownFields::default(),
        }
    }

    /// Returns whether the account is known to be in use.
    pub fn is_enabled(&self) -> bool {
        self.enable == Some(true)
    }
}
