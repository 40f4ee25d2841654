//! The pages of checks: a form and all runs, and a run with its reports.

use koogallery::query::{Plus, raw_pairs};
use koogallery_simulator::{Charging, CheckResult, Outcome, Profile, Report};

use super::{checkbox, escaped, form, input, plain, select, subpage};
use crate::commands::serve::checking::{FILES, Run, verdict};
use crate::commands::serve::control::Control;
use crate::commands::serve::jobs::Job;
use crate::commands::serve::lang::Lang;

const VERDICTS: [(&str, &str, &str); 3] =
    [("failed", "failed", "未通过"), ("passed", "passed", "通过"), ("not-run", "not run", "未执行")];

fn verdict_name(lang: Lang, name: &str) -> &'static str {
    let found = VERDICTS.iter().find(|(verdict, ..)| *verdict == name);
    found.map_or("", |(_, english, chinese)| lang.of_two(english, chinese))
}

pub fn checks(control: &Control, lang: Lang) -> String {
    let title = lang.of_two("Checks", "接口检查");
    if control.marketplace.is_none() {
        let why = lang.of_two("No seller is called: start with --target.", "未配置服务商地址：请使用--target启动。");
        return subpage(lang, title, &format!("<p>{why}</p>"));
    }
    let served = [("", lang.of_two("all that the seller serves", "服务商支持的全部接口"))];
    let profiles: Vec<_> = Profile::all().filter(|it| it.protocol().keys(&control.keys).is_some()).collect();
    let profiles = served.into_iter().chain(plain(profiles.iter().map(|profile| profile.as_str())));
    let ways = [("", lang.of_two("the seller is asked", "自动识别"))];
    let ways = ways.into_iter().chain(plain(Charging::ALL.iter().map(|way| way.as_str())));
    let fields = [
        select("profile", lang.of_two("Profile", "接口类型"), profiles, ""),
        select("charging", lang.of_two("Charging", "计费模式"), ways, ""),
        input("probe", lang.of_two("List of instances", "实例列表地址"), "http://127.0.0.1:8080/admin/instances"),
        checkbox("timing", lang.of_two("Slow checks too", "包含耗时检查")),
    ];
    let run = |job: &Job<Run>| {
        let (number, state) = (job.number, progress(lang, job));
        format!("<li><a href='/_marketplace/checks/{number}'>{} {number}</a>: {state}", lang.of_two("Run", "第"))
    };
    let all = control.checks.all();
    let busy = if all.first().is_some_and(|job| !job.is_done) { " data-busy" } else { "" };
    let runs: String = all.iter().map(run).collect();
    let body = form("checks", &fields.concat(), lang.of_two("Check", "开始检查"))
        + &format!("<ul id=runs data-live{busy}>{runs}</ul>");
    subpage(lang, title, &body)
}

fn progress(lang: Lang, job: &Job<Run>) -> String {
    let Run { now, done, count, reports, problem, .. } = &job.state;
    if let Some(problem) = problem {
        return format!("<span class=wrong>{}</span>", escaped(&lang.say(problem)));
    }
    if !job.is_done {
        return format!("<progress max={} value={done}></progress> {} {done}/{count}", (*count).max(1), escaped(now));
    }
    let of = |name: &str| -> usize {
        let results = reports.iter().flat_map(|report| &report.results);
        results.filter(|result| verdict(&result.outcome) == name).count()
    };
    let counts = VERDICTS.iter().map(|(name, ..)| format!("{} {}", of(name), verdict_name(lang, name)));
    counts.collect::<Vec<_>>().join(lang.of_two(", ", "，"))
}

