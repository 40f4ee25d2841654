//! The events of a subscription's life, free of protocol generations.

use crate::amount::Amount;
pub use crate::open_api::query_order::{ChargingMode, PeriodType};
use crate::redact::Sensitive;
use crate::saas::UsageInfo;
use crate::saas::v1::ExtendParam;
use crate::saas::v2::change_instance_check::TargetProducts;
pub use crate::saas::v2::refresh_instance::Scene as RenewalScene;
use crate::timestamp::Timestamp;
use crate::wire::FieldWarning;

/// Anything that can happen to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Bought.
    Create(Purchase),
    /// The expiry changes.
    Renew(Renewal),
    /// To be made unusable.
    Freeze(Freeze),
    /// To be made usable again.
    Unfreeze(Unfreeze),
    /// To be deleted.
    Release(Release),
    /// Upgraded or expanded.
    Upgrade(Upgrade),
    /// May it change at its renewal?
    CheckChange(ChangeCheck),
}

impl Event {
    /// Returns the order that brought the event, as far as it names one.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::Create(event) => Some(&event.order_id),
            Self::Renew(event) => Some(&event.order_id),
            Self::Upgrade(event) => Some(&event.order_id),
            Self::Release(event) => event.order_id.as_deref(),
            Self::Freeze(_) | Self::Unfreeze(_) | Self::CheckChange(_) => None,
        }
    }

    /// Returns the instance concerned.
    pub fn instance_id(&self) -> &str {
        match self {
            Self::Create(event) => &event.instance_id,
            Self::Renew(event) => &event.instance_id,
            Self::Freeze(event) => &event.instance_id,
            Self::Unfreeze(event) => &event.instance_id,
            Self::Release(event) => &event.instance_id,
            Self::Upgrade(event) => &event.instance_id,
            Self::CheckChange(event) => &event.instance_id,
        }
    }
}

/// A customer has bought and paid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purchase {
    /// The id of the new instance, fixed before this event; the same at every retry.
    pub instance_id: String,
    /// The order.
    pub order_id: String,
    /// The order line; V1.0 has none.
    pub order_line_id: Option<String>,
    /// What was bought by whom. V1.0 tells it in the call; V2.0 leaves it to the order query, which the service makes if it
    /// [holds a client](crate::callback::CallbackServiceBuilder::open_api). It is `None` only for V2.0 without one, and in
    /// test calls.
    pub details: Option<Box<PurchaseDetails>>,
    /// Whether the call came from the debugging page or a dial test; always false unless the seller asked for such calls.
    pub test_call: bool,
}

/// What was bought, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurchaseDetails {
    /// The buyer. V1.0 always tells who it is; the order query may leave it out.
    pub customer: Option<Customer>,
    /// The product.
    pub product: Product,
    /// How it is charged.
    pub charging_mode: Option<ChargingMode>,
    /// For how long it was bought.
    pub period: Option<Period>,
    /// Whether it is a trial.
    pub trial: bool,
    /// When it will expire, roughly; for information only. Computed at the order, so it is too early for a product under
    /// service supervision, whose term starts when the customer accepts the delivery.
    pub expire_time: Option<Timestamp>,
    /// When the customer accepted the delivery (V1.0 `acceptanceTime`, products under service supervision), which is when
    /// the term starts. The zone is not stated; it is read in that of [`expire_time`](PurchaseDetails::expire_time).
    pub acceptance_time: Option<Timestamp>,
    /// What was paid: yuan in China, US dollars on the international site.
    pub amount_paid: Option<Amount>,
    /// What the seller asked the customer to fill in.
    pub extend_params: Vec<ExtendParam>,
    /// How the instance is opened, as the marketplace sent it; its values are documented nowhere.
    pub provision_type: Option<String>,
    /// Members of the call or the order that could not be read or are not quite as documented, with their text. They never
    /// refuse an order: what could not be read is absent above.
    pub warnings: Vec<FieldWarning>,
}

/// The buyer. Personal data are redacted in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Customer {
    /// The account's id. V1.0 always gives it; the order query may leave it out.
    pub customer_id: Option<String>,
    /// The account's name.
    pub customer_name: Option<Sensitive>,
    /// The sub-user's id.
    pub user_id: Option<String>,
    /// The sub-user's name.
    pub user_name: Option<Sensitive>,
    /// The verified name (order query only).
    pub real_name: Option<Sensitive>,
    /// Mobile number without country code, decrypted.
    pub mobile_phone: Option<Sensitive>,
    /// E-mail address, decrypted.
    pub email: Option<Sensitive>,
}

