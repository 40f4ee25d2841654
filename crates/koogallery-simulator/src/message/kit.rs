//! The Kit's messages: an enterprise, its application, departments and users.

use serde_json::Value;

use super::{Author, Message, TIME_STAMP};
use koogallery::activity::Activity;
use koogallery::kit::{self, AuthFlag, Department, Flag, Role, User, Version, v1, v2};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// The enterprise that the messages are about.
#[derive(Clone, Debug)]
pub(crate) struct Enterprise {
    tenant: String,
    app: String,
    /// Empty at the first contact: when the seller applies for credentials, there is no purchase yet.
    pub(crate) instance: String,
}

impl Author {
    /// Returns an unknown enterprise without an instance.
    pub(crate) fn enterprise(&mut self) -> Enterprise {
        Enterprise { tenant: self.ids.named("tenant-"), app: self.ids.named("app-"), instance: String::new() }
    }

    pub(crate) fn tenant(&mut self, firm: &Enterprise, flag: Flag, now: Timestamp) -> Message {
        let tenant = &*firm.tenant;
        let (code, domain) = (format!("{tenant}-code"), format!("https://{tenant}.example.com"));
        let request = v1::tenant_sync::Request::new(tenant, code, "test tenant", domain, flag, now);
        let order = if firm.instance.is_empty() { String::new() } else { self.ids.order() };
        self.kit(firm, Activity::TenantSync, &request.to_body()).with("orderId", order)
    }

    pub(crate) fn application(&self, firm: &Enterprise, client_secret: &str, flag: Flag, now: Timestamp) -> Message {
        let client = format!("{}-client", firm.app);
        let (tenant, app) = (&*firm.tenant, &*firm.app);
        let request = v1::application_sync::Request::new(tenant, app, client, client_secret, flag, now);
        self.kit(firm, Activity::ApplicationSync, &request.to_body())
    }

    pub(crate) fn users(&self, firm: &Enterprise, users: Vec<User>, flag: AuthFlag, now: Timestamp) -> Message {
        let (tenant, app) = (&*firm.tenant, &*firm.app);
        let body = match self.version() {
            Version::V1 => v1::auth_sync::Request::new(tenant, app, users, now, flag, now).to_body(),
            Version::V2 => v2::auth_sync::Request::new(tenant, app, users, now, flag, now).to_body(),
        };
        self.kit(firm, Activity::AuthSync, &body)
    }

    pub(crate) fn department(&self, firm: &Enterprise, flag: Flag, now: Timestamp) -> Message {
        let mut request = v1::single_org_sync::Request::new(&*firm.tenant, "D0001", "test department 1", flag, now);
        request.parent_code = Some("D0000".to_owned());
        self.kit(firm, Activity::SingleOrgSync, &request.to_body())
    }

    pub(crate) fn departments(&self, firm: &Enterprise, departments: Vec<Department>, now: Timestamp) -> Message {
        let tenant = &*firm.tenant;
        let body = match self.version() {
            Version::V1 => v1::all_org_sync::Request::new(tenant, departments, now).to_body(),
            Version::V2 => v2::all_org_sync::Request::new(tenant, departments, now).to_body(),
        };
        self.kit(firm, Activity::AllOrgSync, &body)
    }

    fn kit(&self, firm: &Enterprise, activity: Activity, body: &str) -> Message {
        let message = Message::from_body(activity.as_str(), body);
        let mut message = message.with("instanceId", &*firm.instance).with("testFlag", u8::from(self.test_flag));
        message.suffix = kit::sub_path(self.version(), activity).unwrap_or_default();
        match self.version() {
            // The timestamp is left to the signer.
            Version::V1 => message.without(TIME_STAMP),
            Version::V2 => message,
        }
    }

    fn version(&self) -> Version {
        if self.profile == Protocol::KitV1.into() { Version::V1 } else { Version::V2 }
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
