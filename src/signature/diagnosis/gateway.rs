//! Answers with which the gateway before the open APIs refuses a call, where it prints no canonical request.

/// The cause that the gateway names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayCause {
    /// The key is locked after wrong signatures.
    #[error(
        "the access key is locked: five wrong signatures in a row lock it for five minutes; stop calling, correct the \
         signature, and wait"
    )]
    Locked,
    /// `X-Sdk-Date` is too far from the gateway's clock.
    #[error(
        "the clock is off, or the request was signed long before it was sent: X-Sdk-Date may differ by 15 minutes, and \
         is in UTC; sign every attempt again"
    )]
    Clock,
    /// The gateway knows no such access key.
    #[error("the gateway does not know the access key id (AK): it is misspelt, deleted, or of another site's account")]
    UnknownAccessKey,
    /// The access key is known and may not be used.
    #[error("the access key is disabled, or its account is frozen or restricted: see the console")]
    Disabled,
    /// A temporary key without its token, or after its end.
    #[error("the security token of a temporary access key is missing, wrong or expired: get a new one")]
    SecurityToken,
    /// No signature, or one of another form.
    #[error(
        "no signature of this scheme arrived: a proxy or redirect took the header Authorization away, or it is malformed"
    )]
    NoSignature,
    /// The access key is right, and not allowed to do this.
    #[error("the access key is right, and may not call this API: it has to be the seller account's own")]
    NotAllowed,
    /// Too many calls.
    #[error("too many calls: wait, and try again less often")]
    Throttled,
    /// No such address.
    #[error("no API has this host, method and path: compare them with the document, and the site with the account's")]
    NoSuchApi,
    /// The signature is another.
    #[error(
        "the gateway made another signature: either the secret (SK) differs, or what arrived is not what was signed"
    )]
    WrongSignature,
}

/// Phrases that name causes, in small letters; the first that stands there counts. All words of a phrase have to
/// occur.
const PHRASES: [(GatewayCause, &[&[&str]]); 10] = [
    (GatewayCause::Locked, &[&["locked"], &["lockout"], &["reach the limit"], &["too many", "fail"], &["锁定"]]),
    (
        GatewayCause::SecurityToken,
        &[
            &["security token"],
            &["security-token"],
            &["securitytoken"],
            &["token", "expire"],
            &["token", "invalid"],
            &["decrypt token"],
        ],
    ),
    (
        GatewayCause::Clock,
        &[
            &["x-sdk-date", "expired"],
            &["x-sdk-date", "old"],
            &["x-sdk-date", "ahead"],
            &["x-sdk-date", "invalid"],
            &["signature", "expire"],
            &["request", "expired"],
            &["clock"],
            &["server time"],
            &["skew"],
            &["time", "difference"],
            &["timestamp", "expire"],
            &["date", "expire"],
            &["15 min"],
            &["时间", "过期"],
            &["时钟"],
        ],
    ),
    (GatewayCause::Disabled, &[&["disabled"], &["inactive"], &["frozen"], &["suspended"], &["arrear"], &["禁用"]]),
    (
        GatewayCause::UnknownAccessKey,
        &[
            &["access key", "not"],
            &["accesskey", "not"],
            &["access", "not exist"],
            &["access", "not found"],
            &["access", "not correct"],
            &["ak ", "not"],
            &["invalid ak"],
            &["invalid access"],
            &["access key", "invalid"],
            &["no access key"],
            &["secretkey", "fail"],
            &["secret key", "fail"],
            &["unknown access"],
            &["app", "not found"],
            &["ak", "不存在"],
            &["访问密钥", "不存在"],
        ],
    ),
    (
        GatewayCause::NoSignature,
        &[
            &["x-auth-token", "not found"],
            &["authorization", "no "],
            &["authorization", "not found"],
            &["authorization", "missing"],
            &["authorization", "format"],
            &["authorization", "invalid"],
            &["authorization", "empty"],
            &["authorization", "not of the form"],
            &["signed header", "missing"],
            &["signedheaders"],
        ],
    ),
    (
        GatewayCause::WrongSignature,
        &[
            &["signature", "fail"],
            &["signature", "match"],
            &["signature", "wrong"],
            &["signature", "incorrect"],
            &["verify", "fail"],
            &["签名"],
        ],
    ),
    (
        GatewayCause::NotAllowed,
        &[&["not allowed"], &["denied"], &["forbidden"], &["not authorized"], &["no permission"], &["no authority"]],
    ),
    (GatewayCause::Throttled, &[&["throttl"], &["too many"], &["frequen"], &["flow control"]]),
    (GatewayCause::NoSuchApi, &[&["api", "not exist"], &["api", "not published"], &["api", "not found"]]),
];

