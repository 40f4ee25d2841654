//! The section with which faults are switched on.

use std::borrow::Cow;

use koogallery::activity::Activity;
use koogallery_simulator::{CallbackFault, Marketplace, Operation};

use super::{escaped, form, input, plain, select};
use crate::commands::serve::control::Control;
use crate::commands::serve::fault::KINDS;
use crate::commands::serve::lang::Lang;

pub fn faults(control: &Control, lang: Lang) -> String {
    let item = |rule: String| format!("<li>{}", escaped(&lang.say(&rule)));
    let of_open_apis: String = control.open_api.faults().iter().map(|rule| item(rule.to_string())).collect();
    let of_callbacks = control.marketplace.as_ref().map(Marketplace::faults).unwrap_or_default();
    let of_callbacks: String = of_callbacks.iter().map(|rule| item(rule.to_string())).collect();
    let kinds = KINDS.map(|(name, _)| (name, named(lang, name)));
    let apis = [""].into_iter().chain(Operation::ALL.iter().map(|operation| operation.as_str()));
    let fields = [
        select("fault", lang.of_two("Fault", "故障"), kinds.iter().map(|(name, label)| (*name, &**label)), ""),
        input("value", lang.of_two("Value", "取值"), "500ms, 503, 016"),
        select("api", lang.of_two("Open API", "开放接口"), plain(apis), ""),
        how_often(lang),
    ];
    let calls = control.marketplace.as_ref().map_or_else(String::new, |_| callbacks(lang, &of_callbacks));
    format!("<h3>{}</h3><ul id=fault-list data-live>{of_open_apis}</ul>", lang.of_two("Open APIs", "开放接口"))
        + &form("faults", &fields.concat(), lang.of_two("Switch on", "开启"))
        + &calls
        + &format!("<p>{}</p>", form("faults/clear", "", lang.of_two("Switch all off", "全部关闭")))
}

fn callbacks(lang: Lang, active: &str) -> String {
    let kinds = CallbackFault::ALL.map(|fault| (fault.as_str(), named(lang, fault.as_str())));
    let activities = [""].into_iter().chain(Activity::ALL.iter().map(|activity| activity.as_str()));
    let fields = [
        select("fault", lang.of_two("Fault", "故障"), kinds.iter().map(|(name, label)| (*name, &**label)), ""),
        select("activity", lang.of_two("Activity", "接口"), plain(activities), ""),
        how_often(lang),
    ];
    format!("<h3>{}</h3><ul id=callback-fault-list data-live>{active}</ul>", lang.of_two("Callbacks", "生产接口消息"))
        + &form("faults/callbacks", &fields.concat(), lang.of_two("Switch on", "开启"))
}

fn how_often(lang: Lang) -> String {
    input("times", lang.of_two("Times", "次数"), lang.of_two("always", "不限"))
        + &input("percent", lang.of_two("Percent", "百分比"), "100")
}

/// The name of a fault: in English as scripts give it.
fn named(lang: Lang, name: &'static str) -> Cow<'static, str> {
    match lang {
        Lang::English => name.into(),
        Lang::Chinese => lang.say(&name.replace('-', " ")).into_owned().into(),
    }
}
