//! What the codes of the open APIs mean, and whether to send the same request again.

use http::StatusCode;

use super::Retry;

/// Meaning and retry class of a code of the marketplace or its gateway; `None` for codes that no table lists.
pub(super) fn meaning_of(code: &str, status: StatusCode) -> Option<(&'static str, Retry)> {
    if let Some(digits) = gateway_digits(code) {
        return Some(gateway_meaning(digits, status));
    }
    Some(match code {
        // An older copy of the table.
        "92020001" if status == StatusCode::FORBIDDEN => ("not authorised", Retry::No),
        "MKT.0000" | "CBC.0000" | "92020000" => ("success", Retry::No),
        "MKT.0999" | "CBC.0999" | "94060001" | "91381036" | "92020001" => ("internal error", Retry::BackOff),
        "MKT.0100" | "CBC.0100" => ("a parameter is out of range or malformed", Retry::No),
        "MKT.0101" | "CBC.0101" => ("a parameter is invalid, unknown or missing", Retry::No),
        "MKT.0102" => ("the body signature is wrong", Retry::No),
        "MKT.0199" | "CBC.0199" => ("another parameter error", Retry::No),
        "MKT.0150" | "CBC.0150" => ("not allowed: the object belongs to another seller than the access key", Retry::No),
        "MKT.0151" => ("the caller is not a seller", Retry::No),
        "MKT.0154" => ("authentication failed", Retry::No),
        "MKT.0250" => ("called too often", Retry::BackOff),
        "MKT.9001" => ("the instance does not exist", Retry::No),
        "MKT.9002" => ("a usage record is invalid", Retry::No),
        "MKT.9003" => ("too many usage records in one call", Retry::No),
        "MKT.9004" => ("a usage record begins more than 21 days ago", Retry::No),
        "94060002" => ("authentication or authorisation failed", Retry::No),
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

/// The four digits of a gateway's code (`APIGW.0301` of the shared gateway, `APIG.0301` of a dedicated one).
pub(super) fn gateway_digits(code: &str) -> Option<&str> {
    code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."))
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
        ("0301" | "0303" | "0305", _) => (
            "the signature was not accepted: wrong secret, a clock more than 15 minutes off, or a key locked for 5 minutes after five failures",
            Retry::No,
        ),
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
