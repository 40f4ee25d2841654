//! Orders, as written in scripts and forms.

use koogallery::amount::Amount;
use koogallery::open_api::query_order::PeriodType;
use koogallery_simulator::{LineSpec, OrderSpec, Quota};

/// An order, or a line of one; missing values are invented.
#[derive(Default)]
pub struct OrderLine {
    /// One, or several separated by commas, each with a line of its own.
    pub product: Option<String>,
    /// `period`, `one-time`, `on-demand` or `package`; default: depends on the period.
    pub mode: Option<String>,
    /// Such as `1 year`.
    pub period: Option<String>,
    pub amount: Option<u32>,
    /// What can be deducted from a package, such as `OFFI1:1000`, or several separated by commas.
    pub quota: Option<String>,
    /// How often each line is bought in the order.
    pub count: Option<u32>,
    /// Whether usage records must name a package.
    pub needs_package: bool,
    /// Id of the customer.
    pub customer: Option<String>,
}

/// The names of the values of an order.
pub const ORDER_FIELDS: [&str; 8] =
    ["product", "mode", "period", "amount", "quota", "count", "needs_package", "customer"];

/// The names of the values of one line.
pub const LINE_FIELDS: [&str; 4] = ["product", "mode", "period", "amount"];

const PRODUCT: &str = "OFFI000000000000000001";

impl OrderLine {
    /// Returns one line.
    pub fn line(self) -> Result<LineSpec, String> {
        let product = self.product.clone().unwrap_or_else(|| PRODUCT.to_owned());
        self.line_of(&product)
    }

    fn line_of(&self, product: &str) -> Result<LineSpec, String> {
        let sold_for = self.period.as_deref().map(period).transpose()?;
        let line = match (self.mode.as_deref(), sold_for) {
            (None | Some("period"), Some((unit, periods))) => LineSpec::period(product, unit, periods),
            (None | Some("one-time"), None) => LineSpec::one_time(product),
            (Some("on-demand"), None) => LineSpec::on_demand(product),
            (Some("package"), Some((unit, periods))) => LineSpec::on_demand_package(product, unit, periods),
            (Some("period" | "package"), None) => return Err("period is missing, such as \"1 year\"".to_owned()),
            (Some("one-time" | "on-demand"), Some(_)) => return Err("this mode has no period".to_owned()),
            _ => return Err("mode must be period, one-time, on-demand or package".to_owned()),
        };
        Ok(match self.amount {
            Some(amount) => line.with_linear_value(amount),
            None => line,
        })
    }

    /// Returns an order with a line for each product, as often as it is bought.
    pub fn order(self) -> Result<OrderSpec, String> {
        let mode = self.mode.as_deref().unwrap_or_default();
        if self.quota.is_some() && mode != "package" {
            return Err("only a package has a quota".to_owned());
        }
        if self.needs_package && mode != "on-demand" {
            return Err("needs_package is for mode on-demand".to_owned());
        }
        let count = self.count.unwrap_or(1);
        let products = self.product.as_deref().unwrap_or(PRODUCT).split(',').map(str::trim);
        let products: Vec<_> = products.flat_map(|product| std::iter::repeat_n(product, count as usize)).collect();
        if !(1..=MAX_LINES).contains(&products.len()) {
            return Err(format!("an order has 1 to {MAX_LINES} lines, not {}", products.len()));
        }
        let quotas = self.quota.as_deref().map_or(Ok(Vec::new()), quotas)?;
        let line = |product: &&str| {
            let mut line = self.line_of(product)?;
            line.needs_package = self.needs_package;
            line.quotas.clone_from(&quotas);
            Ok(line)
        };
        let mut lines = products.iter().map(line).collect::<Result<Vec<_>, String>>()?.into_iter();
        let first = lines.next().ok_or("an order has a line")?;
        let mut order = lines.fold(OrderSpec::new(first), OrderSpec::with_line);
        order.buyer.customer_id = self.customer.unwrap_or(order.buyer.customer_id);
        Ok(order)
    }
}

