//! Query order (查询订单): seller to marketplace, `GET /api/mkp-openapi-public/global/v1/order/query`, AK/SK. Open API
//! reference, "query order" (China 2024-04-26 and 2025, international 2024-08-20, Europe 2025-03-13). Read-only.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, LimitError, RequestForm, envelope, limit};
use crate::amount::Amount;
use crate::query::push_pair;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
pub use crate::wire::ExtendParam;
use crate::wire::{
    FieldKind, FieldProblem, FieldSpec, FieldWarning, Fields, Members, ParseError, Part, RawField, max_of, open_enum,
    part, prefix_paths, table,
};

const PATH: &str = "/api/mkp-openapi-public/global/v1/order/query";

/// An older copy of the page prints the code with another prefix.
const SUCCESS: &[&str] = &["MKT.0000", "CBC.0000"];

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Asks for the content of an order. Read-only.",
    method: Method::GET,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Query(Request::FIELDS),
    code: "resultCode",
    message: "resultMsg",
    success: SUCCESS,
    answer: &[FieldSpec::written("orderInfo", true, 0, FieldKind::Object(Order::FIELDS), "The order.")],
};

table! {
    plain
    /// Asks for the content of an order.
    ///
    /// Orders that begin with `MOCK` (such as `MOCKPERIODYEARNEW`) are answered with invented data before any product is
    /// published; a real signature is needed all the same.
    #[doc(alias = "查询订单")]
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Request {
        /// The order, at most 64 characters.
        pub order_id: String = mandatory "orderId", 64;
        /// One line of it; all lines where absent.
        pub order_line_id: Option<String> = optional "orderLineId", 64;
    }
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
        limit::text("orderId", &self.order_id, const { max_of(Self::FIELDS, "orderId") })?;
        limit::optional_text(
            "orderLineId",
            self.order_line_id.as_deref(),
            const { max_of(Self::FIELDS, "orderLineId") },
        )
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
        let answer: Answer = envelope::read(Self::NAME, SUCCESS, response)?;
        let order = answer.order_info.as_deref().map_or("null", RawValue::get);
        Order::parse(order).map_err(|error| envelope::malformed(Self::NAME, response, error))
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

part! {
    /// An order (`orderInfo`).
    ///
    /// Only the ids of the order and of its lines and products have to be there. Any other member that was not sent or
    /// could not be read is `None`; [`warnings`](Order::warnings) names those that could not.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Order {
        /// The order.
        order_id: String = name "orderId", ANY;
        /// Kind of order.
        order_type: OrderType = information "orderType", ANY;
        /// Time when the customer placed it; UTC by inference from a sample.
        create_time: Timestamp = information "createTime", ANY;
        /// Its lines (`orderLine`, an array in spite of its name).
        order_lines: OrderLine = list "orderLine", ANY;
        /// The customer.
        buyer_info: BuyerInfo = one "buyerInfo", ANY;
        /// Answers of the buyer to the questions about the order.
        extend_params: Vec<ExtendParam> = params "extendParams", ANY, as FieldKind::List(ExtendParam::FIELDS);
        ..
        /// Members that could not be read or are not quite as documented, by their paths (`orderInfo.orderLine[0]...`).
        warnings: Vec<FieldWarning>;
    }
}

part! {
    /// One line of an order.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct OrderLine {
        /// The line.
        order_line_id: String = name "orderLineId", ANY;
        /// Charging mode.
        charging_mode: ChargingMode = information "chargingMode", ANY;
        /// Unit of the period, for period products.
        period_type: PeriodType = information "periodType", ANY;
        /// Number of periods.
        period_number: u32 = information "periodNumber", ANY;
        /// Expiry computed from order and period, UTC; for information only. It differs from the real one, and is too early
        /// for products under service supervision, whose term starts when the customer accepts the delivery.
        expire_time: Timestamp = information "expireTime", ANY;
        /// Products bought (`productInfo`, an array in spite of its name).
        products: Product = list "productInfo", ANY;
        /// Answers of the buyer to the questions about the line.
        extend_params: Vec<ExtendParam> = params "extendParams", ANY, as FieldKind::List(ExtendParam::FIELDS);
        /// List amount (`currency`, which is no currency code), in the site's account currency.
        amount: Amount = information "currency", ANY;
        /// Amount after discount (`currencyAfterDiscount`).
        amount_after_discount: Amount = information "currencyAfterDiscount", ANY;
    }
}

part! {
    /// A product of a line.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Product {
        /// Product id: one per period type.
        product_id: String = name "productId", ANY;
        /// Specification id; stays when the period type changes.
        sku_code: String = information "skuCode", ANY;
        /// Quantity chosen, where the specification has one.
        linear_value: u32 = information "linearValue", ANY;
        /// Names of product, specification, edition and charging mode, joined with commas.
        product_name: String = information "productName", ANY;
    }
}

part! {
    /// The customer. Personal data are in clear text here, and redacted in `Debug`.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct BuyerInfo {
        /// The account's id.
        customer_id: String = information "customerId", ANY;
        /// The account's name.
        customer_name: Sensitive = information "customerName", ANY;
        /// The verified name.
        customer_real_name: Sensitive = information "customerRealName", ANY;
        /// Probably 0 for a person and 1 for an enterprise (unverified).
        customer_type: i32 = information "customerType", ANY;
        /// Mobile number; only with the user's authorization.
        mobile_phone: Sensitive = information "mobilePhone", ANY;
        /// E-mail address; only with the user's authorization.
        email: Sensitive = information "email", ANY;
        /// The sub-user's id; only with the user's authorization.
        user_id: String = information "userId", ANY;
        /// The sub-user's name.
        user_name: Sensitive = information "userName", ANY;
    }
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

    fn parse(order: &str) -> Result<Self, ParseError> {
        const NAME: &str = "orderInfo";
        let raw = RawField::json(order);
        let order = raw.object().ok_or_else(|| ParseError::new(NAME, FieldProblem::NotA("an object"), &raw))?;
        let members = Members::from_json(order.as_bytes())?;
        let mut fields = Fields::new(&members);
        let order = <Self as Part>::read(&mut fields)?;
        let mut warnings = fields.rest().1;
        prefix_paths(&mut warnings, 0, "orderInfo.");
        Ok(Self { warnings, ..order })
    }
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