/// A product and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Product {
    /// Product id: one per period type, and per billing item of a pay-per-use product.
    pub product_id: String,
    /// Specification id.
    pub sku_code: Option<String>,
    /// Names of product, specification, edition and charging mode, joined with commas (order query only).
    pub product_name: Option<String>,
    /// Quantity, in pieces or times: V1.0's `amount`, the order query's `linearValue`.
    pub amount: Option<u32>,
    /// Disk size in GB.
    pub disk_size: Option<u32>,
    /// Bandwidth in Mbit/s.
    pub band_width: Option<u32>,
}

/// A length of time bought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Period {
    /// The unit.
    pub period_type: PeriodType,
    /// How many.
    pub period_number: Option<u32>,
}

impl Period {
    pub(crate) fn of(period_type: Option<PeriodType>, period_number: Option<u32>) -> Option<Self> {
        period_type.map(|period_type| Self { period_type, period_number })
    }
}

/// The expiry changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewal {
    /// The instance.
    pub instance_id: String,
    /// The order that changes it; not the purchase.
    pub order_id: String,
    /// Its line; V1.0 has none.
    pub order_line_id: Option<String>,
    /// Why. V1.0 does not say: there a trial's conversion and a negative amount are told apart from a renewal.
    pub scene: RenewalScene,
    /// The new expiry: an absolute time, possibly **before** the present one.
    pub expire_time: Timestamp,
    /// The new product, where it changes.
    pub product_id: Option<String>,
    /// The product from now on, with **totals**; from the order query only. It is not made for an unsubscribed renewal
    /// period, for which the documents disagree on whose order the call names.
    pub product: Option<Product>,
    /// The period bought, from V1.0's call or the order query.
    pub period: Option<Period>,
    /// What was paid, from V1.0's call, negative for a refund, or from the order query.
    pub amount_paid: Option<Amount>,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// The instance is to be made unusable; its data must be kept, for up to 15 days.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freeze {
    /// The instance.
    pub instance_id: String,
    /// Why, as far as told.
    pub reason: FreezeReason,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// Why an instance is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FreezeReason {
    /// It expired (V1.0 `expireInstance`).
    Expired,
    /// Expiry, violation or arrears; the call does not say which.
    Unspecified,
}

/// The instance is to be made usable again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfreeze {
    /// The instance.
    pub instance_id: String,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// The instance is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// The instance.
    pub instance_id: String,
    /// V2.0: the order of the unsubscription, if it was one. V1.0: the purchase.
    pub order_id: Option<String>,
    /// Its line; V1.0 has none.
    pub order_line_id: Option<String>,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// The instance gets a higher specification or more units; the expiry stays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upgrade {
    /// The instance.
    pub instance_id: String,
    /// The new order.
    pub order_id: String,
    /// Its line; V1.0 has none.
    pub order_line_id: Option<String>,
    /// The product after the upgrade, with new **totals**. V1.0 tells it in the call, V2.0 leaves it to the order query.
    pub product: Option<Product>,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// May the instance change to another product at its renewal? (V2.0)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeCheck {
    /// The instance.
    pub instance_id: String,
    /// The target.
    pub product_info: TargetProducts,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// An instance is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceQuery {
    /// The instance.
    pub instance_id: String,
    /// See [`Purchase::test_call`].
    pub test_call: bool,
}

/// What is told of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// How the customer gets in; may be left out only where the customer learns it in another way.
    pub access: Option<AccessInfo>,
    /// How much was used; for pay-per-use instances and packages, one entry per charge item.
    pub usage: Vec<UsageInfo>,
}

impl Description {
    /// Access data and no usage.
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

/// How the customer gets in. Account and password are given in plain text; the service encrypts them for V1.0.
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
    /// An address alone.
    pub fn new(front_end_url: impl Into<String>) -> Self {
        Self { front_end_url: front_end_url.into(), admin_url: None, user_name: None, password: None, memo: None }
    }

    /// Adds the address of the management console.
    #[must_use]
    pub fn with_admin_url(mut self, admin_url: impl Into<String>) -> Self {
        self.admin_url = Some(admin_url.into());
        self
    }

    /// Adds the administrator's account and initial password.
    #[must_use]
    pub fn with_login(mut self, user_name: impl Into<Sensitive>, password: impl Into<Sensitive>) -> Self {
        self.user_name = Some(user_name.into());
        self.password = Some(password.into());
        self
    }

    /// Adds remarks.
    #[must_use]
    pub fn with_memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = Some(memo.into());
        self
    }
}
