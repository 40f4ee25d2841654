//! The pages of scenarios: an editor and all runs, and a run step by step.

use super::{escaped, subpage};
use crate::commands::serve::control::Control;
use crate::commands::serve::jobs::Job;
use crate::commands::serve::lang::Lang;
use crate::commands::serve::scripting::{Call, ScenarioRun, Step};

const EXAMPLE: &str = "profile = \"saas-v2\"\n\n[[step]]\nbuy = \"first\"\nperiod = \"1 month\"\n\n[[step]]\ncall = \"newInstance\"\n\
set = { orderId = \"{first.order}\", orderLineId = \"{first.order}-000001\" }\nat_once = 20\n\
answer = { instanceId = \"{first}\" }\n\n[[step]]\npass = \"60d\"\n";

/// The editor; `found` is the number of steps of the text, or what is wrong with it.
pub fn scenarios(control: &Control, lang: Lang, text: &str, found: Option<Result<usize, String>>) -> String {
    let text = if text.is_empty() { EXAMPLE } else { text };
    let found = match found {
        None => String::new(),
        Some(Ok(steps)) => {
            format!("<p role=status class=active>{}: {steps}</p>", lang.of_two("Valid; steps", "有效，步骤数"))
        }
        Some(Err(problem)) => {
            format!("<p role=alert class=wrong>{} {}</p>", lang.of_two("Line:column", "行:列"), escaped(&problem))
        }
    };
    let button = |action: &str, english: &'static str, chinese: &'static str| {
        format!("<button formaction='/_marketplace/scenarios{action}'>{}</button> ", lang.of_two(english, chinese))
    };
    let run = |job: &Job<ScenarioRun>| {
        let number = job.number;
        format!(
            "<li><a href='/_marketplace/scenarios/{number}'>{} {number}</a>: {}",
            lang.of_two("Run", "第"),
            progress(lang, job)
        )
    };
    let all = control.scenarios.all();
    let runs: String = all.iter().map(run).collect();
    let busy = if all.first().is_some_and(|job| !job.is_done) { " data-busy" } else { "" };
    let body = format!(
        "<p>{}</p>{found}<form method=post action='/_marketplace/scenarios/validate' class=tall>\
<label class=block>{}<textarea name=text rows=20 spellcheck=false>\n{}</textarea></label><div>{}{}{}</div></form>\
<p><a href='/_marketplace/scenarios?recorded'>{}</a> <a href='/_marketplace/scenarios/recorded.toml' download>{}</a></p>\
<ul id=runs data-live{busy}>{runs}</ul>",
        lang.of_two(
            "The seller is the one of this marketplace; where time has to pass, the clock is moved.",
            "调用本页配置的服务商；需要等待时自动快进时间。"
        ),
        lang.of_two("Scenario in TOML", "场景（TOML）"),
        escaped(text),
        button("/validate", "Validate", "校验"),
        button("", "Run", "执行"),
        button("/file", "Download", "下载"),
        lang.of_two("Edit what was done on these pages", "编辑已执行的操作"),
        lang.of_two("Download it", "下载已执行的操作"),
    );
    subpage(lang, lang.of_two("Scenarios", "测试场景"), &body)
}

fn progress(lang: Lang, job: &Job<ScenarioRun>) -> String {
    let ScenarioRun { count, steps, problem } = &job.state;
    if let Some(problem) = problem {
        return format!("<span class=wrong>{}</span>", escaped(&lang.say(problem)));
    }
    let done = steps.len();
    let wrong = steps.iter().filter(|step| step.wrong.is_some()).count();
    let bar = match job.is_done {
        true => String::new(),
        false => format!("<progress max={count} value={done}></progress> "),
    };
    let (of, wrongly) = (lang.of_two("steps", "步"), lang.of_two("wrong", "不符合预期"));
    format!("{bar}{done}/{count} {of}, {wrong} {wrongly}")
}

/// A run, step by step.
pub fn scenario(lang: Lang, job: &Job<ScenarioRun>) -> String {
    let step = |step: &Step| {
        let call = |Call { path, english, chinese }: &Call| {
            let line = lang.of_two(english, chinese);
            format!("<li><a href='/_marketplace/{path}'>{}</a>", escaped(line))
        };
        let mut calls: String = step.calls.iter().map(call).collect();
        if step.more > 0 {
            let more = lang.of_two("more calls are in the log", "次调用见日志");
            calls.push_str(&format!("<li>{} {more}", step.more));
        }
        let (class, verdict) = match &step.wrong {
            None => ("active", lang.of_two("as expected", "符合预期").to_owned()),
            Some(wrong) => ("wrong", escaped(&lang.say(wrong))),
        };
        format!("<li>{}: <span class={class}>{verdict}</span><ul>{calls}</ul>", escaped(&lang.say(&step.title)))
    };
    let steps: String = job.state.steps.iter().map(step).collect();
    let busy = if job.is_done { "" } else { " data-busy" };
    let body = format!("<div id=run data-live{busy}><p role=status>{}</p><ol>{steps}</ol></div>", progress(lang, job));
    subpage(lang, &format!("{} {}", lang.of_two("Run", "执行"), job.number), &body)
}
