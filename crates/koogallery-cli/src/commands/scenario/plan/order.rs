//! Orders, and what is bought by them.

use koogallery_simulator::{LineSpec, OrderSpec};

use crate::commands::scenario::document::{Found, Place, Problem, Table};
use crate::support::order_line::OrderLine;

/// Returns the name of what is bought by a line, counted from 0: that of the step, then with a number.
pub fn name_of_line(name: &str, line: usize) -> String {
    if line == 0 { name.to_owned() } else { format!("{name}-{}", line + 1) }
}

/// Reads an order.
pub fn order(table: &mut Table<'_>) -> Result<OrderSpec, Problem> {
    let text = |found: Option<Found<String>>| found.map(|found| found.value);
    let (quota, customer) = (text(table.text("quota")?), text(table.text("customer")?));
    let count = table.number("count")?.map(|count| count.value);
    let needs_package = table.flag("needs_package")?;
    let (place, goods) = goods(table)?;
    let goods = OrderLine { quota, count, needs_package, customer, ..goods };
    goods.order().map_err(|what| Problem::at(place, what))
}

/// Reads an order line.
pub fn line(table: &mut Table<'_>) -> Result<LineSpec, Problem> {
    let (place, goods) = goods(table)?;
    goods.line().map_err(|what| Problem::at(place, what))
}

fn goods(table: &mut Table<'_>) -> Result<(Place, OrderLine), Problem> {
    let (product, mode, period) = (table.text("product")?, table.text("mode")?, table.text("period")?);
    let amount = table.number("amount")?.map(|amount| amount.value);
    let place = mode.as_ref().or(period.as_ref()).map_or_else(|| table.place(), |found| found.place.clone());
    let text = |found: &Option<Found<String>>| found.as_ref().map(|found| found.value.clone());
    let goods =
        OrderLine { product: text(&product), mode: text(&mode), period: text(&period), amount, ..OrderLine::default() };
    Ok((place, goods))
}
