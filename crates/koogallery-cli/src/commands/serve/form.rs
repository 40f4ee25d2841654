//! A form, as sent by browsers and `curl -d`.

use koogallery::query::{self, Plus};

use crate::support::order_line::OrderLine;

/// Names and values; empty values count as absent.
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(body).map_err(|_| "the form is not UTF-8")?;
        let pairs = query::raw_pairs(text).map(|pair| {
            let bad = || format!("{}={} is not UTF-8", pair.name, pair.value);
            let name = pair.decoded_name(Plus::Space).ok_or_else(bad)?;
            let value = pair.decoded_value(Plus::Space).ok_or_else(bad)?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        });
        pairs.collect::<Result<_, String>>().map(Self)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub fn order_line(&self) -> Result<OrderLine, String> {
        let text = |name| self.get(name).map(str::to_owned);
        let amount = self.get("amount").map(|amount| amount.parse().map_err(|_| "amount is not a number".to_owned()));
        Ok(OrderLine {
            product: text("product"),
            mode: text("mode"),
            period: text("period"),
            amount: amount.transpose()?,
        })
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
        assert!(Form::parse(b"amount=many").unwrap().order_line().is_err());
    }
}
