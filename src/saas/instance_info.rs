//! Answer data for instances: access and usage.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::timestamp::Timestamp;
use crate::wire::{Checks, FieldKind, TimeForm, max_of, table};

table! {
    serde
    /// Access data shown to the customer (`appInfo`).
    ///
    /// `S` is how account and password travel: [`Ciphertext`](crate::cipher::field::Ciphertext) in V1.0,
    /// [`Sensitive`](crate::redact::Sensitive) plain text in V2.0. Both are limited to 128 characters **as sent**.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct AppInfo<S> {
        /// Address of the site for the customer; mandatory, at most 512 characters.
        pub front_end_url: String = mandatory "frontEndUrl", 512;
        /// Address of the management console, at most 512 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub admin_url: Option<String> = optional "adminUrl", 512;
        /// The administrator's account.
        #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
        pub user_name: Option<S> = optional "userName", 128, as FieldKind::Text;
        /// The administrator's initial password.
        #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
        pub password: Option<S> = optional "password", 128, as FieldKind::Text;
        /// Remarks, at most 1024 characters; the only member that may hold Chinese in V1.0. Sent as `\uXXXX` escapes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub memo: Option<String> = optional "memo", 1024;
    }
}

impl<S> AppInfo<S> {
    /// Access data of an address alone.
    pub fn new(front_end_url: impl Into<String>) -> Self {
        Self { front_end_url: front_end_url.into(), admin_url: None, user_name: None, password: None, memo: None }
    }
}

pub(crate) fn check_app_info<S: AsSent>(info: &AppInfo<S>, checks: &mut Checks) {
    checks.mandatory("frontEndUrl", &info.front_end_url, const { max_of(AppInfo::<S>::FIELDS, "frontEndUrl") });
    checks.optional("adminUrl", info.admin_url.as_deref(), const { max_of(AppInfo::<S>::FIELDS, "adminUrl") });
    checks.optional(
        "userName",
        info.user_name.as_ref().map(AsSent::as_sent),
        const { max_of(AppInfo::<S>::FIELDS, "userName") },
    );
    checks.optional(
        "password",
        info.password.as_ref().map(AsSent::as_sent),
        const { max_of(AppInfo::<S>::FIELDS, "password") },
    );
    checks.memo("memo", info.memo.as_deref(), const { max_of(AppInfo::<S>::FIELDS, "memo") });
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

table! {
    serde
    /// Usage of a pay-per-use instance or package (`usageInfo`).
    ///
    /// V2.0: China only; the international and European tables lack it, although their FAQ mentions its fields.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct UsageInfo {
        /// For a package: the pay-per-use instance to which this usage belongs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub related_instance_id: Option<String> = optional "relatedInstanceId", 64;
        /// Pay-per-use: the running total. Package: the amount used up. At most four decimals, sent as a JSON number.
        pub usage_value: Amount = mandatory "usageValue", 0;
        /// Time of the count, `yyyyMMddHHmmssSSS` in UTC.
        #[serde(serialize_with = "compact_millis")]
        pub statistical_time: Timestamp = mandatory "statisticalTime", 17, as FieldKind::Time(TimeForm::CompactMillis);
        /// A page with details, at most 512 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub dashboard_url: Option<String> = optional "dashboardUrl", 512;
    }
}

impl UsageInfo {
    /// Usage counted at a time.
    pub fn new(usage_value: Amount, statistical_time: Timestamp) -> Self {
        Self { related_instance_id: None, usage_value, statistical_time, dashboard_url: None }
    }

    fn check(&self, checks: &mut Checks) {
        checks.optional(
            "relatedInstanceId",
            self.related_instance_id.as_deref(),
            const { max_of(Self::FIELDS, "relatedInstanceId") },
        );
        checks.usage("usageValue", self.usage_value);
        checks.time("statisticalTime", self.statistical_time);
        checks.optional("dashboardUrl", self.dashboard_url.as_deref(), const { max_of(Self::FIELDS, "dashboardUrl") });
    }
}

fn compact_millis<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_compact_millis())
}

table! {
    serde
    /// One instance in the answer to `queryInstance`.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct InstanceInfo<S> {
        /// The instance.
        pub instance_id: String = mandatory "instanceId", 64;
        /// Access data; may be left out only where the customer gets it in another way.
        #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
        pub app_info: Option<AppInfo<S>> = optional "appInfo", 0;
        /// Usage; required for pay-per-use instances and packages, one entry per charge item.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub usage_info: Vec<UsageInfo> = optional "usageInfo", 0;
    }
}

impl<S> InstanceInfo<S> {
    /// An instance without further information.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self { instance_id: instance_id.into(), app_info: None, usage_info: Vec::new() }
    }
}

pub(crate) fn check_instance_info<S: AsSent>(info: &InstanceInfo<S>, checks: &mut Checks) {
    checks.mandatory("instanceId", &info.instance_id, const { max_of(InstanceInfo::<S>::FIELDS, "instanceId") });
    if let Some(app_info) = &info.app_info {
        check_app_info(app_info, checks);
    }
    info.usage_info.iter().for_each(|usage| usage.check(checks));
}