/// A run; the query says which results are shown.
pub fn check(lang: Lang, job: &Job<Run>, query: Option<&str>) -> String {
    let value = |name: &str| {
        let pair = raw_pairs(query.unwrap_or_default()).find(|pair| pair.name == name)?;
        Some(pair.decoded_value(Plus::Space)?.trim().to_owned())
    };
    let (shown, contains) = (value("show").unwrap_or_default(), value("contains").unwrap_or_default());
    let number = job.number;
    let busy = if job.is_done { "" } else { " data-busy" };
    let reports: String = job.state.reports.iter().map(|it| report(lang, it, &shown, &contains)).collect();
    let left_out = job.state.left_out.iter();
    let left_out: String =
        left_out.map(|family| format!("<li>{}: {}", family.profile, escaped(&lang.say(&family.why)))).collect();
    let left_out = match left_out.is_empty() {
        true => String::new(),
        false => format!("<h2>{}</h2><ul>{left_out}</ul>", lang.of_two("Left out", "未检查的接口")),
    };
    let files: String = FILES
        .iter()
        .filter(|_| job.is_done)
        .map(|file| format!("<a href='/_marketplace/checks/{number}/{file}' download>{file}</a> "))
        .collect();
    let files = match files.is_empty() {
        true => files,
        false => format!("<p>{} {files}</p>", lang.of_two("Download:", "下载：")),
    };
    let body = format!(
        "<div id=run data-live{busy}><p role=status>{}</p>{files}</div>{}<div id=reports data-live>{reports}{left_out}</div>",
        progress(lang, job),
        filter(lang, number, &shown, &contains),
    );
    subpage(lang, &format!("{} {number}", lang.of_two("Check", "接口检查")), &body)
}

fn filter(lang: Lang, number: u64, shown: &str, contains: &str) -> String {
    let all = [("", lang.of_two("all", "全部"))];
    let verdicts = all.into_iter().chain(VERDICTS.map(|(name, ..)| (name, verdict_name(lang, name))));
    let text = input("contains", lang.of_two("Contains", "包含"), "X1");
    let text = text.replacen("<input ", &format!("<input value='{}' ", escaped(contains)), 1);
    format!(
        "<form method=get action='/_marketplace/checks/{number}' role=search>{}{text}<button>{}</button></form>",
        select("show", lang.of_two("Result", "结果"), verdicts, shown),
        lang.of_two("Filter", "筛选")
    )
}

fn report(lang: Lang, report: &Report, shown: &str, contains: &str) -> String {
    let is_shown = |result: &&CheckResult| {
        (shown.is_empty() || verdict(&result.outcome) == shown)
            && (result.check.id == contains
                || format!("{} {}", lang.say(result.check.title), why(lang, result)).contains(contains))
    };
    let rows: String = report.results.iter().filter(is_shown).map(|result| row(lang, result)).collect();
    let causes: String = report
        .causes
        .iter()
        .map(|cause| {
            let (headline, advice) = (escaped(&lang.say(&cause.headline)), escaped(&lang.say(&cause.advice)));
            format!(
                "<li><strong>{headline}</strong> {} {advice} <code>{}</code>",
                lang.of_two("({}):", "（{}）：").replace("{}", &lang.say(cause.severity.as_str())),
                cause.checks.join(" ")
            )
        })
        .collect();
    let heads = [
        lang.of_two("Check", "编号"),
        lang.of_two("Severity", "级别"),
        lang.of_two("Result", "结果"),
        lang.of_two("Rule", "规则"),
    ];
    let heads: String = heads.iter().map(|head| format!("<th scope=col>{head}")).collect();
    format!(
        "<h2>{}</h2><div class=wide>{}</div><ol>{causes}</ol><div class=wide><table><tr>{heads}</tr>{rows}</table></div>",
        escaped(report.profile.as_str()),
        report.localized(lang.tag(), &|text| lang.say(text).into_owned()).to_svg()
    )
}

fn why(lang: Lang, result: &CheckResult) -> String {
    match &result.outcome {
        Outcome::Failed(failure) => {
            format!("{}{}{}", lang.say(&failure.cause), lang.of_two("; ", "；"), lang.say(result.hint()))
        }
        Outcome::NotRun { why } => lang.say(why).into_owned(),
        _ => String::new(),
    }
}

fn row(lang: Lang, result: &CheckResult) -> String {
    let name = verdict(&result.outcome);
    let class = match name {
        "passed" => "active",
        "failed" => "wrong",
        _ => "released",
    };
    format!(
        "<tr><th scope=row><code>{}</code><td>{}<td class={class}>{}<td>{}<br>{}</tr>",
        result.check.id,
        lang.say(result.check.severity.as_str()),
        verdict_name(lang, name),
        escaped(&lang.say(result.check.title)),
        escaped(&why(lang, result))
    )
}
