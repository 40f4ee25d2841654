//! Faults of the open APIs and of callbacks, as forms name them.

use koogallery_simulator::{CallbackFault, CallbackFaultRule, Fault, FaultRule, Operation, RefusalForm};

use super::form::Form;
use crate::support::duration;

/// The fields of a form that switches a fault on.
pub const FIELDS: [&str; 5] = ["fault", "value", "api", "times", "percent"];

/// The fields of a form that switches a fault of callbacks on.
pub const CALLBACK_FIELDS: [&str; 4] = ["fault", "activity", "times", "percent"];

/// The faults: name, and what the value is, if there is one.
pub const KINDS: [(&str, &str); 12] = [
    ("slow", "a duration such as 500ms"),
    ("no-connection", ""),
    ("lost-request", ""),
    ("lost-answer", ""),
    ("duplicate", ""),
    ("server-error", "a status from 500 to 599"),
    ("throttled", "seconds of Retry-After, or nothing"),
    ("refused", "a code such as MKT.0999"),
    ("partial-failure", "a code of a usage record such as 016"),
    ("refusal-form", "a form of refused usage records such as \"no list\""),
    ("html-page", ""),
    ("truncated-answer", ""),
];

/// Reads the rule of a form.
pub fn rule(form: &Form) -> Result<FaultRule, String> {
    let mut rule = FaultRule::new(fault(form)?);
    if let Some(name) = form.get("api") {
        let found = Operation::ALL.into_iter().find(|operation| operation.as_str() == name);
        let known = || Operation::ALL.map(Operation::as_str).join(", ");
        rule = rule.with_operation(found.ok_or_else(|| format!("unknown api {name:?}; known are {}", known()))?);
    }
    if let Some(times) = form.number("times")? {
        rule = rule.with_times(times);
    }
    Ok(match percent(form)? {
        Some(percent) => rule.with_percent(percent),
        None => rule,
    })
}

/// Reads the rule of a form about callbacks.
pub fn callback_rule(form: &Form) -> Result<CallbackFaultRule, String> {
    let name = form.get("fault").ok_or("fault is missing")?;
    let found = CallbackFault::ALL.into_iter().find(|fault| fault.as_str() == name);
    let known = || CallbackFault::ALL.map(CallbackFault::as_str).join(", ");
    let mut rule =
        CallbackFaultRule::new(found.ok_or_else(|| format!("unknown fault {name:?}; known are {}", known()))?);
    if let Some(name) = form.get("activity") {
        rule = rule.with_activity(name.parse().map_err(|error| format!("activity: {error}"))?);
    }
    if let Some(times) = form.number("times")? {
        rule = rule.with_times(times);
    }
    Ok(match percent(form)? {
        Some(percent) => rule.with_percent(percent),
        None => rule,
    })
}

fn percent(form: &Form) -> Result<Option<u8>, String> {
    let percent = form.number("percent")?.map(|percent| u8::try_from(percent).ok());
    let is_wrong = percent.is_some_and(|percent| !percent.is_some_and(|percent| (1..=100).contains(&percent)));
    if is_wrong { Err("percent must be from 1 to 100".to_owned()) } else { Ok(percent.flatten()) }
}

