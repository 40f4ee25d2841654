//! `changeInstanceCheck` (续费变更校验): marketplace to seller, `POST` to the production address. SaaS access guide V2.0,
//! "verify a change upon renewal" (China 2026-01-06, international 2025-09-28; not in Europe).

pub use crate::saas::Acknowledgement as Response;
use crate::wire::{
    FieldKind, FieldProblem, Fields, Members, OutgoingFields, OutgoingValue, Part, RawField, ReadField, UnknownFields,
    Warnings, WriteField, message, part, prefix_paths, shaped,
};

message! {
    /// Checks whether the instance may change to the target product at its renewal; nothing may be changed. A refusal
    /// is any code but `000000`, with the reason as its text.
    #[doc(alias = "changeInstanceCheck")]
    #[doc(alias = "续费变更校验")]
    pub struct Request is ChangeInstanceCheck;
    mandatory {
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The target product: one object by the document. A list, of one or of several, and JSON text are taken as
        /// well.
        product_info: TargetProducts = effect "productInfo", 0;
    }
    optional {}
}

part! {
    /// The product to which an instance is to change (`productInfo`).
    ///
    /// The document of 2026-01-06 calls all members but [`linear_value`](TargetProduct::linear_value) mandatory; older
    /// senders may leave any of them out (unverified).
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct TargetProduct {
        /// Target product, one id per period type under one specification; at most 64 characters.
        ///
        /// `productId`, mandatory by the document.
        product_id: String = information "productId", 64;
        /// Target specification, which stays when only the period type changes; at most 64 characters.
        ///
        /// `skuCode`, mandatory by the document.
        sku_code: String = information "skuCode", 64;
        /// Name of the product, at most 64 characters.
        ///
        /// `productName`, mandatory by the document.
        product_name: String = information "productName", 64;
        /// Quantity that the customer chose, for products with a quantity.
        ///
        /// `linearValue`, optional.
        linear_value: u32 = information "linearValue", 10;
        ..
        /// Members that no table lists, and those that could not be read; kept as received.
        unknown: UnknownFields;
    }
}

impl TargetProduct {
    /// Returns a product without a quantity.
    pub fn new(product_id: impl Into<String>, sku_code: impl Into<String>, product_name: impl Into<String>) -> Self {
        Self {
            product_id: Some(product_id.into()),
            sku_code: Some(sku_code.into()),
            product_name: Some(product_name.into()),
            ..Self::default()
        }
    }

    fn parse(object: &str, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let members = Members::from_json(object.as_bytes()).map_err(|_| EXPECTED)?;
        let mut fields = Fields::new(&members);
        let product = <Self as Part>::read(&mut fields).map_err(|_| EXPECTED)?;
        let (unknown, noted) = fields.rest();
        warnings.extend(noted);
        Ok(Self { unknown, ..product })
    }

    fn write(&self) -> String {
        let mut fields = OutgoingFields::default();
        fields.push_optional("productId", self.product_id.as_ref());
        fields.push_optional("skuCode", self.sku_code.as_ref());
        if let Some(value) = self.linear_value {
            fields.push_value("linearValue", OutgoingValue::Json(value.to_string()));
        }
        fields.push_optional("productName", self.product_name.as_ref());
        fields.push_unknown(&self.unknown);
        fields.into_object()
    }
}

/// The target product; several only where a sender lists several, of which no document knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetProducts {
    /// The product.
    pub product: TargetProduct,
    /// Further products of a list.
    pub more: Vec<TargetProduct>,
}

impl From<TargetProduct> for TargetProducts {
    fn from(product: TargetProduct) -> Self {
        Self { product, more: Vec::new() }
    }
}

const EXPECTED: FieldProblem = FieldProblem::NotA("a product object, a list of them, or their JSON text");

shaped! { TargetProducts = FieldKind::Object(TargetProduct::FIELDS); }

impl ReadField for TargetProducts {
    fn read(raw: RawField<'_>, _: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let is_list = raw.structure().is_some_and(|json| json.trim_start().starts_with('['));
        let products = raw.elements(|elements| {
            let product = |(index, element): (usize, &str)| {
                let first = warnings.len();
                let object = RawField::json(element);
                let product = TargetProduct::parse(&object.structure().ok_or(EXPECTED)?, warnings)?;
                prefix_paths(warnings, first, &if is_list { format!("[{index}].") } else { ".".to_owned() });
                Ok(product)
            };
            elements.into_iter().enumerate().map(product).collect::<Result<Vec<_>, _>>()
        });
        let mut products = products.ok_or(EXPECTED)??.into_iter();
        let product = products.next().ok_or(EXPECTED)?;
        Ok(Self { product, more: products.collect() })
    }
}

impl WriteField for TargetProducts {
    fn write(&self) -> OutgoingValue {
        if self.more.is_empty() {
            return OutgoingValue::Json(self.product.write());
        }
        let products: Vec<_> = std::iter::once(&self.product).chain(&self.more).map(TargetProduct::write).collect();
        OutgoingValue::Json(format!("[{}]", products.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: RawField<'_>) -> Result<(TargetProducts, Vec<String>), FieldProblem> {
        let mut warnings = Vec::new();
        let products = TargetProducts::read(raw, 0, &mut warnings)?;
        Ok((products, warnings.into_iter().map(|warning| warning.path).collect()))
    }

    #[test]
    fn every_likely_form_is_read() {
        let object = r#"{"linearValue":5.0,"productId":123,"skuCode":"S","productName":"N","odd":{"a":[1]}}"#;
        let text = serde_json::Value::from(object).to_string();
        let listed = format!("[{object}]");
        for form in [
            RawField::Json(object),
            RawField::Text(object.into()),
            RawField::Text(text.as_str().into()),
            RawField::Json(&listed),
            RawField::Text(listed.as_str().into()),
            RawField::Json(&format!("[{text}]")),
        ] {
            let (products, warnings) = read(form.clone()).unwrap();
            let product = &products.product;
            assert_eq!((product.product_id.as_deref(), product.linear_value), (Some("123"), Some(5)), "{form:?}");
            assert_eq!(product.unknown.get("odd"), Some(r#"{"a":[1]}"#));
            assert!(warnings.is_empty() && products.more.is_empty());
        }
    }

    #[test]
    fn odd_members_are_absent_and_named() {
        let odd = r#"{"productId":{},"linearValue":"many","skuCode":null}"#;
        let (products, warnings) = read(RawField::Json(odd)).unwrap();
        let product = products.product;
        assert_eq!((&product.product_id, product.linear_value, &product.sku_code), (&None, None, &None));
        assert_eq!(product.unknown.get("productId"), Some("{}"));
        assert_eq!(warnings, [".productId", ".linearValue"]);
        let (products, warnings) = read(RawField::Json(r#"[{"productId":"A"},{"linearValue":-1}]"#)).unwrap();
        assert_eq!((products.more.len(), warnings), (1, vec!["[1].linearValue".to_owned()]));
    }

    #[test]
    fn what_is_no_product_is_refused() {
        for bad in ["5", "[5]", "[]", "true", &format!("{}{}", "[".repeat(200), "]".repeat(200))] {
            assert!(read(RawField::Json(bad)).is_err(), "{bad}");
            assert!(read(RawField::Text(bad.into())).is_err(), "{bad}");
        }
    }
}
