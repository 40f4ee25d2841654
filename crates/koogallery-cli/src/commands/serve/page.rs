//! Pages, which work without their script. All texts of sellers are escaped.

mod checks;
mod faults;
mod home;
mod log;
mod scenarios;
mod sections;
mod usage;

pub use checks::{check, checks};
pub use home::home;
pub use scenarios::{scenario, scenarios};

use super::lang::Lang;

/// A whole page; `body` has a `main` with the id `main`.
pub fn document(lang: Lang, title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang={}><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>\
<title>{title}</title><link rel=icon type='image/svg+xml' href='/_marketplace/icon.svg'><link rel=stylesheet href='/_marketplace/console.css'>\
<a class=skip href='#main'>{}</a>{body}<script src='/_marketplace/console.js' defer></script></html>",
        lang.tag(),
        lang.of_two("Skip to content", "跳到正文"),
    )
}

/// Returns a page below the home page.
pub fn subpage(lang: Lang, title: &str, body: &str) -> String {
    let navigation = format!(
        "<nav aria-label='{}'><a href='/_marketplace'>{}</a> {}</nav>",
        lang.of_two("Pages", "页面"),
        lang.of_two("Mock marketplace", "模拟云商店"),
        pages(lang),
    );
    let title = escaped(title);
    document(lang, &title, &format!("<header>{navigation}</header><main id=main><h1>{title}</h1>{body}</main>"))
}

/// Links to the other pages, and to this one in the other language.
fn pages(lang: Lang) -> String {
    let other = match lang {
        Lang::English => "<a href='?lang=zh' hreflang=zh-CN lang=zh-CN>中文</a>",
        Lang::Chinese => "<a href='?lang=en' hreflang=en lang=en>English</a>",
    };
    let page = |path: &str, english: &'static str, chinese: &'static str| {
        format!("<a href='/_marketplace/{path}'>{}</a> ", lang.of_two(english, chinese))
    };
    page("compose", "Send a call", "发送消息")
        + &page("checks", "Checks", "接口检查")
        + &page("scenarios", "Scenarios", "测试场景")
        + other
}

/// Returns the page with the address to which a login leads. A redirect of a form would be blocked by the policy for forms.
pub fn login(lang: Lang, url: &str) -> String {
    let url = escaped(url);
    let link = lang.of_two("Continue to the seller", "前往服务商");
    let body = format!("<p><a href='{url}' rel=noreferrer>{link}</a></p><p><code>{url}</code></p>");
    subpage(lang, lang.of_two("Log in", "登录"), &body)
}

/// Returns the page of a refused request.
pub fn refusal(lang: Lang, why: &str) -> String {
    let body = format!(
        "<p role=alert class=wrong>{}</p><p><a href='/_marketplace'>{}</a></p>",
        escaped(&lang.say(why)),
        lang.of_two("Back", "返回")
    );
    subpage(lang, lang.of_two("Not done", "未执行"), &body)
}

/// Escapes a text: a seller's answers are not trusted.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

/// A time of digits alone, as people write it: `2026-11-29 16:15:19`, with milliseconds if it has them.
pub fn time(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to);
    let parts = (part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 12), part(12, 14));
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) = parts else {
        return digits.to_owned();
    };
    let fraction = digits.get(14..17).map_or_else(String::new, |millis| format!(".{millis}"));
    format!("{year}-{month}-{day} {hour}:{minute}:{second}{fraction}")
}

pub fn path_segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A form with labelled fields.
pub fn form(action: &str, fields: &str, button: &str) -> String {
    format!("<form method=post action='/_marketplace/{action}'>{fields}<button>{button}</button></form> ")
}

pub fn input(name: &str, label: &str, example: &str) -> String {
    format!("<label>{label} <input name={name} placeholder='{}'></label> ", escaped(example))
}

pub fn checkbox(name: &str, label: &str) -> String {
    format!("<label><input type=checkbox name={name}> {label}</label> ")
}

/// A list to choose from: values, and their texts where they differ.
pub fn select<'a>(
    name: &str,
    label: &str,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
    chosen: &str,
) -> String {
    let option = |(value, text): (&str, &str)| {
        let is_chosen = if value == chosen { " selected" } else { "" };
        format!("<option value='{}'{is_chosen}>{}</option>", escaped(value), escaped(text))
    };
    let options: String = values.into_iter().map(option).collect();
    format!("<label>{label} <select name={name}>{options}</select></label> ")
}

/// Values that are their own texts.
pub fn plain<'a>(values: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, &'a str)> {
    values.into_iter().map(|value| (value, value))
}
