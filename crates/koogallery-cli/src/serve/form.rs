//! A form, as browsers and `curl -d` send it.

use percent_encoding::percent_decode_str;

use crate::goods::Goods;

/// Names and values; what is empty counts as left out.
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(body).map_err(|_| "the form is not UTF-8")?;
        let decoded = |text: &str| {
            let spaced = text.replace('+', " ");
            let decoded = percent_decode_str(&spaced).decode_utf8().map(|text| text.trim().to_owned());
            decoded.map_err(|_| format!("{text:?} is not UTF-8"))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        pairs.collect::<Result<_, String>>().map(Self)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub fn goods(&self) -> Result<Goods, String> {
        let text = |name| self.get(name).map(str::to_owned);
        let amount = self.get("amount").map(|amount| amount.parse().map_err(|_| "amount is no number".to_owned()));
        Ok(Goods { product: text("product"), mode: text("mode"), period: text("period"), amount: amount.transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_once() {
        let form = Form::parse("period=1+year&product=%E4%B8%AD%252B&amount=&x".as_bytes()).unwrap();
        assert_eq!((form.get("period"), form.get("product")), (Some("1 year"), Some("中%2B")));
        assert_eq!((form.get("amount"), form.get("x"), form.get("y")), (None, None, None));
        assert!(Form::parse(b"a=%ff").is_err());
        assert!(Form::parse(b"\xff").is_err());
        assert!(Form::parse(b"amount=many").unwrap().goods().is_err());
    }
}