/// By the four digits of the code, where the words say nothing.
const CODES: [(GatewayCause, &[&str]); 5] = [
    (GatewayCause::WrongSignature, &["0301", "0303", "0305"]),
    (GatewayCause::NotAllowed, &["0302", "0304", "0306", "0310"]),
    (GatewayCause::SecurityToken, &["0307"]),
    (GatewayCause::Throttled, &["0308"]),
    (GatewayCause::NoSuchApi, &["0101"]),
];

/// Reads the gateway's answer: its words first, then its code. `None` where neither is known.
///
/// If the answer holds a canonical request, [`aksk::diff_with_gateway`](crate::signature::aksk::diff_with_gateway)
/// finds more.
///
/// ```
/// use koogallery::signature::diagnosis::{GatewayCause, gateway_answer};
///
/// let answer = r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: the access key is locked"}"#;
/// assert_eq!(gateway_answer(answer), Some(GatewayCause::Locked));
/// assert_eq!(gateway_answer("{}"), None);
/// ```
pub fn gateway_answer(answer: &str) -> Option<GatewayCause> {
    // What the gateway prints of the request is not its own word.
    let words = answer.split("canonicalRequest").next().unwrap_or_default().to_lowercase();
    let is_said = |phrases: &[&[&str]]| phrases.iter().any(|phrase| phrase.iter().all(|word| words.contains(word)));
    let by_words = PHRASES.iter().find(|(_, phrases)| is_said(phrases)).map(|(cause, _)| *cause);
    let has_code = |code: &str| ["apigw.", "apig."].iter().any(|family| words.contains(&[family, code].concat()));
    let by_code = || CODES.iter().find(|(_, codes)| codes.iter().any(|code| has_code(code))).map(|(cause, _)| *cause);
    by_words.or_else(by_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_words() {
        use GatewayCause::*;
        let answer = |words: &str| format!(r#"{{"error_msg":"{words}","error_code":"APIGW.0301","request_id":"r1"}}"#);
        let iam = "Incorrect IAM authentication information: ";
        for (words, cause) in [
            ("verify aksk signature fail", WrongSignature),
            ("signature does not match", WrongSignature),
            ("x-sdk-date is expired", Clock),
            ("Signature expired", Clock),
            ("the signature has expired, the time difference is larger than 15 minutes", Clock),
            ("X-Sdk-Date is 1200 seconds old; 15 minutes are allowed, in UTC", Clock),
            ("AK access failed to reach the limit,forbidden", Locked),
            ("Get secretKey failed,ak:AK,err:ak not exist", UnknownAccessKey),
            ("app not found, appkey AK", UnknownAccessKey),
            ("signature expired, signature time:20250102T030405Z, server time:20250102T032500Z", Clock),
            ("your clock is 20 minutes off", Clock),
            ("x-auth-token not found", NoSignature),
            ("Access key is locked", Locked),
            ("AccessKey not found", UnknownAccessKey),
            ("the access key does not exist", UnknownAccessKey),
            ("AK not exist", UnknownAccessKey),
            ("there is no access key \\\"AK\\\"", UnknownAccessKey),
            ("the access key is disabled", Disabled),
            ("security token expired", SecurityToken),
            ("there is no Authorization header", NoSignature),
            ("Authorization not found", NoSignature),
            ("IAM user not allowed to call the API", NotAllowed),
            ("something new", WrongSignature),
        ] {
            assert_eq!(gateway_answer(&answer(words)), Some(cause), "{words}");
            assert_eq!(gateway_answer(&answer(&[iam, words].concat())), Some(cause), "{words}");
        }
        for (answer, cause) in [
            (r#"{"error_code":"APIG.0308","error_msg":""}"#, Some(Throttled)),
            (r#"{"error_code":"APIGW.0101"}"#, Some(NoSuchApi)),
            (r#"{"error_code":"APIGW.0304","error_msg":"x"}"#, Some(NotAllowed)),
            ("verify aksk signature fail, canonicalRequest:GET|/locked/|", Some(WrongSignature)),
            ("", None),
            ("<html>502 Bad Gateway</html>", None),
        ] {
            assert_eq!(gateway_answer(answer), cause, "{answer}");
        }
    }
}
