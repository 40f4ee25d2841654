//! The languages of the page.

mod chinese;

use std::borrow::Cow;

use clap::ValueEnum;
use http::header::{ACCEPT_LANGUAGE, COOKIE};
use http::request::Parts;
use koogallery::query::{Plus, raw_pairs};

/// The cookie that keeps the choice of a language.
pub const COOKIE_NAME: &str = "koogallery_lang";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    #[default]
    #[value(name = "en")]
    English,
    #[value(name = "zh")]
    Chinese,
}

impl Lang {
    /// Returns the language of a request: that of `lang` in the query, of the cookie, or the one that the browser prefers.
    pub fn of(head: &Parts) -> Self {
        let preferred = || {
            let accepted = head.headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
            accepted.split(',').find_map(|language| Self::tagged(language.split(';').next()?.trim()))
        };
        let kept = || cookie(head, COOKIE_NAME).and_then(Self::tagged);
        Self::chosen(head).or_else(kept).or_else(preferred).unwrap_or_default()
    }

    /// Returns the language that the query chooses.
    pub fn chosen(head: &Parts) -> Option<Self> {
        let pair = raw_pairs(head.uri.query()?).find(|pair| pair.name == "lang")?;
        Self::tagged(&pair.decoded_value(Plus::Space)?)
    }

    fn tagged(tag: &str) -> Option<Self> {
        match tag.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => Some(Self::Chinese),
            Some("en") => Some(Self::English),
            _ => None,
        }
    }

    /// Returns the tag for HTML and for `lang`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Returns the text in this language.
    pub const fn of_two<'t>(self, english: &'t str, chinese: &'t str) -> &'t str {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// Returns a text of the library or the simulator in this language.
    pub fn say(self, english: &str) -> Cow<'_, str> {
        match self {
            Self::English => english.into(),
            Self::Chinese => chinese::chinese(english).into(),
        }
    }

    /// Returns texts line by line in this language.
    pub fn say_lines(self, english: &str) -> String {
        english.split('\n').map(|line| self.say(line)).collect::<Vec<_>>().join("\n")
    }
}

/// Returns the value of a cookie.
pub fn cookie<'h>(head: &'h Parts, name: &str) -> Option<&'h str> {
    let cookies = head.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn the_query_counts_more_than_the_cookie_and_that_more_than_the_browser() {
        let lang = |query: &str, cookies: &str, accepted: &str| {
            let request = Request::get(format!("/_marketplace{query}"));
            let request = request.header("cookie", cookies).header("accept-language", accepted).body(()).unwrap();
            Lang::of(&request.into_parts().0)
        };
        assert_eq!(lang("", "", "zh-CN,zh;q=0.9,en;q=0.8"), Lang::Chinese);
        assert_eq!(lang("", "", "de, en;q=0.5, zh;q=0.1"), Lang::English);
        assert_eq!(lang("", "", "de"), Lang::English);
        assert_eq!(lang("", "a=b; koogallery_lang=zh-CN", "en"), Lang::Chinese);
        assert_eq!(lang("?lang=en", "koogallery_lang=zh-CN", "zh"), Lang::English);
        assert_eq!(lang("?lang=%e4%b8%ad", "koogallery_lang=x", "zh"), Lang::Chinese);
    }
}
