//! Orders, and the order query (`GET /api/mkp-openapi-public/global/v1/order/query`). Open API reference, "query order".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Date, Duration as Days, Month, OffsetDateTime, Time};

use super::exchange::{Answer, Received, single};
use super::instance::Quota;
use super::operation::Operation;
use super::refusal::Refusal;
use super::seed::SeededRandom;
use koogallery::amount::Amount;
use koogallery::open_api::query_order::{ChargingMode, OrderType, PeriodType};
use koogallery::redact::Sensitive;
use koogallery::site::Site;
use koogallery::timestamp::{CHINA, Timestamp};

/// An order to be placed.
///
/// ```
/// use koogallery::open_api::query_order::PeriodType;
/// use koogallery_simulator::{LineSpec, OrderSpec};
///
/// let line = LineSpec::period("OFFI000000000000000001", PeriodType::Year, 1).with_linear_value(50);
/// let order = OrderSpec::new(line.with_extend_param("emailDomainName", "demo.example.com")).with_order_id("CS2501020304ABCDE");
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderSpec {
    /// The order's id (default: generated).
    pub order_id: Option<String>,
    /// Type of the order (default: a new purchase).
    pub order_type: OrderType,
    /// Its lines, numbered from `-000001`.
    pub lines: Vec<LineSpec>,
    /// The buyer.
    pub buyer: Buyer,
    /// Whether it belongs to a product of another seller, so that a query is refused.
    pub is_of_another_seller: bool,
}

impl OrderSpec {
    /// Creates a new purchase with one line.
    pub fn new(line: LineSpec) -> Self {
        Self {
            order_id: None,
            order_type: OrderType::New,
            lines: vec![line],
            buyer: Buyer::default(),
            is_of_another_seller: false,
        }
    }

    /// Sets the type of the order.
    #[must_use]
    pub fn with_order_type(mut self, order_type: OrderType) -> Self {
        self.order_type = order_type;
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn with_line(mut self, line: LineSpec) -> Self {
        self.lines.push(line);
        self
    }

    /// Sets the order's id.
    #[must_use]
    pub fn with_order_id(mut self, order_id: impl Into<String>) -> Self {
        self.order_id = Some(order_id.into());
        self
    }

    /// Sets the buyer.
    #[must_use]
    pub fn with_buyer(mut self, buyer: Buyer) -> Self {
        self.buyer = buyer;
        self
    }

    /// Makes it an order of another seller's product.
    #[must_use]
    pub fn of_another_seller(mut self) -> Self {
        self.is_of_another_seller = true;
        self
    }
}

/// A line of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LineSpec {
    /// Charging mode.
    pub charging_mode: ChargingMode,
    /// Unit and number of periods, for products sold by period.
    pub period: Option<(PeriodType, u32)>,
    /// The products; several only with pay-per-use.
    pub products: Vec<ProductSpec>,
    /// Values that the buyer filled in.
    pub extend_params: Vec<(String, String)>,
    /// List amount, and amount after discount.
    pub amounts: (Amount, Amount),
    /// For a package: what can be deducted from it. It is not part of the order query: the seller knows his products.
    pub quotas: Vec<Quota>,
    /// For pay-per-use: whether a usage record must name a package.
    pub needs_package: bool,
}

impl LineSpec {
    fn new(charging_mode: ChargingMode, product_id: impl Into<String>, period: Option<(PeriodType, u32)>) -> Self {
        let products = vec![ProductSpec::new(product_id)];
        let amount = Amount::from(100);
        let (extend_params, quotas) = (Vec::new(), Vec::new());
        let amounts = (amount, amount);
        Self { charging_mode, period, products, extend_params, amounts, quotas, needs_package: false }
    }

    /// Creates a line sold by year, month or day.
    pub fn period(product_id: impl Into<String>, period_type: PeriodType, periods: u32) -> Self {
        Self::new(ChargingMode::Period, product_id, Some((period_type, periods)))
    }

    /// Creates a line sold once.
    pub fn one_time(product_id: impl Into<String>) -> Self {
        Self::new(ChargingMode::OneTime, product_id, None)
    }

    /// Creates a pay-per-use line.
    pub fn on_demand(product_id: impl Into<String>) -> Self {
        Self::new(ChargingMode::OnDemand, product_id, None)
    }

