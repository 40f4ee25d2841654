//! The marketplace on one page, without JavaScript: sell, list subscriptions, list calls.

use koogallery::protocol::Protocol;
use koogallery_simulator::{Marketplace, Subscription, SubscriptionState};

/// Lines shown of each log, the latest first.
const SHOWN: usize = 100;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd;\
vertical-align:top}form{display:inline}button{cursor:pointer}code,pre{font:13px/1.5 ui-monospace,monospace}\
pre{white-space:pre-wrap;overflow-wrap:anywhere}.active{color:#176}.frozen{color:#069}.released{color:#888}\
.wrong{color:#b00}summary{cursor:pointer}";

pub fn render(marketplace: &Marketplace, offered: &[Protocol]) -> String {
    let options: String = offered.iter().map(|protocol| format!("<option>{}</option>", protocol.id())).collect();
    let subscriptions = marketplace.subscriptions();
    let sold: String = subscriptions.iter().map(row).collect();
    let sold = if sold.is_empty() { "<tr><td colspan=5>Nothing yet.</td></tr>".to_owned() } else { sold };
    let calls = marketplace.log();
    let calls: String = calls.iter().rev().take(SHOWN).map(|attempt| {
        let class = if attempt.outcome.is_final() { "" } else { "wrong" };
        let exchange = &attempt.exchange;
        format!(
            "<details><summary class='{class}'><code>{} {}</code></summary><pre>{} {}\n{}\n\n{}\n{}</pre></details>",
            attempt.at.to_compact_seconds(),
            escaped(&attempt.to_string()),
            exchange.method,
            escaped(&exchange.target),
            escaped(&exchange.request_body),
            exchange.status.map(|status| format!("HTTP {status}")).unwrap_or_default(),
            escaped(&exchange.answer_body),
        )
    }).collect();
    let asked = marketplace.open_api().log();
    let asked: String = asked.iter().rev().take(SHOWN).map(|call| escaped(&format!("{call}\n"))).collect();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
<title>Mock marketplace</title><style>{STYLE}</style>\
<h1>Mock marketplace</h1><p>The calendar shows <code>{}</code> UTC. <a href='/_marketplace'>Refresh</a></p>\
<h2>Sell</h2><form method=post action='/_marketplace/orders'>\
<select name=profile aria-label=Profile>{options}</select> \
<input name=product placeholder='OFFI000000000000000001' aria-label=Product> \
<input name=period placeholder='1 year, or empty: unlimited' aria-label=Period> \
<input name=amount placeholder='amount' size=6 aria-label=Amount> <button>Buy</button></form>\
<h2>Subscriptions</h2><table><tr><th>Instance<th>Profile<th>State<th>Expires (UTC)<th></tr>{sold}</table>\
<h2>Calls to the seller</h2>{calls}<h2>Open-API calls of the seller</h2><pre>{asked}</pre></html>",
        marketplace.now().to_compact_seconds(),
    )
}

fn row(sold: &Subscription) -> String {
    let id = escaped(&sold.instance_id);
    let expires = sold.expire_time.map(|time| time.to_compact_seconds()).unwrap_or_default();
    let actions: &[(&str, &str)] = match sold.state {
        SubscriptionState::Released => &[],
        SubscriptionState::Frozen { .. } => {
            &[("renew", "Renew a month"), ("unfreeze", "Unfreeze"), ("release", "Release")]
        }
        _ => &[("renew", "Renew a month"), ("freeze", "Freeze"), ("release", "Release"), ("query", "Query")],
    };
    let target = path_segment(&sold.instance_id);
    let buttons: String = actions
        .iter()
        .map(|(action, label)| {
            format!("<form method=post action='/_marketplace/subscriptions/{target}/{action}'><button>{label}</button></form> ")
        })
        .collect();
    let state = sold.state;
    format!(
        "<tr><td><code>{id}</code><td>{}<td class={state}>{state}<td>{expires}<td>{buttons}</tr>",
        sold.protocol.id()
    )
}

/// Escapes a text: a seller's answers are not trusted.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

fn path_segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
