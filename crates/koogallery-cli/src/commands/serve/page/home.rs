//! The first page: orders, instances, enterprises, faults, and both logs.

use koogallery_simulator::Marketplace;

use super::{document, escaped, faults, form, input, log, pages, sections, time, usage};
use crate::commands::serve::control::Control;
use crate::commands::serve::filter::Filter;
use crate::commands::serve::lang::Lang;

pub fn home(control: &Control, lang: Lang, filter: &Filter) -> String {
    let sections = [
        Some(("orders", lang.of_two("Orders", "订单"), sections::orders(control, lang))),
        Some(("instances", lang.of_two("Instances", "实例"), sections::instances(control, lang))),
        (!control.kits.is_empty()).then(|| {
            let title = lang.of_two("Enterprises", "企业");
            ("tenants", title, sections::tenants(control, lang))
        }),
        (!control.pushes().is_empty()).then(|| ("usage", lang.of_two("Usage", "使用量"), usage::usage(control, lang))),
        Some(("faults", lang.of_two("Faults", "故障注入"), faults::faults(control, lang))),
        Some(("calls", lang.of_two("Log", "日志"), log::log(control, lang, filter))),
        Some(("state", lang.of_two("State", "数据"), sections::state(lang))),
    ];
    let sections: Vec<_> = sections.into_iter().flatten().collect();
    let links: String = sections.iter().map(|(id, title, _)| format!("<a href='#{id}'>{title}</a> ")).collect();
    let shown: String = sections
        .iter()
        .map(|(id, title, content)| {
            format!("<section id={id} aria-labelledby={id}-title><h2 id={id}-title>{title}</h2>{content}</section>")
        })
        .collect();
    let place = control.place();
    let texts = [
        ("live", lang.of_two("live", "实时更新")),
        ("lost", lang.of_two("not connected; reload for what is new", "连接已断开；请刷新页面")),
    ];
    let texts: String = texts.iter().map(|(name, text)| format!(" data-text-{name}='{text}'")).collect();
    let body = format!(
        "<header><h1>{}</h1><nav aria-label='{}'>{links}{}</nav>{}<p id=live role=status{texts} \
data-events='/_marketplace/events?{}'></p></header><main id=main>{shown}</main>",
        lang.of_two("Mock marketplace", "模拟云商店"),
        lang.of_two("Sections", "栏目"),
        pages(lang),
        clock(control, lang),
        escaped(&format!(
            "calls={}&requests={}&changes={}{}",
            place.calls,
            place.requests,
            place.changes,
            filter.query()
        )),
    );
    document(lang, lang.of_two("Mock marketplace", "模拟云商店"), &body)
}

/// The calendar, which can be moved forward.
fn clock(control: &Control, lang: Lang) -> String {
    let now = control.marketplace.as_ref().map_or_else(|| control.open_api.now(), Marketplace::now);
    let shown = format!(
        "<span id=clock data-live>{} <code>{}</code> UTC</span> ",
        lang.of_two("The calendar shows", "当前时间"),
        time(&now.to_compact_seconds())
    );
    let moved = control.marketplace.as_ref().map_or_else(String::new, |_| {
        let field = input("by", lang.of_two("Forward by", "快进"), "15d, 2h, 120s");
        form("clock", &field, lang.of_two("Move the clock", "调整时间"))
    });
    format!("<p>{shown}{moved}</p>")
}
