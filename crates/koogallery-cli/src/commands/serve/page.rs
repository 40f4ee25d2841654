//! The marketplace on one page, which works without its script: orders, instances, enterprises, faults, and both logs.

use serde_json::Value;

use koogallery_simulator::{Marketplace, Operation, Subscription, SubscriptionState, Tenant};

use super::action::Action;
use super::control::Control;
use super::events;
use super::fault::KINDS;

/// Lines shown of each log, the latest first.
const SHOWN: usize = 100;

pub fn render(control: &Control) -> String {
    let now = control.marketplace.as_ref().map_or_else(|| control.open_api.now(), Marketplace::now);
    let sections = [
        orders(control),
        instances(control),
        if control.kits.is_empty() { String::new() } else { tenants(control) },
        faults(control),
        control.marketplace.as_ref().map_or_else(String::new, callbacks),
        requests(control),
    ];
    let calls = control.marketplace.as_ref().and_then(|it| it.log().last().map(|call| call.sequence));
    let requests = control.open_api.log().last().map(|call| call.sequence);
    let body = format!(
        "<main data-calls={} data-requests={}><h1>Mock marketplace <span lang=zh>云商店</span></h1>\
<p>The calendar shows <code>{}</code> UTC. <a href='/_marketplace'>Refresh</a> \
<span id=live role=status></span></p>{}</main><script src='/_marketplace/console.js' defer></script>",
        calls.unwrap_or_default(),
        requests.unwrap_or_default(),
        now.to_compact_seconds(),
        sections.concat(),
    );
    document("Mock marketplace", &body)
}

/// Returns a whole page.
pub fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
<title>{title}</title><link rel=stylesheet href='/_marketplace/console.css'>{body}</html>"
    )
}

/// Returns the page with the address to which a login leads. A redirect of a form would be blocked by the policy for forms.
pub fn login(url: &str) -> String {
    let url = escaped(url);
    document(
        "Log in",
        &format!("<p><a href='{url}' rel=noreferrer>Continue to the seller</a></p><p><code>{url}</code></p>"),
    )
}

fn heading(english: &str, chinese: &str) -> String {
    format!("<h2>{english} <span lang=zh>{chinese}</span></h2>")
}

/// A form with labelled fields.
fn form(action: &str, fields: &str, button: &str) -> String {
    format!("<form method=post action='/_marketplace/{action}'>{fields}<button>{button}</button></form> ")
}

fn input(name: &str, label: &str, example: &str) -> String {
    format!("<label>{label} <input name={name} placeholder='{}'></label> ", escaped(example))
}

fn select<'a>(name: &str, label: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let options: String = values.into_iter().map(|value| format!("<option>{value}</option>")).collect();
    format!("<label>{label} <select name={name}>{options}</select></label> ")
}

fn orders(control: &Control) -> String {
    let profiles = control.sold.iter().map(|protocol| protocol.id());
    let profile = control.marketplace.as_ref().map_or_else(String::new, |_| select("profile", "Profile", profiles));
    let fields = [
        profile,
        select("mode", "Charging", ["", "period", "one-time", "on-demand", "package"]),
        input("product", "Product", "OFFI000000000000000001"),
        input("period", "Period", "1 year"),
        input("amount", "Quantity", ""),
        input("count", "Packages", "1 to 30"),
        input("quota", "Quota", "OFFI1:1000"),
        "<label><input type=checkbox name=needs_package> Usage must name a package</label> ".to_owned(),
        input("customer", "Customer", ""),
    ];
    heading("Orders", "订单") + &form("orders", &fields.concat(), "Buy")
}

fn instances(control: &Control) -> String {
    let sold = control.marketplace.as_ref().map(Marketplace::subscriptions).unwrap_or_default();
    let others = control.open_api.instances();
    let others = others.iter().filter(|it| sold.iter().all(|sold| sold.instance_id != it.instance_id));
    let others = others.map(|it| {
        let (id, usage) = (escaped(&it.instance_id), usage(control, &it.instance_id));
        format!("<tr><td><code>{id}</code><td>{}<td><td><td>{usage}<td></tr>", it.charging_mode.as_str())
    });
    let rows: String = sold.iter().map(|sold| row(control, sold)).chain(others).collect();
    let rows = if rows.is_empty() { "<tr><td colspan=6>Nothing yet.</td></tr>".to_owned() } else { rows };
    let new = input("instance", "Instance", "inst-1") + &select("mode", "Charging", ["on-demand"]);
    heading("Instances", "实例")
        + &format!(
            "<div class=wide id=instances><table><tr><th>Instance<th>Profile<th>State<th>Expires (UTC)<th>Usage<th></tr>\
{rows}</table></div>"
        )
        + &form("instances", &new, "Accept usage of it")
}

