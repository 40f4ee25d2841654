//! Headers that the gateway adds to a buyer's call.

use http::HeaderMap;

use crate::redact::Sensitive;
use crate::wire::{FieldProblem, ParseError};

/// The headers that the gateway adds. They are **not signed**: without the gateway's JWT they can be forged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GatewayHeaders {
    /// The call, a UUID (`X-Request-Id`).
    pub request_id: String,
    /// The buyer's domain id (`X-Customer-Id`).
    pub customer_id: String,
    /// The buyer's domain name (`X-Customer-Name`), read as UTF-8: how other characters than ASCII travel is not
    /// stated.
    pub customer_name: Option<Sensitive>,
}

impl GatewayHeaders {
    /// Reads them from a request.
    ///
    /// # Errors
    ///
    /// Request or customer id is missing or no text, or a header stands twice.
    pub fn read(headers: &HeaderMap) -> Result<Self, ParseError> {
        Ok(Self {
            request_id: mandatory(headers, "X-Request-Id")?,
            customer_id: mandatory(headers, "X-Customer-Id")?,
            customer_name: optional(headers, "X-Customer-Name")?
                .map(|name| String::from_utf8_lossy(name).into_owned().into()),
        })
    }
}

fn mandatory(headers: &HeaderMap, field: &'static str) -> Result<String, ParseError> {
    let problem = |problem| ParseError::of_field(field, problem);
    let value = optional(headers, field)?.ok_or_else(|| problem(FieldProblem::Missing))?;
    String::from_utf8(value.to_vec()).map_err(|_| problem(FieldProblem::NotA("text")))
}

/// A value that is there and not empty. Of two the gateway made one, and the buyer perhaps the other.
fn optional<'h>(headers: &'h HeaderMap, field: &'static str) -> Result<Option<&'h [u8]>, ParseError> {
    let mut values = headers.get_all(field).iter().map(http::HeaderValue::as_bytes);
    let value = values.next().filter(|value| !value.is_empty());
    match values.next() {
        Some(_) => Err(ParseError::of_field(field, FieldProblem::NotA("a single value"))),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes())));
        pairs.fold(HeaderMap::new(), |mut headers, (name, value): (http::HeaderName, _)| {
            headers.append(name, value.unwrap());
            headers
        })
    }

    #[test]
    fn the_documented_headers_are_read() {
        let added = GatewayHeaders::read(&headers(&[
            ("x-request-id", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            ("x-customer-id", "0123456789abcdef"),
            ("x-customer-name", "示例企业"),
        ]));
        let added = added.unwrap();
        assert_eq!(added.customer_id, "0123456789abcdef");
        assert_eq!(added.customer_name.as_ref().unwrap().expose(), "示例企业");
        assert!(!format!("{added:?}").contains("示例企业"));
    }

    #[test]
    fn a_missing_or_repeated_id_is_refused() {
        let (request, customer) = (("x-request-id", "r"), ("x-customer-id", "c"));
        assert!(GatewayHeaders::read(&headers(&[request, customer])).unwrap().customer_name.is_none());
        for bad in [&[request][..], &[customer], &[request, ("x-customer-id", "")], &[request, customer, customer]] {
            assert!(GatewayHeaders::read(&headers(bad)).is_err(), "{bad:?}");
        }
    }
}
