//! The forms in which an answer to a usage push may list the refused records.

use std::fmt;

use serde_json::{Value, json};

use koogallery::open_api::push_usage::RecordCode;

/// Form in which an answer to a usage push lists the refused records. The documents name the list
/// `abnormal_usage_data`, but not its place or the content of its elements, so a seller has to handle every form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalForm {
    /// `data` holds `abnormal_usage_data`: the likely form, and the default.
    #[default]
    Nested,
    /// The same, some levels deeper and beside another list.
    Deep,
    /// `abnormal_usage_data` is beside the code.
    TopLevel,
    /// `data` is the list.
    Data,
    /// The list is beside the code under another name.
    OtherName,
    /// The list is in `data` under another name.
    OtherNameInData,
    /// `data` is a string that contains the JSON.
    JsonText,
    /// A list of one is its element alone.
    OneAsObject,
    /// All codes are numbers, without leading zeros.
    NumericCodes,
    /// All codes are surrounded by spaces.
    PaddedCodes,
    /// All names are in camel case.
    CamelCase,
    /// The code of the answer is that of a success.
    UnderSuccess,
    /// Elements have a code, but nothing that identifies the record.
    NoNames,
    /// Elements have no code.
    NoCodes,
    /// Elements are texts.
    Texts,
    /// The list is empty.
    EmptyList,
    /// There is no list.
    NoList,
}

/// A refused record: number, instance and code.
pub(super) struct Refused {
    pub(super) metering_sn: Value,
    pub(super) instance_id: Value,
    pub(super) code: String,
}

impl Refused {
    pub(super) fn meaning(&self) -> &'static str {
        RecordCode::new(&self.code).meaning().0
    }

    fn element(&self) -> Value {
        json!({
            "metering_sn": self.metering_sn,
            "instance_id": self.instance_id,
            "error_code": self.code,
            "error_msg": self.meaning(),
        })
    }
}

impl RefusalForm {
    /// All forms.
    pub const ALL: [Self; 17] = [
        Self::Nested,
        Self::Deep,
        Self::TopLevel,
        Self::Data,
        Self::OtherName,
        Self::OtherNameInData,
        Self::JsonText,
        Self::OneAsObject,
        Self::NumericCodes,
        Self::PaddedCodes,
        Self::CamelCase,
        Self::UnderSuccess,
        Self::NoNames,
        Self::NoCodes,
        Self::Texts,
        Self::EmptyList,
        Self::NoList,
    ];

    /// Returns whether an answer in this form identifies the result of each of several records.
    pub fn is_clear(self) -> bool {
        !matches!(self, Self::NoNames | Self::NoCodes | Self::Texts | Self::EmptyList | Self::NoList)
    }

    /// Returns whether the answer identifies the result of each of this many records.
    pub(super) fn identifies(self, records: usize) -> bool {
        self.is_clear() || (self == Self::NoNames && records == 1)
    }

    /// Returns the code of an answer with refused records.
    pub(super) fn code(self) -> &'static str {
        if self == Self::UnderSuccess { "MKT.0000" } else { "94060999" }
    }

    /// Returns the body of an answer that refuses these records.
    pub(super) fn body(self, refused: &[Refused]) -> Value {
        let list: Vec<Value> = refused.iter().map(|refused| self.element(refused)).collect();
        let mut body = json!({"error_code": self.code(), "error_msg": "Failed"});
        let (name, value) = match self {
            Self::TopLevel => ("abnormal_usage_data", json!(list)),
            Self::Data => ("data", json!(list)),
            Self::OtherName => ("error_list", json!(list)),
            Self::OtherNameInData => ("data", json!({"total": list.len(), "records": list})),
            Self::Deep => {
                let info = json!({"abnormal_usage_data": list});
                ("data", json!({"items": [{"name": "usage"}], "result": {"detail": [{"info": info}]}}))
            }
            Self::JsonText => ("data", json!({"abnormal_usage_data": list}).to_string().into()),
            Self::OneAsObject => {
                let one = if let [one] = &list[..] { one.clone() } else { json!(list) };
                ("data", json!({"abnormal_usage_data": one}))
            }
            Self::NumericCodes => {
                body["error_code"] = json!(94_060_999);
                ("data", json!({"abnormal_usage_data": list}))
            }
            Self::PaddedCodes => {
                body["error_code"] = json!(" 94060999 ");
                ("data", json!({"abnormal_usage_data": list}))
            }
            Self::CamelCase => {
                body = json!({"errorCode": self.code(), "errorMsg": "Failed"});
                ("data", json!({"abnormalUsageData": list}))
            }
            Self::EmptyList => ("data", json!({"abnormal_usage_data": []})),
            Self::NoList => return body,
            _ => ("data", json!({"abnormal_usage_data": list})),
        };
        body[name] = value;
        body
    }

    fn element(self, refused: &Refused) -> Value {
        let mut element = refused.element();
        match self {
            Self::NumericCodes => element["error_code"] = json!(refused.code.parse::<u32>().unwrap_or_default()),
            Self::PaddedCodes => element["error_code"] = json!(format!(" {} ", refused.code)),
            Self::CamelCase => {
                element = json!({
                    "meteringSn": refused.metering_sn,
                    "instanceId": refused.instance_id,
                    "errorCode": refused.code,
                    "errorMsg": refused.meaning(),
                });
            }
            Self::NoNames => element = json!({"error_code": refused.code, "error_msg": refused.meaning()}),
            Self::NoCodes => element["error_code"] = Value::Null,
            Self::Texts => element = json!(format!("record {} was refused", refused.metering_sn)),
            _ => {}
        }
        element
    }
}

impl fmt::Display for RefusalForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nested => "nested list",
            Self::Deep => "deeply nested list",
            Self::TopLevel => "list beside the code",
            Self::Data => "list as data",
            Self::OtherName => "list of another name",
            Self::OtherNameInData => "list of another name in data",
            Self::JsonText => "list in a text",
            Self::OneAsObject => "list of one as an object",
            Self::NumericCodes => "numeric codes",
            Self::PaddedCodes => "padded codes",
            Self::CamelCase => "names in camel case",
            Self::UnderSuccess => "list under a success",
            Self::NoNames => "elements without names",
            Self::NoCodes => "elements without codes",
            Self::Texts => "elements as texts",
            Self::EmptyList => "empty list",
            Self::NoList => "no list",
        })
    }
}
