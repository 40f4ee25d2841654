//! Queries what was bought with an order: `ORDER_ID [--line ORDER_LINE_ID]` prints the order with personal data masked.
//!
//! `cargo run --features rustls,tokio --example query_order -- MOCKPERIODYEARNEW`
//!
//! | setting | default |
//! |---|---|
//! | `KOOGALLERY_AK`, `KOOGALLERY_SK` | none: the access key pair of the seller's account |
//! | `KOOGALLERY_SITE` (`china`, `international`, `europe`) | `china` |
//! | `KOOGALLERY_OPEN_API_URL` (a simulator's address) | the site's |

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::key::Credentials;
use koogallery::open_api::query_order::{BuyerInfo, ExtendParam, Order, OrderLine, Request};
use koogallery::open_api::{CallError, Client};
use koogallery::redact::Sensitive;
use koogallery::transport::ReqwestTransport;

const USAGE: &str = "usage: query_order ORDER_ID [--line ORDER_LINE_ID]
An order that begins with MOCK, such as MOCKPERIODYEARNEW, needs a real key pair but no product.";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let request = request(std::env::args().skip(1)).ok_or(USAGE)?;
    match client()?.call(&request).await {
        Ok(order) => print(&order),
        Err(error) => return Err(explained(&error).into()),
    }
    Ok(())
}

fn request(mut arguments: impl Iterator<Item = String>) -> Option<Request> {
    let mut request = Request::new(arguments.next().filter(|order| !order.starts_with('-'))?);
    while let Some(name) = arguments.next() {
        request = (name == "--line").then_some(request)?.with_order_line(arguments.next()?);
    }
    Some(request)
}

fn client() -> Result<Client, Box<dyn Error>> {
    let pair = Credentials::from_env()?;
    if pair.is_none() {
        let place = "in the console of the seller's account, My Credentials > Access Keys";
        return Err(format!("Set KOOGALLERY_AK and KOOGALLERY_SK: {place}.").into());
    }
    Ok(Client::from_env(ReqwestTransport::new()?, TokioRuntime)?.build()?)
}

/// The error with all its causes, and what to do about it.
fn explained(error: &CallError) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    let advice = match error {
        CallError::Api(api) => match api.code() {
            Some("MKT.0150" | "MKT.0151") => "The key pair must belong to the seller who published the product.",
            Some("MKT.0100" | "MKT.0101") => "Check the ids of order and line.",
            _ if api.status.as_u16() == 401 => "Check KOOGALLERY_AK, KOOGALLERY_SK, KOOGALLERY_SITE and this clock.",
            _ if api.is_retryable() => "Try again later.",
            _ => "Ask the marketplace's support, with the request id if there is one.",
        },
        CallError::Transport { .. } => "Check the network, a proxy in between, and KOOGALLERY_OPEN_API_URL if set.",
        _ => "Check KOOGALLERY_AK and KOOGALLERY_SK.",
    };
    format!("{text}\n{advice}")
}

fn print(order: &Order) {
    println!("order {}", order.order_id);
    row("type", order.order_type.as_ref());
    row("placed (UTC)", order.create_time.as_ref());
    params(&order.extend_params);
    order.order_lines.iter().for_each(print_line);
    if let Some(buyer) = &order.buyer_info {
        print_buyer(buyer);
    }
    order.warnings.iter().for_each(|warning| eprintln!("{warning}"));
}

fn print_line(line: &OrderLine) {
    println!("line {}", line.order_line_id);
    row("charged", line.charging_mode.as_ref());
    let period = line.period_number.zip(line.period_type.as_ref());
    row("period", period.map(|(number, unit)| format!("{number} {unit}")));
    row("expires about (UTC)", line.expire_time.as_ref());
    row("amount", line.amount);
    row("after discount", line.amount_after_discount);
    for product in &line.products {
        row("product", Some(&product.product_id));
        row("  name", product.product_name.as_ref());
        row("  specification", product.sku_code.as_ref());
        row("  quantity", product.linear_value);
    }
    params(&line.extend_params);
}

fn print_buyer(buyer: &BuyerInfo) {
    println!("buyer {}", buyer.customer_id.as_deref().unwrap_or("without an id"));
    row("name", masked(buyer.customer_name.as_ref()));
    row("real name", masked(buyer.customer_real_name.as_ref()));
    row("mobile", masked(buyer.mobile_phone.as_ref()));
    row("e-mail", masked(buyer.email.as_ref()));
    row("user", buyer.user_id.as_ref());
    row("user name", masked(buyer.user_name.as_ref()));
}

fn params(params: &[ExtendParam]) {
    for ExtendParam { name, value, .. } in params {
        row(name, masked(Some(value)));
    }
}

fn row(name: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        println!("  {name:<20} {value}");
    }
}

/// The first character, and none of the others.
fn masked(value: Option<&Sensitive>) -> Option<String> {
    value.map(|value| value.expose().chars().take(1).chain("***".chars()).collect())
}