fn fault(form: &Form) -> Result<Fault, String> {
    let name = form.get("fault").ok_or("fault is missing")?;
    let found = KINDS.iter().find(|(known, _)| *known == name);
    let known = || KINDS.map(|(name, _)| name).join(", ");
    let (_, wanted) = *found.ok_or_else(|| format!("unknown fault {name:?}; known are {}", known()))?;
    let value = form.get("value");
    if wanted.is_empty() && value.is_some() {
        return Err(format!("{name} has no value"));
    }
    let text = || value.map(str::to_owned).ok_or_else(|| format!("value is missing: {wanted}"));
    let wrong = || format!("value must be {wanted}");
    Ok(match name {
        "slow" => Fault::Slow(duration::parse(&text()?)?),
        "no-connection" => Fault::NoConnection,
        "lost-request" => Fault::LostRequest,
        "lost-answer" => Fault::LostAnswer,
        "duplicate" => Fault::Duplicate,
        "server-error" => {
            let status = text()?.parse().ok().filter(|status| (500..=599).contains(status));
            Fault::ServerError(status.ok_or_else(wrong)?)
        }
        "throttled" => {
            let seconds = value.map(|text| text.parse().map_err(|_| wrong())).transpose()?;
            Fault::Throttled { retry_after: seconds.map(std::time::Duration::from_secs) }
        }
        "refused" => Fault::Refused(text()?),
        "partial-failure" => Fault::PartialFailure(text()?),
        "refusal-form" => {
            let text = text()?;
            let found = RefusalForm::ALL.into_iter().find(|form| form.to_string() == text);
            let known = || RefusalForm::ALL.map(|form| form.to_string()).join(", ");
            Fault::RefusalForm(found.ok_or_else(|| format!("unknown form {text:?}; known are {}", known()))?)
        }
        "html-page" => Fault::HtmlPage,
        _ => Fault::TruncatedAnswer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str) -> Result<String, String> {
        rule(&Form::parse(form.as_bytes(), &FIELDS)?).map(|rule| rule.to_string())
    }

    #[test]
    fn every_fault_can_be_switched_on() {
        for (form, expected) in [
            ("fault=slow&value=500ms&percent=10", "slow by 500ms, 10 %"),
            ("fault=no-connection", "no connection"),
            ("fault=lost-request", "lost request"),
            ("fault=lost-answer&api=push-usage&times=2", "lost answer of push-usage, 2 more"),
            ("fault=duplicate", "duplicate"),
            ("fault=server-error&value=503", "server error 503"),
            ("fault=throttled", "throttled"),
            ("fault=throttled&value=5", "throttled for 5s"),
            ("fault=refused&value=MKT.0999", "refused with MKT.0999"),
            ("fault=partial-failure&value=016", "partial failure with 016"),
            ("fault=refusal-form&value=no+list", "refused records as no list"),
            ("fault=html-page", "HTML page"),
            ("fault=truncated-answer", "truncated answer"),
        ] {
            assert_eq!(read(form).as_deref(), Ok(expected), "{form}");
        }
        assert!(
            KINDS.iter().all(|(name, _)| !read(&format!("fault={name}")).is_err_and(|why| why.contains("unknown")))
        );
    }

    #[test]
    fn callbacks_have_faults_of_their_own() {
        let read =
            |form: &str| callback_rule(&Form::parse(form.as_bytes(), &CALLBACK_FIELDS)?).map(|it| it.to_string());
        for (form, expected) in [
            ("fault=duplicate", "duplicate"),
            ("fault=out-of-order&activity=newInstance&times=2&percent=10", "out of order of newInstance, 2 more, 10 %"),
            ("fault=lost-answer", "lost answer"),
        ] {
            assert_eq!(read(form).as_deref(), Ok(expected), "{form}");
        }
        for (form, why) in [
            ("", "fault is missing"),
            ("fault=slow", "known are duplicate, out-of-order, lost-answer"),
            ("fault=duplicate&activity=x", "activity: "),
            ("fault=duplicate&percent=101", "percent must be"),
            ("fault=duplicate&percent=1000", "percent must be"),
        ] {
            let said = read(form).unwrap_err();
            assert!(said.contains(why), "{form}: {said}");
        }
    }

    #[test]
    fn what_is_no_fault_says_what_is() {
        for (form, why) in [
            ("", "fault is missing"),
            ("fault=earthquake", "unknown fault \"earthquake\"; known are slow, no-connection"),
            ("fault=slow", "value is missing: a duration"),
            ("fault=slow&value=soon", "is not a duration"),
            ("fault=server-error&value=404", "value must be a status"),
            ("fault=throttled&value=x", "value must be seconds"),
            ("fault=lost-answer&value=1", "lost-answer has no value"),
            ("fault=refusal-form&value=x", "known are nested list"),
            ("fault=duplicate&api=nothing", "known are query-order, push-usage"),
            ("fault=duplicate&percent=0", "percent must be"),
            ("fault=duplicate&times=x", "times is not a number"),
        ] {
            let said = read(form).unwrap_err();
            assert!(said.contains(why), "{form}: {said}");
        }
    }
}