/// Maximum number of lines: that of packages in one order.
const MAX_LINES: usize = 30;

/// Parses quotas such as `OFFI1:1000,OFFI2:0.5`.
fn quotas(text: &str) -> Result<Vec<Quota>, String> {
    let quota = |text: &str| {
        let (product, amount) = text.trim().rsplit_once(':')?;
        let amount: Amount = amount.parse().ok()?;
        (amount > Amount::ZERO && !product.is_empty()).then(|| Quota::new(product, amount))
    };
    let wrong =
        |text: &str| format!("{text:?} is not a quota such as \"OFFI1:1000\": a pay-per-use product and an amount");
    text.split(',').map(|text| quota(text).ok_or_else(|| wrong(text))).collect()
}

/// Parses a period such as `1 year`.
pub fn period(text: &str) -> Result<(PeriodType, u32), String> {
    let wrong = || format!("{text:?} is not a period such as \"1 year\", \"3 month\" or \"7 day\"");
    let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let unit = match unit.trim().trim_end_matches('s') {
        "year" => PeriodType::Year,
        "month" => PeriodType::Month,
        "day" => PeriodType::Day,
        _ => return Err(wrong()),
    };
    match number.parse() {
        Ok(number @ 1..=1000) => Ok((unit, number)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_in_every_mode() {
        let goods = |mode: &str, period: &str| {
            let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            OrderLine { mode: given(mode), period: given(period), amount: Some(5), ..OrderLine::default() }
        };
        for (mode, period, charging_mode) in [
            ("", "", "ONE_TIME"),
            ("", "1 year", "PERIOD"),
            ("period", "3 months", "PERIOD"),
            ("one-time", "", "ONE_TIME"),
            ("on-demand", "", "ON_DEMAND"),
            ("package", "7 days", "ON_DEMAND_PKG"),
        ] {
            let line = goods(mode, period).line().unwrap();
            assert_eq!(line.charging_mode.as_str(), charging_mode);
            assert_eq!(line.products[0].linear_value, Some(5));
        }
        for (mode, period) in [
            ("period", ""),
            ("package", ""),
            ("one-time", "1 year"),
            ("gift", ""),
            ("", "1"),
            ("", "0 year"),
            ("", "1 week"),
        ] {
            assert!(goods(mode, period).line().is_err(), "{mode} {period}");
        }
    }

    #[test]
    fn orders_with_several_lines() {
        let package = |product: &str, quota: &str, count| OrderLine {
            product: Some(product.to_owned()),
            mode: Some("package".to_owned()),
            period: Some("1 month".to_owned()),
            quota: Some(quota.to_owned()),
            count: Some(count),
            customer: Some("c-1".to_owned()),
            ..OrderLine::default()
        };
        let order = package("P1, P2", "OFFI1:1000, OFFI2:0.5", 15).order().unwrap();
        let products: Vec<_> = order.lines.iter().map(|line| line.products[0].product_id.as_str()).collect();
        assert_eq!((products.len(), products[14], products[15]), (30, "P1", "P2"));
        assert_eq!(order.lines[29].quotas[1], Quota::new("OFFI2", "0.5".parse().unwrap()));
        assert_eq!(order.buyer.customer_id, "c-1");
        for (quota, count) in [("OFFI1", 1), ("OFFI1:x", 1), (":5", 1), ("OFFI1:0", 1), ("OFFI1:1", 31), ("OFFI1:1", 0)]
        {
            assert!(package("P1", quota, count).order().is_err(), "{quota} {count}");
        }
        let by_use =
            |mode: &str| OrderLine { mode: Some(mode.to_owned()), needs_package: true, ..OrderLine::default() }.order();
        assert!(by_use("on-demand").unwrap().lines[0].needs_package);
        assert!(by_use("one-time").is_err());
        assert!(OrderLine { quota: Some("OFFI1:1".to_owned()), ..OrderLine::default() }.order().is_err());
    }
}
