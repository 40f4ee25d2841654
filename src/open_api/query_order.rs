//! Query order (查询订单): seller to marketplace, `GET /api/mkp-openapi-public/global/v1/order/query`, AK/SK. Open API
//! reference, "query order" (China 2024-04-26 and 2025, international 2024-08-20, Europe 2025-03-13). Read-only.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::sealed::Sealed;
use super::{Api, ApiError, Authentication, LimitError, envelope, limit};
use crate::amount::Amount;
use crate::query::push_pair;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
pub use crate::wire::ExtendParam;
use crate::wire::{
    ExtendParams, FieldProblem, FieldWarning, Fields, Members, Name, ParseError, RawField, ReadField, Warnings,
    open_enum, prefix_paths,
};

const PATH: &str = "/api/mkp-openapi-public/global/v1/order/query";

/// Asks for the content of an order.
///
/// Orders that begin with `MOCK` (such as `MOCKPERIODYEARNEW`) are answered with invented data before any product is
/// published; a real signature is needed all the same.
#[doc(alias = "查询订单")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The order, at most 64 characters.
    pub order_id: String,
    /// One line of it; all lines where absent.
    pub order_line_id: Option<String>,
}

impl Request {
    /// Returns a query of all lines of an order.
    pub fn new(order_id: impl Into<String>) -> Self {
        Self { order_id: order_id.into(), order_line_id: None }
    }

    /// Asks for one line only.
    #[must_use]
    pub fn with_order_line(mut self, order_line_id: impl Into<String>) -> Self {
        self.order_line_id = Some(order_line_id.into());
        self
    }
}

impl Sealed for Request {}

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
            #[serde(rename = "orderInfo", default)]
            order_info: Option<Box<RawValue>>,
        }
        // An older copy of the page prints the code with another prefix.
        let answer: Answer = envelope::read(Self::NAME, &["MKT.0000", "CBC.0000"], response)?;
        let order = answer.order_info.as_deref().map_or("null", RawValue::get);
        Order::read(order).map_err(|error| envelope::malformed(Self::NAME, response, error))
    }
}

open_enum! {
    /// Kind of order.
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
    /// Charging mode of a line.
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
///
/// Only the ids of the order and of its lines and products have to be there. Any other member that was not sent or
/// could not be read is `None`; [`warnings`](Order::warnings) names those that could not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// The order.
    pub order_id: String,
    /// Kind of order.
    pub order_type: Option<OrderType>,
    /// Time when the customer placed it; UTC by inference from a sample.
    pub create_time: Option<Timestamp>,
    /// Its lines (`orderLine`, an array in spite of its name).
    pub order_lines: Vec<OrderLine>,
    /// The customer.
    pub buyer_info: Option<BuyerInfo>,
    /// Answers of the buyer to the questions about the order.
    pub extend_params: Vec<ExtendParam>,
    /// Members that could not be read or are not quite as documented, by their paths (`orderInfo.orderLine[0]...`).
    pub warnings: Vec<FieldWarning>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderLine {
    /// The line.
    pub order_line_id: String,
    /// Charging mode.
    pub charging_mode: Option<ChargingMode>,
    /// Unit of the period, for period products.
    pub period_type: Option<PeriodType>,
    /// Number of periods.
    pub period_number: Option<u32>,
    /// Expiry computed from order and period, UTC; for information only. It differs from the real one, and is too early
    /// for products under service supervision, whose term starts when the customer accepts the delivery.
    pub expire_time: Option<Timestamp>,
    /// Products bought (`productInfo`, an array in spite of its name).
    pub products: Vec<Product>,
    /// Answers of the buyer to the questions about the line.
    pub extend_params: Vec<ExtendParam>,
    /// List amount (`currency`, which is no currency code), in the site's account currency.
    pub amount: Option<Amount>,
    /// Amount after discount (`currencyAfterDiscount`).
    pub amount_after_discount: Option<Amount>,
}

/// A product of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Product {
    /// Product id: one per period type.
    pub product_id: String,
    /// Specification id; stays when the period type changes.
    pub sku_code: Option<String>,
    /// Quantity chosen, where the specification has one.
    pub linear_value: Option<u32>,
    /// Names of product, specification, edition and charging mode, joined with commas.
    pub product_name: Option<String>,
}

/// The customer. Personal data are in clear text here, and redacted in `Debug`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuyerInfo {
    /// The account's id.
    pub customer_id: Option<String>,
    /// The account's name.
    pub customer_name: Option<Sensitive>,
    /// The verified name.
    pub customer_real_name: Option<Sensitive>,
    /// Probably 0 for a person and 1 for an enterprise (unverified).
    pub customer_type: Option<i32>,
    /// Mobile number; only with the user's authorization.
    pub mobile_phone: Option<Sensitive>,
    /// E-mail address; only with the user's authorization.
    pub email: Option<Sensitive>,
    /// The sub-user's id; only with the user's authorization.
    pub user_id: Option<String>,
    /// The sub-user's name.
    pub user_name: Option<Sensitive>,
}

/// No documented length is enforced on an answer.
const ANY: usize = usize::MAX;

