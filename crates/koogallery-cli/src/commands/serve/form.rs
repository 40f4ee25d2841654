//! A form, as sent by browsers and `curl -d`.

use koogallery::query::{self, Plus};

use crate::support::order_line::OrderLine;

/// Names and values; empty values count as absent.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form, which may have these fields only, each once.
    pub fn parse(body: &[u8], known: &[&str]) -> Result<Self, String> {
        let text = str::from_utf8(body).map_err(|_| "the form is not UTF-8")?;
        let pairs =
            query::raw_pairs(text).filter(|pair| !(pair.name.is_empty() && pair.value.is_empty())).map(|pair| {
                let bad = || format!("{}={} is not UTF-8", pair.name, pair.value);
                let name = pair.decoded_name(Plus::Space).ok_or_else(bad)?;
                let value = pair.decoded_value(Plus::Space).ok_or_else(bad)?;
                Ok((name.trim().to_owned(), value.into_owned()))
            });
        let form = Self(pairs.collect::<Result<_, String>>()?);
        for (index, (name, _)) in form.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!("unknown field {name:?}; known are {known}"));
            }
            if form.0[..index].iter().any(|(other, _)| other == name) {
                return Err(format!("{name} is repeated"));
            }
        }
        Ok(form)
    }

    /// Returns a form of these fields.
    pub fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// Returns the form with another field.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns a text as it was written.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// Returns a number.
    pub fn number(&self, name: &str) -> Result<Option<u32>, String> {
        self.get(name).map(|text| text.parse().map_err(|_| format!("{name} is not a number"))).transpose()
    }

    /// Returns whether a box is checked.
    pub fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true" | "on") => Ok(true),
            Some(_) => Err(format!("{name} must be true or false")),
        }
    }

    pub fn order_line(&self) -> Result<OrderLine, String> {
        let text = |name| self.get(name).map(str::to_owned);
        Ok(OrderLine {
            product: text("product"),
            mode: text("mode"),
            period: text("period"),
            amount: self.number("amount")?,
            quota: text("quota"),
            count: self.number("count")?,
            needs_package: self.flag("needs_package")?,
            customer: text("customer"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["period", "product", "amount", "x"];

    #[test]
    fn forms_are_decoded_once() {
        let form = Form::parse("period=1+year&product=%E4%B8%AD%252B&amount=&x".as_bytes(), &KNOWN).unwrap();
        assert_eq!((form.get("period"), form.get("product")), (Some("1 year"), Some("中%2B")));
        assert_eq!((form.get("amount"), form.get("x"), form.get("y")), (None, None, None));
        assert!(Form::parse(b"", &[]).is_ok());
    }

    #[test]
    fn what_is_no_form_says_why() {
        for (form, why) in [
            (&b"x=%ff"[..], "x=%ff is not UTF-8"),
            (b"\xff", "the form is not UTF-8"),
            (b"foo=1", "unknown field \"foo\"; known are period, product, amount, x"),
            (b"x=1&x=1", "x is repeated"),
        ] {
            assert_eq!(Form::parse(form, &KNOWN).err().as_deref(), Some(why));
        }
        assert!(Form::parse(b"amount=many", &KNOWN).unwrap().order_line().is_err());
        assert!(Form::parse(b"needs_package=maybe", &["needs_package"]).unwrap().order_line().is_err());
    }
}
