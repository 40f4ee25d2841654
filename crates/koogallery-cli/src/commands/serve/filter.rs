//! Which entries of the logs are shown.

use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use koogallery::query::{Plus, push_pair, raw_pairs};
use koogallery_simulator::{Attempt, OpenApiCall};

use super::events::{is_wrong_call, is_wrong_request};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    #[default]
    Any,
    Right,
    Wrong,
}

/// Names of verdicts in queries, in English and in Chinese.
pub const VERDICTS: [(&str, &str, &str); 2] = [("right", "confirmed", "成功"), ("wrong", "refused or failed", "失败")];

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Right => VERDICTS[0].0,
            Self::Wrong => VERDICTS[1].0,
        }
    }

    fn takes(self, is_wrong: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Right => !is_wrong,
            Self::Wrong => is_wrong,
        }
    }
}

/// A filter, as a query. Requests to the open APIs have no profile and no activity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub profile: Option<Protocol>,
    pub activity: Option<Activity>,
    pub verdict: Verdict,
    /// A text that the entry contains, such as the id of an instance.
    pub contains: String,
}

impl Filter {
    /// Reads a query; what cannot be read filters nothing.
    pub fn read(query: Option<&str>) -> Self {
        let value = |name: &str| {
            let pair = raw_pairs(query.unwrap_or_default()).find(|pair| pair.name == name)?;
            pair.decoded_value(Plus::Space).map(|value| value.trim().to_owned())
        };
        let verdict = value("verdict").unwrap_or_default();
        Self {
            profile: value("profile").and_then(|name| name.parse().ok()),
            activity: value("activity").and_then(|name| name.parse().ok()),
            verdict: [Verdict::Right, Verdict::Wrong].into_iter().find(|it| it.name() == verdict).unwrap_or_default(),
            contains: value("contains").unwrap_or_default(),
        }
    }

    /// Returns the query that is read as this filter, to be appended to another.
    pub fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in [
            ("profile", self.profile.map_or("", Protocol::id)),
            ("activity", self.activity.map_or("", Activity::as_str)),
            ("verdict", self.verdict.name()),
            ("contains", &self.contains),
        ] {
            if !value.is_empty() {
                push_pair(&mut query, name, value);
            }
        }
        if query.is_empty() { query } else { format!("&{query}") }
    }

    pub fn takes_call(&self, attempt: &Attempt) -> bool {
        let exchange = &attempt.exchange;
        self.profile.is_none_or(|profile| profile == attempt.protocol)
            && self.activity.is_none_or(|activity| activity == attempt.activity)
            && self.verdict.takes(is_wrong_call(attempt))
            && [&exchange.target, &exchange.request_body, &exchange.answer_body].iter().any(|text| self.is_in(text))
    }

    pub fn takes_request(&self, call: &OpenApiCall) -> bool {
        let records = call.records.iter().map(|record| &record.instance_id);
        self.profile.is_none()
            && self.activity.is_none()
            && self.verdict.takes(is_wrong_request(call))
            && records.chain([&call.request, &call.about]).any(|text| self.is_in(text))
    }

    fn is_in(&self, text: &str) -> bool {
        text.contains(&self.contains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_as_it_was_written() {
        let filter = Filter::read(Some("profile=saas-v1&activity=newInstance&verdict=wrong&contains=a+%26+%E4%B8%AD"));
        assert_eq!((filter.profile, filter.activity), (Some(Protocol::SaasV1), Some(Activity::NewInstance)));
        assert_eq!((filter.verdict, &*filter.contains), (Verdict::Wrong, "a & 中"));
        assert_eq!(Filter::read(filter.query().strip_prefix('&')), filter);
        assert_eq!(Filter::read(Some("profile=x&activity=&verdict=x")), Filter::default());
        assert_eq!(Filter::default().query(), "");
    }
}
