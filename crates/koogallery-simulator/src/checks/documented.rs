//! The documented forms and values of every field of every message, in one table.
//!
//! A test compares the table with the library's: a field without a row, and a row without a field, fail it.

mod table;

use crate::charging::Charging;
use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use koogallery::wire::FieldSpec;
use table::ROWS;

/// What the documents say about a field's content.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// An id, an address or a secret, which the checker invents in its only form.
    Id,
    /// The time of the call, or another one in its only form.
    Time,
    /// Any text up to the documented length, such as this one.
    Text(&'static str),
    /// These forms, and no other.
    Forms(&'static [Form]),
    /// Comes and goes with another field, in whose forms it is included.
    With(&'static str),
    /// The forms are sent by another check.
    SentBy(&'static str),
}

/// One form of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) value: FormValue,
    pub(super) standing: Standing,
    pub(super) occasion: Occasion,
}

/// What stands in the field.
#[derive(Clone, Copy, Debug)]
pub(super) enum FormValue {
    /// The field is left out.
    Absent,
    Text(&'static str),
    /// A text of the documented length.
    Full,
    /// A text of so many characters.
    Characters(usize),
    Number(u32),
    /// An object, or the like.
    Json(&'static str),
    /// The order that created the instance.
    OwnOrder,
    /// An order that did not occur before.
    NewOrder,
    /// The time that the plain message has, in 14 digits.
    Seconds,
    /// The same in 17 digits.
    Milliseconds,
    /// A member of the first entry of a list.
    Entry(&'static str, &'static FormValue),
    /// The list as text that contains JSON.
    ListAsText,
}

/// Whether a form is documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Documented,
    /// Documented, and sent by another check.
    SentBy(&'static str),
    /// Likely, or documented elsewhere only: a refusal is worth a remark.
    Unverified,
    /// It means nothing, and must not be taken for something that does.
    Undocumented,
}

/// When a form is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Occasion {
    Always,
    /// For products that are charged for in one of these ways.
    Sold(&'static [Charging]),
    /// By a marketplace that makes this call too.
    Served(Activity),
    /// In tests.
    Test,
    /// In real calls.
    Real,
}

impl Form {
    const fn when(self, occasion: Occasion) -> Self {
        Self { occasion, ..self }
    }

    const fn sent_by(self, check: &'static str) -> Self {
        Self { standing: Standing::SentBy(check), ..self }
    }

    const fn unverified(self) -> Self {
        Self { standing: Standing::Unverified, ..self }
    }
}

const fn form(value: FormValue) -> Form {
    Form { value, standing: Standing::Documented, occasion: Occasion::Always }
}

const fn text(value: &'static str) -> Form {
    form(FormValue::Text(value))
}

const fn number(value: u32) -> Form {
    form(FormValue::Number(value))
}

const fn entry(member: &'static str, value: &'static FormValue) -> Form {
    form(FormValue::Entry(member, value))
}

const fn undocumented(value: FormValue) -> Form {
    Form { standing: Standing::Undocumented, ..form(value) }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) protocols: &'static [Protocol],
    pub(super) activities: &'static [Activity],
    pub(super) field: &'static str,
    pub(super) content: Content,
}

const fn row(
    protocols: &'static [Protocol],
    activities: &'static [Activity],
    field: &'static str,
    content: Content,
) -> Row {
    Row { protocols, activities, field, content }
}

/// Returns the rows of a message.
pub(super) fn rows(protocol: Protocol, activity: Activity) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.protocols.contains(&protocol) && row.activities.contains(&activity))
}

/// Returns the documented length of a field.
pub(super) fn max(protocol: Protocol, activity: Activity, field: &str) -> usize {
    let table: &[FieldSpec] = protocol.fields(activity).unwrap_or_default();
    table.iter().find(|spec| spec.name == field).map_or(0, |spec| spec.max)
}

/// Returns a typical value of an optional field of a purchase in V1.0.
pub(super) fn typical(name: &str) -> Option<&'static str> {
    match rows(Protocol::SaasV1, Activity::NewInstance).find(|row| row.field == name)?.content {
        Content::Text(text) => Some(text),
        Content::Forms(forms) => forms.iter().find_map(|form| match form.value {
            FormValue::Text(text) => Some(text),
            _ => None,
        }),
        // A list without entries, in Base64.
        Content::SentBy("L12") => Some("W10="),
        Content::SentBy("L9") => Some("1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::check::Check;

    /// A field that the library learns of must be sent in its forms.
    #[test]
    fn every_field_has_a_row_and_every_row_a_field() {
        for protocol in Protocol::ALL {
            for activity in protocol.activities() {
                let fields = protocol.fields(*activity).unwrap();
                let named: Vec<_> = rows(protocol, *activity).map(|row| row.field).collect();
                let unique: HashSet<_> = named.iter().collect();
                assert_eq!(unique.len(), named.len(), "{protocol} {activity}: a field has two rows");
                for spec in fields {
                    assert!(unique.contains(&spec.name), "{protocol} {activity} {}: no row", spec.name);
                }
                for name in named {
                    assert!(fields.iter().any(|spec| spec.name == name), "{protocol} {activity} {name}: no field");
                }
            }
        }
        for row in ROWS {
            for protocol in row.protocols {
                for activity in row.activities {
                    assert!(protocol.activities().contains(activity), "{protocol} {activity} {}", row.field);
                }
            }
        }
    }

    #[test]
    fn what_a_row_refers_to_exists() {
        for row in ROWS {
            for protocol in row.protocols {
                let checks = Check::of((*protocol).into());
                let assert_exists = |id: &str| {
                    assert!(checks.iter().any(|check| check.id == id), "{protocol} {}: {id}", row.field);
                };
                match row.content {
                    Content::SentBy(id) => assert_exists(id),
                    Content::With(other) => {
                        for activity in row.activities {
                            let mut rows = rows(*protocol, *activity);
                            assert!(rows.any(|row| row.field == other), "{protocol} {activity} {}", row.field);
                        }
                    }
                    Content::Forms(forms) => {
                        let is_known = forms.iter().any(|form| form.standing != Standing::Undocumented);
                        assert!(is_known, "{protocol} {}: nothing is documented", row.field);
                        for form in forms {
                            if let Standing::SentBy(id) = form.standing {
                                assert_exists(id);
                            }
                        }
                    }
                    Content::Text(example) => {
                        for activity in row.activities {
                            assert!(example.chars().count() <= max(*protocol, *activity, row.field), "{}", row.field);
                        }
                    }
                    Content::Id | Content::Time => {}
                }
            }
        }
    }

    /// Mandatory fields may not be left out, and values keep to the documented length.
    #[test]
    fn forms_fit_the_tables() {
        for row in ROWS {
            let Content::Forms(forms) = row.content else { continue };
            for (protocol, activity) in row.protocols.iter().flat_map(|p| row.activities.iter().map(move |a| (*p, *a)))
            {
                let fields = protocol.fields(activity).unwrap();
                let spec = fields.iter().find(|spec| spec.name == row.field).unwrap();
                for form in forms {
                    match form.value {
                        FormValue::Absent => assert!(!spec.mandatory, "{protocol} {activity} {}", row.field),
                        FormValue::Text(text) => {
                            assert!(text.chars().count() <= spec.max, "{protocol} {activity} {}: {text}", row.field);
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}
