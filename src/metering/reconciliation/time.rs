//! Times as spreadsheets write them.

use ::time::UtcOffset;

use crate::timestamp::Timestamp;

/// Reads a time in whole seconds: `yyyyMMddHHmmss`, `yyyyMMddTHHmmssZ`, or a date and a time such as `2026-11-03 08:00:00`,
/// `2026/11/3 8:00` or `2026-11-03T08:00:00.000+08:00`. One without a zone is in the zone given.
pub(super) fn parse(text: &str, zone: UtcOffset) -> Option<Timestamp> {
    let compact = Timestamp::parse_compact(text, zone).or_else(|_| Timestamp::parse_basic_iso(text));
    compact.ok().or_else(|| parse_parts(text, zone)).map(whole_seconds)
}

/// Returns a time as records have it on the wire.
pub(super) fn whole_seconds(at: Timestamp) -> Timestamp {
    let millis = at.as_unix_millis();
    Timestamp::from_unix_millis(millis.saturating_sub(millis.rem_euclid(1000)))
}

fn parse_parts(text: &str, zone: UtcOffset) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', ' '])?;
    let (time, zone) = split_zone(time.trim_start(), zone)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut digits = String::new();
    let [year, month, day] = numbers(date, ['-', '/'])?;
    if year.len() != 4 {
        return None;
    }
    let with_seconds = if time.matches(':').count() == 1 { format!("{time}:00") } else { time.to_owned() };
    let [hour, minute, second] = numbers(&with_seconds, [':', ':'])?;
    digits.push_str(year);
    for part in [month, day, hour, minute, second] {
        if part.len() > 2 {
            return None;
        }
        digits.push_str(if part.len() == 1 { "0" } else { "" });
        digits.push_str(part);
    }
    Timestamp::parse_compact(&digits, zone).ok()
}

/// Splits a text into three numbers at one of two separators, the same at both places.
fn numbers(text: &str, separators: [char; 2]) -> Option<[&str; 3]> {
    let separator = separators.into_iter().find(|separator| text.contains(*separator))?;
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.try_into().ok().filter(|parts: &[&str; 3]| parts.iter().all(is_number))
}

/// Splits `Z` or an offset such as `+08:00` off a time.
fn split_zone(time: &str, zone: UtcOffset) -> Option<(&str, UtcOffset)> {
    if let Some(utc) = time.strip_suffix('Z') {
        return Some((utc.trim_end(), UtcOffset::UTC));
    }
    let Some(place) = time.find(['+', '-']) else { return Some((time, zone)) };
    let (time, offset) = time.split_at(place);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let number =
        |text: &str| text.parse::<i8>().ok().filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()));
    let offset = UtcOffset::from_hms(sign * number(hours)?, sign * number(minutes)?, 0).ok()?;
    Some((time.trim_end(), offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::CHINA;

    #[test]
    fn times_of_spreadsheets_are_read() {
        for text in [
            "20261103080000",
            "20261103080000000",
            "20261103T000000Z",
            "2026-11-03 08:00:00",
            "2026-11-03 08:00:00.999",
            "2026/11/3 8:00",
            "2026/11/03  8:00:00",
            "2026-11-03T08:00:00+08:00",
            "2026-11-02T19:00:00.000-05:00",
            "2026-11-03T00:00:00Z",
        ] {
            let at = parse(text, CHINA).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at.to_string(), "20261103000000", "{text}");
        }
        for text in [
            "",
            "2026-11-03",
            "2026-11-03 24:00",
            "2026-13-03 08:00",
            "26-11-03 08:00",
            "11/03/2026 08:00",
            "2026-11/03 08:00",
            "2026-11-03 08:00:00.",
            "2026-11-03 08:00+8",
            "2026-11-03 8:0x",
            "2026-11-03 08:00 PM",
            "2026-11-03T08:00:00+99:00",
            "２０２６-11-03 08:00",
            "45964.3333",
        ] {
            assert_eq!(parse(text, CHINA), None, "{text}");
        }
    }
}
