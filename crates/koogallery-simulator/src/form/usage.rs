//! Rules for the usage in answers to queries.

use std::time::Duration;

use serde_json::Value;

use super::{Verdict, broken, is_filled};
use koogallery::amount::Amount;
use koogallery::timestamp::Timestamp;

/// The largest value of the documented Double(12,4), in ten-thousandths.
const LARGEST: i128 = 999_999_999_999;

/// Returns every `usageInfo` in an answer.
pub(super) fn all(json: &Value) -> impl Iterator<Item = &Value> {
    let described = json.get("info").and_then(Value::as_array).into_iter().flatten();
    described.filter_map(|info| info.get("usageInfo")).filter_map(Value::as_array).flatten()
}

/// Expects value and time in every element.
pub(super) fn complete(json: &Value) -> Verdict {
    let has_value = |usage: &Value| usage.get("usageValue").is_some_and(|value| !value.is_null());
    let has_time = |usage: &Value| is_filled(usage, "statisticalTime");
    match all(json).find(|usage| !has_value(usage) || !has_time(usage)) {
        Some(usage) => broken(
            "usageValue and statisticalTime in every usageInfo",
            if has_value(usage) { "no statisticalTime" } else { "no usageValue" },
            "a usage without its value or its time cannot be charged",
        ),
        None => Ok(()),
    }
}

/// Expects values of the documented Double(12,4). Whether a number or a text is meant is not documented; both are accepted.
pub(super) fn amounts(json: &Value) -> Verdict {
    let expected = "usageValue from 0 to 99999999.9999 with at most 4 decimals";
    for usage in all(json) {
        let text = match usage.get("usageValue") {
            None | Some(Value::Null) => continue,
            Some(value) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        };
        let cause = match text.parse::<Amount>().map(|amount| amount.ten_thousandths()) {
            Ok(Some(0..=LARGEST)) => continue,
            Ok(Some(_)) => "a usage is negative, or larger than the field: it is a Double(12,4)",
            Ok(None) => "a usage has more than four decimals: add usage up as decimal numbers, not in binary ones",
            Err(_) => "a usage is not a number",
        };
        return broken(expected, text, cause);
    }
    Ok(())
}

/// Returns every `statisticalTime` in an answer.
pub(super) fn times(json: &Value) -> impl Iterator<Item = &str> {
    all(json).filter_map(|usage| usage.get("statisticalTime")?.as_str())
}

/// Expects that times have their format and are not in the future.
pub(super) fn in_utc(json: &Value, now: Timestamp) -> Verdict {
    let expected = "statisticalTime as yyyyMMddHHmmssSSS in UTC";
    // Clocks differ; time zones differ by more.
    let latest = now.saturating_add(Duration::from_secs(900));
    for text in times(json) {
        match text.parse::<Timestamp>() {
            Ok(time) if text.len() == 17 && time <= latest => {}
            Ok(_) if text.len() == 17 => {
                return broken(
                    expected,
                    format!("{text}, which is in the future"),
                    "a time is in another time zone than UTC",
                );
            }
            _ => return broken(expected, text, "a time has another format"),
        }
    }
    Ok(())
}
