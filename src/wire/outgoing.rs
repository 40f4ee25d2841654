//! Requests on their way out, as the marketplace would send them; for tests and simulators.

use super::fields::WriteField;
use super::unknown::UnknownFields;
use super::values::TestFlag;
use crate::activity::Activity;
use crate::query;
use crate::text::json;

pub(crate) enum OutgoingValue {
    Text(String),
    Json(String),
}

/// Named values of a message or of an object in it.
#[derive(Default)]
pub(crate) struct OutgoingFields(Vec<(String, OutgoingValue)>);

impl OutgoingFields {
    pub(crate) fn push(&mut self, name: &str, value: &impl WriteField) {
        self.push_value(name, value.write());
    }

    pub(crate) fn push_optional(&mut self, name: &str, value: Option<&impl WriteField>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    pub(crate) fn push_value(&mut self, name: &str, value: OutgoingValue) {
        self.0.push((name.to_owned(), value));
    }

    pub(crate) fn push_unknown(&mut self, unknown: &UnknownFields) {
        for field in unknown.iter() {
            let value = field.value.clone();
            self.push_value(
                &field.name,
                if field.json { OutgoingValue::Json(value) } else { OutgoingValue::Text(value) },
            );
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A JSON object with its members as they were pushed.
    pub(crate) fn into_object(self) -> String {
        let members = self.0.iter().map(|(name, value)| {
            let value = match value {
                OutgoingValue::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
                OutgoingValue::Json(json) => json.clone(),
            };
            format!("{}:{value}", serde_json::Value::from(name.as_str()))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn into_canonical_object(self) -> String {
        let object = self.into_object();
        // What cannot be canonical (invalid JSON handed in by the caller) goes out as it is.
        json::canonical(object.as_bytes()).unwrap_or(object)
    }
}

/// A whole message.
pub(crate) struct Outgoing {
    activity: Activity,
    test_flag: TestFlag,
    fields: OutgoingFields,
}

impl Outgoing {
    pub(crate) fn new(activity: Activity, test_flag: TestFlag, fields: OutgoingFields) -> Self {
        Self { activity, test_flag, fields }
    }

    /// Says in production calls too that they are.
    pub(crate) fn with_test_flag(mut self) -> Self {
        if self.test_flag == TestFlag::Production {
            self.fields.push("testFlag", &self.test_flag);
        }
        self
    }

    /// A percent-encoded query string that names the activity.
    pub(crate) fn into_query(self) -> String {
        let mut query = String::new();
        for (name, value) in self.with_activity().0 {
            let (OutgoingValue::Text(text) | OutgoingValue::Json(text)) = value;
            query::push_pair(&mut query, &name, &text);
        }
        query
    }

    /// A compact JSON object with its members in ascending order, the activity among them.
    pub(crate) fn into_body_with_activity(self) -> String {
        self.with_activity().into_canonical_object()
    }

    /// The same where the path names the activity, and flags are numbers that are always there.
    pub(crate) fn into_body(mut self) -> String {
        self.fields.push_value("testFlag", OutgoingValue::Json(self.test_flag.as_str().to_owned()));
        self.fields.into_canonical_object()
    }

    fn with_activity(self) -> OutgoingFields {
        let mut fields = OutgoingFields::default();
        fields.push_value("activity", OutgoingValue::Text(self.activity.as_str().to_owned()));
        fields.0.extend(self.fields.0);
        if self.test_flag != TestFlag::Production {
            fields.push("testFlag", &self.test_flag);
        }
        fields
    }
}
