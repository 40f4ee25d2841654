//! The purchase: product, buyer and term.

use crate::amount::Amount;
use crate::lease::Fence;
use crate::ledger::Completion;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::wire::{FieldWarning, open_enum};

/// A purchase: a customer has ordered and paid.
///
/// ```
/// use koogallery::callback::subscription::{Product, Purchase, PurchaseDetails};
///
/// let mut purchase = Purchase::new("CS0001-000001", "CS0001");
/// purchase.order_line_id = Some("CS0001-000001".to_owned());
/// purchase.details = Some(Box::new(PurchaseDetails::new(Product::new("00301-1001-0--0"))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purchase {
    /// Id of the new instance, fixed before this event; the same at every retry.
    pub instance_id: String,
    /// Order id.
    pub order_id: String,
    /// Order line id; V1.0 has none.
    pub order_line_id: Option<String>,
    /// Product, customer and price. V1.0 sends them in the call; V2.0 leaves them to the order query, which the service makes
    /// if it [has an open-API client](crate::callback::CallbackServiceBuilder::open_api). `None` for V2.0 without one, and
    /// in test calls.
    pub details: Option<Box<PurchaseDetails>>,
    /// Whether the call came from the debugging page or a dial test; always false unless the seller asked for such calls.
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl Purchase {
    /// Returns the purchase of an order, without details.
    pub fn new(instance_id: impl Into<String>, order_id: impl Into<String>) -> Self {
        Self {
            instance_id: instance_id.into(),
            order_id: order_id.into(),
            order_line_id: None,
            details: None,
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}

/// Product and buyer of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurchaseDetails {
    /// Buyer. V1.0 always names one; the order query may leave it out.
    pub customer: Option<Customer>,
    /// Product.
    pub product: Product,
    /// Charging mode.
    pub charging_mode: Option<ChargingMode>,
    /// Length of the subscription.
    pub period: Option<Period>,
    /// Whether it is a trial.
    pub trial: bool,
    /// Approximate expiry, for information only. Computed at the order, so it is too early for a product under service
    /// supervision, whose term starts when the customer accepts the delivery.
    pub expire_time: Option<Timestamp>,
    /// Time at which the customer accepted the delivery (V1.0 `acceptanceTime`, products under service supervision),
    /// which starts the term. No document states the zone; it is read in that of
    /// [`expire_time`](PurchaseDetails::expire_time).
    pub acceptance_time: Option<Timestamp>,
    /// Amount paid: yuan in China, US dollars on the international site.
    pub amount_paid: Option<Amount>,
    /// Extension parameters, which the seller defined and the customer filled in.
    pub extend_params: Vec<ExtendParam>,
    /// Provisioning type as the marketplace sent it; no document lists its values.
    pub provision_type: Option<String>,
    /// Members of the call or the order that could not be read or differ from the documents, with their text. They never
    /// refuse an order: what could not be read is absent above.
    pub warnings: Vec<FieldWarning>,
}

impl PurchaseDetails {
    /// Returns the purchase of a product, with nothing else known.
    pub fn new(product: Product) -> Self {
        Self {
            customer: None,
            product,
            charging_mode: None,
            period: None,
            trial: false,
            expire_time: None,
            acceptance_time: None,
            amount_paid: None,
            extend_params: Vec::new(),
            provision_type: None,
            warnings: Vec::new(),
        }
    }
}

/// The buyer. Personal data are redacted in `Debug`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Customer {
    /// Account id. V1.0 always sends it; the order query may leave it out.
    pub customer_id: Option<String>,
    /// Account name.
    pub customer_name: Option<Sensitive>,
    /// Sub-user id.
    pub user_id: Option<String>,
    /// Sub-user name.
    pub user_name: Option<Sensitive>,
    /// Verified name (order query only).
    pub real_name: Option<Sensitive>,
    /// Mobile number without country code, decrypted.
    pub mobile_phone: Option<Sensitive>,
    /// E-mail address, decrypted.
    pub email: Option<Sensitive>,
}

impl Customer {
    /// Returns a customer with an account id.
    pub fn new(customer_id: impl Into<String>) -> Self {
        Self { customer_id: Some(customer_id.into()), ..Self::default() }
    }
}

/// A product and its quantity.
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

impl Product {
    /// Returns a product with nothing known but its id.
    pub fn new(product_id: impl Into<String>) -> Self {
        Self {
            product_id: product_id.into(),
            sku_code: None,
            product_name: None,
            amount: None,
            disk_size: None,
            band_width: None,
        }
    }
}

open_enum! {
    /// Charging mode of a product.
    ///
    /// ```
    /// use koogallery::callback::subscription::ChargingMode;
    ///
    /// assert_eq!(ChargingMode::from("ON_DEMAND_PKG"), ChargingMode::OnDemandPackage);
    /// // What the documents do not list is kept.
    /// assert_eq!(ChargingMode::from("SOMETHING_NEW").as_str(), "SOMETHING_NEW");
    /// ```
    pub enum ChargingMode {
        /// By the year, month or day.
        Period = "PERIOD",
        /// One-time.
        OneTime = "ONE_TIME",
        /// Pay-per-use; one order line may carry several products, each of which is an instance.
        OnDemand = "ON_DEMAND",
        /// Pay-per-use package.
        OnDemandPackage = "ON_DEMAND_PKG",
    }
}

/// A length of time bought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Period {
    /// Unit.
    pub period_type: PeriodType,
    /// Number of units.
    pub period_number: Option<u32>,
}

impl Period {
    /// Returns a period of so many units.
    pub fn new(period_type: PeriodType, period_number: impl Into<Option<u32>>) -> Self {
        Self { period_type, period_number: period_number.into() }
    }
}

open_enum! {
    /// Unit of a period.
    pub enum PeriodType {
        /// Years.
        Year = "year",
        /// Months.
        Month = "month",
        /// Days.
        Day = "day",
    }
}

/// An extension parameter: defined by the seller for the product, filled in by the customer.
#[doc(alias = "extendParams")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtendParam {
    /// Name, for instance `emailDomainName` or `platformParams`.
    pub name: String,
    /// Value; may itself be JSON text.
    pub value: Sensitive,
}

impl ExtendParam {
    /// Returns a parameter.
    pub fn new(name: impl Into<String>, value: impl Into<Sensitive>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}