    /// Creates a pay-per-use package (套餐包) for a period. An order may have up to 30.
    pub fn on_demand_package(product_id: impl Into<String>, period_type: PeriodType, periods: u32) -> Self {
        Self::new(ChargingMode::OnDemandPackage, product_id, Some((period_type, periods)))
    }

    /// Adds what can be deducted from a package for a billing item, which is the product of a pay-per-use line. Usage of
    /// other products, and more than that, is a [problem](super::PackageProblem) of the record (default: nothing is
    /// compared).
    #[must_use]
    pub fn with_quota(mut self, product_id: impl Into<String>, amount: Amount) -> Self {
        self.quotas.push(Quota::new(product_id, amount));
        self
    }

    /// Makes it a product that stops when its packages are used up (用完即停): every usage record must name the package
    /// that it is deducted from, or is refused (017).
    #[must_use]
    pub fn needing_packages(mut self) -> Self {
        self.needs_package = true;
        self
    }

    /// Adds a product, for pay-per-use.
    #[must_use]
    pub fn with_product(mut self, product: ProductSpec) -> Self {
        self.products.push(product);
        self
    }

    /// Returns whether it is a pay-per-use package.
    pub(crate) fn is_package(&self) -> bool {
        self.charging_mode == ChargingMode::OnDemandPackage
    }

    /// Sets the quantity of every product, such as a number of users.
    #[must_use]
    pub fn with_linear_value(mut self, value: u32) -> Self {
        self.products.iter_mut().for_each(|product| product.linear_value = Some(value));
        self
    }

    /// Adds a value that the buyer filled in.
    #[must_use]
    pub fn with_extend_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extend_params.push((name.into(), value.into()));
        self
    }

    /// Sets list amount, and amount after discount.
    #[must_use]
    pub fn with_amounts(mut self, list: Amount, after_discount: Amount) -> Self {
        self.amounts = (list, after_discount);
        self
    }
}

/// A product of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProductSpec {
    /// The product id.
    pub product_id: String,
    /// Its specification.
    pub sku_code: String,
    /// The quantity, if the specification has one.
    pub linear_value: Option<u32>,
    /// Product, specification, edition and charging mode, joined with commas.
    pub product_name: String,
}

impl ProductSpec {
    /// Creates a product with an invented specification.
    pub fn new(product_id: impl Into<String>) -> Self {
        Self {
            product_id: product_id.into(),
            sku_code: "11111111-2222-3333-4444-555555555555".to_owned(),
            linear_value: None,
            product_name: "Demo product,Standard spec,Basic".to_owned(),
        }
    }
}

/// The buyer. The data are invented; data that the buyer did not agree to share are absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Buyer {
    /// The account's id.
    pub customer_id: String,
    /// The account's name.
    pub customer_name: Sensitive,
    /// The verified name.
    pub customer_real_name: Option<Sensitive>,
    /// Probably 0 for a person and 1 for an enterprise (unverified).
    pub customer_type: Option<i32>,
    /// Mobile number.
    pub mobile_phone: Option<Sensitive>,
    /// E-mail address.
    pub email: Option<Sensitive>,
    /// The sub-user's id.
    pub user_id: Option<String>,
    /// The sub-user's name.
    pub user_name: Option<Sensitive>,
}

impl Default for Buyer {
    fn default() -> Self {
        Self {
            customer_id: "0123456789abcdef0123456789abcdef".to_owned(),
            customer_name: "buyer_01".into(),
            customer_real_name: Some("Buyer One".into()),
            customer_type: Some(0),
            mobile_phone: Some("18600000000".into()),
            email: None,
            user_id: None,
            user_name: None,
        }
    }
}

/// An order that was placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlacedOrder {
    /// Its id.
    pub order_id: String,
    /// Time of the order.
    pub create_time: Timestamp,
    /// Content of the order; its `order_id` is set.
    pub spec: OrderSpec,
}

impl PlacedOrder {
    /// Creates an order that no open-API server knows, for calls of [`delivery`](crate::delivery) about it.
    pub fn new(order_id: impl Into<String>, create_time: Timestamp, spec: OrderSpec) -> Self {
        let order_id = order_id.into();
        Self { create_time, spec: spec.with_order_id(&*order_id), order_id }
    }

