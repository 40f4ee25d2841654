//! Query order (查询订单): seller to marketplace, `GET /api/mkp-openapi-public/global/v1/order/query`, AK/SK. Open API
//! reference, "query order" (China 2024-04-26 and 2025, international 2024-08-20, Europe 2025-03-13). Read-only.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::{Api, ApiError, Authentication, BaseUrl, LimitError, envelope, limit};
use crate::amount::Amount;
use crate::redact::Sensitive;
use crate::text::query::push_pair;
use crate::timestamp::Timestamp;
use crate::wire::lenient::{list, parsed, required};
use crate::wire::open_enum;

const PATH: &str = "/api/mkp-openapi-public/global/v1/order/query";

/// What was bought with an order?
///
/// Orders that begin with `MOCK` (such as `MOCKPERIODYEARNEW`) are answered with invented data before any product is
/// published; a real signature is needed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The order, at most 64 characters.
    pub order_id: String,
    /// One line of it; all lines where absent.
    pub order_line_id: Option<String>,
}

impl Request {
    /// All lines of an order.
    pub fn new(order_id: impl Into<String>) -> Self {
        Self { order_id: order_id.into(), order_line_id: None }
    }

    /// One line only.
    #[must_use]
    pub fn with_order_line(mut self, order_line_id: impl Into<String>) -> Self {
        self.order_line_id = Some(order_line_id.into());
        self
    }
}

impl Api for Request {
    type Response = Order;

    const NAME: &'static str = "query order";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::text("orderId", &self.order_id, 64)?;
        limit::optional_text("orderLineId", self.order_line_id.as_deref(), 64)
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        let mut query = String::new();
        push_pair(&mut query, "orderId", &self.order_id);
        if let Some(line) = &self.order_line_id {
            push_pair(&mut query, "orderLineId", line);
        }
        base.request(Method::GET, &format!("{PATH}?{query}"), Bytes::new())
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<Order, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "orderInfo")]
            order_info: Order,
        }
        // An older copy of the page prints the code with another prefix.
        envelope::read(Self::NAME, &["MKT.0000", "CBC.0000"], response).map(|answer: Answer| answer.order_info)
    }
}

open_enum! {
    /// What an order does.
    pub enum OrderType {
        /// New purchase.
        New = "NEW",
        /// Trial.
        Trial = "TRIAL",
        /// A trial became paid.
        TrialToFormal = "TRIAL_TO_FORMAL",
        /// Unsubscription.
        Unsubscribe = "UNSUBSCRIBE",
        /// Renewal.
        Renew = "RENEW",
        /// Change or upgrade.
        Change = "CHANGE",
    }
}

open_enum! {
    /// How a line is charged.
    pub enum ChargingMode {
        /// By the year, month or day.
        Period = "PERIOD",
        /// One-time.
        OneTime = "ONE_TIME",
        /// Pay-per-use; one line may carry several products, each of which is an instance.
        OnDemand = "ON_DEMAND",
        /// Pay-per-use package.
        OnDemandPackage = "ON_DEMAND_PKG",
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

/// An order (`orderInfo`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Order {
    /// The order.
    #[serde(deserialize_with = "required")]
    pub order_id: String,
    /// What it does.
    pub order_type: OrderType,
    /// When the customer placed it; UTC by inference from a sample.
    #[serde(default, deserialize_with = "parsed")]
    pub create_time: Option<Timestamp>,
    /// Its lines (`orderLine`, an array in spite of its name).
    #[serde(rename = "orderLine", default, deserialize_with = "list")]
    pub order_lines: Vec<OrderLine>,
    /// The customer.
    #[serde(default)]
    pub buyer_info: Option<BuyerInfo>,
    /// What the buyer filled in for the order.
    #[serde(default, deserialize_with = "list")]
    pub extend_params: Vec<ExtendParam>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OrderLine {
    /// The line.
    #[serde(deserialize_with = "required")]
    pub order_line_id: String,
    /// How it is charged.
    pub charging_mode: ChargingMode,
    /// Unit of the period, for period products.
    #[serde(default)]
    pub period_type: Option<PeriodType>,
    /// Number of periods.
    #[serde(default, deserialize_with = "parsed")]
    pub period_number: Option<u32>,
    /// Expiry computed from order and period, UTC; differs from the real one, for information only.
    #[serde(default, deserialize_with = "parsed")]
    pub expire_time: Option<Timestamp>,
    /// What was bought (`productInfo`, an array in spite of its name).
    #[serde(rename = "productInfo", default, deserialize_with = "list")]
    pub products: Vec<Product>,
    /// What the buyer filled in for the line.
    #[serde(default, deserialize_with = "list")]
    pub extend_params: Vec<ExtendParam>,
    /// List amount (`currency`, which is no currency code), in the site's account currency.
    #[serde(rename = "currency", default, deserialize_with = "parsed")]
    pub amount: Option<Amount>,
    /// Amount after discount (`currencyAfterDiscount`).
    #[serde(rename = "currencyAfterDiscount", default, deserialize_with = "parsed")]
    pub amount_after_discount: Option<Amount>,
}

/// A product of a line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Product {
    /// Product id: one per period type.
    #[serde(deserialize_with = "required")]
    pub product_id: String,
    /// Specification id; stays when the period type changes.
    #[serde(default)]
    pub sku_code: Option<String>,
    /// Quantity chosen, where the specification has one.
    #[serde(default, deserialize_with = "parsed")]
    pub linear_value: Option<u32>,
    /// Names of product, specification, edition and charging mode, joined with commas.
    #[serde(default)]
    pub product_name: Option<String>,
}

/// A value that the buyer filled in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ExtendParam {
    /// Name, for instance `emailDomainName`.
    pub name: String,
    /// Value.
    #[serde(default)]
    pub value: Option<Sensitive>,
}

/// The customer. Personal data are in clear text here, and redacted in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BuyerInfo {
    /// The account's id.
    #[serde(deserialize_with = "required")]
    pub customer_id: String,
    /// The account's name.
    #[serde(default)]
    pub customer_name: Option<Sensitive>,
    /// The verified name.
    #[serde(default)]
    pub customer_real_name: Option<Sensitive>,
    /// Probably 0 for a person and 1 for an enterprise (unverified).
    #[serde(default, deserialize_with = "parsed")]
    pub customer_type: Option<i32>,
    /// Mobile number; only with the user's authorisation.
    #[serde(default)]
    pub mobile_phone: Option<Sensitive>,
    /// E-mail address; only with the user's authorisation.
    #[serde(default)]
    pub email: Option<Sensitive>,
    /// The sub-user's id; only with the user's authorisation.
    #[serde(default)]
    pub user_id: Option<String>,
    /// The sub-user's name.
    #[serde(default)]
    pub user_name: Option<Sensitive>,
}
