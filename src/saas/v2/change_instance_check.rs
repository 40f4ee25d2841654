//! `changeInstanceCheck` (续费变更校验): marketplace to seller, `POST` to the production address. SaaS access guide V2.0,
//! "verify a change upon renewal" (China 2025-11-13, international 2025-09-28; not in Europe).

pub use crate::saas::Acknowledgement as Response;
use crate::text::json;
use crate::wire::{FieldProblem, FieldValue, Fields, OutgoingValue, RawField, message};

message! {
    /// May the instance change to the target product at its renewal? A question only: nothing may be changed. A refusal
    /// is any code but `000000`, with the reason as its text.
    pub struct Request is ChangeInstanceCheck;
    mandatory {
        /// The instance.
        instance_id: String = "instanceId", 64;
        /// The target product.
        product_info: ProductInfo = "productInfo", 0;
    }
    optional {}
}

/// The target product of a change.
///
/// The documents name the field but not its members (unverified): an object, an array of objects, or either as JSON text
/// in a string is taken, and the value is kept as received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProductInfo {
    /// The products found in it; one where an object was sent.
    pub products: Vec<TargetProduct>,
    /// The JSON text as received.
    pub raw: String,
}

/// What is probably told of one target product; every member is a guess by analogy with the order query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetProduct {
    /// `productId`.
    pub product_id: Option<String>,
    /// `skuCode`.
    pub sku_code: Option<String>,
    /// `linearValue`: the quantity.
    pub linear_value: Option<u32>,
    /// `productName`.
    pub product_name: Option<String>,
}

const EXPECTED: FieldProblem = FieldProblem::NotA("a product object, a list of them, or their JSON text");

impl ProductInfo {
    /// Reads the JSON text of an object or of an array of objects.
    ///
    /// # Errors
    ///
    /// It is neither, or a known member has another type.
    pub fn from_json(text: &str) -> Result<Self, FieldProblem> {
        let products = json::objects(text)
            .map_err(|_| EXPECTED)?
            .into_iter()
            .map(TargetProduct::from_json)
            .collect::<Result<_, _>>()?;
        Ok(Self { products, raw: text.to_owned() })
    }
}

impl TargetProduct {
    fn from_json(object: &str) -> Result<Self, FieldProblem> {
        let mut fields = Fields::from_json(object.as_bytes()).map_err(|_| EXPECTED)?;
        let mut read = || {
            Ok::<_, crate::wire::ParseError>(Self {
                product_id: fields.optional("productId", 64)?,
                sku_code: fields.optional("skuCode", 64)?,
                linear_value: fields.optional("linearValue", 10)?,
                product_name: fields.optional("productName", 1024)?,
            })
        };
        read().map_err(|_| EXPECTED)
    }
}

impl FieldValue for ProductInfo {
    fn read(raw: RawField<'_>, _max: usize) -> Result<Self, FieldProblem> {
        match raw {
            RawField::Text(text) => Self::from_json(&text),
            RawField::Json(json) => Self::from_json(json),
        }
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Json(self.raw.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_likely_form_is_read() {
        let object = r#"{"linearValue":5,"productId":"P","skuCode":"S","odd":{"a":[1]}}"#;
        let text = serde_json::Value::from(object).to_string();
        for form in [RawField::Json(object), RawField::Text(object.into()), RawField::Json(&format!("[{object}]"))] {
            let info = ProductInfo::read(form, 0).unwrap();
            assert_eq!(info.products[0].product_id.as_deref(), Some("P"));
            assert_eq!(info.products[0].linear_value, Some(5));
        }
        assert!(ProductInfo::from_json(&text).is_err(), "a string within a string is no product");
        for bad in [
            "",
            "5",
            "[5]",
            "{\"productId\":{}}",
            "{\"a\":1,\"a\":2}",
            &format!("{}{}", "[".repeat(200), "]".repeat(200)),
        ] {
            assert!(ProductInfo::from_json(bad).is_err(), "{bad}");
        }
    }
}