    /// Returns the id of a line, counted from 0.
    pub fn order_line_id(&self, index: usize) -> String {
        format!("{}-{:06}", self.order_id, index + 1)
    }

    /// Returns the expiry of a line in the order query: the end of the last day in Beijing; `None` without an expiry.
    pub fn expire_time(&self, index: usize) -> Option<Timestamp> {
        let (unit, number) = self.spec.lines.get(index)?.period.as_ref()?;
        end_of_period(self.create_time, unit, *number)
    }

    fn to_json(&self, only_line: Option<usize>) -> Value {
        let lines = self.spec.lines.iter().enumerate().filter(|(index, _)| only_line.is_none_or(|only| only == *index));
        json!({
            "orderId": self.order_id,
            "orderType": self.spec.order_type.as_str(),
            "createTime": self.create_time.to_compact_seconds(),
            "orderLine": lines.map(|(index, line)| self.line_json(index, line)).collect::<Vec<_>>(),
            "buyerInfo": buyer_json(&self.spec.buyer),
            "extendParams": [],
        })
    }

    fn line_json(&self, index: usize, line: &LineSpec) -> Value {
        let products = line.products.iter().map(|product| {
            json!({
                "productId": product.product_id,
                "skuCode": product.sku_code,
                "linearValue": product.linear_value,
                "productName": product.product_name,
            })
        });
        let extend_params = line.extend_params.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let mut json = json!({
            "orderLineId": self.order_line_id(index),
            "chargingMode": line.charging_mode.as_str(),
            "productInfo": products.collect::<Vec<_>>(),
            "extendParams": extend_params.collect::<Vec<_>>(),
            "currency": line.amounts.0.to_string(),
            "currencyAfterDiscount": line.amounts.1.to_string(),
        });
        if let Some((unit, number)) = &line.period {
            json["periodType"] = unit.as_str().into();
            json["periodNumber"] = (*number).into();
        }
        if let Some(expire_time) = self.expire_time(index) {
            json["expireTime"] = expire_time.to_compact_seconds().into();
        }
        json
    }
}

/// Unknown members are null, not absent.
fn buyer_json(buyer: &Buyer) -> Value {
    let text = |text: &Option<Sensitive>| text.as_ref().map(|text| text.expose().to_owned());
    json!({
        "mobilePhone": text(&buyer.mobile_phone),
        "email": text(&buyer.email),
        "customerId": buyer.customer_id,
        "customerName": buyer.customer_name.expose(),
        "customerRealName": text(&buyer.customer_real_name),
        "customerType": buyer.customer_type,
        "userId": buyer.user_id,
        "userName": text(&buyer.user_name),
    })
}

/// The end of the day in Beijing on which this many periods have passed.
pub(crate) fn end_of_period(from: Timestamp, unit: &PeriodType, number: u32) -> Option<Timestamp> {
    let day = from.to_offset_date_time()?.checked_to_offset(CHINA)?.date();
    let number = i32::try_from(number).ok()?;
    let last = match unit {
        PeriodType::Year => months_after(day, number.checked_mul(12)?)?,
        PeriodType::Month => months_after(day, number)?,
        PeriodType::Day => day.checked_add(Days::days(number.into()))?,
        _ => return None,
    };
    Some(Timestamp::from(OffsetDateTime::new_in_offset(last, Time::from_hms(23, 59, 59).ok()?, CHINA)))
}

/// The same day this many months later, or the last day of a shorter month.
fn months_after(day: Date, months: i32) -> Option<Date> {
    let index = day.year().checked_mul(12)?.checked_add(i32::from(u8::from(day.month())) - 1)?.checked_add(months)?;
    let month = Month::try_from(u8::try_from(index.rem_euclid(12) + 1).ok()?).ok()?;
    let year = index.div_euclid(12);
    Date::from_calendar_date(year, month, day.day().min(month.length(year))).ok()
}

