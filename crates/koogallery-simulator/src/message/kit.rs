//! The Kit's messages: an enterprise, its application, departments and users.

use serde_json::Value;

use super::{Author, Message, TIME_STAMP};
use crate::delivery::{Callback, TenantBinding};
use koogallery::kit::{AuthFlag, Department, Flag, Role, User};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

impl Author {
    /// Returns an unknown enterprise. Its instance is empty, as at the first contact: when the seller applies for
    /// credentials, there is no purchase yet.
    pub(crate) fn enterprise(&mut self) -> TenantBinding {
        TenantBinding::new(self.ids.named("tenant-"), self.ids.named("app-"), "")
    }

    pub(crate) fn tenant(&mut self, firm: &TenantBinding, flag: Flag, now: Timestamp) -> Message {
        let order = if firm.instance_id.is_empty() { String::new() } else { self.ids.order() };
        self.kit(firm.tenant(self.profile.protocol(), flag), now).with("orderId", order)
    }

    pub(crate) fn application(&self, firm: &TenantBinding, client_secret: &str, flag: Flag, now: Timestamp) -> Message {
        let firm = firm.clone().with_client(format!("{}-client", firm.app_id), client_secret);
        self.kit(firm.application(self.profile.protocol(), flag), now)
    }

    pub(crate) fn users(&self, firm: &TenantBinding, users: Vec<User>, flag: AuthFlag, now: Timestamp) -> Message {
        let firm = TenantBinding { users, ..firm.clone() };
        self.kit(firm.users(self.profile.protocol(), flag), now)
    }

    pub(crate) fn department(&self, firm: &TenantBinding, flag: Flag, now: Timestamp) -> Message {
        let mut department = Department::new("D0001", "test department 1");
        department.parent_code = Some("D0000".to_owned());
        self.kit(firm.department(self.profile.protocol(), &department, flag), now)
    }

    pub(crate) fn departments(&self, firm: &TenantBinding, departments: Vec<Department>, now: Timestamp) -> Message {
        let firm = TenantBinding { departments, ..firm.clone() };
        self.kit(firm.departments(self.profile.protocol()), now)
    }

    fn kit(&self, callback: Callback, now: Timestamp) -> Message {
        let message = callback.fields(String::new(), now);
        let mut message = message.with("testFlag", u8::from(self.test_flag));
        message.suffix = callback.sub_path().unwrap_or_default();
        match callback.protocol() {
            // The timestamp is left to the signer.
            Protocol::KitV1 => message.without(TIME_STAMP),
            _ => message,
        }
    }
}

/// Returns invented users.
pub(crate) fn users(count: usize) -> Vec<User> {
    let user = |number| {
        let role = if number == 0 { Role::Admin } else { Role::User };
        User::new(format!("test-user-{number}"), "示例用户", "D0001", role)
    };
    (0..count).map(user).collect()
}

/// Returns invented departments; the first is the root.
pub(crate) fn departments(count: usize) -> Vec<Department> {
    let department = |number| {
        let mut department = Department::new(format!("D{number:04}"), format!("test department {number}"));
        department.parent_code = (number > 0).then(|| "D0000".to_owned());
        department
    };
    (0..count).map(department).collect()
}

impl Message {
    /// Returns the message with a member removed from the first entry of its list.
    pub(crate) fn without_in_list(mut self, member: &str) -> Self {
        let mut lists = self.fields.iter_mut().map(|(_, value)| value);
        for list in &mut lists {
            let text = list.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            let Some(Value::Array(mut entries)) = text.clone().or(Some(list.clone())) else { continue };
            if let Some(Value::Object(entry)) = entries.first_mut() {
                entry.remove(member);
            }
            let entries = Value::Array(entries);
            *list = if text.is_some() { entries.to_string().into() } else { entries };
        }
        self
    }
}
