//! Answer data for instances: access and usage.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::timestamp::Timestamp;
use crate::wire::Checks;

/// Access data shown to the customer (`appInfo`).
///
/// `S` is how account and password travel: [`Ciphertext`](crate::cipher::field::Ciphertext) in V1.0,
/// [`Sensitive`](crate::redact::Sensitive) plain text in V2.0. Both are limited to 128 characters **as sent**.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AppInfo<S> {
    /// Address of the site for the customer; mandatory, at most 512 characters.
    pub front_end_url: String,
    /// Address of the management console, at most 512 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    /// The administrator's account.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub user_name: Option<S>,
    /// The administrator's initial password.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub password: Option<S>,
    /// Remarks, at most 1024 characters; the only member that may hold Chinese in V1.0. Sent as `\uXXXX` escapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

impl<S> AppInfo<S> {
    /// Access data of an address alone.
    pub fn new(front_end_url: impl Into<String>) -> Self {
        Self { front_end_url: front_end_url.into(), admin_url: None, user_name: None, password: None, memo: None }
    }
}

pub(crate) fn check_app_info<S: AsSent>(info: &AppInfo<S>, checks: &mut Checks) {
    checks.mandatory("frontEndUrl", &info.front_end_url, 512);
    checks.optional("adminUrl", info.admin_url.as_deref(), 512);
    checks.optional("userName", info.user_name.as_ref().map(AsSent::as_sent), 128);
    checks.optional("password", info.password.as_ref().map(AsSent::as_sent), 128);
    checks.memo("memo", info.memo.as_deref(), 1024);
}

/// The text that stands in the answer, on which lengths are measured.
pub(crate) trait AsSent {
    fn as_sent(&self) -> &str;
}

impl AsSent for crate::redact::Sensitive {
    fn as_sent(&self) -> &str {
        self.expose()
    }
}

impl AsSent for crate::cipher::field::Ciphertext {
    fn as_sent(&self) -> &str {
        self.as_str()
    }
}

/// Usage of a pay-per-use instance or package (`usageInfo`).
///
/// V2.0: China only; the international and European tables lack it, although their FAQ mentions its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsageInfo {
    /// For a package: the pay-per-use instance to which this usage belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_instance_id: Option<String>,
    /// Pay-per-use: the running total. Package: the amount used up. At most four decimals, sent as a JSON number.
    pub usage_value: Amount,
    /// Time of the count, `yyyyMMddHHmmssSSS` in UTC.
    #[serde(serialize_with = "compact_millis")]
    pub statistical_time: Timestamp,
    /// A page with details, at most 512 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_url: Option<String>,
}

impl UsageInfo {
    /// Usage counted at a time.
    pub fn new(usage_value: Amount, statistical_time: Timestamp) -> Self {
        Self { related_instance_id: None, usage_value, statistical_time, dashboard_url: None }
    }

    fn check(&self, checks: &mut Checks) {
        checks.optional("relatedInstanceId", self.related_instance_id.as_deref(), 64);
        checks.optional("dashboardUrl", self.dashboard_url.as_deref(), 512);
    }
}

fn compact_millis<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_compact_millis())
}

/// One instance in the answer to `queryInstance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InstanceInfo<S> {
    /// The instance.
    pub instance_id: String,
    /// Access data; may be left out only where the customer gets it in another way.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub app_info: Option<AppInfo<S>>,
    /// Usage; required for pay-per-use instances and packages, one entry per charge item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage_info: Vec<UsageInfo>,
}

impl<S> InstanceInfo<S> {
    /// An instance without further information.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self { instance_id: instance_id.into(), app_info: None, usage_info: Vec::new() }
    }
}

pub(crate) fn check_instance_info<S: AsSent>(info: &InstanceInfo<S>, checks: &mut Checks) {
    checks.mandatory("instanceId", &info.instance_id, 64);
    if let Some(app_info) = &info.app_info {
        check_app_info(app_info, checks);
    }
    info.usage_info.iter().for_each(|usage| usage.check(checks));
}
