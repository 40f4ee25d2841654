//! The page of a call or a request. Everything is text.

use serde_json::{Value, json};

use super::Kind;
use super::signing::AS_SENT;
use crate::commands::serve::lang::Lang;
use crate::commands::serve::page::{escaped, form, subpage, time};

/// Members of the JSON with their names for people, in the order of the page.
const ROWS: [(&str, &str, &str); 24] = [
    ("number", "Number", "序号"),
    ("at", "Time (UTC)", "时间（UTC）"),
    ("profile", "Profile", "接口类型"),
    ("activity", "Activity", "接口"),
    ("about", "About", "对象"),
    ("purpose", "On purpose", "故意构造"),
    ("outcome", "Outcome", "结果"),
    ("error", "Error", "错误"),
    ("milliseconds", "Milliseconds", "耗时（毫秒）"),
    ("try", "Try", "第几次调用"),
    ("schedule", "Retries", "重试计划"),
    ("nextTry", "Next try (UTC)", "下次重试（UTC）"),
    ("request", "Request", "请求"),
    ("requestHeaders", "Request headers", "请求头"),
    ("requestBody", "Request body", "请求体"),
    ("signed", "Signature step by step", "签名步骤"),
    ("explanation", "Explanation", "说明"),
    ("remarks", "Remarks", "备注"),
    ("faults", "Faults", "故障"),
    ("status", "HTTP status", "HTTP状态码"),
    ("code", "Code", "错误码"),
    ("answerHeaders", "Answer headers", "响应头"),
    ("answerBody", "Answer body", "响应体"),
    ("checks", "Rules for the answer", "响应校验"),
];

/// Members that are times.
const TIMES: [&str; 2] = ["at", "nextTry"];

/// Members that are texts of the simulator.
const SAID: [&str; 8] = ["about", "purpose", "outcome", "error", "schedule", "explanation", "remarks", "faults"];

/// Lines for a shell.
const COMMANDS: [(&str, &str); 2] = [("curl", "curl"), ("repeat", "koogallery fire")];

pub fn page(lang: Lang, kind: Kind, value: &Value) -> String {
    let rows: String = ROWS
        .iter()
        .filter(|(name, ..)| is_there(&value[name]))
        .map(|(name, english, chinese)| row(lang.of_two(english, chinese), &shown(lang, name, &value[name])))
        .chain(
            COMMANDS
                .iter()
                .filter(|(name, _)| is_there(&value[name]))
                .map(|(name, title)| row(title, &text(value[name].as_str().unwrap_or_default()))),
        )
        .collect();
    let title = match kind {
        Kind::Call => lang.of_two("Callback", "生产接口消息"),
        Kind::Request => lang.of_two("Open API request", "开放接口请求"),
    };
    let again = if value["isKept"] == json!(true) { again(lang, &value["number"]) } else { String::new() };
    subpage(lang, title, &format!("{again}<div class=wide><table class=detail>{rows}</table></div>"))
}

fn again(lang: Lang, number: &Value) -> String {
    let edit = lang.of_two("Edit and send", "修改后发送");
    form(&format!("calls/{number}/repeat"), "", lang.of_two("Send again as it was", "原样重发"))
        + &format!("<a href='/_marketplace/compose?call={number}'>{edit}</a>")
}

fn is_there(value: &Value) -> bool {
    !value.is_null() && *value != json!("") && *value != json!([])
}

fn row(title: &str, content: &str) -> String {
    format!("<tr><th scope=row>{}<td>{content}</tr>", escaped(title))
}

fn text(text: &str) -> String {
    format!("<pre>{}</pre>", escaped(text))
}

fn shown(lang: Lang, name: &str, value: &Value) -> String {
    let pair = |item: &Value| Some(format!("{}: {}", item.get(0)?.as_str()?, item.get(1)?.as_str()?));
    match value {
        Value::Array(items) if name == "checks" => {
            let item = |item: &Value| {
                let rule = escaped(&lang.say(item["rule"].as_str().unwrap_or_default()));
                match item["ok"] == true {
                    true => format!("<li class=active>{}: {rule}", lang.of_two("yes", "通过")),
                    false => format!("<li class=wrong>{}: {rule}", lang.of_two("no", "不通过")),
                }
            };
            format!("<ul>{}</ul>", items.iter().map(item).collect::<String>())
        }
        Value::Array(items) => {
            let said =
                |item: &Value| item.as_str().map_or_else(|| item.to_string(), |said| lang.say(said).into_owned());
            let line = |item: &Value| pair(item).unwrap_or_else(|| said(item));
            text(&items.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Value::String(body) if name.ends_with("Body") => match pretty(body) {
            Some(pretty) => format!(
                "{}<details><summary>{}</summary>{}</details>",
                text(&pretty),
                lang.of_two("As it is", "原文"),
                text(body)
            ),
            None => text(body),
        },
        Value::String(steps) if name == "signed" => {
            text(&steps.replace(AS_SENT, lang.of_two(AS_SENT, " 发送时开头为 ")))
        }
        Value::String(digits) if TIMES.contains(&name) => text(&time(digits)),
        Value::String(said) if SAID.contains(&name) => text(&lang.say_lines(said)),
        Value::String(found) => text(found),
        other => text(&other.to_string()),
    }
}

/// JSON, indented and with members sorted; `None` for other texts, and for JSON that is nested too deeply.
fn pretty(body: &str) -> Option<String> {
    let json = serde_json::from_str::<Value>(body).ok()?;
    matches!(json, Value::Object(_) | Value::Array(_)).then(|| format!("{json:#}"))
}
