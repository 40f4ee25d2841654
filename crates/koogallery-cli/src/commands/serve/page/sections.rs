//! Sections of the first page with what can be done.

use koogallery_simulator::{Marketplace, Subscription, SubscriptionState, Tenant};

use super::{checkbox, escaped, form, input, path_segment, plain, select, time};
use crate::commands::serve::action::Action;
use crate::commands::serve::control::Control;
use crate::commands::serve::lang::Lang;

const MODES: [(&str, &str, &str); 5] = [
    ("", "", ""),
    ("period", "period", "包周期"),
    ("one-time", "one-time", "按次"),
    ("on-demand", "on-demand", "按需"),
    ("package", "package", "套餐包"),
];

fn modes(lang: Lang, offered: &[&str]) -> String {
    let offered = MODES.into_iter().filter(|(mode, ..)| offered.is_empty() || offered.contains(mode));
    let modes: Vec<_> = offered.map(|(mode, english, chinese)| (mode, lang.of_two(english, chinese))).collect();
    select("mode", lang.of_two("Charging", "计费模式"), modes, "")
}

pub fn orders(control: &Control, lang: Lang) -> String {
    let profiles = control.sold.iter().map(|protocol| protocol.id());
    let profile = control
        .marketplace
        .as_ref()
        .map_or_else(String::new, |_| select("profile", lang.of_two("Profile", "接口类型"), plain(profiles), ""));
    let fields = [
        profile,
        modes(lang, &[]),
        input("product", lang.of_two("Product", "商品ID"), "OFFI000000000000000001"),
        input("period", lang.of_two("Period", "购买时长"), "1 year"),
        input("amount", lang.of_two("Quantity", "数量"), ""),
        input("count", lang.of_two("Packages", "套餐包个数"), "1 - 30"),
        input("quota", lang.of_two("Quota", "套餐额度"), "OFFI1:1000"),
        checkbox("needs_package", lang.of_two("Usage must name a package", "话单必须关联套餐包")),
        input("customer", lang.of_two("Customer", "客户ID"), ""),
    ];
    form("orders", &fields.concat(), lang.of_two("Buy", "购买"))
}

pub fn instances(control: &Control, lang: Lang) -> String {
    let sold = control.marketplace.as_ref().map(Marketplace::subscriptions).unwrap_or_default();
    let others = control.open_api.instances();
    let others = others.iter().filter(|it| sold.iter().all(|sold| sold.instance_id != it.instance_id));
    let others = others.map(|it| {
        let (id, usage) = (escaped(&it.instance_id), usage(control, lang, &it.instance_id));
        format!("<tr><th scope=row><code>{id}</code><td>{}<td><td><td>{usage}<td></tr>", it.charging_mode.as_str())
    });
    let rows: String = sold.iter().map(|sold| row(control, lang, sold)).chain(others).collect();
    let none = format!("<tr><td colspan=6>{}</tr>", lang.of_two("Nothing yet.", "暂无实例。"));
    let new = input("instance", lang.of_two("Instance", "实例ID"), "inst-1") + &modes(lang, &["on-demand"]);
    let heads = [
        lang.of_two("Instance", "实例ID"),
        lang.of_two("Profile", "接口类型"),
        lang.of_two("State", "状态"),
        lang.of_two("Expires (UTC)", "到期时间（UTC）"),
        lang.of_two("Usage", "用量"),
        lang.of_two("Actions", "操作"),
    ];
    let heads: String = heads.iter().map(|head| format!("<th scope=col>{head}")).collect();
    let table = if rows.is_empty() { none } else { rows };
    format!("<div class=wide id=instance-table data-live><table><tr>{heads}</tr>{table}</table></div>")
        + &form("instances", &new, lang.of_two("Accept usage of it", "接受其话单"))
}

