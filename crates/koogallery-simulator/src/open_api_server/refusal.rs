//! The documented codes, each with its HTTP status and text.

use http::StatusCode;

/// A documented code, and the reason in the server's own words.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(code: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into() }
    }

    pub(super) fn is_of_gateway(&self) -> bool {
        self.code.starts_with("APIG")
    }

    /// Status and text. Undocumented codes are answered with HTTP 500.
    pub(super) fn documented(&self) -> (StatusCode, &'static str) {
        let (status, text) = match self.code.as_str() {
            "MKT.0100" | "CBC.0100" => (500, "Failure of input parameter"),
            "MKT.0101" | "CBC.0101" => (400, "Invalid parameter"),
            "MKT.0102" => (400, "Invalid body sign"),
            "MKT.0199" | "CBC.0199" => (400, "Request parameter error"),
            "MKT.0150" => (401, "Illegal operation"),
            "CBC.0150" => (403, "Illegal operation"),
            "MKT.0151" => (401, "No authority"),
            "MKT.0154" => (401, "Illegal token"),
            "MKT.0250" => (406, "Access frequency overlimit"),
            "MKT.0999" | "CBC.0999" => (500, "System internal error"),
            "MKT.9001" => (500, "Instance ID not found"),
            "MKT.9002" => (500, "Invalid usage enties"),
            "MKT.9003" => (500, "Usage records extends size limit"),
            "MKT.9004" => (500, "Record beginTime extends Limit"),
            "94060001" => (500, "System error!"),
            "94060002" => (401, "Authentication failed"),
            "94060010" => (200, "Isv status invalid"),
            "94060999" => (200, "Failed"),
            "92020001" => (200, "internal error"),
            "92020002" => (200, "invalid param"),
            "92020003" => (200, "illegal state"),
            "92020004" => (200, "can not active before user received"),
            "92020005" => (200, "license code notexist"),
            "92020011" => (200, "license code has been not activated"),
            "92020020" => (200, "Invalid license code exists"),
            "91381033" => (200, "License resource invalid"),
            "91381034" => (200, "license apply invalid"),
            "91381035" => (200, "license period has no remain amount"),
            "91381036" => (200, "inner error"),
            "91381037" => (200, "Invalid license format."),
            "91381038" => (200, "License apply has been denied."),
            "91380150" => (200, "Role permission denied"),
            "95000001" => (400, "req param is invalid"),
            "95000002" => (405, "Request method not supported"),
            "95000003" => (415, "Content type not supported"),
            "95000004" => (400, "req message is not readable"),
            code => match code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG.")) {
                Some(digits) => gateway(digits),
                None => (500, "Unknown"),
            },
        };
        (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), text)
    }
}

fn gateway(digits: &str) -> (u16, &'static str) {
    match digits {
        "0101" => (404, "The API does not exist or has not been published in the environment"),
        "0103" => (404, "The backend does not exist"),
        "0104" | "0105" | "0106" | "0204" | "0205" | "0602" | "0607" | "1009" => (400, "Bad request"),
        "0201" => (413, "Request entity too large"),
        "0202" | "0610" => (502, "Backend unavailable"),
        "0203" => (504, "Backend timeout"),
        "0301" => (401, "Incorrect IAM authentication information"),
        "0303" => (401, "Incorrect app authentication information"),
        "0305" => (401, "Incorrect authentication information"),
        "0307" | "0311" | "0312" | "0313" | "1001" | "1002" | "1003" | "1004" => (401, "Authentication expired"),
        "0308" => (429, "The throttling threshold has been reached"),
        "0302" | "0304" | "0306" | "0310" | "0314" | "0401" | "0402" | "0404" | "0405" | "0802" => {
            (403, "Access denied")
        }
        "0501" => (405, "The app quota has been used up"),
        "0502" => (405, "The app has been frozen"),
        "0613" => (503, "The IAM service is unavailable"),
        _ => (500, "Internal server error"),
    }
}