/// The documented mock orders: id, type, content; and whether Europe has them.
fn mock(order_id: &str) -> Option<(OrderType, LineSpec, bool)> {
    let product = "OFFI000000000000000001";
    let period = |unit, number| LineSpec::period(product, unit, number).with_linear_value(50);
    let (month, year) = (PeriodType::Month, PeriodType::Year);
    Some(match order_id {
        "MOCKPERIODYEARNEW" => (OrderType::New, period(year, 1), true),
        "MOCKONETIMENEW" => (OrderType::New, LineSpec::one_time(product), true),
        "MOCKONDEMAND" => (OrderType::New, LineSpec::on_demand(product), false),
        "MOCKONDEMANDPKG" => (OrderType::New, LineSpec::on_demand_package(product, month, 1), false),
        "MOCKPERIODDAYTRIAL" => (OrderType::Trial, period(PeriodType::Day, 7), true),
        "MOCKMONTYTRIALTOFORMAL" => (OrderType::TrialToFormal, period(month, 1), true),
        "MOCKMONTYUNSUBSCRIBE" => (OrderType::Unsubscribe, period(month, 1), true),
        "MOCKMONTYRENEW" => (OrderType::Renew, period(month, 1), true),
        "MOCKMONTYCHANGE" => (OrderType::Change, period(month, 1), true),
        _ => return None,
    })
}

#[derive(Default)]
pub(super) struct Orders(BTreeMap<String, PlacedOrder>);

impl Orders {
    pub(super) fn place(&mut self, mut spec: OrderSpec, now: Timestamp, random: &SeededRandom) -> PlacedOrder {
        let made = || format!("CS{}{}", &now.to_compact_seconds()[2..12], random.letters(5));
        let order_id = spec.order_id.get_or_insert_with(made).clone();
        let order = PlacedOrder { order_id: order_id.clone(), create_time: now, spec };
        self.0.insert(order_id, order.clone());
        order
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &PlacedOrder> {
        self.0.values()
    }

    pub(super) fn put(&mut self, order: PlacedOrder) {
        self.0.insert(order.order_id.clone(), order);
    }

    pub(super) fn get(&self, order_id: &str) -> Option<&PlacedOrder> {
        self.0.get(order_id)
    }

    fn find(&self, order_id: &str, now: Timestamp, site: Site) -> Option<PlacedOrder> {
        if let Some(order) = self.0.get(order_id) {
            return Some(order.clone());
        }
        let (order_type, line, _) = mock(order_id).filter(|(.., in_europe)| *in_europe || site != Site::Europe)?;
        let line = line.with_extend_param("emailDomainName", "demo.example.com").with_extend_param("ip", "127.0.0.1");
        let spec = OrderSpec::new(line).with_order_type(order_type).with_order_id(order_id);
        Some(PlacedOrder { order_id: order_id.to_owned(), create_time: now, spec })
    }

    /// Refusing an unknown order as an illegal value is an assumption: the documents do not say.
    pub(super) fn query(&self, request: &Received, now: Timestamp, site: Site) -> Result<Answer, Refusal> {
        let query = request.query().ok_or_else(|| Refusal::new("MKT.0101", "the query is not text"))?;
        if let Some((name, _)) = query.iter().find(|(name, _)| name != "orderId" && name != "orderLineId") {
            return Err(Refusal::new("MKT.0101", format!("there is no parameter {name:?}")));
        }
        let Some(order_id) = single(&query, "orderId") else {
            return Err(Refusal::new("MKT.0101", "orderId is missing, empty or repeated"));
        };
        let line = query.iter().find(|(name, _)| name == "orderLineId").map(|(_, value)| value.as_str());
        if [Some(order_id), line].into_iter().flatten().any(|id| id.chars().count() > 64) {
            return Err(Refusal::new("MKT.0100", "an id has more than 64 characters"));
        }
        let order = self.find(order_id, now, site);
        let order = order.ok_or_else(|| Refusal::new("MKT.0100", format!("there is no order {order_id:?}")))?;
        if order.spec.is_of_another_seller {
            return Err(Refusal::new("MKT.0150", "the order belongs to a product of another seller"));
        }
        let only_line = match line.filter(|line| !line.is_empty()) {
            None => None,
            Some(line) => {
                let found = (0..order.spec.lines.len()).find(|index| order.order_line_id(*index) == line);
                let unknown = || Refusal::new("MKT.0100", format!("the order has no line {line:?}"));
                Some(found.ok_or_else(unknown)?)
            }
        };
        let info = json!({"orderInfo": order.to_json(only_line)});
        Ok(Answer::success(Operation::QueryOrder, info).about(order_id))
    }
}