fn row(control: &Control, sold: &Subscription) -> String {
    let id = escaped(&sold.instance_id);
    let expires = sold.expire_time.map(|time| time.to_compact_seconds()).unwrap_or_default();
    let target = path_segment(&sold.instance_id);
    let button = |action: &Action| {
        let period = if action.fields() == ["period"] { input("period", "", "1 month") } else { String::new() };
        form(&format!("subscriptions/{target}/{}", action.name()), &period, action.label())
    };
    let buttons: String = Action::ALL.iter().filter(|action| action.is_offered(sold)).map(button).collect();
    let buttons = match sold.state {
        SubscriptionState::Released => String::new(),
        _ => format!("<details><summary>Actions</summary>{buttons}</details>"),
    };
    let (state, mode) = (sold.state, sold.line_spec().map_or("", |line| line.charging_mode.as_str()));
    let usage = usage(control, &sold.instance_id);
    format!(
        "<tr><td><code>{id}</code><td>{} {mode}<td class={state}>{state}<td>{expires}<td>{usage}<td>{buttons}</tr>",
        sold.protocol.id()
    )
}

/// The accepted usage of an instance, or by instance of a package.
fn usage(control: &Control, instance_id: &str) -> String {
    let totals = control.open_api.usage_totals(instance_id);
    let shown = totals.iter().map(|total| match &total.related_instance_id {
        Some(related) => format!("{} of <code>{}</code>", total.usage, escaped(related)),
        None => total.usage.to_string(),
    });
    shown.collect::<Vec<_>>().join("<br>")
}

fn tenants(control: &Control) -> String {
    let row = |tenant: &Tenant| {
        let (id, segment) = (escaped(&tenant.tenant_id), path_segment(&tenant.tenant_id));
        let users = tenant.users.iter().map(|user| {
            let hidden = format!("<input type=hidden name=user value='{}'>", escaped(&user.user_name));
            form(&format!("tenants/{segment}/login"), &hidden, &format!("Log in as {}", escaped(&user.user_name)))
        });
        let users: String = users.collect();
        let unbind = form(&format!("tenants/{segment}/unbind"), "", "Unbind");
        format!("<tr><td><code>{id}</code><td>{}<td>{users}<td>{unbind}</tr>", escaped(&tenant.callback))
    };
    let rows: String = control.open_api.tenants().iter().map(row).collect();
    let fields = [
        select("profile", "Profile", control.kits.iter().map(|protocol| protocol.id())),
        input("tenant", "Tenant", "tenant-1"),
        input("callback", "Login returns to", "http://127.0.0.1:8080/sso"),
        input("instance", "Instance", ""),
        input("users", "Users", "zhangsan:Zhang San,lihua"),
    ];
    heading("Enterprises", "企业")
        + &format!("<table><tr><th>Tenant<th>Login returns to<th>Users<th></tr>{rows}</table>")
        + &form("tenants", &fields.concat(), "Bind")
}

fn faults(control: &Control) -> String {
    let active: String =
        control.open_api.faults().iter().map(|rule| format!("<li>{}", escaped(&rule.to_string()))).collect();
    let apis = [""].into_iter().chain(Operation::ALL.iter().map(|operation| operation.as_str()));
    let fields = [
        select("fault", "Fault", KINDS.iter().map(|(name, _)| *name)),
        input("value", "Value", "500ms, 503, 016"),
        select("api", "Open API", apis),
        input("times", "Times", "always"),
        input("percent", "Percent", "100"),
    ];
    heading("Faults of the open APIs", "故障注入")
        + &format!("<ul>{active}</ul>")
        + &form("faults", &fields.concat(), "Switch on")
        + &form("faults/clear", "", "Switch all off")
}

fn callbacks(marketplace: &Marketplace) -> String {
    let calls = marketplace.log();
    let calls = calls.iter().rev().take(SHOWN).map(|attempt| entry(&events::of_call(attempt)));
    heading("Callbacks", "生产接口消息") + &format!("<ol class=log id=calls>{}</ol>", calls.collect::<String>())
}

fn requests(control: &Control) -> String {
    let asked = control.open_api.log();
    let asked = asked.iter().rev().take(SHOWN).map(|call| entry(&events::of_request(call)));
    heading("Open API requests", "开放接口请求")
        + &format!("<ol class=log id=requests>{}</ol>", asked.collect::<String>())
}

fn entry(event: &Value) -> String {
    let text = |name: &str| escaped(event[name].as_str().unwrap_or_default());
    let class = if event["wrong"] == true { " class=wrong" } else { "" };
    format!("<li{class}><a href='{}'>{}</a>", text("href"), text("line"))
}

/// Escapes a text: a seller's answers are not trusted.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

fn path_segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
