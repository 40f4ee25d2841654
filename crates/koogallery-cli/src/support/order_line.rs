//! Order lines, as written in scripts and forms.

use koogallery::open_api::query_order::PeriodType;
use koogallery_simulator::LineSpec;

/// A line of an order; missing values are invented.
#[derive(Default)]
pub struct OrderLine {
    pub product: Option<String>,
    /// `period`, `one-time`, `on-demand` or `package`; default: depends on the period.
    pub mode: Option<String>,
    /// Such as `1 year`.
    pub period: Option<String>,
    pub amount: Option<u32>,
}

impl OrderLine {
    pub fn line(self) -> Result<LineSpec, String> {
        let product = self.product.unwrap_or_else(|| "OFFI000000000000000001".to_owned());
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
}
