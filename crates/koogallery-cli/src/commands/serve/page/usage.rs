//! The section with which usage is pushed.

use koogallery::open_api::query_order::ChargingMode;
use koogallery_simulator::Instance;

use super::{checkbox, escaped, form, input, plain, select};
use crate::commands::serve::control::Control;
use crate::commands::serve::lang::Lang;

/// Suggestions of the fields.
const BY_USE: &str = "instances-by-use";
const PRODUCTS: &str = "billing-items";
const PACKAGES: &str = "package-instances";

pub fn usage(control: &Control, lang: Lang) -> String {
    let instances = control.open_api.instances();
    let of = |wanted: ChargingMode| instances.iter().filter(move |it| it.charging_mode == wanted);
    let option = |(value, text): (&str, &str)| format!("<option value='{}'>{}</option>", escaped(value), escaped(text));
    let list = |id: &str, options: String| format!("<datalist id={id} data-live>{options}</datalist>");
    let named = |it: &Instance| option((&it.instance_id, &it.product_id));
    let lists = list(BY_USE, of(ChargingMode::OnDemand).map(named).collect())
        + &list(PRODUCTS, of(ChargingMode::OnDemand).map(|it| option((&it.product_id, &it.instance_id))).collect())
        + &list(PACKAGES, of(ChargingMode::OnDemandPackage).map(named).collect());
    let apis = plain(control.pushes().into_iter().map(|push| push.as_str()).collect::<Vec<_>>());
    let now = control.open_api.now().to_basic_iso();
    let fields = [
        select("api", lang.of_two("Open API", "开放接口"), apis, ""),
        suggested(input("instance", lang.of_two("Pay-per-use instance", "按需实例ID"), "inst-1"), BY_USE),
        suggested(input("product", lang.of_two("Billing item", "计费项（商品ID）"), ""), PRODUCTS),
        input("value", lang.of_two("Usage", "使用量"), "12.5"),
        input("begin", lang.of_two("From (UTC)", "开始时间（UTC）"), lang.of_two("end of the last", "上次结束")),
        input("end", lang.of_two("To (UTC)", "结束时间（UTC）"), &now),
        suggested(input("package", lang.of_two("Package", "套餐包实例ID"), ""), PACKAGES),
        input("metering_sn", "metering_sn", lang.of_two("a new one", "自动生成")),
        checkbox("wrong_key", lang.of_two("Sign with another key", "用错误的密钥签名")),
    ];
    form("usage", &fields.concat(), lang.of_two("Push usage", "推送使用量")) + &lists
}

/// A field with suggestions.
fn suggested(field: String, list: &str) -> String {
    field.replacen("<input ", &format!("<input list={list} "), 1)
}
