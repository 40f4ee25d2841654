//! Codes of the open APIs: their meaning, and whether to retry.

use http::StatusCode;

use super::Retry;

/// A code as it is compared: without blanks (one table prints one inside), and a whole number without a fraction.
pub(super) fn normalized(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    match code.split_once('.') {
        Some((whole, zeros)) if is_digits(whole) && zeros.bytes().all(|zero| zero == b'0') => whole.to_owned(),
        _ => code,
    }
}

/// The number after the dot. The marketplace prints the same codes under several prefixes (`MKT.0150`, `CBC.0150`), and
/// the number decides.
pub(super) fn number_of(code: &str) -> Option<&str> {
    let (prefix, number) = code.split_once('.')?;
    (!prefix.is_empty() && !is_digits(prefix) && is_digits(number)).then_some(number)
}

/// Returns whether two codes say the same.
pub(super) fn is_same(code: &str, other: &str) -> bool {
    match (number_of(code), number_of(other)) {
        (Some(number), Some(other_number)) => is_of_gateway(code) == is_of_gateway(other) && number == other_number,
        _ => code == other,
    }
}

/// Returns whether the gateway made the code (`APIGW.0301` of the shared gateway, `APIG.0301` of a dedicated one).
pub(super) fn is_of_gateway(code: &str) -> bool {
    let prefix = code.split_once('.').map_or("", |(prefix, _)| prefix);
    prefix.eq_ignore_ascii_case("APIGW") || prefix.eq_ignore_ascii_case("APIG")
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Meaning and retry class of a code of the marketplace or its gateway; `None` for codes that no table lists.
pub(super) fn meaning_of(code: &str, status: StatusCode) -> Option<(&'static str, Retry)> {
    let number = number_of(code);
    match number {
        _ if is_of_gateway(code) => Some(gateway_meaning(number.unwrap_or_default(), status)),
        Some(number) => meaning_of_number(number),
        None => meaning_of_whole(code, status),
    }
}

fn meaning_of_number(number: &str) -> Option<(&'static str, Retry)> {
    Some(match number {
        "0000" => ("success", Retry::No),
        "0999" => ("internal error", Retry::BackOff),
        "0100" => ("a parameter is out of range or malformed", Retry::No),
        "0101" => ("a parameter is invalid, unknown or missing", Retry::No),
        "0102" => ("the body signature is wrong", Retry::No),
        "0199" => ("another parameter error", Retry::No),
        "0150" => ("not allowed: the object belongs to another seller than the access key", Retry::No),
        "0151" => ("the caller is not a seller", Retry::No),
        "0154" => ("authentication failed", Retry::No),
        "0250" => ("called too often", Retry::BackOff),
        "9001" => ("the instance does not exist", Retry::No),
        "9002" => ("a usage record is invalid", Retry::No),
        "9003" => ("too many usage records in one call", Retry::No),
        "9004" => ("a usage record begins more than 21 days ago", Retry::No),
        _ => return None,
    })
}

fn meaning_of_whole(code: &str, status: StatusCode) -> Option<(&'static str, Retry)> {
    Some(match code {
        // An older copy of the table.
        "92020001" if status == StatusCode::FORBIDDEN => ("not authorized", Retry::No),
        "92020000" => ("success", Retry::No),
        "94060001" | "91381036" | "92020001" => ("internal error", Retry::BackOff),
        "94060002" => ("authentication or authorization failed", Retry::No),
        "94060010" => ("the seller's status is invalid", Retry::No),
        "94060999" => ("some records were refused", Retry::No),
        "91381033" => ("the License resource is invalid", Retry::No),
        "91381034" => ("the License application is invalid", Retry::No),
        "91381035" => ("the License period has no amount left", Retry::No),
        "91381037" => ("the License has an invalid format", Retry::No),
        "91381038" => ("the License application has been denied", Retry::No),
        "91380150" => ("the role lacks the permission", Retry::No),
        "92020002" => ("a parameter is invalid", Retry::No),
        "92020003" => ("the License is in a state that forbids this, for instance activated already", Retry::No),
        "92020004" => ("the License code was not received by the user yet", Retry::No),
        "92020005" => ("the License code does not exist", Retry::No),
        "92020011" => ("the License code has not been activated", Retry::No),
        "92020020" => ("an invalid License code is in the list", Retry::No),
        "95000001" => ("a parameter is invalid", Retry::No),
        "95000002" => ("the method is not supported", Retry::No),
        "95000003" => ("the content type is not supported", Retry::No),
        "95000004" => ("the body cannot be read", Retry::No),
        _ => return None,
    })
}

fn gateway_meaning(digits: &str, status: StatusCode) -> (&'static str, Retry) {
    match (digits, status.as_u16()) {
        ("0101", _) => ("no such interface at this host: check host, path and method", Retry::No),
        ("0201", 413) => ("the body exceeds 12 MB", Retry::No),
        ("0201", 414) => ("the address exceeds 32 KB", Retry::No),
        ("0201", 494) => ("the headers are too large", Retry::No),
        ("0201", 400..500) => ("the request is malformed", Retry::No),
        ("0201" | "0202" | "0203" | "0601" | "0605" | "0606" | "0608" | "0610" | "0613", _) => {
            ("the gateway or what is behind it is not available", Retry::BackOff)
        }
        ("0204" | "0205" | "0607", _) => ("the TLS connection is not acceptable", Retry::No),
        ("0301" | "0303" | "0305", _) => ("the signature was not accepted", Retry::No),
        ("0308", _) => ("called too often", Retry::BackOff),
        ("0302" | "0304" | "0306" | "0310" | "0314" | "0401" | "0402" | "0405" | "0802", _) => {
            ("access is denied", Retry::No)
        }
        ("0307" | "0311" | "0312" | "0313" | "1001" | "1002" | "1003" | "1004", _) => {
            ("the authentication is invalid or has expired", Retry::No)
        }
        ("0501" | "0502", _) => ("the application's quota is used up, or it is frozen", Retry::No),
        (_, 500..) => ("the gateway failed", Retry::BackOff),
        _ => ("the gateway refused", Retry::No),
    }
}