fn row(control: &Control, lang: Lang, sold: &Subscription) -> String {
    let id = escaped(&sold.instance_id);
    let expires = sold.expire_time.map(|at| time(&at.to_compact_seconds())).unwrap_or_default();
    let target = path_segment(&sold.instance_id);
    let button = |action: &Action| {
        let fields: String = action.fields().iter().map(|field| self::field(lang, field)).collect();
        form(&format!("subscriptions/{target}/{}", action.name()), &fields, action.label(lang))
    };
    let buttons: String = Action::ALL.iter().filter(|action| action.is_offered(sold)).map(button).collect();
    let buttons = match sold.state {
        SubscriptionState::Released => String::new(),
        _ => format!("<details><summary>{}</summary>{buttons}</details>", lang.of_two("Actions", "操作")),
    };
    let (state, mode) = (sold.state, sold.line_spec().map_or("", |line| line.charging_mode.as_str()));
    let state_name = match state {
        SubscriptionState::Opening => lang.of_two("opening", "开通中"),
        SubscriptionState::Active => lang.of_two("active", "使用中"),
        SubscriptionState::Frozen { .. } => lang.of_two("frozen", "已冻结"),
        SubscriptionState::Released => lang.of_two("released", "已释放"),
        other => other.as_str(),
    };
    let usage = usage(control, lang, &sold.instance_id);
    format!(
        "<tr><th scope=row><code>{id}</code><td>{} {mode}<td class={state}>{state_name}<td>{expires}<td>{usage}<td>{buttons}</tr>",
        sold.protocol.id()
    )
}

/// A field of an action on an instance.
fn field(lang: Lang, name: &str) -> String {
    match name {
        "mode" => modes(lang, &["", "period", "one-time", "on-demand", "package"]),
        "product" => input(name, lang.of_two("Product", "商品ID"), ""),
        "amount" => input(name, lang.of_two("Quantity", "数量"), ""),
        _ => input(name, lang.of_two("Period", "购买时长"), "1 month"),
    }
}

/// The accepted usage of an instance, or by instance of a package.
fn usage(control: &Control, lang: Lang, instance_id: &str) -> String {
    let totals = control.open_api.usage_totals(instance_id);
    let shown = totals.iter().map(|total| match &total.related_instance_id {
        Some(related) => format!("{} {} <code>{}</code>", total.usage, lang.of_two("of", "："), escaped(related)),
        None => total.usage.to_string(),
    });
    shown.collect::<Vec<_>>().join("<br>")
}

pub fn tenants(control: &Control, lang: Lang) -> String {
    let row = |tenant: &Tenant| {
        let (id, segment) = (escaped(&tenant.tenant_id), path_segment(&tenant.tenant_id));
        let users = tenant.users.iter().map(|user| {
            let name = escaped(&user.user_name);
            let hidden = format!("<input type=hidden name=user value='{name}'>");
            form(
                &format!("tenants/{segment}/login"),
                &hidden,
                &format!("{} {name}", lang.of_two("Log in as", "登录：")),
            )
        });
        let users: String = users.collect();
        let unbind = form(&format!("tenants/{segment}/unbind"), "", lang.of_two("Unbind", "解绑"));
        let more = input("users", lang.of_two("Users", "用户"), "wangwu:Wang Wu");
        let more = form(&format!("tenants/{segment}/users"), &more, lang.of_two("Add users", "增加用户"));
        let more = format!("<details><summary>{}</summary>{more}</details>", lang.of_two("More", "更多"));
        format!(
            "<tr><th scope=row><code>{id}</code><td>{}<td>{users}<td>{unbind}{more}</tr>",
            escaped(&tenant.callback)
        )
    };
    let rows: String = control.open_api.tenants().iter().map(row).collect();
    let (tenant, returns, users) = (
        lang.of_two("Tenant", "租户ID"),
        lang.of_two("Login returns to", "登录回调地址"),
        lang.of_two("Users", "用户"),
    );
    let fields = [
        select(
            "profile",
            lang.of_two("Profile", "接口类型"),
            plain(control.kits.iter().map(|protocol| protocol.id())),
            "",
        ),
        input("tenant", tenant, "tenant-1"),
        input("callback", returns, "http://127.0.0.1:8080/sso"),
        input("instance", lang.of_two("Instance", "实例ID"), ""),
        input("app", lang.of_two("Application", "应用ID"), "app-1"),
        input("users", users, "zhangsan:Zhang San,lihua"),
    ];
    format!(
        "<div class=wide id=tenant-table data-live><table><tr><th scope=col>{tenant}<th scope=col>{returns}<th scope=col>{users}\
<th scope=col>{}</tr>{rows}</table></div>",
        lang.of_two("Actions", "操作")
    ) + &form("tenants", &fields.concat(), lang.of_two("Bind", "绑定"))
}

/// Export and import.
pub fn state(lang: Lang) -> String {
    let text = lang.of_two("Exported state", "导出的数据");
    format!(
        "<p><a href='/_marketplace/state' download>{}</a></p>{}",
        lang.of_two("Export", "导出"),
        form(
            "state",
            &format!("<label class=block>{text}<textarea name=text rows=2></textarea></label>"),
            lang.of_two("Import", "导入")
        )
    )
}
