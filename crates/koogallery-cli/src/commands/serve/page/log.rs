//! Both logs, the latest entries first.

use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use serde_json::Value;

use super::{escaped, input, plain, select};
use crate::commands::serve::control::Control;
use crate::commands::serve::events;
use crate::commands::serve::filter::{Filter, VERDICTS};
use crate::commands::serve::lang::Lang;

/// Lines shown of each log.
const SHOWN: usize = 100;

pub fn log(control: &Control, lang: Lang, filter: &Filter) -> String {
    let list = |id: &str, title: &str, entries: String| {
        format!("<h3 id={id}-title>{title}</h3><ol class=log id={id} aria-labelledby={id}-title>{entries}</ol>")
    };
    let made = control.marketplace.as_ref().map_or_else(String::new, |marketplace| {
        let calls = marketplace.log_where(SHOWN, |attempt| filter.takes_call(attempt));
        let calls = calls.iter().map(|attempt| entry(&events::of_call(lang, attempt)));
        list("call-log", lang.of_two("Callbacks", "生产接口消息"), calls.collect())
    });
    let asked = control.open_api.log_where(SHOWN, |call| filter.takes_request(call));
    let asked = asked.iter().map(|call| entry(&events::of_request(lang, call)));
    form(lang, filter) + &made + &list("request-log", lang.of_two("Open API requests", "开放接口请求"), asked.collect())
}

fn form(lang: Lang, filter: &Filter) -> String {
    let any = lang.of_two("any", "全部");
    let with_any = |values: Vec<&'static str>| [("", any)].into_iter().chain(plain(values)).collect::<Vec<_>>();
    let profiles = with_any(Protocol::ALL.map(Protocol::id).to_vec());
    let activities = with_any(Activity::ALL.map(Activity::as_str).to_vec());
    let verdicts = [("", any)]
        .into_iter()
        .chain(VERDICTS.map(|(verdict, english, chinese)| (verdict, lang.of_two(english, chinese))));
    let contains =
        input("contains", lang.of_two("Contains", "包含"), lang.of_two("instance or order", "实例ID或订单号"));
    let contains = contains.replacen("<input ", &format!("<input value='{}' ", escaped(&filter.contains)), 1);
    format!(
        "<form method=get action='/_marketplace#calls' role=search>{}{}{}{contains}<button>{}</button></form>",
        select("profile", lang.of_two("Profile", "接口类型"), profiles, filter.profile.map_or("", Protocol::id)),
        select("activity", lang.of_two("Activity", "接口"), activities, filter.activity.map_or("", Activity::as_str)),
        select("verdict", lang.of_two("Verdict", "结果"), verdicts, filter.verdict.name()),
        lang.of_two("Filter", "筛选"),
    )
}

fn entry(event: &Value) -> String {
    let text = |name: &str| escaped(event[name].as_str().unwrap_or_default());
    let class = if event["wrong"] == true { " class=wrong" } else { "" };
    format!("<li{class}><a href='{}'>{}</a>", text("href"), text("line"))
}