impl Order {
    /// Returns an order with nothing else set.
    ///
    /// ```
    /// use koogallery::open_api::query_order::{ChargingMode, Order, OrderLine, Product};
    ///
    /// let mut line = OrderLine::new("CS1-000001", vec![Product::new("OFFI1")]);
    /// line.charging_mode = Some(ChargingMode::OneTime);
    /// let order = Order::new("CS1", vec![line]);
    /// assert!(order.order_type.is_none());
    /// ```
    pub fn new(order_id: impl Into<String>, order_lines: Vec<OrderLine>) -> Self {
        Self {
            order_id: order_id.into(),
            order_type: None,
            create_time: None,
            order_lines,
            buyer_info: None,
            extend_params: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn read(order: &str) -> Result<Self, ParseError> {
        const NAME: &str = "orderInfo";
        let raw = RawField::json(order);
        let order = raw.object().ok_or_else(|| ParseError::new(NAME, NOT_AN_OBJECT, &raw))?;
        let members = Members::from_json(order.as_bytes())?;
        let mut fields = Fields::new(&members);
        let order = Self {
            order_id: fields.mandatory::<Name>("orderId", ANY)?.0,
            order_type: fields.information("orderType", ANY),
            create_time: fields.information("createTime", ANY),
            order_lines: fields.optional::<List<_>>("orderLine", ANY)?.unwrap_or_default().0,
            buyer_info: fields.information::<One<_>>("buyerInfo", ANY).map(|buyer| buyer.0),
            extend_params: extend_params(&mut fields),
            warnings: Vec::new(),
        };
        let mut warnings = fields.rest().1;
        prefix_paths(&mut warnings, 0, "orderInfo.");
        Ok(Self { warnings, ..order })
    }
}

fn extend_params(fields: &mut Fields<'_>) -> Vec<ExtendParam> {
    fields.information::<ExtendParams>("extendParams", ANY).map(Vec::from).unwrap_or_default()
}

impl OrderLine {
    /// Returns a line with nothing else set.
    pub fn new(order_line_id: impl Into<String>, products: Vec<Product>) -> Self {
        Self {
            order_line_id: order_line_id.into(),
            charging_mode: None,
            period_type: None,
            period_number: None,
            expire_time: None,
            products,
            extend_params: Vec::new(),
            amount: None,
            amount_after_discount: None,
        }
    }
}

impl Product {
    /// Returns a product with nothing else set.
    pub fn new(product_id: impl Into<String>) -> Self {
        Self { product_id: product_id.into(), sku_code: None, linear_value: None, product_name: None }
    }
}

impl BuyerInfo {
    /// Returns a customer with nothing set.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A part of the answer.
trait Part: Sized {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ParseError>;
}

impl Part for OrderLine {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            order_line_id: fields.mandatory::<Name>("orderLineId", ANY)?.0,
            charging_mode: fields.information("chargingMode", ANY),
            period_type: fields.information("periodType", ANY),
            period_number: fields.information("periodNumber", ANY),
            expire_time: fields.information("expireTime", ANY),
            products: fields.optional::<List<_>>("productInfo", ANY)?.unwrap_or_default().0,
            extend_params: extend_params(fields),
            amount: fields.information("currency", ANY),
            amount_after_discount: fields.information("currencyAfterDiscount", ANY),
        })
    }
}

impl Part for Product {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            product_id: fields.mandatory::<Name>("productId", ANY)?.0,
            sku_code: fields.information("skuCode", ANY),
            linear_value: fields.information("linearValue", ANY),
            product_name: fields.information("productName", ANY),
        })
    }
}

impl Part for BuyerInfo {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            customer_id: fields.information("customerId", ANY),
            customer_name: fields.information("customerName", ANY),
            customer_real_name: fields.information("customerRealName", ANY),
            customer_type: fields.information("customerType", ANY),
            mobile_phone: fields.information("mobilePhone", ANY),
            email: fields.information("email", ANY),
            user_id: fields.information("userId", ANY),
            user_name: fields.information("userName", ANY),
        })
    }
}

const NOT_AN_OBJECT: FieldProblem = FieldProblem::NotA("an object");

fn part<T: Part>(object: &str, warnings: &mut Warnings) -> Result<T, ParseError> {
    let members = Members::from_json(object.as_bytes())?;
    let mut fields = Fields::new(&members);
    let part = T::read(&mut fields)?;
    warnings.extend(fields.rest().1);
    Ok(part)
}

/// A list, or the one object in its place. An entry without its id is left out: another line, or another product, may
/// be the one that is asked for.
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Part> ReadField for List<T> {
    fn read(raw: RawField<'_>, _: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let parts = raw.elements(|elements| {
            let mut parts = Vec::with_capacity(elements.len());
            for (index, element) in elements.into_iter().enumerate() {
                let (first, raw) = (warnings.len(), RawField::json(element));
                match raw.structure().map(|object| part(&object, warnings)) {
                    Some(Ok(part)) => {
                        parts.push(part);
                        prefix_paths(warnings, first, &format!("[{index}]."));
                    }
                    Some(Err(ParseError::Field(error))) => {
                        warnings.push(FieldWarning::absent(format!("[{index}].{}", error.field), error.problem, &raw));
                    }
                    _ => warnings.push(FieldWarning::absent(format!("[{index}]"), NOT_AN_OBJECT, &raw)),
                }
            }
            parts
        });
        parts.map(Self).ok_or(FieldProblem::NotA("a list of objects"))
    }
}

/// One object, or a list of one.
struct One<T>(T);

impl<T: Part> ReadField for One<T> {
    fn read(raw: RawField<'_>, _: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let first = warnings.len();
        let object = raw.object().ok_or(NOT_AN_OBJECT)?;
        let part = part(&object, warnings).map_err(|_| NOT_AN_OBJECT)?;
        prefix_paths(warnings, first, ".");
        Ok(Self(part))
    }
}
