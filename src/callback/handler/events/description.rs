//! An instance, as a seller describes it to the marketplace.

use crate::amount::Amount;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// A query for an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceQuery {
    /// Instance id.
    pub instance_id: String,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
}

impl InstanceQuery {
    /// Returns the query for an instance.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self { instance_id: instance_id.into(), test_call: false }
    }
}

/// Answer data for an instance.
///
/// ```
/// use koogallery::amount::Amount;
/// use koogallery::callback::subscription::{AccessInfo, Description, UsageInfo};
///
/// let access = AccessInfo::new("https://shop.example.com")
///     .with_admin_url("https://shop.example.com/admin")
///     .with_memo("首次登录请修改密码");
/// let usage = UsageInfo::new(Amount::from(12), "20250102030405".parse()?)
///     .with_related_instance("the pay-per-use instance of a package")
///     .with_dashboard_url("https://shop.example.com/usage");
/// let description = Description::new(access).with_usage(usage);
/// assert_eq!(description.usage.len(), 1);
/// # Ok::<(), koogallery::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// Access data; may be left out only where the customer gets it in another way.
    pub access: Option<AccessInfo>,
    /// Usage of pay-per-use instances and packages, one entry per billing item.
    pub usage: Vec<UsageInfo>,
}

impl Description {
    /// Returns access data without usage.
    pub fn new(access: AccessInfo) -> Self {
        Self { access: Some(access), usage: Vec::new() }
    }

    /// Adds usage.
    #[must_use]
    pub fn with_usage(mut self, usage: UsageInfo) -> Self {
        self.usage.push(usage);
        self
    }
}

/// Access data for the customer. Account and password are given in plain text; the service encrypts them for V1.0.
#[doc(alias = "appInfo")]
#[doc(alias = "frontEndUrl")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessInfo {
    /// Address of the site for the customer, at most 512 characters.
    pub front_end_url: String,
    /// Address of the management console, at most 512 characters.
    pub admin_url: Option<String>,
    /// The administrator's account: at most 128 characters, in V1.0 at most 79 bytes.
    pub user_name: Option<Sensitive>,
    /// The initial password, with the same limits.
    pub password: Option<Sensitive>,
    /// Remarks, at most 1024 characters; Chinese is allowed.
    pub memo: Option<String>,
}

impl AccessInfo {
    /// Returns access data of an address alone.
    pub fn new(front_end_url: impl Into<String>) -> Self {
        Self { front_end_url: front_end_url.into(), admin_url: None, user_name: None, password: None, memo: None }
    }

    /// Sets the address of the management console.
    #[must_use]
    pub fn with_admin_url(mut self, admin_url: impl Into<String>) -> Self {
        self.admin_url = Some(admin_url.into());
        self
    }

    /// Sets the administrator's account and initial password.
    #[must_use]
    pub fn with_login(mut self, user_name: impl Into<Sensitive>, password: impl Into<Sensitive>) -> Self {
        self.user_name = Some(user_name.into());
        self.password = Some(password.into());
        self
    }

    /// Sets remarks.
    #[must_use]
    pub fn with_memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = Some(memo.into());
        self
    }
}

/// Usage of a pay-per-use instance or package.
///
/// V2.0: China only; the international and European tables lack it, although their FAQ mentions its fields.
#[doc(alias = "usageInfo")]
#[doc(alias = "用量")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageInfo {
    /// For a package: the pay-per-use instance to which this usage belongs.
    pub related_instance_id: Option<String>,
    /// Pay-per-use: the running total. Package: the amount used up. From 0 to 99999999.9999, with at most four decimals: what
    /// is not fails the query, and is reported.
    pub usage_value: Amount,
    /// Time at which the usage was counted.
    pub statistical_time: Timestamp,
    /// Address of a page with details, at most 512 characters.
    pub dashboard_url: Option<String>,
}

impl UsageInfo {
    /// Returns usage counted at a time.
    pub fn new(usage_value: Amount, statistical_time: Timestamp) -> Self {
        Self { related_instance_id: None, usage_value, statistical_time, dashboard_url: None }
    }

    /// Sets the pay-per-use instance to which the usage of a package belongs.
    #[must_use]
    pub fn with_related_instance(mut self, instance_id: impl Into<String>) -> Self {
        self.related_instance_id = Some(instance_id.into());
        self
    }

    /// Sets the address of a page with details.
    #[must_use]
    pub fn with_dashboard_url(mut self, dashboard_url: impl Into<String>) -> Self {
        self.dashboard_url = Some(dashboard_url.into());
        self
    }
}
